//! Every condition: how it holds, how it does not, and what it makes of what nobody said.

use super::super::view::{View, Word};
use super::*;
use crate::identity::DomainId;
use crate::issuing::Subject;
use crate::provenance::testing::{all_answers, full_origin};
use crate::provenance::{FindingResult, Quantity, Question, StageGap};
use crate::test_pki::{Entity, template};
use crate::voucher::Assertion;

/// Everything that a rule can look at.
struct Scene {
    idevid: IDevIdCert,
    manufacturer: &'static str,
    statement: Option<ProvenanceStatement>,
    receipt: ReceiptFinding,
    word: Option<MasaFindings>,
}

impl Scene {
    fn of(origin: KeyOrigin) -> Self {
        let idevid = any_device();
        let statement = Some(statement(&idevid, origin, Disclosure::Internal));
        Self { idevid, manufacturer: "Acme", statement, receipt: ReceiptFinding::Missing, word: None }
    }

    fn edit(self, edit: impl FnOnce(&mut ProvenanceStatement)) -> Self {
        let mut statement = self.statement.unwrap();
        edit(&mut statement);
        Self { statement: Some(statement), ..self }
    }

    fn named(subject: Subject) -> Self {
        let ca = Entity::root("IDevID CA");
        let certificate = block_on(template(subject, &new_key(SignatureAlgorithm::Es256)).issued_by(&ca.certificate, &ca.key)).unwrap();
        Self { idevid: IDevIdCert::new(certificate).unwrap(), statement: None, ..Self::of(origin(Method::Salak)) }
    }

    fn with_history(edit: impl FnOnce(&mut HistoryFindings)) -> Self {
        let mut history = HistoryFindings::default();
        edit(&mut history);
        Self { word: Some(MasaFindings { assertion: Some(Assertion::Logged), history: Some(history) }), ..Self::of(origin(Method::Salak)) }
    }

    /// Whether a rule with this condition matches, and its reason.
    fn test(&self, condition: &str) -> (bool, String) {
        // A rule that refuses meets no objection.
        let policy = policy(&format!("version = 1\n[[rule]]\nname = \"only\"\n{condition}\nthen = \"refuse\""));
        let word = Word::Said(self.word.as_ref());
        let view = View {
            idevid: Some(&self.idevid),
            device: self.idevid.device(),
            manufacturer: self.manufacturer,
            statement: self.statement.as_ref(),
            receipt: self.receipt,
            word,
        };
        let step = decided(&policy, &view, now()).unwrap().trace()[0].clone();
        (step.matched, step.because)
    }

    fn holds(&self, condition: &str, because: &str) {
        assert_eq!(self.test(condition), (true, because.to_owned()), "{condition}");
    }

    fn fails(&self, condition: &str, because: &str) {
        assert_eq!(self.test(condition), (false, because.to_owned()), "{condition}");
    }
}

#[test]
fn manufacturer_is_compared_by_the_owners_name_for_it() {
    let scene = Scene::of(origin(Method::Salak));
    scene.holds("manufacturer = [\"Other\", \"Acme\"]", "manufacturer is Acme");
    scene.fails("manufacturer = [\"Other\", \"acme\"]", "manufacturer is Acme, not Other or acme");
}

#[test]
fn serial_number_is_compared_by_pattern() {
    let scene = Scene::of(origin(Method::Salak));
    scene.holds("serial = [\"X*\", \"JADA*\"]", "serial is JADA123456789");
    scene.fails("serial = [\"JADA?\"]", "serial is JADA123456789, not JADA?");
}

#[test]
fn model_is_what_the_subject_calls_it() {
    let serial = |text: &str| Subject::serial_number(&crate::identity::SerialNumber::new(text).unwrap());
    let scene = Scene::named(serial("PID:Fruit-3 SN:JADA1").and_common_name("Basket"));
    scene.holds("model = [\"Fruit-*\"]", "model is Basket or Fruit-3");
    scene.holds("model = [\"Basket\"]", "model is Basket or Fruit-3");
    scene.fails("model = [\"JADA1\"]", "model is Basket or Fruit-3, not JADA1");
    Scene::named(serial("JADA1")).fails("model = [\"*\"]", "the IDevID names no model, not *");
}

#[test]
fn result_of_evidence_and_its_absence_can_be_told_apart() {
    let words = |found: Option<FindingResult>| {
        let scene = Scene::of(origin(Method::Salak)).edit(|said| said.evidence = found);
        ["supports", "silent", "not-understood", "absent"].map(|word| scene.test(&format!("evidence = [\"{word}\"]")).0)
    };
    assert_eq!(words(Some(FindingResult::Supports)), [true, false, false, false]);
    assert_eq!(words(Some(FindingResult::Silent)), [false, true, false, false]);
    assert_eq!(words(Some(FindingResult::NotUnderstood)), [false, false, true, false]);
    assert_eq!(words(None), [false, false, false, true]);
    let none = Scene::of(origin(Method::Salak));
    none.holds("evidence = [\"supports\", \"absent\"]", "evidence is absent");
    none.fails("evidence = [\"supports\", \"silent\"]", "evidence is absent, not supports or silent");
}

