//! Every "no" of the issue rule, and the "yes" beside it.

use brski_common::{Assertion, Nonce, SpkiDigest, VoucherRequest};

use super::*;
use crate::ledger::Standing;
use crate::testing::{CMC_RA, Maker, NOW, Owner, Pledge, later, nonce, serial};

/// A maker, an owner and a pledge on record.
struct Scene {
    maker: Maker,
    owner: Owner,
    pledge: Pledge,
    entries: Vec<Entry>,
    policy: IssuePolicy,
    peer: PeerCertificates,
    now: UnixTime,
}

impl Scene {
    fn new() -> Self {
        let (maker, owner) = (Maker::new(), Owner::new("owner"));
        let pledge = maker.pledge("JADA123");
        let made = crate::ledger::Made { at: NOW, idevid: pledge.idevid(), reported_by: "line 1".to_owned() };
        Self { maker, owner, pledge, entries: vec![Entry::Made(made)], policy: IssuePolicy::default(), peer: PeerCertificates::default(), now: NOW }
    }

    fn inner(&self) -> VoucherRequest {
        self.pledge.leaves(&self.owner, nonce(1))
    }

    fn outer(&self) -> VoucherRequest {
        self.owner.leaves(&self.pledge, &self.inner())
    }

    fn history(&self) -> History {
        History::build((1..).zip(self.entries.clone()), false).unwrap()
    }

    fn claim(&self, leaves: &VoucherRequest) -> Claim {
        let request = RegistrarRequest::verify(&self.owner.sign(leaves), self.now).unwrap();
        request.open(&self.history(), &self.maker.anchors(), self.now).unwrap()
    }

    fn decide(&self, leaves: &VoucherRequest) -> Result<Decision, Refusal> {
        evaluate(&self.claim(leaves), &self.peer, &self.history(), &self.policy, self.now)
    }

    /// The registrar's request around this one of the pledge.
    fn decide_on_inner(&self, inner: &VoucherRequest) -> Result<Decision, Refusal> {
        self.decide(&self.owner.leaves(&self.pledge, inner))
    }

    /// An earlier voucher for this owner and the usual nonce.
    fn vouched_before(mut self) -> Self {
        match self.decide(&self.outer()).unwrap() {
            Decision::Record(order) => self.entries.push(order.entry().clone()),
            Decision::Repeat(_) => panic!("nothing was vouched for before"),
        }
        self
    }

    fn assertion(&self, inner: &VoucherRequest) -> Option<Assertion> {
        self.decide_on_inner(inner).unwrap().voucher().assertion
    }
}

#[test]
fn request_about_another_device_than_the_history_is_refused() {
    let scene = Scene::new();
    let other = Scene::new();
    let claim = scene.claim(&scene.outer());
    let refused = evaluate(&claim, &scene.peer, &other.history(), &scene.policy, NOW);
    assert_eq!(refused, Err(Refusal::UnknownDevice(scene.pledge.device())));
}

#[test]
fn blocked_device_is_refused_with_its_reason() {
    let mut scene = Scene::new();
    scene.entries.push(Entry::Standing(Standing { device: scene.pledge.device(), at: NOW, blocked: Some("stolen".to_owned()) }));
    assert_eq!(scene.decide(&scene.outer()), Err(Refusal::DeviceBlocked(serial("JADA123"), "stolen".to_owned())));
}

#[test]
fn certificate_with_a_compromised_key_on_record_is_refused() {
    let mut scene = Scene::new();
    let (device, spki) = (scene.pledge.device(), scene.pledge.idevid().spki_digest());
    let record = brski_common::ProvenanceRecord {
        device,
        spki,
        seq: 1,
        salt: [0; 16],
        status: brski_common::provenance::Status::Compromised,
        reported_by: "line 1".to_owned(),
        recorded_at: NOW,
        origin: crate::testing::origin(),
    };
    scene.entries.push(Entry::Recorded(Box::new(record)));
    assert!(matches!(scene.decide(&scene.outer()), Err(Refusal::DeviceBlocked(..))));
}

#[test]
fn request_older_than_the_window_is_refused() {
    let mut scene = Scene::new();
    scene.now = later(600);
    assert!(scene.decide(&scene.outer()).is_ok());
    scene.now = later(601);
    assert!(matches!(scene.decide(&scene.outer()), Err(Refusal::NotFresh { limit: 600, .. })));
}

