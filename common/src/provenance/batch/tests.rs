//! Batches in both envelopes, and rows of JSON.

use super::*;
use crate::provenance::KeyOrigin;
use crate::provenance::testing::{any_device, full_origin};

fn report() -> ManufactureReport {
    ManufactureReport { idevid: any_device(), origin: Some(full_origin()) }
}

fn decode(text: &str) -> Result<ManufactureBatch, DecodeError> {
    ManufactureBatch::decode(text.as_bytes(), Format::Jws, &Reading::default())
}

fn fault(change: impl FnOnce(&mut serde_json::Value)) -> RowError {
    let mut json: serde_json::Value = serde_json::from_str(&report().to_json().unwrap()).unwrap();
    change(&mut json);
    RowReader::jsonl().read(&json.to_string()).unwrap_err()
}

#[test]
fn batch_survives_both_envelopes() {
    let reports = [report(), ManufactureReport { idevid: any_device(), origin: None }];
    let batch = ManufactureBatch::of_reports(&reports).unwrap();
    for format in [Format::Jws, Format::Cose] {
        let read = ManufactureBatch::decode(&batch.encode(format).unwrap(), format, &Reading::default()).unwrap();
        let rows: Vec<ManufactureReport> = read.rows().map(|(_, row)| read.reader().read(&read.text()[row]).unwrap()).collect();
        assert_eq!(rows, reports);
    }
}

#[test]
fn rows_are_numbered_without_header_and_blank_lines() {
    let batch = decode("{\"version\":1,\"rows\":\"csv\"}\n\nidevid,lock\r\na,b\r\n\n \nc,d").unwrap();
    let rows: Vec<(u64, &str)> = batch.rows().map(|(number, row)| (number, &batch.text()[row])).collect();
    assert_eq!(rows, [(1, "a,b"), (2, "c,d")]);
}

#[test]
fn line_of_other_spaces_than_ascii_s_is_a_row() {
    let batch = decode("{\"version\":1,\"rows\":\"jsonl\"}\na\n\u{a0}\nb").unwrap();
    assert_eq!(batch.rows().map(|(number, row)| (number, &batch.text()[row])).last(), Some((3, "b")));
}

#[test]
fn first_line_says_version_and_form() {
    assert!(matches!(decode(""), Err(DecodeError::Syntax { .. })));
    assert!(matches!(decode("{\"version\":2,\"rows\":\"csv\"}\n"), Err(DecodeError::Unexpected { .. })));
    assert!(matches!(decode("{\"version\":1,\"rows\":\"xml\"}\n"), Err(DecodeError::Syntax { .. })));
    assert_eq!(decode("{\"version\":1,\"rows\":\"jsonl\"}").unwrap().rows().count(), 0);
}

#[test]
fn batch_over_the_limit_is_refused() {
    let rows = " ".repeat(ManufactureBatch::LARGEST + 1);
    assert!(matches!(ManufactureBatch::new(RowForm::Jsonl, rows), Err(DecodeError::TooLarge { .. })));
}

#[test]
fn batch_with_columns_that_nobody_knows_is_refused_by_their_names() {
    let refused = decode("{\"version\":1,\"rows\":\"csv\"}\nidevid,methd,lok\n").unwrap_err().to_string();
    assert!(refused.contains("methd: is no column") && refused.contains("lok: is no column"), "{refused}");
}

#[test]
fn batch_that_is_no_text_is_refused() {
    let refused = ManufactureBatch::decode(b"{\"version\":1,\"rows\":\"csv\"}\nidevid\n\xff", Format::Cose, &Reading::default());
    assert!(matches!(refused, Err(DecodeError::Syntax { syntax: "UTF-8", .. })));
}

#[test]
fn fault_of_a_member_is_told_with_its_path() {
    assert_eq!(fault(|json| json["version"] = 2.into()), RowError::of("version", "must be 1"));
    assert_eq!(fault(|json| json["idevid"] = "%".into()).field.as_deref(), Some("idevid"));
    assert_eq!(fault(|json| json["origin"]["batch"] = 7.into()), RowError::of("origin.batch", "must be a string"));
    assert_eq!(fault(|json| json["origin"]["answers"]["pki-level"] = "two".into()).field.as_deref(), Some("origin.answers.pki-level"));
    assert_eq!(fault(|json| drop(json.as_object_mut().unwrap().remove("idevid"))), RowError::of("idevid", "is missing"));
    assert_eq!(fault(|json| drop(json["origin"].as_object_mut().unwrap().remove("basis"))), RowError::of("origin.basis", "is missing"));
}

#[test]
fn unknown_member_is_told_with_the_nearest_one() {
    let expected = RowError::of("origin.methd", "is no member that is known here; the nearest is method");
    assert_eq!(fault(|json| json["origin"]["methd"] = "avocado".into()), expected);
}

#[test]
fn members_of_a_split_secret_are_refused_without_their_values() {
    for name in ["k", "shares", "key-executives"] {
        let fault = fault(|json| json["origin"]["answers"][name] = 987_654.into());
        assert_eq!(fault.field.as_deref(), Some(format!("origin.answers.{name}").as_str()));
        assert!(fault.cause.contains("taxonomy, section 5.3.1") && !fault.to_string().contains("987654"), "{fault}");
    }
    let fault = fault(|json| json["origin"]["co-generation"]["threshold"] = "987 of 654".into());
    assert!(fault.field.as_deref() == Some("origin.co-generation.threshold") && !fault.to_string().contains("987"), "{fault}");
}

#[test]
fn row_that_is_no_json_says_so() {
    let fault = |row: &str| RowReader::jsonl().read(row).unwrap_err();
    assert_eq!(fault("nonsense").field, None);
    assert!(fault("nonsense").cause.starts_with("it is no JSON object"), "{}", fault("nonsense"));
    let twice = format!("{} {{}}", report().to_json().unwrap());
    assert!(fault(&twice).cause.starts_with("it is no JSON object"), "{}", fault(&twice));
}

#[test]
fn repeated_facts_need_not_fit_one_line_form() {
    let reports = [ManufactureReport { idevid: any_device(), origin: Some(KeyOrigin { site: Some("a\u{2028}b".parse().unwrap()), ..full_origin() }) }];
    let batch = ManufactureBatch::of_reports(&reports).unwrap();
    assert_eq!(batch.rows().count(), 1);
}
