//! The pledge's nonce, which is octets to YANG and "a string, as provided" to RFC 8995.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::error::DecodeError;

/// A nonce as its maker wrote it.
///
/// The text is kept for echo and audit. Two nonces are equal if they stand for the same octets, in whichever base64 alphabet, padded or not;
/// a text that is no base64 at all (some pledges send plain words) equals only the same text.
#[derive(Clone)]
pub struct Nonce {
    text: String,
}

impl Nonce {
    /// A nonce of our own, written in standard base64.
    ///
    /// # Errors
    /// [`DecodeError::InvalidField`] unless 8 to 32 octets (RFC 8366bis, `nonce`).
    pub fn from_bytes(octets: &[u8]) -> Result<Self, DecodeError> {
        match (8..=32).contains(&octets.len()) {
            true => Ok(Self { text: crate::codec::base64(octets) }),
            false => Err(DecodeError::InvalidField { field: "nonce", expected: "8 to 32 octets" }),
        }
    }

    /// Somebody else's nonce. Its length in octets is not checked, because published requests violate it: see [`Nonce::has_yang_length`].
    ///
    /// # Errors
    /// [`DecodeError::InvalidField`] unless 1 to 128 printable ASCII characters.
    pub fn from_text(text: impl Into<String>) -> Result<Self, DecodeError> {
        let text = text.into();
        let printable = text.bytes().all(|b| (0x20..0x7f).contains(&b));
        match (1..=128).contains(&text.len()) && printable {
            true => Ok(Self { text }),
            false => Err(DecodeError::InvalidField { field: "nonce", expected: "base64 of 8 to 32 octets" }),
        }
    }

    /// The text as provided.
    pub fn as_text(&self) -> &str {
        &self.text
    }

    /// The octets it stands for; those of the text itself if that is no base64.
    pub fn octets(&self) -> Vec<u8> {
        self.decoded().unwrap_or_else(|| self.text.clone().into_bytes())
    }

    /// Whether it stands for 8 to 32 octets, as RFC 8366bis wants it.
    pub fn has_yang_length(&self) -> bool {
        self.decoded().is_some_and(|octets| (8..=32).contains(&octets.len()))
    }

    fn decoded(&self) -> Option<Vec<u8>> {
        [STANDARD, URL_SAFE].iter().find_map(|engine| engine.decode(&self.text).ok())
    }
}

impl PartialEq for Nonce {
    fn eq(&self, other: &Self) -> bool {
        match (self.decoded(), other.decoded()) {
            (Some(own), Some(others)) => own == others,
            (Some(_), None) | (None, Some(_)) => false,
            (None, None) => self.text == other.text,
        }
    }
}

impl Eq for Nonce {}

impl core::fmt::Debug for Nonce {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Nonce({})", self.text)
    }
}

const ANY_PADDING: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY_PADDING);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_octets_are_the_same_nonce_in_either_alphabet() {
        let octets = [0xfb, 0xef, 0xff, 1, 2, 3, 4, 5];
        let own = Nonce::from_bytes(&octets).unwrap();
        assert_eq!(own.as_text(), "++//AQIDBAU=");
        for text in ["--__AQIDBAU", "--__AQIDBAU=", "++//AQIDBAU"] {
            assert_eq!(Nonce::from_text(text).unwrap(), own);
        }
        assert_eq!(own.octets(), octets);
    }

    #[test]
    fn plain_words_equal_only_themselves() {
        let words = Nonce::from_text("no base64!").unwrap();
        assert_eq!(words, Nonce::from_text("no base64!").unwrap());
        // The octets of the words, written in base64, are another nonce.
        assert_ne!(words, Nonce::from_bytes(b"no base64!").unwrap());
    }

    #[test]
    fn own_nonce_has_between_8_and_32_octets() {
        assert!(Nonce::from_bytes(&[0; 7]).is_err());
        assert!(Nonce::from_bytes(&[0; 33]).is_err());
        assert!(Nonce::from_bytes(&[0; 32]).unwrap().has_yang_length());
    }

    #[test]
    fn empty_or_unprintable_nonce_is_refused() {
        for text in ["", "a\nb", "ä", &"A".repeat(129)] {
            assert!(Nonce::from_text(text).is_err());
        }
    }
}