#[test]
fn request_from_the_future_is_refused() {
    let scene = Scene::new();
    let leaves = VoucherRequest { created_on: Some(later(601)), ..scene.outer() };
    assert!(matches!(scene.decide(&leaves), Err(Refusal::NotFresh { limit: 600, .. })));
}

#[test]
fn registrar_may_leave_created_on_out_where_there_is_a_nonce() {
    let scene = Scene::new();
    let leaves = VoucherRequest { created_on: None, ..scene.outer() };
    assert!(matches!(scene.decide(&leaves), Ok(Decision::Record(_))));
}

#[test]
fn request_without_nonce_and_without_created_on_is_refused() {
    let mut scene = Scene::new();
    scene.peer = scene.owner.peer();
    scene.policy.nonceless.domains = vec![scene.owner.authority.certificate.spki_digest()];
    let leaves = scene.owner.nonceless(&scene.pledge);
    assert!(scene.decide(&leaves).is_ok());
    let refused = scene.decide(&VoucherRequest { created_on: None, ..leaves });
    assert!(matches!(refused, Err(Refusal::LeafMissing { leaf: "created-on", .. })));
}

#[test]
fn recorded_voucher_is_the_one_ordered_and_knows_its_entry() {
    let scene = Scene::new();
    let Ok(Decision::Record(order)) = scene.decide(&scene.outer()) else { panic!("a first request orders an entry") };
    let Entry::Vouched(vouched) = order.entry().clone() else { panic!("a voucher's entry says that it was vouched") };
    let recorded = order.recorded(7..8);
    assert_eq!(recorded.index(), Some(7));
    let voucher = recorded.into_voucher();
    assert_eq!((voucher.nonce, voucher.assertion), (vouched.nonce, Some(vouched.assertion)));
}

#[test]
fn pledge_request_older_than_four_days_is_refused() {
    let scene = Scene::new();
    let limit = LONGEST_DEFERRAL.as_secs();
    let made = |age| VoucherRequest { created_on: Some(at(NOW.as_secs() - age)), ..scene.inner() };
    assert!(scene.decide_on_inner(&made(limit)).is_ok());
    assert!(matches!(scene.decide_on_inner(&made(limit + 1)), Err(Refusal::NotFresh { .. })));
}

#[test]
fn pledge_without_a_clock_is_vouched_for() {
    let scene = Scene::new();
    let inner = VoucherRequest { created_on: None, ..scene.inner() };
    assert!(scene.decide_on_inner(&inner).is_ok());
}

#[test]
fn one_pledge_cannot_get_a_voucher_for_another() {
    let scene = Scene::new();
    let other = scene.maker.pledge("JADA999");
    let prior = other.sign(&other.leaves(&scene.owner, nonce(1)));
    let leaves = VoucherRequest { prior_signed_voucher_request: Some(prior), ..scene.outer() };
    assert_eq!(scene.decide(&leaves), Err(Refusal::SerialMismatch { found: serial("JADA123"), expected: serial("JADA999") }));
}

#[test]
fn same_serial_from_another_of_our_cas_is_an_issuer_mismatch() {
    let scene = Scene::new();
    let subject = brski_common::issuing::Subject::serial_number(&serial("JADA123"));
    let namesake = Pledge(scene.maker.root.issue(subject, |template| template));
    let prior = namesake.sign(&scene.inner());
    let leaves = VoucherRequest { prior_signed_voucher_request: Some(prior), ..scene.outer() };
    assert!(matches!(scene.decide(&leaves), Err(Refusal::IssuerMismatch { .. })));
}

#[test]
fn genuine_certificate_with_another_key_than_recorded_is_a_key_mismatch() {
    let scene = Scene::new();
    let prior = scene.maker.pledge("JADA123").sign(&scene.inner());
    let leaves = VoucherRequest { prior_signed_voucher_request: Some(prior), ..scene.outer() };
    assert_eq!(scene.decide(&leaves), Err(Refusal::KeyMismatch(serial("JADA123"))));
}

#[test]
fn pledge_that_writes_another_serial_than_its_certificate_is_refused() {
    let scene = Scene::new();
    let inner = VoucherRequest { serial_number: serial("JADA999"), ..scene.inner() };
    assert_eq!(scene.decide_on_inner(&inner), Err(Refusal::SerialMismatch { found: serial("JADA999"), expected: serial("JADA123") }));
}

