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
    let story = ["held", "approved", "admitted", "bound", "issued", "bound", "issued", "revoked", "revoked", "not-issued"];
    assert_eq!(owner.story(), story);
    owner.stop();
    assert_eq!(owner.story(), story);
}

#[tokio::test(flavor = "multi_thread")]
async fn recheck_tells_the_trail_how_many_it_looked_at_and_how_many_would_not_be_renewed() {
    let Some(owner) = Owner::start(60).await else { return };
    assert_eq!(owner.world.ask_for_voucher("").status, 202);
    owner.approve();
    imprint(&owner.world);
    enroll(&owner.world, "est/simpleenroll", P256, IDEVID);
    assert_eq!(owner.run(&["recheck"]).ok(), "");
    owner.run(&["pledges", "refuse", "JADA1", "--unseen", "--why", "never ordered", "--by", "ann"]).ok();
    let told = owner.run(&["recheck"]);
    assert_eq!(told.code, Some(1), "{told:?}");
    let rechecked = owner.rechecked();
    let found: Vec<_> = rechecked.iter().map(|what| ["devices", "declined", "unknown", "revoked"].map(|count| what[count].as_u64().unwrap())).collect();
    assert_eq!(found, [[1, 0, 0, 0], [1, 1, 0, 0]], "{rechecked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_change_of_cas_openssl_finds_each_revoked_ldevid_on_its_own_cas_list_alone() {
    let Some(mut owner) = Owner::start(60).await else { return };
    assert_eq!(owner.world.ask_for_voucher("").status, 202);
    owner.approve();
    imprint(&owner.world);
    enroll(&owner.world, "est/simpleenroll", P256, IDEVID);
    let first = certificate(&owner.world.openssl, "ldevid");
    owner.world.openssl.write("first.pem", first.to_pem());

    owner.replace_ca();
    owner.world.openssl.write("pinned.pem", owner.world.openssl.read("root-ca.pem"));
    enroll(&owner.world, "est/simplereenroll", P256, LDEVID);
    let second = certificate(&owner.world.openssl, "ldevid");
    let told = owner.revoke();
    let openssl = &owner.world.openssl;
    for (ca, ldevid, own, other) in [("domain-ca", "first", &first, &second), ("next-ca", "ldevid", &second, &first)] {
        let serial = hex(own.certificate_serial());
        assert!(told.contains(&format!("LDevID {serial} is on the CRL from now on (issuer {})", own.issuer())), "{told}");
        owner.fetch_crl_of(ca);
        assert!(openssl.run(&format!("crl -in {ca}-crl.pem -CAfile {ca}.pem -noout")).contains("verify OK"));
        let listed = openssl.run(&format!("crl -in {ca}-crl.pem -noout -text")).to_lowercase();
        assert!(listed.contains(&serial) && !listed.contains(&hex(other.certificate_serial())), "{listed}");
        let refused = openssl.output(&format!("verify -partial_chain -crl_check -CAfile {ca}.pem -CRLfile {ca}-crl.pem {ldevid}.pem"), b"");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("certificate revoked"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_accepts_the_registrar_certificate_that_the_program_issues() {
    let Some(mut owner) = Owner::start(60).await else { return };
    owner.replace_ca();
    let openssl = &owner.world.openssl;
    for purpose in ["sslserver", "sslclient"] {
        openssl.run(&format!("verify -x509_strict -CAfile root-ca.pem -untrusted next-ca.pem -purpose {purpose} registrar-2.pem"));
    }
    assert_eq!(certificate(openssl, "registrar-2").public_key(), certificate(openssl, "registrar").public_key());
    let printed = openssl.run("x509 -in registrar-2.pem -noout -ext extendedKeyUsage,subjectAltName");
    for expected in ["1.3.6.1.5.5.7.3.28", "DNS:localhost", "IP Address:127.0.0.1"] {
        // Newer versions have a name for the usage.
        assert!(printed.contains(expected) || printed.contains("CMC Registration Authority") && expected.starts_with('1'), "{printed}");
    }
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
