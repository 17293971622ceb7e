//! `curl` and `openssl` as the pledge.

use super::owner::Owner;
use super::pki::certificate;
use super::pledge::{LDEVID, P256, enroll, imprint, post_csr};
use super::python::hex;
use super::requests::NONCE;
use super::world::{IDEVID, post_voucher_request};

/// How `openssl` finds the LDevID in this file by the list that was fetched.
fn checked(owner: &Owner, ldevid: &str) -> Result<(), String> {
    let output = owner.world.openssl.output(&format!("verify -partial_chain -crl_check -CAfile pinned.pem -CRLfile crl.pem {ldevid}"), b"");
    output.status.success().then_some(()).ok_or_else(|| String::from_utf8(output.stderr).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn pledge_of_curl_is_held_approved_enrolled_renewed_and_revoked() {
    let Some(mut owner) = Owner::start(60).await else { return };
    let openssl = &owner.world.openssl;
    let told = owner.world.ask_for_voucher("");
    assert_eq!((told.status, told.header("retry-after")), (202, Some("60")), "{told:?}");
    assert_eq!(owner.held(), ["JADA1"]);
    let shown = owner.run(&["pledges", "show", "JADA1"]).ok();
    assert!(shown.starts_with("JADA1 of Fruitmaker is held: "), "{shown}");
    assert_eq!(owner.approve(), "JADA1 is approved (1 of 1); it gets its voucher when it asks again, within four days\n");

    imprint(&owner.world);
    enroll(&owner.world, "est/simpleenroll", P256, IDEVID);
    openssl.run("verify -x509_strict -partial_chain -CAfile pinned.pem -purpose sslclient ldevid.pem");
    let first = certificate(openssl, "ldevid");
    openssl.write("first.pem", first.to_pem());
    enroll(&owner.world, "est/simplereenroll", P256, LDEVID);
    let second = certificate(openssl, "ldevid");
    assert_eq!(first.subject_der(), second.subject_der());
    assert_ne!(first.certificate_serial(), second.certificate_serial());
    owner.fetch_crl();
    assert_eq!(["first.pem", "ldevid.pem"].map(|ldevid| checked(&owner, ldevid)), [Ok(()), Ok(())]);

    owner.revoke();
    let refused = post_csr(&owner.world, "est/simplereenroll", P256, LDEVID);
    let words =
        format!("the LDevID with serial number {} was revoked by its owner; the pledge has to request a voucher again", hex(second.certificate_serial()));
    assert_eq!((refused.status, refused.text()), (403, words.as_str()));
    owner.fetch_crl();
    for ldevid in ["first.pem", "ldevid.pem"] {
        let said = checked(&owner, ldevid).unwrap_err();
        assert!(said.contains("certificate revoked"), "{said}");
    }
    let story = ["held", "approved", "admitted", "issued", "issued", "revoked", "revoked", "not-issued"];
    assert_eq!(owner.story(), story);
    owner.stop();
    assert_eq!(owner.story(), story);
}

#[tokio::test(flavor = "multi_thread")]
async fn approval_outlives_the_process_that_held_the_pledge() {
    let Some(mut owner) = Owner::start(60).await else { return };
    assert_eq!(owner.world.ask_for_voucher("").status, 202);
    owner.stop();
    owner.approve();
    owner.restart();
    imprint(&owner.world);
    assert_eq!(owner.story(), ["held", "approved", "admitted"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn approval_counts_for_no_other_pledge_than_the_one_that_was_held() {
    let Some(owner) = Owner::start(60).await else { return };
    assert_eq!(owner.world.ask_for_voucher("").status, 202);
    owner.approve();
    owner.manufacture("JADA2").await;
    owner.world.openssl.write("pvr.der", owner.world.pledges_request("JADA2", NONCE, ""));
    let typed = post_voucher_request("pvr.der");
    let told = owner.world.ask_registrar("brski/requestvoucher", &format!("--insecure --cert JADA2-chain.pem --key JADA2.key {typed}"));
    assert_eq!(told.status, 202, "{told:?}");
    let [shown] = &owner.json(&["pledges", "show", "JADA2"])[..] else { panic!("one pledge is shown") };
    assert_eq!((&shown["file"]["state"], &shown["approvals"]), (&"held".into(), &0.into()), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pledge_that_nobody_approves_stays_out_and_gets_no_ldevid() {
    let Some(owner) = Owner::start(60).await else { return };
    for _ in 0..2 {
        assert_eq!(owner.world.ask_for_voucher("").status, 202);
    }
    owner.world.openssl.write("pinned.pem", owner.world.openssl.read("domain-ca.pem"));
    assert_eq!(post_csr(&owner.world, "est/simpleenroll", P256, IDEVID).status, 403);
    assert_eq!(owner.held(), ["JADA1"]);
    assert!(!owner.story().contains(&"issued".to_owned()));
}
