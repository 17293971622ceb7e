//! `issue-idevid`, `report` and `record`: from a device's request to its record.

use brski_common::issuing::Subject;
use brski_common::provenance::{Method, ProvenanceStatement};
use brski_common::{Certificate, Format, Leniencies, SerialNumber, Signed, Signer, SoftwareKey};
use serde_json::{Value, json};

use super::support::{Finished, Folder};
use super::{MASA, manufacturer, masa};

/// The IDevID of a new device, issued in a manufacturer's folder.
pub(super) fn idevid(folder: &Folder, serial: &str) -> Certificate {
    let (key, _) = SoftwareKey::generate(brski_common::SignatureAlgorithm::Es256).unwrap();
    let file = format!("{}.pem", key.public_key().digest());
    let subject = Subject::serial_number(&SerialNumber::new(serial).unwrap());
    issue(folder, &subject, &key, &file, &[]).ok();
    Certificate::all_from_pem(&folder.read(&file)).unwrap().swap_remove(0)
}

/// Has `issue-idevid` certify a key, with these arguments beside the usual ones.
pub(super) fn issue(folder: &Folder, subject: &Subject, key: &dyn Signer, out: &str, more: &[&str]) -> Finished {
    use base64::Engine as _;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let csr = runtime.block_on(brski_common::csr::request(&subject.to_der(), key)).unwrap();
    let text = base64::engine::general_purpose::STANDARD.encode(csr);
    folder.write("device.csr", format!("-----BEGIN CERTIFICATE REQUEST-----\n{text}\n-----END CERTIFICATE REQUEST-----\n"));
    masa(folder, &[&["issue-idevid", "--csr", "device.csr", "--out", out], more].concat())
}

/// A line for `record` about a new device that made its key itself.
pub(super) fn report(folder: &Folder, serial: &str) -> String {
    report_of(folder, serial, ORIGIN)
}

/// A line for `record` about a new device with this origin.
pub(super) fn report_of(folder: &Folder, serial: &str, origin: &str) -> String {
    folder.write("device.pem", idevid(folder, serial).to_pem());
    folder.write("origin.json", origin);
    masa(folder, &["report", "--station-key", "masa/keys/station-1.pem", "--idevid", "device.pem", "--origin", "origin.json"]).ok()
}

/// What `record` told, line by line, as serial number and index, or as the line that failed.
fn outcomes(told: &str) -> Vec<Value> {
    let brief = |told: Value| match told.get("error") {
        None => json!([told["device"]["serial"], told["repeated"]]),
        Some(_) => told["line"].clone(),
    };
    told.lines().map(|line| brief(serde_json::from_str(line).unwrap())).collect()
}

#[test]
fn idevid_names_the_device_and_its_masa() {
    let folder = manufacturer();
    let idevid = brski_common::IDevIdCert::new(idevid(&folder, "JADA123456789")).unwrap();
    assert_eq!(idevid.device().serial.as_str(), "JADA123456789");
    assert_eq!(idevid.masa_url().unwrap().unwrap().authority(), "localhost:9443");
}

#[test]
fn request_without_serial_number_gets_no_idevid() {
    let folder = manufacturer();
    let (key, _) = SoftwareKey::generate(brski_common::SignatureAlgorithm::Es256).unwrap();
    let error = issue(&folder, &Subject::common_name("no serial"), &key, "device.pem", &[]).error();
    assert!(error.contains("device.csr: the request's subject must hold exactly one serialNumber"), "{error}");
    assert!(!folder.path("device.pem").exists());
}

#[test]
fn bad_line_is_told_and_the_others_are_recorded() {
    let folder = manufacturer();
    let (one, two) = (report(&folder, "JADA1"), report(&folder, "JADA2"));
    let forged = report(&folder, "JADA3").replace("\"signature\":\"", "\"signature\":\"AAAA");
    folder.write("reports.jsonl", format!("{one}\nnot a report\n{forged}{two}"));
    let finished = masa(&folder, &["record", "-o", "json", "reports.jsonl"]);
    assert_eq!(finished.code, Some(1));
    assert_eq!(outcomes(&finished.stdout), [json!(["JADA1", false]), json!(3), json!(4), json!(["JADA2", false])]);
}

#[test]
fn people_are_told_of_a_bad_line_on_standard_error() {
    let folder = manufacturer();
    folder.write("reports.jsonl", "not a report\n");
    let finished = masa(&folder, &["record", "reports.jsonl"]);
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(1), ""));
    assert!(finished.stderr.starts_with("reports.jsonl, line 1: "), "{finished:?}");
}

