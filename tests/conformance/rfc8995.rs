//! RFC 8995, appendix C: a pledge's request, the registrar's request around it and the MASA's voucher, with all certificates and keys.

use brski_common::{
    Assertion, Certificate, DecodeError, DomainId, Format, IDevIdCert, KeyIdentifier, Leniencies, Leniency, Nonce, Payload, SerialNumber, Usage, Verified,
    VerifyError, Voucher, VoucherRequest,
};

use crate::messages::{assert_signs_for, created_on_alone, rewritten, same_json, verify};
use crate::vectors::{Vectors, check, time};

/// Within the validity of all certificates, shortly after the messages were made.
const NOW: &str = "2021-04-13T22:00:00Z";

fn lenient() -> Leniencies {
    [Leniency::CmsIdData, Leniency::Base64Body].into_iter().collect()
}

const FILES: [&str; 16] = [
    "idevid_00-D0-E5-F2-00-02.crt",
    "idevid_00-D0-E5-F2-00-02.key",
    "jrc_prime256v1.crt",
    "jrc_prime256v1.key",
    "masa.crt",
    "masa.key",
    "ownerca_secp384r1.crt",
    "ownerca_secp384r1.key",
    "parboiled_vr_00-D0-E5-F2-00-02.json",
    "parboiled_vr_00-D0-E5-F2-00-02.pkcs",
    "vendor.crt",
    "vendor.key",
    "voucher_00-D0-E5-F2-00-02.json",
    "voucher_00-D0-E5-F2-00-02.pkcs",
    "vr_00-D0-E5-F2-00-02.json",
    "vr_00-D0-E5-F2-00-02.pkcs",
];

#[test]
fn every_file_is_read_by_a_test_here() {
    let Some(vectors) = Vectors::find() else { return };
    assert_eq!(vectors.names("rfc8995"), FILES.map(str::to_owned).into());
}

fn certificate(vectors: &Vectors, name: &str) -> Certificate {
    vectors.certificate(&format!("rfc8995/{name}"))
}

fn nonce() -> Nonce {
    Nonce::from_text("-_XE9zK9q8Ll1qylMtLKeg").unwrap()
}

fn serial() -> SerialNumber {
    SerialNumber::new("00-D0-E5-F2-00-02").unwrap()
}

/// Verifies a message strictly, which `exceptions.toml` judges, then leniently, which must succeed; no leniency is there without need.
fn verified<T: Payload>(vectors: &Vectors, vector: &str, anchor: &str, usage: Usage) -> Verified<T> {
    let anchor = certificate(vectors, anchor);
    let wire = vectors.read(vector);
    let with = |lenient| verify::<T>(Format::Cms, &wire, lenient, &anchor, usage, NOW);
    check(vector, "strict", with(Leniencies::default()));
    assert!(with([Leniency::Base64Body].into_iter().collect()).is_err());
    assert!(with([Leniency::CmsIdData].into_iter().collect()).is_err());
    with(lenient()).unwrap()
}

/// The certificate is as its folder's anchor issued it, and its key is beside it.
fn certificate_and_key(vectors: &Vectors, name: &str, anchor: &str) -> Certificate {
    let read = certificate(vectors, &format!("{name}.crt"));
    let anchors = brski_common::Anchors::new([certificate(vectors, anchor)]).unwrap();
    assert!(anchors.verify_path(&read, &[], Usage::Any, time(NOW)).is_ok());
    assert_signs_for(&vectors.key(&format!("rfc8995/{name}.key")), &read);
    read
}

#[test]
fn idevid_crt_and_key() {
    let Some(vectors) = Vectors::find() else { return };
    let read = vectors.certificate("rfc8995/idevid_00-D0-E5-F2-00-02.crt");
    assert_eq!((read.not_before(), read.not_after()), (time("2021-04-27T18:29:30Z"), time("2999-12-31T00:00:00Z")));
    let idevid = IDevIdCert::new(read.clone()).unwrap();
    assert_eq!(idevid.device().serial, serial());
    // It has no authorityKeyIdentifier, so that its own key stands in; its subjectKeyIdentifier was made in the same way.
    assert_eq!(idevid.device().issuer, KeyIdentifier::new(read.subject_key_id().unwrap()).unwrap());
    assert_eq!(idevid.masa_url().unwrap().unwrap().authority(), "highway-test.example.com:9443");
    assert_signs_for(&vectors.key("rfc8995/idevid_00-D0-E5-F2-00-02.key"), &read);

    let anchors = brski_common::Anchors::new([certificate(&vectors, "vendor.crt")]).unwrap();
    let outcome = |now| anchors.verify_path(&read, &[], Usage::Any, time(now));
    assert!(outcome("2021-04-28T00:00:00Z").is_ok());
    let state = "not yet valid";
    let not_current = VerifyError::NotCurrent { subject: "serialNumber=00-D0-E5-F2-00-02".to_owned(), state, now: NOW.to_owned() };
    assert_eq!(outcome(NOW), Err(not_current));
}

