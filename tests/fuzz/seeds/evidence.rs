//! Evidence: an element of a manifest, a key attestation, a bundle with it and with a statement in a wrapper, and a request that carries the bundle.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use brski_common::csr::{Wish, request_wishing};
use brski_common::evidence::{
    AttestationBundle, AttestationStatement, Claim, Element, ElementKey, ElementKind, KeyAttestation, ManifestElement, SecureElement, Value,
};
use brski_common::provenance::{EvidenceType, Text};
use brski_common::sign::{Signer as _, SoftwareKey};
use brski_common::time::at;
use brski_common::{Certificate, ProvenanceStatement, Signed};

use crate::Anything;

/// The attestation, the bundle and the request.
pub async fn make(chain: &[Certificate], key: &SoftwareKey, statement: &Signed<ProvenanceStatement>) -> Anything<[Vec<u8>; 3]> {
    let claim = Claim::new;
    let transaction = vec![claim("nonce", Value::Octets(vec![7; 8])), claim("timestamp", Value::Time(at(crate::NOW)))];
    let platform = vec![
        claim("vendor", Value::Text("Example".to_owned())),
        claim("hwmodel", Value::Octets(vec![7; 4])),
        claim("dbgstat", Value::Integer(3)),
        claim("fipsboot", Value::Boolean(true)),
        claim("2.25.7", Value::Other(Some(vec![5, 0]))),
    ];
    let held = vec![
        claim("identifier", Value::Text("k".to_owned())),
        claim("spki", Value::Octets(key.public_key().spki().to_vec())),
        claim("extractable", Value::Boolean(false)),
        claim("sensitive", Value::Boolean(true)),
        claim("never-extractable", Value::Boolean(true)),
        claim("local", Value::Boolean(true)),
        claim("purpose", Value::Purposes(vec!["sign".to_owned(), "1.2.3.4".to_owned()])),
    ];
    let elements = [(ElementKind::Transaction, transaction), (ElementKind::Platform, platform), (ElementKind::Key, held)];
    let attestation = KeyAttestation::make(&elements.map(|(kind, claims)| Element { kind, claims }), chain, key).await?;

    let length = u16::try_from(statement.wire().len())?;
    let record = [&[0x82, 0x19, 0x01, 0x07, 0x59][..], &length.to_be_bytes(), statement.wire()].concat();
    let wrapped = [&[0x04, 0x82][..], &u16::try_from(record.len())?.to_be_bytes(), &record].concat();
    let statement = |kind: &str, der: &[u8]| Anything::Ok(AttestationStatement { kind: EvidenceType::new(kind)?, der: der.to_vec() });
    let statements = [statement(KeyAttestation::KIND, attestation.der())?, statement("1.3.6.1.5.5.7.1.35", &wrapped)?, statement("1.2.3.4", &[5, 0])?];
    let bundle = AttestationBundle::new(&statements, chain)?;
    let wish = Wish { attestation: Some(bundle.der().to_vec()), ..Wish::default() };
    let subject = chain.first().map(Certificate::subject_der).unwrap_or_default();
    Ok([attestation.der().to_vec(), bundle.der().to_vec(), request_wishing(subject, &wish, key).await?])
}

/// An element of a manifest, and what is signed in it.
pub async fn delivered(certificate: &Certificate, key: &SoftwareKey) -> Anything<[Vec<u8>; 2]> {
    let held = ElementKey { slot: Text::new("0")?, key: Some(certificate.public_key()), certificates: vec![certificate.clone()] };
    let content = SecureElement {
        unique_id: Text::new("0123f1822c38dd7a01")?,
        model: Text::new("SE-1")?,
        part_number: Some(Text::new("SE-1-TLS")?),
        manufacturer: Some(Text::new("Silicon Ltd")?),
        provisioner: Some(Text::new("Silicon Ltd")?),
        group: Some(Text::new("reel 7")?),
        provisioned_at: Some(at(crate::NOW)),
        keys: vec![held],
    };
    let element = ManifestElement::make(&content, certificate, key).await?.octets().to_vec();
    let jws: serde_json::Value = serde_json::from_slice(&element)?;
    let said = URL_SAFE_NO_PAD.decode(jws["payload"].as_str().unwrap_or_default())?;
    Ok([element, said])
}
