//! Where other implementations let somebody in, or fell over: ours refuse, in real requests over real connections, and go on.

use crate::curl::Reply;
use crate::pki::{Kind, certify};
use crate::requests::{NONCE, pledges_json, registrars_json, sign};
use crate::world::{IDEVID, World, post_voucher_request};

/// Refused with this status and a sentence that has these words, since one status has many grounds; the honest pledge is served all the same.
fn assert_refused(world: &World, reply: &Reply, status: u16, words: &str) {
    assert_eq!((reply.status, reply.header("content-type")), (status, Some("text/plain; charset=utf-8")), "{reply:?}");
    assert!(reply.text().contains(words), "{reply:?}");
    assert_eq!(world.ask_for_voucher("").status, 200);
}

/// What the registrar answers to a request, to a pledge that shows this certificate.
fn registrars_answer(world: &World, request: &[u8], shown: &str) -> Reply {
    world.openssl.write("request", request);
    world.ask_registrar("brski/requestvoucher", &format!("--insecure --cert {shown}-chain.pem --key {shown}.key {}", post_voucher_request("request")))
}

/// What the MASA answers to a request.
fn masas_answer(world: &World, request: &[u8]) -> Reply {
    world.openssl.write("request", request);
    world.ask_masa("requestvoucher", &post_voucher_request("request")).finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn request_without_serial_number_does_not_kill_the_registrar() {
    let Some(world) = World::with_pledge().await else { return };
    let json = pledges_json(&world.openssl, "JADA1", NONCE).replace(r#""serial-number": "JADA1","#, "");
    let reply = registrars_answer(&world, &sign(&world.openssl, &json, "JADA1", "idevid-ca", ""), "JADA1");
    assert_refused(&world, &reply, 400, "serial-number is missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn request_without_serial_number_does_not_kill_the_masa() {
    let Some(world) = World::with_pledge().await else { return };
    let json = registrars_json(&world.openssl, "JADA1", NONCE, &world.openssl.read("pvr.der")).replace(r#""serial-number": "JADA1","#, "");
    let reply = masas_answer(&world, &sign(&world.openssl, &json, "registrar", "domain-ca", ""));
    assert_refused(&world, &reply, 400, "serial-number is missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn device_gets_no_voucher_for_the_request_of_another() {
    let Some(world) = World::with_pledge().await else { return };
    world.manufacture("JADA2").await;
    let reply = registrars_answer(&world, &world.openssl.read("pvr.der"), "JADA2");
    assert_refused(&world, &reply, 403, "is signed by");
}

#[tokio::test(flavor = "multi_thread")]
async fn idevid_of_a_stranger_is_not_accepted() {
    let Some(world) = World::with_pledge().await else { return };
    certify(&world.openssl, Kind::Ca, "P-256", "strange-ca", "/CN=IDevID-CA", None);
    certify(&world.openssl, Kind::IDevId, "P-256", "stranger", "/serialNumber=JADA1/O=Fruitmaker", Some("strange-ca"));
    let json = pledges_json(&world.openssl, "JADA1", NONCE);
    let reply = registrars_answer(&world, &sign(&world.openssl, &json, "stranger", "strange-ca", ""), "stranger");
    assert_refused(&world, &reply, 403, "no accepted manufacturer");
}

#[tokio::test(flavor = "multi_thread")]
async fn device_that_was_never_recorded_gets_no_voucher() {
    let Some(world) = World::with_pledge().await else { return };
    certify(&world.openssl, Kind::IDevId, "P-256", "JADA9", "/serialNumber=JADA9", Some("idevid-ca"));
    let reply = registrars_answer(&world, &world.pledges_request("JADA9", NONCE, ""), "JADA9");
    assert_refused(&world, &reply, 404, "JADA9");
}

#[tokio::test(flavor = "multi_thread")]
async fn pledge_that_named_another_registrar_is_sent_away() {
    let Some(world) = World::with_pledge().await else { return };
    let registrar = world.openssl.read("registrar.pem");
    certify(&world.openssl, Kind::Registrar, "P-256", "registrar", "/CN=Other", Some("domain-ca"));
    let request = world.pledges_request("JADA1", NONCE, "");
    world.openssl.write("registrar.pem", registrar);
    let reply = registrars_answer(&world, &request, "JADA1");
    assert_eq!(reply.header("connection"), Some("close"));
    assert_refused(&world, &reply, 401, "names another registrar");
}

#[tokio::test(flavor = "multi_thread")]
async fn registrar_that_the_pledge_did_not_name_gets_no_voucher() {
    let Some(world) = World::with_pledge().await else { return };
    certify(&world.openssl, Kind::Ca, "P-256", "other-ca", "/CN=Other-CA", None);
    certify(&world.openssl, Kind::Registrar, "P-256", "other", "/CN=Other", Some("other-ca"));
    let json = registrars_json(&world.openssl, "JADA1", NONCE, &world.openssl.read("pvr.der"));
    let reply = masas_answer(&world, &sign(&world.openssl, &json, "other", "other-ca", ""));
    assert_refused(&world, &reply, 403, "names another registrar");
}

#[tokio::test(flavor = "multi_thread")]
async fn nonce_that_differs_from_the_pledges_is_refused() {
    let Some(world) = World::with_pledge().await else { return };
    let json = registrars_json(&world.openssl, "JADA1", "YW5vdGhlciBub25jZQ==", &world.openssl.read("pvr.der"));
    let reply = masas_answer(&world, &sign(&world.openssl, &json, "registrar", "domain-ca", ""));
    assert_refused(&world, &reply, 403, "nonce");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusal_of_the_masa_reaches_the_pledge_as_one() {
    let Some(world) = World::with_pledge().await else { return };
    world.manufacture("JADA2").await;
    world.block("JADA2").await;
    let reply = registrars_answer(&world, &world.pledges_request("JADA2", NONCE, ""), "JADA2");
    assert_refused(&world, &reply, 403, "JADA2 is blocked");
}

#[tokio::test(flavor = "multi_thread")]
async fn certificate_in_place_of_a_certification_request_is_refused() {
    let Some(world) = World::with_pledge().await else { return };
    assert_eq!(world.ask_for_voucher("").status, 200);
    world.openssl.run("x509 -in JADA1.pem -outform DER -out certificate.der");
    world.openssl.run("base64 -in certificate.der -out certificate.base64");
    let posted = format!("--insecure {IDEVID} --header Content-Type:application/pkcs10 --data-binary @certificate.base64");
    assert_refused(&world, &world.ask_registrar("est/simpleenroll", &posted), 400, "PKCS #10");
}

#[tokio::test(flavor = "multi_thread")]
async fn request_for_a_ca_certificate_is_refused() {
    let Some(world) = World::with_pledge().await else { return };
    assert_eq!(world.ask_for_voucher("").status, 200);
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout new.key";
    world.openssl.run(&format!(
        "req -new -config pki.cnf -addext basicConstraints=critical,CA:TRUE {key} -subj /serialNumber=JADA1/O=Fruitmaker -outform DER -out new.csr"
    ));
    world.openssl.run("base64 -in new.csr -out new.csr.base64");
    let posted = format!("--insecure {IDEVID} --header Content-Type:application/pkcs10 --data-binary @new.csr.base64");
    assert_refused(&world, &world.ask_registrar("est/simpleenroll", &posted), 403, "CA:TRUE");
}
