//! A manufacturer's profile as a signed file: the exact text in CMS, which `openssl cms -verify` takes apart as well.

use crate::envelope::Format;
use crate::error::DecodeError;
use crate::leniency::Reading;
use crate::signed::{CmsContent, Payload, Typ};

/// The text of a manufacturer's profile. What is in it is for registrars to read; here it is octets that somebody signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileText(String);

impl ProfileText {
    /// The largest profile in octets: far more than a dozen certificates need.
    pub const LARGEST: usize = 256 * 1024;

    /// # Errors
    /// [`DecodeError::TooLarge`].
    pub fn new(text: impl Into<String>) -> Result<Self, DecodeError> {
        let text = text.into();
        match text.len() <= Self::LARGEST {
            true => Ok(Self(text)),
            false => Err(DecodeError::TooLarge { what: "the manufacturer's profile in octets", limit: Self::LARGEST }),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Payload for ProfileText {
    const NAME: &'static str = "manufacturer's profile";

    const CMS_CONTENT: CmsContent = CmsContent::Data;

    fn typ(_: Format) -> Option<Typ> {
        None
    }

    fn encode(&self, _: Format) -> Result<Vec<u8>, DecodeError> {
        Ok(self.0.clone().into_bytes())
    }

    fn decode(octets: &[u8], _: Format, _: &Reading) -> Result<Self, DecodeError> {
        let text = core::str::from_utf8(octets).map_err(|err| DecodeError::syntax("manufacturer's profile", "UTF-8", err))?;
        Self::new(text)
    }
}
