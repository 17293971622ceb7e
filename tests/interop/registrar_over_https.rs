//! `curl` and `openssl` as a pledge: onboarding and enrolment, each request on a connection of its own.

use crate::pki::{base64_der, certificate};
use crate::pledge::{LDEVID, P256, certificates_in, enroll, imprint, post_csr};
use crate::world::{IDEVID, World};

fn post_status(world: &World, resource: &str, identity: &str) -> u16 {
    world.openssl.write("status.json", r#"{"version":1,"status":true}"#);
    let arguments = format!("--cacert pinned.pem {identity} --header Content-Type:application/json --data-binary @status.json");
    world.ask_registrar(resource, &arguments).status
}

#[tokio::test(flavor = "multi_thread")]
async fn anybody_gets_the_domains_certificates() {
    let Some(world) = World::start().await else { return };
    let reply = world.ask_registrar("est/cacerts", "--insecure");
    assert_eq!(certificates_in(&world.openssl, &reply), [certificate(&world.openssl, "domain-ca")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_reads_what_a_request_should_hold() {
    let Some(world) = World::start().await else { return };
    let reply = world.ask_registrar("est/csrattrs", "--insecure");
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/csrattrs")));
    world.openssl.write("attributes.der", world.openssl.output("base64 -d", &reply.body).stdout);
    let printed = world.openssl.run("asn1parse -inform DER -in attributes.der");
    let objects: Vec<&str> = printed.lines().filter(|line| line.contains("OBJECT")).filter_map(|line| line.rsplit(':').next()).collect();
    assert_eq!(objects, ["id-ecPublicKey", "prime256v1", "ecdsa-with-SHA256", "serialNumber"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pledge_gets_a_voucher_that_openssl_verifies() {
    let Some(world) = World::with_pledge().await else { return };
    imprint(&world);
    assert_eq!(base64_der(&world.openssl, "pinned"), base64_der(&world.openssl, "domain-ca"));
    assert_eq!(post_status(&world, "brski/voucher_status", IDEVID), 200);
}

async fn pledge_enrolls_with_key(key: &str) {
    let Some(world) = World::with_pledge().await else { return };
    imprint(&world);
    enroll(&world, "est/simpleenroll", key, IDEVID);

    let openssl = &world.openssl;
    openssl.run("verify -x509_strict -CAfile pinned.pem -purpose sslclient ldevid.pem");
    assert_eq!(openssl.run("x509 -in ldevid.pem -noout -pubkey"), openssl.run("pkey -in ldevid.key -pubout"));
    let subject = |name: &str| openssl.run(&format!("x509 -in {name}.pem -noout -subject"));
    assert_eq!(subject("ldevid"), subject("JADA1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn pledge_enrolls_with_a_p256_key() {
    pledge_enrolls_with_key(P256).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pledge_enrolls_with_a_p384_key() {
    pledge_enrolls_with_key("ec -pkeyopt ec_paramgen_curve:P-384").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pledge_enrolls_with_an_ed25519_key() {
    pledge_enrolls_with_key("ed25519").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn member_reports_with_its_ldevid() {
    let Some(world) = World::with_pledge().await else { return };
    imprint(&world);
    enroll(&world, "est/simpleenroll", P256, IDEVID);
    assert_eq!(post_status(&world, "brski/enrollstatus", LDEVID), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn member_renews_its_ldevid() {
    let Some(world) = World::with_pledge().await else { return };
    imprint(&world);
    enroll(&world, "est/simpleenroll", P256, IDEVID);
    let first = certificate(&world.openssl, "ldevid");
    enroll(&world, "est/simplereenroll", P256, LDEVID);
    let second = certificate(&world.openssl, "ldevid");
    world.openssl.run("verify -x509_strict -CAfile pinned.pem -purpose sslclient ldevid.pem");
    assert_eq!(first.subject_der(), second.subject_der());
    assert_ne!(first.certificate_serial(), second.certificate_serial());
}

#[tokio::test(flavor = "multi_thread")]
async fn pledge_without_a_voucher_does_not_enroll() {
    let Some(world) = World::with_pledge().await else { return };
    world.openssl.write("pinned.pem", world.openssl.read("domain-ca.pem"));
    assert_eq!(post_csr(&world, "est/simpleenroll", P256, IDEVID).status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_pledge_does_not_enroll_in_the_name_of_an_admitted_one() {
    let Some(world) = World::with_pledge().await else { return };
    imprint(&world);
    world.manufacture("JADA2").await;
    assert_eq!(post_csr(&world, "est/simpleenroll", P256, "--cert JADA2-chain.pem --key JADA2.key").status, 403);
}
