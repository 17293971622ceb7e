mod algorithms;
mod streamed;

use super::*;
use crate::leniency::{Deviation, Leniencies};
use crate::sign::Signer as _;
use crate::test_pki::{Entity, block_on};

const PAYLOAD: &[u8] = br#"{"ietf-voucher:voucher":{}}"#;
const STRICT: Leniencies = Leniencies::NONE;

fn open(artefact: &'static str, wire: &[u8], lenient: Leniencies) -> Result<Opened, VerifyError> {
    super::open(artefact, CmsContent::Voucher, wire, &Reading::new(lenient))
}

/// A root and an end-entity certificate under it.
fn signer(algorithm: SignatureAlgorithm) -> (Entity, Entity) {
    let root = Entity::root("Root");
    let leaf = root.issue("Signer", algorithm, |t| t);
    (root, leaf)
}

fn sealed(root: &Entity, leaf: &Entity) -> Vec<u8> {
    let draft = draft(CmsContent::Voucher, PAYLOAD.to_vec(), &leaf.party(&[root]).identity).unwrap();
    let signature = block_on(leaf.key.sign(draft.to_be_signed())).unwrap();
    draft.attach(signature).unwrap()
}

/// An envelope made of freely chosen parts, properly signed over its attributes (content octets of their SET), if there are any.
struct Forged<'a> {
    content_type: &'a str,
    payload: &'a [u8],
    attributes: Option<Vec<u8>>,
    infos: usize,
}

impl Forged<'_> {
    fn wire(&self, root: &Entity, leaf: &Entity) -> Vec<u8> {
        let signed = self.attributes.as_ref().map_or_else(|| self.payload.to_vec(), |a| element(SET, a));
        let signature = block_on(leaf.key.sign(&signed)).unwrap().to_asn1().unwrap();
        let digest = digest_identifier(Hash::Sha256).to_der().unwrap();
        let id = [leaf.certificate.issuer_der().to_vec(), element(INTEGER, leaf.certificate.certificate_serial())];
        let info = [
            element(INTEGER, &[1]),
            element(SEQUENCE, &id.concat()),
            digest.clone(),
            self.attributes.as_ref().map(|a| element(CONTEXT_0, a)).unwrap_or_default(),
            signature_identifier(leaf.key.algorithm()).to_der().unwrap(),
            element(OCTET_STRING, &signature),
        ];
        let content = [oid(self.content_type), element(CONTEXT_0, &element(OCTET_STRING, self.payload))];
        let data = [
            element(INTEGER, &[1]),
            element(SET, &digest),
            element(SEQUENCE, &content.concat()),
            certificate_set(&[leaf.certificate.clone(), root.certificate.clone()]),
            element(SET, &element(SEQUENCE, &info.concat()).repeat(self.infos)),
        ];
        content_info(&data.concat())
    }
}

fn oid(dotted: &str) -> Vec<u8> {
    element(OBJECT_IDENTIFIER, ObjectIdentifier::new(dotted).unwrap().as_bytes())
}

fn attribute(name: &str, values: &[Vec<u8>]) -> Vec<u8> {
    element(SEQUENCE, &[oid(name), element(SET, &values.concat())].concat())
}

const VOUCHER: &str = "1.2.840.113549.1.9.16.1.40";
const DATA: &str = "1.2.840.113549.1.7.1";
const CONTENT_TYPE: &str = "1.2.840.113549.1.9.3";
const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";

fn content_type(value: &str) -> Vec<u8> {
    attribute(CONTENT_TYPE, &[oid(value)])
}

fn message_digest(payload: &[u8]) -> Vec<u8> {
    attribute(MESSAGE_DIGEST, &[element(OCTET_STRING, &Hash::Sha256.of(payload))])
}

/// Opens a forgery and checks the signature with the leaf's key.
fn outcome(forged: &Forged<'_>, lenient: Leniencies) -> Result<(), VerifyError> {
    let (root, leaf) = signer(SignatureAlgorithm::Es256);
    let opened = open("voucher", &forged.wire(&root, &leaf), lenient)?;
    opened.signatures[0].check_signature("voucher", &leaf.certificate.public_key(), leaf.certificate.subject())
}

