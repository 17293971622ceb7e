//! What a token's or TPM's own attributes rule out. A station read them: no signature covers them.

use super::super::attributes::{Pkcs11Attributes, TpmaObject};
use super::super::method::{Locus, SecureElementGeneration};
use super::super::origin::KeyOrigin;
use super::super::protection::Protection;
use super::super::reported::Reported;
use super::super::source::Source;
use super::super::transfer::Transfer;
use super::demand;
use crate::refusal::Refusal;

pub(super) fn token(origin: &KeyOrigin) -> Result<(), Refusal> {
    let non_extractable = origin.protection == Protection::NonExtractable;
    if let Some(pkcs11) = &origin.pkcs11 {
        by_themselves(pkcs11)?;
        against_source(origin, pkcs11)?;
        against_protection(origin, pkcs11)?;
    }
    if let Some(tpma) = origin.tpma_object {
        by_tpm(origin, tpma)?;
        demand(tpma.fixed_parent() || !non_extractable, || {
            "fixedParent is clear, so the key may move with another parent, but protection is non-extractable".to_owned()
        })?;
        demand(tpma.fixed_tpm() || !non_extractable, || "fixedTPM is clear, so the key may move, but protection is non-extractable".to_owned())?;
    }
    match &origin.fips {
        None => Ok(()),
        Some(fips) => demand((1..=4).contains(&fips.level), || format!("fips level is {}, but FIPS 140 has the levels 1 to 4", fips.level)),
    }
}

/// Whether the TPM made the key, by its attributes and by the report. What a shared seed makes tells neither.
fn by_tpm(origin: &KeyOrigin, tpma: TpmaObject) -> Result<(), Refusal> {
    let contradiction = match (tpma.made_inside(), Reported::of(origin)) {
        (Some(false), Reported::Inside(fact)) => format!("sensitiveDataOrigin is clear, so the TPM did not make the key, but {fact}"),
        (Some(true), Reported::Outside(fact)) => {
            format!("sensitiveDataOrigin, fixedTPM and fixedParent are set, so the TPM made the key and it never leaves it, but {fact}")
        }
        (Some(true), Reported::Inside(_)) | (Some(false), Reported::Outside(_)) | (None, _) | (_, Reported::Open) => return Ok(()),
    };
    demand(false, || contradiction)
}

/// What no token says of one key (PKCS #11 3.1, sections 4.7 to 4.9).
fn by_themselves(pkcs11: &Pkcs11Attributes) -> Result<(), Refusal> {
    demand(!(pkcs11.extractable == Some(true) && pkcs11.never_extractable == Some(true)), || {
        "CKA_EXTRACTABLE and CKA_NEVER_EXTRACTABLE are both true".to_owned()
    })?;
    demand(!(pkcs11.sensitive == Some(false) && pkcs11.always_sensitive == Some(true)), || {
        "CKA_ALWAYS_SENSITIVE is true, but CKA_SENSITIVE is false".to_owned()
    })?;
    match (pkcs11.local, pkcs11.key_gen_mechanism) {
        (Some(true), Some(UNAVAILABLE | UNAVAILABLE_32)) => {
            demand(false, || "CKA_LOCAL is true, but CKA_KEY_GEN_MECHANISM is unavailable, as for a key that the token did not make".to_owned())
        }
        (Some(false), Some(mechanism)) => demand(matches!(mechanism, UNAVAILABLE | UNAVAILABLE_32), || {
            format!("CKA_LOCAL is false, but CKA_KEY_GEN_MECHANISM is {mechanism:#x}, as for a key that the token made")
        }),
        (Some(true), Some(_) | None) | (Some(false), None) | (None, _) => Ok(()),
    }
}

/// Whether the token made the key, and which attribute says so.
fn made(pkcs11: &Pkcs11Attributes) -> (Option<bool>, &'static str) {
    match (pkcs11.local, pkcs11.key_gen_mechanism) {
        (Some(true), _) => (Some(true), "CKA_LOCAL is true"),
        (Some(false), _) => (Some(false), "CKA_LOCAL is false"),
        (None, Some(UNAVAILABLE | UNAVAILABLE_32)) => (Some(false), "CKA_KEY_GEN_MECHANISM is unavailable"),
        (None, Some(_)) => (Some(true), "CKA_KEY_GEN_MECHANISM is one that makes keys"),
        (None, None) => (None, ""),
    }
}

