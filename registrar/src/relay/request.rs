//! What a pledge's voucher-request must be before anybody else hears of it (RFC 8995, sections 5.2 and 5.5).

use brski_common::time::to_rfc3339;
use brski_common::{Assertion, Certificate, DeviceId, Nonce, Refusal, UnixTime, Verified, VoucherRequest};

use super::RelayOrder;
use crate::registrar::Settings;
use crate::trust::VerifiedIDevId;

/// Decides whether a pledge's voucher-request may go on to its MASA.
///
/// `registrar` is the certificate with which this registrar ended the pledge's TLS connection.
///
/// # Errors
/// A [`Refusal`] naming the leaf; [`Refusal::ProximityMismatch`] obliges the server to close the connection.
pub fn admit(
    request: &Verified<VoucherRequest>,
    pledge: &VerifiedIDevId,
    registrar: &Certificate,
    settings: &Settings,
    now: UnixTime,
) -> Result<RelayOrder, Refusal> {
    // Whose signature was verified is the caller's choice of verifier; that it was the TLS peer's is decided here.
    if request.signer().key.digest() != pledge.spki_digest() {
        return Err(Refusal::ForeignSigner(pledge.device().serial.clone()));
    }
    let nonce = check_leaves(request.get(), pledge.device(), registrar, settings, now)?;

    Ok(RelayOrder {
        created_on: now,
        nonce,
        idevid: pledge.idevid().clone(),
        chain: pledge.chain().to_vec(),
        prior: request.signed().wire().to_vec(),
        digest: request.signed().digest(),
        format: request.signed().format(),
        wanted: settings.statement_in_voucher,
        carried: None,
    })
}

/// What a pledge's request must say, whoever it is that says so.
///
/// # Errors
/// As for [`admit`].
pub(crate) fn check_leaves(leaves: &VoucherRequest, device: &DeviceId, registrar: &Certificate, settings: &Settings, now: UnixTime) -> Result<Nonce, Refusal> {
    check_proximity(leaves, registrar)?;
    check_device(leaves, device)?;
    check_freshness(leaves, settings, now)?;
    for (leaf, present) in [
        ("prior-signed-voucher-request", leaves.prior_signed_voucher_request.is_some()),
        ("agent-provided-proximity-registrar-cert", leaves.agent_provided_proximity_registrar_cert.is_some()),
        ("agent-sign-cert", leaves.agent_sign_cert.is_some()),
        ("agent-signed-data", leaves.agent_signed_data.is_some()),
    ] {
        if present {
            return Err(Refusal::LeafForbidden { leaf, section: REQUEST_SECTION });
        }
    }
    // The extension's leaf `request` is a registrar's to send. In a pledge's request it asks nothing of anybody, as any leaf that is not known, and is not carried forward.
    leaves.nonce.clone().ok_or(Refusal::LeafMissing { leaf: "nonce", section: REQUEST_SECTION })
}

/// The pledge must claim proximity, and to nobody but us.
fn check_proximity(leaves: &VoucherRequest, registrar: &Certificate) -> Result<(), Refusal> {
    match leaves.assertion {
        Some(Assertion::Proximity) => {}
        Some(other) => return Err(Refusal::AssertionUnacceptable { found: other.name().to_owned() }),
        None => return Err(Refusal::AssertionUnacceptable { found: "absent".to_owned() }),
    }

    let own = registrar.public_key();
    let named = [
        leaves.proximity_registrar_pubk_sha256.map(|digest| digest == own.digest().0),
        leaves.proximity_registrar_pubk.as_ref().map(|key| key == own.spki()),
        leaves.proximity_registrar_cert.as_ref().map(|cert| cert.public_key() == own),
    ];
    let mut present = named.into_iter().flatten().peekable();
    if present.peek().is_none() {
        return Err(Refusal::LeafMissing { leaf: "proximity-registrar-cert", section: REQUEST_SECTION });
    }
    match present.all(|is_ours| is_ours) {
        true => Ok(()),
        false => Err(Refusal::ProximityMismatch),
    }
}

/// The pledge must speak of itself.
fn check_device(leaves: &VoucherRequest, device: &DeviceId) -> Result<(), Refusal> {
    if leaves.serial_number != device.serial {
        return Err(Refusal::SerialMismatch { found: leaves.serial_number.clone(), expected: device.serial.clone() });
    }
    match &leaves.idevid_issuer {
        Some(issuer) if *issuer != device.issuer => Err(Refusal::IssuerMismatch { found: issuer.to_string(), expected: device.issuer.to_string() }),
        Some(_) | None => Ok(()),
    }
}

/// A pledge without a clock leaves created-on out; one that gives it must be about right.
fn check_freshness(leaves: &VoucherRequest, settings: &Settings, now: UnixTime) -> Result<(), Refusal> {
    let Some(created_on) = leaves.created_on else { return Ok(()) };
    let limit = match created_on <= now {
        true => settings.oldest_request,
        false => settings.clock_skew,
    };
    match created_on.as_secs().abs_diff(now.as_secs()) <= limit.as_secs() {
        true => Ok(()),
        false => Err(Refusal::NotFresh { created_on: to_rfc3339(created_on), now: to_rfc3339(now), limit: limit.as_secs() }),
    }
}

const REQUEST_SECTION: &str = "RFC 8995, section 5.2";
