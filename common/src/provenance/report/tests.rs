use super::*;
use crate::provenance::testing::{any_device, full_origin};

#[test]
fn report_survives_json() {
    for origin in [None, Some(full_origin())] {
        let report = ManufactureReport { idevid: any_device(), origin };
        let octets = report.encode(Format::Jws).unwrap();
        assert_eq!(ManufactureReport::decode(&octets, Format::Jws, &crate::leniency::Reading::default()).unwrap(), report);
    }
}

fn changed(change: impl FnOnce(&mut serde_json::Value)) -> Result<ManufactureReport, DecodeError> {
    let report = ManufactureReport { idevid: any_device(), origin: Some(full_origin()) };
    let mut json: serde_json::Value = serde_json::from_slice(&report.encode(Format::Jws).unwrap()).unwrap();
    change(&mut json);
    ManufactureReport::decode(json.to_string().as_bytes(), Format::Jws, &crate::leniency::Reading::default())
}

#[test]
fn unknown_member_is_refused() {
    assert!(changed(|json| json["extra"] = 1.into()).is_err());
    assert!(changed(|json| json["origin"]["extra"] = 1.into()).is_err());
}

#[test]
fn report_of_another_version_is_refused() {
    assert!(matches!(changed(|json| json["version"] = 2.into()), Err(DecodeError::Unexpected { .. })));
}

#[test]
fn date_without_offset_is_refused() {
    assert!(changed(|json| json["origin"]["made-at"] = "2026-01-31T12:00:00".into()).is_err());
}

#[test]
fn text_over_the_limit_is_refused() {
    assert!(changed(|json| json["origin"]["site"] = "x".repeat(201).into()).is_err());
}

#[test]
fn doubled_member_is_refused() {
    let json = br#"{"version": 1, "version": 1, "idevid": ""}"#;
    assert!(matches!(
        ManufactureReport::decode(json, Format::Jws, &crate::leniency::Reading::default()),
        Err(DecodeError::Syntax { .. } | DecodeError::Member { .. })
    ));
}

#[test]
fn oversized_report_is_refused() {
    let octets = vec![b' '; 256 * 1024 + 1];
    assert!(matches!(ManufactureReport::decode(&octets, Format::Jws, &crate::leniency::Reading::default()), Err(DecodeError::TooLarge { .. })));
}

#[test]
fn report_has_no_form_but_jws() {
    let report = ManufactureReport { idevid: any_device(), origin: None };
    assert!(report.encode(Format::Cose).is_err());
}
