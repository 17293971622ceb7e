use brski_common::provenance::Basis;
use brski_common::{DecodeError, Deviation, DeviceId, KeyIdentifier, MasaUrl, Method as KeyMethod, SerialNumber, SignError, SpkiDigest};

use super::*;

fn serial() -> SerialNumber {
    SerialNumber::new("JADA1").unwrap()
}

fn device() -> DeviceId {
    DeviceId { issuer: KeyIdentifier::new([1; 20]).unwrap(), serial: serial() }
}

fn decode() -> DecodeError {
    DecodeError::InvalidField { field: "nonce", expected: "text" }
}

fn bad_signature() -> VerifyError {
    VerifyError::BadSignature { artefact: "voucher-request", signer: "CN=somebody".to_owned() }
}

fn undecodable() -> VerifyError {
    VerifyError::Decode { artefact: "voucher-request", source: decode() }
}

fn url() -> MasaUrl {
    MasaUrl::new("masa.example.com").unwrap()
}

fn nobody() -> Box<dyn std::error::Error + Send + Sync> {
    "nobody there".into()
}

/// Every refusal that a registrar can meet or pass on, with its status.
fn refusals() -> Vec<(Refusal, u16)> {
    let text = || "x".to_owned();
    vec![
        (Refusal::Pending { reason: text(), wait: Duration::from_secs(9) }, 202),
        (Refusal::ProximityMismatch, 401),
        (Refusal::AssertionUnacceptable { found: text() }, 403),
        (Refusal::LeafMissing { leaf: "nonce", section: "" }, 403),
        (Refusal::LeafForbidden { leaf: "nonce", section: "" }, 403),
        (Refusal::SerialMismatch { found: serial(), expected: serial() }, 403),
        (Refusal::ForeignSigner(serial()), 403),
        (Refusal::IssuerMismatch { found: text(), expected: text() }, 403),
        (Refusal::NonceMismatch, 403),
        (Refusal::NotFresh { created_on: text(), now: text(), limit: 1 }, 403),
        (Refusal::Replayed { how: "twice" }, 403),
        (Refusal::NotRenewed(""), 403),
        (Refusal::NoncelessNotAuthorized { ca_key: SpkiDigest([1; 32]) }, 403),
        (Refusal::RevocationUnchecked { subject: text() }, 403),
        (Refusal::UnknownDevice(device()), 404),
        (Refusal::NeverOwner { domain: text(), serial: serial() }, 404),
        (Refusal::KeyMismatch(serial()), 403),
        (Refusal::NoVoucherKey { serial: serial(), made_at: text() }, 403),
        (Refusal::DeviceBlocked(serial(), text()), 403),
        (Refusal::Contradiction { what: "the public key", device: device() }, 403),
        (Refusal::BasisNotAllowed { station: text(), basis: Basis::SelfDeclared }, 403),
        (Refusal::Inconsistent(text()), 403),
        (Refusal::UnknownManufacturer { subject: text(), issuer: text(), missing: None }, 403),
        (Refusal::ManufacturerWithdrawn(serial()), 403),
        (Refusal::NoMasa(serial()), 403),
        (Refusal::VoucherMismatch { leaf: "nonce" }, 502),
        (Refusal::StatementMismatch { what: "key", found: text(), expected: text() }, 406),
        (Refusal::StatementUntrusted(bad_signature()), 406),
        (Refusal::StatementVoid(text()), 406),
        (Refusal::ProvenanceUnacceptable { rule: text(), found: Some(KeyMethod::Bamboo), because: String::new(), accepted: text() }, 406),
        (Refusal::AuditLogUnacceptable(text()), 406),
        (Refusal::AuditLogMissing(serial()), 406),
        (Refusal::NotAdmitted, 403),
        (Refusal::CsrUnacceptable(text()), 403),
        (Refusal::ClientCertificateRequired("x"), 403),
    ]
}

