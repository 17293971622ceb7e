//! COSE_Sign1 (RFC 9052, section 4.2), tagged or not.

use ciborium::Value as Cbor;
use coset::Label;

use super::Envelope;
use crate::certificate::Certificate;
use crate::envelope::{Format, label};
use crate::inspect::Finding;
use crate::inspect::certificate::shown;
use crate::sign::SignatureAlgorithm;

/// A message taken apart.
pub(in crate::inspect) struct Cose {
    tagged: bool,
    protected: Vec<(Cbor, Cbor)>,
    unprotected: Vec<(Cbor, Cbor)>,
    pub(in crate::inspect) payload: Option<Vec<u8>>,
}

impl Cose {
    /// The message that this item is, if it is one.
    pub(in crate::inspect) fn of(value: &Cbor) -> Option<Self> {
        let inner = match value {
            Cbor::Tag(61, inner) => inner,
            other => other,
        };
        let (tagged, parts) = match inner {
            Cbor::Tag(18, message) => (true, message.as_array()?),
            other => (false, other.as_array()?),
        };
        let [Cbor::Bytes(protected), Cbor::Map(unprotected), payload, Cbor::Bytes(_)] = parts.as_slice() else { return None };
        let payload = match payload {
            Cbor::Bytes(octets) => Some(octets.clone()),
            Cbor::Null => None,
            _ => return None,
        };
        let header = match protected.as_slice() {
            [] => Vec::new(),
            octets => crate::inspect::layers::cbor(octets)?.into_map().ok()?,
        };
        Some(Self { tagged, protected: header, unprotected: unprotected.clone(), payload })
    }

    /// A parameter of the protected header.
    pub(in crate::inspect) fn protected(&self, label: &Label) -> Option<&Cbor> {
        find(&self.protected, label)
    }

    /// A parameter of the unprotected header.
    pub(in crate::inspect) fn unprotected(&self, label: &Label) -> Option<&Cbor> {
        find(&self.unprotected, label)
    }

    /// The algorithm's name.
    fn algorithm(&self) -> Option<String> {
        let number = self.protected(&label::ALG)?.as_integer().and_then(|number| i64::try_from(number).ok())?;
        Some(SignatureAlgorithm::from_cose(number).map_or_else(|| format!("COSE algorithm {number}"), |known| known.jose_name().to_owned()))
    }

    /// The same as any envelope.
    pub(super) fn to_envelope(&self, octets: &[u8]) -> Envelope {
        let wire = match self.tagged {
            true => octets.to_vec(),
            // The tag is not signed.
            false => [&[0xd2], octets].concat(),
        };
        let mut findings = Vec::new();
        if !self.tagged {
            findings.push(Finding::new("RFC 9052, section 2", "the message lacks the tag 18 of COSE_Sign1"));
        }
        let parameters = [label::X5CHAIN, label::X5BAG].into_iter().flat_map(|label| [self.protected(&label), self.unprotected(&label)]).flatten();
        let mut certificates: Vec<Certificate> = Vec::new();
        for der in parameters.flat_map(octet_strings) {
            match Certificate::from_der(&der) {
                Ok(certificate) if certificates.contains(&certificate) => (),
                Ok(certificate) => certificates.push(certificate),
                Err(err) => findings.push(Finding::undecodable("RFC 9360, section 2", &err)),
            }
        }
        Envelope {
            format: Format::Cose,
            wire,
            payload: self.payload.clone().unwrap_or_default(),
            typ: self.protected(&label::TYP).and_then(Cbor::as_text).map(shown),
            algorithm: self.algorithm(),
            certificates,
            // Those of a bag need not be the signer's.
            claimed: None,
            findings,
        }
    }
}

/// One byte string, or those of an array.
pub(in crate::inspect) fn octet_strings(value: &Cbor) -> Vec<Vec<u8>> {
    match value {
        Cbor::Bytes(one) => vec![one.clone()],
        Cbor::Array(several) => several.iter().filter_map(Cbor::as_bytes).take(32).cloned().collect(),
        _ => Vec::new(),
    }
}

fn find<'a>(header: &'a [(Cbor, Cbor)], label: &Label) -> Option<&'a Cbor> {
    let Label::Int(label) = *label else { return None };
    header.iter().find(|(key, _)| key.as_integer().is_some_and(|key| i128::from(key) == i128::from(label))).map(|(_, value)| value)
}
