//! Trust is a type: wire bytes are [`Signed`], only [`Signed::verify`] gives [`Verified`], and rules take nothing less.

mod verifier;

use core::marker::PhantomData;

pub use self::verifier::{EnrolledKey, SignedBy, SignerFound, Verifier};
use crate::certificate::Certificate;
use crate::envelope::{self, Format};
use crate::error::{DecodeError, SignError, VerifyError};
use crate::leniency::{Leniencies, Reading};
use crate::sign::{Signature, Signer, SigningIdentity};
use crate::time::UnixTime;

/// What can stand inside an envelope.
pub trait Payload: Sized {
    /// What error sentences call it: `voucher`, `voucher-request`, ...
    const NAME: &'static str;

    /// How an envelope of this format says that this payload is in it. None in CMS, which has a [content type](Self::CMS_CONTENT) for that.
    fn typ(format: Format) -> Option<Typ>;

    /// In which header parameter a COSE message carries its signer's certificates.
    const COSE_CERTIFICATES: CoseCertificates = CoseCertificates::Chain;

    /// What a CMS message says of its content.
    const CMS_CONTENT: CmsContent = CmsContent::Voucher;

    /// The payload's octets inside an envelope of this format.
    ///
    /// # Errors
    /// [`DecodeError`] if the value cannot be expressed in this format.
    fn encode(&self, format: Format) -> Result<Vec<u8>, DecodeError>;

    /// Reads the payload's octets.
    ///
    /// # Errors
    /// [`DecodeError`] naming the field and what would be right; [`DecodeError::Deviation`] for what `reading` does not overlook.
    fn decode(octets: &[u8], format: Format, reading: &Reading) -> Result<Self, DecodeError>;
}

/// The `typ` of a JWS (RFC 7515, section 4.1.9) or a COSE message (RFC 9596), always in the protected header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typ {
    /// Written, and demanded.
    Required(&'static str),
    /// May be absent, but nothing else may stand in its place. Written in JWS; left out in COSE, where every octet counts on a constrained link.
    Optional(&'static str),
}

impl Typ {
    /// The type's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Required(name) | Self::Optional(name) => name,
        }
    }
}

/// The content type of a CMS message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CmsContent {
    /// id-ct-animaJSONVoucher (RFC 8366, section 8.3).
    Voucher,
    /// id-data: a file as any CMS tool signs it (RFC 5652, section 4).
    Data,
}

/// Where a COSE message carries certificates (RFC 9360).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoseCertificates {
    /// x5chain and nothing else: the signer's, then the path above it, without the root. It says who signed, and must be readable.
    Chain,
    /// x5bag in any order, the root included: vouchers and voucher-requests (constrained BRSKI, section 9.2). They are hints: x5chain is read as well,
    /// and what cannot be read is passed over.
    Bag,
}

/// An envelope as it came from, or goes to, the wire; nothing in it is trusted. The octets are kept exactly.
pub struct Signed<T> {
    wire: Vec<u8>,
    format: Format,
    content: PhantomData<fn() -> T>,
}

impl<T: Payload> Signed<T> {
    /// Wraps octets that claim to be a signed `T` in this format.
    pub fn from_wire(format: Format, wire: impl Into<Vec<u8>>) -> Self {
        Self { wire: wire.into(), format, content: PhantomData }
    }

    /// The exact octets.
    pub fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// The envelope's format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// SHA-256 over the exact octets.
    pub fn digest(&self) -> [u8; 32] {
        crate::codec::sha256(&self.wire)
    }

    /// Checks the signature and who made it, then reads the content.
    ///
    /// # Errors
    /// [`VerifyError`] saying what is wrong with bytes, signature or signer.
    pub fn verify(&self, verifier: &Verifier<'_>, now: UnixTime) -> Result<Verified<T>, VerifyError> {
        let reading = Reading::new(verifier.lenient).knowing(verifier.certificates());
        let opened = envelope::open::<T>(self, &reading)?;
        let signer = verifier.check(T::NAME, &opened, now)?;
        let value = T::decode(&opened.payload, self.format, &reading).map_err(|source| VerifyError::Decode { artefact: T::NAME, source })?;
        Ok(Verified { value, signer, signed: self.clone() })
    }

    /// Reads the content without checking who signed it, for finding out whom to ask about it. Decide nothing from it.
    ///
    /// # Errors
    /// [`VerifyError::Decode`] if the bytes cannot be read.
    pub fn peek_unverified(&self, lenient: Leniencies) -> Result<T, VerifyError> {
        let reading = Reading::new(lenient);
        let opened = envelope::open::<T>(self, &reading)?;
        T::decode(&opened.payload, self.format, &reading).map_err(|source| VerifyError::Decode { artefact: T::NAME, source })
    }
}

impl<T: Payload> Signed<T> {
    /// The same without the certificates (x5bag, x5chain) in the unprotected header of a COSE message, as a registrar passes a voucher on to a pledge
    /// (constrained BRSKI, section 6.8). What is signed does not change; a message in another format, or without them, comes back octet for octet.
    ///
    /// # Errors
    /// [`DecodeError`] if a COSE message cannot be read.
    pub fn without_unprotected_certificates(&self) -> Result<Self, DecodeError> {
        let wire = match self.format {
            Format::Cms | Format::Jws => self.wire.clone(),
            Format::Cose => envelope::without_unprotected_certificates(&self.wire)?,
        };
        Ok(Self::from_wire(self.format, wire))
    }
}

