use brski_common::audit_log::{Event, Truncation};
use brski_common::time::at;
use brski_common::{Assertion, AuditLog, DomainId, KeyIdentifier, Method, Nonce, Refusal, SerialNumber, Voucher, VoucherRequest};

use super::*;
use crate::registrar::Settings;
use crate::testing::{Ca, HOLD, NOW, Pledge, World, now, policy};

fn admitted(world: &World, pledge: &Pledge, request: &VoucherRequest) -> Result<RelayOrder, Refusal> {
    admit(&pledge.verified(request), &world.verified(pledge), &world.registrar.identity.chain[0], &Settings::default(), now())
}

fn refused(change: impl FnOnce(&World, &mut VoucherRequest)) -> Refusal {
    let world = World::new();
    let pledge = world.pledge("JADA1");
    let mut request = world.request(&pledge);
    change(&world, &mut request);
    admitted(&world, &pledge, &request).unwrap_err()
}

#[test]
fn registrars_request_encloses_the_pledges_and_names_it_by_its_certificate() {
    let world = World::new();
    let pledge = world.pledge("JADA1");
    let request = world.request(&pledge);
    let verified = pledge.verified(&request);
    let order = admit(&verified, &world.verified(&pledge), &world.registrar.identity.chain[0], &Settings::default(), now()).unwrap();
    let expected = VoucherRequest {
        assertion: Some(Assertion::Proximity),
        created_on: Some(now()),
        nonce: request.nonce,
        idevid_issuer: Some(pledge.idevid.device().issuer.clone()),
        prior_signed_voucher_request: Some(verified.signed().wire().to_vec()),
        ..VoucherRequest::new(pledge.idevid.device().serial.clone())
    };
    assert_eq!(order.request(), expected);
    assert_eq!(order.format(), Format::Cms);
}

#[test]
fn nonce_goes_on_in_the_pledges_own_spelling() {
    let world = World::new();
    let pledge = world.pledge("JADA1");
    let nonce = Nonce::from_text("5742698422680472").unwrap();
    let request = VoucherRequest { nonce: Some(nonce), ..world.request(&pledge) };
    let order = admitted(&world, &pledge, &request).unwrap();
    assert_eq!(order.request().nonce.unwrap().as_text(), "5742698422680472");
}

#[test]
fn device_cannot_relay_the_request_of_another() {
    let world = World::new();
    let (a, b) = (world.pledge("A"), world.pledge("B"));
    let refusal = admit(&a.verified(&world.request(&a)), &world.verified(&b), &world.registrar.identity.chain[0], &Settings::default(), now()).unwrap_err();
    assert_eq!(refusal, Refusal::ForeignSigner(b.idevid.device().serial.clone()));
}

#[test]
fn request_to_another_registrar_is_a_proximity_mismatch() {
    let other = Ca::new("elsewhere").certificate;
    assert_eq!(refused(|_, request| request.proximity_registrar_cert = Some(other)), Refusal::ProximityMismatch);
}

#[test]
fn one_wrong_proximity_leaf_among_right_ones_is_a_mismatch() {
    assert_eq!(refused(|_, request| request.proximity_registrar_pubk_sha256 = Some([1; 32])), Refusal::ProximityMismatch);
}

#[test]
fn proximity_by_key_alone_is_enough() {
    let world = World::new();
    let pledge = world.pledge("JADA1");
    let key = world.registrar.identity.chain[0].public_key();
    let request = VoucherRequest { proximity_registrar_cert: None, proximity_registrar_pubk: Some(key.spki().to_vec()), ..world.request(&pledge) };
    assert!(admitted(&world, &pledge, &request).is_ok());
}

#[test]
fn request_without_any_proximity_leaf_is_refused() {
    let missing = Refusal::LeafMissing { leaf: "proximity-registrar-cert", section: "RFC 8995, section 5.2" };
    assert_eq!(refused(|_, request| request.proximity_registrar_cert = None), missing);
}

#[test]
fn request_that_claims_less_than_proximity_is_refused() {
    let found = |text: &str| Refusal::AssertionUnacceptable { found: text.to_owned() };
    assert_eq!(refused(|_, request| request.assertion = Some(Assertion::Logged)), found("logged"));
    assert_eq!(refused(|_, request| request.assertion = None), found("absent"));
}

#[test]
fn request_without_nonce_is_refused() {
    assert_eq!(refused(|_, request| request.nonce = None), Refusal::LeafMissing { leaf: "nonce", section: "RFC 8995, section 5.2" });
}

#[test]
fn request_with_another_serial_number_than_its_certificate_is_refused() {
    let serial = |text| SerialNumber::new(text).unwrap();
    let refusal = refused(|_, request| request.serial_number = SerialNumber::new("JADA2").unwrap());
    assert_eq!(refusal, Refusal::SerialMismatch { found: serial("JADA2"), expected: serial("JADA1") });
}

#[test]
fn request_with_another_issuer_than_its_certificate_is_refused() {
    let refusal = refused(|_, request| request.idevid_issuer = Some(KeyIdentifier::new([1, 2]).unwrap()));
    assert!(matches!(refusal, Refusal::IssuerMismatch { found, .. } if found == "0102"));
}

#[test]
fn request_from_last_week_is_not_fresh() {
    let refusal = refused(|_, request| request.created_on = Some(at(NOW - 7 * 86_400)));
    assert!(matches!(refusal, Refusal::NotFresh { limit: 345_600, .. }));
}

#[test]
fn request_from_the_future_is_not_fresh() {
    let refusal = refused(|_, request| request.created_on = Some(at(NOW + 301)));
    assert!(matches!(refusal, Refusal::NotFresh { limit: 300, .. }));
}

#[test]
fn pledge_without_a_clock_is_admitted() {
    let world = World::new();
    let pledge = world.pledge("JADA1");
    let request = VoucherRequest { created_on: None, ..world.request(&pledge) };
    assert!(admitted(&world, &pledge, &request).is_ok());
}

#[test]
fn request_within_a_pledges_request_is_forbidden() {
    let refusal = refused(|_, request| request.prior_signed_voucher_request = Some(vec![1]));
    assert_eq!(refusal, Refusal::LeafForbidden { leaf: "prior-signed-voucher-request", section: "RFC 8995, section 5.2" });
}

/// A pledge whose request was relayed, and the owner who waits for the MASA's word.
struct Waiting {
    world: World,
    pledge: Pledge,
    policy: Policy,
    audit_log: Requirement,
    accepted_foreign_domains: Vec<DomainId>,
}

impl Waiting {
    fn new() -> Self {
        let world = World::new();
        let pledge = world.pledge("JADA1");
        Self { world, pledge, policy: policy(), audit_log: Requirement::Required, accepted_foreign_domains: Vec::new() }
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
        order.accept(MasaWord { voucher: &voucher, statements, audit_log }, &self.owner(), now())
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
    assert!(matches!(refusal, Refusal::ProvenanceUnacceptable { .. }));
}

#[test]
fn statement_of_another_device_is_refused_even_beside_a_right_one() {
    let waiting = Waiting::new();
    let other = waiting.world.verified_statement(&waiting.world.pledge("JADA2"), Method::Avocado, 0);
    let refusal = waiting.accept(&waiting.voucher(), &[waiting.statement(Method::Avocado, 5), other]).unwrap_err();
    assert!(matches!(refusal, Refusal::StatementMismatch { .. }));
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
    let examined = examine(&log, &waiting.world.registrar.identity.chain, &[]);
    assert_eq!((examined.foreign, examined.names_us), (vec![foreign], true));
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
