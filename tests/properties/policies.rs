//! A policy accepts what it lists and nothing else.

use std::sync::LazyLock;

use brski_common::appraise::{Case, HistoryFindings, MasaFindings, ReceiptFinding, still_hopeful};
use brski_common::provenance::{Basis, Disclosure, KeyOrigin, Locus, Protection, Source, Status, Transfer};
use brski_common::time::at;
use brski_common::{
    Appraisal, Assertion, DomainId, Format, IDevIdCert, Method, Policy, ProvenanceRecord, ProvenanceStatement, Refusal, SignedBy, Signer as _, SigningParty,
    UnixTime, Verdict, Verified, Verifier,
};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::config;
use crate::support::{Authority, Device, Hand, Manufacturer, NOW, block_on};

static DEVICES: LazyLock<[Device; 2]> = LazyLock::new(|| {
    block_on(async {
        let maker = Manufacturer::found("Fruitmaker", &Hand::default()).await;
        [maker.certify("A-1").await, maker.certify("A-2").await]
    })
});

static PROVENANCE: LazyLock<SigningParty> = LazyLock::new(|| block_on(async { Authority::root("Provenance").await.party("provenance", &[]).await }));

fn stated(device: &Device, method: Method, protection: Protection, status: Status) -> Verified<ProvenanceStatement> {
    let record = ProvenanceRecord {
        device: device.idevid().device().clone(),
        spki: device.idevid().spki_digest(),
        seq: 0,
        salt: [5; 16],
        status,
        report: None,
        supersedes: None,
        reported_by: "station-7".to_owned(),
        recorded_at: at(NOW),
        findings: Vec::new(),
        origin: KeyOrigin {
            private_transfer: Transfer::None,
            ..KeyOrigin::new(method, Source::Unknown, protection, Locus::Unknown, Basis::StationSigned, at(NOW))
        },
    };
    let statement = ProvenanceStatement::view(&record, device.key.public_key(), "masa", Disclosure::Customer, [9; 16], at(NOW)).unwrap();
    let signed = block_on(PROVENANCE.seal(&statement, Format::Cose)).unwrap();
    signed.verify(&Verifier::strict(SignedBy::Holder(&PROVENANCE.identity.chain[0])), at(NOW)).unwrap()
}

/// Rules that accept, hold and refuse these methods, in this order; a rule for no method at all is left out.
fn policy(accept: &[Method], hold: &[Method], refuse: &[Method]) -> Policy {
    let rule = |then: &str, methods: &[Method]| match methods.is_empty() {
        true => String::new(),
        false => {
            let methods: Vec<String> = methods.iter().map(|method| format!("\"{method}\"")).collect();
            format!("[[rule]]\nname = \"{then}-some\"\nmethod = [{}]\nthen = \"{then}\"\n", methods.join(", "))
        }
    };
    // So that there is one rule in any case.
    let last = "[[rule]]\nname = \"nothing-without\"\nstatement = \"absent\"\nthen = \"refuse\"\n";
    Policy::from_toml(&format!("version = 1\n{}{}{}{last}", rule("accept", accept), rule("hold", hold), rule("refuse", refuse))).unwrap()
}

/// Methods that a policy can name.
fn some_methods() -> impl Strategy<Value = Vec<Method>> {
    let named: Vec<Method> = Method::ALL.iter().copied().filter(|method| *method != Method::Unknown).collect();
    subsequence(named, 0..=5)
}