/// Every error with its status, and whether the operator should look.
fn errors() -> Vec<(Error, u16, bool)> {
    let key = SpkiDigest([1; 32]);
    let refused = |status| Error::MasaRefused { status, sentence: "no".to_owned() };
    vec![
        (Error::Decode(decode()), 400, false),
        (Error::Verify(undecodable()), 400, false),
        (Error::Verify(bad_signature()), 403, false),
        (refused(403), 403, false),
        (refused(404), 404, false),
        (refused(401), 502, true),
        (refused(200), 502, true),
        (Error::BadVoucher(bad_signature()), 502, true),
        (Error::BadVoucher(undecodable()), 502, true),
        (Error::Masa(MasaClientError::Unreachable { url: url(), source: nobody() }), 504, true),
        (Error::Masa(MasaClientError::BadAnswer { url: url(), detail: "x".to_owned(), source: None }), 502, true),
        (Error::Masa(MasaClientError::TimedOut { url: url(), after: Duration::from_secs(1) }), 504, true),
        (Error::NoCertificate, 500, true),
        (Error::Sign(SignError::Key(nobody())), 500, true),
        (Error::Store(StoreError::KeyTaken(key)), 403, false),
        (Error::Store(StoreError::NotAdmitted(key)), 403, false),
        (Error::Store(StoreError::Unavailable(nobody())), 503, true),
        (Error::Store(StoreError::Damaged { what: "x".to_owned(), source: None }), 500, true),
        (Error::Issue(IssueError::Sign(SignError::Key(nobody()))), 500, true),
        (Error::Issue(IssueError::Misconfigured("x")), 500, true),
        (Error::Issue(IssueError::Expired { not_after: "x".to_owned() }), 500, true),
        (Error::Issue(IssueError::Randomness), 500, true),
        (Error::Issue(IssueError::Unavailable(nobody())), 503, true),
    ]
}

#[test]
fn every_refusal_has_its_status() {
    for (refusal, expected) in refusals() {
        let stop = Stop::Registrar(Error::Refused(refusal));
        assert_eq!(status(&stop).as_u16(), expected, "{stop:?}");
    }
}

#[test]
fn every_error_has_its_status_and_only_trouble_of_ours_calls_the_operator() {
    for (error, expected, trouble) in errors() {
        let stop = Stop::Registrar(error);
        let status = status(&stop);
        assert_eq!((status.as_u16(), is_trouble(&stop, status)), (expected, trouble), "{stop:?}");
    }
}

#[test]
fn every_fault_of_the_request_itself_has_its_status_and_calls_nobody() {
    let faults = [
        (Stop::NoSuchResource, 404),
        (Stop::WrongMethod { allowed: &[Method::POST] }, 405),
        (Stop::NotNegotiable(NotNegotiable::UnsupportedMediaType { found: "x".to_owned(), expected: "y" }), 415),
        (Stop::NotNegotiable(NotNegotiable::Encoded { found: "x".to_owned() }), 415),
        (Stop::NotNegotiable(NotNegotiable::NotAcceptable { offered: "x" }), 406),
        (Stop::NoBody, 400),
        (Stop::CertificateForRequest, 400),
        (Stop::KeysAreMadeByPledges, 501),
        (Stop::Body(BodyError::TooLarge { limit: 1 }), 413),
        (Stop::Body(BodyError::Broken(nobody())), 400),
    ];
    for (stop, expected) in faults {
        let status = status(&stop);
        assert_eq!((status.as_u16(), is_trouble(&stop, status)), (expected, false), "{stop:?}");
    }
}

#[test]
fn peer_is_not_told_what_the_operator_could_do() {
    let stop = Stop::Registrar(Error::Refused(Refusal::UnknownManufacturer { subject: "CN=x".to_owned(), issuer: "CN=y".to_owned(), missing: None }));
    assert_eq!(sentence(&stop), "no accepted manufacturer issued the certificate of CN=x, whose issuer is CN=y");
    assert!(remedy(&stop).is_some());
}

#[test]
fn peer_learns_why_its_statement_does_not_verify() {
    let stop = Stop::Registrar(Error::Refused(Refusal::StatementUntrusted(bad_signature())));
    let expected = "the provenance statement is not trusted: the signature of the voucher-request does not verify with the key of CN=somebody";
    assert_eq!(sentence(&stop), expected);
}

#[test]
fn operator_is_told_that_a_masa_has_to_grant_a_leniency_as_well() {
    let refused = |sentence: &str| remedy(&Stop::Registrar(Error::MasaRefused { status: 400, sentence: sentence.to_owned() }));
    let deviation = Deviation { sentence: "x".to_owned(), section: "y", leniency: Leniency::CmsIdData };
    let own = VerifyError::Decode { artefact: "voucher-request", source: DecodeError::Deviation(deviation.clone()) };
    for told in [refused(&deviation.to_string()), remedy(&Stop::Registrar(Error::Verify(own)))] {
        assert!(told.is_some_and(|told| told.contains("the MASA has to grant")), "{told:?}");
    }
    assert_eq!(refused("device JADA1 is blocked"), None);
}
