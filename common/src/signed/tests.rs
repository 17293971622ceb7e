mod certified;
mod cose_certificates;
mod several_signatures;

use super::*;
use crate::chain::{Anchors, Usage};
use crate::sign::SignatureAlgorithm;
use crate::test_pki::{Entity, block_on, new_key, now};

const ES256: SignatureAlgorithm = SignatureAlgorithm::Es256;

/// Any payload: every format carries it as it is, but for one value that no format takes.
#[derive(Debug, PartialEq, Eq)]
struct Note(Vec<u8>);

impl Payload for Note {
    const NAME: &'static str = "note";

    fn typ(_: Format) -> Option<Typ> {
        Some(Typ::Required("note"))
    }

    fn encode(&self, _: Format) -> Result<Vec<u8>, DecodeError> {
        Ok(self.0.clone())
    }

    fn decode(octets: &[u8], _: Format, _: &Reading) -> Result<Self, DecodeError> {
        match octets {
            b"nonsense" => Err(NONSENSE),
            other => Ok(Self(other.to_vec())),
        }
    }
}

const NONSENSE: DecodeError = DecodeError::InvalidField { field: "note", expected: "sense" };

fn note() -> Note {
    Note(b"words".to_vec())
}

fn seal(party: &SigningParty, format: Format) -> Signed<Note> {
    block_on(party.seal(&note(), format)).unwrap()
}

fn pki() -> (Entity, Entity, Entity) {
    let root = Entity::root("Root");
    let ca = root.issue_ca("CA");
    let leaf = ca.issue("Leaf", ES256, |t| t);
    (root, ca, leaf)
}

fn verify(signed: &Signed<Note>, by: SignedBy<'_>) -> Result<Verified<Note>, VerifyError> {
    signed.verify(&Verifier::strict(by), now())
}

fn anchored<'a>(anchors: &'a Anchors, known: &'a [Certificate]) -> SignedBy<'a> {
    SignedBy::Anchored { anchors, usage: Usage::Any, known }
}

const CHAINED: [Format; 3] = [Format::Cms, Format::Jws, Format::Cose];

#[test]
fn anchored_signer_is_found_with_its_path_in_every_format() {
    let (root, ca, leaf) = pki();
    let anchors = Anchors::new([root.certificate.clone()]).unwrap();
    for format in CHAINED {
        let signed = seal(&leaf.party(&[&ca, &root]), format);
        let verified = verify(&signed, anchored(&anchors, &[])).unwrap();
        assert_eq!(*verified.get(), note());
        assert_eq!(verified.signed(), &signed);
        assert_eq!(verified.signer().key, leaf.certificate.public_key());
        assert_eq!(verified.signer().chain, [&leaf, &ca, &root].map(|e| e.certificate.clone()));
    }
}

#[test]
fn certificate_that_the_envelope_lacks_may_be_known() {
    let (root, ca, leaf) = pki();
    let anchors = Anchors::new([root.certificate.clone()]).unwrap();
    for format in CHAINED {
        let signed = seal(&leaf.party(&[]), format);
        assert!(matches!(verify(&signed, anchored(&anchors, &[])), Err(VerifyError::NoPath { .. })));
        assert!(verify(&signed, anchored(&anchors, std::slice::from_ref(&ca.certificate))).is_ok());
    }
}

#[test]
fn foreign_signer_is_refused_in_every_format() {
    let (_, ca, leaf) = pki();
    let anchors = Anchors::new([Entity::root("Root").certificate]).unwrap();
    for format in CHAINED {
        let signed = seal(&leaf.party(&[&ca]), format);
        assert!(matches!(verify(&signed, anchored(&anchors, &[])), Err(VerifyError::NoPath { .. })));
    }
}

#[test]
fn signature_by_another_key_than_the_certificates_is_refused() {
    let (root, _, leaf) = pki();
    let anchors = Anchors::new([root.certificate.clone()]).unwrap();
    let thief = SigningParty::with_chain(vec![leaf.certificate], std::sync::Arc::new(new_key(ES256)));
    for format in CHAINED {
        let signed = seal(&thief, format);
        let bad = VerifyError::BadSignature { artefact: "note", signer: "CN=Leaf".to_owned() };
        assert_eq!(verify(&signed, anchored(&anchors, &[])).unwrap_err(), bad);
    }
}

#[test]
fn holder_is_the_only_one_accepted() {
    let (root, ca, leaf) = pki();
    for format in CHAINED {
        let signed = seal(&leaf.party(&[&ca, &root]), format);
        assert_eq!(verify(&signed, SignedBy::Holder(&leaf.certificate)).unwrap().signer().chain, std::slice::from_ref(&leaf.certificate));
        let wrong = VerifyError::WrongSigner { artefact: "note", found: "CN=Leaf".to_owned(), expected: "CN=CA".to_owned() };
        assert_eq!(verify(&signed, SignedBy::Holder(&ca.certificate)).unwrap_err(), wrong);
    }
}

