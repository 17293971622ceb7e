//! A receipt's octets: a COSE_Sign1 in tag 18 with deterministic encoding (RFC 9942, section 5).

use ciborium::Value;

use super::{Consistency, Inclusion, NAME, Proof, Receipt};
use crate::codec::{from_cbor, to_deterministic_cbor};
use crate::error::DecodeError;
use crate::log::merkle::Hash;
use crate::sign::{Signature, SignatureAlgorithm};

/// The protected header's octets.
pub(super) fn protected(algorithm: SignatureAlgorithm, key_id: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let entry = |label: i64, value: Value| (Value::from(label), value);
    let header = [entry(ALG, algorithm.cose_number().into()), entry(KID, key_id.into()), entry(VDS, RFC9162_SHA256.into())];
    to_deterministic_cbor(NAME, &Value::Map(header.to_vec()))
}

/// The octets that the signature covers: those of the root, wherever it is kept (RFC 9052, section 4.4).
pub(super) fn to_be_signed(protected: &[u8], root: &Hash) -> Result<Vec<u8>, DecodeError> {
    let structure = [Value::from("Signature1"), protected.into(), Value::Bytes(Vec::new()), root.as_bytes().as_slice().into()];
    to_deterministic_cbor(NAME, &Value::Array(structure.to_vec()))
}

/// The whole receipt.
pub(super) fn write(protected: &[u8], proof: &Proof, attached: Option<&Hash>, signature: &Signature) -> Result<Vec<u8>, DecodeError> {
    let (kind, numbers, path) = match proof {
        Proof::Inclusion(Inclusion { tree_size, leaf_index, path }) => (INCLUSION, [*tree_size, *leaf_index], path),
        Proof::Consistency(Consistency { old_size, new_size, path }) => (CONSISTENCY, [*old_size, *new_size], path),
    };
    let path = path.iter().map(|hash| hash.as_bytes().as_slice().into()).collect();
    let proof = to_deterministic_cbor(NAME, &Value::Array(vec![numbers[0].into(), numbers[1].into(), Value::Array(path)]))?;
    let proofs = Value::Map(vec![(kind.into(), Value::Array(vec![Value::Bytes(proof)]))]);
    let unprotected = Value::Map(vec![(VDP.into(), proofs)]);
    let payload = attached.map_or(Value::Null, |root| root.as_bytes().as_slice().into());
    let items = vec![protected.into(), unprotected, payload, signature.fixed().into()];
    to_deterministic_cbor(NAME, &Value::Tag(COSE_SIGN1, Box::new(Value::Array(items))))
}

/// Takes a receipt apart.
pub(super) fn read(octets: &[u8]) -> Result<Receipt, DecodeError> {
    if octets.len() > LARGEST {
        return Err(DecodeError::TooLarge { what: "size of the receipt in octets", limit: LARGEST });
    }
    let message = || DecodeError::InvalidField { field: "receipt", expected: "a COSE_Sign1 in tag 18" };
    let items = match from_cbor(NAME, octets)? {
        Value::Tag(COSE_SIGN1, inner) => inner.into_array().map_err(|_| message())?,
        _ => return Err(message()),
    };
    let [protected, unprotected, payload, signature] = <[Value; 4]>::try_from(items).map_err(|_| message())?;
    let protected = bytes(protected, "protected header")?;
    let header = map(from_cbor(NAME, &protected)?, "protected header")?;
    let unprotected = map(unprotected, "unprotected header")?;
    check_headers(&header, &unprotected)?;

    let algorithm = get(&header, ALG).and_then(Value::as_integer).and_then(|number| i64::try_from(number).ok()).and_then(SignatureAlgorithm::from_cose);
    let algorithm = algorithm.ok_or(DecodeError::InvalidField { field: "alg", expected: "ES256, ES384 or EdDSA" })?;
    match get(&header, VDS).and_then(Value::as_integer) {
        Some(number) if i128::from(number) == i128::from(RFC9162_SHA256) => {}
        Some(_) | None => return Err(DecodeError::InvalidField { field: "vds", expected: "1 (RFC9162_SHA256)" }),
    }
    let key_id = get(&header, KID).or_else(|| get(&unprotected, KID)).cloned().map(|kid| bytes(kid, "kid")).transpose()?;
    let proof = proof(get(&unprotected, VDP).ok_or(DecodeError::MissingField { field: "vdp", artefact: "receipt's unprotected header" })?)?;
    let root = match payload {
        Value::Null => None,
        other => Some(Hash::try_from(bytes(other, "payload")?.as_slice())?),
    };
    let signature = Signature::from_fixed(algorithm, bytes(signature, "signature")?)?;
    Ok(Receipt { wire: octets.to_vec(), protected, algorithm, key_id, proof, root, signature })
}