/// A condition of each kind that the MASA's answer may decide, and of some that it cannot.
fn condition() -> impl Strategy<Value = String> {
    let list = |field: &'static str, words: &'static [&'static str]| {
        subsequence(words, 1..=words.len())
            .prop_map(move |words| format!("{field} = [{}]", words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")))
    };
    prop_oneof![
        list("method", &["avocado", "bamboo", "salak"]),
        list("status", &["valid", "disputed"]),
        list("assertion", &["verified", "logged", "proximity", "absent"]),
        list("audit-log", &["clean", "foreign-domain", "foreign-nonceless", "truncated", "none-disclosed"]),
        list("receipt", &["checked", "present", "absent"]),
        list("manufacturer", &["Maker", "Other"]),
        Just("audit-log-events-before = 2026-01-01T00:00:00Z".to_owned()),
        Just("statement-age-at-most = \"1d\"".to_owned()),
        list("evidence", &["supports", "silent", "not-understood", "absent"]),
        Just("key-retained = \"absent\"".to_owned()),
    ]
}

/// Rules of such conditions as TOML, none of which accepts just anything.
fn rules() -> impl Strategy<Value = String> {
    let rule = (proptest::collection::vec(condition(), 0..4), select(&["accept", "hold", "refuse"][..]));
    proptest::collection::vec(rule, 1..6).prop_map(|rules| {
        let written = rules.iter().enumerate().map(|(index, (conditions, then))| {
            // A field cannot stand twice in a rule.
            let by_field: std::collections::BTreeMap<&str, &str> = conditions.iter().filter_map(|one| one.split_once(" = ")).collect();
            let conditions: String = by_field.iter().map(|(field, value)| format!("{field} = {value}\n")).collect();
            format!("[[rule]]\nname = \"rule-{index}\"\nstatement = \"present\"\n{conditions}then = \"{then}\"\n")
        });
        written.collect()
    })
}

/// What a MASA can say beside the statement.
fn word() -> impl Strategy<Value = Option<MasaFindings>> {
    let foreign = || DomainId::new(vec![7; 20]).unwrap();
    let history =
        (any::<bool>(), any::<bool>(), 0_u32..2, select(&[1_700_000_000_u64, 1_790_000_000][..])).prop_map(move |(had, nonceless, removed, first)| {
            let domains = |so: bool| so.then(foreign).into_iter().collect();
            let earliest_foreign = (had || nonceless).then(|| at(first));
            HistoryFindings {
                foreign: domains(had || nonceless),
                foreign_nonceless: domains(nonceless),
                arbitrarily_truncated: removed,
                earliest_foreign,
                names_us: true,
            }
        });
    let assertion = select(&[None, Some(Assertion::Verified), Some(Assertion::Logged), Some(Assertion::Proximity)][..]);
    proptest::option::of((assertion, proptest::option::of(history)).prop_map(|(assertion, history)| MasaFindings { assertion, history }))
}

/// What a policy makes of a statement alone.
fn appraise(policy: &Policy, idevid: &IDevIdCert, statement: Option<&Verified<ProvenanceStatement>>, now: UnixTime) -> Result<Appraisal, Refusal> {
    let case = Case { idevid, manufacturer: "Maker", statement, receipt: ReceiptFinding::Missing, word: None };
    brski_common::appraise(policy, &case, now)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn first_rule_that_names_the_method_decides_and_all_else_is_refused(
        (accept, hold, refuse) in (some_methods(), some_methods(), some_methods()),
        (method, protection) in (select(Method::ALL), select(Protection::ALL)),
    ) {
        let device = &DEVICES[0];
        let appraisal = appraise(&policy(&accept, &hold, &refuse), &device.idevid(), Some(&stated(device, method, protection, Status::Valid)), at(NOW)).unwrap();
        let expected = match method {
            accepted if accept.contains(&accepted) => Verdict::Accept,
            held if hold.contains(&held) => Verdict::Hold,
            _ => Verdict::Refuse,
        };
        prop_assert_eq!(appraisal.verdict(), expected);
        prop_assert_eq!(appraisal.permit(core::time::Duration::ZERO).is_ok(), expected == Verdict::Accept);
        prop_assert_eq!(appraisal.trace().iter().filter(|step| step.matched).count(), 1);
    }

    #[test]
    fn no_policy_accepts_a_statement_about_another_device(accept in some_methods(), method in select(Method::ALL)) {
        let statement = stated(&DEVICES[1], method, Protection::NonExtractable, Status::Valid);
        let refused = appraise(&policy(&accept, &[], &[]), &DEVICES[0].idevid(), Some(&statement), at(NOW));
        let is_mismatch = matches!(refused, Err(Refusal::StatementMismatch { .. }));
        prop_assert!(is_mismatch);
    }

    #[test]
    fn no_policy_accepts_a_compromised_key(accept in some_methods(), method in select(Method::ALL)) {
        let statement = stated(&DEVICES[0], method, Protection::NonExtractable, Status::Compromised);
        let refused = appraise(&policy(&accept, &[], &[]), &DEVICES[0].idevid(), Some(&statement), at(NOW));
        let is_void = matches!(refused, Err(Refusal::StatementVoid(_)));
        prop_assert!(is_void);
    }

    #[test]
    fn protection_rule_accepts_from_its_level_on(least in select(&Protection::ALL[1..]), held in select(Protection::ALL)) {
        let rule = format!("version = 1\n[[rule]]\nname = \"held-well\"\nprotection-at-least = \"{least}\"\nthen = \"accept\"\n");
        let statement = stated(&DEVICES[0], Method::Salak, held, Status::Valid);
        let appraisal = appraise(&Policy::from_toml(&rule).unwrap(), &DEVICES[0].idevid(), Some(&statement), at(NOW)).unwrap();
        prop_assert_eq!(appraisal.verdict() == Verdict::Accept, held >= least);
    }

    #[test]
    fn whom_a_policy_refuses_before_the_masa_is_asked_it_refuses_whatever_the_masa_says(
        (rules, word) in (rules(), word()),
        (method, status) in (select(&[Method::Avocado, Method::Bamboo, Method::Salak][..]), select(&[Status::Valid, Status::Disputed][..])),
        (early, late) in (select(RECEIPTS), select(RECEIPTS)),
        (mode, later) in (select(&["enforce", "warn"][..]), select(&[0_u64, 200_000][..])),
    ) {
        let (policy, idevid) = (Policy::from_toml(&format!("version = 1\nmode = \"{mode}\"\n{rules}")).unwrap(), DEVICES[0].idevid());
        let (statement, now) = (stated(&DEVICES[0], method, Protection::NonExtractable, status), at(NOW + later));
        let case = Case { idevid: &idevid, manufacturer: "Maker", statement: Some(&statement), receipt: early, word: None };
        let hopeful = still_hopeful(&policy, &case, now);
        let said = brski_common::appraise(&policy, &Case { receipt: late, word: word.as_ref(), ..case }, now).unwrap();
        prop_assert!(hopeful.is_ok() || said.verdict() == Verdict::Refuse, "{rules}");
    }

    #[test]
    fn warning_policy_tells_what_the_same_rules_do_when_enforced(
        (rules, word) in (rules(), word()),
        (method, status) in (select(&[Method::Avocado, Method::Bamboo, Method::Salak][..]), select(&[Status::Valid, Status::Disputed][..])),
    ) {
        let idevid = DEVICES[0].idevid();
        let statement = stated(&DEVICES[0], method, Protection::NonExtractable, status);
        let case = Case { idevid: &idevid, manufacturer: "Maker", statement: Some(&statement), receipt: ReceiptFinding::Missing, word: word.as_ref() };
        let under = |mode: &str| brski_common::appraise(&Policy::from_toml(&format!("version = 1\nmode = \"{mode}\"\n{rules}")).unwrap(), &case, at(NOW)).unwrap();
        let (enforced, warned) = (under("enforce"), under("warn"));
        match (enforced.verdict(), warned.verdict()) {
            (Verdict::Accept, verdict) => prop_assert_eq!((verdict, warned.warned()), (Verdict::Accept, None)),
            (Verdict::Hold, verdict) => prop_assert_eq!((verdict, warned.warned()), (Verdict::Accept, Some(Verdict::Hold))),
            (Verdict::Refuse, Verdict::Accept) => prop_assert_eq!(warned.warned(), Some(Verdict::Refuse)),
            // Only for what is refused unless a rule lists it.
            (Verdict::Refuse, verdict) => {
                let suspicious = word.as_ref().and_then(|word| word.history.as_ref()).is_some_and(|log| !log.foreign_nonceless.is_empty() || log.arbitrarily_truncated > 0);
                prop_assert!(verdict == Verdict::Refuse && (suspicious || status == Status::Disputed), "{rules}");
            }
        }
    }
}

const RECEIPTS: &[ReceiptFinding] = &[ReceiptFinding::Missing, ReceiptFinding::Unchecked, ReceiptFinding::Checked];
