//! Headers, rows, and the page that documents them.

use super::*;
use crate::codec;
use crate::provenance::testing::{any_device, full_origin, origin};
use crate::provenance::{CoGeneration, Method, Question, RowReader, TrustAnchorRecord};

fn faults(header: &str) -> Vec<(String, String)> {
    RowReader::csv(header).unwrap_err().into_iter().map(|fault| (fault.field.unwrap_or_default(), fault.cause)).collect()
}

fn row(header: &str, row: &str) -> Result<ManufactureReport, RowError> {
    let idevid = codec::base64(any_device().certificate().der());
    RowReader::csv(&format!("idevid,{header}")).unwrap().read(&format!("{idevid},{row}"))
}

fn fault(header: &str, cells: &str) -> (String, String) {
    let fault = row(header, cells).unwrap_err();
    (fault.field.unwrap_or_default(), fault.cause)
}

const WHOLE: &str = "method,source,protection,locus,lock,certificate-transfer,private-transfer,basis,made-at";
const AVOCADO: &str = "avocado,generated-on-device,none-software,main-cpu,software,mechanically-transferred,none,station-signed,2026-01-31T12:00:00Z";

#[test]
fn carriage_return_within_a_line_is_refused_rather_than_taken_for_its_end() {
    let whole = format!("{AVOCADO},x");
    assert!(row(&format!("{WHOLE},batch"), &whole).is_ok());
    assert!(row(&format!("{WHOLE},batch"), &format!("{whole}\r")).is_ok());
    let (_, cause) = fault(&format!("{WHOLE},batch"), &format!("{whole}\rsecond,row"));
    assert_eq!(cause, "a carriage return stands within the line, expected a line for each row");
}

#[test]
fn page_lists_every_column() {
    const LONGEST: usize = 96;
    let mut page = String::new();
    let certificates =
        [(IDEVID, "the IDevID certificate, DER in base64"), (IDEVID_FILE, "instead of it, the name of a PEM file below the folder that --certificates names")];
    for (name, about) in certificates.into_iter().chain(TABLE.iter().map(|column| (column.name, column.about))) {
        page.push_str(&format!("  {name}"));
        let mut width = LONGEST;
        for word in about.split(' ') {
            width += 1 + word.len();
            if width > LONGEST {
                page.push_str("\n     ");
                width = 6 + word.len();
            }
            page.push_str(&format!(" {word}"));
        }
        page.push('\n');
    }
    let pinned = format!("{}/src/provenance/batch/columns.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("PIN_HELP").is_some() {
        std::fs::write(&pinned, &page).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&pinned).unwrap(), page, "run the test with PIN_HELP=1 if it should differ");
}

#[test]
fn page_names_every_word_that_a_cell_may_hold() {
    use crate::provenance::{Basis, CaArrangement, Lock, Locus, Protection, SecureElementGeneration, Source, SplitReveal, Transfer};
    let words = |column: &str, words: Vec<&str>| {
        let about = find(column).unwrap().about;
        assert!(words.iter().all(|word| about.contains(word)), "{column}: {words:?}");
    };
    words("method", Method::ALL.iter().map(|word| word.name()).collect());
    words("source", Source::ALL.iter().map(|word| word.name()).collect());
    words("protection", Protection::ALL.iter().map(|word| word.name()).collect());
    words("locus", Locus::ALL.iter().map(|word| word.name()).collect());
    words("lock", Lock::ALL.iter().map(|word| word.name()).collect());
    words("certificate-transfer", Transfer::ALL.iter().map(|word| word.name()).collect());
    words("se-generation", SecureElementGeneration::ALL.iter().map(|word| word.name()).collect());
    words("ca-arrangement", CaArrangement::ALL.iter().map(|word| word.name()).collect());
    words("basis", Basis::ALL.iter().map(|word| word.name()).collect());
    words("split", SplitReveal::ALL.iter().map(|word| word.name()).collect());
}

#[test]
fn every_scalar_answer_has_a_column_of_its_question_s_name() {
    let Value::Object(answers) = serde_json::to_value(crate::provenance::testing::all_answers()).unwrap() else { panic!() };
    for (name, answer) in answers {
        let scalar = !answer.is_object() && !answer.is_array();
        assert_eq!(find(&name).is_some(), scalar, "{name}");
        assert!(Question::from_name(&name).is_some());
    }
}

