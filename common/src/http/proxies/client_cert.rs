//! The fields Client-Cert and Client-Cert-Chain (RFC 9440, section 2): byte sequences of Structured Fields (RFC 9651, section 3.3.5), DER inside.
//!
//! Stricter than a parser of all Structured Fields: Base64 is canonical and padded, and there are no parameters, because these fields define none.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};

use crate::certificate::Certificate;
use crate::error::DecodeError;
use crate::peer::PeerCertificates;

/// The client's own certificate.
pub const CLIENT_CERT: HeaderName = HeaderName::from_static("client-cert");

/// The other certificates that the client presented, in the order of TLS.
pub const CLIENT_CERT_CHAIN: HeaderName = HeaderName::from_static("client-cert-chain");

/// Fields that are not as RFC 9440 has them. What a proxy is told of them names the field.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientCertError {
    /// Client-Cert more than once: whose would it be?
    #[error("Client-Cert occurs more than once")]
    Several,
    /// Certificates above one that is not there.
    #[error("Client-Cert-Chain needs Client-Cert beside it")]
    ChainAlone,
    /// No byte sequence.
    #[error("{field} must be {expected}")]
    Syntax {
        /// The field's name.
        field: &'static str,
        /// What would be right.
        expected: &'static str,
    },
    /// More than anybody sends.
    #[error("{field} is longer than {limit}")]
    TooLong {
        /// The field's name.
        field: &'static str,
        /// Of what there is too much.
        limit: &'static str,
    },
    /// The octets are no certificate.
    #[error("{field} holds a certificate that cannot be read")]
    Certificate {
        /// The field's name.
        field: &'static str,
        /// Why not.
        #[source]
        source: DecodeError,
    },
}

/// The client's certificates, its own first; none if there is no field.
///
/// # Errors
/// [`ClientCertError`] if the fields are not as RFC 9440 has them.
pub fn client_certificates(fields: &HeaderMap) -> Result<PeerCertificates, ClientCertError> {
    let own = {
        let mut lines = fields.get_all(CLIENT_CERT).iter();
        match (lines.next(), lines.next()) {
            (None, _) if fields.contains_key(CLIENT_CERT_CHAIN) => return Err(ClientCertError::ChainAlone),
            (None, _) => return Ok(PeerCertificates::default()),
            (Some(_), Some(_)) => return Err(ClientCertError::Several),
            (Some(own), None) => read(OWN, own.as_bytes())?,
        }
    };
    let mut certificates = vec![own];
    // A list may be spread over several lines (RFC 9651, section 4.2).
    for line in fields.get_all(CLIENT_CERT_CHAIN) {
        for member in line.as_bytes().split(|octet| *octet == b',') {
            if certificates.len() > MOST_ABOVE {
                return Err(ClientCertError::TooLong { field: CHAIN, limit: "eight certificates" });
            }
            certificates.push(read(CHAIN, member)?);
        }
    }
    Ok(PeerCertificates(certificates))
}

/// One byte sequence, with blanks around it.
fn read(field: &'static str, text: &[u8]) -> Result<Certificate, ClientCertError> {
    let expected = match field {
        CHAIN => "one or more DER certificates, each as :BASE64: with padding, parted by commas",
        _ => "one DER certificate as :BASE64: with padding, and nothing else",
    };
    let wrong = || ClientCertError::Syntax { field, expected };
    if text.len() > LONGEST {
        return Err(ClientCertError::TooLong { field, limit: "16 KiB" });
    }
    let base64 = text.trim_ascii().strip_prefix(b":").and_then(|rest| rest.strip_suffix(b":")).ok_or_else(wrong)?;
    let der = STANDARD.decode(base64).map_err(|_| wrong())?;
    match der.is_empty() {
        true => Err(wrong()),
        false => Certificate::from_der(&der).map_err(|source| ClientCertError::Certificate { field, source }),
    }
}

const OWN: &str = "Client-Cert";
const CHAIN: &str = "Client-Cert-Chain";

/// Octets of one certificate in Base64.
const LONGEST: usize = 16 * 1024;

/// Longer paths are nobody's.
const MOST_ABOVE: usize = 8;
