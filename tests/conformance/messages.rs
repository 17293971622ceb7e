//! How signed messages among the vectors are verified, taken apart and written again.

use std::collections::BTreeSet;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use brski_common::inspect::{Kind, Options, SignatureFound, inspect};
use brski_common::sign::{Hash, SignatureScheme};
use brski_common::{
    Anchors, Certificate, CoseCertificates, DecodeError, Format, Leniencies, Payload, Reading, Signature, SignatureAlgorithm, Signed, SignedBy, Signer as _,
    SoftwareKey, Typ, Usage, Verified, Verifier, VerifyError,
};
use serde_json::Value;

use crate::vectors::time;

/// Verifies a message at a stated time by a path to this anchor.
pub(crate) fn verify<T: Payload>(
    format: Format,
    wire: &[u8],
    lenient: Leniencies,
    anchor: &Certificate,
    usage: Usage,
    now: &str,
) -> Result<Verified<T>, VerifyError> {
    let anchors = Anchors::new([anchor.clone()]).unwrap();
    let by = SignedBy::Anchored { anchors: &anchors, usage, known: &[] };
    Signed::<T>::from_wire(format, wire).verify(&Verifier { by, lenient }, time(now))
}

/// Whatever an envelope holds, as it is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Content(pub(crate) Vec<u8>);

impl Payload for Content {
    const NAME: &'static str = "content";
    const COSE_CERTIFICATES: CoseCertificates = CoseCertificates::Bag;

    fn typ(format: Format) -> Option<Typ> {
        brski_common::VoucherRequest::typ(format)
    }

    fn encode(&self, _: Format) -> Result<Vec<u8>, DecodeError> {
        Ok(self.0.clone())
    }

    fn decode(octets: &[u8], _: Format, _: &Reading) -> Result<Self, DecodeError> {
        Ok(Self(octets.to_vec()))
    }
}

/// What a message holds, whoever signed it.
pub(crate) fn content(format: Format, wire: &[u8], lenient: Leniencies) -> Vec<u8> {
    Signed::<Content>::from_wire(format, wire).peek_unverified(lenient).unwrap().0
}

/// What becomes of a payload that is read and written again.
pub(crate) fn rewritten<T: Payload>(format: Format, payload: &[u8]) -> Vec<u8> {
    T::decode(payload, format, &Reading::default()).unwrap().encode(format).unwrap()
}

/// `Ok` if two JSON payloads say the same, in whatever order; else the leaves that differ.
pub(crate) fn same_json(ours: &[u8], theirs: &[u8]) -> Result<(), BTreeSet<String>> {
    let read = |octets: &[u8]| serde_json::from_slice::<Value>(octets).unwrap();
    let (ours, theirs) = (read(ours), read(theirs));
    let [(our_root, ours), (their_root, theirs)] = [&ours, &theirs].map(|v| v.as_object().unwrap().iter().next().unwrap());
    assert_eq!(our_root, their_root);
    let leaves = ours.as_object().unwrap().keys().chain(theirs.as_object().unwrap().keys());
    let different: BTreeSet<String> = leaves.filter(|leaf| ours.get(leaf) != theirs.get(leaf)).cloned().collect();
    if different.is_empty() { Ok(()) } else { Err(different) }
}

/// The only leaf that may differ: we keep whole seconds.
pub(crate) fn created_on_alone() -> Result<(), BTreeSet<String>> {
    Err(["created-on".to_owned()].into())
}

/// The private key signs what the certificate's key verifies.
pub(crate) fn assert_signs_for(key: &SoftwareKey, certificate: &Certificate) {
    let message = b"what was signed";
    let Poll::Ready(signature) = pin!(key.sign(message)).poll(&mut Context::from_waker(Waker::noop())) else { panic!("a software key answers at once") };
    let signature: Signature = signature.unwrap();
    let asn1 = match signature.algorithm() {
        SignatureAlgorithm::Es256 => SignatureScheme::EcdsaAsn1(Hash::Sha256),
        SignatureAlgorithm::Es384 => SignatureScheme::EcdsaAsn1(Hash::Sha384),
        other => panic!("{other:?}"),
    };
    let verifies = |message: &[u8]| certificate.public_key().verifies(asn1, message, &signature.to_asn1().unwrap());
    assert!(verifies(message) && !verifies(b"something else"));
}

/// What these octets are, if that is recognised; whether it is good for anything is not asked.
pub(crate) fn recognised(octets: &[u8], now: &str) -> Result<Kind, Kind> {
    let inspection = inspect(octets, &Options::at(time(now)));
    if inspection.is_recognised() { Ok(inspection.kind) } else { Err(inspection.kind) }
}

/// Whether every signature of an artefact is right under this anchor, as inspection sees it.
pub(crate) fn inspected_under(octets: &[u8], anchor: &Certificate, now: &str) -> Result<(), Vec<SignatureFound>> {
    let mut options = Options::at(time(now));
    options.anchors = Anchors::new([anchor.clone()]).unwrap();
    let inspection = inspect(octets, &options);
    if inspection.is_verified(&options) { Ok(()) } else { Err(inspection.signatures) }
}
