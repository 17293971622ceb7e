//! Parts of a certificate, found by where they stand.

use crate::error::DecodeError;

/// Where a part of the certificate's octets stands. A copy of each would cost more than it takes: certificates are read by the million.
#[derive(Clone, Copy)]
pub(super) struct Part {
    from: usize,
    to: usize,
}

impl Part {
    /// Of octets that were read out of these, and are not copies.
    pub(super) fn of(der: &[u8], octets: &[u8]) -> Result<Self, DecodeError> {
        let from = octets.as_ptr().addr().wrapping_sub(der.as_ptr().addr());
        let part = Self { from, to: from.saturating_add(octets.len()) };
        match part.octets(der) == octets {
            true => Ok(part),
            false => Err(DecodeError::syntax("certificate", "DER", "a part of it stands elsewhere")),
        }
    }

    pub(super) fn octets(self, der: &[u8]) -> &[u8] {
        der.get(self.from..self.to).unwrap_or_default()
    }
}
