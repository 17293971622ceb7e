//! Examples of the voucher draft's repository: a pledge's request and its voucher, later runs of the same implementation, and an IDevID from the field.

use brski_common::{
    Anchors, Assertion, Certificate, DecodeError, Deviation, Format, IDevIdCert, KeyIdentifier, Leniencies, Leniency, Nonce, Payload, SerialNumber, Usage,
    Verified, VerifyError, Voucher, VoucherRequest,
};

use crate::messages::{assert_signs_for, content, created_on_alone, rewritten, same_json, verify};
use crate::vectors::{Vectors, check, time};

/// When the messages were made.
const NOW: &str = "2022-07-10T21:09:00Z";

const FILES: [&str; 7] = [
    "00-D0-E5-F2-00-02.crt",
    "00-D0-E5-F2-00-02.pem",
    "cisco-sudi-example.pem",
    "masa-00-D0-E5-F2-00-02.crt",
    "masa-00-D0-E5-F2-00-02.pem",
    "voucher_00-D0-E5-F2-00-02.pkcs",
    "vr_00-D0-E5-F2-00-02.pkcs",
];

#[test]
fn every_file_is_read_by_a_test_here() {
    let Some(vectors) = Vectors::find() else { return };
    assert_eq!(vectors.names("rfc8366bis"), FILES.map(str::to_owned).into());
}

fn vendor(vectors: &Vectors) -> Certificate {
    vectors.certificate("rfc8995/vendor.crt")
}

fn serial() -> SerialNumber {
    SerialNumber::new("00-D0-E5-F2-00-02").unwrap()
}

fn nonce() -> Nonce {
    Nonce::from_text("4vTsppS2CeqBzhEdoifM2g").unwrap()
}

/// Verifies a message strictly, which `exceptions.toml` judges, then with the one leniency it needs.
fn verified<T: Payload>(vectors: &Vectors, vector: &str) -> Verified<T> {
    let wire = vectors.read(vector);
    let with = |lenient| verify::<T>(Format::Cms, &wire, lenient, &vendor(vectors), Usage::Any, NOW);
    check(vector, "strict", with(Leniencies::default()));
    assert!(matches!(
        with(Leniencies::with([Leniency::Base64Body])),
        Err(VerifyError::Decode { source: DecodeError::Deviation(Deviation { leniency: Leniency::CmsIdData, .. }), .. })
    ));
    let lenient = Leniencies::with([Leniency::CmsIdData]);
    let payload = content(Format::Cms, &wire, lenient);
    let same = same_json(&rewritten::<T>(Format::Cms, &payload), &payload);
    assert_eq!(same, created_on_alone());
    check(vector, "re-encoding", same);
    with(lenient).unwrap()
}

/// Registrar of another year than RFC 8995's: the same key and issuer, more extended key usages.
fn assert_is_registrar(vectors: &Vectors, certificate: &Certificate) {
    let earlier = vectors.certificate("rfc8995/jrc_prime256v1.crt");
    assert_eq!(certificate.public_key(), earlier.public_key());
    assert_eq!(certificate.subject_der(), earlier.subject_der());
    assert_eq!((certificate.not_before(), certificate.not_after()), (time("2021-11-24T19:43:05Z"), time("2023-11-24T19:43:05Z")));
    let anchors = Anchors::new([vectors.certificate("rfc8995/ownerca_secp384r1.crt")]).unwrap();
    for usage in [Usage::CmcRa, Usage::TlsServer, Usage::TlsClient] {
        assert!(anchors.verify_path(certificate, &[], usage, time(NOW)).is_ok(), "{usage:?}");
    }
}

#[test]
fn idevid_crt_and_pem() {
    let Some(vectors) = Vectors::find() else { return };
    let read = vectors.certificate("rfc8366bis/00-D0-E5-F2-00-02.crt");
    assert_signs_for(&vectors.key("rfc8366bis/00-D0-E5-F2-00-02.pem"), &read);
    assert!(Anchors::new([vendor(&vectors)]).unwrap().verify_path(&read, &[], Usage::Any, time(NOW)).is_ok());
    let idevid = IDevIdCert::new(read).unwrap();
    assert_eq!(idevid.device().serial, serial());
    assert_eq!(idevid.masa_url().unwrap().unwrap().to_string(), "https://highway-test.example.com:9443/.well-known/brski");
}

