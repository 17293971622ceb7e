//! Python's libraries verify what we write, and refuse what somebody changed.

use brski_common::pledge::Pledge;
use brski_common::{Anchors, Format, Nonce, UnixTime, voucher::Wanted};
use serde_json::Value;

use crate::openssl::OpenSsl;
use crate::pki::{Kind, certificate, certify, identifier, party};
use crate::python::{Python, hex, start_pledge, unhex, world_of_python};
use crate::requests::NONCE;
use crate::world::World;

/// The octets of [`NONCE`].
const NONCE_OCTETS: &[u8] = b"pledge's nonce";

fn der(openssl: &OpenSsl, name: &str) -> Value {
    hex(certificate(openssl, name).der()).into()
}

/// Certificates that came along, in any order.
fn enclosed(found: &Value) -> Vec<String> {
    let mut ders: Vec<String> = found["enclosed"].as_array().unwrap().iter().map(|der| der.as_str().unwrap().to_owned()).collect();
    ders.sort();
    ders
}

fn paths(openssl: &OpenSsl, names: &[&str]) -> Vec<String> {
    let mut ders: Vec<String> = names.iter().flat_map(|name| openssl.certificates(format!("{name}-chain.pem"))).map(|c| hex(c.der())).collect();
    ders.sort();
    ders
}

/// The request of our pledge, whose key is on this curve.
async fn request_of_our_pledge_is_verified(format: Format, curve: &str) {
    let Some((world, python)) = world_of_python().await else { return };
    world.manufacture_on(curve, "JADA2").await;
    let holder = party(&world.openssl, "JADA2");
    let pledge = Pledge::new(holder.identity.chain, holder.signer, Anchors::default()).unwrap().with_format(format);
    let registrar = world.openssl.certificates("registrar-chain.pem");
    let asked = pledge.ask_for_voucher(&registrar, Nonce::from_text(NONCE).unwrap(), UnixTime::now()).await.unwrap();

    world.openssl.write("request", &asked.ask().body);
    // The library that checks paths does so for no Ed25519: the anchor is then the certificate itself.
    let anchor = if curve == "ed25519" { "JADA2" } else { "idevid-root" };
    let found = python.verify(&world.openssl, &format!("request --format {} --anchor {anchor}.pem --known JADA2-chain.pem request", format.name()));
    let leaves = &found["leaves"];
    assert_eq!((&leaves["serial-number"], &leaves["assertion"], &leaves["nonce"]), (&"JADA2".into(), &"proximity".into(), &hex(NONCE_OCTETS).into()));
    assert_eq!((&leaves["proximity-registrar-cert"], &found["signer"]), (&der(&world.openssl, "registrar"), &der(&world.openssl, "JADA2")));
}

