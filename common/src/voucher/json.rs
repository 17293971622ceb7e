//! The JSON encoding (RFC 8366bis with RFC 7951): one root object, leaves by name, binary in padded base64, enumerations by name, times in RFC 3339.

mod leaves;

#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use self::leaves::Leaves;
use super::{EXTENSION_NAME, ProvenanceExtension, Voucher, VoucherRequest};
use crate::codec::{base64, base64url};
use crate::error::DecodeError;
use crate::time::{UnixTime, to_rfc3339};

pub(super) fn decode_voucher(octets: &[u8]) -> Result<Voucher, DecodeError> {
    let leaves = Leaves::read("voucher", VOUCHER_ROOT, octets)?;
    let voucher = Voucher {
        serial_number: leaves.serial_number()?,
        assertion: leaves.assertion("assertion")?,
        created_on: leaves.time("created-on")?,
        domain_cert_revocation_checks: leaves.boolean("domain-cert-revocation-checks")?,
        expires_on: leaves.time("expires-on")?,
        idevid_issuer: leaves.idevid_issuer()?,
        last_renewal_date: leaves.time("last-renewal-date")?,
        nonce: leaves.nonce()?,
        pinned_domain_cert: leaves.certificate("pinned-domain-cert")?,
        pinned_domain_pubk: leaves.public_key("pinned-domain-pubk")?,
        pinned_domain_pubk_sha256: leaves.hash("pinned-domain-pubk-sha256")?,
        additional_configuration_url: leaves.uri("additional-configuration-url")?,
        est_domain: leaves.uri("est-domain")?,
        manufacturer_proprietary: leaves.manufacturer_proprietary()?,
        provenance: leaves.provenance()?,
    };
    renewal_needs_expiry(&voucher)?;
    Ok(voucher)
}

pub(super) fn decode_request(octets: &[u8]) -> Result<VoucherRequest, DecodeError> {
    let leaves = Leaves::read("voucher-request", REQUEST_ROOT, octets)?;
    Ok(VoucherRequest {
        serial_number: leaves.serial_number()?,
        assertion: leaves.assertion("assertion")?,
        created_on: leaves.time("created-on")?,
        domain_cert_revocation_checks: leaves.boolean("domain-cert-revocation-checks")?,
        expires_on: leaves.time("expires-on")?,
        idevid_issuer: leaves.idevid_issuer()?,
        last_renewal_date: leaves.time("last-renewal-date")?,
        nonce: leaves.nonce()?,
        pinned_domain_cert: leaves.certificate("pinned-domain-cert")?,
        pinned_domain_pubk: leaves.public_key("pinned-domain-pubk")?,
        pinned_domain_pubk_sha256: leaves.hash("pinned-domain-pubk-sha256")?,
        additional_configuration_url: leaves.uri("additional-configuration-url")?,
        est_domain: leaves.uri("est-domain")?,
        manufacturer_proprietary: leaves.manufacturer_proprietary()?,
        prior_signed_voucher_request: leaves.binary("prior-signed-voucher-request", leaves::ENVELOPE)?,
        proximity_registrar_cert: leaves.certificate("proximity-registrar-cert")?,
        proximity_registrar_pubk: leaves.public_key("proximity-registrar-pubk")?,
        proximity_registrar_pubk_sha256: leaves.hash("proximity-registrar-pubk-sha256")?,
        agent_provided_proximity_registrar_cert: leaves.certificate("agent-provided-proximity-registrar-cert")?,
        agent_sign_cert: leaves.agent_sign_cert()?,
        agent_signed_data: leaves.binary("agent-signed-data", leaves::OPAQUE)?,
        provenance: leaves.provenance()?,
    })
}

pub(super) fn encode_voucher(voucher: &Voucher) -> Result<Vec<u8>, DecodeError> {
    renewal_needs_expiry(voucher)?;
    let mut object = Writer::default();
    object.text("additional-configuration-url", voucher.additional_configuration_url.as_deref());
    object.text("assertion", voucher.assertion.map(|a| a.name()));
    object.time("created-on", voucher.created_on);
    object.boolean("domain-cert-revocation-checks", voucher.domain_cert_revocation_checks);
    object.text("est-domain", voucher.est_domain.as_deref());
    object.time("expires-on", voucher.expires_on);
    object.provenance(voucher.provenance.as_ref());
    object.binary("idevid-issuer", voucher.idevid_issuer.as_ref().map(|i| i.to_idevid_issuer()).as_deref());
    object.time("last-renewal-date", voucher.last_renewal_date);
    object.text("manufacturer-proprietary", voucher.manufacturer_proprietary.as_deref().map(base64url).as_deref());
    object.text("nonce", voucher.nonce.as_ref().map(|n| n.as_text()));
    object.binary("pinned-domain-cert", voucher.pinned_domain_cert.as_ref().map(|c| c.der()));
    object.binary("pinned-domain-pubk", voucher.pinned_domain_pubk.as_deref());
    object.binary("pinned-domain-pubk-sha256", voucher.pinned_domain_pubk_sha256.as_ref().map(|h| h.as_slice()));
    object.text("serial-number", Some(voucher.serial_number.as_str()));
    Ok(object.under(VOUCHER_ROOT))
}

