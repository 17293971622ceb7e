//! CMS SignedData (RFC 5652), in DER or BER.

use cms::signed_data::{SignerIdentifier, SignerInfo};
use der::asn1::OctetStringRef;
use der::{Decode as _, Encode as _};

use super::Envelope;
use crate::certificate::Certificate;
use crate::envelope::Format;
use crate::envelope::ber;
use crate::envelope::cms::SignedData;
use crate::inspect::Finding;
use crate::inspect::der::value;

/// A SignedData taken apart.
pub(super) struct Opened {
    /// None if it only carries certificates.
    pub(super) envelope: Option<Envelope>,
    pub(super) certificates: Vec<Certificate>,
}

/// Takes it apart.
pub(super) fn open(octets: &[u8]) -> Result<Opened, Finding> {
    let data = SignedData::from_ber(octets).map_err(|err| Finding::undecodable("RFC 5652, section 5.1", &err))?;
    let mut findings = Vec::new();
    // Of those that cannot be read, the strict reader tells.
    let certificates: Vec<Certificate> = data.certificates.iter().filter_map(|der| Certificate::from_der(der).ok()).collect();
    let content = data.content.econtent.as_ref().and_then(|content| Some(content.decode_as::<OctetStringRef<'_>>().ok()?.as_bytes().to_vec()));
    let Some(payload) = content else {
        return Ok(Opened { envelope: None, certificates });
    };
    if version(octets) == Some(1) {
        findings.push(Finding::new("RFC 8366bis, section 7.1", "the CMSVersion is 1, that of PKCS #7, which is deprecated"));
    }
    let info = data.signer_infos.first().and_then(|der| SignerInfo::from_der(der).ok());
    let claimed = info.as_ref().and_then(|info| certificates.iter().find(|certificate| names(&info.sid, certificate)).cloned());
    let envelope = Envelope {
        format: Format::Cms,
        wire: octets.to_vec(),
        payload,
        typ: None,
        algorithm: info.map(|info| algorithm(&info)),
        certificates: certificates.clone(),
        claimed,
        findings,
    };
    Ok(Opened { envelope: Some(envelope), certificates })
}

/// Whether this is the certificate that a SignerInfo names.
fn names(sid: &SignerIdentifier, certificate: &Certificate) -> bool {
    match sid {
        SignerIdentifier::IssuerAndSerialNumber(id) => {
            id.issuer.to_der().is_ok_and(|issuer| issuer == certificate.issuer_der()) && id.serial_number.as_bytes() == certificate.certificate_serial()
        }
        SignerIdentifier::SubjectKeyIdentifier(id) => certificate.subject_key_id() == Some(id.0.as_bytes()),
    }
}

fn algorithm(info: &SignerInfo) -> String {
    use const_oid::db::DB;
    let name = |oid: &const_oid::ObjectIdentifier| DB.by_oid(oid).map_or_else(|| oid.to_string(), str::to_owned);
    format!("{} with {}", name(&info.signature_algorithm.oid), name(&info.digest_alg.oid))
}

/// CMSVersion: the first number in SignedData.
fn version(octets: &[u8]) -> Option<u8> {
    let der = match value(octets) {
        Some(_) => octets.to_vec(),
        None => ber::to_der(octets).ok()?,
    };
    let (info, _) = value(&der)?;
    let (_, explicit) = value(info)?;
    let (explicit, _) = value(explicit)?;
    let (data, _) = value(explicit)?;
    let (version, _) = value(data)?;
    match version {
        [one] => Some(*one),
        _ => None,
    }
}