/// What must be protected is, what cannot be is not, nothing is critical, and no label is in both headers (RFC 9052, section 3).
fn check_headers(protected: &Map, unprotected: &Map) -> Result<(), DecodeError> {
    if [ALG, CRIT, VDS].iter().any(|label| get(unprotected, *label).is_some()) {
        return Err(DecodeError::InvalidField { field: "unprotected header", expected: "without alg, crit and vds, which belong in the protected one" });
    }
    if get(protected, CRIT).is_some() {
        return Err(DecodeError::InvalidField { field: "protected header", expected: "without critical parameters, of which receipts know none" });
    }
    match protected.iter().any(|(label, _)| unprotected.iter().any(|(other, _)| other == label)) {
        true => Err(DecodeError::InvalidField { field: "unprotected header", expected: "without what is in the protected one" }),
        false => Ok(()),
    }
}

/// The one proof in the parameter vdp.
fn proof(value: &Value) -> Result<Proof, DecodeError> {
    let wrong = || DecodeError::InvalidField { field: "vdp", expected: "one proof, of inclusion (-1) or of consistency (-2)" };
    let (kind, proofs) = match value.as_map().map(Vec::as_slice) {
        Some([(Value::Integer(kind), Value::Array(proofs))]) => (i128::from(*kind), proofs),
        Some(_) | None => return Err(wrong()),
    };
    let [Value::Bytes(proof)] = proofs.as_slice() else { return Err(wrong()) };
    let form = || DecodeError::InvalidField { field: "proof", expected: "an array of two numbers and a path of 1 to 64 hashes" };
    let items = from_cbor("proof", proof)?.into_array().map_err(|_| form())?;
    let [first, second, path] = <[Value; 3]>::try_from(items).map_err(|_| form())?;
    let number = |value: Value| value.as_integer().and_then(|number| u64::try_from(number).ok()).ok_or_else(form);
    let path = path.into_array().map_err(|_| form())?;
    let path = path.into_iter().map(|hash| Hash::try_from(bytes(hash, "path")?.as_slice())).collect::<Result<_, _>>()?;
    let (first, second) = (number(first)?, number(second)?);
    let proof = match kind {
        kind if kind == i128::from(INCLUSION) => Proof::Inclusion(Inclusion { tree_size: first, leaf_index: second, path }),
        kind if kind == i128::from(CONSISTENCY) => Proof::Consistency(Consistency { old_size: first, new_size: second, path }),
        _ => return Err(wrong()),
    };
    check_path(&proof).map(|()| proof)
}

/// The grammar demands an element; no tree is so high as to have more than 64.
pub(super) fn check_path(proof: &Proof) -> Result<(), DecodeError> {
    let path = match proof {
        Proof::Inclusion(Inclusion { path, .. }) | Proof::Consistency(Consistency { path, .. }) => path,
    };
    match path.len() {
        1..=LONGEST_PATH => Ok(()),
        _ => Err(DecodeError::InvalidField { field: "path", expected: "1 to 64 hashes" }),
    }
}

type Map = [(Value, Value)];

fn get(map: &Map, label: i64) -> Option<&Value> {
    map.iter().find(|(key, _)| *key == Value::from(label)).map(|(_, value)| value)
}

fn map(value: Value, field: &'static str) -> Result<Vec<(Value, Value)>, DecodeError> {
    value.into_map().map_err(|_| DecodeError::InvalidField { field, expected: "a CBOR map" })
}

fn bytes(value: Value, field: &'static str) -> Result<Vec<u8>, DecodeError> {
    value.into_bytes().map_err(|_| DecodeError::InvalidField { field, expected: "a byte string" })
}

const LARGEST: usize = 8 * 1024;
const LONGEST_PATH: usize = 64;

const COSE_SIGN1: u64 = 18;
const ALG: i64 = 1;
const CRIT: i64 = 2;
const KID: i64 = 4;
pub(crate) const VDS: i64 = 395;
const VDP: i64 = 396;
/// The algorithm of the tree (RFC 9942, section 5.1).
const RFC9162_SHA256: i64 = 1;
const INCLUSION: i64 = -1;
const CONSISTENCY: i64 = -2;