#[test]
fn said_unknown_and_not_said_can_be_told_apart() {
    let words = |found: Option<Lock>| {
        let scene = Scene::of(origin(Method::Salak)).edit(|said| said.lock = found);
        ["unknown", "absent", "stated-unknown", "fuse"].map(|word| scene.test(&format!("lock = [\"{word}\"]")).0)
    };
    assert_eq!(words(None), [true, true, false, false]);
    assert_eq!(words(Some(Lock::Unknown)), [true, false, true, false]);
    assert_eq!(words(Some(Lock::Fuse)), [false, false, false, true]);
    let silent = Scene::of(origin(Method::Salak)).edit(|said| (said.se_generation, said.private_transfer) = (None, None));
    silent.holds("se-generation = [\"internal\", \"absent\"]", "se-generation is absent");
    silent.fails("private-transfer = [\"none\", \"stated-unknown\"]", "private-transfer is absent, not none or stated-unknown");
}

#[test]
fn transfer_of_the_certificate_is_asked_for_apart_from_that_of_the_private_key() {
    let full = Scene::of(full_origin());
    full.holds("certificate-transfer = [\"none\", \"network-transferred\"]", "certificate-transfer is network-transferred");
    full.fails("certificate-transfer = [\"mechanically-installed\"]", "certificate-transfer is network-transferred, not mechanically-installed");
    let silent = Scene::of(full_origin()).edit(|said| said.certificate_transfer = None);
    silent.holds("certificate-transfer = [\"absent\"]", "certificate-transfer is absent");
    silent.holds("certificate-transfer = [\"unknown\"]", "certificate-transfer is absent");
    silent.fails("certificate-transfer = [\"stated-unknown\"]", "certificate-transfer is absent, not stated-unknown");
}

#[test]
fn retention_and_co_generation_can_be_asked_for_by_their_absence() {
    let full = Scene::of(full_origin());
    full.holds("key-retained = false", "key-retained is false");
    full.fails("key-retained = \"absent\"", "key-retained is false, not absent");
    full.holds("co-generation = \"present\"", "co-generation is present");
    full.fails("co-generation = \"absent\"", "co-generation is present, not absent");
    let silent = Scene::of(origin(Method::Carrot));
    silent.holds("key-retained = \"absent\"", "key-retained is absent");
    silent.fails("key-retained = false", "key-retained is absent, not false");
    silent.holds("co-generation = \"absent\"", "co-generation is absent");
    silent.fails("co-generation-parties-at-least = 2", "co-generation is absent, not by at least 2 parties");
}

#[test]
fn place_of_manufacture_is_compared_by_pattern() {
    let full = Scene::of(full_origin());
    full.holds("batch = [\"2026-*\"]", "batch is 2026-30");
    full.fails("batch = [\"absent\", \"2025-*\"]", "batch is 2026-30, not 2025-* or absent");
    full.holds("site = [\"Basel\"]", "site is Basel");
    full.fails("line = [\"4\"]", "line is 3, not 4");
    let silent = Scene::of(origin(Method::Salak));
    silent.holds("batch = [\"2026-30\", \"absent\"]", "batch is absent");
    silent.fails("batch = [\"*\"]", "batch is absent, not *");
}

#[test]
fn statement_of_the_future_is_not_young() {
    let ahead = |seconds| Scene::of(origin(Method::Salak)).edit(|said| said.issued_at = at(NOW + seconds));
    ahead(300).holds("statement-age-at-most = \"1d\"", "the statement is 0d old");
    let dated = crate::time::to_rfc3339(at(NOW + 301));
    ahead(301).fails("statement-age-at-most = \"1d\"", &format!("the statement is dated {dated}, which is in the future"));
}

#[test]
fn age_counts_from_the_signature_of_the_statement() {
    let age = |seconds| Scene::of(origin(Method::Salak)).edit(|said| said.issued_at = at(NOW - seconds));
    age(86_400).holds("statement-age-at-most = \"1d\"", "the statement is 1d old");
    age(2 * 86_400 + 1).fails("statement-age-at-most = \"24h\"", "the statement is 3d old, not at most 1d");
    age(7_200).fails("statement-age-at-most = \"90m\"", "the statement is 120m old, not at most 90m");
    Scene::of(origin(Method::Salak)).edit(|said| said.issued_at = at(NOW + 5)).holds("statement-age-at-most = \"1m\"", "the statement is 0m old");
}

