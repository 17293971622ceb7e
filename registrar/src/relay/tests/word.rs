//! What the owner makes of a MASA's word: voucher, statements, history.

use brski_common::log::{Inclusion, Receipt, leaf_hash, node_hash, with_receipt};
use brski_common::{Format, SignatureAlgorithm, Signed, SoftwareKey, Verdict};

use super::*;
use crate::approval::{Approval, Person};

/// A pledge whose request was relayed, and the owner who waits for the MASA's word.
struct Waiting {
    world: World,
    pledge: Pledge,
    policy: Policy,
    audit_log: Requirement,
    accepted_foreign_domains: Vec<DomainId>,
    manufacturer: Manufacturer,
}

impl Waiting {
    fn new() -> Self {
        let world = World::new();
        let (pledge, manufacturer) = (world.pledge("JADA1"), world.manufacturer());
        Self { world, pledge, policy: policy(), audit_log: Requirement::Required, accepted_foreign_domains: Vec::new(), manufacturer }
    }

    /// An order is spent by value: each attempt needs its own.
    fn order(&self) -> RelayOrder {
        admitted(&self.world, &self.pledge, &self.world.request(&self.pledge)).unwrap()
    }

    fn owner(&self) -> Owner<'_> {
        Owner {
            chain: &self.world.registrar.identity.chain,
            policy: &self.policy,
            audit_log: self.audit_log,
            accepted_foreign_domains: &self.accepted_foreign_domains,
            hold_retry: HOLD,
            manufacturer: &self.manufacturer,
            approval: None,
            approvers: 1,
        }
    }

    fn voucher(&self) -> Voucher {
        self.world.voucher_for(&self.order().request())
    }

    /// What comes of this voucher and these statements, with a history that nobody could object to.
    fn accept(&self, voucher: &Voucher, statements: &[Verified<ProvenanceStatement>]) -> Result<Admission, Refusal> {
        self.accept_with(self.order(), voucher, statements, Some(&AuditLog::default()))
    }

    fn accept_with(
        &self,
        order: RelayOrder,
        voucher: &Voucher,
        statements: &[Verified<ProvenanceStatement>],
        audit_log: Option<&AuditLog>,
    ) -> Result<Admission, Refusal> {
        let voucher = self.world.verified_voucher(voucher);
        order.accept(MasaWord { voucher: &voucher, statements, audit_log }, &self.owner(), now()).map_err(|declined| declined.refusal)
    }

    fn statement(&self, method: Method, seq: u32) -> Verified<ProvenanceStatement> {
        self.world.verified_statement(&self.pledge, method, seq)
    }

    fn with_log(&self, events: Vec<Event>, arbitrary: u32) -> Result<Admission, Refusal> {
        let log = AuditLog { events, truncation: Truncation { arbitrary, ..Truncation::default() } };
        self.accept_with(self.order(), &self.voucher(), &[self.statement(Method::Avocado, 0)], Some(&log))
    }
}

fn event(domain: &DomainId, nonce: Option<Nonce>) -> Event {
    Event { date: now(), domain_id: domain.clone(), nonce, assertion: Assertion::Logged, truncated: 0 }
}

#[test]
fn admission_keeps_the_voucher_octet_for_octet_and_the_rule_that_accepted() {
    let waiting = Waiting::new();
    let voucher = waiting.world.verified_voucher(&waiting.voucher());
    let word = MasaWord { voucher: &voucher, statements: &[waiting.statement(Method::Avocado, 0)], audit_log: Some(&AuditLog::default()) };
    let admission = waiting.order().accept(word, &waiting.owner(), now()).unwrap();
    assert_eq!(admission.voucher(), voucher.signed());
    assert_eq!(admission.idevid(), &waiting.pledge.idevid);
    assert_eq!(admission.ground().rule, "made-inside");
    assert_eq!(admission.admitted_at(), now());
}

