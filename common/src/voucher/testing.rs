//! A voucher and a request with every leaf set.

use crate::envelope::Format;
use crate::error::DecodeError;
use crate::identity::{KeyIdentifier, SerialNumber};
use crate::leniency::Reading;
use crate::provenance::{Method, Protection, Source, Transfer};
use crate::sign::Signer as _;
use crate::signed::Payload as _;
use crate::test_pki::Entity;
use crate::time::at;
use crate::voucher::{Assertion, Nonce, ProvenanceExtension, Voucher, VoucherRequest, Wanted};

pub(super) fn serial() -> SerialNumber {
    SerialNumber::new("JADA123456789").unwrap()
}

pub(super) fn extension() -> ProvenanceExtension {
    ProvenanceExtension {
        request: Some(Wanted { full: true, summary: true }),
        statement: Some(vec![0xd2, 0x84]),
        statement_type: Some("application/eat+cwt".to_owned()),
        statement_hash: Some([5; 32]),
        statement_uri: Some("https://masa.example.com/statement".to_owned()),
        method: Some(Method::Salak),
        transfer: Some(Transfer::None),
        source: Some(Source::GeneratedOnDevice),
        protection: Some(Protection::NonExtractable),
        evidence: vec![vec![0x83, 1], vec![0x83, 2]],
    }
}

pub(super) fn voucher() -> Voucher {
    let domain = Entity::root("Domain");
    Voucher {
        serial_number: serial(),
        assertion: Some(Assertion::Proximity),
        created_on: Some(at(1_475_868_702)),
        domain_cert_revocation_checks: Some(false),
        expires_on: Some(at(1_500_000_000)),
        idevid_issuer: Some(KeyIdentifier::new([7; 20]).unwrap()),
        last_renewal_date: Some(at(1_490_000_000)),
        nonce: Some(Nonce::from_bytes(&[9; 16]).unwrap()),
        pinned_domain_cert: Some(domain.certificate.clone()),
        pinned_domain_pubk: Some(domain.key.public_key().spki().to_vec()),
        pinned_domain_pubk_sha256: Some(domain.certificate.spki_digest().0),
        additional_configuration_url: Some("https://configuration.example.com/jada".to_owned()),
        est_domain: Some("https://est.example.com".to_owned()),
        manufacturer_proprietary: Some(vec![0xfb, 0xff, 1]),
        provenance: Some(extension()),
    }
}

pub(super) fn request() -> VoucherRequest {
    let registrar = Entity::root("Registrar").certificate;
    let voucher = voucher();
    VoucherRequest {
        serial_number: serial(),
        assertion: Some(Assertion::AgentProximity),
        created_on: voucher.created_on,
        domain_cert_revocation_checks: Some(true),
        expires_on: voucher.expires_on,
        idevid_issuer: voucher.idevid_issuer,
        last_renewal_date: voucher.last_renewal_date,
        nonce: voucher.nonce,
        pinned_domain_cert: voucher.pinned_domain_cert,
        pinned_domain_pubk: voucher.pinned_domain_pubk,
        pinned_domain_pubk_sha256: voucher.pinned_domain_pubk_sha256,
        additional_configuration_url: voucher.additional_configuration_url,
        est_domain: voucher.est_domain,
        manufacturer_proprietary: voucher.manufacturer_proprietary,
        prior_signed_voucher_request: Some(vec![0x30, 0x80]),
        proximity_registrar_pubk: Some(registrar.public_key().spki().to_vec()),
        proximity_registrar_pubk_sha256: Some(registrar.spki_digest().0),
        agent_provided_proximity_registrar_cert: Some(registrar.clone()),
        agent_sign_cert: Some(vec![registrar.der().to_vec(), vec![1]]),
        agent_signed_data: Some(b"signed".to_vec()),
        proximity_registrar_cert: Some(registrar),
        provenance: voucher.provenance,
    }
}

/// Reads a voucher strictly.
pub(super) fn voucher_from(octets: &[u8], format: Format) -> Result<Voucher, DecodeError> {
    Voucher::decode(octets, format, &Reading::default())
}

/// Reads a request strictly.
pub(super) fn request_from(octets: &[u8], format: Format) -> Result<VoucherRequest, DecodeError> {
    VoucherRequest::decode(octets, format, &Reading::default())
}