pub(super) fn encode_request(request: &VoucherRequest) -> Result<Vec<u8>, DecodeError> {
    let mut object = Writer::default();
    object.text("additional-configuration-url", request.additional_configuration_url.as_deref());
    let agent_cert = request.agent_provided_proximity_registrar_cert.as_ref();
    object.binary("agent-provided-proximity-registrar-cert", agent_cert.map(|c| c.der()));
    // An array, as BRSKI-PRM section 7.3.4.1 shows it, although the YANG type is a single binary.
    let agent_chain = request.agent_sign_cert.as_deref();
    object.put("agent-sign-cert", agent_chain.map(|certs| certs.iter().map(|c| base64(c)).collect::<Vec<_>>().into()));
    object.binary("agent-signed-data", request.agent_signed_data.as_deref());
    object.text("assertion", request.assertion.map(|a| a.name()));
    object.time("created-on", request.created_on);
    object.boolean("domain-cert-revocation-checks", request.domain_cert_revocation_checks);
    object.text("est-domain", request.est_domain.as_deref());
    object.time("expires-on", request.expires_on);
    object.provenance(request.provenance.as_ref());
    object.binary("idevid-issuer", request.idevid_issuer.as_ref().map(|i| i.to_idevid_issuer()).as_deref());
    object.time("last-renewal-date", request.last_renewal_date);
    object.text("manufacturer-proprietary", request.manufacturer_proprietary.as_deref().map(base64url).as_deref());
    object.text("nonce", request.nonce.as_ref().map(|n| n.as_text()));
    object.binary("pinned-domain-cert", request.pinned_domain_cert.as_ref().map(|c| c.der()));
    object.binary("pinned-domain-pubk", request.pinned_domain_pubk.as_deref());
    object.binary("pinned-domain-pubk-sha256", request.pinned_domain_pubk_sha256.as_ref().map(|h| h.as_slice()));
    object.binary("prior-signed-voucher-request", request.prior_signed_voucher_request.as_deref());
    object.binary("proximity-registrar-cert", request.proximity_registrar_cert.as_ref().map(|c| c.der()));
    object.binary("proximity-registrar-pubk", request.proximity_registrar_pubk.as_deref());
    object.binary("proximity-registrar-pubk-sha256", request.proximity_registrar_pubk_sha256.as_ref().map(|h| h.as_slice()));
    object.text("serial-number", Some(request.serial_number.as_str()));
    Ok(object.under(REQUEST_ROOT))
}

/// The YANG module's own `must`: nobody can renew what does not expire.
fn renewal_needs_expiry(voucher: &Voucher) -> Result<(), DecodeError> {
    match (voucher.last_renewal_date, voucher.expires_on) {
        (Some(_), None) => Err(DecodeError::InvalidField { field: "last-renewal-date", expected: "accompanied by expires-on" }),
        (Some(_), Some(_)) | (None, Some(_) | None) => Ok(()),
    }
}

/// A container that is being written: absent leaves stay absent.
#[derive(Default)]
struct Writer(Map<String, Value>);

impl Writer {
    fn put(&mut self, leaf: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.0.insert(leaf.to_owned(), value);
        }
    }

    fn text(&mut self, leaf: &str, text: Option<&str>) {
        self.put(leaf, text.map(Value::from));
    }

    fn binary(&mut self, leaf: &str, octets: Option<&[u8]>) {
        self.put(leaf, octets.map(|o| base64(o).into()));
    }

    fn boolean(&mut self, leaf: &str, value: Option<bool>) {
        self.put(leaf, value.map(Value::from));
    }

    fn time(&mut self, leaf: &str, time: Option<UnixTime>) {
        self.put(leaf, time.map(|t| to_rfc3339(t).into()));
    }

    fn provenance(&mut self, extension: Option<&ProvenanceExtension>) {
        if let Some(ProvenanceExtension { statement, .. }) = extension {
            let mut content = Self::default();
            content.binary("statement", statement.as_deref());
            self.put(&content_of(EXTENSION_NAME), Some(Value::Object(content.0)));
            self.put("extensions", Some(json!([EXTENSION_NAME])));
        }
    }

    fn under(self, root: &str) -> Vec<u8> {
        json!({ root: self.0 }).to_string().into_bytes()
    }
}

/// Name of the container that holds an extension's content.
fn content_of(extension: &str) -> String {
    format!("extension:{extension}")
}

const VOUCHER_ROOT: &str = "ietf-voucher:voucher";
const REQUEST_ROOT: &str = "ietf-voucher-request:voucher";