#[test]
fn voucher_that_differs_in_one_leaf_is_refused_by_the_name_of_that_leaf() {
    let waiting = Waiting::new();
    let good = waiting.voucher();
    let foreign = Ca::new("another owner").certificate;
    let foreign_key = foreign.public_key().spki().to_vec();
    for (leaf, voucher) in [
        ("serial-number", Voucher { serial_number: SerialNumber::new("JADA2").unwrap(), ..good.clone() }),
        ("nonce", Voucher { nonce: Some(Nonce::from_bytes(&[8; 16]).unwrap()), ..good.clone() }),
        ("nonce", Voucher { nonce: None, ..good.clone() }),
        ("idevid-issuer", Voucher { idevid_issuer: Some(KeyIdentifier::new([1, 2]).unwrap()), ..good.clone() }),
        ("pinned-domain-cert", Voucher { pinned_domain_cert: Some(foreign), ..good.clone() }),
        ("pinned-domain-cert", Voucher { pinned_domain_cert: None, ..good.clone() }),
        ("pinned-domain-pubk", Voucher { pinned_domain_pubk: Some(foreign_key), ..good.clone() }),
        ("pinned-domain-pubk-sha256", Voucher { pinned_domain_pubk_sha256: Some([1; 32]), ..good.clone() }),
        ("expires-on", Voucher { expires_on: Some(at(NOW - 1)), ..good.clone() }),
    ] {
        let refusal = waiting.accept(&voucher, &[waiting.statement(Method::Avocado, 0)]).unwrap_err();
        assert_eq!(refusal, Refusal::VoucherMismatch { leaf });
    }
}

#[test]
fn voucher_may_pin_the_registrars_key() {
    let waiting = Waiting::new();
    let key = waiting.world.registrar.identity.chain[0].public_key();
    let voucher = Voucher { pinned_domain_cert: None, pinned_domain_pubk: Some(key.spki().to_vec()), ..waiting.voucher() };
    assert!(waiting.accept(&voucher, &[waiting.statement(Method::Avocado, 0)]).is_ok());
}

#[test]
fn bamboo_key_is_refused_by_the_policys_rule() {
    let waiting = Waiting::new();
    let refusal = waiting.accept(&waiting.voucher(), &[waiting.statement(Method::Bamboo, 0)]).unwrap_err();
    assert!(matches!(refusal, Refusal::ProvenanceUnacceptable { found: Some(Method::Bamboo), .. }));
}

#[test]
fn pledge_without_a_statement_is_refused() {
    let waiting = Waiting::new();
    let refusal = waiting.accept(&waiting.voucher(), &[]).unwrap_err();
    assert!(matches!(refusal, Refusal::ProvenanceUnacceptable { found: None, .. }));
}

#[test]
fn carrot_key_is_held_for_a_person() {
    let waiting = Waiting::new();
    let refusal = waiting.accept(&waiting.voucher(), &[waiting.statement(Method::Carrot, 0)]).unwrap_err();
    assert!(matches!(refusal, Refusal::Pending { wait, .. } if wait == HOLD));
}

#[test]
fn masas_newer_statement_overrules_the_one_that_the_pledge_carried() {
    let waiting = Waiting::new();
    let accept = |masas_seq| {
        let order = waiting.order().carrying(waiting.statement(Method::Avocado, 1), &waiting.owner(), now()).unwrap();
        waiting.accept_with(order, &waiting.voucher(), &[waiting.statement(Method::Bamboo, masas_seq)], Some(&AuditLog::default()))
    };
    assert!(matches!(accept(2), Err(Refusal::ProvenanceUnacceptable { found: Some(Method::Bamboo), .. })));
    assert!(accept(0).is_ok());
}

#[test]
fn carried_bamboo_statement_is_refused_before_the_masa_is_asked() {
    let waiting = Waiting::new();
    let refusal = waiting.order().carrying(waiting.statement(Method::Bamboo, 0), &waiting.owner(), now()).unwrap_err();
    assert!(matches!(refusal.refusal, Refusal::ProvenanceUnacceptable { .. }));
    assert_eq!(refusal.decision.map(|decision| decision.trace.len()), Some(3));
}

#[test]
fn pledge_whose_case_hangs_on_the_masas_word_is_not_refused_before_it_is_asked() {
    let rule = "version = 1\n[[rule]]\nname = \"sold-to-us\"\nmethod = [\"avocado\"]\nassertion = [\"verified\"]\nthen = \"accept\"";
    let waiting = Waiting { policy: Policy::from_toml(rule).unwrap(), ..Waiting::new() };
    assert!(waiting.order().carrying(waiting.statement(Method::Avocado, 0), &waiting.owner(), now()).is_ok());
    let refused = waiting.order().carrying(waiting.statement(Method::Carrot, 0), &waiting.owner(), now()).unwrap_err();
    assert!(matches!(refused.refusal, Refusal::ProvenanceUnacceptable { found: Some(Method::Carrot), .. }));
}

