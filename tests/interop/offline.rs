//! Vouchers that an operator takes to a place without network: others verify them without us.

use brski_common::{Format, IDevIdCert};
use brski_masa::ledger::Customer;

use crate::openssl::OpenSsl;
use crate::pki::certificate;
use crate::python::{hex, world_of_python};
use crate::world::World;

/// Vouches without nonce for JADA1 to the domain that it is sold to. The voucher is in the file `voucher`.
async fn vouch_offline(world: &World, format: Format) {
    let idevid = IDevIdCert::new(certificate(&world.openssl, "JADA1")).unwrap();
    let (domain, registrar) = (certificate(&world.openssl, "domain-ca"), certificate(&world.openssl, "registrar"));
    let customer = Customer { name: "Orchard".to_owned(), keys: vec![domain.spki_digest()] };
    world.masa().sell(idevid.device(), customer, "jane").await.unwrap();
    let voucher = world.masa().vouch_offline(idevid.device(), &domain, Some(&registrar), "jane", format).await.unwrap();
    world.openssl.write("voucher", voucher.wire());
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_verifies_a_voucher_without_nonce() {
    let Some(world) = World::start().await else { return };
    world.manufacture("JADA1").await;
    vouch_offline(&world, Format::Cms).await;
    let openssl: &OpenSsl = &world.openssl;
    openssl.run("cms -verify -binary -inform DER -in voucher -CAfile services.pem -purpose any -out content.json");
    let said: serde_json::Value = serde_json::from_slice(&openssl.read("content.json")).unwrap();
    let leaves = &said["ietf-voucher:voucher"];
    assert_eq!((&leaves["serial-number"], leaves.get("nonce"), leaves.get("expires-on").is_some()), (&"JADA1".into(), None, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn python_verifies_a_voucher_without_nonce_in_every_format() {
    let Some((world, python)) = world_of_python().await else { return };
    for &format in Format::ALL {
        vouch_offline(&world, format).await;
        let found = python.verify(&world.openssl, &format!("voucher --format {} --anchor services.pem voucher", format.name()));
        let leaves = &found["leaves"];
        let [domain, signer] = ["domain-ca", "nonceless"].map(|name| hex(certificate(&world.openssl, name).der()));
        assert_eq!((&leaves["serial-number"], &leaves["assertion"], leaves.get("nonce")), (&"JADA1".into(), &"verified".into(), None));
        assert_eq!((&leaves["pinned-domain-cert"], &found["signer"]), (&domain.into(), &signer.into()));
        assert!(leaves["expires-on"].is_string(), "{leaves}");
    }
}