/// A key that the factory's own token made and let go, and the device was given: what that token says is not about how the device holds it.
fn is_of_the_factory(origin: &KeyOrigin, pkcs11: &Pkcs11Attributes) -> bool {
    let let_go = made(pkcs11).0 == Some(true) && pkcs11.extractable == Some(true);
    let_go && origin.source == Source::Loaded && is_factory(origin.locus)
}

fn is_factory(locus: Locus) -> bool {
    matches!(locus, Locus::Factory | Locus::SiliconFactory)
}

fn against_source(origin: &KeyOrigin, pkcs11: &Pkcs11Attributes) -> Result<(), Refusal> {
    let ((made, why), of_factory) = (made(pkcs11), is_of_the_factory(origin, pkcs11));
    let (loaded, transfer) = (origin.source == Source::Loaded, origin.private_transfer);
    demand(of_factory || !(made == Some(true) && loaded), || match is_factory(origin.locus) {
        true => format!("{why}, so the token made the key, but source is loaded and CKA_EXTRACTABLE does not say that the key could leave the token"),
        false => format!("{why}, so the token made the key, but source is loaded and locus, where the key was made, is {}, not factory", origin.locus),
    })?;
    demand(of_factory || !(made == Some(true) && origin.se_generation == Some(SecureElementGeneration::Injected)), || {
        format!("{why}, so the token made the key, but se-generation is injected")
    })?;
    demand(!(made == Some(false) && origin.source == Source::GeneratedOnDevice), || {
        format!("{why}, so the token did not make the key, but source is generated-on-device")
    })?;
    // A seed may have moved from which the token derived the key (carrot).
    let moved = matches!(transfer, Transfer::MechanicallyInstalled | Transfer::MechanicallyTransferred | Transfer::NetworkTransferred);
    demand(!(made == Some(true) && pkcs11.never_extractable == Some(true) && moved), || {
        format!("CKA_NEVER_EXTRACTABLE is true, so the key never left the token that made it, but private-transfer is {transfer}")
    })?;
    // Tokens clear both for what is put in or unwrapped: they cannot know what became of it before.
    let since_ever = [("CKA_NEVER_EXTRACTABLE", pkcs11.never_extractable), ("CKA_ALWAYS_SENSITIVE", pkcs11.always_sensitive)];
    let told = since_ever.into_iter().find(|(_, value)| *value == Some(true) && loaded && !of_factory);
    told.map_or(Ok(()), |(name, _)| demand(false, || format!("{name} is true, which it is of no key that was put in, but source is loaded")))
}

fn against_protection(origin: &KeyOrigin, pkcs11: &Pkcs11Attributes) -> Result<(), Refusal> {
    if is_of_the_factory(origin, pkcs11) {
        return Ok(());
    }
    let non_extractable = origin.protection == Protection::NonExtractable;
    demand(!(pkcs11.extractable == Some(true) && non_extractable), || "CKA_EXTRACTABLE is true, but protection is non-extractable".to_owned())?;
    // What was put in never was "never extractable": of such a key this tells nothing.
    let inside = made(pkcs11).0 == Some(true) || origin.source == Source::GeneratedOnDevice;
    demand(!(pkcs11.never_extractable == Some(false) && non_extractable && inside), || {
        "CKA_NEVER_EXTRACTABLE is false, so a copy of the key may have left the token, but protection is non-extractable".to_owned()
    })?;
    let readable = pkcs11.sensitive == Some(false) && pkcs11.extractable != Some(false);
    demand(!readable || origin.protection <= Protection::NoneSoftware, || {
        format!("CKA_SENSITIVE is false and CKA_EXTRACTABLE is not, so the key can be read, but protection is {}", origin.protection)
    })
}

/// CK_UNAVAILABLE_INFORMATION, as long as the token's platform has it.
const UNAVAILABLE: u64 = u64::MAX;
const UNAVAILABLE_32: u64 = u32::MAX as u64;