#[test]
fn statement_of_another_device_is_refused_even_beside_a_right_one() {
    let waiting = Waiting::new();
    let other = waiting.world.verified_statement(&waiting.world.pledge("JADA2"), Method::Avocado, 0);
    let refusal = waiting.accept(&waiting.voucher(), &[waiting.statement(Method::Avocado, 5), other]).unwrap_err();
    assert!(matches!(refusal, Refusal::StatementMismatch { .. }));
}

/// A voucher that says this of its pledge's key.
fn saying(waiting: &Waiting, provenance: ProvenanceExtension) -> Voucher {
    Voucher { provenance: Some(provenance), ..waiting.voucher() }
}

#[test]
fn voucher_that_only_displays_a_method_counts_as_no_statement() {
    let waiting = Waiting::new();
    let display = extension(|of| (of.method, of.statement_hash) = (Some(Method::Avocado), Some([1; 32])));
    let refusal = waiting.accept(&saying(&waiting, display), &[]).unwrap_err();
    assert!(matches!(refusal, Refusal::ProvenanceUnacceptable { found: None, .. }));
}

#[test]
fn displayed_method_does_not_overrule_the_statement() {
    let waiting = Waiting::new();
    let display = extension(|of| of.method = Some(Method::Avocado));
    let refusal = waiting.accept(&saying(&waiting, display), &[waiting.statement(Method::Bamboo, 0)]).unwrap_err();
    assert!(matches!(refusal, Refusal::ProvenanceUnacceptable { found: Some(Method::Bamboo), .. }));
}

#[test]
fn statement_must_be_the_one_whose_hash_the_voucher_names() {
    let waiting = Waiting::new();
    let [named, other] = [waiting.statement(Method::Avocado, 0), waiting.statement(Method::Avocado, 1)];
    let hash = extension(|of| of.statement_hash = Some(named.signed().digest()));
    let voucher = saying(&waiting, hash);
    assert!(waiting.accept(&voucher, std::slice::from_ref(&named)).is_ok());
    assert!(matches!(waiting.accept(&voucher, std::slice::from_ref(&other)), Err(Refusal::StatementVoid(_))));
    assert!(matches!(waiting.accept(&voucher, &[named, other]), Err(Refusal::StatementVoid(_))));
}

/// A receipt for a statement's record in a log of two entries.
async fn receipt(statement: &Verified<ProvenanceStatement>) -> Result<Receipt, brski_common::SignError> {
    let (log, _) = SoftwareKey::generate(SignatureAlgorithm::EdDsa)?;
    let (leaf, genesis) = (statement.get().record.0.into(), leaf_hash(b"genesis"));
    let proof = Inclusion { tree_size: 2, leaf_index: 1, path: vec![genesis] };
    Receipt::of_inclusion(proof, &leaf, &node_hash(&genesis, &leaf), &log)?.sign(&log).await
}

#[test]
fn statement_with_a_receipt_is_the_one_whose_hash_the_voucher_names() {
    let waiting = Waiting::new();
    let named = waiting.statement(Method::Avocado, 0);
    let mut hash = ProvenanceExtension::default();
    hash.statement_hash = Some(named.signed().digest());
    let receipted = with_receipt(named.signed().wire(), &crate::testing::block_on(receipt(&named)).unwrap()).unwrap();
    let receipted = waiting.world.manufacturer().verify_statement(&Signed::from_wire(Format::Cose, receipted), now()).unwrap();
    assert_ne!(receipted.signed().digest(), named.signed().digest());
    assert!(waiting.accept(&saying(&waiting, hash), &[receipted]).is_ok());
}

#[test]
fn carried_statement_must_be_the_one_whose_hash_the_voucher_names() {
    let waiting = Waiting::new();
    let [stale, newest] = [waiting.statement(Method::Avocado, 0), waiting.statement(Method::Avocado, 1)];
    let mut hash = ProvenanceExtension::default();
    hash.statement_hash = Some(newest.signed().digest());
    let voucher = saying(&waiting, hash);
    let accept = |carried: &Verified<ProvenanceStatement>, of_masa: &[Verified<ProvenanceStatement>]| {
        let order = waiting.order().carrying(carried.clone(), &waiting.owner(), now()).unwrap();
        waiting.accept_with(order, &voucher, of_masa, Some(&AuditLog::default()))
    };
    assert!(matches!(accept(&stale, &[]), Err(Refusal::StatementVoid(_))));
    assert!(accept(&newest, &[]).is_ok());
    assert!(accept(&stale, std::slice::from_ref(&newest)).is_ok());
}

