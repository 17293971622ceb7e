//! Signed envelopes: CMS and JWS around JSON, COSE_Sign1 around CBOR. Vouchers come in all three, manufacture reports in JWS, provenance statements in COSE.
//!
//! CMS and COSE bear one signature. A JWS may bear several, of which one must be acceptable.
//! Only [`Signed`] and [`Unsigned`](crate::Unsigned) call in here: they ask what stands in an envelope and whether a key signed it, and for the octets to be signed.
//! The CMS without signature in which [EST](crate::est) carries certificates is read and written here, too.
//! No policy and no trust lives here.

pub(crate) mod ber;
pub(crate) mod cms;
mod cose;
mod jws;

pub(crate) use self::cose::label;
use crate::certificate::Certificate;
use crate::error::{DecodeError, VerifyError};
use crate::leniency::{Leniencies, Leniency, Reading};
use crate::sign::{PublicKey, Signature, SignatureScheme, SigningIdentity};
use crate::signed::{Payload, Signed, Typ};

/// How an artefact is encoded and signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// JSON in CMS SignedData (RFC 8995; RFC 8366bis, section 7.1).
    Cms,
    /// JSON in a JWS in general JSON serialization.
    Jws,
    /// CBOR in COSE_Sign1.
    Cose,
}

impl Format {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Cms, Self::Jws, Self::Cose];

    /// What vouchers and voucher-requests travel as, in words.
    pub const VOUCHER_MEDIA_TYPES: &'static str = "application/voucher-cms+json, application/voucher-jws+json or application/voucher+cose";

    /// Its name on command lines: `cms`, `jws` or `cose`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cms => "cms",
            Self::Jws => "jws",
            Self::Cose => "cose",
        }
    }

    /// Usual extension of a file with a voucher in this format (RFC 8366bis, section 12).
    pub fn voucher_file_extension(self) -> &'static str {
        match self {
            Self::Cms => "vcj",
            Self::Jws => "vjj",
            Self::Cose => "vch",
        }
    }

    /// Media type of vouchers and voucher-requests in this format.
    pub fn voucher_media_type(self) -> &'static str {
        match self {
            Self::Cms => "application/voucher-cms+json",
            Self::Jws => "application/voucher-jws+json",
            Self::Cose => "application/voucher+cose",
        }
    }

    /// What older drafts call that type; for whoever grants [`Leniency::VoucherCoseCbor`] alone.
    pub fn older_voucher_media_type(self, lenient: Leniencies) -> Option<&'static str> {
        match self {
            Self::Cms | Self::Jws => None,
            Self::Cose => lenient.grant(Leniency::VoucherCoseCbor).then_some("application/voucher-cose+cbor"),
        }
    }

    /// The format whose vouchers have this media type; parameters and case do not matter.
    pub fn from_voucher_media_type(text: &str) -> Option<Self> {
        let essence = text.split(';').next().unwrap_or_default().trim();
        Self::ALL.iter().copied().find(|f| essence.eq_ignore_ascii_case(f.voucher_media_type()))
    }
}

/// An envelope taken apart: what it holds, and who claims to have signed it. It bears one signature at least, and a JWS may bear several.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The payload's octets, as they were signed.
    pub(crate) payload: Vec<u8>,
    /// The signatures whose algorithm is supported.
    pub(crate) signatures: Vec<SignatureBlock>,
}

/// One signature, what it covers, and who claims to have made it.
#[derive(Debug)]
pub(crate) struct SignatureBlock {
    /// The octets that the signature covers.
    pub(crate) signed_octets: Vec<u8>,
    /// The signature and how it stands there.
    pub(crate) signature: Vec<u8>,
    pub(crate) scheme: SignatureScheme,
    /// Who claims to have signed.
    pub(crate) signer: SignerId,
    /// Certificates that came with it, in their order.
    pub(crate) certificates: Vec<Certificate>,
    /// Whether the certificates only help to find the signer. Where it is known already they are passed over, and where there are none it is looked for
    /// among those at hand: COSE vouchers and voucher-requests (constrained BRSKI, sections 6.8 and 9.2).
    pub(crate) certificates_are_hints: bool,
}

/// How an envelope names its signer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SignerId {
    /// Issuer Name in DER and the content octets of the certificate's serial INTEGER (CMS).
    IssuerAndSerial { issuer: Vec<u8>, serial: Vec<u8> },
    /// subjectKeyIdentifier (CMS).
    SubjectKeyId(Vec<u8>),
    /// The first certificate (JWS x5c, COSE x5chain).
    FirstCertificate,
    /// Whichever certificate has the key (COSE x5bag).
    AnyCertificate,
    /// `kid` (JWS, COSE).
    KeyName(String),
    /// Nothing at all.
    Unnamed,
}

impl SignatureBlock {
    pub(crate) fn key_name(&self) -> Option<&str> {
        match &self.signer {
            SignerId::KeyName(name) => Some(name),
            SignerId::IssuerAndSerial { .. } | SignerId::SubjectKeyId(_) | SignerId::FirstCertificate | SignerId::AnyCertificate | SignerId::Unnamed => None,
        }
    }

