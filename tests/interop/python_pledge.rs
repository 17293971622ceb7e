//! A pledge in Python on libraries that are not ours gets a voucher, an LDevID and a renewed one from our servers, in each format.

use brski_common::Format;
use serde_json::Value;

use crate::pki::certificate;
use crate::python::{hex, start_pledge, world_of_python};
use crate::world::World;

/// What came of it: the voucher's leaves, and an LDevID and its successor that `openssl` finds under the domain's CA.
fn leaves_of_enrolled(world: &World, serial: &str) -> Value {
    for name in ["ldevid", "renewed"] {
        world.openssl.run(&format!("verify -x509_strict -CAfile domain-ca.pem -purpose sslclient {serial}.kept/{name}.pem"));
    }
    let subject = |file: &str| world.openssl.certificates(file).remove(0).subject_der().to_vec();
    assert_eq!(subject(&format!("{serial}.kept/renewed.pem")), subject(&format!("{serial}.pem")));
    serde_json::from_slice(&world.openssl.read(format!("{serial}.kept/leaves.json"))).unwrap()
}

async fn pledge_enrolls(format: Format) {
    let Some((world, python)) = world_of_python().await else { return };
    start_pledge(&world, python, "JADA1", format, "").finish().unwrap();
    let leaves = leaves_of_enrolled(&world, "JADA1");
    assert_eq!((&leaves["assertion"], &leaves["serial-number"]), (&"proximity".into(), &"JADA1".into()));
    assert_eq!(leaves["pinned-domain-cert"], hex(certificate(&world.openssl, "domain-ca").der()));
    assert_eq!(world.relayed().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn pledge_of_python_enrolls_with_cms() {
    pledge_enrolls(Format::Cms).await;
}
#[tokio::test(flavor = "multi_thread")]
async fn pledge_of_python_enrolls_with_jws() {
    pledge_enrolls(Format::Jws).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pledge_of_python_enrolls_with_cose() {
    pledge_enrolls(Format::Cose).await;
}

/// The registrar named otherwise than by its certificate: the voucher says proximity all the same, and pins in the same way.
async fn pledge_enrolls_naming_the_registrar_by(leaf: &str) {
    let Some((world, python)) = world_of_python().await else { return };
    start_pledge(&world, python, "JADA1", Format::Cose, &format!("--proximity {leaf}")).finish().unwrap();
    let leaves = leaves_of_enrolled(&world, "JADA1");
    assert_eq!(leaves["assertion"], "proximity");
    let pins: Vec<&String> = leaves.as_object().unwrap().keys().filter(|name| name.starts_with("pinned-")).collect();
    assert_eq!(pins, [&format!("pinned-domain-{leaf}")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pledge_of_python_enrolls_naming_the_registrars_key() {
    pledge_enrolls_naming_the_registrar_by("pubk").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pledge_of_python_enrolls_naming_the_hash_of_the_registrars_key() {
    pledge_enrolls_naming_the_registrar_by("pubk-sha256").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mixed_fleet_of_python_enrolls_at_once() {
    let Some((world, python)) = world_of_python().await else { return };
    world.manufacture("JADA2").await;
    world.manufacture("JADA3").await;
    let fleet = [("JADA1", Format::Cms), ("JADA2", Format::Jws), ("JADA3", Format::Cose)];
    // All are started before the first is waited for.
    let running = fleet.map(|(serial, format)| start_pledge(&world, python, serial, format, ""));
    running.into_iter().for_each(|running| drop(running.finish().unwrap()));
    for (serial, _) in fleet {
        assert_eq!(leaves_of_enrolled(&world, serial)["serial-number"], serial);
    }
    assert_eq!(world.relayed().len(), fleet.len());
}

/// The key that signs the request and shows the IDevID is of another kind.
async fn pledge_enrolls_with_key(format: Format, key: &str) {
    let Some((world, python)) = world_of_python().await else { return };
    world.manufacture_on(key, "JADA2").await;
    start_pledge(&world, python, "JADA2", format, "").finish().unwrap();
    assert_eq!(leaves_of_enrolled(&world, "JADA2")["serial-number"], "JADA2");
}

#[tokio::test(flavor = "multi_thread")]
async fn pledge_of_python_with_a_p384_key_enrolls_with_every_format() {
    for &format in Format::ALL {
        pledge_enrolls_with_key(format, "P-384").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pledge_of_python_with_an_ed25519_key_enrolls_with_every_format() {
    for &format in Format::ALL {
        pledge_enrolls_with_key(format, "ed25519").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pledge_of_python_with_a_p521_key_enrolls_with_cms() {
    pledge_enrolls_with_key(Format::Cms, "P-521").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pledge_of_python_with_an_rsa_key_enrolls_with_cms() {
    pledge_enrolls_with_key(Format::Cms, "rsa:2048").await;
}

/// What we do not verify in this format is refused by its name.
async fn algorithm_is_refused(format: Format, key: &str, words: &str) {
    let Some((world, python)) = world_of_python().await else { return };
    world.manufacture_on(key, "JADA2").await;
    let said = start_pledge(&world, python, "JADA2", format, "").finish().unwrap_err();
    assert!(said.contains("requestvoucher was answered 4") && said.contains(words), "{said}");
    assert!(world.relayed().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn jws_signature_with_es512_is_refused() {
    algorithm_is_refused(Format::Jws, "P-521", "JWS algorithm 'ES512'").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cose_signature_with_es512_is_refused() {
    algorithm_is_refused(Format::Cose, "P-521", "COSE algorithm -36").await;
}

/// The pledge trusts these certificates and not those behind our vouchers: it says why it stops, and enrolls no more.
async fn voucher_is_not_believed(format: Format, anchor: &str, words: &str) {
    let Some((world, python)) = world_of_python().await else { return };
    let identity = format!("--idevid JADA1-chain.pem --key JADA1.key --anchor {anchor}.pem --out JADA1.kept");
    let arguments = format!("--format {} --registrar {} {identity}", format.name(), world.registrar_address);
    let said = python.start(&world.openssl, "pledge.py", &arguments).finish().unwrap_err();
    assert!(said.contains(words), "{said}");
    assert!(!world.openssl.path("JADA1.kept/ldevid.pem").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn pledge_of_python_believes_no_voucher_under_another_root() {
    for format in [Format::Cms, Format::Jws] {
        voucher_is_not_believed(format, "idevid-root", "does not lead to an anchor").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn voucher_in_cose_reaches_the_pledge_without_its_signers_certificates() {
    voucher_is_not_believed(Format::Cose, "services", "nobody's among the certificates that came along").await;
}
