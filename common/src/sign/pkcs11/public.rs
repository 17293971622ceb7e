//! The public half of a private key, as the token has it: a public key object or a certificate of the same CKA_ID.

use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

use super::{KeyKind, PublicKey, TokenError};
use crate::certificate::Certificate;

/// The public half of `key`. `None` if the token holds none.
pub(super) fn find(session: &Session, key: ObjectHandle) -> Result<Option<PublicKey>, TokenError> {
    let Some(Attribute::Id(id)) =
        attributes(session, key, &[AttributeType::Id])?.into_iter().next().filter(|id| !matches!(id, Attribute::Id(id) if id.is_empty()))
    else {
        return Ok(None);
    };
    let beside = |class| {
        let template = [Attribute::Class(class), Attribute::Id(id.clone())];
        session.find_objects(&template).map_err(TokenError::call("find the public key"))
    };
    if let Some(public) = beside(ObjectClass::PUBLIC_KEY)?.first() {
        return of_object(&attributes(session, *public, &[AttributeType::EcParams, AttributeType::EcPoint])?).map(Some);
    }
    match beside(ObjectClass::CERTIFICATE)?.first() {
        Some(certificate) => of_certificate(&attributes(session, *certificate, &[AttributeType::Value])?).map(Some),
        None => Ok(None),
    }
}

fn attributes(session: &Session, object: ObjectHandle, which: &[AttributeType]) -> Result<Vec<Attribute>, TokenError> {
    session.get_attributes(object, which).map_err(TokenError::call("tell of its keys"))
}

fn of_object(attributes: &[Attribute]) -> Result<PublicKey, TokenError> {
    let (mut params, mut point) = (&[][..], &[][..]);
    for attribute in attributes {
        match attribute {
            Attribute::EcParams(octets) => params = octets,
            Attribute::EcPoint(octets) => point = octets,
            _ => (),
        }
    }
    let (kind, len) = CURVES.iter().find(|(curve, ..)| *curve == params).map(|(_, kind, len)| (*kind, *len)).ok_or(TokenError::KeyKind)?;
    PublicKey::from_raw(kind, unwrapped(point, len)).map_err(TokenError::PublicKey)
}

/// A point is wrapped into an OCTET STRING (PKCS #11, CKA_EC_POINT); some tokens leave that away.
fn unwrapped(point: &[u8], len: u8) -> &[u8] {
    match point.strip_prefix(&[0x04, len]) {
        Some(raw) if raw.len() == usize::from(len) => raw,
        _ => point,
    }
}

fn of_certificate(attributes: &[Attribute]) -> Result<PublicKey, TokenError> {
    match attributes {
        [Attribute::Value(der)] => Certificate::from_der(der).map(|certificate| certificate.public_key()).map_err(TokenError::PublicKey),
        _ => Err(TokenError::NoPublicKey),
    }
}

/// CKA_EC_PARAMS of a key of this kind, as a token is told.
pub(super) fn curve(kind: KeyKind) -> Option<&'static [u8]> {
    CURVES.iter().find(|(_, known, _)| *known == kind).map(|(curve, ..)| *curve)
}

/// CKA_EC_PARAMS, and the octets of a public key. Ed25519 goes by its name, its OID (RFC 8410), and the OID that came before that.
const CURVES: [(&[u8], KeyKind, u8); 5] = [
    (&[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7], KeyKind::P256, 65),
    (&[6, 5, 0x2b, 0x81, 4, 0, 34], KeyKind::P384, 97),
    (&[6, 3, 0x2b, 0x65, 0x70], KeyKind::Ed25519, 32),
    (b"\x13\x0cedwards25519", KeyKind::Ed25519, 32),
    (&[6, 9, 0x2b, 6, 1, 4, 1, 0xda, 0x47, 15, 1], KeyKind::Ed25519, 32),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn point_is_read_with_and_without_its_octet_string() {
        let raw = [&[4][..], &[7; 64]].concat();
        for point in [raw.clone(), [&[0x04, 65][..], &raw].concat()] {
            let attributes = [Attribute::EcParams(CURVES[0].0.to_vec()), Attribute::EcPoint(point)];
            assert_eq!(of_object(&attributes).unwrap(), PublicKey::from_raw(KeyKind::P256, &raw).unwrap());
        }
    }

    #[test]
    fn key_on_another_curve_is_refused() {
        // secp256k1.
        let attributes = [Attribute::EcParams(vec![6, 5, 0x2b, 0x81, 4, 0, 10]), Attribute::EcPoint(vec![4; 65])];
        assert!(matches!(of_object(&attributes), Err(TokenError::KeyKind)));
    }
}
