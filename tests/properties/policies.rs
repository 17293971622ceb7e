//! A policy accepts what it lists and nothing else.

use std::sync::LazyLock;

use brski_common::provenance::{Basis, Disclosure, KeyOrigin, Locus, Protection, Source, Status, Transfer};
use brski_common::time::at;
use brski_common::{
    Format, Method, Policy, ProvenanceRecord, ProvenanceStatement, Refusal, SignedBy, Signer as _, SigningParty, Verdict, Verified, Verifier, appraise,
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
}