#[tokio::test(flavor = "multi_thread")]
async fn python_verifies_the_request_of_our_pledge_in_cms() {
    request_of_our_pledge_is_verified(Format::Cms, "P-256").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_verifies_the_request_of_our_pledge_in_cms_on_p384() {
    request_of_our_pledge_is_verified(Format::Cms, "P-384").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_verifies_the_request_of_our_pledge_in_cms_on_ed25519() {
    request_of_our_pledge_is_verified(Format::Cms, "ed25519").await;
}

/// The registrar's own request, in which the pledge's lies whole, and what came along with it.
async fn request_of_our_registrar_is_verified(format: Format, came_along: &[&str]) {
    let Some((world, python)) = world_of_python().await else { return };
    start_pledge(&world, python, "JADA1", format, "").finish().unwrap();
    world.openssl.write("request", &world.relayed()[0]);
    let found = python.verify(&world.openssl, &format!("request --format {} --anchor domain-ca.pem request", format.name()));
    let leaves = &found["leaves"];
    let issuer = [&[0x04, 0x18, 0x30, 0x16, 0x80, 0x14], &identifier(&world.openssl, "JADA1", "authorityKeyIdentifier")[..]].concat();
    assert_eq!((&leaves["serial-number"], &leaves["assertion"], &leaves["idevid-issuer"]), (&"JADA1".into(), &"proximity".into(), &hex(&issuer).into()));
    assert_eq!(leaves["prior-signed-voucher-request"], hex(&world.openssl.read("JADA1.kept/request")));
    assert_eq!(found["signer"], der(&world.openssl, "registrar"));
    assert_eq!(enclosed(&found), paths(&world.openssl, came_along));
}

#[tokio::test(flavor = "multi_thread")]
async fn python_verifies_the_request_of_our_registrar_in_cms() {
    request_of_our_registrar_is_verified(Format::Cms, &["registrar"]).await;
}

/// The voucher as the MASA gives it, its signer's certificates along with it, under their root alone.
async fn voucher_of_our_masa_is_verified(format: Format) {
    let Some((world, python)) = world_of_python().await else { return };
    start_pledge(&world, python, "JADA1", format, "").finish().unwrap();
    world.openssl.write("relayed", &world.relayed()[0]);
    let typed = format!("--header Content-Type:{0} --header Accept:{0}", format.voucher_media_type());
    let reply = world.ask_masa("requestvoucher", &format!("--cert registrar-chain.pem --key registrar.key {typed} --data-binary @relayed")).finish().unwrap();
    assert_eq!((reply.status, reply.header("content-type")), (200, Some(format.voucher_media_type())), "{reply:?}");
    world.openssl.write("voucher", &reply.body);
    let found = python.verify(&world.openssl, &format!("voucher --format {} --anchor services.pem voucher", format.name()));
    let leaves = &found["leaves"];
    assert_eq!((&leaves["serial-number"], &leaves["assertion"]), (&"JADA1".into(), &"proximity".into()));
    assert_eq!((&leaves["pinned-domain-cert"], &found["signer"]), (&der(&world.openssl, "domain-ca"), &der(&world.openssl, "voucher")));

    // The last octet is the signature's in CMS and in COSE, and in JWS the third from behind.
    let mut changed = reply.body.clone();
    let last = changed.len() - if format == Format::Jws { 8 } else { 1 };
    changed[last] ^= 1;
    world.openssl.write("voucher", changed);
    let refused = python.start(&world.openssl, "verify.py", &format!("voucher --format {} --anchor services.pem voucher", format.name())).finish();
    assert!(refused.unwrap_err().contains("the signature is "));
}

#[tokio::test(flavor = "multi_thread")]
async fn python_verifies_the_voucher_of_our_masa_in_cms() {
    voucher_of_our_masa_is_verified(Format::Cms).await;
}

const STATEMENT: &str = "statement --anchor services.pem --idevid";

#[tokio::test(flavor = "multi_thread")]
async fn python_verifies_our_statement_about_a_p256_key() {
    let Some((world, python)) = world_of_python().await else { return };
    let found = python.verify(&world.openssl, &format!("{STATEMENT} JADA1.pem JADA1.statement"));
    assert_eq!((&found["sub"], &found["method"], &found["iss"]), (&"JADA1".into(), &"avocado".into(), &world.masa_address.to_string().into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn python_finds_keys_of_every_curve_confirmed() {
    let Some((world, python)) = world_of_python().await else { return };
    for (curve, serial) in [("P-384", "JADA2"), ("P-521", "JADA3"), ("ed25519", "JADA4")] {
        world.manufacture_on(curve, serial).await;
        assert_eq!(python.verify(&world.openssl, &format!("{STATEMENT} {serial}.pem {serial}.statement"))["sub"], serial);
    }
}

/// The registrar asks for the whole statement: the request names the extension, the voucher carries it, and the statement in it speaks for itself.
async fn statement_in_the_voucher_is_verified(format: Format) {
    let Some(python) = Python::find() else { return };
    let Some(world) = World::start_wanting(Wanted { full: true, summary: true }).await else { return };
    world.manufacture("JADA1").await;
    start_pledge(&world, python, "JADA1", format, "").finish().unwrap();
    world.openssl.write("request", &world.relayed()[0]);
    let asked = python.verify(&world.openssl, &format!("request --format {} --anchor domain-ca.pem request", format.name()));
    assert!(asked["leaves"]["brski-key-provenance"].get("request").is_some(), "{asked}");

    let leaves: Value = serde_json::from_slice(&world.openssl.read("JADA1.kept/leaves.json")).unwrap();
    let statement = unhex(leaves["brski-key-provenance"]["statement"].as_str().unwrap());
    world.openssl.write("statement", statement);
    let found = python.verify(&world.openssl, &format!("{STATEMENT} JADA1.pem statement"));
    assert_eq!((&found["sub"], &found["method"]), (&"JADA1".into(), &"avocado".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn python_verifies_the_statement_in_a_voucher_of_every_format() {
    for &format in Format::ALL {
        statement_in_the_voucher_is_verified(format).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn python_refuses_our_statement_about_another_key() {
    let Some((world, python)) = world_of_python().await else { return };
    // The same device with another key.
    certify(&world.openssl, Kind::IDevId, "P-256", "JADA1-again", "/serialNumber=JADA1/O=Fruitmaker", Some("idevid-ca"));
    let refused = python.start(&world.openssl, "verify.py", &format!("{STATEMENT} JADA1-again.pem JADA1.statement")).finish().unwrap_err();
    assert!(refused.contains("not the key of the IDevID"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn python_refuses_our_statement_under_another_root() {
    let Some((world, python)) = world_of_python().await else { return };
    let refused = python.start(&world.openssl, "verify.py", "statement --anchor domain-ca.pem --idevid JADA1.pem JADA1.statement").finish().unwrap_err();
    assert!(refused.contains("does not lead to an anchor"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn python_verifies_the_request_of_our_pledge_in_jws() {
    request_of_our_pledge_is_verified(Format::Jws, "P-256").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_verifies_the_request_of_our_pledge_in_jws_on_p384() {
    request_of_our_pledge_is_verified(Format::Jws, "P-384").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_verifies_the_request_of_our_pledge_in_jws_on_ed25519() {
    request_of_our_pledge_is_verified(Format::Jws, "ed25519").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_verifies_the_request_of_our_pledge_in_cose() {
    request_of_our_pledge_is_verified(Format::Cose, "P-256").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_verifies_the_request_of_our_pledge_in_cose_on_p384() {
    request_of_our_pledge_is_verified(Format::Cose, "P-384").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_verifies_the_request_of_our_pledge_in_cose_on_ed25519() {
    request_of_our_pledge_is_verified(Format::Cose, "ed25519").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_verifies_the_request_of_our_registrar_in_jws() {
    request_of_our_registrar_is_verified(Format::Jws, &["registrar"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_verifies_the_request_of_our_registrar_in_cose_with_the_pledges_path_along() {
    request_of_our_registrar_is_verified(Format::Cose, &["registrar", "JADA1"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_verifies_the_voucher_of_our_masa_in_jws() {
    voucher_of_our_masa_is_verified(Format::Jws).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_verifies_the_voucher_of_our_masa_in_cose() {
    voucher_of_our_masa_is_verified(Format::Cose).await;
}
