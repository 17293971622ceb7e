//! The two headers of a COSE message (RFC 9052, section 3): what is read from them, and what may not stand there.

use coset::cbor::Value;
use coset::{AsCborValue as _, Label};

use super::message;
use crate::certificate::Certificate;
use crate::envelope::Format;
use crate::error::DecodeError;
use crate::leniency::Reading;
use crate::sign::SignatureAlgorithm;
use crate::signed::{CoseCertificates, Typ};

/// Most certificates that are read from one envelope, or written to one.
pub(super) const MAX_CERTIFICATES: usize = 32;

/// CoAP content-format of `application/voucher+cose`, which may stand for that name (RFC 9596, section 2).
const VOUCHER_COSE: i128 = 836;

/// Header parameters, each label once.
pub(super) struct Header(Vec<(Label, Value)>);

impl Header {
    /// Reads a map's octets.
    pub(super) fn from_map(map: &[u8]) -> Result<Self, DecodeError> {
        let mut parameters: Vec<(Label, Value)> = Vec::new();
        for (label, value) in message::entries(map)? {
            let (label, value) = (message::label_of(label)?, message::value(value)?);
            if parameters.iter().any(|(met, _)| *met == label) {
                return Err(DecodeError::DuplicateField { field: shown(&label), artefact: "COSE header" });
            }
            // Quadratic in their number, which therefore is limited.
            if parameters.len() == MAX_PARAMETERS {
                return Err(DecodeError::TooLarge { what: "number of COSE header parameters", limit: MAX_PARAMETERS });
            }
            parameters.push((label, value));
        }
        Ok(Self(parameters))
    }

    /// Reads what is in the byte string of a protected header; an empty string is an empty map.
    pub(super) fn from_protected(octets: &[u8]) -> Result<Self, DecodeError> {
        match octets {
            [] => Ok(Self(Vec::new())),
            map => Self::from_map(message::whole(map)?),
        }
    }

    pub(super) fn get(&self, label: &Label) -> Option<&Value> {
        self.0.iter().find(|(l, _)| l == label).map(|(_, value)| value)
    }

    pub(super) fn has(&self, label: &Label) -> bool {
        self.get(label).is_some()
    }
}

/// Both headers of one message.
pub(super) struct Headers {
    pub(super) protected: Header,
    pub(super) unprotected: Header,
}

impl Headers {
    /// What must be protected is, nothing critical is unknown or absent, no label is in both headers (RFC 9052, section 3), and the type is the one expected.
    pub(super) fn check(&self, typ: Typ) -> Result<(), DecodeError> {
        if [ALG, CRIT, TYP].iter().any(|label| self.unprotected.has(label)) {
            return Err(DecodeError::InvalidField { field: "unprotected header", expected: "without alg, crit and typ, which belong in the protected one" });
        }
        if let Some((label, _)) = self.protected.0.iter().find(|(label, _)| self.unprotected.has(label)) {
            return Err(DecodeError::DuplicateField { field: shown(label), artefact: "COSE headers" });
        }
        self.check_critical()?;
        let wrong = |found: String| Err(DecodeError::Unexpected { what: "typ", found, expected: typ.name() });
        match self.protected.get(&TYP) {
            Some(Value::Text(found)) if found == typ.name() => Ok(()),
            Some(Value::Integer(number)) if i128::from(*number) == VOUCHER_COSE && typ.name() == Format::Cose.voucher_media_type() => Ok(()),
            Some(Value::Text(found)) => wrong(found.chars().take(64).collect()),
            Some(Value::Integer(number)) => wrong(i128::from(*number).to_string()),
            Some(_) => wrong("neither text nor number".to_owned()),
            None => match typ {
                Typ::Optional(_) => Ok(()),
                Typ::Required(_) => Err(DecodeError::MissingField { field: "typ", artefact: "protected header" }),
            },
        }
    }

    fn check_critical(&self) -> Result<(), DecodeError> {
        let Some(critical) = self.protected.get(&CRIT) else { return Ok(()) };
        let labels = critical.as_array().filter(|labels| !labels.is_empty());
        for label in labels.ok_or(DecodeError::InvalidField { field: "crit", expected: "an array of one label at least" })? {
            let named = Label::from_cbor_value(label.clone()).ok();
            match named.filter(|label| UNDERSTOOD.contains(label)) {
                Some(label) if self.protected.has(&label) => {}
                Some(label) => {
                    let found = format!("{}, which is not in the protected header", shown(&label));
                    return Err(DecodeError::Unexpected { what: "critical header parameter", found, expected: "a protected one" });
                }
                None => {
                    let found = format!("{label:?}").chars().take(64).collect();
                    return Err(DecodeError::Unexpected { what: "critical header parameter", found, expected: "alg, kid, x5bag, x5chain or typ" });
                }
            }
        }
        Ok(())
    }