fn good_attributes() -> Vec<u8> {
    [content_type(VOUCHER), message_digest(PAYLOAD)].concat()
}

fn good<'a>() -> Forged<'a> {
    Forged { content_type: VOUCHER, payload: PAYLOAD, attributes: Some(good_attributes()), infos: 1 }
}

#[test]
fn envelope_of_every_algorithm_opens_and_verifies() {
    for algorithm in [SignatureAlgorithm::Es256, SignatureAlgorithm::Es384, SignatureAlgorithm::EdDsa] {
        let (root, leaf) = signer(algorithm);
        let opened = open("voucher", &sealed(&root, &leaf), STRICT).unwrap();
        assert_eq!(opened.payload, PAYLOAD);
        assert_eq!(opened.signatures[0].certificates.len(), 2);
        assert_eq!(opened.signatures[0].candidates(&[]), [&leaf.certificate]);
        opened.signatures[0].check_signature("voucher", &leaf.certificate.public_key(), "leaf").unwrap();
        assert!(opened.signatures[0].check_signature("voucher", &root.certificate.public_key(), "root").is_err());
    }
}

#[test]
fn no_changed_octet_goes_unnoticed() {
    let (root, leaf) = signer(SignatureAlgorithm::Es256);
    let wire = sealed(&root, &leaf);
    let accepted = |wire: &[u8]| {
        let opened = open("voucher", wire, STRICT)?;
        opened.signatures[0].check_signature("voucher", &leaf.certificate.public_key(), "leaf").map(|()| opened.payload)
    };
    for i in 0..wire.len() {
        assert!(accepted(&wire[..i]).is_err());
        let mut changed = wire.clone();
        changed[i] ^= 0x01;
        // What still verifies says the same: certificates and version numbers are not under the signature.
        assert!(accepted(&changed).map_or(true, |payload| payload == PAYLOAD), "octet {i}");
    }
}

#[test]
fn forgery_with_nothing_wrong_is_accepted() {
    assert_eq!(outcome(&good(), STRICT), Ok(()));
}

#[test]
fn attributes_out_of_order_are_signed_in_order() {
    // RFC 5652, section 5.4: the signature covers the DER encoding, whatever the transfer encoding was. This forger signed another order.
    let attributes = Some([message_digest(PAYLOAD), content_type(VOUCHER)].concat());
    let forged = Forged { attributes, ..good() };
    assert!(matches!(outcome(&forged, STRICT), Err(VerifyError::BadSignature { .. })));
}

#[test]
fn envelope_without_signed_attributes_is_refused() {
    let forged = Forged { attributes: None, ..good() };
    assert_eq!(outcome(&forged, STRICT), Err(VerifyError::NoSignedAttributes { artefact: "voucher" }));
}

#[test]
fn envelope_with_empty_signed_attributes_is_refused() {
    let forged = Forged { attributes: Some(Vec::new()), ..good() };
    assert_eq!(outcome(&forged, STRICT), Err(VerifyError::NoSignedAttributes { artefact: "voucher" }));
}

#[test]
fn digest_of_other_content_is_refused() {
    let attributes = Some([content_type(VOUCHER), message_digest(b"{}")].concat());
    let forged = Forged { attributes, ..good() };
    assert!(matches!(outcome(&forged, STRICT), Err(VerifyError::BadSignature { .. })));
}

#[test]
fn missing_mandatory_attributes_are_named() {
    let missing = |attributes, field| {
        let forged = Forged { attributes: Some(attributes), ..good() };
        let source = DecodeError::MissingField { field, artefact: "SignedAttributes" };
        assert_eq!(outcome(&forged, STRICT), Err(VerifyError::Decode { artefact: "voucher", source }));
    };
    missing(content_type(VOUCHER), "messageDigest");
    missing(message_digest(PAYLOAD), "contentType");
}

#[test]
fn doubled_attribute_is_refused() {
    let twice = [good_attributes(), message_digest(b"{}")].concat();
    let two_values = [content_type(VOUCHER), attribute(MESSAGE_DIGEST, &[element(4, &[1; 32]), element(4, &[2; 32])])].concat();
    for attributes in [twice, two_values] {
        let forged = Forged { attributes: Some(attributes), ..good() };
        let source = DecodeError::DuplicateField { field: MESSAGE_DIGEST.to_owned(), artefact: "SignedAttributes" };
        assert_eq!(outcome(&forged, STRICT), Err(VerifyError::Decode { artefact: "voucher", source }));
    }
}