#[test]
fn making_is_dated() {
    let made = |time: Option<u64>| Scene::of(origin(Method::Salak)).edit(|said| said.made_at = time.map(at));
    let (new_year, before) = (1_767_225_600, 1_767_225_599);
    made(Some(before)).holds("made-before = 2026-01-01T00:00:00Z", "made-at is 2025-12-31T23:59:59Z");
    made(Some(new_year)).fails("made-before = 2026-01-01T00:00:00Z", "made-at is 2026-01-01T00:00:00Z, not before 2026-01-01T00:00:00Z");
    made(Some(new_year)).holds("made-after = 2026-01-01T00:30:00+01:00", "made-at is 2026-01-01T00:00:00Z");
    made(None).fails("made-after = 2026-01-01T00:00:00Z", "made-at is absent, not after 2026-01-01T00:00:00Z");
}

#[test]
fn receipt_is_absent_present_or_checked() {
    let words = |receipt| {
        let scene = Scene { receipt, ..Scene::of(origin(Method::Salak)) };
        ["absent", "present", "checked"].map(|word| scene.test(&format!("receipt = \"{word}\"")).0)
    };
    assert_eq!(words(ReceiptFinding::Missing), [true, false, false]);
    assert_eq!(words(ReceiptFinding::Unchecked), [false, true, false]);
    assert_eq!(words(ReceiptFinding::Checked), [false, true, true]);
    let unchecked = Scene { receipt: ReceiptFinding::Unchecked, ..Scene::of(origin(Method::Salak)) };
    unchecked.fails("receipt = [\"checked\", \"absent\"]", "receipt is present but not checked, not checked or absent");
}

#[test]
fn answers_of_every_kind_can_be_asked_for() {
    let full = Scene::of(full_origin()).edit(|said| said.answers = all_answers());
    for (holds, fails) in [
        ("initial-enclave-location = [\"in-package\"]", "initial-enclave-location = [\"external\", \"absent\"]"),
        ("initial-enclave-integrity-key = [\"rom\", \"not-applicable\"]", "initial-enclave-integrity-key = [\"nowhere\"]"),
        ("initial-enclave-privacy-key = true", "initial-enclave-privacy-key = false"),
        ("first-stage-exposure = { at-most = 2 }", "first-stage-exposure = { at-most = 1 }"),
        ("first-second-stage-gap = true", "first-second-stage-gap = false"),
        ("identity-pki-level = { at-least = 3, at-most = 3 }", "identity-pki-level = { at-least = 4 }"),
        ("identity-time-limits-per-subordinate = { at-most = \"P24M\" }", "identity-time-limits-per-subordinate = { at-most = \"P23M\" }"),
        ("identity-number-per-subordinate = { at-least = 1000 }", "identity-number-per-subordinate = { at-most = 1000 }"),
        ("identity-anchor-storage = [\"*HSM*\"]", "identity-anchor-storage = [\"HSM\"]"),
        ("identity-shared-split-extra = { at-least = 2 }", "identity-shared-split-extra = { at-least = 3 }"),
        ("identity-shared-split-continents = { at-least = 3 }", "identity-shared-split-continents = \"absent\""),
        ("pki-level = \"answered\"", "pki-level = { at-least = 3 }"),
        ("pki-algorithms = [\"ECDSA *\", \"ML-DSA-*\"]", "pki-algorithms = [\"RSA*\"]"),
        ("pki-lifespan = { at-least = \"P20Y\" }", "pki-lifespan = { at-least = \"P21Y\" }"),
        ("pki-level-locked = true", "pki-level-locked = false"),
        ("pki-breadth = { at-most = 12 }", "pki-breadth = { at-most = 11 }"),
        ("pki-lock-policy = [\"policy-oid\"]", "pki-lock-policy = [\"any-end-entity\"]"),
        ("pki-anchor-storage = [\"vault\"]", "pki-anchor-storage = [\"drawer\"]"),
    ] {
        assert!(full.test(&format!("pki = {{ {holds} }}")).0, "{holds}");
        assert!(!full.test(&format!("pki = {{ {fails} }}")).0, "{fails}");
    }
}

#[test]
fn question_without_an_answer_meets_only_absence() {
    let silent = Scene::of(origin(Method::Salak));
    for question in Question::ALL {
        let name = question.name();
        silent.holds(&format!("pki = {{ {name} = \"absent\" }}"), &format!("{name} is absent"));
        silent.fails(&format!("pki = {{ {name} = \"answered\" }}"), &format!("{name} is absent, not answered"));
    }
    silent.holds("pki = { pki-lock-policy = [\"subject\", \"absent\"] }", "pki-lock-policy is absent");
    silent.fails("pki = { pki-lock-policy = [\"unknown\"] }", "pki-lock-policy is absent, not unknown");
    silent.fails("pki = { pki-level = { at-most = 3 } }", "pki-level is absent, not at most 3");
}