    /// With which algorithm the message is signed, or what stands in its place.
    pub(super) fn algorithm(&self) -> Result<SignatureAlgorithm, String> {
        match self.protected.get(&ALG) {
            Some(Value::Integer(number)) => {
                let known = i64::try_from(*number).ok().and_then(SignatureAlgorithm::from_cose);
                known.ok_or_else(|| format!("COSE algorithm {}", i128::from(*number)))
            }
            Some(_) => Err("a COSE algorithm with a name of its own".to_owned()),
            None => Err("no COSE algorithm in its protected header".to_owned()),
        }
    }

    /// `kid`, if it is text.
    pub(super) fn key_name(&self) -> Option<String> {
        let kid = self.parameter(&KID)?.as_bytes()?;
        String::from_utf8(kid.clone()).ok().filter(|name| !name.is_empty())
    }

    /// The certificates of x5chain, and those of x5bag that are not among them (RFC 9360, section 2).
    ///
    /// Where they are hints, those that cannot be read are passed over: a registrar has no use for those of a pledge's request (constrained BRSKI, section 9.2.2), and a key of
    /// a kind that is not known here does no harm among others. A chain ends at the first of them.
    pub(super) fn certificates(&self, written: CoseCertificates, reading: &Reading) -> Result<(Vec<Certificate>, Vec<Certificate>), DecodeError> {
        let items = |label, field| self.parameter(&label).map(|value| octets(value, field)).transpose().map(Option::unwrap_or_default);
        let (chain, bag) = (items(X5CHAIN, "x5chain")?, items(X5BAG, "x5bag")?);
        let read = |der: &&[u8]| reading.certificate(der);
        let (chain, mut bag): (Vec<Certificate>, Vec<Certificate>) = match written {
            CoseCertificates::Bag => (chain.iter().map_while(|der| read(der).ok()).collect(), bag.iter().filter_map(|der| read(der).ok()).collect()),
            CoseCertificates::Chain if bag.is_empty() => (chain.iter().map(read).collect::<Result<_, _>>()?, Vec::new()),
            CoseCertificates::Chain => {
                return Err(DecodeError::InvalidField { field: "x5bag", expected: "absent: the signer's certificate travels in x5chain" });
            }
        };
        bag.retain(|certificate| !chain.contains(certificate));
        match chain.len() + bag.len() <= MAX_CERTIFICATES {
            true => Ok((chain, bag)),
            false => Err(DecodeError::TooLarge { what: "number of certificates", limit: MAX_CERTIFICATES }),
        }
    }

    /// From whichever header has it.
    fn parameter(&self, label: &Label) -> Option<&Value> {
        self.protected.get(label).or_else(|| self.unprotected.get(label))
    }
}

/// One certificate's octets, or those of several.
fn octets<'a>(value: &'a Value, field: &'static str) -> Result<Vec<&'a [u8]>, DecodeError> {
    let wrong = || DecodeError::InvalidField { field, expected: "one certificate as byte string, or an array of 1 to 32 of them" };
    let ders = match value {
        one @ Value::Bytes(_) => core::slice::from_ref(one),
        Value::Array(several) if (1..=MAX_CERTIFICATES).contains(&several.len()) => several,
        _ => return Err(wrong()),
    };
    ders.iter().map(|der| der.as_bytes().map(Vec::as_slice).ok_or_else(wrong)).collect()
}

fn shown(label: &Label) -> String {
    match label {
        Label::Int(number) => format!("label {number}"),
        Label::Text(text) => format!("label '{}'", text.chars().take(64).collect::<String>()),
    }
}

const MAX_PARAMETERS: usize = 64;

const UNDERSTOOD: [Label; 5] = [ALG, KID, X5BAG, X5CHAIN, TYP];

pub(crate) const ALG: Label = Label::Int(1);
const CRIT: Label = Label::Int(2);
const KID: Label = Label::Int(4);
/// RFC 9596.
pub(crate) const TYP: Label = Label::Int(16);
/// RFC 9360.
pub(crate) const X5BAG: Label = Label::Int(32);
/// RFC 9360.
pub(crate) const X5CHAIN: Label = Label::Int(33);
