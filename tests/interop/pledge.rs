//! `curl` and `openssl` as a pledge: each request on a connection of its own.

use crate::curl::Reply;
use crate::openssl::OpenSsl;
use crate::requests::{VOUCHER, expected_voucher, verified};
use crate::world::World;

/// Arguments of `curl` that show the LDevID.
pub(crate) const LDEVID: &str = "--cert ldevid.pem --key ldevid.key";
/// Arguments of `openssl req` for a key on this curve.
pub(crate) const P256: &str = "ec -pkeyopt ec_paramgen_curve:P-256";

/// Gets a voucher over provisional TLS and keeps what it pins as `pinned.pem`.
pub(crate) fn imprint(world: &World) {
    let reply = world.ask_for_voucher("");
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/voucher-cms+json")), "{reply:?}");
    let (voucher, _) = verified(&world.openssl, &reply.body, "services", VOUCHER);
    assert_eq!(voucher, expected_voucher(&world.openssl));

    let pinned = voucher["pinned-domain-cert"].as_str().unwrap();
    let der = world.openssl.output("base64 -d -A", pinned.as_bytes()).stdout;
    world.openssl.write("pinned.der", der);
    world.openssl.run("x509 -inform DER -in pinned.der -out pinned.pem");
}

/// Makes `new.key` and posts a request for it, showing this identity.
pub(crate) fn post_csr(world: &World, resource: &str, key: &str, identity: &str) -> Reply {
    world
        .openssl
        .run(&format!("req -new -config pki.cnf -newkey {key} -nodes -keyout new.key -subj /serialNumber=JADA1/O=Fruitmaker -outform DER -out new.csr"));
    world.openssl.run("base64 -in new.csr -out new.csr.base64");
    let typed = "--header Content-Type:application/pkcs10 --header Content-Transfer-Encoding:base64";
    world.ask_registrar(resource, &format!("--cacert pinned.pem {identity} {typed} --data-binary @new.csr.base64"))
}

/// The certificates of an EST body as `openssl` reads them.
pub(crate) fn certificates_in(openssl: &OpenSsl, reply: &Reply) -> Vec<brski_common::Certificate> {
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/pkcs7-mime; smime-type=certs-only")), "{reply:?}");
    openssl.write("body.der", openssl.output("base64 -d", &reply.body).stdout);
    openssl.run("pkcs7 -inform DER -in body.der -print_certs -out body.pem");
    openssl.certificates("body.pem")
}

/// Enrols and keeps `ldevid.pem` and `ldevid.key`.
pub(crate) fn enroll(world: &World, resource: &str, key: &str, identity: &str) {
    let reply = post_csr(world, resource, key, identity);
    let [ldevid] = &certificates_in(&world.openssl, &reply)[..] else { panic!("more than the LDevID") };
    world.openssl.write("ldevid.pem", ldevid.to_pem());
    world.openssl.write("ldevid.key", world.openssl.read("new.key"));
}