#[test]
fn jrc_prime256v1_crt_and_key() {
    let Some(vectors) = Vectors::find() else { return };
    let registrar = certificate_and_key(&vectors, "jrc_prime256v1", "ownerca_secp384r1.crt");
    assert_eq!(registrar.usages(), [brski_common::chain::ID_KP_CMC_RA]);
    // Without a subjectKeyIdentifier the domain is named by the key.
    assert_eq!(registrar.domain_id(), DomainId::from(registrar.spki_digest()));

    let anchors = brski_common::Anchors::new([certificate(&vectors, "ownerca_secp384r1.crt")]).unwrap();
    assert!(anchors.verify_path(&registrar, &[], Usage::CmcRa, time(NOW)).is_ok());
    check("rfc8995/jrc_prime256v1.crt", "tls-server", anchors.verify_path(&registrar, &[], Usage::TlsServer, time(NOW)));
    let expired = anchors.verify_path(&registrar, &[], Usage::CmcRa, time("2022-02-24T21:31:55Z"));
    assert!(matches!(expired, Err(VerifyError::NotCurrent { state: "expired", .. })));
}

#[test]
fn ownerca_secp384r1_crt_and_key() {
    let Some(vectors) = Vectors::find() else { return };
    let owner = certificate_and_key(&vectors, "ownerca_secp384r1", "ownerca_secp384r1.crt");
    assert!(owner.is_ca() && owner.is_self_issued());
    assert_eq!(owner.domain_id().as_bytes(), owner.subject_key_id().unwrap());
}

#[test]
fn vendor_crt_and_key() {
    let Some(vectors) = Vectors::find() else { return };
    let vendor = certificate_and_key(&vectors, "vendor", "vendor.crt");
    assert!(vendor.is_ca() && vendor.is_self_issued());
    assert_eq!(vendor.subject(), "CN=highway-test.example.com CA");
}

#[test]
fn masa_crt_and_key() {
    let Some(vectors) = Vectors::find() else { return };
    let masa = certificate_and_key(&vectors, "masa", "vendor.crt");
    assert!(!masa.is_ca());
    assert_eq!(masa.subject(), "CN=highway-test.example.com MASA");
}

/// The payload as the RFC prints it, folded at 60 columns.
fn unfolded(vectors: &Vectors, vector: &str) -> Vec<u8> {
    vectors.text(vector).replace('\n', "").into_bytes()
}

fn pledge_request(vectors: &Vectors) -> VoucherRequest {
    VoucherRequest {
        assertion: Some(Assertion::Proximity),
        created_on: Some(time("2021-04-13T21:43:23Z")),
        nonce: Some(nonce()),
        proximity_registrar_cert: Some(certificate(vectors, "jrc_prime256v1.crt")),
        ..VoucherRequest::new(serial())
    }
}

/// Around the pledge's request, octet for octet as the pledge signed it.
fn registrar_request(vectors: &Vectors) -> VoucherRequest {
    let text = vectors.text("rfc8995/vr_00-D0-E5-F2-00-02.pkcs");
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    VoucherRequest {
        assertion: Some(Assertion::Proximity),
        created_on: Some(time("2021-04-13T21:43:23Z")),
        nonce: Some(nonce()),
        prior_signed_voucher_request: Some(brski_common::est::from_body("request", body.as_bytes()).unwrap()),
        ..VoucherRequest::new(serial())
    }
}

fn voucher(vectors: &Vectors) -> Voucher {
    Voucher {
        assertion: Some(Assertion::Logged),
        created_on: Some(time("2021-04-13T21:43:24Z")),
        nonce: Some(nonce()),
        pinned_domain_cert: Some(certificate(vectors, "jrc_prime256v1.crt")),
        ..Voucher::new(serial())
    }
}

#[test]
fn vr_pkcs() {
    let Some(vectors) = Vectors::find() else { return };
    let verified = verified::<VoucherRequest>(&vectors, "rfc8995/vr_00-D0-E5-F2-00-02.pkcs", "vendor.crt", Usage::Any);
    assert_eq!(*verified.get(), pledge_request(&vectors));
    assert_eq!(verified.get().nonce.as_ref().unwrap().as_text(), nonce().as_text());
    // The pledge's certificate in the message is an earlier one than the file beside it, for the same key.
    let [signer, anchor] = verified.signer().chain.as_slice() else { panic!("{:?}", verified.signer().chain) };
    assert_eq!(signer.serial_number(), Some(serial()));
    assert_eq!(signer.public_key(), certificate(&vectors, "idevid_00-D0-E5-F2-00-02.crt").public_key());
    assert_eq!(*anchor, certificate(&vectors, "vendor.crt"));
}

