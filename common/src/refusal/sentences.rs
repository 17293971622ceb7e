//! Every sentence that a person reads of a refusal or of bytes that cannot be trusted, pinned in `sentences.txt` beside this.

use core::time::Duration;
use std::error::Error;
use std::path::Path;

use super::{Refusal, TestimonyFault};
use crate::certificate::PolicyOid;
use crate::error::{DecodeError, SignError, VerifyError};
use crate::evidence::EvidenceError;
use crate::identity::{DeviceId, KeyIdentifier, SerialNumber, SpkiDigest};
use crate::leniency::{Deviation, Leniency};
use crate::log::ProofError;
use crate::provenance::{Basis, EvidenceType, Method, RecordDigest};
use crate::text::in_full;

#[path = "../../../tests/support/pinned.rs"]
pub(crate) mod pinned;

use pinned::{assert_pinned, one_of_each};

#[test]
fn every_sentence_is_as_it_is_pinned() {
    let mut text = String::new();
    let mut section = |name: &str, sentences: Vec<String>| {
        text.push_str(&format!("{name}\n{}\n", sentences.iter().map(|sentence| format!("  {sentence}\n")).collect::<String>()));
    };
    section("Refusal", refusals().iter().map(sentence).collect());
    section("TestimonyFault", testimony_faults().iter().map(sentence).collect());
    section("VerifyError", verify_errors().iter().map(sentence).collect());
    section("DecodeError", decode_errors().iter().map(sentence).collect());
    section("SignError", sign_errors().iter().map(sentence).collect());
    assert_pinned(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/refusal/sentences.txt"), &text);
}

#[test]
fn every_sentence_is_one_readable_line() {
    let errors: Vec<String> = [refusals().iter().map(sentence).collect::<Vec<_>>(), verify_errors().iter().map(sentence).collect()].concat();
    for sentence in errors {
        assert!(!sentence.chars().any(char::is_control) && !sentence.ends_with('.'), "{sentence}");
        assert!((10..=400).contains(&sentence.chars().count()), "{sentence}");
        assert!(!sentence.starts_with(|first: char| first.is_uppercase()) || sentence.starts_with("A-1"), "{sentence}");
    }
}

fn sentence(err: &(impl Error + 'static)) -> String {
    in_full(err)
}

fn serial() -> SerialNumber {
    SerialNumber::new("A-1").unwrap()
}

fn device() -> DeviceId {
    DeviceId { issuer: KeyIdentifier::new([1; 20]).unwrap(), serial: serial() }
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn refusals() -> Vec<Refusal> {
    let key = SpkiDigest([2; 32]);
    one_of_each!(Refusal:
        Refusal::Pending { .. } => Refusal::Pending { reason: text("the MASA has not decided"), wait: Duration::from_secs(60) },
        Refusal::ProximityMismatch => Refusal::ProximityMismatch,
        Refusal::AssertionUnacceptable { .. } => Refusal::AssertionUnacceptable { found: text("logged") },
        Refusal::LeafMissing { .. } => Refusal::LeafMissing { leaf: "nonce", section: "RFC 8995, section 5.2" },
        Refusal::LeafForbidden { .. } => Refusal::LeafForbidden { leaf: "agent-sign-cert", section: "RFC 8995, section 5.2" },
        Refusal::SerialMismatch { .. } => Refusal::SerialMismatch { found: SerialNumber::new("A-2").unwrap(), expected: serial() },
        Refusal::ForeignSigner(_) => Refusal::ForeignSigner(serial()),
        Refusal::IssuerMismatch { .. } => Refusal::IssuerMismatch { found: text("0101"), expected: text("0202") },
        Refusal::NonceMismatch => Refusal::NonceMismatch,
        Refusal::NotFresh { .. } => Refusal::NotFresh { created_on: text("2026-09-17T14:13:19Z"), now: text("2026-09-21T14:13:20Z"), limit: 345_600 },
        Refusal::Replayed { .. } => Refusal::Replayed { how: "to another domain" },
        Refusal::NotRenewed(_) => Refusal::NotRenewed("it has expired"),
        Refusal::NoncelessNotAuthorized { .. } => Refusal::NoncelessNotAuthorized { ca_key: key },
        Refusal::RevocationUnchecked { .. } => Refusal::RevocationUnchecked { subject: text("CN=registrar") },
        Refusal::UnknownDevice(_) => Refusal::UnknownDevice(device()),
        Refusal::KeyMismatch(_) => Refusal::KeyMismatch(serial()),
        Refusal::DeviceBlocked(..) => Refusal::DeviceBlocked(serial(), text("it was stolen")),
        Refusal::TooManyVouchers { .. } => Refusal::TooManyVouchers { serial: serial(), limit: 10 },
        Refusal::SoldElsewhere { .. } => Refusal::SoldElsewhere { serial: serial(), ca_key: key },
        Refusal::NotSold { .. } => Refusal::NotSold { serial: serial(), state: "not sold yet" },
        Refusal::BuyerUnknown { .. } => Refusal::BuyerUnknown { serial: serial(), ca_key: key },
        Refusal::NotReleased(_) => Refusal::NotReleased(serial()),
        Refusal::NoncelessNotSigned => Refusal::NoncelessNotSigned,
        Refusal::OfflineUnfit { .. } => Refusal::OfflineUnfit { subject: text("CN=domain CA"), why: "is no CA's" },
        Refusal::NoVoucherKey { .. } => Refusal::NoVoucherKey { serial: serial(), made_at: text("2026-09-21T14:13:20Z") },
        Refusal::NeverOwner { .. } => Refusal::NeverOwner { domain: text("AQEBAQ=="), serial: serial() },
        Refusal::Contradiction { .. } => Refusal::Contradiction { what: "the public key", device: device() },
        Refusal::OtherOrigin(..) => Refusal::OtherOrigin(device(), text("method")),
        Refusal::SplitRevealed => Refusal::SplitRevealed,
        Refusal::LinkLifetime { .. } => Refusal::LinkLifetime { longest: Duration::from_secs(90 * 86_400) },
        Refusal::StaysWithManufacturer => Refusal::StaysWithManufacturer,
        Refusal::BasisNotAllowed { .. } => Refusal::BasisNotAllowed { station: text("station-7"), basis: Basis::StationSigned },
        Refusal::BasisNotGrounded { .. } => Refusal::BasisNotGrounded { station: text("station-7"), basis: Basis::KeyAttestation },
        Refusal::EvidenceUnfit { .. } => Refusal::EvidenceUnfit {
            item: 1,
            kind: EvidenceType::new("2.23.133.20.1").unwrap(),
            source: Box::new(EvidenceError::OtherKey { format: "TPM certification", found: text("Name 000b01"), expected: text("Name 000b02") }),
        },
        Refusal::EvidenceContradicts { .. } => Refusal::EvidenceContradicts {
            item: 2,
            how: text("the TPM certification of Vendor (CN=AK) says that the key was put in, but source is generated-on-device"),
        },
        Refusal::Testimony(_) => TestimonyFault::AuditReported.into(),
        Refusal::Inconsistent(_) => Refusal::Inconsistent(text("a key that never left the device was not transferred")),
        Refusal::UnknownManufacturer { .. } => Refusal::UnknownManufacturer { subject: text("serialNumber=A-1"), issuer: text("CN=plant 3"), missing: None },
        Refusal::ManufacturerWithdrawn(_) => Refusal::ManufacturerWithdrawn(serial()),
        Refusal::NoMasa(_) => Refusal::NoMasa(serial()),
        Refusal::VoucherMismatch { .. } => Refusal::VoucherMismatch { leaf: "nonce" },
        Refusal::StatementMismatch { .. } => Refusal::StatementMismatch { what: "key", found: "ab".repeat(32), expected: "cd".repeat(32) },
        Refusal::StatementUntrusted(_) => Refusal::StatementUntrusted(VerifyError::BadSignature { artefact: "provenance statement", signer: text("CN=maker") }),
        Refusal::StatementVoid(_) => Refusal::StatementVoid(text("it expired at 2026-09-21T14:13:20Z")),
        Refusal::ProvenanceUnacceptable { .. } => Refusal::ProvenanceUnacceptable {
            rule: text("hardware-only"),
            found: Some(Method::Bamboo),
            because: String::new(),
            accepted: text("salak, sapodilla"),
        },
        Refusal::AuditLogUnacceptable(_) => Refusal::AuditLogUnacceptable(text("that 3 entries were removed at will, so that former owners cannot be told")),
        Refusal::AuditLogMissing(_) => Refusal::AuditLogMissing(serial()),
        Refusal::NotAdmitted => Refusal::NotAdmitted,
        Refusal::CsrUnacceptable(_) => Refusal::CsrUnacceptable(text("its key is RSA; P-256, P-384 and Ed25519 are accepted")),
        Refusal::NotApproved { .. } => Refusal::NotApproved { serial: serial(), why: text("nobody decided within four days") },
        Refusal::LDevIdRevoked(_) => Refusal::LDevIdRevoked(text("0a1b")),
        Refusal::ClientCertificateRequired(_) => Refusal::ClientCertificateRequired("the pledge's IDevID"),
    )
}

fn verify_errors() -> Vec<VerifyError> {
    let (artefact, subject) = ("voucher-request", || text("serialNumber=A-1"));
    one_of_each!(VerifyError:
        VerifyError::Decode { .. } => VerifyError::Decode { artefact, source: DecodeError::MissingField { field: "nonce", artefact } },
        VerifyError::BadSignature { .. } => VerifyError::BadSignature { artefact, signer: subject() },
        VerifyError::NoSignedAttributes { .. } => VerifyError::NoSignedAttributes { artefact },
        VerifyError::UnknownSigner { .. } => VerifyError::UnknownSigner { artefact, detail: text("it carries no kid") },
        VerifyError::WrongSigner { .. } => VerifyError::WrongSigner { artefact, found: text("serialNumber=A-2"), expected: subject() },
        VerifyError::NoPath { .. } => VerifyError::NoPath { subject: subject(), detail: text("UnknownIssuer") },
        VerifyError::NotCurrent { .. } => VerifyError::NotCurrent { subject: subject(), state: "expired", now: text("2026-09-21T14:13:20Z") },
        VerifyError::WrongUsage { .. } => VerifyError::WrongUsage { subject: subject(), usage: "id-kp-cmcRA" },
        VerifyError::WrongPolicy { .. } => VerifyError::WrongPolicy { subject: subject(), policy: PolicyOid::new("1.3.6.1.4.1.99999.1").unwrap() },
        VerifyError::MayNotSign { .. } => VerifyError::MayNotSign { subject: subject() },
        VerifyError::KeyRetired { .. } => VerifyError::KeyRetired { artefact, name: text("station-7"), detail: text("was withdrawn at 2026-09-21T14:13:20Z") },
        VerifyError::BadProof { .. } => VerifyError::BadProof { artefact: "receipt", source: ProofError::WrongRoot },
        VerifyError::UnsupportedAlgorithm { .. } => VerifyError::UnsupportedAlgorithm { artefact, found: text("JWS algorithm 'none'") },
    )
}

fn testimony_faults() -> Vec<TestimonyFault> {
    let batch = || text("seeds 7");
    one_of_each!(TestimonyFault:
        TestimonyFault::Parties { .. } => TestimonyFault::Parties { parties: 3, signed: 2, again: 1, foreign: 0 },
        TestimonyFault::Ceremonies(_) => TestimonyFault::Ceremonies(2),
        TestimonyFault::Stray(_) => TestimonyFault::Stray(2),
        TestimonyFault::YetToCome { .. } => TestimonyFault::YetToCome { kind: "seed notice", at: text("2027-09-21T14:13:20Z") },
        TestimonyFault::SeedsUnknown(_) => TestimonyFault::SeedsUnknown(batch()),
        TestimonyFault::SeedsDiffer(_) => TestimonyFault::SeedsDiffer(batch()),
        TestimonyFault::SeedsSpent { .. } => TestimonyFault::SeedsSpent { batch: batch(), count: 100 },
        TestimonyFault::DerivedOnce { .. } => TestimonyFault::DerivedOnce { batch: batch(), parties: 1 },
        TestimonyFault::DerivationsDiffer { .. } => TestimonyFault::DerivationsDiffer { batch: batch(), found: text("0102"), expected: text("0304") },
        TestimonyFault::DerivedWithoutSeeds { .. } => TestimonyFault::DerivedWithoutSeeds {
            batch: batch(),
            made_at: text("2026-09-21T14:13:20Z"),
            event: "destroyed",
            at: text("2026-09-20T10:00:00Z"),
        },
        TestimonyFault::Destruction { .. } => TestimonyFault::Destruction { batch: batch(), said: true, found: "no" },
        TestimonyFault::SeedRoles { .. } => TestimonyFault::SeedRoles { batch: batch(), event: "received" },
        TestimonyFault::DestroyedByOther(_) => TestimonyFault::DestroyedByOther(batch()),
        TestimonyFault::AuditReported => TestimonyFault::AuditReported,
        TestimonyFault::AuditUnfit(_) => TestimonyFault::AuditUnfit(EvidenceError::Stale { format: "auditor's countersignature" }),
        TestimonyFault::NoAudit => TestimonyFault::NoAudit,
        TestimonyFault::OtherAudited { .. } => TestimonyFault::OtherAudited { found: RecordDigest([1; 32]), expected: RecordDigest([3; 32]) },
        TestimonyFault::NothingToAudit => TestimonyFault::NothingToAudit,
    )
}

fn decode_errors() -> Vec<DecodeError> {
    let artefact = "voucher-request";
    one_of_each!(DecodeError:
        DecodeError::Syntax { .. } => DecodeError::syntax("voucher-request", "JSON", "expected value at line 1 column 1."),
        DecodeError::InvalidField { .. } => DecodeError::InvalidField { field: "nonce", expected: "base64 of 8 to 32 octets" },
        DecodeError::MissingField { .. } => DecodeError::MissingField { field: "serial-number", artefact },
        DecodeError::Member { .. } => DecodeError::Member { artefact: "report", field: text("origin.made-at"), cause: text("expected RFC 3339") },
        DecodeError::DuplicateField { .. } => DecodeError::DuplicateField { field: text("nonce"), artefact },
        DecodeError::Unexpected { .. } => DecodeError::Unexpected { what: "number of JWS signatures", found: text("9"), expected: "1 to 8" },
        DecodeError::TooLarge { .. } => DecodeError::TooLarge { what: "number of audit log events", limit: 10_000 },
        DecodeError::Deviation(_) => DecodeError::Deviation(Deviation {
            sentence: text("the body is base64 text"),
            section: "RFC 8995, section 6",
            leniency: Leniency::ALL[0],
        }),
    )
}

fn sign_errors() -> Vec<SignError> {
    one_of_each!(SignError:
        SignError::Key(_) => SignError::Key("the token was removed".into()),
        SignError::Encode { .. } => SignError::Encode { artefact: "voucher", source: "a serial number is missing".into() },
    )
}
