//! CMS as the `openssl` command writes and reads it. OpenSSL 3.0 knows no Ed25519 in CMS, so that EdDSA is not among these; Python's libraries know it.

use std::sync::Arc;

use brski_common::issuing::{Subject, Template, never};
use brski_common::time::at;
use brski_common::{
    Anchors, Certificate, DecodeError, Format, Leniencies, Payload, Reading, SignatureAlgorithm, Signed, SignedBy, Signer as _, SigningParty, SoftwareKey, Typ,
    Usage, Verified, Verifier, VerifyError,
};

use crate::openssl::OpenSsl;

/// Any content: what the envelope does is the same for all.
#[derive(Debug, PartialEq, Eq)]
struct Content(Vec<u8>);

impl Payload for Content {
    const NAME: &'static str = "content";

    fn typ(_: Format) -> Option<Typ> {
        Some(Typ::Required("content"))
    }

    fn encode(&self, _: Format) -> Result<Vec<u8>, DecodeError> {
        Ok(self.0.clone())
    }

    fn decode(octets: &[u8], _: Format, _: &Reading) -> Result<Self, DecodeError> {
        Ok(Self(octets.to_vec()))
    }
}

/// Long enough for several chunks of a stream, and not its own text canonicalization.
fn content() -> Content {
    Content([&b"{\"ietf-voucher:voucher\":\n"[..], &[b'x'; 10_000], b"\r\n\n}"].concat())
}

fn verify(wire: &[u8], anchor: &Certificate) -> Result<Verified<Content>, VerifyError> {
    verify_knowing(&[], wire, anchor)
}

fn verify_knowing(known: &[Certificate], wire: &[u8], anchor: &Certificate) -> Result<Verified<Content>, VerifyError> {
    let anchors = Anchors::new([anchor.clone()]).unwrap();
    let by = SignedBy::Anchored { anchors: &anchors, usage: Usage::Any, known };
    Signed::<Content>::from_wire(Format::Cms, wire).verify(&Verifier { by, lenient: Leniencies::default() }, brski_common::UnixTime::now())
}

/// A self-signed certificate `cert.pem` with its key `key.pem`, as `openssl req` makes them.
fn openssl_signer(openssl: &OpenSsl, key: &str) -> Certificate {
    openssl.run(&format!("req -x509 -newkey {key} -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=Signer"));
    Certificate::all_from_pem(&String::from_utf8(openssl.read("cert.pem")).unwrap()).unwrap().remove(0)
}

const SIGN: &str =
    "cms -sign -binary -nodetach -econtent_type 1.2.840.113549.1.9.16.1.40 -signer cert.pem -inkey key.pem -in content -outform DER -out cms.der";

fn openssl_signature_is_accepted(key: &str, options: &str) {
    let Some(openssl) = OpenSsl::find() else { return };
    let signer = openssl_signer(&openssl, key);
    openssl.write("content", content().0);
    openssl.run(&format!("{SIGN} {options}"));
    let verified = verify(&openssl.read("cms.der"), &signer).unwrap();
    assert_eq!(*verified.get(), content());
    assert_eq!(verified.signer().chain, [signer]);
}

const P256: &str = "ec -pkeyopt ec_paramgen_curve:P-256";
const P384: &str = "ec -pkeyopt ec_paramgen_curve:P-384";
const P521: &str = "ec -pkeyopt ec_paramgen_curve:P-521";

#[test]
fn p256_signature_of_openssl_is_accepted() {
    openssl_signature_is_accepted(P256, "");
}

#[test]
fn p384_signature_of_openssl_is_accepted() {
    openssl_signature_is_accepted(P384, "-md sha384");
}

#[test]
fn p521_signature_of_openssl_is_accepted() {
    openssl_signature_is_accepted(P521, "-md sha512");
}

#[test]
fn rsa_2048_signature_of_openssl_is_accepted() {
    openssl_signature_is_accepted("rsa:2048", "");
}

#[test]
fn rsa_3072_signature_of_openssl_is_accepted() {
    openssl_signature_is_accepted("rsa:3072", "-md sha384");
}

#[test]
fn signer_named_by_key_identifier_is_found() {
    openssl_signature_is_accepted(P256, "-keyid");
}

/// Of indefinite length and the content in chunks: BER, not DER (RFC 5652, section 5.2, allows it for what is not signed).
fn streamed_signature_of_openssl_is_accepted(key: &str, options: &str) {
    let Some(openssl) = OpenSsl::find() else { return };
    let signer = openssl_signer(&openssl, key);
    openssl.write("content", content().0);
    openssl.run(&format!("{SIGN} -stream {options}"));
    let streamed = openssl.read("cms.der");
    assert_eq!(streamed[..2], [0x30, 0x80]);
    assert_eq!(*verify(&streamed, &signer).unwrap().get(), content());
}

#[test]
fn streamed_p256_signature_of_openssl_is_accepted() {
    streamed_signature_of_openssl_is_accepted(P256, "");
}

#[test]
fn streamed_p384_signature_of_openssl_is_accepted() {
    streamed_signature_of_openssl_is_accepted(P384, "-md sha384");
}

#[test]
fn streamed_p521_signature_of_openssl_is_accepted() {
    streamed_signature_of_openssl_is_accepted(P521, "-md sha512");
}