#[test]
fn foreign_voucher_without_nonce_in_the_audit_log_is_refused() {
    let waiting = Waiting::new();
    let foreign = Ca::new("former owner").certificate.domain_id();
    assert!(matches!(waiting.with_log(vec![event(&foreign, None)], 0), Err(Refusal::AuditLogUnacceptable(_))));
}

#[test]
fn accepted_foreign_domain_may_have_had_the_device_without_nonce() {
    let mut waiting = Waiting::new();
    let integrator = Ca::new("integrator").certificate.domain_id();
    waiting.accepted_foreign_domains = vec![integrator.clone()];
    assert!(waiting.with_log(vec![event(&integrator, None)], 0).is_ok());
}

#[test]
fn own_voucher_without_nonce_in_the_audit_log_is_no_objection() {
    let waiting = Waiting::new();
    let own = waiting.world.domain.certificate.domain_id();
    assert!(waiting.with_log(vec![event(&own, None)], 0).is_ok());
}

#[test]
fn domain_named_by_the_registrars_own_key_is_ours_and_by_a_key_above_it_is_not() {
    let waiting = Waiting::new();
    let chain = &waiting.world.registrar.identity.chain;
    let named = |certificate: &Certificate| {
        let log = AuditLog { events: vec![event(&certificate.spki_digest().into(), None)], truncation: Truncation::default() };
        findings_of(&log, chain, &[])
    };
    let (own, above) = (named(&chain[0]), named(&chain[1]));
    assert_eq!((own.names_us, own.foreign_nonceless.len()), (true, 0));
    assert_eq!((above.names_us, above.foreign_nonceless.len()), (false, 1));
}

#[test]
fn rule_that_lists_the_finding_takes_in_a_device_that_somebody_could_take_back() {
    let rule = "version = 1\n[[rule]]\nname = \"bought-used\"\nmethod = [\"avocado\"]\naudit-log = [\"foreign-nonceless\"]\nthen = \"accept\"";
    let waiting = Waiting { policy: Policy::from_toml(rule).unwrap(), ..Waiting::new() };
    let foreign = Ca::new("former owner").certificate.domain_id();
    assert_eq!(waiting.with_log(vec![event(&foreign, None)], 0).unwrap().ground().rule, "bought-used");
}

#[test]
fn admission_under_a_policy_that_only_warns_keeps_what_would_have_been() {
    let rule = "version = 1\nmode = \"warn\"\n[[rule]]\nname = \"no-bamboo\"\nmethod = [\"bamboo\"]\nthen = \"refuse\"";
    let waiting = Waiting { policy: Policy::from_toml(rule).unwrap(), ..Waiting::new() };
    let admission = waiting.accept(&waiting.voucher(), &[waiting.statement(Method::Bamboo, 0)]).unwrap();
    assert_eq!(admission.ground().warned, Some(Verdict::Refuse));
    let crate::trail::What::Admitted { decision: Some(decision), .. } = admission.event().what else { panic!("a decision is kept") };
    assert_eq!((decision.verdict, decision.warned, decision.rule.as_str()), (Verdict::Accept, Some(Verdict::Refuse), "no-bamboo"));
}

#[test]
fn audit_log_that_was_cut_at_will_is_refused() {
    assert!(matches!(Waiting::new().with_log(Vec::new(), 1), Err(Refusal::AuditLogUnacceptable(_))));
}

#[test]
fn foreign_domain_with_nonce_is_reported_once_and_admitted() {
    let waiting = Waiting::new();
    let foreign = Ca::new("former owner").certificate.domain_id();
    let nonce = || Some(Nonce::from_bytes(&[1; 8]).unwrap());
    let events = vec![event(&foreign, nonce()), event(&foreign, nonce()), event(&waiting.world.domain.certificate.domain_id(), nonce())];
    let log = AuditLog { events: events.clone(), truncation: Truncation::default() };
    let findings = findings_of(&log, &waiting.world.registrar.identity.chain, &[]);
    assert_eq!((findings.foreign, findings.names_us), (vec![foreign], true));
    assert!(waiting.with_log(events, 0).is_ok());
}

