//! What `config check` tells of a certificate.

use serde::Serialize;

use crate::certificate::Certificate;
use crate::sign::KeyUri;
use crate::text::{LONGEST_WORDS, printable};
use crate::time::{UnixTime, to_rfc3339};

/// A certificate that a configuration names, as a person or a program wants to hear of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// The fields that name it.
    pub fields: Vec<String>,
    /// Its subject.
    pub subject: String,
    /// SHA-256 over the certificate, in hex.
    pub sha256: String,
    /// SHA-256 over its SubjectPublicKeyInfo, in hex.
    pub key_sha256: String,
    /// Last second of its validity, RFC 3339.
    pub not_after: String,
    /// Where its private key is, if a field names that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What should be done about it, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

impl Finding {
    /// What there is to say of `certificate` at the time `now`.
    pub fn new(field: impl Into<String>, certificate: &Certificate, now: UnixTime) -> Self {
        Self {
            fields: vec![field.into()],
            subject: printable(certificate.subject(), LONGEST_WORDS),
            sha256: certificate.fingerprint(),
            key_sha256: certificate.spki_digest().to_string(),
            not_after: to_rfc3339(certificate.not_after()),
            key: None,
            warning: warning(certificate, now),
        }
    }

    /// Adds these certificates of one field to the findings; one that was found before is told only once.
    pub fn add(findings: &mut Vec<Self>, field: &str, certificates: &[Certificate], now: UnixTime) {
        for certificate in certificates {
            let finding = Self::new(field, certificate, now);
            match findings.iter_mut().find(|known| known.sha256 == finding.sha256) {
                Some(known) if known.fields.iter().any(|known| known == field) => (),
                Some(known) => known.fields.push(field.to_owned()),
                None => findings.push(finding),
            }
        }
    }

    /// The same for the certificates above a private key, which is `key`'s.
    pub fn add_pair(findings: &mut Vec<Self>, field: &str, chain: &[Certificate], key: &KeyUri, now: UnixTime) {
        Self::add(findings, field, chain, now);
        let own = chain.first().map(Certificate::fingerprint);
        if let Some(finding) = findings.iter_mut().find(|finding| Some(&finding.sha256) == own.as_ref()) {
            finding.key = Some(key.to_string());
        }
    }
}

impl core::fmt::Display for Finding {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let key = self.key.as_ref().map(|key| format!("\n  key: {key}")).unwrap_or_default();
        write!(f, "{}: {}, valid until {}\n  SHA-256 {}{key}", self.fields.join(", "), self.subject, self.not_after, self.sha256)?;
        self.warning.iter().try_for_each(|warning| write!(f, "\n  warning: {warning}"))
    }
}

fn warning(certificate: &Certificate, now: UnixTime) -> Option<String> {
    let left = certificate.not_after().as_secs().checked_sub(now.as_secs());
    match left {
        _ if now < certificate.not_before() => Some(format!("not valid before {}", to_rfc3339(certificate.not_before()))),
        None => Some("expired; peers will refuse it".to_owned()),
        Some(left) if left < RENEWAL_TIME => Some(format!("expires in {} days; renew it now", left / 86_400)),
        Some(_) => None,
    }
}

// A month: long enough for a manufacturer to roll out a new certificate to its customers.
const RENEWAL_TIME: u64 = 30 * 86_400;
