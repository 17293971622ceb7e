//! What a pledge in Python writes otherwise than ours: right ways that few take are understood, wrong ones are refused with a sentence that names them.

use brski_common::Format;

use crate::python::{start_pledge, world_of_python};

/// Another way to write the request, which the specifications allow: the pledge enrolls.
async fn variant_is_accepted(format: Format, variant: &str) {
    let Some((world, python)) = world_of_python().await else { return };
    start_pledge(&world, python, "JADA1", format, &format!("--variant {variant}")).finish().unwrap();
    assert_eq!(world.relayed().len(), 1);
}

/// A wrong way: refused with a sentence that names it, before the MASA hears of it; the honest request is served all the same.
async fn variant_is_refused(format: Format, variant: &str, status: u16, words: &str) {
    let Some((world, python)) = world_of_python().await else { return };
    let said = start_pledge(&world, python, "JADA1", format, &format!("--variant {variant}")).finish().unwrap_err();
    assert!(said.starts_with(&format!("pledge.py: /.well-known/brski/requestvoucher was answered {status}: ")), "{said}");
    assert!(said.contains(words), "{said}");
    assert!(world.relayed().is_empty());
    start_pledge(&world, python, "JADA1", format, "").finish().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn cbor_with_names_for_keys_is_understood() {
    variant_is_accepted(Format::Cose, "names").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cbor_with_whole_sids_is_understood() {
    variant_is_accepted(Format::Cose, "absolute-sids").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cose_request_may_carry_certificates() {
    variant_is_accepted(Format::Cose, "certificates-along").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jws_may_carry_the_signers_certificate_alone() {
    variant_is_accepted(Format::Jws, "lone-certificate").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jws_may_lack_its_type() {
    variant_is_accepted(Format::Jws, "without-type").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn escaped_slashes_are_understood() {
    variant_is_accepted(Format::Jws, "escaped-slashes").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_leaf_is_ignored() {
    variant_is_accepted(Format::Jws, "unknown-leaf").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cose_signature_in_der_is_refused() {
    variant_is_refused(Format::Cose, "der-signature", 400, "not an ASN.1 DER signature").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn enumeration_as_text_in_cbor_is_refused() {
    variant_is_refused(Format::Cose, "text-enumerations", 400, "assertion must be an integer in CBOR").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn octets_as_text_in_cbor_are_refused() {
    variant_is_refused(Format::Cose, "text-octets", 400, "nonce").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cose_without_tag_is_refused() {
    variant_is_refused(Format::Cose, "untagged", 400, "CBOR tag is absent").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cose_with_unprotected_algorithm_is_refused() {
    variant_is_refused(Format::Cose, "unprotected-algorithm", 400, "alg").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn request_under_the_root_of_vouchers_is_refused() {
    variant_is_refused(Format::Jws, "request-as-voucher", 400, "request-root-voucher").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jws_without_signature_is_refused() {
    variant_is_refused(Format::Jws, "unsigned", 403, "none").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jws_in_compact_serialization_is_refused() {
    variant_is_refused(Format::Jws, "compact", 400, "JWS serialization is compact").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jws_in_flattened_serialization_is_refused() {
    variant_is_refused(Format::Jws, "flattened", 400, "JWS serialization is flattened JSON").await;
}