#[test]
fn masa_that_conceals_the_history_gets_no_pledge_admitted() {
    let waiting = Waiting::new();
    let refusal = waiting.accept_with(waiting.order(), &waiting.voucher(), &[waiting.statement(Method::Avocado, 0)], None).unwrap_err();
    assert_eq!(refusal, Refusal::AuditLogMissing(waiting.pledge.idevid.device().serial.clone()));
}

#[test]
fn owner_may_do_without_a_history() {
    let waiting = Waiting { audit_log: Requirement::Optional, ..Waiting::new() };
    assert!(waiting.accept_with(waiting.order(), &waiting.voucher(), &[waiting.statement(Method::Avocado, 0)], None).is_ok());
}

#[test]
fn history_that_is_shown_is_examined_even_where_none_is_required() {
    let waiting = Waiting { audit_log: Requirement::Optional, ..Waiting::new() };
    assert!(matches!(waiting.with_log(Vec::new(), 1), Err(Refusal::AuditLogUnacceptable(_))));
}

/// The extension with these leaves.
fn extension(edit: impl FnOnce(&mut ProvenanceExtension)) -> ProvenanceExtension {
    let mut extension = ProvenanceExtension::default();
    edit(&mut extension);
    extension
}

#[test]
fn statements_of_one_seq_that_contradict_each_other_admit_nobody() {
    let waiting = Waiting::new();
    let contradicting = [waiting.statement(Method::Bamboo, 0), waiting.statement(Method::Avocado, 0)];
    let refusal = waiting.accept(&waiting.voucher(), &contradicting).unwrap_err();
    assert_eq!(refusal.to_string(), "the provenance statement does not count: another statement with the same seq, 0, says bamboo where it says avocado");
}

#[test]
fn no_more_domains_of_a_long_log_are_named_than_a_person_reads() {
    let waiting = Waiting::new();
    let domains = (0..100_u8).map(|n| DomainId::new([n; 20]).unwrap());
    let events: Vec<_> = domains.map(|domain| event(&domain, None)).collect();
    let log = AuditLog { events, truncation: Truncation::default() };
    let findings = findings_of(&log, &waiting.world.registrar.identity.chain, &[]);
    assert_eq!((findings.foreign.len(), findings.foreign_nonceless.len()), (16, 16));
}

/// What an owner says of a carrot with this history, who was asked about one with a history that nobody could object to, and said yes under the first policy.
fn approved_under(first: &str, second: &str, events: Vec<Event>) -> Result<Admission, Refusal> {
    let mut waiting = Waiting { policy: Policy::from_toml(first).unwrap(), ..Waiting::new() };
    let (voucher, statement) = (waiting.world.verified_voucher(&waiting.voucher()), waiting.statement(Method::Carrot, 0));
    let word = MasaWord { voucher: &voucher, statements: std::slice::from_ref(&statement), audit_log: Some(&AuditLog::default()) };
    let held = waiting.order().accept(word, &waiting.owner(), now()).unwrap_err().held.unwrap();
    let approval = Approval::of(*held, [Person::new("ann", "it is ours", now())]);

    waiting.policy = Policy::from_toml(second).unwrap();
    let log = AuditLog { events, truncation: Truncation::default() };
    let owner = Owner { approval: Some(&approval), ..waiting.owner() };
    waiting.order().accept(MasaWord { audit_log: Some(&log), ..word }, &owner, now()).map_err(|declined| declined.refusal)
}

const ASKS: &str = "version = 1\n[[rule]]\nname = \"ask\"\nmethod = [\"carrot\"]\nthen = \"hold\"";

#[test]
fn yes_covers_the_same_case_when_the_masa_is_asked_anew() {
    assert_eq!(approved_under(ASKS, ASKS, Vec::new()).unwrap().ground().approved_by[0].name, "ann");
}

#[test]
fn yes_to_a_clean_history_is_none_once_the_log_names_a_foreign_domain() {
    let foreign = Ca::new("former owner").certificate.domain_id();
    let events = vec![event(&foreign, Some(Nonce::from_bytes(&[1; 8]).unwrap()))];
    assert!(matches!(approved_under(ASKS, ASKS, events), Err(Refusal::Pending { .. })));
}

#[test]
fn yes_is_none_under_a_policy_whose_rule_of_the_same_name_says_something_else() {
    let rewritten = ASKS.replace("[\"carrot\"]", "[\"carrot\", \"bamboo\"]");
    assert!(matches!(approved_under(ASKS, &rewritten, Vec::new()), Err(Refusal::Pending { .. })));
}
