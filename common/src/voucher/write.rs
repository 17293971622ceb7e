//! Which leaves a voucher, a request and our extension have, for writing. Absent leaves stay absent.

use std::collections::BTreeMap;

use super::encoded::{Choice, Encoded};
use super::schema::{Container, EXTENSION_CONTENT, PROVENANCE, REQUEST, VOUCHER};
use super::{Nonce, ProvenanceExtension, Voucher, VoucherRequest, renewal_needs_expiry};
use crate::error::DecodeError;
use crate::identity::KeyIdentifier;
use crate::time::{UnixTime, to_rfc3339};

pub(super) fn voucher<V: Encoded>(voucher: &Voucher) -> Result<Vec<u8>, DecodeError> {
    renewal_needs_expiry(voucher)?;
    let mut leaves = Writer::<V>::default();
    leaves.text("additional-configuration-url", voucher.additional_configuration_url.as_deref());
    leaves.choice("assertion", voucher.assertion);
    leaves.time("created-on", voucher.created_on);
    leaves.boolean("domain-cert-revocation-checks", voucher.domain_cert_revocation_checks);
    leaves.text("est-domain", voucher.est_domain.as_deref());
    leaves.time("expires-on", voucher.expires_on);
    leaves.provenance(voucher.provenance.as_ref());
    leaves.idevid_issuer(voucher.idevid_issuer.as_ref());
    leaves.time("last-renewal-date", voucher.last_renewal_date);
    leaves.put("manufacturer-proprietary", voucher.manufacturer_proprietary.as_deref().map(V::from_opaque));
    leaves.nonce(voucher.nonce.as_ref())?;
    leaves.binary("pinned-domain-cert", voucher.pinned_domain_cert.as_ref().map(|c| c.der()));
    leaves.binary("pinned-domain-pubk", voucher.pinned_domain_pubk.as_deref());
    leaves.binary("pinned-domain-pubk-sha256", voucher.pinned_domain_pubk_sha256.as_ref().map(|h| h.as_slice()));
    leaves.text("serial-number", Some(voucher.serial_number.as_str()));
    leaves.under(&VOUCHER).document(&VOUCHER)
}

pub(super) fn request<V: Encoded>(request: &VoucherRequest) -> Result<Vec<u8>, DecodeError> {
    let mut leaves = Writer::<V>::default();
    leaves.text("additional-configuration-url", request.additional_configuration_url.as_deref());
    let agent_cert = request.agent_provided_proximity_registrar_cert.as_ref();
    leaves.binary("agent-provided-proximity-registrar-cert", agent_cert.map(|c| c.der()));
    // An array, as BRSKI-PRM section 7.3.4.1 shows it, although the YANG type is a single binary.
    leaves.binaries("agent-sign-cert", request.agent_sign_cert.as_deref());
    leaves.binary("agent-signed-data", request.agent_signed_data.as_deref());
    leaves.choice("assertion", request.assertion);
    leaves.time("created-on", request.created_on);
    leaves.boolean("domain-cert-revocation-checks", request.domain_cert_revocation_checks);
    leaves.text("est-domain", request.est_domain.as_deref());
    leaves.time("expires-on", request.expires_on);
    leaves.provenance(request.provenance.as_ref());
    leaves.idevid_issuer(request.idevid_issuer.as_ref());
    leaves.time("last-renewal-date", request.last_renewal_date);
    leaves.put("manufacturer-proprietary", request.manufacturer_proprietary.as_deref().map(V::from_opaque));
    leaves.nonce(request.nonce.as_ref())?;
    leaves.binary("pinned-domain-cert", request.pinned_domain_cert.as_ref().map(|c| c.der()));
    leaves.binary("pinned-domain-pubk", request.pinned_domain_pubk.as_deref());
    leaves.binary("pinned-domain-pubk-sha256", request.pinned_domain_pubk_sha256.as_ref().map(|h| h.as_slice()));
    leaves.binary("prior-signed-voucher-request", request.prior_signed_voucher_request.as_deref());
    leaves.binary("proximity-registrar-cert", request.proximity_registrar_cert.as_ref().map(|c| c.der()));
    leaves.binary("proximity-registrar-pubk", request.proximity_registrar_pubk.as_deref());
    leaves.binary("proximity-registrar-pubk-sha256", request.proximity_registrar_pubk_sha256.as_ref().map(|h| h.as_slice()));
    leaves.text("serial-number", Some(request.serial_number.as_str()));
    leaves.under(&REQUEST).document(&REQUEST)
}

fn provenance<V: Encoded>(extension: &ProvenanceExtension) -> V {
    let mut leaves = Writer::<V>::default();
    leaves.put("request", extension.request.map(V::from_wanted));
    leaves.binary("statement", extension.statement.as_deref());
    leaves.text("statement-type", extension.statement_type.as_deref());
    leaves.binary("statement-hash", extension.statement_hash.as_ref().map(|h| h.as_slice()));
    leaves.text("statement-uri", extension.statement_uri.as_deref());
    leaves.choice("method", extension.method);
    leaves.choice("transfer", extension.transfer);
    leaves.choice("source", extension.source);
    leaves.choice("protection", extension.protection);
    leaves.binaries("evidence", Some(extension.evidence.as_slice()).filter(|records| !records.is_empty()));
    leaves.under(&PROVENANCE)
}

/// A container that is being written.
struct Writer<V>(BTreeMap<&'static str, V>);

impl<V> Default for Writer<V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<V: Encoded> Writer<V> {
    fn put(&mut self, leaf: &'static str, value: Option<V>) {
        if let Some(value) = value {
            self.0.insert(leaf, value);
        }
    }

    fn text(&mut self, leaf: &'static str, text: Option<&str>) {
        self.put(leaf, text.map(V::from_text));
    }

    fn binary(&mut self, leaf: &'static str, octets: Option<&[u8]>) {
        self.put(leaf, octets.map(V::from_octets));
    }

    fn binaries(&mut self, leaf: &'static str, list: Option<&[Vec<u8>]>) {
        self.put(leaf, list.map(|list| V::from_elements(list.iter().map(|octets| V::from_octets(octets)).collect())));
    }

    fn boolean(&mut self, leaf: &'static str, value: Option<bool>) {
        self.put(leaf, value.map(V::from_boolean));
    }

    fn choice(&mut self, leaf: &'static str, choice: Option<impl Choice>) {
        self.put(leaf, choice.map(V::from_choice));
    }

    fn time(&mut self, leaf: &'static str, time: Option<UnixTime>) {
        self.put(leaf, time.map(|time| V::from_text(&to_rfc3339(time))));
    }

    fn nonce(&mut self, nonce: Option<&Nonce>) -> Result<(), DecodeError> {
        self.put("nonce", nonce.map(V::from_nonce).transpose()?);
        Ok(())
    }

    fn idevid_issuer(&mut self, issuer: Option<&KeyIdentifier>) {
        self.binary("idevid-issuer", issuer.map(KeyIdentifier::to_idevid_issuer).as_deref());
    }

    fn provenance(&mut self, extension: Option<&ProvenanceExtension>) {
        self.put("extensions", extension.map(|_| V::own_extension()));
        self.put(EXTENSION_CONTENT, extension.map(provenance));
    }

    fn under(self, container: &'static Container) -> V {
        V::from_members(container, self.0)
    }
}
