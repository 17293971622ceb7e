//! Evidence in DER: strictly read, and checked as far as that takes no key.

use std::collections::BTreeSet;

use const_oid::ObjectIdentifier;
use der::asn1::{AnyRef, GeneralizedTime, OctetStringRef};
use der::{Decode as _, Encode as _, Reader as _, Sequence, SliceReader, Tag, Tagged as _};
use spki::AlgorithmIdentifierRef;

use super::claims::{AK_SPKI, Claim, Element, ElementKind, FIPS_LEVEL, Form, IDENTIFIER, Known, PURPOSES, Value};
use super::{Block, KeyAttestation};
use crate::certificate::Certificate;
use crate::error::DecodeError;
use crate::evidence::oid::Oid;
use crate::sign::PublicKey;
use crate::time::at;

/// id-evidence.
const ARC: ObjectIdentifier = ObjectIdentifier::new_unwrap(KeyAttestation::KIND);

/// An object identifier below ours, by arcs of one octet each.
pub(super) fn below_arc(arcs: &[u8]) -> Vec<u8> {
    crate::asn1::element(0x06, &[ARC.as_bytes(), arcs].concat())
}

// What follows the arc.
pub(super) const ELEMENTS: u8 = 0;
pub(super) const CLAIMS: u8 = 1;
pub(super) const CAPABILITIES: u8 = 2;

pub(super) fn read(der: &[u8]) -> Result<KeyAttestation, DecodeError> {
    if der.len() > KeyAttestation::LARGEST {
        return Err(DecodeError::TooLarge { what: "the key attestation's size in octets", limit: KeyAttestation::LARGEST });
    }
    let evidence = EvidenceDer::from_der(der).map_err(syntax)?;
    // Canonical DER is the only form that got here, so that encoding anew gives the octets that were signed.
    let signed = evidence.tbs.to_der().map_err(syntax)?;
    let tbs = Tbs::from_der(&signed).map_err(syntax)?;
    if tbs.version != 1 {
        return Err(DecodeError::Unexpected { what: "version of the key attestation", found: tbs.version.to_string(), expected: "1" });
    }
    let certificates = evidence.certificates.map(certificates).transpose()?.unwrap_or_default();
    for (count, limit, what) in [
        (tbs.elements.len(), MOST_ELEMENTS, "number of elements in the key attestation"),
        (evidence.signatures.len(), MOST_SIGNATURES, "number of signatures of the key attestation"),
        (certificates.len(), MOST_CERTIFICATES, "number of certificates in the key attestation"),
    ] {
        if count > limit {
            return Err(DecodeError::TooLarge { what, limit });
        }
    }
    let elements: Vec<Element> = tbs.elements.into_iter().map(element).collect::<Result<_, _>>()?;
    check(&elements)?;
    let count = certificates.len();
    let mut readable = Vec::with_capacity(count);
    for certificate in certificates {
        readable.extend(Certificate::from_der(&certificate.to_der().map_err(syntax)?).ok());
    }
    let blocks = evidence.signatures.into_iter().map(block).collect::<Result<_, _>>()?;
    Ok(KeyAttestation { der: der.to_vec(), signed, elements, blocks, unread: count - readable.len(), certificates: readable })
}

/// What the draft says may be there once, and what must be there.
fn check(elements: &[Element]) -> Result<(), DecodeError> {
    if elements.is_empty() {
        return Err(DecodeError::InvalidField { field: "reportedElements", expected: "a list of one at least" });
    }
    for kind in [ElementKind::Transaction, ElementKind::Platform] {
        if elements.iter().filter(|element| element.kind == kind).count() > 1 {
            return Err(twice(format!("the {kind} element")));
        }
    }
    let mut identifiers = BTreeSet::new();
    for key in elements.iter().filter(|element| element.kind == ElementKind::Key) {
        let mut named = 0;
        for identifier in key.all(IDENTIFIER) {
            named += 1;
            if let Value::Text(identifier) = identifier
                && !identifiers.insert(identifier.as_str())
            {
                return Err(twice(format!("the key '{identifier}'")));
            }
        }
        if named == 0 {
            return Err(DecodeError::MissingField { field: "identifier", artefact: "key element" });
        }
    }
    let mut keys = BTreeSet::new();
    let mut attestation_keys = elements.iter().flat_map(|element| element.all(AK_SPKI));
    match attestation_keys.all(|value| if let Value::Octets(spki) = value { keys.insert(spki) } else { true }) {
        true => Ok(()),
        false => Err(twice("one attestation key (ak-spki)".to_owned())),
    }
}

