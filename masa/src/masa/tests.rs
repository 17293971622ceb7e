//! Whole journeys through [`Masa`], without sockets and with a clock that stands still.

mod corrections;
mod domains;
mod formats;
mod marks;
mod owning;
mod seeds;
mod told;
mod transparency;

use std::sync::Arc;

use brski_common::provenance::Basis;
use brski_common::{
    Assertion, BoxFuture, Format, PeerCertificates, PublicKey, Refusal, SignError, Signature, SignatureAlgorithm, SignedBy, Signer, SigningParty, Verifier,
    VerifyError, Voucher,
};

use super::*;
use crate::ledger::LedgerError;
use crate::testing::{Entity, Maker, NOW, Owner, block_on, memory, nonce, origin, read_voucher};

fn refusal<T: core::fmt::Debug>(outcome: Result<T, Error>) -> Refusal {
    match outcome.unwrap_err() {
        Error::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn recorded_pledge_gets_a_voucher_that_pins_its_registrars_issuer() {
    let (maker, owner) = (Maker::new(), Owner::new("owner"));
    let (masa, pledge) = (maker.masa(), maker.pledge("JADA123"));
    block_on(masa.record(&maker.report(&pledge, Some(origin())))).unwrap();

    let voucher = block_on(masa.vouch(&owner.request(&pledge, nonce(1)), Format::Cms, &PeerCertificates::default())).unwrap();
    let expected = Voucher {
        assertion: Some(Assertion::Proximity),
        created_on: Some(NOW),
        domain_cert_revocation_checks: Some(false),
        nonce: Some(nonce(1)),
        pinned_domain_cert: Some(owner.authority.certificate.clone()),
        ..Voucher::new(pledge.device().serial)
    };
    assert_eq!(read_voucher(&maker, &voucher), expected);
}

#[test]
fn statement_told_to_an_owner_is_the_one_given_to_the_line() {
    let (maker, owner) = (Maker::new(), Owner::new("owner"));
    let (masa, pledge) = (maker.masa(), maker.pledge("JADA123"));
    let recorded = block_on(masa.record(&maker.report(&pledge, Some(origin())))).unwrap();
    let request = owner.request(&pledge, nonce(1));
    block_on(masa.vouch(&request, Format::Cms, &PeerCertificates::default())).unwrap();
    let told = block_on(masa.provenance(&request)).unwrap();
    assert_eq!(told.as_ref().map(stored), recorded.statement.as_ref().map(stored));
    assert!(told.is_some());
}

/// The statement as the ledger keeps it: without receipts, which are newer with every answer.
fn stored(statement: &Signed<ProvenanceStatement>) -> Vec<u8> {
    brski_common::log::without_receipts(statement.wire()).unwrap()
}

#[test]
fn same_report_again_gets_the_same_answer() {
    let maker = Maker::new();
    let (masa, pledge) = (maker.masa(), maker.pledge("JADA123"));
    let first = block_on(masa.record(&maker.report(&pledge, Some(origin())))).unwrap();
    let again = block_on(masa.record(&maker.report(&pledge, Some(origin())))).unwrap();
    assert_eq!(again, Recorded { repeated: true, ..first });
}

#[test]
fn second_device_with_a_recorded_key_is_a_contradiction() {
    let maker = Maker::new();
    let (masa, pledge) = (maker.masa(), maker.pledge("JADA123"));
    block_on(masa.record(&maker.report(&pledge, Some(origin())))).unwrap();
    let twin_name = crate::testing::serial("JADA124");
    let certificate = maker.issuing.certify(brski_common::issuing::Subject::serial_number(&twin_name), &pledge.0.key, |template| template);
    let twin = crate::testing::Pledge(Entity { certificate, key: pledge.0.key.clone() });
    let report = maker.report(&twin, Some(origin()));
    let refused = Refusal::Contradiction { what: "the public key", device: pledge.device() };
    assert_eq!(refusal(block_on(masa.record(&report))), refused);
    // A trial says the same beforehand.
    let tried = block_on(masa.record_all(&[masa.genuine(&report).unwrap()], Want::Trial, &crate::manufacture::Correction::Refuse)).pop();
    assert_eq!(refusal(tried.unwrap()), refused);
}

#[test]
fn report_by_a_stranger_is_not_trusted() {
    let (maker, stranger) = (Maker::new(), Maker::new());
    let pledge = maker.pledge("JADA123");
    let outcome = block_on(maker.masa().record(&stranger.report(&pledge, Some(origin()))));
    assert!(matches!(outcome, Err(Error::Untrusted(VerifyError::BadSignature { .. }))));
}

#[test]
fn report_of_another_makers_device_is_not_trusted() {
    let (maker, other) = (Maker::new(), Maker::new());
    let outcome = block_on(maker.masa().record(&maker.report(&other.pledge("JADA123"), Some(origin()))));
    assert!(matches!(outcome, Err(Error::Untrusted(VerifyError::NoPath { .. }))));
}

#[test]
fn device_without_known_origin_is_vouched_for_but_has_no_statement() {
    let (maker, owner) = (Maker::new(), Owner::new("owner"));
    let (masa, pledge) = (maker.masa(), maker.pledge("JADA123"));
    let recorded = block_on(masa.record(&maker.report(&pledge, None))).unwrap();
    assert_eq!((recorded.statement, recorded.index), (None, Some(1)));
    let request = owner.request(&pledge, nonce(1));
    block_on(masa.vouch(&request, Format::Cms, &PeerCertificates::default())).unwrap();
    assert_eq!(block_on(masa.provenance(&request)).unwrap(), None);
}

#[test]
fn device_that_was_never_made_is_unknown() {
    let (maker, owner) = (Maker::new(), Owner::new("owner"));
    let pledge = maker.pledge("JADA123");
    let outcome = block_on(maker.masa().vouch(&owner.request(&pledge, nonce(1)), Format::Cms, &PeerCertificates::default()));
    assert_eq!(refusal(outcome), Refusal::UnknownDevice(pledge.device()));
}

#[test]
fn blocked_device_gets_no_voucher_until_it_is_released() {
    let (maker, owner) = (Maker::new(), Owner::new("owner"));
    let (masa, pledge) = (maker.masa(), maker.pledge("JADA123"));
    block_on(masa.record(&maker.report(&pledge, None))).unwrap();
    block_on(masa.set_blocked(&pledge.device(), Some("stolen".parse().unwrap()), "jane".parse().unwrap())).unwrap();
    let request = owner.request(&pledge, nonce(1));
    let refused = refusal(block_on(masa.vouch(&request, Format::Cms, &PeerCertificates::default())));
    assert_eq!(refused, Refusal::DeviceBlocked(pledge.device().serial, "stolen".to_owned()));
    block_on(masa.set_blocked(&pledge.device(), None, "jane".parse().unwrap())).unwrap();
    assert!(block_on(masa.vouch(&request, Format::Cms, &PeerCertificates::default())).is_ok());
}

#[test]
fn device_of_a_ca_that_is_no_anchor_any_more_is_found_by_its_serial_number() {
    let (maker, ledger) = (Maker::new(), memory());
    let pledge = maker.pledge("JADA123");
    block_on(Masa::new(maker.parts(ledger.clone())).record(&maker.report(&pledge, None))).unwrap();
    let retired = Masa::new(MasaParts { idevid_anchors: Maker::new().anchors(), ..maker.parts(ledger) });
    assert_eq!(block_on(retired.devices(&pledge.device().serial)).unwrap(), [pledge.device()]);
}

#[test]
fn devices_of_one_serial_number_are_found_by_each_ca_that_made_one() {
    let maker = Maker::new();
    let (masa, pledge) = (maker.masa(), maker.pledge("JADA123"));
    let subject = brski_common::issuing::Subject::serial_number(&pledge.device().serial);
    let namesake = crate::testing::Pledge(maker.root.issue(subject, |template| template));
    for device in [&pledge, &namesake] {
        block_on(masa.record(&maker.report(device, None))).unwrap();
    }
    let mut both = [namesake.device(), pledge.device()];
    both.sort_unstable_by(|one, other| one.issuer.cmp(&other.issuer));
    assert_eq!(block_on(masa.devices(&pledge.device().serial)).unwrap(), both);
    assert_eq!(block_on(masa.devices(&crate::testing::serial("JADA999"))).unwrap(), []);
}

#[test]
fn pledge_request_signed_with_another_makers_key_is_not_trusted() {
    let (maker, other, owner) = (Maker::new(), Maker::new(), Owner::new("owner"));
    let (masa, pledge) = (maker.masa(), maker.pledge("JADA123"));
    block_on(masa.record(&maker.report(&pledge, None))).unwrap();
    let mut leaves = owner.leaves(&pledge, &pledge.leaves(&owner, nonce(1)));
    leaves.prior_signed_voucher_request = Some(other.pledge("JADA123").sign(&pledge.leaves(&owner, nonce(1))));
    let outcome = block_on(masa.vouch(&owner.sign(&leaves), Format::Cms, &PeerCertificates::default()));
    assert!(matches!(outcome, Err(Error::Untrusted(VerifyError::NoPath { .. }))));
}

#[test]
fn registrar_without_cmc_ra_is_not_trusted() {
    let (maker, owner) = (Maker::new(), Owner::shaped("owner", |template| template.usages(&["1.3.6.1.5.5.7.3.1"])));
    let (masa, pledge) = (maker.masa(), maker.pledge("JADA123"));
    block_on(masa.record(&maker.report(&pledge, None))).unwrap();
    let outcome = block_on(masa.vouch(&owner.request(&pledge, nonce(1)), Format::Cms, &PeerCertificates::default()));
    assert!(matches!(outcome, Err(Error::Untrusted(VerifyError::WrongUsage { .. }))));
}

#[test]
fn earlier_voucher_with_a_nonce_is_not_renewed_for_another() {
    let (maker, owner) = (Maker::new(), Owner::new("owner"));
    let (masa, pledge) = (maker.masa(), maker.pledge("JADA123"));
    block_on(masa.record(&maker.report(&pledge, None))).unwrap();
    let voucher = block_on(masa.vouch(&owner.request(&pledge, nonce(1)), Format::Cms, &PeerCertificates::default())).unwrap();
    let mut leaves = owner.leaves(&pledge, &pledge.leaves(&owner, nonce(2)));
    leaves.prior_signed_voucher_request = Some(voucher.wire().to_vec());
    let refused = refusal(block_on(masa.vouch(&owner.sign(&leaves), Format::Cms, &PeerCertificates::default())));
    assert!(matches!(refused, Refusal::NotRenewed(why) if why.starts_with("the request has another nonce")));
}

#[test]
fn repeated_request_is_answered_again_and_logged_once() {
    let (maker, owner) = (Maker::new(), Owner::new("owner"));
    let (masa, pledge) = (maker.masa(), maker.pledge("JADA123"));
    block_on(masa.record(&maker.report(&pledge, None))).unwrap();
    let request = owner.request(&pledge, nonce(1));
    let first = block_on(masa.vouch(&request, Format::Cms, &PeerCertificates::default())).unwrap();
    let again = block_on(masa.vouch(&request, Format::Cms, &PeerCertificates::default())).unwrap();
    assert_eq!(read_voucher(&maker, &first), read_voucher(&maker, &again));
    assert_eq!(block_on(masa.audit_log(&request)).unwrap().events.len(), 1);
}

#[test]
fn audit_log_names_every_domain_to_every_owner() {
    let (maker, seller, buyer) = (Maker::new(), Owner::new("seller"), Owner::new("buyer"));
    let (masa, pledge) = (maker.masa(), maker.pledge("JADA123"));
    block_on(masa.record(&maker.report(&pledge, None))).unwrap();
    block_on(masa.vouch(&seller.request(&pledge, nonce(1)), Format::Cms, &PeerCertificates::default())).unwrap();
    let request = buyer.request(&pledge, nonce(2));
    block_on(masa.vouch(&request, Format::Cms, &PeerCertificates::default())).unwrap();
    let domains: Vec<_> = block_on(masa.audit_log(&request)).unwrap().events.into_iter().map(|event| event.domain_id).collect();
    assert_eq!(domains, [seller.authority.certificate.domain_id(), buyer.authority.certificate.domain_id()]);
}

#[test]
fn domain_that_was_never_given_a_voucher_reads_nothing() {
    let (maker, owner, stranger) = (Maker::new(), Owner::new("owner"), Owner::new("stranger"));
    let (masa, pledge) = (maker.masa(), maker.pledge("JADA123"));
    block_on(masa.record(&maker.report(&pledge, Some(origin())))).unwrap();
    block_on(masa.vouch(&owner.request(&pledge, nonce(1)), Format::Cms, &PeerCertificates::default())).unwrap();
    let request = stranger.request(&pledge, nonce(2));
    let never = Refusal::NeverOwner { domain: stranger.authority.certificate.domain_id().to_string(), serial: pledge.device().serial };
    assert_eq!(refusal(block_on(masa.audit_log(&request))), never);
    assert_eq!(refusal(block_on(masa.provenance(&request))), never);
}

#[test]
fn signer_that_fails_leaves_an_entry_and_no_voucher() {
    let (maker, owner, ledger) = (Maker::new(), Owner::new("owner"), memory());
    let (masa, pledge) = (Masa::new(maker.parts(ledger.clone())), maker.pledge("JADA123"));
    block_on(masa.record(&maker.report(&pledge, None))).unwrap();

    let mut parts = maker.parts(ledger.clone());
    parts.lines.rest_mut().vouchers =
        crate::VoucherSigners::one(SigningParty::with_chain(vec![maker.voucher.certificate.clone()], Arc::new(Broken(maker.voucher.key.clone()))));
    let outcome = block_on(Masa::new(parts).vouch(&owner.request(&pledge, nonce(1)), Format::Cms, &PeerCertificates::default()));
    assert!(matches!(outcome, Err(Error::Sign(_))));
    let history = block_on(ledger.history(&pledge.device())).unwrap().unwrap();
    assert_eq!(history.vouched().len(), 1);

    // The registrar asks again, and gets what was logged already.
    block_on(masa.vouch(&owner.request(&pledge, nonce(1)), Format::Cms, &PeerCertificates::default())).unwrap();
    assert_eq!(block_on(ledger.history(&pledge.device())).unwrap().unwrap().vouched().len(), 1);
}

#[test]
fn statement_lost_in_a_crash_is_signed_anew_and_then_stays() {
    let (maker, ledger) = (Maker::new(), memory());
    let pledge = maker.pledge("JADA123");
    let mut parts = maker.parts(ledger.clone());
    parts.lines.rest_mut().provenance = SigningParty::with_chain(vec![maker.provenance.certificate.clone()], Arc::new(Broken(maker.provenance.key.clone())));
    let report = maker.report(&pledge, Some(origin()));
    assert!(matches!(block_on(Masa::new(parts).record(&report)), Err(Error::Sign(_))));

    let masa = Masa::new(maker.parts(ledger));
    let first = block_on(masa.record(&report)).unwrap();
    assert!(first.repeated && first.statement.is_some());
    assert_eq!(block_on(masa.record(&report)).unwrap(), first);
}

#[test]
fn statement_speaks_of_the_reported_device_and_origin() {
    let maker = Maker::new();
    let (masa, pledge) = (maker.masa(), maker.pledge("JADA123"));
    let recorded = block_on(masa.record(&maker.report(&pledge, Some(origin())))).unwrap();
    let statement = recorded.statement.unwrap().verify(&Verifier::strict(SignedBy::Holder(&maker.provenance.certificate)), NOW).unwrap();
    assert_eq!(statement.get().check_binding(&pledge.idevid()), Ok(()));
    assert_eq!((statement.get().issuer.as_str(), statement.get().basis), ("masa.example.com", Basis::StationSigned));
}

#[test]
fn service_futures_can_move_between_threads() {
    fn assert_send<T: Send>(_: &T) {}
    let (maker, owner) = (Maker::new(), Owner::new("owner"));
    let (masa, pledge) = (maker.masa(), maker.pledge("JADA123"));
    let (request, peer) = (owner.request(&pledge, nonce(1)), owner.peer());
    assert_send(&masa.vouch(&request, Format::Cms, &peer));
    assert_send(&masa.audit_log(&request));
    assert_send(&masa.provenance(&request));
    let report = maker.report(&pledge, None);
    assert_send(&masa.record(&report));
}

#[test]
fn nonce_that_another_domain_used_a_moment_ago_is_a_replay() {
    let (maker, owner, rival) = (Maker::new(), Owner::new("owner"), Owner::new("rival"));
    let pledge = maker.pledge("JADA123");
    let first = |owner: &Owner| vec![vouched(owner, &pledge)];
    for (earlier, expected) in [(first(&rival), Err(Refusal::Replayed { how: "to another domain" })), (first(&owner), Ok(()))] {
        let inner = memory();
        block_on(Masa::new(maker.parts(inner.clone())).record(&maker.report(&pledge, None))).unwrap();
        let masa = Masa::new(maker.parts(Arc::new(Overtaken { inner: inner.clone(), earlier })));
        let outcome = block_on(masa.vouch(&owner.request(&pledge, nonce(1)), Format::Cms, &PeerCertificates::default()));
        assert_eq!(outcome.map(drop).map_err(|err| refusal::<()>(Err(err))), expected);
        assert_eq!(block_on(inner.history(&pledge.device())).unwrap().unwrap().vouched().len(), 1);
    }
}

fn vouched(owner: &Owner, pledge: &crate::testing::Pledge) -> Entry {
    let pinned = &owner.authority.certificate;
    Entry::Vouched(crate::ledger::Vouched {
        device: pledge.device(),
        at: NOW,
        domain: pinned.domain_id(),
        pin: pinned.spki_digest(),
        registrar: owner.registrar.certificate.spki_digest(),
        nonce: Some(nonce(1)),
        assertion: Assertion::Proximity,
        expires_on: None,
        content: None,
        by: None,
    })
}

/// A ledger into which somebody else appends just before we do.
struct Overtaken {
    inner: Arc<crate::ledger::MemoryLedger>,
    earlier: Vec<Entry>,
}

impl Ledger for Overtaken {
    fn append(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<core::ops::Range<u64>, LedgerError>> {
        block_on(self.inner.append(self.earlier.clone())).unwrap();
        self.inner.append(entries)
    }

    fn history<'a>(&'a self, device: &'a DeviceId) -> BoxFuture<'a, Result<Option<History>, LedgerError>> {
        self.inner.history(device)
    }

    fn devices<'a>(&'a self, serial: &'a SerialNumber) -> BoxFuture<'a, Result<Vec<DeviceId>, LedgerError>> {
        self.inner.devices(serial)
    }

    fn entries(&self, from: u64, most: usize) -> BoxFuture<'_, Result<Vec<(u64, Entry)>, LedgerError>> {
        self.inner.entries(from, most)
    }

    fn head(&self) -> BoxFuture<'_, Result<crate::ledger::TreeHead, LedgerError>> {
        self.inner.head()
    }

    fn inclusion(&self, index: u64, size: u64) -> BoxFuture<'_, Result<Vec<brski_common::log::Hash>, LedgerError>> {
        self.inner.inclusion(index, size)
    }

    fn consistency(&self, old: u64, new: u64) -> BoxFuture<'_, Result<Vec<brski_common::log::Hash>, LedgerError>> {
        self.inner.consistency(old, new)
    }
}

/// A key whose token was pulled.
struct Broken(brski_common::SoftwareKey);

impl Signer for Broken {
    fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm()
    }

    fn sign<'a>(&'a self, _: &'a [u8]) -> BoxFuture<'a, Result<Signature, SignError>> {
        Box::pin(core::future::ready(Err(SignError::Key("the token was pulled".into()))))
    }
}
