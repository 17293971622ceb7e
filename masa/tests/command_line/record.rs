//! `record` with batches, CSV and rows without signature; its errors, its statements, and what it leaves alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use brski_common::provenance::ProvenanceStatement;
use brski_common::{Format, Leniencies, Signed};
use serde_json::{Value, json};

use super::manufacture::idevid;
use super::support::Folder;
use super::{MASA, manufacturer, masa};

const STATION: [&str; 4] = ["--station-key", "masa/keys/station-1.pem", "--station", "station-1"];

/// Rows of a CSV about new devices that made their keys themselves.
pub(super) fn csv(folder: &Folder, serials: &[&str]) -> String {
    let row = |serial: &&str| format!("{},{ORIGIN}\n", STANDARD.encode(idevid(folder, serial).der()));
    format!("idevid,{COLUMNS}\n{}", serials.iter().map(row).collect::<String>())
}

fn record(folder: &Folder, options: &[&str]) -> super::support::Finished {
    masa(folder, &[&["record", "-o", "json"], options].concat())
}

/// Place, then serial number and whether it was there already, or the field and what is wrong.
fn outcomes(told: &str) -> Vec<Value> {
    let brief = |told: Value| match told.get("error") {
        None => json!([told["line"], told["row"], told["device"]["serial"], told["repeated"]]),
        Some(_) => json!([told["line"], told["row"], told["field"]]),
    };
    told.lines().map(|line| brief(serde_json::from_str(line).unwrap())).collect()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn batches_of_either_envelope_are_signed_and_recorded() {
    for format in ["jws", "cose"] {
        let folder = manufacturer();
        folder.write("devices.csv", csv(&folder, &["JADA1", "JADA2", "JADA3"]));
        let signed = folder.run_raw(MASA, &["report", STATION[0], STATION[1], "--rows", "devices.csv", "--format", format, "--batch", "2"]);
        folder.write("reports", &signed);
        let expected = [json!([1, 1, "JADA1", false]), json!([1, 2, "JADA2", false]), json!([2, 1, "JADA3", false])];
        assert_eq!(outcomes(&record(&folder, &["reports"]).ok()), expected, "{format}");
    }
}

#[test]
fn csv_is_recorded_in_the_name_of_the_station_whose_key_is_given() {
    let folder = manufacturer();
    folder.write("devices.csv", csv(&folder, &["JADA1", "JADA2"]));
    let expected = [json!([2, null, "JADA1", false]), json!([3, null, "JADA2", false])];
    assert_eq!(outcomes(&record(&folder, &[&STATION[..], &["devices.csv"]].concat()).ok()), expected);

    let without = record(&folder, &["devices.csv"]);
    assert_eq!((without.code, outcomes(&without.stdout)), (Some(1), vec![json!([1, null, null])]));
    assert!(without.stdout.contains("`brski-masa record` with --station-key and --station signs them"), "{without:?}");
}

#[test]
fn same_report_in_another_form_is_the_same_report() {
    let folder = manufacturer();
    folder.write("devices.csv", csv(&folder, &["JADA1"]));
    record(&folder, &[&STATION[..], &["devices.csv"]].concat()).ok();
    folder.write("reports.jsonl", folder.run_raw(MASA, &["report", STATION[0], STATION[1], "--rows", "devices.csv"]));
    assert_eq!(outcomes(&record(&folder, &["reports.jsonl"]).ok()), [json!([1, 1, "JADA1", true])]);
}

#[test]
fn csv_may_name_the_files_of_certificates() {
    let folder = manufacturer();
    std::fs::create_dir(folder.path("idevids")).unwrap();
    folder.write("idevids/a.pem", idevid(&folder, "JADA1").to_pem());
    folder.write("devices.csv", format!("idevid-file;{}\na.pem;{}\n", COLUMNS.replace(',', ";"), ORIGIN.replace(',', ";")));
    let told = record(&folder, &[&STATION[..], &["--certificates", "idevids", "devices.csv"]].concat()).ok();
    assert_eq!(outcomes(&told), [json!([2, null, "JADA1", false])]);
    folder.write("reports.jsonl", folder.run_raw(MASA, &["report", STATION[0], STATION[1], "--rows", "devices.csv", "--certificates", "idevids"]));
    assert_eq!(outcomes(&record(&folder, &["reports.jsonl"]).ok()), [json!([1, 1, "JADA1", true])]);
}

#[test]
fn failures_are_listed_in_a_file_with_line_field_and_cause() {
    let folder = manufacturer();
    let rows = csv(&folder, &["JADA1", "JADA2"]);
    folder.write("devices.csv", format!("{}AAAA,{ORIGIN}\n{}", rows, rows.lines().nth(1).unwrap().replace("avocado", "banana")));
    let finished = record(&folder, &[&STATION[..], &["devices.csv"]].concat());
    assert_eq!(finished.code, Some(1));
    assert_eq!(finished.stderr, "2 recorded, 0 recorded already, 2 failed; the rows that failed are in errors.jsonl\n");
    let errors = lines(&folder.read("errors.jsonl"));
    assert_eq!((&errors[0]["file"], &errors[0]["line"], &errors[0]["field"]), (&json!("devices.csv"), &json!(4), &json!("idevid")));
    let words = "'banana' is none of unknown, avocado, bamboo, carrot, salak, sapodilla";
    assert_eq!(errors[1], json!({"file": "devices.csv", "line": 5, "field": "method", "cause": words}));
}

#[test]
fn file_of_errors_is_made_only_for_errors_and_never_replaced() {
    let folder = manufacturer();
    folder.write("devices.csv", csv(&folder, &["JADA1"]));
    record(&folder, &[&STATION[..], &["devices.csv"]].concat()).ok();
    assert!(!folder.path("errors.jsonl").exists());
    folder.write("errors.jsonl", "mine");
    record(&folder, &["devices.csv"]);
    assert_eq!(folder.read("errors.jsonl"), "mine");
    assert_eq!(lines(&folder.read("errors.1.jsonl"))[0]["line"], 1);
    let error = masa(&folder, &["record", "--errors", "errors.jsonl", "devices.csv"]).error();
    assert_eq!(error, "error: errors.jsonl: exists already, --errors wants the name of a new file");
}

#[test]
fn dry_run_tells_and_writes_nothing() {
    let folder = manufacturer();
    folder.write("devices.csv", csv(&folder, &["JADA1"]));
    let root = || masa(&folder, &["log", "verify"]).ok().lines().nth(1).unwrap().to_owned();
    let before = root();
    let finished = masa(&folder, &[&["record", "--dry-run"], &STATION[..], &["devices.csv"]].concat());
    assert_eq!(finished.stderr, "1 would be recorded, 0 recorded already, 0 failed\n");
    assert_eq!(finished.ok(), "JADA1 would be recorded\n");
    assert_eq!(root(), before);
    assert_eq!(masa(&folder, &["record", "--dry-run", "--statements", "s", "devices.csv"]).code, Some(2));
}

#[test]
fn dry_run_finds_what_contradicts_another_row_of_its_file_or_of_one_before_it() {
    let folder = manufacturer();
    let rows = csv(&folder, &["JADA1"]);
    let row = rows.lines().nth(1).unwrap();
    let other = row.replace(",software,", ",fuse,");
    folder.write("devices.csv", format!("{rows}{row}\n{other}\n"));
    folder.write("more.csv", format!("{}\n{other}\n", rows.lines().next().unwrap()));
    let run = |dry: &[&str], told: &str| {
        let told = record(&folder, &[dry, &STATION[..], &["--errors", told, "devices.csv", "more.csv"]].concat());
        (told.code, outcomes(&told.stdout))
    };
    let expected = [json!([2, null, "JADA1", false]), json!([3, null, "JADA1", true]), json!([4, null, null]), json!([2, null, null])];
    assert_eq!(run(&["--dry-run"], "dry.jsonl"), (Some(1), expected.to_vec()));
    // As it is found when they are recorded.
    assert_eq!(run(&[], "wet.jsonl"), (Some(1), expected.to_vec()));
    assert!(
        lines(&folder.read("dry.jsonl"))[0]["cause"].as_str().unwrap().starts_with("the origin of the key, by a report before this one, is already on record")
    );
}

#[test]
fn statements_and_receipts_are_lines_of_a_file_that_is_continued() {
    let folder = manufacturer();
    for serial in ["JADA1", "JADA2"] {
        folder.write("devices.csv", csv(&folder, &[serial]));
        record(&folder, &[&STATION[..], &["--statements", "statements.jsonl", "devices.csv"]].concat()).ok();
        // As a run that was killed leaves it.
        folder.write("statements.jsonl", folder.read("statements.jsonl") + "{\"dev");
    }
    let text = folder.read("statements.jsonl");
    let lines: Vec<Value> = text.lines().take(2).map(|line| serde_json::from_str(line).unwrap()).collect();
    for (line, serial) in lines.iter().zip(["JADA1", "JADA2"]) {
        let octets = |member: &str| STANDARD.decode(line[member].as_str().unwrap()).unwrap();
        let statement = Signed::<ProvenanceStatement>::from_wire(Format::Cose, octets("statement"));
        assert_eq!(statement.peek_unverified(Leniencies::default()).unwrap().device.serial.as_str(), serial);
        assert_eq!(brski_common::log::receipts_of(&octets("statement")).unwrap()[0].wire(), octets("receipt"));
        assert!(line["index"].is_u64());
    }
}

#[test]
fn run_that_was_cut_off_goes_on_where_it_stopped() {
    let folder = manufacturer();
    let rows = csv(&folder, &["JADA1", "JADA2"]);
    folder.write("devices.csv", rows.rsplit_once('\n').unwrap().0.rsplit_once('\n').unwrap().0);
    record(&folder, &[&STATION[..], &["devices.csv"]].concat()).ok();
    folder.write("devices.csv", &rows);
    let expected = [json!([2, null, "JADA1", true]), json!([3, null, "JADA2", false])];
    assert_eq!(outcomes(&record(&folder, &[&STATION[..], &["devices.csv"]].concat()).ok()), expected);
}

#[test]
fn contradiction_is_refused_unless_it_supersedes() {
    let folder = manufacturer();
    let rows = csv(&folder, &["JADA1"]);
    folder.write("devices.csv", &rows);
    record(&folder, &[&STATION[..], &["devices.csv"]].concat()).ok();
    folder.write("devices.csv", rows.replace(",software,", ",fuse,"));
    let refused = record(&folder, &[&STATION[..], &["devices.csv"]].concat());
    assert_eq!(refused.code, Some(1));
    let told = lines(&folder.read("errors.jsonl")).remove(0);
    let cause = told["cause"].as_str().unwrap();
    assert!(
        cause.starts_with("the origin of the key is already on record for ") && cause.contains(", with another lock; `record --supersede REASON`"),
        "{cause}"
    );
    let told = record(&folder, &[&STATION[..], &["--supersede", "the lock was a fuse", "--by", "Ada", "devices.csv"]].concat()).ok();
    assert_eq!(outcomes(&told), [json!([2, null, "JADA1", false])]);
}

#[test]
fn row_of_a_signed_batch_that_is_refused_is_told_with_its_serial_number() {
    let folder = manufacturer();
    let rows = csv(&folder, &["JADA1", "JADA2"]);
    folder.write("devices.csv", &rows);
    record(&folder, &[&STATION[..], &["devices.csv"]].concat()).ok();
    folder.write("devices.csv", rows.replace(",software,", ",fuse,"));
    folder.write("reports.jsonl", folder.run_raw(MASA, &["report", STATION[0], STATION[1], "--rows", "devices.csv"]));
    let told = lines(&record(&folder, &["reports.jsonl"]).stdout);
    assert_eq!([&told[1]["row"], &told[1]["serial"]], [&json!(2), &json!("JADA2")]);
    let errors = lines(&folder.read("errors.jsonl"));
    assert_eq!([&errors[0]["row"], &errors[0]["serial"]], [&json!(1), &json!("JADA1")]);
}

#[test]
fn statement_that_an_interrupted_run_has_written_is_not_written_again() {
    let folder = manufacturer();
    let rows = csv(&folder, &["JADA1", "JADA2"]);
    folder.write("devices.csv", &rows);
    let run = [&STATION[..], &["--statements", "statements.jsonl", "devices.csv"]].concat();
    record(&folder, &run).ok();
    // As a run that was killed leaves it: both are on record, and one statement is there.
    let written = folder.read("statements.jsonl");
    folder.write("statements.jsonl", written.lines().next().unwrap().to_owned() + "\n");
    record(&folder, &run).ok();
    record(&folder, &run).ok();
    let serials: Vec<Value> = lines(&folder.read("statements.jsonl")).iter().map(|line| line["device"]["serial"].clone()).collect();
    assert_eq!(serials, ["JADA1", "JADA2"]);
}

#[test]
fn origin_in_json_leaves_out_what_nobody_knows() {
    let folder = manufacturer();
    let idevid = STANDARD.encode(idevid(&folder, "JADA1").der());
    let origin = json!({"basis": "station-signed", "made-at": "2026-01-31T12:00:00Z"});
    folder.write("devices.jsonl", format!("{}\n", json!({"version": 1, "idevid": idevid, "origin": origin})));
    assert_eq!(outcomes(&record(&folder, &[&STATION[..], &["devices.jsonl"]].concat()).ok()), [json!([1, null, "JADA1", false])]);
    // The same in so many words is the same report.
    let mut origin = origin;
    for answer in ["method", "source", "protection", "locus", "lock", "certificate-transfer", "private-transfer"] {
        origin[answer] = "unknown".into();
    }
    folder.write("devices.jsonl", format!("{}\n", json!({"version": 1, "idevid": idevid, "origin": origin})));
    assert_eq!(outcomes(&record(&folder, &[&STATION[..], &["devices.jsonl"]].concat()).ok()), [json!([1, null, "JADA1", true])]);
}

#[test]
fn device_is_shown_with_its_batch_and_the_records_that_were_corrected() {
    let folder = manufacturer();
    let rows = csv(&folder, &["JADA1"]);
    folder.write("devices.csv", &rows);
    record(&folder, &[&STATION[..], &["devices.csv"]].concat()).ok();
    folder.write("devices.csv", rows.replace("2026-07", "2026-08"));
    record(&folder, &[&STATION[..], &["--supersede", "wrong batch", "--by", "Ada", "devices.csv"]].concat()).ok();
    let told: Value = serde_json::from_str(&masa(&folder, &["device", "JADA1", "-o", "json"]).ok()).unwrap();
    let superseded = json!([{"seq": 0, "index": 2, "batch": "2026-07", "line": null, "reason": "wrong batch", "by": "Ada"}]);
    assert_eq!((&told["record"]["batch"], &told["record"]["supersedes"]), (&json!("2026-08"), &superseded));
    let text = masa(&folder, &["device", "JADA1"]).ok();
    assert!(text.contains("\nbatch: 2026-08\nsuperseded: record 0 (entry 2), batch 2026-07: wrong batch, on the word of Ada\n"), "{text}");
}

#[test]
fn withdrawn_station_is_refused_with_the_reason() {
    let folder = manufacturer();
    folder.write("devices.csv", csv(&folder, &["JADA1"]));
    folder.write("reports.cose", folder.run_raw(MASA, &["report", STATION[0], STATION[1], "--rows", "devices.csv", "--format", "cose"]));
    let withdrawn = "name = \"station-1\"\nwithdrawn = { since = \"2026-01-31T12:00:00Z\", reason = \"its disk was sold\" }";
    folder.edit("masa/masa.toml", "name = \"station-1\"", withdrawn);
    let finished = masa(&folder, &["record", "reports.cose"]);
    assert_eq!(finished.code, Some(1));
    let expected =
        "reports.cose, line 1: the manufacture batch is signed with the key of 'station-1', which was withdrawn on 2026-01-31T12:00:00Z (its disk was sold)";
    assert!(finished.stderr.starts_with(expected), "{finished:?}");
}

#[test]
fn columns_of_a_split_secret_are_refused_and_their_cells_are_nowhere_repeated() {
    let folder = manufacturer();
    let rows = csv(&folder, &["JADA1"]).replace("batch\n", "shares\n").replace("2026-07", "987654");
    folder.write("devices.csv", rows);
    let finished = record(&folder, &[&STATION[..], &["devices.csv"]].concat());
    assert_eq!((finished.code, outcomes(&finished.stdout)), (Some(1), vec![json!([1, null, "shares"])]));
    let everything = [finished.stdout, finished.stderr, folder.read("errors.jsonl")].concat();
    assert!(everything.contains("taxonomy, section 5.3.1") && !everything.contains("987654"), "{everything}");
    let signing = masa(&folder, &["report", STATION[0], STATION[1], "--rows", "devices.csv"]).error();
    assert!(signing.contains("devices.csv, line 1: shares: the numbers k and n") && !signing.contains("987654"), "{signing}");
}

#[test]
fn row_with_a_fault_is_not_signed_and_told() {
    let folder = manufacturer();
    let rows = csv(&folder, &["JADA1", "JADA2"]);
    let contradictory = rows.replacen("avocado,generated-on-device", "bamboo,generated-on-device", 1);
    folder.write("devices.csv", contradictory);
    let signed = masa(&folder, &["report", STATION[0], STATION[1], "--rows", "devices.csv"]);
    assert_eq!(signed.code, Some(1));
    assert!(signed.stderr.starts_with("devices.csv, line 2: "), "{signed:?}");
    folder.write("reports.jsonl", signed.stdout);
    assert_eq!(outcomes(&record(&folder, &["reports.jsonl"]).ok()), [json!([1, 1, "JADA2", false])]);
}

#[test]
fn batch_that_breaks_off_leaves_those_before_it() {
    let folder = manufacturer();
    folder.write("devices.csv", csv(&folder, &["JADA1", "JADA2"]));
    let signed = folder.run_raw(MASA, &["report", STATION[0], STATION[1], "--rows", "devices.csv", "--format", "cose", "--batch", "1"]);
    folder.write("reports.cose", &signed[..signed.len() - 10]);
    let finished = record(&folder, &["reports.cose"]);
    assert_eq!((finished.code, outcomes(&finished.stdout)), (Some(1), vec![json!([1, 1, "JADA1", false]), json!([2, null, null])]));
    assert!(finished.stdout.contains("the batch ends too early; it and what follows it were not read"), "{finished:?}");
}

const COLUMNS: &str = "method,source,protection,locus,lock,certificate-transfer,private-transfer,basis,made-at,batch";
const ORIGIN: &str = "avocado,generated-on-device,none-software,main-cpu,software,mechanically-transferred,none,station-signed,2026-01-31T12:00:00Z,2026-07";