fn element(wire: ElementDer<'_>) -> Result<Element, DecodeError> {
    if wire.claims.is_empty() {
        return Err(DecodeError::InvalidField { field: "claims", expected: "a list of one at least" });
    }
    if wire.claims.len() > MOST_CLAIMS {
        return Err(DecodeError::TooLarge { what: "number of claims in one element of the key attestation", limit: MOST_CLAIMS });
    }
    let known = below(&wire.kind, &[ELEMENTS]).and_then(|number| ElementKind::ALL.into_iter().nth(number));
    let kind = known.unwrap_or_else(|| ElementKind::Other(wire.kind.to_string()));
    let mut met = BTreeSet::new();
    let mut claims = Vec::with_capacity(wire.claims.len());
    for claim in wire.claims {
        let known = ElementKind::ALL.iter().position(|of| *of == kind).and_then(|element| below(&claim.kind, &[CLAIMS, u8::try_from(element).ok()?]));
        claims.push(match known.and_then(|number| kind.claims().get(number)) {
            Some(known) if !met.insert(known.name) && !known.repeatable => return Err(twice(format!("the claim {}", known.name))),
            Some(known) => Claim::new(known.name, value(known, claim.value)?),
            None => Claim { name: claim.kind.to_string(), value: Value::Other(claim.value.map(|value| value.to_der()).transpose().map_err(syntax)?) },
        });
    }
    Ok(Element { kind, claims })
}

fn value(known: &Known, value: Option<AnyRef<'_>>) -> Result<Value, DecodeError> {
    let value = value.ok_or(DecodeError::MissingField { field: known.name, artefact: "claim of that name, which has no value" })?;
    let text = || value.decode_as::<String>().map(Value::Text);
    let read = match known.form {
        Form::Octets => value.decode_as::<OctetStringRef<'_>>().map(|octets| Value::Octets(octets.as_bytes().to_vec())),
        // UTF8String alone: the type behind it would take other strings as well.
        Form::Text => value.decode_as::<der::asn1::Utf8StringRef<'_>>().and_then(|_| text()),
        Form::Integer => value.decode_as::<i64>().map(Value::Integer),
        Form::Boolean => value.decode_as::<bool>().map(Value::Boolean),
        Form::Time => value.decode_as::<GeneralizedTime>().map(|time| Value::Time(at(time.to_unix_duration().as_secs()))),
        Form::Purposes => value.decode_as::<Vec<Oid>>().map(|purposes| Value::Purposes(purposes.iter().map(purpose).collect())),
    };
    match read.map_err(|err| DecodeError::syntax(known.name, "DER", err))? {
        Value::Integer(level) if known.name == FIPS_LEVEL && !(1..=4).contains(&level) => {
            Err(DecodeError::InvalidField { field: FIPS_LEVEL, expected: "1, 2, 3 or 4" })
        }
        value => Ok(value),
    }
}

fn purpose(oid: &Oid) -> String {
    let known = below(oid, &[CAPABILITIES]).and_then(|number| PURPOSES.get(number));
    known.map_or_else(|| oid.to_string(), |name| (*name).to_owned())
}