#[test]
fn sentences_about_answers_tell_found_and_wanted() {
    let full = Scene::of(origin(Method::Salak)).edit(|said| said.answers = all_answers());
    full.fails("pki = { pki-level = { at-least = 3, at-most = 4 } }", "pki-level is 2, not at least 3 and at most 4");
    full.fails("pki = { pki-lifespan = { at-most = \"P18M\" } }", "pki-lifespan is P20Y, not at most P18M");
    let many = "identity-number-per-subordinate";
    full.fails(&format!("pki = {{ {many} = {{ at-most = 9 }} }}"), &format!("{many} is unlimited, not at most 9"));
    let vague = full.edit(|said| said.answers.first_second_stage_gap = Some(StageGap { distance_km: Some(3), ..StageGap::default() }));
    vague.fails("pki = { first-second-stage-gap = true }", "first-second-stage-gap is answered, but not in this, not true");
    vague.holds("pki = { first-second-stage-gap = \"answered\" }", "first-second-stage-gap is answered, but not in this");
}

#[test]
fn endless_time_is_longer_than_any() {
    let scene = Scene::of(origin(Method::Salak)).edit(|said| said.answers.identity_time_limits_per_subordinate = Some(Quantity::UNLIMITED));
    assert!(scene.test("pki = { identity-time-limits-per-subordinate = { at-least = \"P99Y\" } }").0);
}

#[test]
fn assertion_is_the_vouchers() {
    let asserting = |assertion| Scene { word: Some(MasaFindings { assertion, history: None }), ..Scene::of(origin(Method::Salak)) };
    asserting(Some(Assertion::Verified)).holds("assertion = [\"verified\", \"proximity\"]", "assertion is verified");
    asserting(Some(Assertion::Logged)).fails("assertion = [\"verified\"]", "assertion is logged, not verified");
    asserting(None).holds("assertion = [\"absent\"]", "assertion is absent");
    Scene::of(origin(Method::Salak)).holds("assertion = [\"absent\"]", "assertion is absent");
}

#[test]
fn every_finding_of_an_audit_log_has_its_word() {
    let foreign = || DomainId::new(vec![7; 20]).unwrap();
    let words = |scene: Scene| {
        ["clean", "foreign-domain", "foreign-nonceless", "truncated", "none-disclosed"].map(|word| scene.test(&format!("audit-log = [\"{word}\"]")).0)
    };
    assert_eq!(words(Scene::of(origin(Method::Salak))), [false, false, false, false, true]);
    assert_eq!(words(Scene::with_history(|log| log.names_us = true)), [true, false, false, false, false]);
    assert_eq!(words(Scene::with_history(|log| log.foreign = vec![foreign()])), [false, true, false, false, false]);
    let nonceless = Scene::with_history(|log| (log.foreign, log.foreign_nonceless) = (vec![foreign()], vec![foreign()]));
    nonceless.fails("audit-log = [\"clean\", \"truncated\"]", "audit-log is foreign-domain and foreign-nonceless, not clean or truncated");
    assert_eq!(words(nonceless), [false, true, true, false, false]);
    assert_eq!(words(Scene::with_history(|log| log.arbitrarily_truncated = 1)), [false, false, false, true, false]);
}

#[test]
fn events_are_counted_from_the_first_of_a_foreign_domain() {
    let condition = "audit-log-events-before = 2026-01-01T00:00:00Z";
    let first = |time: u64| Scene::with_history(|log| log.earliest_foreign = Some(at(time)));
    first(1_767_225_599).holds(condition, "a foreign domain first had the device at 2025-12-31T23:59:59Z");
    let found = "a foreign domain first had the device at 2026-01-01T00:00:00Z";
    first(1_767_225_600).fails(condition, &format!("{found}, not before 2026-01-01T00:00:00Z"));
    Scene::with_history(|_| ()).fails(condition, "the audit log names no foreign domain");
    Scene::of(origin(Method::Salak)).fails(condition, "the MASA disclosed no audit log");
}

#[test]
fn conditions_on_the_device_and_on_the_masas_word_need_no_statement() {
    let bare = Scene { statement: None, ..Scene::of(origin(Method::Salak)) };
    bare.holds("statement = \"absent\"\nmanufacturer = [\"Acme\"]\naudit-log = [\"none-disclosed\"]", BARE);
    let of_statement = [
        "batch = [\"absent\"]",
        "receipt = \"absent\"",
        "key-retained = \"absent\"",
        "lock = [\"absent\"]",
        "pki = { pki-level = \"absent\" }",
        "made-before = 2099-01-01T00:00:00Z",
    ];
    for condition in of_statement {
        bare.fails(condition, "there is no statement");
    }
}

const BARE: &str = "manufacturer is Acme, there is no statement, audit-log is none-disclosed";
