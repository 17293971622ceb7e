//! What step-ca sends before it signs: the body of its webhooks (ENRICHING and AUTHORIZING), and the HMAC by which it is known.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use brski_common::{Csr, PublicKey, VerifyError};
use http::HeaderMap;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::opinion::Applicant;

/// One webhook that may ask for opinions.
#[derive(Clone)]
pub struct Webhook {
    id: String,
    key: hmac::Key,
    subject_serial: bool,
}

/// A secret that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signing secret must be the base64 text that `step ca provisioner webhook add` shows, of at least 16 octets")]
pub struct NoSecret;

impl Webhook {
    /// The webhook with this ID and signing secret, both as `step ca provisioner webhook add` shows them.
    ///
    /// With `subject_serial` the serialNumber of the subject that is asked for may say which device asks. Only where the provisioner lets nobody ask for another's
    /// name: without it a device is known by its key, or by what ACME device-attest-01 has verified.
    ///
    /// # Errors
    /// [`NoSecret`].
    pub fn new(id: impl Into<String>, secret: &str, subject_serial: bool) -> Result<Self, NoSecret> {
        let octets = Zeroizing::new(STANDARD.decode(secret.trim()).map_err(|_| NoSecret)?);
        if octets.len() < SHORTEST_SECRET {
            return Err(NoSecret);
        }
        Ok(Self { id: id.into(), key: hmac::Key::new(hmac::HMAC_SHA256, &octets), subject_serial })
    }

    /// Its ID.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl core::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Webhook({})", self.id)
    }
}

/// A webhook's request that nobody vouches for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// Who asks does not show.
    #[error("a webhook's request needs X-Smallstep-Webhook-ID and X-Smallstep-Signature, each once")]
    NoSignature,
    /// It is nobody's, or another's.
    #[error("the signature is not the HMAC-SHA256 of this body under the secret of a webhook that is configured here")]
    WrongSignature,
}

/// Which of the webhooks has signed this body.
pub(super) fn signer<'a>(webhooks: &'a [Webhook], headers: &HeaderMap, body: &[u8]) -> Result<&'a Webhook, Unsigned> {
    let only = |name| {
        let mut values = headers.get_all(name).iter();
        values.next().filter(|_| values.next().is_none()).and_then(|value| value.to_str().ok()).ok_or(Unsigned::NoSignature)
    };
    let (id, signature) = (only(ID)?, only(SIGNATURE)?);
    let tag = unhex(signature).ok_or(Unsigned::WrongSignature)?;
    // Whether an ID is known is told no better than whether a signature is right.
    let webhook = webhooks.iter().find(|webhook| webhook.id == id).ok_or(Unsigned::WrongSignature)?;
    hmac::verify(&webhook.key, body, &tag).map_err(|_| Unsigned::WrongSignature)?;
    Ok(webhook)
}

/// Whether a request claims to be a webhook's.
pub(super) fn is_claimed(headers: &HeaderMap) -> bool {
    headers.contains_key(ID) || headers.contains_key(SIGNATURE)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok());
    (text.len() == 64 && text.bytes().all(|octet| octet.is_ascii_hexdigit())).then(|| digits.collect()).flatten()
}

/// The body. step-ca may add fields: those that are not needed here are passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    attestation_data: Option<AttestationData>,
    /// Of an ENRICHING webhook.
    x509_certificate_request: Option<Wanted>,
    /// Of an AUTHORIZING webhook: what would be signed.
    x509_certificate: Option<Wanted>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AttestationData {
    permanent_identifier: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    /// PKCS #10 in DER, in base64.
    raw: Option<String>,
    /// SubjectPublicKeyInfo in DER, in base64.
    public_key: Option<String>,
    /// An object, or text for a common name alone.
    subject: Option<serde_json::Value>,
}

/// Whom a webhook's body is about. With `webhook` its settings count; without one the body is shown by somebody who is trusted otherwise.
///
/// # Errors
/// A sentence on what is wrong with the body.
pub fn applicant(body: &[u8], webhook: Option<&Webhook>) -> Result<Applicant, String> {
    let body: Body = serde_json::from_slice(body).map_err(|err| err.to_string())?;
    let wanted = match (body.x509_certificate_request, body.x509_certificate) {
        (Some(wanted), None) | (None, Some(wanted)) => wanted,
        _ => return Err("it must have either x509CertificateRequest or x509Certificate; certificates of SSH are not for pledges".to_owned()),
    };
    let octets = |field: &str, text: &str| STANDARD.decode(text).map_err(|_| format!("{field} is no base64"));
    let mut found = Applicant {
        permanent_identifier: body.attestation_data.map(|data| data.permanent_identifier),
        serial_number: wanted.subject.as_ref().and_then(|subject| subject.get("serialNumber")?.as_str()).filter(|text| !text.is_empty()).map(str::to_owned),
        serial_number_counts: webhook.is_some_and(|webhook| webhook.subject_serial),
        ..Applicant::default()
    };
    if let Some(key) = &wanted.public_key {
        let key = PublicKey::from_spki(&octets("publicKey", key)?).map_err(|err| format!("publicKey is no SubjectPublicKeyInfo: {err}"))?;
        found.key = Some(key.digest());
    }
    if let Some(raw) = &wanted.raw {
        let der = octets("raw", raw)?;
        let csr = Csr::from_der(&der).map_err(|err: VerifyError| format!("raw is no certification request: {}", brski_common::text::in_full(&err)))?;
        // What was signed counts more than how it was copied out.
        found.key = Some(csr.public_key().digest());
        found.serial_number = csr.serial_number().map(|serial| serial.to_string());
        found.csr = Some(Box::new(csr));
    }
    match found.key {
        Some(_) => Ok(found),
        None => Err("the certificate to be signed has no publicKey".to_owned()),
    }
}

const ID: &str = "x-smallstep-webhook-id";
const SIGNATURE: &str = "x-smallstep-signature";
const SHORTEST_SECRET: usize = 16;
