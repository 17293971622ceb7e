//! Appendix A of JWS-signed vouchers: a pledge's request, the registrar's request around it and the MASA's voucher in general JWS JSON, with keys and chains.

use brski_common::{
    Anchors, Assertion, Certificate, Format, IDevIdCert, KeyIdentifier, Leniencies, Nonce, Payload, PeerCertificates, SerialNumber, Signed, SignedBy, Usage,
    Verified, Verifier, VerifyError, Voucher, VoucherRequest,
};
use brski_masa::ledger::Made;
use brski_masa::{Entry, History, IssuePolicy, RegistrarRequest, issue};

use crate::messages::{assert_signs_for, content, created_on_alone, rewritten, same_json, verify};
use crate::vectors::{Vectors, check, time};

/// Shortly after the messages were made.
const NOW: &str = "2024-11-29T09:35:00Z";

const FILES: [&str; 6] =
    ["masa-key-and-chain.pem", "pledge-key-and-chain.pem", "pvr.jws.json", "registrar-rvr-signer-key-and-chain.pem", "rvr.jws.json", "voucher.jws.json"];

#[test]
fn every_file_is_read_by_a_test_here() {
    let Some(vectors) = Vectors::find() else { return };
    assert_eq!(vectors.names("jws-voucher"), FILES.map(str::to_owned).into());
}

/// Who has a key and a chain: its own certificate and its CA's.
fn chain(vectors: &Vectors, who: &str) -> [Certificate; 2] {
    Certificate::all_from_pem(&vectors.text(&format!("jws-voucher/{who}-key-and-chain.pem"))).unwrap().try_into().unwrap()
}

/// The key belongs to the certificate, and that leads to the CA beside it.
fn assert_key_and_chain(vectors: &Vectors, who: &str, usage: Usage) -> Certificate {
    let [own, ca] = chain(vectors, who);
    assert_signs_for(&vectors.key(&format!("jws-voucher/{who}-key-and-chain.pem")), &own);
    assert!(ca.is_self_issued() && ca.is_ca());
    assert_eq!(Anchors::new([ca.clone()]).unwrap().verify_path(&own, &[], usage, time(NOW)).unwrap(), [own.clone(), ca]);
    own
}

#[test]
fn pledge_key_and_chain_pem() {
    let Some(vectors) = Vectors::find() else { return };
    let idevid = IDevIdCert::new(assert_key_and_chain(&vectors, "pledge", Usage::TlsClient)).unwrap();
    assert_eq!(idevid.device().serial, serial());
    assert_eq!(idevid.device().issuer, issuer(&vectors));
    assert_eq!(idevid.masa_url().unwrap().unwrap().authority(), "masa-test.xyzmanufacturer.com:9443");
}

#[test]
fn masa_key_and_chain_pem() {
    let Some(vectors) = Vectors::find() else { return };
    let masa = assert_key_and_chain(&vectors, "masa", Usage::Any);
    assert_eq!(masa.usages(), <[String; 0]>::default());
    assert_eq!(chain(&vectors, "masa")[1], chain(&vectors, "pledge")[1]);
}

#[test]
fn registrar_rvr_signer_key_and_chain_pem() {
    let Some(vectors) = Vectors::find() else { return };
    let signer = assert_key_and_chain(&vectors, "registrar-rvr-signer", Usage::CmcRa);
    assert_eq!(signer.usages(), [brski_common::chain::ID_KP_CMC_RA]);
}

fn serial() -> SerialNumber {
    SerialNumber::new("kit-987654321").unwrap()
}

fn nonce() -> Nonce {
    Nonce::from_text("TauvK+Y/cc2RfIFvpZzfKQ==").unwrap()
}

fn issuer(vectors: &Vectors) -> KeyIdentifier {
    KeyIdentifier::new(chain(vectors, "pledge")[0].authority_key_id().unwrap()).unwrap()
}

/// Verifies a message strictly, and compares its payload with what we would write.
fn verified<T: Payload>(vectors: &Vectors, message: &str, signer: &str, usage: Usage) -> Verified<T> {
    let vector = format!("jws-voucher/{message}");
    let wire = vectors.read(&vector);
    let payload = content(Format::Jws, &wire, Leniencies::NONE);
    let same = same_json(&rewritten::<T>(Format::Jws, &payload), &payload);
    assert_eq!(same, created_on_alone());
    check(&vector, "re-encoding", same);

    let [own, ca] = chain(vectors, signer);
    let verified = verify::<T>(Format::Jws, &wire, Leniencies::NONE, &ca, usage, NOW).unwrap();
    assert_eq!(verified.signer().chain, [own, ca]);
    verified
}

