//! Every "no" of the issue rule, and the "yes" beside it.

mod extension;
mod issued;
mod nonceless;
mod pin;
mod proximity;
mod renewal;
mod repetition;
mod sales;

use brski_common::{Assertion, Leniencies, Nonce, SpkiDigest, VoucherRequest};

use super::*;
use crate::ledger::Standing;
use crate::testing::{CMC_RA, Maker, NOW, Owner, Pledge, later, nonce, serial};

/// A maker, an owner and a pledge on record.
#[derive(Clone)]
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
        History::build((1..).zip(self.entries.clone()), [], false).unwrap()
    }

    fn claim(&self, leaves: &VoucherRequest) -> Claim {
        let request = RegistrarRequest::verify(&self.owner.sign(leaves), Leniencies::default(), self.now).unwrap();
        request.open(&self.history(), &self.maker.anchors(), || self.maker.lines().voucher_anchors(), self.now).unwrap()
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

    /// The voucher of this order, once its entry is in the ledger and nothing else is.
    fn recorded(&mut self, order: VoucherOrder) -> Voucher {
        self.entries.push(order.entry().clone());
        order.recorded(1..2, &self.history(), &self.policy).unwrap().into_voucher()
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
    scene.entries.push(Entry::Standing(Standing { device: scene.pledge.device(), at: NOW, blocked: Some("stolen".to_owned()), by: Some("jane".to_owned()) }));
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
        report: None,
        supersedes: None,
        reported_by: "line 1".to_owned(),
        recorded_at: NOW,
        findings: Vec::new(),
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
    let recorded = order.recorded(7..8, &scene.history(), &scene.policy).unwrap();
    assert_eq!(recorded.index(), Some(7));
    let voucher = recorded.into_voucher();
    assert_eq!((voucher.nonce, voucher.assertion), (vouched.nonce, Some(vouched.assertion)));
}

#[test]
fn pledge_request_older_than_four_days_is_refused() {
    let scene = Scene::new();
    let limit = LONGEST_DEFERRAL.as_secs();
    let made = |age| VoucherRequest { created_on: Some(brski_common::time::at(NOW.as_secs() - age)), ..scene.inner() };
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
fn reason_for_a_block_is_told_only_to_whom_the_pledge_named() {
    let mut scene = Scene::new();
    scene.entries.push(Entry::Standing(Standing { device: scene.pledge.device(), at: NOW, blocked: Some("stolen".to_owned()), by: Some("jane".to_owned()) }));
    let stranger = VoucherRequest { prior_signed_voucher_request: None, ..scene.outer() };
    assert!(matches!(scene.decide(&stranger), Err(Refusal::LeafMissing { .. })));
}

#[test]
fn registrar_alone_in_its_domain_is_pinned_itself() {
    let mut scene = Scene::new();
    let alone = crate::testing::Entity::root("lonely");
    let registrar = alone.issue(brski_common::issuing::Subject::common_name("registrar"), |template| template.usages(&[CMC_RA]));
    scene.owner.registrar = registrar;
    let party = scene.owner.registrar.party(&[]);
    let signed = crate::testing::seal(&party, &scene.outer(), brski_common::Format::Cms);
    let request = RegistrarRequest::verify(&signed, Leniencies::default(), NOW)
        .unwrap()
        .open(&scene.history(), &scene.maker.anchors(), || scene.maker.lines().voucher_anchors(), NOW)
        .unwrap();
    let order = evaluate(&request, &scene.peer, &scene.history(), &scene.policy, NOW).unwrap();
    assert_eq!(order.voucher().pinned_domain_cert, Some(scene.owner.registrar.certificate));
}

#[test]
fn issuer_is_named_only_where_the_serial_number_is_shared() {
    let scene = Scene::new();
    let shared = History::build((1..).zip(scene.entries.clone()), [], true).unwrap();
    let claim = scene.claim(&scene.outer());
    let issuer_for = |history: &History| evaluate(&claim, &scene.peer, history, &scene.policy, NOW).unwrap().voucher().idevid_issuer.clone();
    assert_eq!((issuer_for(&shared), issuer_for(&scene.history())), (Some(scene.pledge.device().issuer), None));
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
