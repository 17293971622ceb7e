use std::collections::BTreeMap;

use serde_json::Value;

use super::*;
use crate::provenance::{Method, Protection, Source, Transfer};
use crate::voucher::Assertion;
use crate::voucher::encoded::Choice;

const MODULE: &str = include_str!("../../../yang/brski-key-provenance@2026-11-23.yang");
const SID_FILE: &str = include_str!("../../../yang/brski-key-provenance@2026-11-23.sid");

/// The words that follow this keyword at the beginning of a line.
fn after<'a>(keyword: &'a str, text: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| line.trim_start().strip_prefix(keyword)?.strip_suffix(" {"))
}

/// Names and values of the enumeration that is this leaf's type.
fn enumeration(leaf: &str) -> Vec<(&'static str, u64)> {
    let body = MODULE.split_once(&format!("    leaf {leaf} {{")).unwrap().1.split("    leaf").next().unwrap();
    let values = body.lines().filter_map(|line| line.trim().strip_prefix("value ")?.strip_suffix(';')?.parse().ok());
    after("enum ", body).zip(values).collect()
}

fn table(choices: &[impl Choice]) -> Vec<(&'static str, u64)> {
    choices.iter().map(|choice| (choice.word(), u64::from(choice.value()))).collect()
}

#[test]
fn yang_module_is_named_after_the_extension_and_has_its_leaves_in_order() {
    assert_eq!(MODULE.lines().next(), Some(format!("module {EXTENSION_NAME} {{").as_str()));
    let leaves: Vec<_> = after("leaf ", MODULE).chain(after("leaf-list ", MODULE)).collect();
    assert_eq!(leaves, PROVENANCE.leaves.iter().map(|(leaf, _)| *leaf).collect::<Vec<_>>());
}

#[test]
fn yang_module_has_the_words_and_numbers_of_the_taxonomy() {
    assert_eq!(enumeration("method"), table(Method::ALL));
    assert_eq!(enumeration("transfer"), table(Transfer::ALL));
    assert_eq!(enumeration("source"), table(Source::ALL));
    assert_eq!(enumeration("protection"), table(Protection::ALL));
}

#[test]
fn sid_file_has_exactly_the_sids_of_the_table() {
    let file: Value = serde_json::from_str(SID_FILE).unwrap();
    let file = &file["ietf-sid-file:sid-file"];
    assert_eq!(file["module-name"], EXTENSION_NAME);
    let items = file["item"].as_array().unwrap().iter();
    let listed: BTreeMap<&str, u64> = items.map(|item| (item["identifier"].as_str().unwrap(), item["sid"].as_str().unwrap().parse().unwrap())).collect();
    let structure = "/brski-key-provenance:key-provenance";
    let mut expected: BTreeMap<String, u64> = PROVENANCE.leaves.iter().map(|(leaf, delta)| (format!("{structure}/{leaf}"), EXTENSION_SID + delta)).collect();
    expected.insert(EXTENSION_NAME.to_owned(), EXTENSION_SID);
    // The structure's own SID is never written, and must not be one of a leaf.
    expected.insert(structure.to_owned(), 60111);
    assert_eq!(listed, expected.iter().map(|(identifier, sid)| (identifier.as_str(), *sid)).collect());
}

#[test]
fn every_leaf_is_found_by_name_and_by_sid_and_no_sid_is_used_twice() {
    for container in [&VOUCHER, &REQUEST, &PROVENANCE] {
        for (leaf, delta) in container.leaves {
            assert_eq!(container.leaf_named(leaf), Some(*leaf));
            assert_eq!(container.leaf_numbered(container.sid + delta), Some(*leaf));
            assert_eq!(container.delta_of(leaf), Some(*delta));
        }
        assert_eq!(container.leaf_numbered(container.sid), None);
        assert_eq!(container.leaf_numbered(container.sid - 1), None);
    }
}

#[test]
fn errors_list_every_word_and_number_of_an_enumeration() {
    fn check<C: Choice>(choices: &[C]) {
        let words: Vec<_> = choices.iter().map(|choice| choice.word()).collect();
        assert_eq!(C::WORDS, format!("one of {}", words.join(", ")));
        let numbers: Vec<_> = choices.iter().map(|choice| format!("{} {}", choice.value(), choice.word())).collect();
        assert_eq!(C::NUMBERS, format!("an integer in CBOR and no word: {}", numbers.join(", ")));
    }
    check(&Assertion::ALL);
    check(Method::ALL);
    check(Transfer::ALL);
    check(Source::ALL);
    check(Protection::ALL);
}
