//! A registrar in Python on libraries that are not ours gets vouchers from our MASA, in each format.

use brski_common::Format;

use crate::python::{Python, Running, world_of_python};
use crate::world::World;

fn start(world: &World, python: Python, format: Format, arguments: &str) -> Running {
    let registrar = "--chain registrar-chain.pem --key registrar.key --anchor services.pem";
    let pledge = "--idevid JADA1-chain.pem --pledge-key JADA1.key";
    python.start(&world.openssl, "registrar.py", &format!("--format {} --masa {} {registrar} {pledge} {arguments}", format.name(), world.masa_address))
}

async fn registrar_gets_a_voucher(format: Format, arguments: &str) {
    let Some((world, python)) = world_of_python().await else { return };
    start(&world, python, format, arguments).finish().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn registrar_of_python_gets_a_voucher_in_cms() {
    registrar_gets_a_voucher(Format::Cms, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registrar_of_python_gets_a_voucher_in_jws() {
    registrar_gets_a_voucher(Format::Jws, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registrar_of_python_gets_a_voucher_in_cose() {
    registrar_gets_a_voucher(Format::Cose, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registrar_of_python_may_write_names_for_sids() {
    registrar_gets_a_voucher(Format::Cose, "--variant names").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registrar_of_python_gets_a_voucher_for_a_pledge_that_names_its_key() {
    registrar_gets_a_voucher(Format::Cose, "--proximity pubk").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registrar_of_python_gets_a_voucher_for_a_pledge_that_names_the_hash_of_its_key() {
    registrar_gets_a_voucher(Format::Cose, "--proximity pubk-sha256").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registrar_of_python_gets_the_voucher_in_the_format_that_it_accepts() {
    registrar_gets_a_voucher(Format::Cms, "--accept jws").await;
    registrar_gets_a_voucher(Format::Jws, "--accept cose").await;
}

async fn registrar_is_refused(variant: &str, status: u16, words: &str) {
    let Some((world, python)) = world_of_python().await else { return };
    let said = start(&world, python, Format::Cose, &format!("--variant {variant}")).finish().unwrap_err();
    assert!(said.starts_with(&format!("registrar.py: /.well-known/brski/requestvoucher was answered {status}: ")), "{said}");
    assert!(said.contains(words), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn registrar_of_python_with_another_nonce_than_its_pledge_is_refused() {
    registrar_is_refused("other-nonce", 403, "nonce").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registrar_of_python_with_another_serial_number_than_its_pledge_is_refused() {
    registrar_is_refused("other-serial", 404, "JADA0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registrar_of_python_without_its_certificates_is_refused() {
    registrar_is_refused("empty-bag", 403, "certificate").await;
}
