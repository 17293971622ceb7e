//! Vouchers and voucher-requests: `openssl cms` verifies ours, and our MASA accepts its.

use brski_common::pledge::Pledge;
use brski_common::{Anchors, Certificate, Nonce, UnixTime};
use serde_json::json;

use crate::openssl::OpenSsl;
use crate::pki::{base64_der, party};
use crate::requests::{NONCE, REQUEST, base64, idevid_issuer, verified};
use crate::world::World;

/// Whether `enclosed` is the path of this party, in any order: a SET has none.
fn is_path_of(enclosed: &[Certificate], openssl: &OpenSsl, name: &str) -> bool {
    let path = openssl.certificates(format!("{name}-chain.pem"));
    enclosed.len() == path.len() && path.iter().all(|certificate| enclosed.contains(certificate))
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_verifies_the_request_of_our_pledge() {
    let Some(world) = World::start().await else { return };
    world.manufacture("JADA1").await;
    let holder = party(&world.openssl, "JADA1");
    let pledge = Pledge::new(holder.identity.chain, holder.signer, Anchors::default()).unwrap();
    let registrar = world.openssl.certificates("registrar-chain.pem");
    let asked = pledge.ask_for_voucher(&registrar, Nonce::from_text(NONCE).unwrap(), UnixTime::now()).await.unwrap();

    let (leaves, enclosed) = verified(&world.openssl, &asked.ask().body, "idevid-root", REQUEST);
    let registrar = base64_der(&world.openssl, "registrar");
    assert_eq!(leaves, json!({ "assertion": "proximity", "nonce": NONCE, "proximity-registrar-cert": registrar, "serial-number": "JADA1" }));
    assert!(is_path_of(&enclosed, &world.openssl, "JADA1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_verifies_the_request_of_our_registrar() {
    let Some(world) = World::with_pledge().await else { return };
    let reply = world.ask_for_voucher("");
    assert_eq!(reply.status, 200, "{reply:?}");

    let (mut leaves, enclosed) = verified(&world.openssl, &world.relayed()[0], "domain-ca", REQUEST);
    let issuer = leaves["idevid-issuer"].take();
    assert_eq!(issuer, idevid_issuer(&world.openssl, "JADA1"));
    let prior = base64(&world.openssl, &world.openssl.read("pvr.der"));
    let expected = json!({ "assertion": "proximity", "idevid-issuer": null, "nonce": NONCE, "prior-signed-voucher-request": prior, "serial-number": "JADA1" });
    assert_eq!(leaves, expected);
    assert!(is_path_of(&enclosed, &world.openssl, "registrar"));
}
