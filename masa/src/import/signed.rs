//! What stations have signed, piece by piece and unread: for whoever keeps it or passes it on.

use std::io::Read;

use serde::de::IgnoredAny;

use super::open::kind::{self, Kind};
use super::outcome::Failure;
use super::source::{self, Item};

/// A signed report or batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignedItem {
    /// A JWS: one line, without its end.
    Line(Vec<u8>),
    /// A COSE_Sign1 message.
    Message(Vec<u8>),
}

/// Every signed report or batch of an input, octet for octet, with its line, or its place in a sequence of messages. Nothing is verified. What bears no signature is a failure in
/// its place, and so is what cannot be read. Memory does not grow with the input: nothing is longer than [`LONGEST_LINE`](super::LONGEST_LINE) octets.
pub fn signed_items(input: impl Read) -> impl Iterator<Item = (u64, Result<SignedItem, Failure>)> {
    let mut ended = false;
    source::items(input).map_while(move |(number, item)| {
        let ended_before = ended;
        // One sentence for a CSV is enough.
        ended = matches!(item, Item::Header(_));
        (!ended_before).then(|| (number, signed(item)))
    })
}

fn signed(item: Item) -> Result<SignedItem, Failure> {
    match item {
        Item::Message(message) => Ok(SignedItem::Message(message)),
        Item::Fault(failure) => Err(failure),
        Item::Header(_) | Item::Row(_) => Err(Failure::new(format!("a CSV bears no signature of a station; {SIGN}"))),
        Item::Element(_) => Err(Failure::new(format!("a manifest {VENDOR_S}"))),
        Item::Line(line) if core::str::from_utf8(&line).is_err() => Err(Failure::new("the line is not UTF-8")),
        Item::Line(line) if line.trim_ascii_start().first() != Some(&b'{') || serde_json::from_slice::<IgnoredAny>(&line).is_err() => {
            Err(Failure::new("what stands here is neither a JWS nor a COSE message"))
        }
        Item::Line(line) => match kind::of(&line) {
            Kind::Report | Kind::Batch => Ok(SignedItem::Line(line)),
            Kind::Delivery => Err(Failure::new(format!("a delivery list {VENDOR_S}"))),
            Kind::Unsigned => Err(Failure::new(format!("it bears no signature of a station; {SIGN}"))),
        },
    }
}

const VENDOR_S: &str = "bears no signature of a station; `brski-masa record` imports it, where the station's key is";

const SIGN: &str = "sign rows with `brski-masa report --rows`, where the station's key is";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &[u8]) -> Vec<(u64, Result<SignedItem, &'static str>)> {
        let brief = |failure: Failure| match failure.cause {
            cause if cause.contains("sign rows with `brski-masa report --rows`") => "unsigned",
            _ => "unreadable",
        };
        signed_items(input).map(|(number, item)| (number, item.map_err(brief))).collect()
    }

    #[test]
    fn lines_and_messages_come_as_they_are() {
        let line = br#"{"payload":"","signatures":[]}"#;
        assert_eq!(read(&[line, &b"\n\n"[..], line].concat()), [1, 3].map(|number| (number, Ok(SignedItem::Line(line.to_vec())))));
        let message = b"\xd2\x84\x40\xa0\x41\x00\x40";
        assert_eq!(read(&message.repeat(2)), [1, 2].map(|number| (number, Ok(SignedItem::Message(message.to_vec())))));
    }

    #[test]
    fn what_bears_no_signature_is_told_in_its_place() {
        let input = b"{\"idevid\":\"\"}\n{\"payload\":\"\",\"signature\":\"\"}\nnot a report\n\xff\n";
        let found: Vec<_> = read(input).into_iter().map(|(number, item)| (number, item.err())).collect();
        assert_eq!(found, [(1, Some("unsigned")), (2, None), (3, Some("unreadable")), (4, Some("unreadable"))]);
    }

    #[test]
    fn csv_is_told_once() {
        assert_eq!(read(b"idevid,lock\na,fuse\nb,fuse\n"), [(1, Err("unsigned"))]);
    }

    #[test]
    fn message_that_ends_too_early_is_told_and_nothing_of_it_is_given() {
        let found = read(b"\xd2\x84\x40\xa0\x41\x00\x40\xd2\x84\x40");
        assert_eq!((found.len(), found[0].1.is_ok(), &found[1]), (2, true, &(2, Err("unreadable"))));
    }
}