#[test]
fn nonce_that_differs_between_inner_and_outer_request_is_refused() {
    let scene = Scene::new();
    for outer in [Some(nonce(2)), None] {
        let leaves = VoucherRequest { nonce: outer, ..scene.outer() };
        assert_eq!(scene.decide(&leaves), Err(Refusal::NonceMismatch));
    }
    let inner = VoucherRequest { nonce: None, ..scene.inner() };
    let leaves = VoucherRequest { nonce: Some(nonce(1)), ..scene.owner.leaves(&scene.pledge, &inner) };
    assert_eq!(scene.decide(&leaves), Err(Refusal::NonceMismatch));
}

#[test]
fn nonce_is_echoed_as_the_pledge_wrote_it() {
    let scene = Scene::new();
    let unpadded = nonce(1).as_text().trim_end_matches('=').to_owned();
    let inner = VoucherRequest { nonce: Some(Nonce::from_text(unpadded.clone()).unwrap()), ..scene.inner() };
    let leaves = VoucherRequest { nonce: Some(nonce(1)), ..scene.owner.leaves(&scene.pledge, &inner) };
    let order = scene.decide(&leaves).unwrap();
    assert_eq!(order.voucher().nonce.as_ref().map(Nonce::as_text), Some(unpadded.as_str()));
}

#[test]
fn pledge_that_names_another_registrar_is_refused_whatever_it_asserts() {
    let mut scene = Scene::new();
    scene.policy.without_proximity = WithoutProximity::Logged;
    let rogue = Owner::new("rogue");
    for assertion in [Some(Assertion::Proximity), Some(Assertion::Logged), None] {
        let inner = VoucherRequest { assertion, ..scene.pledge.leaves(&rogue, nonce(1)) };
        assert_eq!(scene.decide_on_inner(&inner), Err(Refusal::ProximityMismatch));
    }
}

#[test]
fn digest_of_a_key_counts_before_the_certificate() {
    let scene = Scene::new();
    let inner = VoucherRequest { proximity_registrar_pubk_sha256: Some([0; 32]), ..scene.inner() };
    assert_eq!(scene.decide_on_inner(&inner), Err(Refusal::ProximityMismatch));
}

#[test]
fn registrar_may_be_named_by_key_or_by_its_digest() {
    let scene = Scene::new();
    let key = scene.owner.registrar.certificate.public_key();
    let bare = VoucherRequest { proximity_registrar_cert: None, ..scene.inner() };
    let by_key = VoucherRequest { proximity_registrar_pubk: Some(key.spki().to_vec()), ..bare.clone() };
    let by_digest = VoucherRequest { proximity_registrar_pubk_sha256: Some(key.digest().0), ..bare };
    assert_eq!((scene.assertion(&by_key), scene.assertion(&by_digest)), (Some(Assertion::Proximity), Some(Assertion::Proximity)));
}

#[test]
fn registrars_issuer_counts_as_the_registrar_only_under_the_wider_policy() {
    let mut scene = Scene::new();
    let inner = VoucherRequest { proximity_registrar_cert: Some(scene.owner.authority.certificate.clone()), ..scene.inner() };
    assert_eq!(scene.assertion(&inner), Some(Assertion::Proximity));
    scene.policy.proximity_key = ProximityKey::Signer;
    assert_eq!(scene.decide_on_inner(&inner), Err(Refusal::ProximityMismatch));
}

#[test]
fn unproven_proximity_is_refused_or_merely_logged_as_policy_says() {
    let mut scene = Scene::new();
    let unsaid = VoucherRequest { assertion: None, ..scene.inner() };
    let unnamed = VoucherRequest { proximity_registrar_cert: None, ..scene.inner() };
    assert_eq!(scene.decide_on_inner(&unsaid), Err(Refusal::AssertionUnacceptable { found: "absent".to_owned() }));
    assert!(matches!(scene.decide_on_inner(&unnamed), Err(Refusal::LeafMissing { leaf: "proximity-registrar-cert", .. })));
    scene.policy.without_proximity = WithoutProximity::Logged;
    assert_eq!((scene.assertion(&unsaid), scene.assertion(&unnamed)), (Some(Assertion::Logged), Some(Assertion::Logged)));
}

