//! What is made to cost much: it ends soon, and with few lines.

use std::collections::BTreeMap;

use serde_json::json;

use super::artefacts::{World, sealed};
use super::*;
use crate::codec::{base64, hex};
use crate::envelope::Format;

/// Lines of its text, each of which is bounded.
fn lines(octets: &[u8]) -> usize {
    let text = inspect(octets, &plain()).to_string();
    assert!(text.lines().all(|line| line.chars().count() <= 2 * crate::text::LONGEST_LINE), "a line is too long");
    text.lines().count()
}

#[test]
fn leaves_beyond_a_number_are_counted_and_not_shown() {
    let leaves: BTreeMap<String, u32> = (0..20_000).map(|number| (format!("leaf-{number}"), number)).collect();
    let shown = inspect(json!({ "ietf-voucher:voucher": leaves }).to_string().as_bytes(), &plain());
    assert_eq!((shown.leaves.len(), shown.left_out), (MOST_LEAVES, 20_000 - MOST_LEAVES));
    assert!(shown.to_string().contains("and 19488 more"));
}

#[test]
fn text_has_at_most_4001_lines_and_says_how_many_are_left_out() {
    let line = json!({ "ietf-voucher:voucher": (0..30).map(|number| (format!("leaf-{number}"), number)).collect::<BTreeMap<_, _>>() }).to_string();
    let text = inspect([line.as_str(); 200].join("\n").as_bytes(), &plain()).to_string();
    assert_eq!(text.lines().count(), 4001);
    assert!(text.ends_with("lines more are not shown)"), "{}", &text[text.len() - 80..]);
}

#[test]
fn counts_that_promise_more_than_there_is_cost_nothing() {
    for first in [0x5b, 0x7b, 0x9b, 0xbb] {
        let huge = [&[first][..], &[0x7f, 255, 255, 255, 255, 255, 255, 255], &[0xa0]].concat();
        assert!(lines(&huge) < 10);
    }
    assert!(lines(&[0x30, 0x84, 255, 255, 255, 255, 2, 1, 1]) < 10);
}

#[test]
fn encodings_within_encodings_end() {
    let deep = (0..9).fold(b"hello, world".to_vec(), |inner, level| if level % 2 == 0 { hex(&inner).into_bytes() } else { base64(&inner).into_bytes() });
    assert!(lines(&deep) < 10);
    // Digits of digits are base64 of something at every layer.
    assert!(lines("3".repeat(1 << 18).as_bytes()) < 10);
    assert!(lines("-----BEGIN A-----\n-----END A-----\n".repeat(20_000).as_bytes()) < 4002);
}

#[test]
fn no_more_than_a_number_of_nested_artefacts_are_looked_at_in_all() {
    let world = World::new();
    let report = sealed(&world.registrar(), &world.rvr(Format::Jws), Format::Jws);
    let text = vec![core::str::from_utf8(report.wire()).unwrap(); 256].join("\n");
    let shown = inspect(text.as_bytes(), &plain());
    fn count(inspection: &Inspection) -> usize {
        inspection.nested.iter().map(|nested| 1 + count(&nested.inspection)).sum()
    }
    assert!(count(&shown) <= MOST_NESTED + 2 * 256 && shown.notes.iter().any(|note| note.contains("were not looked at")), "{}", count(&shown));
}
