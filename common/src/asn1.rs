//! What X.509, PKCS #10 and CMS write alike: one DER element, and the identifiers of signature and digest algorithms.

use const_oid::db::{rfc5912 as pkix, rfc8410};
use der::asn1::{Null, ObjectIdentifier};
use spki::AlgorithmIdentifierOwned;

use crate::sign::{Hash, SignatureAlgorithm, SignatureScheme};

/// One DER element: identifier octet, length, content.
pub(crate) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let significant: Vec<u8> = content.len().to_be_bytes().into_iter().skip_while(|b| *b == 0).collect();
    let mut out = Vec::with_capacity(content.len() + significant.len() + 2);
    out.push(tag);
    match significant.as_slice() {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        long => {
            // At most eight octets of length, so that the count fits beside the flag.
            out.push(0x80 | long.len() as u8);
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(content);
    out
}

/// How our signatures are announced (RFC 5758, RFC 8410): never with parameters.
pub(crate) fn signature_identifier(algorithm: SignatureAlgorithm) -> AlgorithmIdentifierOwned {
    let oid = match algorithm {
        SignatureAlgorithm::Es256 => pkix::ECDSA_WITH_SHA_256,
        SignatureAlgorithm::Es384 => pkix::ECDSA_WITH_SHA_384,
        SignatureAlgorithm::EdDsa => rfc8410::ID_ED_25519,
    };
    AlgorithmIdentifierOwned { oid, parameters: None }
}

/// The signature that this identifier announces. `digest` is what the envelope says beside it: identifiers of bare keys leave the hash to it.
pub(crate) fn signature_scheme(oid: ObjectIdentifier, digest: Option<Hash>) -> Option<SignatureScheme> {
    let named = match oid {
        pkix::ECDSA_WITH_SHA_256 => SignatureScheme::EcdsaAsn1(Hash::Sha256),
        pkix::ECDSA_WITH_SHA_384 => SignatureScheme::EcdsaAsn1(Hash::Sha384),
        pkix::ECDSA_WITH_SHA_512 => SignatureScheme::EcdsaAsn1(Hash::Sha512),
        pkix::SHA_256_WITH_RSA_ENCRYPTION => SignatureScheme::RsaPkcs1(Hash::Sha256),
        pkix::SHA_384_WITH_RSA_ENCRYPTION => SignatureScheme::RsaPkcs1(Hash::Sha384),
        pkix::SHA_512_WITH_RSA_ENCRYPTION => SignatureScheme::RsaPkcs1(Hash::Sha512),
        rfc8410::ID_ED_25519 => return Some(SignatureScheme::Ed25519),
        pkix::ID_EC_PUBLIC_KEY => return digest.map(SignatureScheme::EcdsaAsn1),
        pkix::RSA_ENCRYPTION => return digest.map(SignatureScheme::RsaPkcs1),
        _ => return None,
    };
    // Two hashes for one signature leave open which of them protects the content.
    let agrees = match named {
        SignatureScheme::EcdsaAsn1(hash) | SignatureScheme::RsaPkcs1(hash) => digest.is_none_or(|d| d == hash),
        SignatureScheme::Ed25519 | SignatureScheme::Fixed(_) => true,
    };
    agrees.then_some(named)
}

/// How a digest is announced: without parameters (RFC 5754, section 2).
pub(crate) fn digest_identifier(hash: Hash) -> AlgorithmIdentifierOwned {
    let oid = match hash {
        Hash::Sha256 => pkix::ID_SHA_256,
        Hash::Sha384 => pkix::ID_SHA_384,
        Hash::Sha512 => pkix::ID_SHA_512,
    };
    AlgorithmIdentifierOwned { oid, parameters: None }
}

/// The digest that this identifier announces; NULL parameters are met as well (RFC 5754, section 2).
pub(crate) fn digest_of(identifier: &AlgorithmIdentifierOwned) -> Option<Hash> {
    let plain = identifier.parameters.as_ref().is_none_or(|p| p.decode_as::<Null>().is_ok());
    [Hash::Sha256, Hash::Sha384, Hash::Sha512].into_iter().find(|hash| plain && digest_identifier(*hash).oid == identifier.oid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use der::Decode as _;

    #[test]
    fn element_is_der_at_every_length_form() {
        for len in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let content = vec![7; len];
            assert_eq!(der::asn1::OctetStringRef::from_der(&element(0x04, &content)).unwrap().as_bytes(), content);
        }
    }

    #[test]
    fn signature_and_digest_that_name_different_hashes_are_no_scheme() {
        assert_eq!(signature_scheme(pkix::ECDSA_WITH_SHA_384, Some(Hash::Sha256)), None);
        assert_eq!(signature_scheme(pkix::ECDSA_WITH_SHA_384, Some(Hash::Sha384)), Some(SignatureScheme::EcdsaAsn1(Hash::Sha384)));
    }

    #[test]
    fn sha1_signatures_are_no_scheme() {
        assert_eq!(signature_scheme(pkix::SHA_1_WITH_RSA_ENCRYPTION, None), None);
    }
}