#[test]
fn request_with_nonce_but_without_the_pledges_own_is_refused_under_every_policy() {
    let mut scene = Scene::new();
    let leaves = VoucherRequest { prior_signed_voucher_request: None, ..scene.outer() };
    for policy in [WithoutProximity::Refuse, WithoutProximity::Logged] {
        scene.policy.without_proximity = policy;
        assert!(matches!(scene.decide(&leaves), Err(Refusal::LeafMissing { leaf: "prior-signed-voucher-request", .. })));
    }
}

#[test]
fn device_gets_no_more_vouchers_in_a_day_than_the_policy_allows() {
    let mut scene = Scene::new().vouched_before();
    scene.policy.daily_vouchers = 1;
    let another = scene.pledge.leaves(&scene.owner, nonce(2));
    assert_eq!(scene.decide_on_inner(&another), Err(Refusal::TooManyVouchers { serial: serial("JADA123"), limit: 1 }));
    assert!(matches!(scene.decide(&scene.outer()), Ok(Decision::Repeat(_))));
    scene.policy.daily_vouchers = 2;
    assert!(matches!(scene.decide_on_inner(&another), Ok(Decision::Record(_))));
}

#[test]
fn limit_of_vouchers_looks_back_one_day() {
    let mut scene = Scene::new().vouched_before();
    scene.policy.daily_vouchers = 1;
    let another = |scene: &Scene| {
        let inner = VoucherRequest { created_on: None, ..scene.pledge.leaves(&scene.owner, nonce(2)) };
        VoucherRequest { created_on: Some(scene.now), ..scene.owner.leaves(&scene.pledge, &inner) }
    };
    scene.now = later(86_399);
    assert!(matches!(scene.decide(&another(&scene)), Err(Refusal::TooManyVouchers { .. })));
    scene.now = later(86_400);
    assert!(scene.decide(&another(&scene)).is_ok());
}

#[test]
fn reason_for_a_block_is_told_only_to_whom_the_pledge_named() {
    let mut scene = Scene::new();
    scene.entries.push(Entry::Standing(Standing { device: scene.pledge.device(), at: NOW, blocked: Some("stolen".to_owned()) }));
    let stranger = VoucherRequest { prior_signed_voucher_request: None, ..scene.outer() };
    assert!(matches!(scene.decide(&stranger), Err(Refusal::LeafMissing { .. })));
}

#[test]
fn assertion_in_the_registrars_request_counts_for_nothing() {
    let mut scene = Scene::new();
    scene.policy.without_proximity = WithoutProximity::Logged;
    let inner = VoucherRequest { assertion: None, ..scene.inner() };
    let leaves = VoucherRequest { assertion: Some(Assertion::Verified), ..scene.owner.leaves(&scene.pledge, &inner) };
    assert_eq!(scene.decide(&leaves).unwrap().voucher().assertion, Some(Assertion::Logged));
}

#[test]
fn registrar_alone_in_its_domain_is_pinned_itself() {
    let mut scene = Scene::new();
    let alone = crate::testing::Entity::root("lonely");
    let registrar = alone.issue(brski_common::issuing::Subject::common_name("registrar"), |template| template.usages(&[CMC_RA]));
    scene.owner.registrar = registrar;
    let party = scene.owner.registrar.party(&[]);
    let signed = crate::testing::seal(&party, &scene.outer(), brski_common::Format::Cms);
    let request = RegistrarRequest::verify(&signed, NOW).unwrap().open(&scene.history(), &scene.maker.anchors(), NOW).unwrap();
    let order = evaluate(&request, &scene.peer, &scene.history(), &scene.policy, NOW).unwrap();
    assert_eq!(order.voucher().pinned_domain_cert, Some(scene.owner.registrar.certificate));
}

#[test]
fn issuer_is_named_only_where_the_serial_number_is_shared() {
    let scene = Scene::new();
    let shared = History::build((1..).zip(scene.entries.clone()), true).unwrap();
    let claim = scene.claim(&scene.outer());
    let issuer_for = |history: &History| evaluate(&claim, &scene.peer, history, &scene.policy, NOW).unwrap().voucher().idevid_issuer.clone();
    assert_eq!((issuer_for(&shared), issuer_for(&scene.history())), (Some(scene.pledge.device().issuer), None));
}