#[test]
fn input_without_any_report_is_an_error() {
    let folder = manufacturer();
    folder.write("blank.jsonl", "\n \n");
    assert_eq!(
        masa(&folder, &["record", "-"]).error(),
        "error: -: empty, so that no report was read; expected signed reports or batches, or rows as CSV or JSON"
    );
    assert_eq!(
        masa(&folder, &["record", "blank.jsonl", "-"]).error(),
        "error: blank.jsonl, -: empty, so that no report was read; expected signed reports or batches, or rows as CSV or JSON"
    );
}

#[test]
fn file_that_cannot_be_read_does_not_stop_the_others() {
    let folder = manufacturer();
    folder.write("reports.jsonl", report(&folder, "JADA1"));
    let finished = masa(&folder, &["record", "-o", "json", "missing.jsonl", "reports.jsonl"]);
    assert_eq!(finished.code, Some(1));
    assert_eq!(outcomes(&finished.stdout), [Value::Null, json!(["JADA1", false])]);
}

#[test]
fn recording_the_same_report_again_changes_nothing() {
    let folder = manufacturer();
    let line = report(&folder, "JADA1");
    folder.write("reports.jsonl", line.repeat(2));
    let told = masa(&folder, &["record", "-o", "json", "reports.jsonl"]).ok();
    assert_eq!(outcomes(&told), [json!(["JADA1", false]), json!(["JADA1", true])]);
    let again = masa(&folder, &["record", "-o", "json", "reports.jsonl"]);
    assert_eq!(again.stderr, "0 recorded, 2 recorded already, 0 failed\n");
    assert_eq!(outcomes(&again.ok()), [json!(["JADA1", true]), json!(["JADA1", true])]);
}

#[test]
fn report_without_origin_leaves_the_one_on_record_and_says_so() {
    let folder = manufacturer();
    folder.write("reports.jsonl", report(&folder, "JADA1"));
    let recorded = masa(&folder, &["record", "--statements", "first", "reports.jsonl"]).ok();
    let index = recorded.trim_end().rsplit(' ').next().unwrap();
    folder.write("less.jsonl", masa(&folder, &["report", "--station-key", "masa/keys/station-1.pem", "--idevid", "device.pem"]).ok());
    let told = masa(&folder, &["record", "less.jsonl"]).ok();
    assert_eq!(told, format!("JADA1 was already recorded as entry {index}; this report tells no origin, the one on record stands\n"));
    let told: Value = serde_json::from_str(&masa(&folder, &["record", "--statements", "second", "-o", "json", "less.jsonl"]).ok()).unwrap();
    assert_eq!((&told["repeated"], &told["origin-stands"]), (&json!(true), &json!(true)));

    let claims = |from: &str| {
        let statement = folder.files(from).swap_remove(0).1;
        Signed::<ProvenanceStatement>::from_wire(Format::Cose, statement).peek_unverified(Leniencies::default()).unwrap().method
    };
    assert_eq!(claims("first"), claims("second"));
}

#[test]
fn report_without_origin_of_a_device_without_one_is_a_mere_repetition() {
    let folder = manufacturer();
    folder.write("device.pem", idevid(&folder, "JADA1").to_pem());
    let line = masa(&folder, &["report", "--station-key", "masa/keys/station-1.pem", "--idevid", "device.pem"]).ok();
    folder.write("reports.jsonl", line.repeat(2));
    let told = masa(&folder, &["record", "-o", "json", "reports.jsonl"]).ok();
    assert_eq!(outcomes(&told), [json!(["JADA1", false]), json!(["JADA1", true])]);
    assert!(!told.contains("\"origin-stands\":true"), "{told}");
}

#[test]
fn many_reports_are_told_in_the_order_of_the_input() {
    let folder = manufacturer();
    let serials: Vec<String> = (0..70).map(|i| format!("JADA{i}")).collect();
    let lines: String = serials.iter().map(|serial| report(&folder, serial)).collect();
    folder.write("reports.jsonl", lines);
    let told = outcomes(&masa(&folder, &["record", "-o", "json", "reports.jsonl"]).ok());
    assert_eq!(told, serials.iter().map(|serial| json!([serial, false])).collect::<Vec<_>>());
}

#[test]
fn station_at_a_pipe_hears_of_each_report_before_it_sends_the_next() {
    let folder = manufacturer();
    let lines = [report(&folder, "JADA1"), report(&folder, "JADA2")];
    let mut recorder = folder.start(MASA, &["record", "-o", "json", "-"]);
    for (line, serial) in lines.iter().zip(["JADA1", "JADA2"]) {
        recorder.write_line(line);
        assert_eq!(outcomes(&recorder.read_line()), [json!([serial, false])]);
    }
    assert_eq!(recorder.finish(), Some(0));
}