#[test]
fn row_says_what_the_same_report_says_in_json() {
    for method in [Method::Avocado, Method::Carrot, Method::Sapodilla] {
        let report = ManufactureReport { idevid: any_device(), origin: Some(origin(method)) };
        let csv = to_csv(core::slice::from_ref(&report)).unwrap();
        let (header, row) = csv.trim_end().split_once('\n').unwrap();
        assert_eq!(RowReader::csv(header).unwrap().read(row), Ok(report));
    }
}

#[test]
fn every_column_is_read_and_written() {
    let mut answers = crate::provenance::testing::all_answers();
    for question in Question::ALL.iter().filter(|question| find(question.name()).is_none()) {
        answers.withhold(*question);
    }
    let (trust_anchors, evidence) = (Vec::<TrustAnchorRecord>::new(), Vec::new());
    let origin = KeyOrigin { answers, trust_anchors, evidence, co_generation: None, disclosure: crate::provenance::Overrides::default(), ..full_origin() };
    let fips = crate::provenance::Fips { module: Some("HSM 7".parse().unwrap()), ..origin.fips.clone().unwrap() };
    let pkcs11 = crate::provenance::Pkcs11Attributes {
        sensitive: Some(true),
        always_sensitive: Some(true),
        extractable: Some(false),
        never_extractable: Some(true),
        ..origin.pkcs11.clone().unwrap()
    };
    let seed = crate::provenance::Seed { storage: Some("fuses, \"OTP\"; 3".parse().unwrap()), ..origin.seed.clone().unwrap() };
    let se = (Some(crate::provenance::SecureElementGeneration::Internal), Some(crate::provenance::CaArrangement::OemOverNetwork));
    let origin = KeyOrigin { fips: Some(fips), pkcs11: Some(pkcs11), seed: Some(seed), se_generation: se.0, ca_arrangement: se.1, ..origin };
    let report = ManufactureReport { idevid: any_device(), origin: Some(origin) };
    let csv = to_csv(core::slice::from_ref(&report)).unwrap();
    let (header, row) = csv.trim_end().split_once('\n').unwrap();
    assert_eq!(header.split(',').count(), 1 + TABLE.len(), "{header}");
    assert_eq!(RowReader::csv(header).unwrap().read(row), Ok(report));
}

#[test]
fn fact_without_column_is_not_written_but_named() {
    let parties = CoGeneration { parties: vec!["device".parse().unwrap()], threshold: 1 };
    let origin = KeyOrigin { co_generation: Some(parties), ..origin(Method::Avocado) };
    let fault = to_csv(&[ManufactureReport { idevid: any_device(), origin: Some(origin) }]).unwrap_err();
    assert_eq!(fault.field.as_deref(), Some("co-generation.parties"));
}

#[test]
fn semicolons_and_tabs_separate_cells_as_well() {
    for delimiter in [";", "\t"] {
        let header = format!("idevid,{WHOLE}").replace(',', delimiter);
        let cells = format!("{},{AVOCADO}", codec::base64(any_device().certificate().der())).replace(',', delimiter);
        assert_eq!(RowReader::csv(&header).unwrap().read(&cells).unwrap().origin, row(WHOLE, AVOCADO).unwrap().origin);
    }
}

#[test]
fn row_that_tells_nothing_but_the_certificate_tells_no_origin() {
    assert_eq!(row("method,made-at", ",").unwrap().origin, None);
}

#[test]
fn what_nobody_said_is_unknown_but_basis_and_time_must_be_said() {
    let origin = row("basis,made-at,lock", "station-signed,2026-01-31T12:00:00Z,").unwrap().origin.unwrap();
    assert_eq!((origin.method, origin.lock), (Method::Unknown, crate::provenance::Lock::Unknown));
    assert_eq!(fault("method", "avocado"), ("basis".to_owned(), "is missing".to_owned()));
}

