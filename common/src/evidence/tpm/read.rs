//! TPM 2.0 structures as they stand on the wire (TPM 2.0 Library, part 2): big-endian numbers, and octets behind their number (TPM2B).

use crate::error::DecodeError;
use crate::sign::Hash;

/// The octets of one structure that are still to be read.
pub(super) struct Reader<'a> {
    structure: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads this structure.
    pub(super) fn new(structure: &'static str, octets: &'a [u8]) -> Self {
        Self { structure, rest: octets }
    }

    /// As many octets, which are this field or part of it.
    pub(super) fn octets(&mut self, field: &str, number: usize) -> Result<&'a [u8], DecodeError> {
        let (octets, rest) = self.rest.split_at_checked(number).ok_or_else(|| self.fault(format!("it is cut short within {field}")))?;
        self.rest = rest;
        Ok(octets)
    }

    fn number<const N: usize>(&mut self, field: &str) -> Result<[u8; N], DecodeError> {
        let mut number = [0; N];
        number.copy_from_slice(self.octets(field, N)?);
        Ok(number)
    }

    /// UINT8.
    pub(super) fn u8(&mut self, field: &str) -> Result<u8, DecodeError> {
        self.number(field).map(u8::from_be_bytes)
    }

    /// UINT16.
    pub(super) fn u16(&mut self, field: &str) -> Result<u16, DecodeError> {
        self.number(field).map(u16::from_be_bytes)
    }

    /// UINT32.
    pub(super) fn u32(&mut self, field: &str) -> Result<u32, DecodeError> {
        self.number(field).map(u32::from_be_bytes)
    }

    /// UINT64.
    pub(super) fn u64(&mut self, field: &str) -> Result<u64, DecodeError> {
        self.number(field).map(u64::from_be_bytes)
    }

    /// A TPM2B: its number of octets, of which there may be so many, and they themselves.
    pub(super) fn sized(&mut self, field: &str, most: usize) -> Result<&'a [u8], DecodeError> {
        let number = usize::from(self.u16(field)?);
        match number <= most {
            true => self.octets(field, number),
            false => Err(self.fault(format!("{field} is of {number} octets, expected at most {most}"))),
        }
    }

    /// That nothing follows.
    pub(super) fn finish(self) -> Result<(), DecodeError> {
        match self.rest {
            [] => Ok(()),
            more => Err(self.fault(format!("{} octets follow its end", more.len()))),
        }
    }

    /// What is wrong with the structure.
    pub(super) fn fault(&self, detail: impl core::fmt::Display) -> DecodeError {
        DecodeError::syntax(self.structure, "TPM 2.0", detail)
    }
}

/// The hash that a TPM_ALG_ID names; none if it is one that nothing is verified with here, SHA-1 above all.
pub(super) fn hash(algorithm: u16) -> Option<Hash> {
    match algorithm {
        0x000b => Some(Hash::Sha256),
        0x000c => Some(Hash::Sha384),
        0x000d => Some(Hash::Sha512),
        _ => None,
    }
}

/// TPM_ALG_NULL.
pub(super) const NULL: u16 = 0x0010;

/// Most octets of a digest.
pub(super) const DIGEST: usize = 64;

/// Most octets of a Name: a TPM_ALG_ID and a digest.
pub(super) const NAME: usize = 2 + DIGEST;

/// Most octets of an RSA modulus or signature.
pub(super) const RSA: usize = 1024;
