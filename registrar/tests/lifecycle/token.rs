//! A registrar whose keys never leave a token, which is SoftHSM's here.

use super::owner::Owner;
use super::pki::certificate;
use super::pledge::{LDEVID, P256, enroll, imprint};
use super::softhsm::{self, MODULE};
use super::support::Folder;
use super::world::IDEVID;

/// Moves the registrar's key, by which it is known over TLS and signs its voucher-requests, and the domain CA's into a token. False where there is no SoftHSM.
fn keys_into_a_token(folder: &Folder) -> bool {
    if !softhsm::begin(folder) {
        return false;
    }
    softhsm::write_pin(folder, "registrar/pin.txt");
    for (key, id) in [("registrar", "01"), ("domain-ca", "02")] {
        let file = format!("registrar/keys/{key}.pem");
        softhsm::import(folder, &file, key, id);
        std::fs::remove_file(folder.path(&file)).unwrap();
        let uri = format!("pkcs11:token=brski;object={key}?module-path={MODULE}&pin-source=file:pin.txt");
        folder.edit("registrar/registrar.toml", &format!("\nkey = \"keys/{key}.pem\"\n"), &format!("\nkey = \"{uri}\"\n"));
    }
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn pledge_is_held_approved_enrolled_and_renewed_by_a_registrar_whose_keys_are_in_a_token() {
    let Some(mut owner) = Owner::prepared(60, keys_into_a_token).await else { return };
    assert_eq!(owner.world.ask_for_voucher("").status, 202);
    owner.approve();
    imprint(&owner.world);
    enroll(&owner.world, "est/simpleenroll", P256, IDEVID);
    let first = certificate(&owner.world.openssl, "ldevid");
    enroll(&owner.world, "est/simplereenroll", P256, LDEVID);
    let second = certificate(&owner.world.openssl, "ldevid");
    assert_ne!(first.certificate_serial(), second.certificate_serial());
    owner.world.openssl.run("verify -x509_strict -partial_chain -CAfile pinned.pem -purpose sslclient ldevid.pem");
    owner.fetch_crl();
    owner.world.openssl.run("verify -partial_chain -crl_check -CAfile pinned.pem -CRLfile crl.pem ldevid.pem");
    assert_eq!(owner.ask_admin("auditor", "/readyz", "").status, 200);
    owner.stop();
    assert_eq!(owner.story(), ["held", "approved", "admitted", "bound", "issued", "bound", "issued"]);
}