#[test]
fn content_type_attribute_must_agree_with_the_content() {
    let attributes = Some([content_type(DATA), message_digest(PAYLOAD)].concat());
    let forged = Forged { attributes, ..good() };
    assert!(matches!(outcome(&forged, STRICT), Err(VerifyError::Decode { source: DecodeError::Unexpected { what: "contentType attribute", .. }, .. })));
}

#[test]
fn id_data_needs_its_leniency() {
    let attributes = Some([content_type(DATA), message_digest(PAYLOAD)].concat());
    let forged = Forged { content_type: DATA, attributes, ..good() };
    assert!(matches!(
        outcome(&forged, STRICT),
        Err(VerifyError::Decode { source: DecodeError::Deviation(Deviation { leniency: Leniency::CmsIdData, .. }), .. })
    ));
    assert_eq!(outcome(&forged, Leniencies::from_iter([Leniency::CmsIdData])), Ok(()));
}

#[test]
fn other_content_types_are_refused_by_every_leniency() {
    let other = "1.2.840.113549.1.9.16.1.4";
    let attributes = Some([content_type(other), message_digest(PAYLOAD)].concat());
    let forged = Forged { content_type: other, attributes, ..good() };
    assert!(outcome(&forged, Leniencies::ALL).is_err());
}

#[test]
fn exactly_one_signer_is_accepted() {
    for infos in [0, 2] {
        let forged = Forged { infos, ..good() };
        assert!(matches!(outcome(&forged, STRICT), Err(VerifyError::Decode { source: DecodeError::Unexpected { what: "number of SignerInfos", .. }, .. })));
    }
}

#[test]
fn text_needs_its_leniency() {
    let (root, leaf) = signer(SignatureAlgorithm::Es256);
    let wire = sealed(&root, &leaf);
    let base64 = crate::codec::base64(&wire);
    let wrapped: String = base64.as_bytes().chunks(64).map(|line| format!("{}\r\n", core::str::from_utf8(line).unwrap())).collect();
    let pem = format!("-----BEGIN CMS-----\n{wrapped}-----END CMS-----\n");
    let lenient = Leniencies::from_iter([Leniency::Base64Body]);
    for text in [base64, wrapped, pem] {
        let refused = open("voucher", text.as_bytes(), STRICT);
        let deviates = |source: &DecodeError| matches!(source, DecodeError::Deviation(Deviation { leniency: Leniency::Base64Body, .. }));
        assert!(matches!(refused, Err(VerifyError::Decode { source, .. }) if deviates(&source)));
        assert_eq!(open("voucher", text.as_bytes(), lenient).unwrap().payload, PAYLOAD);
    }
    assert_eq!(open("voucher", &wire, lenient).unwrap().payload, PAYLOAD);
}

#[test]
fn other_cms_types_are_named() {
    let data = element(SEQUENCE, &[oid(DATA), element(CONTEXT_0, &element(OCTET_STRING, PAYLOAD))].concat());
    let err = open("voucher", &data, STRICT).unwrap_err();
    assert!(matches!(err, VerifyError::Decode { source: DecodeError::Unexpected { what: "CMS contentType", .. }, .. }));
}

#[test]
fn identity_without_certificate_cannot_sign() {
    let (_, leaf) = signer(SignatureAlgorithm::Es256);
    let identity = SigningIdentity { chain: Vec::new(), algorithm: leaf.key.algorithm(), key_name: Some("name".to_owned()), enclosed: Vec::new() };
    assert!(draft(CmsContent::Voucher, PAYLOAD.to_vec(), &identity).is_err());
}

#[test]
fn signature_of_another_algorithm_does_not_attach() {
    let (root, leaf) = signer(SignatureAlgorithm::Es256);
    let other = crate::test_pki::new_key(SignatureAlgorithm::EdDsa);
    let draft = draft(CmsContent::Voucher, PAYLOAD.to_vec(), &leaf.party(&[&root]).identity).unwrap();
    let signature = block_on(other.sign(draft.to_be_signed())).unwrap();
    assert!(draft.attach(signature).is_err());
}
