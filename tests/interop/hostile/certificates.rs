//! Clients whose certificate is not what they say they are: TLS takes any, the registrar says no in a sentence.

use super::client::{Answer, Client};
use super::honest_pledge_gets_in;
use crate::pki::{Kind, certify};
use crate::requests::{NONCE, pledges_json, sign};
use crate::world::World;

/// Posts a body of this type to a resource of the registrar's.
fn post(client: &mut Client, resource: &str, media_type: &str, body: &[u8]) -> Answer {
    let fields = format!("Host: registrar\r\nContent-Type: {media_type}\r\nContent-Length: {}", body.len());
    client.send([format!("POST /.well-known/{resource} HTTP/1.1\r\n{fields}\r\n\r\n").as_bytes(), body].concat());
    client.answer()
}

fn ask_for_voucher(client: &mut Client, request: &[u8]) -> Answer {
    post(client, "brski/requestvoucher", "application/voucher-cms+json", request)
}

fn enroll(client: &mut Client, resource: &str, request: &[u8]) -> Answer {
    post(client, resource, "application/pkcs10", request)
}

/// A certification request in base64 for a new key, in the name of this device.
fn request_in_the_name_of(world: &World, serial: &str) -> Vec<u8> {
    let key = "ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout new.key";
    world.openssl.run(&format!("req -new -config pki.cnf -newkey {key} -subj /serialNumber={serial}/O=Fruitmaker -outform DER -out new.csr"));
    world.openssl.run("base64 -in new.csr -out new.csr.base64");
    world.openssl.read("new.csr.base64")
}

/// The holder of this certificate shakes hands and reads what is for everybody, but gets neither voucher nor LDevID in the name of JADA1, who is admitted.
async fn holder_is_refused_in_words(kind: Kind, curve: &str, issuer: Option<&str>, at_the_members_door: &str) {
    let Some(world) = World::with_pledge().await else { return };
    assert_eq!(world.ask_for_voucher("").status, 200);
    certify(&world.openssl, Kind::Ca, "P-256", "strange-ca", "/CN=IDevID-CA", None);
    certify(&world.openssl, kind, curve, "foreigner", "/serialNumber=JADA1/O=Fruitmaker", issuer);
    let request = sign(&world.openssl, &pledges_json(&world.openssl, "JADA1", NONCE), "foreigner", issuer.unwrap_or("strange-ca"), "");
    let certification = request_in_the_name_of(&world, "JADA1");

    let mut client = Client::open(&world, Some("foreigner"));
    client.send("GET /.well-known/est/cacerts HTTP/1.1\r\nHost: registrar\r\n\r\n");
    assert_eq!(client.answer().status, 200);
    ask_for_voucher(&mut client, &request).refused(403, "no accepted manufacturer");
    enroll(&mut client, "est/simpleenroll", &certification).refused(403, "no accepted manufacturer");
    enroll(&mut client, "est/simplereenroll", &certification).refused(403, at_the_members_door);
    honest_pledge_gets_in(&world, "HONEST").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn device_of_a_foreign_ca_shakes_hands_and_is_refused_in_words() {
    holder_is_refused_in_words(Kind::IDevId, "P-256", Some("strange-ca"), "does not lead to a configured trust anchor").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn device_with_an_rsa_certificate_of_its_own_shakes_hands_and_is_refused_in_words() {
    holder_is_refused_in_words(Kind::IDevId, "rsa:2048", None, "does not lead to a configured trust anchor").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn owner_of_the_makers_web_certificate_shakes_hands_and_is_refused_in_words() {
    holder_is_refused_in_words(Kind::Server, "P-256", Some("services"), "lacks the extended key usage clientAuth").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn certificate_swapped_behind_the_voucher_enrols_nobody() {
    let Some(world) = World::with_pledge().await else { return };
    world.manufacture("JADA2").await;
    let voucher = world.openssl.read("pvr.der");
    assert_eq!(ask_for_voucher(&mut Client::open(&world, Some("JADA1")), &voucher).status, 200);

    // A new connection, another face: neither in the name of whoever was admitted nor in its own.
    let mut swapped = Client::open(&world, Some("JADA2"));
    for serial in ["JADA1", "JADA2"] {
        let request = request_in_the_name_of(&world, serial);
        enroll(&mut swapped, "est/simpleenroll", &request).refused(403, "no admission is on record for this key");
    }
    // Nor with the voucher-request that was good a moment ago.
    ask_for_voucher(&mut swapped, &voucher).refused(403, "is signed by");
    // And none: whoever leaves the certificate out is nobody.
    let mut nobody = Client::open(&world, None);
    enroll(&mut nobody, "est/simpleenroll", &request_in_the_name_of(&world, "JADA1")).refused(403, "TLS client certificate");
    honest_pledge_gets_in(&world, "HONEST").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn certificate_swapped_for_that_of_another_admitted_pledge_enrols_it_in_its_own_name_only() {
    let Some(world) = World::with_pledge().await else { return };
    world.manufacture("JADA2").await;
    assert_eq!(ask_for_voucher(&mut Client::open(&world, Some("JADA1")), &world.openssl.read("pvr.der")).status, 200);
    let mut swapped = Client::open(&world, Some("JADA2"));
    assert_eq!(ask_for_voucher(&mut swapped, &world.pledges_request("JADA2", NONCE, "")).status, 200);

    let of_another = request_in_the_name_of(&world, "JADA1");
    enroll(&mut swapped, "est/simpleenroll", &of_another).refused(403, "its subject must have exactly one serialNumber, JADA2");
    assert_eq!(enroll(&mut swapped, "est/simpleenroll", &request_in_the_name_of(&world, "JADA2")).status, 200);
    honest_pledge_gets_in(&world, "HONEST").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn certificate_cannot_be_swapped_within_a_connection() {
    let Some(world) = World::start().await else { return };
    // "R" asks for a new handshake in TLS 1.2; TLS 1.3 has none.
    let output = world.openssl.output(&format!("s_client -connect {} -tls1_2", world.registrar_address), b"R\nGET /.well-known/est/cacerts HTTP/1.1\r\n");
    let printed = [output.stdout, output.stderr].map(|octets| String::from_utf8_lossy(&octets).into_owned()).concat();
    assert!(printed.contains("RENEGOTIATING") && printed.contains("no renegotiation"), "{printed}");
    assert!(!output.status.success());
    honest_pledge_gets_in(&world, "HONEST").await;
}
