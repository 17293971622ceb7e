//! JSON from outside, read so that two readers of the same octets cannot see different things: a member that occurs twice is refused instead of overwritten.

use core::cell::RefCell;
use core::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::error::DecodeError;
use crate::text::printable;

/// Reads one JSON value of at most `limit` octets and nothing after it.
///
/// Nesting is bounded by serde_json, at 128 levels.
///
/// # Errors
/// [`DecodeError`] naming `artefact` if it is too large, no JSON, or has an object with the same member twice.
pub(crate) fn read(artefact: &'static str, octets: &[u8], limit: usize) -> Result<Value, DecodeError> {
    if octets.len() > limit {
        return Err(DecodeError::TooLarge { what: artefact, limit });
    }
    let doubled = RefCell::new(None);
    let mut reader = serde_json::Deserializer::from_slice(octets);
    let value = Strict { doubled: &doubled }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    match (value, doubled.into_inner()) {
        (_, Some(field)) => Err(DecodeError::DuplicateField { field, artefact }),
        (Ok(value), None) => Ok(value),
        (Err(err), None) => Err(DecodeError::syntax(artefact, "JSON", err)),
    }
}

/// As [`read`], for an artefact that must be an object.
///
/// # Errors
/// As [`read`], and [`DecodeError::InvalidField`] for any other kind of value.
pub(crate) fn read_object(artefact: &'static str, octets: &[u8], limit: usize) -> Result<Map<String, Value>, DecodeError> {
    match read(artefact, octets, limit)? {
        Value::Object(members) => Ok(members),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(DecodeError::InvalidField { field: artefact, expected: "a JSON object" })
        }
    }
}

/// Builds a [`Value`], and notes the first member that was met twice: serde's own errors could only carry it as text.
#[derive(Clone, Copy)]
struct Strict<'a> {
    doubled: &'a RefCell<Option<String>>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(element) = elements.next_element_seed(self)? {
            array.push(element);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                *self.doubled.borrow_mut() = Some(printable(&name, 64));
                return Err(A::Error::custom("a member occurs twice"));
            }
            object.insert(name, members.next_value_seed(self)?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_is_what_serde_json_itself_reads() {
        let text = br#" {"a": [1, -2, 3.5, true, null, "x\/y"], "b": {"c": {}}} "#;
        assert_eq!(read("test", text, 1000).unwrap(), serde_json::from_slice::<Value>(text).unwrap());
    }

    #[test]
    fn member_doubled_at_any_depth_is_refused() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"x":[{"y":{"a":1,"b":2,"\u0061":3}}]}"#] {
            let doubled = DecodeError::DuplicateField { field: "a".to_owned(), artefact: "test" };
            assert_eq!(read("test", text.as_bytes(), 1000).unwrap_err(), doubled);
        }
    }

    #[test]
    fn endless_nesting_is_an_error_and_no_overflow() {
        let deep = "[".repeat(100_000);
        assert!(matches!(read("test", deep.as_bytes(), 1_000_000), Err(DecodeError::Syntax { .. })));
    }

    #[test]
    fn octets_after_the_value_are_refused() {
        assert!(matches!(read("test", b"{} {}", 1000), Err(DecodeError::Syntax { .. })));
    }

    #[test]
    fn size_is_bounded() {
        assert_eq!(read("test", b"[1, 2]", 5).unwrap_err(), DecodeError::TooLarge { what: "test", limit: 5 });
        assert!(read("test", b"[1, 2]", 6).is_ok());
    }
}
