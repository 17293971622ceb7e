//! The container that evidence travels in, in certification requests and records alike (draft-ietf-lamps-csr-attestation).

use der::asn1::AnyRef;
use der::{Decode as _, Encode as _, Reader as _, Sequence, Tag, Tagged as _};

use super::oid::Oid;
use super::{Appraised, Authorities, Expected, appraise_statement};
use crate::asn1::element;
use crate::certificate::Certificate;
use crate::error::DecodeError;
use crate::provenance::{Evidence, EvidenceType};
use crate::time::UnixTime;

/// Statements of one or several attesters about one key, and certificates that help to verify them (AttestationBundle). Nothing in it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttestationBundle {
    der: Vec<u8>,
    statements: Vec<AttestationStatement>,
    certificates: Vec<Certificate>,
    unread: usize,
}

/// One statement of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttestationStatement {
    /// Its type: a dotted object identifier.
    pub kind: EvidenceType,
    /// The statement itself: one DER element.
    pub der: Vec<u8>,
}

impl AttestationBundle {
    /// id-aa-attestation: the attribute of certification requests, and the kind of evidence that is a bundle.
    pub const KIND: &'static str = "1.2.840.113549.1.9.16.2.59";

    pub(super) const NAME: &'static str = "attestation bundle";

    /// Most statements of one bundle.
    pub const MOST_STATEMENTS: usize = 16;

    /// Most certificates of one bundle.
    pub const MOST_CERTIFICATES: usize = 32;

    /// Largest bundle, in octets.
    pub const LARGEST: usize = 128 * 1024;

    /// Reads a bundle in DER. Certificates of another format than X.509, or of keys that are not known here, are counted and passed over: others may verify what we do not.
    ///
    /// # Errors
    /// [`DecodeError`] if it is malformed, too large, or in the layout that the draft had earlier.
    pub fn from_der(der: &[u8]) -> Result<Self, DecodeError> {
        if der.len() > Self::LARGEST {
            return Err(DecodeError::TooLarge { what: "the attestation bundle's size in octets", limit: Self::LARGEST });
        }
        let wire = Wire::from_der(der).map_err(syntax)?;
        check_count(wire.statements.len(), Self::MOST_STATEMENTS, "attestations", "number of statements in the attestation bundle")?;
        if let Some(certificates) = &wire.certificates {
            check_count(certificates.len(), Self::MOST_CERTIFICATES, "certs", "number of certificates in the attestation bundle")?;
        }
        let choices = wire.certificates.unwrap_or_default();
        let statements = wire.statements.into_iter().map(statement).collect::<Result<_, _>>()?;
        let mut certificates = Vec::with_capacity(choices.len());
        for choice in &choices {
            match choice.tag() {
                Tag::Sequence => certificates.extend(Certificate::from_der(&choice.to_der().map_err(syntax)?).ok()),
                tag if u8::from(tag) == OTHER_FORMAT => {}
                tag => {
                    let expected = "a certificate, or another format in [3]";
                    return Err(DecodeError::Unexpected { what: "certificate in the attestation bundle", found: tag.to_string(), expected });
                }
            }
        }
        Ok(Self { der: der.to_vec(), unread: choices.len() - certificates.len(), statements, certificates })
    }

    /// A bundle of these statements and certificates.
    ///
    /// # Errors
    /// [`DecodeError`] if a statement's kind is no object identifier, its octets are not one DER element, or there are none or too many.
    pub fn new(statements: &[AttestationStatement], certificates: &[Certificate]) -> Result<Self, DecodeError> {
        let mut encoded = Vec::new();
        for statement in statements {
            let wrong = DecodeError::InvalidField { field: "type of an attestation statement", expected: "a dotted object identifier" };
            let kind = Oid::from_dotted(statement.kind.as_str()).ok_or(wrong)?;
            AnyRef::from_der(&statement.der).map_err(syntax)?;
            encoded.extend(element(0x30, &[element(0x06, kind.as_bytes()), statement.der.clone()].concat()));
        }
        let mut content = element(0x30, &encoded);
        if !certificates.is_empty() {
            content.extend(element(0x30, &certificates.iter().map(Certificate::der).collect::<Vec<_>>().concat()));
        }
        Self::from_der(&element(0x30, &content))
    }

    /// The exact octets.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The bundle as records keep it.
    ///
    /// # Errors
    /// None in fact: its kind is a constant.
    pub fn to_evidence(&self) -> Result<Evidence, DecodeError> {
        Ok(Evidence { kind: EvidenceType::new(Self::KIND)?, data: self.der.clone() })
    }

    /// The statements, in their order; at least one.
    pub fn statements(&self) -> &[AttestationStatement] {
        &self.statements
    }

    /// The certificates that can be read.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// How many certificates were passed over.
    pub fn unread_certificates(&self) -> usize {
        self.unread
    }

    /// What becomes of each statement.
    pub(super) fn appraise(&self, expected: &Expected<'_>, authorities: &Authorities, now: UnixTime) -> Vec<Appraised> {
        let outcome = |s: &AttestationStatement| appraise_statement(s.kind.as_str(), &s.der, &self.certificates, expected, authorities, now);
        self.statements.iter().map(|statement| Appraised { kind: statement.kind.clone(), outcome: outcome(statement) }).collect()
    }
}

/// AttestationBundle, its parts still closed.
#[derive(Sequence)]
struct Wire<'a> {
    statements: Vec<AnyRef<'a>>,
    certificates: Option<Vec<AnyRef<'a>>>,
}

fn statement(wire: AnyRef<'_>) -> Result<AttestationStatement, DecodeError> {
    let parts = wire.sequence(|reader| {
        let kind = Oid::decode(reader)?;
        let statement = AnyRef::decode(reader)?.to_der()?;
        // Told apart from other faults: such bundles are still met.
        let hint = if reader.is_finished() { None } else { Some(AnyRef::decode(reader)?.tag()) };
        Ok((kind, statement, hint))
    });
    let (kind, der, hint) = parts.map_err(syntax)?;
    match hint {
        None => Ok(AttestationStatement { kind: EvidenceType::new(kind.to_string())?, der }),
        Some(tag) => {
            let found = format!("{kind} with a hint after it ({tag}), as in the draft's earlier EvidenceBundle");
            Err(DecodeError::Unexpected { what: "attestation statement", found, expected: "a type and a statement, and nothing else" })
        }
    }
}

/// Of a list that has one at least, and no more than is read.
fn check_count(count: usize, most: usize, field: &'static str, what: &'static str) -> Result<(), DecodeError> {
    match count {
        0 => Err(DecodeError::InvalidField { field, expected: "a list of one at least" }),
        many if many > most => Err(DecodeError::TooLarge { what, limit: most }),
        _ => Ok(()),
    }
}

fn syntax(err: der::Error) -> DecodeError {
    DecodeError::syntax(AttestationBundle::NAME, "DER", err)
}

/// OtherCertificateFormat in `[3]` IMPLICIT (RFC 5652, section 10.2.2).
const OTHER_FORMAT: u8 = 0xa3;

#[cfg(test)]
mod tests;
