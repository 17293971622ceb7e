use super::*;
use crate::provenance::Method;
use crate::provenance::testing::{any_device, full_origin, origin};

#[test]
fn digest_survives_its_text_form() {
    let digest = RecordDigest([0xa7; 32]);
    assert_eq!(digest.to_string(), "a7".repeat(32));
    assert_eq!(RecordDigest::try_from(digest.to_string()).unwrap(), digest);
    assert!(RecordDigest::try_from("a7".repeat(31)).is_err());
    assert!(RecordDigest::try_from("zz".repeat(32)).is_err());
}

/// Ledgers hold digests of this text: whoever changes it makes every report that is sent again a contradiction.
#[test]
fn report_is_digested_in_the_form_in_which_ledgers_know_it() {
    let report = ManufactureReport { idevid: any_device(), origin: Some(origin(Method::Avocado)) };
    let (idevid, made_at) = (codec::base64(report.idevid.certificate().der()), crate::time::to_rfc3339(origin(Method::Avocado).made_at));
    let text = format!(
        concat!(
            r#"{{"version":1,"idevid":"{}","origin":{{"method":"avocado","source":"generated-on-device","protection":"non-extractable","locus":"tee","#,
            r#""lock":"unknown","certificate-transfer":"unknown","private-transfer":"none","basis":"station-signed","made-at":"{}","split":"unstated"}}}}"#
        ),
        idevid, made_at
    );
    assert_eq!(ReportDigest::of(&report).unwrap().0, codec::sha256(text.as_bytes()));
}

#[test]
fn members_of_a_report_keep_their_order() {
    let report = ManufactureReport { idevid: any_device(), origin: Some(full_origin()) };
    let text = String::from_utf8(report.encode(Format::Jws).unwrap()).unwrap();
    let members = [
        "method",
        "source",
        "protection",
        "locus",
        "lock",
        "certificate-transfer",
        "private-transfer",
        "transfer-encrypted",
        "silicon-vendor",
        "seed",
        "co-generation",
        "rng",
        "key-retained",
        "basis",
        "site",
        "line",
        "station",
        "batch",
        "made-at",
        "pkcs11",
        "fips",
        "evidence",
        "answers",
        "split",
        "trust-anchors",
        "disclosure",
    ];
    let order = members.map(|member| text.find(&format!("\"{member}\":")).unwrap());
    assert!(order.is_sorted(), "{text}");
}

#[test]
fn every_fact_of_a_report_changes_its_digest() {
    let report = ManufactureReport { idevid: any_device(), origin: Some(full_origin()) };
    let other = ManufactureReport { origin: Some(crate::KeyOrigin { site: None, ..full_origin() }), ..report.clone() };
    assert_ne!(ReportDigest::of(&report).unwrap(), ReportDigest::of(&other).unwrap());
}
