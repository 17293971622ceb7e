//! Bearer tokens and their digests.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::error::DecodeError;

/// A bearer token: 256 random bits as text. It is shown once, to its owner, and kept nowhere.
pub struct Token(Zeroizing<String>);

/// The SHA-256 of a token's text, which is all that a configuration keeps. In hex.
///
/// A plain digest is enough: what has 256 bits of randomness cannot be tried out.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TokenDigest(pub(super) [u8; 32]);

impl Token {
    /// Makes a new one; `None` if the system gives no random numbers.
    pub fn generate() -> Option<Self> {
        let mut octets = Zeroizing::new([0; 32]);
        aws_lc_rs::rand::fill(&mut *octets).ok()?;
        // Reserved at once: a growing buffer would leave copies behind.
        let mut text = Zeroizing::new(String::with_capacity(64));
        // Whoever searches for lost secrets knows one by this.
        text.push_str("brski-");
        URL_SAFE_NO_PAD.encode_string(*octets, &mut text);
        Some(Self(text))
    }

    /// What its owner sends.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What a configuration keeps of it.
    pub fn digest(&self) -> TokenDigest {
        TokenDigest::of(&self.0)
    }
}

impl core::fmt::Debug for Token {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Token(..)")
    }
}

impl TokenDigest {
    /// That of a token's text.
    pub fn of(token: &str) -> Self {
        let mut digest = Self([0; 32]);
        digest.0.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes()).as_ref());
        digest
    }
}

impl PartialEq for TokenDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenDigest {}

impl core::fmt::Display for TokenDigest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl core::fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "TokenDigest({self})")
    }
}

impl From<TokenDigest> for String {
    fn from(digest: TokenDigest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for TokenDigest {
    type Error = DecodeError;

    fn try_from(text: String) -> Result<Self, DecodeError> {
        let invalid = DecodeError::InvalidField { field: "token-sha256", expected: "64 hexadecimal digits, as `token` prints them" };
        let is_hex = text.len() == 64 && text.bytes().all(|octet| octet.is_ascii_hexdigit());
        let mut digest = Self([0; 32]);
        for (place, pair) in digest.0.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = core::str::from_utf8(pair).ok().filter(|_| is_hex);
            *place = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).ok_or_else(|| invalid.clone())?;
        }
        match is_hex {
            true => Ok(digest),
            false => Err(invalid),
        }
    }
}