#[test]
fn repeated_nonce_of_the_same_domain_orders_no_second_entry() {
    let mut scene = Scene::new().vouched_before();
    scene.now = later(60);
    assert!(matches!(scene.decide(&scene.outer()), Ok(Decision::Repeat(recorded)) if recorded.index().is_none()));
}

#[test]
fn repeated_nonce_of_another_domain_is_a_replay() {
    let mut scene = Scene::new().vouched_before();
    scene.owner = Owner::new("thief");
    assert_eq!(scene.decide(&scene.outer()), Err(Refusal::Replayed { how: "to another domain" }));
}

#[test]
fn domain_that_copies_anothers_domain_id_is_still_another_domain() {
    let mut scene = Scene::new().vouched_before();
    if let Some(Entry::Vouched(vouched)) = scene.entries.last_mut() {
        vouched.pin = SpkiDigest([7; 32]);
    }
    assert_eq!(scene.decide(&scene.outer()), Err(Refusal::Replayed { how: "to another domain" }));
}

#[test]
fn repeated_nonce_after_four_days_is_a_replay() {
    let mut scene = Scene::new().vouched_before();
    let fresh = |scene: &Scene| {
        let inner = VoucherRequest { created_on: None, ..scene.inner() };
        VoucherRequest { created_on: Some(scene.now), ..scene.owner.leaves(&scene.pledge, &inner) }
    };
    scene.now = later(LONGEST_DEFERRAL.as_secs());
    assert!(scene.decide(&fresh(&scene)).is_ok());
    scene.now = later(LONGEST_DEFERRAL.as_secs() + 1);
    assert_eq!(scene.decide(&fresh(&scene)), Err(Refusal::Replayed { how: "more than four days ago" }));
}

#[test]
fn domain_that_is_not_listed_gets_no_voucher_without_nonce() {
    let mut scene = Scene::new();
    scene.peer = scene.owner.peer();
    let refused = scene.decide(&scene.owner.nonceless(&scene.pledge));
    assert_eq!(refused, Err(Refusal::NoncelessNotAuthorized { ca_key: scene.owner.authority.certificate.spki_digest() }));
}

#[test]
fn listed_domain_gets_no_voucher_without_nonce_through_anybody_else() {
    let mut scene = Scene::new();
    scene.policy.nonceless.domains = vec![scene.owner.root.certificate.spki_digest()];
    for peer in [PeerCertificates::default(), Owner::new("stranger").peer()] {
        scene.peer = peer;
        assert!(matches!(scene.decide(&scene.owner.nonceless(&scene.pledge)), Err(Refusal::ClientCertificateRequired(_))));
    }
}

#[test]
fn voucher_without_nonce_is_short_lived_and_pins_the_highest_listed_ca() {
    let mut scene = Scene::new();
    scene.peer = scene.owner.peer();
    let pinned = |scene: &Scene| scene.decide(&scene.owner.nonceless(&scene.pledge)).unwrap().voucher().clone();
    scene.policy.nonceless.domains = vec![scene.owner.authority.certificate.spki_digest()];
    assert_eq!(pinned(&scene).pinned_domain_cert, Some(scene.owner.authority.certificate.clone()));
    scene.policy.nonceless.domains.push(scene.owner.root.certificate.spki_digest());
    let voucher = pinned(&scene);
    assert_eq!(voucher.pinned_domain_cert, Some(scene.owner.root.certificate.clone()));
    assert_eq!((voucher.expires_on, voucher.nonce, voucher.assertion), (Some(later(1200)), None, Some(Assertion::Logged)));
}

#[test]
fn voucher_never_outlives_the_certificates_it_relies_on() {
    let scene = Scene::new();
    let certificate = &scene.owner.registrar.certificate;
    assert_eq!(expiry(certificate, certificate, Duration::MAX, NOW), certificate.not_after());
}

#[test]
fn registrar_whose_revocation_could_be_looked_up_is_refused_unless_policy_says_otherwise() {
    let mut scene = Scene::new();
    scene.owner = Owner::shaped("owner", |template| template.usages(&[CMC_RA]).crl_distribution_point("http://crl.example.com/owner.crl"));
    let subject = scene.owner.registrar.certificate.subject().to_owned();
    assert_eq!(scene.decide(&scene.outer()), Err(Refusal::RevocationUnchecked { subject }));
    scene.policy.unchecked_revocation = UncheckedRevocation::Accept;
    assert!(scene.decide(&scene.outer()).is_ok());
}
