//! Which requests go on to the MASA; what comes of its answer is in `word`.

mod word;

use brski_common::audit_log::{Event, Truncation};
use brski_common::time::at;
use brski_common::voucher::Wanted;
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
fn registrars_request_asks_for_a_statement_in_the_voucher_only_where_the_owner_says_so() {
    let world = World::new();
    let pledge = world.pledge("JADA1");
    let wanted = Wanted { full: true, summary: false };
    let settings = Settings { statement_in_voucher: Some(wanted), ..Settings::default() };
    let registrar = &world.registrar.identity.chain[0];
    let order = admit(&pledge.verified(&world.request(&pledge)), &world.verified(&pledge), registrar, &settings, now()).unwrap();
    assert_eq!(order.request().provenance, Some(ProvenanceExtension::asking_for(wanted)));
}

#[test]
fn what_a_pledge_asks_of_the_voucher_is_ignored() {
    let world = World::new();
    let pledge = world.pledge("JADA1");
    let provenance = ProvenanceExtension::asking_for(Wanted { full: true, summary: true });
    let request = VoucherRequest { provenance: Some(provenance), ..world.request(&pledge) };
    assert_eq!(admitted(&world, &pledge, &request).unwrap().request().provenance, None);
}

#[test]
fn order_brings_the_pledges_whole_path_up_to_the_anchor() {
    let world = World::new();
    let pledge = world.pledge("JADA1");
    let order = admitted(&world, &pledge, &world.request(&pledge)).unwrap();
    assert_eq!(order.pledge_chain(), [pledge.idevid.certificate().clone(), world.idevid_ca.certificate.clone()]);
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
