//! Claim cnf (RFC 8747): the IDevID's key as COSE_Key, or its digest as kid where COSE_Key cannot express it.

use ciborium::Value;

use super::claims::{Map, octets};
use crate::error::DecodeError;
use crate::identity::SpkiDigest;
use crate::sign::{KeyKind, PublicKey};

/// Whether a COSE_Key gives back this very SubjectPublicKeyInfo.
pub(super) fn is_expressible(key: &PublicKey) -> bool {
    cose_key(key).is_some()
}

pub(super) fn encode(spki: SpkiDigest, key: Option<&PublicKey>) -> Value {
    let entry = match key.and_then(cose_key) {
        Some(cose_key) => (COSE_KEY.into(), cose_key),
        None => (KID.into(), Value::Bytes(spki.0.to_vec())),
    };
    Value::Map(vec![entry])
}

/// Reads the key and checks that it is the one with this digest.
pub(super) fn decode(cnf: Value, spki: SpkiDigest) -> Result<Option<PublicKey>, DecodeError> {
    let mut cnf = Map::new("cnf", cnf)?;
    let (key, kid) = (cnf.take(COSE_KEY), cnf.take(KID));
    let other_key = DecodeError::InvalidField { field: "cnf", expected: "the key whose SubjectPublicKeyInfo has the digest spki-sha256" };
    match (key, kid) {
        (Some(key), None) => match public_key(key)? {
            key if key.digest() == spki => Ok(Some(key)),
            _ => Err(other_key),
        },
        (None, Some(kid)) => match octets("kid", kid)? {
            kid if kid == spki.0 => Ok(None),
            _ => Err(other_key),
        },
        (Some(_), Some(_)) | (None, None) => Err(DecodeError::InvalidField { field: "cnf", expected: "either a COSE_Key or a kid" }),
    }
}

fn cose_key(key: &PublicKey) -> Option<Value> {
    let raw = key.raw();
    let curve = Curve::ALL.iter().find(|curve| curve.kind == key.kind())?;
    let parameters = match (curve.key_type, raw.split_first()) {
        (OKP, _) => vec![(X, Value::Bytes(raw.to_vec()))],
        (_, Some((&UNCOMPRESSED, point))) if point.len() == 2 * curve.coordinate => {
            let (x, y) = point.split_at(curve.coordinate);
            vec![(X, Value::Bytes(x.to_vec())), (Y, Value::Bytes(y.to_vec()))]
        }
        (_, Some(_) | None) => return None,
    };
    // A SubjectPublicKeyInfo with unusual parameters would not come back from these.
    let same = PublicKey::from_raw(key.kind(), raw).is_ok_and(|rebuilt| rebuilt == *key);
    let head = vec![(KEY_TYPE, curve.key_type.into()), (CURVE, curve.number.into())];
    let entries = head.into_iter().chain(parameters).map(|(label, value)| (label.into(), value));
    same.then(|| Value::Map(entries.collect()))
}

/// The key that a COSE_Key is.
pub(crate) fn public_key(value: Value) -> Result<PublicKey, DecodeError> {
    let mut map = Map::new("COSE_Key", value)?;
    let (key_type, number) = (map.demand(KEY_TYPE, "kty")?, map.demand(CURVE, "crv")?);
    let curve = Curve::ALL.iter().find(|curve| key_type == curve.key_type.into() && number == curve.number.into());
    let curve = curve.ok_or(DecodeError::InvalidField { field: "COSE_Key", expected: "an EC2 key on P-256, P-384 or P-521, or an OKP key of Ed25519" })?;
    let mut coordinate = |label, name| match octets(name, map.demand(label, name)?)? {
        octets if octets.len() == curve.coordinate => Ok(octets),
        _ => Err(DecodeError::InvalidField { field: name, expected: "an octet string of the curve's length" }),
    };
    let raw = match curve.key_type {
        OKP => coordinate(X, "x")?,
        _ => [vec![UNCOMPRESSED], coordinate(X, "x")?, coordinate(Y, "y")?].concat(),
    };
    PublicKey::from_raw(curve.kind, &raw)
}

struct Curve {
    kind: KeyKind,
    key_type: i64,
    number: i64,
    coordinate: usize,
}

impl Curve {
    /// Curves of RFC 9053 that IDevIDs have. RSA has no place in COSE_Key without RFC 8230, so it is named by digest.
    const ALL: &[Self] = &[
        Self { kind: KeyKind::P256, key_type: EC2, number: 1, coordinate: 32 },
        Self { kind: KeyKind::P384, key_type: EC2, number: 2, coordinate: 48 },
        Self { kind: KeyKind::P521, key_type: EC2, number: 3, coordinate: 66 },
        Self { kind: KeyKind::Ed25519, key_type: OKP, number: 6, coordinate: 32 },
    ];
}

// Members of cnf (RFC 8747, section 3.1).
const COSE_KEY: i64 = 1;
const KID: i64 = 3;

// Labels and key types of COSE_Key (RFC 9052, section 7.1; RFC 9053, section 7).
const KEY_TYPE: i64 = 1;
const CURVE: i64 = -1;
const X: i64 = -2;
const Y: i64 = -3;
const OKP: i64 = 1;
const EC2: i64 = 2;

// SEC 1, section 2.3.3.
const UNCOMPRESSED: u8 = 4;
