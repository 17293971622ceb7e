//! Every sentence with which a registrar says no, to the peer and to the log, pinned in `sentences.txt` beside this.

use core::time::Duration;
use std::path::Path;

use brski_common::{MasaUrl, SignError, SpkiDigest};

use super::*;

#[path = "../../../../tests/support/pinned.rs"]
mod pinned;

use pinned::{assert_pinned, one_of_each};

/// What the peer hears, and if the log tells more, that as well.
fn told(stop: &Stop) -> String {
    let (heard, logged) = (sentence(stop), in_full(stop));
    let more = if heard == logged { String::new() } else { format!("    log: {logged}\n") };
    let remedy = remedy(stop).map(|remedy| format!("    remedy: {remedy}\n")).unwrap_or_default();
    format!("  {} {heard}\n{more}{remedy}", status(stop).as_u16())
}

#[test]
fn every_sentence_is_as_it_is_pinned() {
    let mut text = String::new();
    let mut section = |name: &str, stops: Vec<Stop>| text.push_str(&format!("{name}\n{}\n", stops.iter().map(told).collect::<String>()));
    section("Stop", stops());
    let others = [Stop::Body(BodyError::Broken(SECRET.into())), Stop::NotNegotiable(NotNegotiable::NotAcceptable { offered: "application/json" })];
    section("Stop, once more", others.into());
    section("Error", errors().into_iter().map(Stop::from).collect());
    section("MasaClientError", masa_client_errors().into_iter().map(|err| Stop::from(Error::from(err))).collect());
    section("StoreError", store_errors().into_iter().map(|err| Stop::from(Error::from(err))).collect());
    section("IssueError", issue_errors().into_iter().map(|err| Stop::from(Error::from(err))).collect());
    assert_pinned(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/answer/sentences.txt"), &text);
}

#[test]
fn no_trouble_of_ours_reaches_the_peer() {
    let errors = store_errors().into_iter().map(Error::from).chain(issue_errors().into_iter().map(Error::from));
    for stop in errors.chain(masa_client_errors().into_iter().map(Error::from)).map(Stop::from) {
        assert!(!sentence(&stop).contains(SECRET), "{}", sentence(&stop));
    }
}

fn stops() -> Vec<Stop> {
    one_of_each!(Stop:
        Stop::NoSuchResource => Stop::NoSuchResource,
        Stop::WrongMethod { .. } => Stop::WrongMethod { allowed: &[Method::GET, Method::POST] },
        Stop::NotNegotiable(_) => Stop::NotNegotiable(NotNegotiable::UnsupportedMediaType { found: "text/plain".to_owned(), expected: "application/voucher-cms+json" }),
        Stop::NoBody => Stop::NoBody,
        Stop::CertificateForRequest => Stop::CertificateForRequest,
        Stop::KeysAreMadeByPledges => Stop::KeysAreMadeByPledges,
        Stop::NoNonce => Stop::NoNonce,
        Stop::NoRevocationList => Stop::NoRevocationList,
        Stop::Body(_) => Stop::Body(BodyError::TooLarge { limit: 65_536 }),
        Stop::Registrar(_) => Stop::Registrar(Error::Refused(Refusal::ProximityMismatch)),
    )
}

fn errors() -> Vec<Error> {
    one_of_each!(Error:
        Error::Refused(_) => Error::Refused(Refusal::UnknownManufacturer { subject: "serialNumber=A-1".to_owned(), issuer: "CN=plant 3".to_owned(), missing: None }),
        Error::Decode(_) => Error::Decode(DecodeError::MissingField { field: "status", artefact: "telemetry" }),
        Error::Verify(_) => Error::Verify(VerifyError::NoSignedAttributes { artefact: "voucher-request" }),
        Error::MasaRefused { .. } => Error::MasaRefused { status: 403, sentence: "the device was reported stolen".to_owned() },
        Error::BadVoucher(_) => Error::BadVoucher(VerifyError::BadSignature { artefact: "voucher", signer: "CN=voucher signer".to_owned() }),
        Error::Masa(_) => Error::Masa(MasaClientError::TimedOut { url: url(), after: Duration::from_secs(30) }),
        Error::NoCertificate => Error::NoCertificate,
        Error::Sign(_) => Error::Sign(SignError::Key(SECRET.into())),
        Error::Store(_) => Error::Store(StoreError::Unavailable(SECRET.into())),
        Error::Issue(_) => Error::Issue(IssueError::Randomness),
    )
}

fn masa_client_errors() -> Vec<MasaClientError> {
    one_of_each!(MasaClientError:
        MasaClientError::Unreachable { .. } => MasaClientError::Unreachable { url: url(), source: SECRET.into() },
        MasaClientError::Untrusted { .. } => MasaClientError::Untrusted { url: url(), source: SECRET.into() },
        MasaClientError::Asking { .. } => MasaClientError::Asking { url: url(), wait: Duration::from_secs(5) },
        MasaClientError::Crowded { .. } => MasaClientError::Crowded { url: url(), waiting: 4, wait: Duration::from_secs(5) },
        MasaClientError::Full { .. } => MasaClientError::Full { url: url() },
        MasaClientError::TimedOut { .. } => MasaClientError::TimedOut { url: url(), after: Duration::from_secs(30) },
        MasaClientError::BadAnswer { .. } => MasaClientError::BadAnswer { url: url(), detail: "its type is text/html".to_owned(), source: Some(SECRET.into()) },
    )
}

fn store_errors() -> Vec<StoreError> {
    let key = SpkiDigest([2; 32]);
    one_of_each!(StoreError:
        StoreError::Unavailable(_) => StoreError::Unavailable(SECRET.into()),
        StoreError::Damaged { .. } => StoreError::Damaged { what: "row 7 has no voucher".to_owned(), source: Some(SECRET.into()) },
        StoreError::KeyTaken(_) => StoreError::KeyTaken(key),
        StoreError::NotAdmitted(_) => StoreError::NotAdmitted(key),
    )
}

fn issue_errors() -> Vec<IssueError> {
    one_of_each!(IssueError:
        IssueError::Later(_) => IssueError::Later(Duration::from_secs(30)),
        IssueError::Unsuitable(_) => IssueError::Unsuitable("its key is on P-521".to_owned()),
        IssueError::Refused(_) => IssueError::Refused("quota exceeded".to_owned()),
        IssueError::BadAnswer { .. } => IssueError::BadAnswer { detail: "another key was certified".to_owned(), source: Some(SECRET.into()) },
        IssueError::Sign(_) => IssueError::Sign(SignError::Key(SECRET.into())),
        IssueError::Misconfigured(_) => IssueError::Misconfigured("it has no certificate"),
        IssueError::Expired { .. } => IssueError::Expired { not_after: "2026-09-21T14:13:20Z".to_owned() },
        IssueError::Randomness => IssueError::Randomness,
        IssueError::Unavailable(_) => IssueError::Unavailable(SECRET.into()),
    )
}

fn url() -> MasaUrl {
    MasaUrl::new("masa.example").unwrap()
}

/// What some library said.
const SECRET: &str = "words of a library";
