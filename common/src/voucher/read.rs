//! Which leaves a voucher, a request and our extension have, for reading.

use super::encoded::Encoded;
use super::leaves::{ENVELOPE, Leaves, OPAQUE, STATEMENT};
use super::schema::{PROVENANCE, REQUEST, VOUCHER};
use super::{ProvenanceExtension, Voucher, VoucherRequest, renewal_needs_expiry};
use crate::error::DecodeError;
use crate::leniency::Reading;

pub(super) fn voucher<V: Encoded>(octets: &[u8], reading: &Reading) -> Result<Voucher, DecodeError> {
    let document = V::parse(VOUCHER.artefact, octets)?;
    let leaves = Leaves::of(&VOUCHER, document.root(&VOUCHER, reading)?, reading)?;
    let voucher = Voucher {
        serial_number: leaves.serial_number()?,
        assertion: leaves.choice("assertion")?,
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
        provenance: provenance(&leaves)?,
    };
    renewal_needs_expiry(&voucher)?;
    Ok(voucher)
}

pub(super) fn request<V: Encoded>(octets: &[u8], reading: &Reading) -> Result<VoucherRequest, DecodeError> {
    let document = V::parse(REQUEST.artefact, octets)?;
    let leaves = Leaves::of(&REQUEST, document.root(&REQUEST, reading)?, reading)?;
    Ok(VoucherRequest {
        serial_number: leaves.serial_number()?,
        assertion: leaves.choice("assertion")?,
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
        prior_signed_voucher_request: leaves.binary("prior-signed-voucher-request", ENVELOPE)?,
        proximity_registrar_cert: leaves.certificate("proximity-registrar-cert")?,
        proximity_registrar_pubk: leaves.public_key("proximity-registrar-pubk")?,
        proximity_registrar_pubk_sha256: leaves.hash("proximity-registrar-pubk-sha256")?,
        agent_provided_proximity_registrar_cert: leaves.certificate("agent-provided-proximity-registrar-cert")?,
        agent_sign_cert: leaves.agent_sign_cert()?,
        agent_signed_data: leaves.binary("agent-signed-data", OPAQUE)?,
        provenance: provenance(&leaves)?,
    })
}

/// Our extension, if it is listed.
fn provenance<V: Encoded>(leaves: &Leaves<'_, V>) -> Result<Option<ProvenanceExtension>, DecodeError> {
    let content = match leaves.extension()? {
        None => return Ok(None),
        Some(None) => return Ok(Some(ProvenanceExtension::default())),
        Some(Some(content)) => Leaves::of(&PROVENANCE, content, leaves.reading())?,
    };
    Ok(Some(ProvenanceExtension {
        request: content.wanted("request")?,
        statement: content.binary("statement", STATEMENT)?,
        statement_type: content.media_type("statement-type")?,
        statement_hash: content.hash("statement-hash")?,
        statement_uri: content.uri("statement-uri")?,
        method: content.choice("method")?,
        transfer: content.choice("transfer")?,
        source: content.choice("source")?,
        protection: content.choice("protection")?,
        evidence: content.evidence()?,
    }))
}
