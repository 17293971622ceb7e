//! The pledge of Python, which shares no code with us and waits by itself.

use std::time::{Duration, Instant};

use brski_common::Format;

use super::openssl::OpenSsl;
use super::owner::Owner;
use super::python::{Python, start_pledge};

/// Why the list that was fetched revokes the LDevID in this file, as Python reads both.
fn reason(python: Python, openssl: &OpenSsl, ldevid: &str) -> serde_json::Value {
    python.verify(openssl, &format!("crl --anchor domain-ca.pem --certificate JADA1.kept/{ldevid}.pem crl.der"))["revoked"].take()
}

async fn pledge_lives(format: Format) {
    let Some(python) = Python::find() else { return };
    let Some(mut owner) = Owner::start(1).await else { return };
    let pledge = start_pledge(&owner.world, python, "JADA1", format, "--patience 60");
    let begun = Instant::now();
    while owner.held().is_empty() {
        assert!(begun.elapsed() < LONGEST, "the pledge is not held");
    }
    owner.approve();
    pledge.finish().unwrap();
    owner.fetch_crl();
    let openssl = &owner.world.openssl;
    assert_eq!(["ldevid", "renewed"].map(|ldevid| reason(python, openssl, ldevid)), [(); 2].map(|()| serde_json::Value::Null));

    let renew =
        || python.start(openssl, "renew.py", &format!("--registrar {} --anchor domain-ca.pem --out JADA1.kept", owner.world.registrar_address)).finish();
    renew().unwrap();
    owner.revoke();
    let said = renew().unwrap_err();
    assert!(said.contains("simplereenroll was answered 403") && said.contains("was revoked by its owner; the pledge has to request a voucher again"), "{said}");
    owner.fetch_crl();
    assert_eq!(["ldevid", "renewed"].map(|ldevid| reason(python, openssl, ldevid)), ["keyCompromise"; 2]);
    owner.stop();
    let enrolled = ["held", "approved", "admitted", "told", "bound", "issued", "told", "bound", "issued", "bound", "issued"];
    assert_eq!(owner.story(), [&enrolled[..], &["revoked"; 3], &["not-issued"]].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn pledge_of_python_is_held_approved_enrolled_renewed_and_revoked_with_cms() {
    pledge_lives(Format::Cms).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pledge_of_python_is_held_approved_enrolled_renewed_and_revoked_with_jws() {
    pledge_lives(Format::Jws).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pledge_of_python_is_held_approved_enrolled_renewed_and_revoked_with_cose() {
    pledge_lives(Format::Cose).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pledge_of_python_without_patience_says_when_to_come_again() {
    let Some(python) = Python::find() else { return };
    let Some(owner) = Owner::start(60).await else { return };
    let said = start_pledge(&owner.world, python, "JADA1", Format::Cms, "").finish().unwrap_err();
    assert!(said.contains("requestvoucher was answered 202: Retry-After: 60"), "{said}");
    assert_eq!(owner.held(), ["JADA1"]);
}

// Far longer than it takes; a test that fails should say so.
const LONGEST: Duration = Duration::from_secs(30);