#[test]
fn unknown_column_is_refused_with_the_nearest_one() {
    assert_eq!(faults("idevid,methd"), [("methd".to_owned(), "is no column that is known here; the nearest is method".to_owned())]);
    assert_eq!(faults("idevid,colour of the box"), [("colour of the box".to_owned(), "is no column that is known here".to_owned())]);
}

#[test]
fn columns_of_a_split_secret_are_refused_with_the_reason() {
    for name in ["k", "n", "shares", "threshold", "key-executives"] {
        let faults = faults(&format!("idevid,{name},method"));
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].0, name);
        assert!(
            faults[0].1.starts_with("the numbers k and n of a split secret and its key executives are confidential for good (taxonomy, section 5.3.1)"),
            "{faults:?}"
        );
    }
}

#[test]
fn every_fault_of_a_header_is_told() {
    let names: Vec<String> = faults("methd,lock,lock").into_iter().map(|(field, _)| field).collect();
    assert_eq!(names, ["methd", "lock", "idevid"]);
    assert_eq!(faults("idevid,idevid-file")[0].0, "idevid-file");
}

#[test]
fn fault_of_a_cell_names_its_column() {
    assert_eq!(fault("seed-bits", "many"), ("seed-bits".to_owned(), "must be a whole number in digits".to_owned()));
    assert_eq!(fault("key-retained", "no"), ("key-retained".to_owned(), "must be true or false, or empty if nobody said".to_owned()));
    assert_eq!(fault(&WHOLE.replace("made-at", "batch"), AVOCADO), ("made-at".to_owned(), "is missing".to_owned()));
    let (field, cause) = fault(WHOLE, &AVOCADO.replace("avocado", "banana"));
    assert_eq!(field, "method");
    assert!(cause.starts_with("'banana' is none of unknown, avocado"), "{cause}");
    let (field, cause) = fault(WHOLE, &AVOCADO.replace("2026-01-31T12:00:00Z", "yesterday"));
    assert_eq!((field.as_str(), cause.as_str()), ("made-at", "date-and-time must be an RFC 3339 date-and-time such as 2026-01-31T12:00:00Z"));
    assert_eq!(fault(&format!("{WHOLE},identity-pki-level"), &format!("{AVOCADO},0")).0, "identity-pki-level");
}

#[test]
fn what_may_tell_of_a_split_is_not_repeated() {
    let (field, cause) = fault(&format!("{WHOLE},split"), &format!("{AVOCADO},3 of 5"));
    assert_eq!(field, "split");
    assert!(!cause.contains("3 of 5"), "{cause}");
    let (field, cause) = fault(&format!("{WHOLE},identity-shared-split-extra"), &format!("{AVOCADO},3 of 5"));
    assert_eq!((field.as_str(), cause.contains("3 of 5")), ("identity-shared-split-extra", false));
}

#[test]
fn row_of_another_length_is_refused() {
    assert_eq!(fault("method,lock", "avocado"), (String::new(), "the row has 2 cells, the header 3".to_owned()));
}

#[test]
fn quotation_mark_that_is_left_open_is_a_fault_of_its_row() {
    assert_eq!(fault("site", "\"Basel"), (String::new(), "a quotation mark is not closed on its line".to_owned()));
}

#[test]
fn certificate_that_is_none_is_told_as_such() {
    let reader = RowReader::csv("idevid").unwrap();
    assert_eq!(reader.read("%%").unwrap_err().field.as_deref(), Some("idevid"));
    assert_eq!(reader.read("AAAA").unwrap_err().field.as_deref(), Some("idevid"));
    assert_eq!(reader.read("\"\"").unwrap_err(), RowError::of("idevid", "the cell is empty"));
}

#[test]
fn files_are_read_only_for_who_offers_them() {
    let reader = RowReader::csv("idevid-file").unwrap();
    assert_eq!(reader.read("a.pem").unwrap_err().field.as_deref(), Some("idevid-file"));
    let device = any_device();
    let find = |name: &str| match name {
        "a.pem" => Ok(device.certificate().clone()),
        _ => Err(RowError::of("idevid-file", "none")),
    };
    assert_eq!(reader.read_finding("a.pem", &find).unwrap().idevid, device);
}