#[test]
fn parboiled_vr_pkcs() {
    let Some(vectors) = Vectors::find() else { return };
    let vector = "rfc8995/parboiled_vr_00-D0-E5-F2-00-02.pkcs";
    let verified = verified::<VoucherRequest>(&vectors, vector, "ownerca_secp384r1.crt", Usage::CmcRa);
    assert_eq!(*verified.get(), registrar_request(&vectors));
    assert_eq!(verified.signer().chain, ["jrc_prime256v1.crt", "ownerca_secp384r1.crt"].map(|name| certificate(&vectors, name)));
    check(vector, "idevid-issuer", verified.get().idevid_issuer.clone().ok_or("absent"));
}

#[test]
fn request_within_the_parboiled_request_verifies_strictly_but_for_its_content_type() {
    let Some(vectors) = Vectors::find() else { return };
    let prior = registrar_request(&vectors).prior_signed_voucher_request.unwrap();
    let lenient = Leniencies::with([Leniency::CmsIdData]);
    let verified = verify::<VoucherRequest>(Format::Cms, &prior, lenient, &certificate(&vectors, "vendor.crt"), Usage::Any, NOW).unwrap();
    assert_eq!(*verified.get(), pledge_request(&vectors));
}

#[test]
fn voucher_pkcs() {
    let Some(vectors) = Vectors::find() else { return };
    let verified = verified::<Voucher>(&vectors, "rfc8995/voucher_00-D0-E5-F2-00-02.pkcs", "vendor.crt", Usage::Any);
    assert_eq!(*verified.get(), voucher(&vectors));
    assert_eq!(verified.signer().chain, ["masa.crt", "vendor.crt"].map(|name| certificate(&vectors, name)));
}

#[test]
fn voucher_pkcs_is_accepted_by_whoever_pins_the_masa_itself() {
    let Some(vectors) = Vectors::find() else { return };
    let wire = vectors.read("rfc8995/voucher_00-D0-E5-F2-00-02.pkcs");
    let masa = certificate(&vectors, "masa.crt");
    let verified = verify::<Voucher>(Format::Cms, &wire, lenient(), &masa, Usage::Any, NOW).unwrap();
    assert_eq!(verified.signer().chain, [masa]);
}

#[test]
fn voucher_pkcs_is_refused_by_whoever_trusts_another_ca() {
    let Some(vectors) = Vectors::find() else { return };
    let wire = vectors.read("rfc8995/voucher_00-D0-E5-F2-00-02.pkcs");
    let outcome = verify::<Voucher>(Format::Cms, &wire, lenient(), &certificate(&vectors, "ownerca_secp384r1.crt"), Usage::Any, NOW);
    assert!(matches!(outcome, Err(VerifyError::NoPath { .. })));
}

#[test]
fn voucher_pkcs_is_refused_after_its_signer_expired() {
    let Some(vectors) = Vectors::find() else { return };
    let wire = vectors.read("rfc8995/voucher_00-D0-E5-F2-00-02.pkcs");
    let outcome = verify::<Voucher>(Format::Cms, &wire, lenient(), &certificate(&vectors, "vendor.crt"), Usage::Any, "2023-04-13T21:40:17Z");
    assert!(matches!(outcome, Err(VerifyError::NotCurrent { state: "expired", .. })));
}

fn decoded<T: Payload>(vectors: &Vectors, vector: &str) -> Result<T, DecodeError> {
    T::decode(&unfolded(vectors, vector), Format::Cms, &brski_common::Reading::default())
}

/// What we would write instead says the same, but for fractions of a second.
fn assert_rewritten<T: Payload>(vectors: &Vectors, vector: &str) {
    let payload = unfolded(vectors, vector);
    let same = same_json(&rewritten::<T>(Format::Cms, &payload), &payload);
    assert_eq!(same, created_on_alone());
    check(vector, "re-encoding", same);
}

#[test]
fn vr_json() {
    let Some(vectors) = Vectors::find() else { return };
    assert_eq!(decoded(&vectors, "rfc8995/vr_00-D0-E5-F2-00-02.json"), Ok(pledge_request(&vectors)));
    assert_rewritten::<VoucherRequest>(&vectors, "rfc8995/vr_00-D0-E5-F2-00-02.json");
}

#[test]
fn parboiled_vr_json() {
    let Some(vectors) = Vectors::find() else { return };
    assert_eq!(decoded(&vectors, "rfc8995/parboiled_vr_00-D0-E5-F2-00-02.json"), Ok(registrar_request(&vectors)));
    assert_rewritten::<VoucherRequest>(&vectors, "rfc8995/parboiled_vr_00-D0-E5-F2-00-02.json");
}

#[test]
fn voucher_json() {
    let Some(vectors) = Vectors::find() else { return };
    assert_eq!(decoded(&vectors, "rfc8995/voucher_00-D0-E5-F2-00-02.json"), Ok(voucher(&vectors)));
    assert_rewritten::<Voucher>(&vectors, "rfc8995/voucher_00-D0-E5-F2-00-02.json");
}
