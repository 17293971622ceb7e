//! A P-256 key derived from a seed that two parties share: the taxonomy's carrot, whose seed a silicon vendor also knew.

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use zeroize::Zeroizing;

use super::SoftwareKey;
use crate::error::DecodeError;

impl SoftwareKey {
    /// Derives the P-256 key that everybody who holds `seed` (256 bits) and `context` can derive.
    ///
    /// HKDF-SHA-256 (RFC 5869) with the context and a counter as `info` yields candidates, of which the first below the group order is taken
    /// (FIPS 186-5, A.2.2, rejection sampling). All intermediate values are wiped; wiping the seed is up to its holder.
    ///
    /// # Errors
    /// [`DecodeError`] if no candidate fits, which happens once in 2^256 seeds.
    pub fn derive_p256(seed: &Zeroizing<[u8; 32]>, context: &[u8]) -> Result<Self, DecodeError> {
        let unusable = || DecodeError::InvalidField { field: "seed", expected: "another 256-bit seed: this one derives no key" };
        let pseudorandom_key = Salt::new(HKDF_SHA256, b"brski carrot p-256").extract(&seed[..]);
        for counter in 0..8_u8 {
            let mut candidate = Zeroizing::new([0; 32]);
            let info = [context, &[counter]];
            let output = pseudorandom_key.expand(&info, HKDF_SHA256).map_err(|_| unusable())?;
            output.fill(&mut candidate[..]).map_err(|_| unusable())?;
            if *candidate > ORDER_MINUS_TWO {
                continue;
            }
            increment(&mut candidate);
            let private = PrivateKey::from_private_key(&ECDH_P256, &candidate[..]).map_err(|_| unusable())?;
            let public = private.compute_public_key().map_err(|_| unusable())?;
            return Self::from_p256_scalar(&candidate, public.as_ref());
        }
        Err(unusable())
    }
}

/// Adds one to a big-endian number that is known to be smaller than its maximum.
fn increment(number: &mut [u8; 32]) {
    for octet in number.iter_mut().rev() {
        let (sum, carry) = octet.overflowing_add(1);
        *octet = sum;
        if !carry {
            break;
        }
    }
}

/// The order of the P-256 group (SP 800-186, section 3.2.1.3) less two.
const ORDER_MINUS_TWO: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9,
    0xca, 0xc2, 0xfc, 0x63, 0x25, 0x4f,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::Signer as _;

    #[test]
    fn both_holders_of_a_seed_derive_the_same_key() {
        let seed = Zeroizing::new([7; 32]);
        let device = SoftwareKey::derive_p256(&seed, b"JADA123").unwrap();
        let factory = SoftwareKey::derive_p256(&seed, b"JADA123").unwrap();
        assert_eq!(device.public_key(), factory.public_key());
    }

    /// Computed by another implementation: HKDF from Python's hmac module, the point by schoolbook arithmetic.
    #[test]
    fn derived_key_is_the_one_that_another_implementation_derives() {
        let key = SoftwareKey::derive_p256(&Zeroizing::new([7; 32]), b"JADA123").unwrap();
        let hex: String = key.public_key().raw().iter().map(|octet| format!("{octet:02x}")).collect();
        assert_eq!(
            hex,
            concat!("040f2179d08e92302aa47800d5712f569435cb73d8f0e6b9cbb88e0227f3430950", "66ec79fad5b8231119693327d21235236ebc8d88b0dd49a081ceb42dd7fa7496")
        );
    }

    #[test]
    fn another_seed_or_serial_number_derives_another_key() {
        let key = |seed, context: &[u8]| SoftwareKey::derive_p256(&Zeroizing::new([seed; 32]), context).unwrap().public_key().clone();
        assert_ne!(key(7, b"JADA123"), key(8, b"JADA123"));
        assert_ne!(key(7, b"JADA123"), key(7, b"JADA124"));
    }

    #[test]
    fn incrementing_carries_over() {
        let mut number = [0; 32];
        number[30..].copy_from_slice(&[1, 0xff]);
        increment(&mut number);
        assert_eq!(number[30..], [2, 0]);
    }
}
