//! Object identifiers of others' making: their arcs may be as large as a UUID (2.25), and there may be few of them.

use der::{DecodeValue, EncodeValue, ErrorKind, FixedTag, Header, Length, Reader, Tag, Writer};

/// An OBJECT IDENTIFIER's content octets, well-formed (X.690, section 8.19).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Oid(Vec<u8>);

impl Oid {
    /// From dotted decimal numbers; none if they are none.
    pub(super) fn from_dotted(text: &str) -> Option<Self> {
        let arcs = text.split('.').map(|arc| arc.parse::<u128>().ok().filter(|number| number.to_string() == arc)).collect::<Option<Vec<_>>>()?;
        let [first @ 0..=2, second, rest @ ..] = arcs.as_slice() else { return None };
        if *first < 2 && *second > 39 {
            return None;
        }
        let mut octets = Vec::new();
        for arc in core::iter::once((first * 40).checked_add(*second)?).chain(rest.iter().copied()) {
            let groups = (128 - (arc | 1).leading_zeros()).div_ceil(7);
            let group = |index: u32| (arc >> (index * 7)) as u8 & 0x7f | if index > 0 { MORE } else { 0 };
            octets.extend((0..groups).rev().map(group));
        }
        Some(Self(octets))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The arcs; none if they are not well-formed.
    fn arcs(octets: &[u8]) -> Option<Vec<u128>> {
        let (mut arcs, mut current, mut open) = (Vec::new(), 0u128, false);
        for octet in octets {
            // Not minimal, or larger than anything that is in use.
            if (!open && *octet == MORE) || current >> 121 != 0 {
                return None;
            }
            current = current << 7 | u128::from(octet & 0x7f);
            open = octet & MORE != 0;
            if !open {
                arcs.push(core::mem::take(&mut current));
            }
        }
        let first = *arcs.first().filter(|_| !open)?;
        let root = (first / 40).min(2);
        arcs.insert(0, root);
        arcs[1] = first - root * 40;
        Some(arcs)
    }
}

impl core::fmt::Display for Oid {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let arcs = Self::arcs(&self.0).unwrap_or_default();
        f.write_str(&arcs.iter().map(u128::to_string).collect::<Vec<_>>().join("."))
    }
}

impl FixedTag for Oid {
    const TAG: Tag = Tag::ObjectIdentifier;
}

impl<'a> DecodeValue<'a> for Oid {
    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        let octets = reader.read_slice(header.length)?;
        match Self::arcs(octets) {
            Some(_) => Ok(Self(octets.to_vec())),
            None => Err(ErrorKind::Value { tag: Self::TAG }.into()),
        }
    }
}

impl EncodeValue for Oid {
    fn value_len(&self) -> der::Result<Length> {
        self.0.len().try_into()
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        writer.write(&self.0)
    }
}

const MORE: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::element;
    use der::Decode as _;

    #[test]
    fn identifiers_of_any_size_come_back() {
        for text in ["0.0", "1.2", "1.2.3", "2.999.1", "1.3.6.1.5.5.999.0.0", "2.25.340282366920938463463374607431768211455", "2.100.3"] {
            let oid = Oid::from_dotted(text).unwrap();
            assert_eq!(oid.to_string(), text);
            assert_eq!(Oid::from_der(&element(0x06, oid.as_bytes())), Ok(oid));
        }
        assert_eq!(Oid::from_dotted("1.3.6.1.5.5.999").unwrap().as_bytes(), const_oid::ObjectIdentifier::new_unwrap("1.3.6.1.5.5.999").as_bytes());
    }

    #[test]
    fn what_is_not_minimal_cut_short_or_endless_is_refused() {
        for octets in [
            &[][..],
            &[0x80, 1],
            &[0x2a, 0x80, 1],
            &[0x2a, 0x81],
            &[0xff; 19],
            &[0x2a, 0x84, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0],
        ] {
            assert!(Oid::from_der(&element(0x06, octets)).is_err(), "{octets:?}");
        }
    }

    #[test]
    fn text_that_is_no_identifier_is_none() {
        for text in ["", "1", "3.1", "1.40", "1.2.", "1.2.03", "1.2.x", "1.+2", "2.340282366920938463463374607431768211455"] {
            assert_eq!(Oid::from_dotted(text), None, "{text}");
        }
    }
}