fn block(wire: BlockDer<'_>) -> Result<Block, DecodeError> {
    let SignerDer { key_id, key, certificate } = wire.signer;
    let key = key.map(|key| PublicKey::from_spki(&key.to_der().map_err(syntax)?)).transpose()?;
    let certificate = certificate.map(|certificate| Certificate::from_der(&certificate.to_der().map_err(syntax)?)).transpose()?;
    if key_id.is_none() && key.is_none() && certificate.is_none() {
        return Err(DecodeError::InvalidField { field: "signer of the key attestation", expected: "named by key identifier, public key or certificate" });
    }
    if let (Some(key), Some(certificate)) = (&key, &certificate)
        && *key != certificate.public_key()
    {
        return Err(DecodeError::InvalidField { field: "public key of the signer", expected: "that of the certificate beside it" });
    }
    Ok(Block {
        key_id: key_id.map(|id| id.as_bytes().to_vec()),
        key,
        certificate,
        algorithm: wire.algorithm.oid,
        signature: wire.signature.as_bytes().to_vec(),
    })
}

/// The certificates in `[0]`. By the draft's module that is an explicit tag around a list; the draft's own samples have the certificates right in it, as under an implicit one.
fn certificates(field: AnyRef<'_>) -> Result<Vec<AnyRef<'_>>, DecodeError> {
    if u8::from(field.tag()) != CERTIFICATES {
        let expected = "certificates in [0], and nothing else";
        return Err(DecodeError::Unexpected { what: "what follows the signatures of the key attestation", found: field.tag().to_string(), expected });
    }
    let elements = elements(field.value())?;
    if let [list] = elements.as_slice()
        && list.tag() == Tag::Sequence
    {
        let inside = self::elements(list.value())?;
        // A certificate is no list of SEQUENCEs: it ends with a BIT STRING.
        if inside.iter().all(|certificate| certificate.tag() == Tag::Sequence) {
            return Ok(inside);
        }
    }
    Ok(elements)
}

fn elements(octets: &[u8]) -> Result<Vec<AnyRef<'_>>, DecodeError> {
    let mut reader = SliceReader::new(octets).map_err(syntax)?;
    let mut found = Vec::new();
    while !reader.is_finished() {
        found.push(AnyRef::decode(&mut reader).map_err(syntax)?);
    }
    Ok(found)
}

/// The one arc that follows our arc and these.
fn below(oid: &Oid, arcs: &[u8]) -> Option<usize> {
    match oid.as_bytes().strip_prefix(ARC.as_bytes())?.strip_prefix(arcs)? {
        [number] if *number < 0x80 => Some(usize::from(*number)),
        _ => None,
    }
}

fn twice(field: String) -> DecodeError {
    DecodeError::DuplicateField { field, artefact: KeyAttestation::NAME }
}

fn syntax(err: der::Error) -> DecodeError {
    DecodeError::syntax(KeyAttestation::NAME, "DER", err)
}

#[derive(Sequence)]
struct EvidenceDer<'a> {
    tbs: AnyRef<'a>,
    signatures: Vec<BlockDer<'a>>,
    certificates: Option<AnyRef<'a>>,
}

#[derive(Sequence)]
struct Tbs<'a> {
    version: u32,
    elements: Vec<ElementDer<'a>>,
}

#[derive(Sequence)]
struct ElementDer<'a> {
    kind: Oid,
    claims: Vec<ClaimDer<'a>>,
}

#[derive(Sequence)]
struct ClaimDer<'a> {
    kind: Oid,
    value: Option<AnyRef<'a>>,
}

#[derive(Sequence)]
struct BlockDer<'a> {
    signer: SignerDer<'a>,
    algorithm: AlgorithmIdentifierRef<'a>,
    signature: OctetStringRef<'a>,
}

#[derive(Sequence)]
struct SignerDer<'a> {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    key_id: Option<OctetStringRef<'a>>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    key: Option<AnyRef<'a>>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    certificate: Option<AnyRef<'a>>,
}

/// intermediateCertificates.
const CERTIFICATES: u8 = 0xa0;

const MOST_ELEMENTS: usize = 64;
const MOST_CLAIMS: usize = 64;
const MOST_CERTIFICATES: usize = 16;

/// Each costs a signature and a path.
const MOST_SIGNATURES: usize = 8;