impl<T> Clone for Signed<T> {
    fn clone(&self) -> Self {
        Self { wire: self.wire.clone(), format: self.format, content: PhantomData }
    }
}

impl<T> core::fmt::Debug for Signed<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Signed({:?}, {} octets)", self.format, self.wire.len())
    }
}

impl<T> PartialEq for Signed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.format == other.format && self.wire == other.wire
    }
}

/// A value whose signature and signer were checked. Made by [`Signed::verify`] alone.
#[derive(Clone, Debug)]
pub struct Verified<T> {
    value: T,
    signer: SignerFound,
    signed: Signed<T>,
}

impl<T> Verified<T> {
    /// The content.
    pub fn get(&self) -> &T {
        &self.value
    }

    /// The content alone, where it is too large to be copied.
    pub fn into_content(self) -> T {
        self.value
    }

    /// Who signed it.
    pub fn signer(&self) -> &SignerFound {
        &self.signer
    }

    /// The envelope it came in, octet for octet.
    pub fn signed(&self) -> &Signed<T> {
        &self.signed
    }
}

/// A value and the octets its signature will cover, waiting for that signature.
#[derive(Debug)]
pub struct Unsigned<T> {
    draft: envelope::Draft,
    content: PhantomData<fn() -> T>,
}

impl<T: Payload> Unsigned<T> {
    /// Encodes `value` for this format and signer.
    ///
    /// # Errors
    /// [`SignError::Encode`] if the value does not fit the format.
    pub fn new(value: &T, format: Format, identity: &SigningIdentity) -> Result<Self, SignError> {
        let encode = |source: DecodeError| SignError::Encode { artefact: T::NAME, source: Box::new(source) };
        let payload = value.encode(format).map_err(encode)?;
        let draft = envelope::draft::<T>(format, payload, identity).map_err(encode)?;
        Ok(Self { draft, content: PhantomData })
    }

    /// The octets to be signed.
    pub fn to_be_signed(&self) -> &[u8] {
        self.draft.to_be_signed()
    }

    /// Completes the envelope.
    ///
    /// # Errors
    /// [`SignError::Encode`] if the envelope cannot hold this signature.
    pub fn attach(self, signature: Signature) -> Result<Signed<T>, SignError> {
        let format = self.draft.format();
        let wire = self.draft.attach(signature).map_err(|source| SignError::Encode { artefact: T::NAME, source: Box::new(source) })?;
        Ok(Signed::from_wire(format, wire))
    }

    /// Asks `signer` and completes the envelope.
    ///
    /// # Errors
    /// [`SignError`] if the key does not sign.
    pub async fn sign(self, signer: &dyn Signer) -> Result<Signed<T>, SignError> {
        let signature = signer.sign(self.to_be_signed()).await?;
        self.attach(signature)
    }
}

/// A key, the face it shows, and thereby the ability to seal envelopes.
#[derive(Clone)]
pub struct SigningParty {
    /// What envelopes say of the signer.
    pub identity: SigningIdentity,
    /// The key.
    pub signer: std::sync::Arc<dyn Signer>,
}

impl SigningParty {
    /// A party with a certificate path: its own first.
    pub fn with_chain(chain: Vec<Certificate>, signer: std::sync::Arc<dyn Signer>) -> Self {
        Self { identity: SigningIdentity { chain, algorithm: signer.algorithm(), key_name: None, enclosed: Vec::new() }, signer }
    }

    /// A party with a bare key that is enrolled elsewhere under this name.
    pub fn with_name(name: impl Into<String>, signer: std::sync::Arc<dyn Signer>) -> Self {
        Self { identity: SigningIdentity { chain: Vec::new(), algorithm: signer.algorithm(), key_name: Some(name.into()), enclosed: Vec::new() }, signer }
    }

    /// The same party, whose COSE messages say nothing of it: for a pledge on a constrained link, whose certificate its peer has from TLS (constrained BRSKI, section 9.2.2).
    #[must_use]
    pub fn nameless(self) -> Self {
        Self { identity: SigningIdentity { chain: Vec::new(), key_name: None, enclosed: Vec::new(), ..self.identity }, ..self }
    }

    /// The same party, whose COSE messages carry these certificates beside its own.
    #[must_use]
    pub fn enclosing(self, enclosed: Vec<Certificate>) -> Self {
        Self { identity: SigningIdentity { enclosed, ..self.identity }, ..self }
    }

    /// Signs `value` in an envelope of this format.
    ///
    /// # Errors
    /// [`SignError`] if it cannot be encoded or the key does not sign.
    pub async fn seal<T: Payload>(&self, value: &T, format: Format) -> Result<Signed<T>, SignError> {
        Unsigned::new(value, format, &self.identity)?.sign(&*self.signer).await
    }
}

impl core::fmt::Debug for SigningParty {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.identity.fmt(f)
    }
}

#[cfg(test)]
mod tests;