#[test]
fn statement_of_a_device_is_written_under_a_harmless_name() {
    let folder = manufacturer();
    folder.write("reports.jsonl", report(&folder, "../JADA 1"));
    masa(&folder, &["record", "--statements", "statements", "reports.jsonl"]).ok();
    let files = folder.files("statements");
    let [(path, statement)] = files.as_slice() else { panic!("{files:?}") };
    assert_eq!(path, &folder.path("statements/%2E.%2FJADA%201.cbor"));
    let statement = Signed::<ProvenanceStatement>::from_wire(Format::Cose, statement.clone()).peek_unverified(Leniencies::default()).unwrap();
    assert_eq!(statement.device.serial.as_str(), "../JADA 1");
}

#[test]
fn report_of_a_station_that_is_not_enrolled_is_refused() {
    let folder = manufacturer();
    let line = report(&folder, "JADA1");
    folder.write("reports.jsonl", line);
    folder.edit("masa/masa.toml", "name = \"station-1\"", "name = \"station-2\"");
    let finished = masa(&folder, &["record", "-o", "json", "reports.jsonl"]);
    assert_eq!((finished.code, outcomes(&finished.stdout)), (Some(1), vec![json!(1)]));
}

#[test]
fn origin_that_contradicts_itself_is_not_even_signed() {
    let folder = manufacturer();
    folder.write("device.pem", idevid(&folder, "JADA1").to_pem());
    folder.write("origin.json", ORIGIN.replace("\"avocado\"", "\"bamboo\""));
    let error = masa(&folder, &["report", "--station-key", "masa/keys/station-1.pem", "--idevid", "device.pem", "--origin", "origin.json"]).error();
    assert!(error.starts_with("error: origin.json: "), "{error}");
}

#[test]
fn every_origin_in_the_help_is_recorded_and_each_method_has_one() {
    let folder = manufacturer();
    let help = masa(&folder, &["report", "--help"]).ok();
    let mut methods = Vec::new();
    for (number, block) in help.split("\n  {\n").skip(1).enumerate() {
        let origin = format!("{{\n{}\n}}", block.split_once("\n  }").unwrap().0);
        methods.push(serde_json::from_str::<Value>(&origin).unwrap()["method"].as_str().unwrap().to_owned());
        let serial = format!("JADA{number}");
        let line = report_of(&folder, &serial, &origin);
        folder.write("reports.jsonl", line);
        assert_eq!(outcomes(&masa(&folder, &["record", "-o", "json", "reports.jsonl"]).ok()), [json!([serial, false])], "{origin}");
    }
    let known: Vec<_> = Method::ALL.iter().filter(|method| **method != Method::Unknown).map(|method| method.name()).collect();
    assert_eq!(methods, known);
}

#[test]
fn station_that_claims_more_than_it_may_is_told_which_setting_allows_it() {
    let folder = manufacturer();
    folder.write("device.pem", idevid(&folder, "JADA1").to_pem());
    folder.write("origin.json", ORIGIN.replace("station-signed", "third-party-audit"));
    let report = masa(&folder, &["report", "--station-key", "masa/keys/station-1.pem", "--idevid", "device.pem", "--origin", "origin.json"]).ok();
    folder.write("reports.jsonl", report);
    let refused = masa(&folder, &["record", "-o", "json", "reports.jsonl"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stdout.contains("station 'station-1' may not claim basis third-party-audit; bases under its entry of [[stations]]"), "{refused:?}");

    folder.edit("masa/masa.toml", "\"station-signed\"]", "\"station-signed\", \"third-party-audit\"]");
    let groundless = masa(&folder, &["record", "-o", "json", "reports.jsonl"]);
    assert_eq!(groundless.code, Some(1));
    assert!(groundless.stdout.contains("without-evidence = true under station 'station-1' would take the station's own word"), "{groundless:?}");

    folder.edit("masa/masa.toml", "# without-evidence = true ", "without-evidence = true ");
    assert_eq!(outcomes(&masa(&folder, &["record", "-o", "json", "reports.jsonl"]).ok()), [json!(["JADA1", false])]);
}

pub(super) const ORIGIN: &str = r#"{
    "method": "avocado", "source": "generated-on-device", "protection": "none-software", "locus": "main-cpu", "lock": "software",
    "certificate-transfer": "mechanically-transferred", "private-transfer": "none", "basis": "station-signed", "made-at": "2026-01-31T12:00:00Z"
}"#;