#[test]
fn pvr_jws_json() {
    let Some(vectors) = Vectors::find() else { return };
    let verified = verified::<VoucherRequest>(&vectors, "pvr.jws.json", "pledge", Usage::Any);
    let registrar = verified.get().proximity_registrar_cert.clone().unwrap();
    assert_eq!(registrar.subject(), "C=AQ, O=MyCompany, OU=MySubsidary, L=MySite, CN=MySiteRegistrar");
    let expected = VoucherRequest {
        created_on: Some(time("2024-11-29T09:34:16Z")),
        nonce: Some(nonce()),
        proximity_registrar_cert: Some(registrar.clone()),
        ..VoucherRequest::new(serial())
    };
    assert_eq!(*verified.get(), expected);

    let domain = Anchors::new([chain(&vectors, "registrar-rvr-signer")[1].clone()]).unwrap();
    for usage in [Usage::CmcRa, Usage::TlsServer] {
        assert!(domain.verify_path(&registrar, &[], usage, time(NOW)).is_ok(), "{usage:?}");
    }
}

#[test]
fn rvr_jws_json() {
    let Some(vectors) = Vectors::find() else { return };
    let verified = verified::<VoucherRequest>(&vectors, "rvr.jws.json", "registrar-rvr-signer", Usage::CmcRa);
    let expected = VoucherRequest {
        created_on: Some(time("2024-11-29T09:34:16Z")),
        nonce: Some(nonce()),
        idevid_issuer: Some(issuer(&vectors)),
        prior_signed_voucher_request: verified.get().prior_signed_voucher_request.clone(),
        ..VoucherRequest::new(serial())
    };
    assert_eq!(*verified.get(), expected);
}

#[test]
fn request_within_the_registrars_request_is_the_pledges() {
    let Some(vectors) = Vectors::find() else { return };
    let prior = registrars_request(&vectors).peek_unverified(Leniencies::NONE).unwrap().prior_signed_voucher_request.unwrap();
    let read = |octets: &[u8]| serde_json::from_slice::<serde_json::Value>(octets).unwrap();
    assert_eq!(read(&prior), read(&vectors.read("jws-voucher/pvr.jws.json")));
    assert!(verify::<VoucherRequest>(Format::Jws, &prior, Leniencies::NONE, &chain(&vectors, "pledge")[1], Usage::Any, NOW).is_ok());
}

#[test]
fn voucher_jws_json() {
    let Some(vectors) = Vectors::find() else { return };
    let verified = verified::<Voucher>(&vectors, "voucher.jws.json", "masa", Usage::Any);
    let expected = Voucher {
        assertion: Some(Assertion::Logged),
        created_on: Some(time("2024-11-29T09:34:17Z")),
        nonce: Some(nonce()),
        pinned_domain_cert: Some(chain(&vectors, "registrar-rvr-signer")[1].clone()),
        ..Voucher::new(serial())
    };
    assert_eq!(*verified.get(), expected);
}

#[test]
fn voucher_is_refused_by_whoever_trusts_another_ca() {
    let Some(vectors) = Vectors::find() else { return };
    let wire = vectors.read("jws-voucher/voucher.jws.json");
    let outcome = verify::<Voucher>(Format::Jws, &wire, Leniencies::NONE, &chain(&vectors, "registrar-rvr-signer")[1], Usage::Any, NOW);
    assert!(matches!(outcome, Err(VerifyError::NoPath { .. })));
}

fn registrars_request(vectors: &Vectors) -> Signed<VoucherRequest> {
    Signed::from_wire(Format::Jws, vectors.read("jws-voucher/rvr.jws.json"))
}

#[test]
fn registrars_request_carries_its_signers_certificate_alone() {
    let Some(vectors) = Vectors::find() else { return };
    let anyone = Verifier::strict(SignedBy::AnyoneConsistent { usage: Usage::CmcRa });
    let found = registrars_request(&vectors).verify(&anyone, time(NOW)).unwrap();
    assert_eq!(found.signer().chain, [chain(&vectors, "registrar-rvr-signer")[0].clone()]);
}

#[test]
fn masa_finds_that_the_pledge_named_another_key_than_signed_the_registrars_request() {
    let Some(vectors) = Vectors::find() else { return };
    let [idevid, manufacturer] = chain(&vectors, "pledge");
    let made = Made { at: time(NOW), idevid: IDevIdCert::new(idevid).unwrap(), reported_by: "station".to_owned() };
    let history = History::build([(0, Entry::Made(made))], [], false).unwrap();
    let request = RegistrarRequest::verify(&registrars_request(&vectors), brski_common::Leniencies::default(), time(NOW)).unwrap();
    let claim = request.open(&history, &Anchors::new([manufacturer]).unwrap(), Anchors::default, time(NOW)).unwrap();
    let decision = issue::evaluate(&claim, &PeerCertificates::default(), &history, &IssuePolicy::default(), time(NOW));
    assert!(matches!(decision, Err(brski_common::Refusal::ProximityMismatch)));
    check("jws-voucher/rvr.jws.json", "proximity", decision);
}