    /// The certificates that may be the signer's, each once: those that came with it before those that are `known`.
    pub(crate) fn candidates<'a>(&'a self, known: &'a [Certificate]) -> Vec<&'a Certificate> {
        let all = || self.certificates.iter().chain(known);
        let found: Vec<&Certificate> = match &self.signer {
            SignerId::IssuerAndSerial { issuer, serial } => all().filter(|c| c.issuer_der() == issuer && c.certificate_serial() == serial).collect(),
            SignerId::SubjectKeyId(id) => all().filter(|c| c.subject_key_id() == Some(id)).collect(),
            SignerId::FirstCertificate => self.certificates.first().into_iter().collect(),
            // A bag may lack what is needed, and may hold what is not (RFC 9360, section 2).
            SignerId::AnyCertificate => all().collect(),
            SignerId::KeyName(_) | SignerId::Unnamed if self.certificates_are_hints => known.iter().collect(),
            SignerId::KeyName(_) | SignerId::Unnamed => Vec::new(),
        };
        let mut once: Vec<&Certificate> = Vec::with_capacity(found.len());
        for certificate in found {
            if !once.contains(&certificate) {
                once.push(certificate);
            }
        }
        once
    }

    /// The certificate that claims the signature for somebody else than `holder`.
    pub(crate) fn contradicts(&self, holder: &Certificate) -> Option<&Certificate> {
        let named = self.candidates(&[]);
        let contradicts = !self.certificates_are_hints && !named.contains(&holder);
        // Borrowed from the envelope alone, since nothing was known beside it.
        contradicts.then(|| named.first().copied()).flatten()
    }

    /// Whether `key` made the signature; a key of a kind that cannot make it costs nothing.
    pub(crate) fn is_made_by(&self, key: &PublicKey) -> bool {
        key.verifies(self.scheme, &self.signed_octets, &self.signature)
    }

    /// Demands that `key` made the signature.
    pub(crate) fn check_signature(&self, artefact: &'static str, key: &PublicKey, signer: &str) -> Result<(), VerifyError> {
        match self.is_made_by(key) {
            true => Ok(()),
            false => Err(VerifyError::BadSignature { artefact, signer: signer.to_owned() }),
        }
    }
}

/// Takes an envelope apart.
pub(crate) fn open<T: Payload>(signed: &Signed<T>, reading: &Reading) -> Result<Opened, VerifyError> {
    let undecodable = |source| VerifyError::Decode { artefact: T::NAME, source };
    match signed.format() {
        Format::Cms => cms::open(T::NAME, T::CMS_CONTENT, signed.wire(), reading),
        Format::Jws => jws::open(T::NAME, typ::<T>(Format::Jws).map_err(undecodable)?, signed.wire(), reading),
        Format::Cose => cose::open(T::NAME, typ::<T>(Format::Cose).map_err(undecodable)?, T::COSE_CERTIFICATES, signed.wire(), reading),
    }
}

/// An envelope that lacks its signature.
#[derive(Debug)]
pub(crate) enum Draft {
    Cms(cms::Draft),
    Jws(jws::Draft),
    Cose(cose::Draft),
}

/// Prepares an envelope around a payload.
pub(crate) fn draft<T: Payload>(format: Format, payload: Vec<u8>, identity: &SigningIdentity) -> Result<Draft, DecodeError> {
    match format {
        Format::Cms => cms::draft(T::CMS_CONTENT, payload, identity).map(Draft::Cms),
        Format::Jws => jws::draft(typ::<T>(format)?, payload, identity).map(Draft::Jws),
        Format::Cose => cose::draft(typ::<T>(format)?, T::COSE_CERTIFICATES, payload, identity).map(Draft::Cose),
    }
}

/// The type of a payload in a format that has types.
fn typ<T: Payload>(format: Format) -> Result<Typ, DecodeError> {
    let expected = "a format that this artefact has a type in";
    T::typ(format).ok_or_else(|| DecodeError::Unexpected { what: "format of the envelope", found: format.name().to_owned(), expected })
}

/// A COSE message without the certificates in its unprotected header.
pub(crate) fn without_unprotected_certificates(wire: &[u8]) -> Result<Vec<u8>, DecodeError> {
    cose::without_unprotected_certificates(wire)
}

/// The receipts in a COSE message's unprotected header, in their order.
pub(crate) fn receipts(wire: &[u8]) -> Result<Vec<Vec<u8>>, DecodeError> {
    cose::receipts(wire)
}

/// A COSE message without the receipts in its unprotected header.
pub(crate) fn without_receipts(wire: &[u8]) -> Result<Vec<u8>, DecodeError> {
    cose::without_receipts(wire)
}

/// A COSE message with one more receipt in its unprotected header.
pub(crate) fn with_receipt(wire: &[u8], receipt: &[u8]) -> Result<Vec<u8>, DecodeError> {
    cose::with_receipt(wire, receipt)
}

impl Draft {
    pub(crate) fn format(&self) -> Format {
        match self {
            Self::Cms(_) => Format::Cms,
            Self::Jws(_) => Format::Jws,
            Self::Cose(_) => Format::Cose,
        }
    }

    pub(crate) fn to_be_signed(&self) -> &[u8] {
        match self {
            Self::Cms(draft) => draft.to_be_signed(),
            Self::Jws(draft) => draft.to_be_signed(),
            Self::Cose(draft) => draft.to_be_signed(),
        }
    }

    pub(crate) fn attach(self, signature: Signature) -> Result<Vec<u8>, DecodeError> {
        match self {
            Self::Cms(draft) => draft.attach(signature),
            Self::Jws(draft) => draft.attach(signature),
            Self::Cose(draft) => draft.attach(signature),
        }
    }
}