#[test]
fn holder_is_not_replaced_by_a_namesake() {
    let (_, ca, leaf) = pki();
    let namesake = ca.issue("Leaf", ES256, |t| t);
    let signed = seal(&namesake.party(&[]), Format::Cms);
    let told = |certificate: &Certificate| format!("CN=Leaf (certificate with SHA-256 {})", certificate.fingerprint());
    let wrong = VerifyError::WrongSigner { artefact: "note", found: told(&namesake.certificate), expected: told(&leaf.certificate) };
    assert_eq!(verify(&signed, SignedBy::Holder(&leaf.certificate)).unwrap_err(), wrong);
}

#[test]
fn enrolled_key_is_found_by_its_name() {
    let key = new_key(ES256);
    let enrolled = |name: &str, key: &crate::sign::SoftwareKey| EnrolledKey { name: name.to_owned(), key: key.public_key().clone() };
    let keys = [enrolled("line-1", &new_key(ES256)), enrolled("line-2", &key)];
    for format in [Format::Jws, Format::Cose] {
        let signed = seal(&SigningParty::with_name("line-2", std::sync::Arc::new(key.clone())), format);
        let verified = verify(&signed, SignedBy::Enrolled(&keys)).unwrap();
        assert_eq!(verified.signer().key_name.as_deref(), Some("line-2"));
        assert!(verified.signer().chain.is_empty());

        let pretender = seal(&SigningParty::with_name("line-1", std::sync::Arc::new(key.clone())), format);
        assert!(matches!(verify(&pretender, SignedBy::Enrolled(&keys)), Err(VerifyError::BadSignature { .. })));
        let stranger = seal(&SigningParty::with_name("line-3", std::sync::Arc::new(key.clone())), format);
        let detail = "no key is enrolled as 'line-3'".to_owned();
        assert_eq!(verify(&stranger, SignedBy::Enrolled(&keys)).unwrap_err(), VerifyError::UnknownSigner { artefact: "note", detail });
    }
}

#[test]
fn certificate_does_not_stand_in_for_an_enrolled_key() {
    let (root, ca, leaf) = pki();
    let keys = [EnrolledKey { name: "leaf".to_owned(), key: leaf.certificate.public_key() }];
    for format in CHAINED {
        let signed = seal(&leaf.party(&[&ca, &root]), format);
        assert!(matches!(verify(&signed, SignedBy::Enrolled(&keys)), Err(VerifyError::UnknownSigner { .. })));
    }
}

#[test]
fn anyone_is_accepted_if_the_certificates_are_consistent() {
    let (root, ca, leaf) = pki();
    let anyone = SignedBy::AnyoneConsistent { usage: Usage::Any };
    for format in [Format::Cms, Format::Jws] {
        let verified = verify(&seal(&leaf.party(&[&ca, &root]), format), anyone).unwrap();
        assert_eq!(verified.signer().chain, [&leaf, &ca, &root].map(|e| e.certificate.clone()));
        let namesake = Entity::root("Root");
        assert!(matches!(verify(&seal(&leaf.party(&[&ca, &namesake]), format), anyone), Err(VerifyError::NoPath { .. })));
    }
}

#[test]
fn anyone_still_needs_the_usage() {
    let (root, ca, leaf) = pki();
    let signed = seal(&leaf.party(&[&ca, &root]), Format::Cms);
    assert!(matches!(verify(&signed, SignedBy::AnyoneConsistent { usage: Usage::CmcRa }), Err(VerifyError::WrongUsage { .. })));
}

#[test]
fn content_is_decoded_after_its_signer_is_trusted() {
    let (root, ca, leaf) = pki();
    let nonsense = block_on(leaf.party(&[&ca]).seal(&Note(b"nonsense".to_vec()), Format::Cms)).unwrap();
    let (here, elsewhere) = (Anchors::new([root.certificate]).unwrap(), Anchors::new([Entity::root("Elsewhere").certificate]).unwrap());
    let undecodable = VerifyError::Decode { artefact: "note", source: NONSENSE };
    assert_eq!(verify(&nonsense, anchored(&here, &[])).unwrap_err(), undecodable);
    assert!(matches!(verify(&nonsense, anchored(&elsewhere, &[])), Err(VerifyError::NoPath { .. })));
    assert_eq!(nonsense.peek_unverified(Leniencies::default()), Err(undecodable));
}

#[test]
fn peek_reads_what_nobody_vouches_for() {
    let (_, _, leaf) = pki();
    let thief = SigningParty::with_chain(vec![leaf.certificate], std::sync::Arc::new(new_key(ES256)));
    assert_eq!(seal(&thief, Format::Cms).peek_unverified(Leniencies::default()).unwrap(), note());
}

#[test]
fn envelope_of_another_format_is_not_decoded() {
    let (root, ca, leaf) = pki();
    for format in CHAINED {
        for other in CHAINED.into_iter().filter(|o| *o != format) {
            let signed = Signed::<Note>::from_wire(other, seal(&leaf.party(&[&ca, &root]), format).wire());
            assert!(matches!(verify(&signed, SignedBy::Holder(&leaf.certificate)), Err(VerifyError::Decode { .. })));
        }
    }
}

#[test]
fn media_type_names_its_format_whatever_its_case_and_parameters() {
    assert_eq!(Format::from_voucher_media_type("Application/Voucher-CMS+json; charset=utf-8"), Some(Format::Cms));
    assert_eq!(Format::from_voucher_media_type("application/voucher+cose"), Some(Format::Cose));
    assert_eq!(Format::from_voucher_media_type("application/json"), None);
}
