//! Deterministic CBOR straight from our types, without a tree of values in between: records are written by the million.

use core::fmt::Display;
use core::ops::Range;

use serde::ser::{Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple, SerializeTupleStruct, Serializer};

/// The octets of a value; `None` if it has something that is left to the slower way: tags, numbers that are no integers, variants with content, arrays of unknown length.
pub(super) fn written(value: &impl Serialize) -> Option<Vec<u8>> {
    let mut octets = Writer(Vec::with_capacity(USUAL));
    value.serialize(&mut octets).ok().map(|()| octets.0)
}

struct Writer(Vec<u8>);

/// Something that is not written here.
#[derive(Debug, thiserror::Error)]
#[error("it is not written here")]
struct Unfit;

impl serde::ser::Error for Unfit {
    fn custom<T: Display>(_: T) -> Self {
        Self
    }
}

impl Writer {
    /// A major type with its argument, in the shortest form.
    fn head(&mut self, major: u8, argument: u64) {
        let octets = argument.to_be_bytes();
        let (short, size) = match argument {
            // Below 24, so that it fits the first octet.
            ..24 => (octets[7], 0),
            24..=0xff => (24, 1),
            0x100..=0xffff => (25, 2),
            0x1_0000..=0xffff_ffff => (26, 4),
            0x1_0000_0000.. => (27, 8),
        };
        self.0.push(major << 5 | short);
        self.0.extend_from_slice(&octets[8 - size..]);
    }

    fn items(&mut self, number: usize) -> Items<'_> {
        self.head(ARRAY, number as u64);
        Items { writer: self, left: number }
    }

    fn entries(&mut self, number: usize) -> Entries<'_> {
        self.head(MAP, number as u64);
        Entries { begin: self.0.len(), writer: self, entries: Vec::with_capacity(number), number, value: 0 }
    }
}

impl<'a> Serializer for &'a mut Writer {
    type Ok = ();
    type Error = Unfit;
    type SerializeSeq = Items<'a>;
    type SerializeTuple = Items<'a>;
    type SerializeTupleStruct = Items<'a>;
    type SerializeTupleVariant = Impossible<(), Unfit>;
    type SerializeMap = Entries<'a>;
    type SerializeStruct = Entries<'a>;
    type SerializeStructVariant = Impossible<(), Unfit>;

    fn is_human_readable(&self) -> bool {
        false
    }
    fn serialize_bool(self, value: bool) -> Result<(), Unfit> {
        self.head(SIMPLE, if value { TRUE } else { FALSE });
        Ok(())
    }
    fn serialize_i8(self, value: i8) -> Result<(), Unfit> {
        self.serialize_i64(value.into())
    }
    fn serialize_i16(self, value: i16) -> Result<(), Unfit> {
        self.serialize_i64(value.into())
    }
    fn serialize_i32(self, value: i32) -> Result<(), Unfit> {
        self.serialize_i64(value.into())
    }
    fn serialize_i64(self, value: i64) -> Result<(), Unfit> {
        // -1 is number 0 of the negative ones.
        let major = if value < 0 { NEGATIVE } else { NUMBER };
        self.head(major, if value < 0 { !value } else { value }.cast_unsigned());
        Ok(())
    }
    fn serialize_u8(self, value: u8) -> Result<(), Unfit> {
        self.serialize_u64(value.into())
    }
    fn serialize_u16(self, value: u16) -> Result<(), Unfit> {
        self.serialize_u64(value.into())
    }
    fn serialize_u32(self, value: u32) -> Result<(), Unfit> {
        self.serialize_u64(value.into())
    }
    fn serialize_u64(self, value: u64) -> Result<(), Unfit> {
        self.head(NUMBER, value);
        Ok(())
    }
    fn serialize_f32(self, _: f32) -> Result<(), Unfit> {
        Err(Unfit)
    }
    fn serialize_f64(self, _: f64) -> Result<(), Unfit> {
        Err(Unfit)
    }
    fn serialize_char(self, value: char) -> Result<(), Unfit> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }
    fn serialize_str(self, value: &str) -> Result<(), Unfit> {
        self.head(TEXT, value.len() as u64);
        self.0.extend_from_slice(value.as_bytes());
        Ok(())
    }
    fn serialize_bytes(self, value: &[u8]) -> Result<(), Unfit> {
        self.head(BYTES, value.len() as u64);
        self.0.extend_from_slice(value);
        Ok(())
    }
    fn serialize_none(self) -> Result<(), Unfit> {
        self.serialize_unit()
    }
    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<(), Unfit> {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Result<(), Unfit> {
        self.head(SIMPLE, NULL);
        Ok(())
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Unfit> {
        self.serialize_unit()
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Result<(), Unfit> {
        self.serialize_str(name)
    }
    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, _: &'static str, value: &T) -> Result<(), Unfit> {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: ?Sized + Serialize>(self, _: &'static str, _: u32, _: &'static str, _: &T) -> Result<(), Unfit> {
        Err(Unfit)
    }
    fn serialize_seq(self, number: Option<usize>) -> Result<Items<'a>, Unfit> {
        number.map(|number| self.items(number)).ok_or(Unfit)
    }
    fn serialize_tuple(self, number: usize) -> Result<Items<'a>, Unfit> {
        Ok(self.items(number))
    }
    fn serialize_tuple_struct(self, _: &'static str, number: usize) -> Result<Items<'a>, Unfit> {
        Ok(self.items(number))
    }
    fn serialize_tuple_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Impossible<(), Unfit>, Unfit> {
        Err(Unfit)
    }
    fn serialize_map(self, number: Option<usize>) -> Result<Entries<'a>, Unfit> {
        number.map(|number| self.entries(number)).ok_or(Unfit)
    }
    fn serialize_struct(self, _: &'static str, number: usize) -> Result<Entries<'a>, Unfit> {
        Ok(self.entries(number))
    }
    fn serialize_struct_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Impossible<(), Unfit>, Unfit> {
        Err(Unfit)
    }
}