#[test]
fn streamed_rsa_signature_of_openssl_is_accepted() {
    streamed_signature_of_openssl_is_accepted("rsa:3072", "");
}

/// Without certificates in it: only who knows the signer's finds it.
fn signature_of_openssl_without_certificates_needs_a_known_one(key: &str, options: &str) {
    let Some(openssl) = OpenSsl::find() else { return };
    let signer = openssl_signer(&openssl, key);
    openssl.write("content", content().0);
    openssl.run(&format!("{SIGN} -nocerts {options}"));
    let bare = openssl.read("cms.der");
    assert_eq!(*verify_knowing(std::slice::from_ref(&signer), &bare, &signer).unwrap().get(), content());
    let stranger = openssl_signer(&openssl, key);
    assert!(matches!(verify_knowing(&[stranger], &bare, &signer).unwrap_err(), VerifyError::UnknownSigner { artefact: "content", .. }));
}

#[test]
fn p256_signature_of_openssl_without_certificates_needs_a_known_one() {
    signature_of_openssl_without_certificates_needs_a_known_one(P256, "");
}

#[test]
fn p384_signature_of_openssl_without_certificates_needs_a_known_one() {
    signature_of_openssl_without_certificates_needs_a_known_one(P384, "-md sha384 -stream");
}

#[test]
fn rsa_signature_of_openssl_without_certificates_needs_a_known_one() {
    signature_of_openssl_without_certificates_needs_a_known_one("rsa:2048", "-keyid");
}

#[test]
fn signature_of_openssl_over_other_content_is_refused() {
    let Some(openssl) = OpenSsl::find() else { return };
    let signer = openssl_signer(&openssl, P521);
    openssl.write("content", content().0);
    openssl.run(&format!("{SIGN} -md sha512"));
    let mut changed = openssl.read("cms.der");
    let start = changed.windows(4).position(|octets| octets == b"xxxx").unwrap();
    changed[start] = b'y';
    assert!(matches!(verify(&changed, &signer).unwrap_err(), VerifyError::BadSignature { artefact: "content", .. }));
}

#[test]
fn signature_of_openssl_without_attributes_is_refused() {
    let Some(openssl) = OpenSsl::find() else { return };
    let signer = openssl_signer(&openssl, P256);
    openssl.write("content", content().0);
    openssl.run(&format!("{SIGN} -noattr"));
    assert_eq!(verify(&openssl.read("cms.der"), &signer).unwrap_err(), VerifyError::NoSignedAttributes { artefact: "content" });
}

#[test]
fn detached_signature_of_openssl_is_refused() {
    let Some(openssl) = OpenSsl::find() else { return };
    let signer = openssl_signer(&openssl, P256);
    openssl.write("content", content().0);
    openssl.run(&SIGN.replace(" -nodetach", ""));
    let source = DecodeError::MissingField { field: "eContent", artefact: "CMS SignedData" };
    assert_eq!(verify(&openssl.read("cms.der"), &signer).unwrap_err(), VerifyError::Decode { artefact: "content", source });
}

#[test]
fn two_signers_of_openssl_are_refused() {
    let Some(openssl) = OpenSsl::find() else { return };
    let signer = openssl_signer(&openssl, P256);
    openssl.write("content", content().0);
    openssl.run("req -x509 -newkey rsa:2048 -nodes -keyout key2.pem -out cert2.pem -days 2 -subj /CN=Second");
    openssl.run(&format!("{SIGN} -signer cert2.pem -inkey key2.pem"));
    let source = DecodeError::Unexpected { what: "number of SignerInfos", found: "2".to_owned(), expected: "exactly one" };
    assert_eq!(verify(&openssl.read("cms.der"), &signer).unwrap_err(), VerifyError::Decode { artefact: "content", source });
}

async fn our_signature_is_accepted(algorithm: SignatureAlgorithm) {
    let Some(openssl) = OpenSsl::find() else { return };
    let now = brski_common::UnixTime::now();
    let yesterday = at(now.as_secs() - 86_400);
    let (root_key, _) = SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap();
    let root = Template::new(Subject::common_name("Root"), root_key.public_key(), [1; 16], yesterday, never()).ca(None);
    let root = root.self_signed(&root_key).await.unwrap();
    let (key, _) = SoftwareKey::generate(algorithm).unwrap();
    let leaf = Template::new(Subject::common_name("Signer"), key.public_key(), [2; 16], yesterday, never());
    let leaf = leaf.issued_by(&root, &root_key).await.unwrap();

    let sealed = SigningParty::with_chain(vec![leaf, root.clone()], Arc::new(key)).seal(&content(), Format::Cms).await.unwrap();
    openssl.write("cms.der", sealed.wire());
    openssl.write("root.pem", root.to_pem());
    openssl.run("cms -verify -binary -inform DER -in cms.der -CAfile root.pem -purpose any -out content");
    assert_eq!(openssl.read("content"), content().0);
}

#[tokio::test]
async fn openssl_accepts_our_es256_signature() {
    our_signature_is_accepted(SignatureAlgorithm::Es256).await;
}

#[tokio::test]
async fn openssl_accepts_our_es384_signature() {
    our_signature_is_accepted(SignatureAlgorithm::Es384).await;
}