#[test]
fn masa_crt_and_pem() {
    let Some(vectors) = Vectors::find() else { return };
    let masa = vectors.certificate("rfc8366bis/masa-00-D0-E5-F2-00-02.crt");
    assert_signs_for(&vectors.key("rfc8366bis/masa-00-D0-E5-F2-00-02.pem"), &masa);
    assert!(Anchors::new([vendor(&vectors)]).unwrap().verify_path(&masa, &[], Usage::Any, time(NOW)).is_ok());
}

#[test]
fn vr_pkcs() {
    let Some(vectors) = Vectors::find() else { return };
    let verified = verified::<VoucherRequest>(&vectors, "rfc8366bis/vr_00-D0-E5-F2-00-02.pkcs");
    let registrar = verified.get().proximity_registrar_cert.clone();
    assert_is_registrar(&vectors, registrar.as_ref().unwrap());
    let expected = VoucherRequest {
        assertion: Some(Assertion::Proximity),
        created_on: Some(time("2022-07-10T21:08:18Z")),
        nonce: Some(nonce()),
        proximity_registrar_cert: registrar,
        ..VoucherRequest::new(serial())
    };
    assert_eq!(*verified.get(), expected);
    assert_eq!(verified.signer().chain, [vectors.certificate("rfc8366bis/00-D0-E5-F2-00-02.crt"), vendor(&vectors)]);
}

#[test]
fn voucher_pkcs() {
    let Some(vectors) = Vectors::find() else { return };
    let verified = verified::<Voucher>(&vectors, "rfc8366bis/voucher_00-D0-E5-F2-00-02.pkcs");
    let registrar = verified.get().pinned_domain_cert.clone();
    assert_is_registrar(&vectors, registrar.as_ref().unwrap());
    let expected = Voucher {
        assertion: Some(Assertion::Logged),
        created_on: Some(time("2022-07-10T21:08:18Z")),
        nonce: Some(nonce()),
        pinned_domain_cert: registrar,
        ..Voucher::new(serial())
    };
    assert_eq!(*verified.get(), expected);
    assert_eq!(verified.signer().chain, [vectors.certificate("rfc8366bis/masa-00-D0-E5-F2-00-02.crt"), vendor(&vectors)]);
}

#[test]
fn request_and_voucher_are_not_mistaken_for_each_other() {
    let Some(vectors) = Vectors::find() else { return };
    let lenient = Leniencies::with([Leniency::CmsIdData]);
    let request = vectors.read("rfc8366bis/vr_00-D0-E5-F2-00-02.pkcs");
    let voucher = vectors.read("rfc8366bis/voucher_00-D0-E5-F2-00-02.pkcs");
    let as_voucher = verify::<Voucher>(Format::Cms, &request, lenient, &vendor(&vectors), Usage::Any, NOW);
    let as_request = verify::<VoucherRequest>(Format::Cms, &voucher, lenient, &vendor(&vectors), Usage::Any, NOW);
    assert!(matches!(as_voucher, Err(VerifyError::Decode { .. })));
    assert!(matches!(as_request, Err(VerifyError::Decode { .. })));
}

#[test]
fn cisco_sudi_example_pem() {
    let Some(vectors) = Vectors::find() else { return };
    let read = vectors.certificate("rfc8366bis/cisco-sudi-example.pem");
    assert_eq!(read.not_after(), time("2099-08-09T20:58:26Z"));
    let issuer = KeyIdentifier::new(read.authority_key_id().unwrap()).unwrap();
    let idevid = IDevIdCert::new(read).unwrap();
    assert_eq!(idevid.device().serial, SerialNumber::new("PID:CHIMAY-U-AC SN:FDO27361XTF").unwrap());
    assert_eq!(idevid.device().issuer, issuer);
    assert_eq!(idevid.masa_url(), Ok(None));
}