/// An array whose head is written.
struct Items<'a> {
    writer: &'a mut Writer,
    left: usize,
}

impl SerializeSeq for Items<'_> {
    type Ok = ();
    type Error = Unfit;
    fn serialize_element<T: ?Sized + Serialize>(&mut self, item: &T) -> Result<(), Unfit> {
        self.left = self.left.checked_sub(1).ok_or(Unfit)?;
        item.serialize(&mut *self.writer)
    }
    fn end(self) -> Result<(), Unfit> {
        if self.left == 0 { Ok(()) } else { Err(Unfit) }
    }
}

impl SerializeTuple for Items<'_> {
    type Ok = ();
    type Error = Unfit;
    fn serialize_element<T: ?Sized + Serialize>(&mut self, item: &T) -> Result<(), Unfit> {
        SerializeSeq::serialize_element(self, item)
    }
    fn end(self) -> Result<(), Unfit> {
        SerializeSeq::end(self)
    }
}

impl SerializeTupleStruct for Items<'_> {
    type Ok = ();
    type Error = Unfit;
    fn serialize_field<T: ?Sized + Serialize>(&mut self, item: &T) -> Result<(), Unfit> {
        SerializeSeq::serialize_element(self, item)
    }
    fn end(self) -> Result<(), Unfit> {
        SerializeSeq::end(self)
    }
}

/// A map whose head is written. Its entries are put in order at its end.
struct Entries<'a> {
    writer: &'a mut Writer,
    /// Where the first entry begins.
    begin: usize,
    /// Where each key is, and where its value ends.
    entries: Vec<(Range<usize>, usize)>,
    number: usize,
    /// Where the value of the newest key begins.
    value: usize,
}

impl SerializeMap for Entries<'_> {
    type Ok = ();
    type Error = Unfit;
    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), Unfit> {
        let begin = self.writer.0.len();
        key.serialize(&mut *self.writer)?;
        self.value = self.writer.0.len();
        self.entries.push((begin..self.value, self.value));
        Ok(())
    }
    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Unfit> {
        value.serialize(&mut *self.writer)?;
        self.entries.last_mut().ok_or(Unfit)?.1 = self.writer.0.len();
        Ok(())
    }
    fn end(mut self) -> Result<(), Unfit> {
        if self.entries.len() != self.number {
            return Err(Unfit);
        }
        let octets = &self.writer.0;
        let key = |(key, _): &(Range<usize>, usize)| &octets[key.clone()];
        if !self.entries.is_sorted_by_key(key) {
            self.entries.sort_by(|a, b| key(a).cmp(key(b)));
            let sorted: Vec<&[u8]> = self.entries.iter().map(|(key, end)| &octets[key.start..*end]).collect();
            let sorted = sorted.concat();
            self.writer.0.truncate(self.begin);
            self.writer.0.extend_from_slice(&sorted);
        }
        Ok(())
    }
}

impl SerializeStruct for Entries<'_> {
    type Ok = ();
    type Error = Unfit;
    fn serialize_field<T: ?Sized + Serialize>(&mut self, name: &'static str, value: &T) -> Result<(), Unfit> {
        SerializeMap::serialize_key(self, name)?;
        SerializeMap::serialize_value(self, value)
    }
    fn end(self) -> Result<(), Unfit> {
        SerializeMap::end(self)
    }
}

const NUMBER: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const SIMPLE: u8 = 7;

const FALSE: u64 = 20;
const TRUE: u64 = 21;
const NULL: u64 = 22;

/// Room for a record without much to say.
const USUAL: usize = 768;
