//! The conditions of one rule, in an order that reads well: the device, then the method, then the rest.

use toml::de::DeInteger;

use super::super::condition::{AboutDevice, AboutMasa, AboutStatement, Condition, LogWord, Made, Place, Received, assertion_name, evidence_name, told};
use super::super::glob::Glob;
use super::super::policy::PolicyError;
use super::answers;
use super::fields::{Fields, words};
use crate::provenance::{Basis, FindingResult, Lock, Locus, Method, Protection, SecureElementGeneration, Source, Status, Transfer};
use crate::voucher::Assertion;

pub(super) fn conditions(fields: &Fields<'_>) -> Result<Vec<Condition>, PolicyError> {
    let device = device(fields)?.into_iter().map(Condition::Device);
    let statement = statement(fields)?.into_iter().map(Condition::Statement);
    let masa = masa(fields)?.into_iter().map(Condition::Masa);
    Ok(device.chain(statement).chain(masa).collect())
}

fn device(fields: &Fields<'_>) -> Result<Vec<AboutDevice>, PolicyError> {
    let names = fields.items("manufacturer", "a list of manufacturers' names, as `trust list` tells them", manufacturer)?;
    let conditions = [names.map(AboutDevice::Manufacturer), fields.globs("model")?.map(AboutDevice::Model), fields.globs("serial")?.map(AboutDevice::Serial)];
    Ok(conditions.into_iter().flatten().collect())
}

/// A manufacturer's name as an owner gives it.
pub(super) fn manufacturer(name: &str) -> Option<String> {
    (!name.trim().is_empty() && !name.chars().any(char::is_control)).then(|| name.to_owned())
}

fn statement(fields: &Fields<'_>) -> Result<Vec<AboutStatement>, PolicyError> {
    let presence = |field, absent: AboutStatement, present: AboutStatement| {
        fields.read(field, "\"absent\" or \"present\"", |value| match value.as_str() {
            Some("absent") => Some(absent),
            Some("present") => Some(present),
            Some(_) | None => None,
        })
    };
    let stated: Vec<Protection> = Protection::ALL.iter().copied().filter(|p| *p > Protection::Unknown).collect();
    let protection = fields.read("protection-at-least", &format!("one of {}", words(&stated, Protection::name)), |value| {
        value.as_str().and_then(Protection::from_name).filter(|least| stated.contains(least))
    })?;
    let retained = fields.read("key-retained", "true or false, or \"absent\"", |value| match (value.as_bool(), value.as_str()) {
        (Some(retained), _) => Some(Some(retained)),
        (None, Some("absent")) => Some(None),
        (None, Some(_) | None) => None,
    })?;
    let parties = fields.read("co-generation-parties-at-least", "a number from 1", |value| value.as_integer().and_then(small).filter(|least| *least >= 1))?;
    let evidence: Vec<Option<FindingResult>> = FindingResult::ALL.iter().copied().map(Some).chain([None]).collect();
    let conditions = [
        presence("statement", AboutStatement::Absent, AboutStatement::Present)?,
        fields.list("method", Method::ALL, Method::name)?.map(AboutStatement::Method),
        fields
            .list("se-generation", &told(SecureElementGeneration::ALL), |wanted| wanted.word(SecureElementGeneration::name))?
            .map(AboutStatement::SeGeneration),
        fields.list("source", Source::ALL, Source::name)?.map(AboutStatement::Source),
        fields.list("locus", Locus::ALL, Locus::name)?.map(AboutStatement::Locus),
        protection.map(AboutStatement::ProtectionAtLeast),
        retained.map(AboutStatement::KeyRetained),
        fields.list("certificate-transfer", &told(Transfer::ALL), |wanted| wanted.word(Transfer::name))?.map(AboutStatement::CertificateTransfer),
        fields.list("private-transfer", &told(Transfer::ALL), |wanted| wanted.word(Transfer::name))?.map(AboutStatement::PrivateTransfer),
        fields.list("lock", &told(Lock::ALL), |wanted| wanted.word(Lock::name))?.map(AboutStatement::Lock),
        parties.map(AboutStatement::CoGenerationPartiesAtLeast),
        presence("co-generation", AboutStatement::CoGeneration(false), AboutStatement::CoGeneration(true))?,
        fields.list("basis", Basis::ALL, Basis::name)?.map(AboutStatement::Basis),
        fields.list("evidence", &evidence, evidence_name)?.map(AboutStatement::Evidence),
        fields.list("status", Status::ALL, Status::name)?.map(AboutStatement::Status),
        made(fields, Place::Site)?,
        made(fields, Place::Line)?,
        made(fields, Place::Batch)?,
        fields.time("made-after")?.map(AboutStatement::MadeAfter),
        fields.time("made-before")?.map(AboutStatement::MadeBefore),
        fields.age("statement-age-at-most")?.map(AboutStatement::AgeAtMost),
        receipt(fields)?.map(AboutStatement::Receipt),
    ];
    let answers = answers::answers(fields)?.into_iter().map(AboutStatement::Answer);
    Ok(conditions.into_iter().flatten().chain(answers).collect())
}

fn made(fields: &Fields<'_>, place: Place) -> Result<Option<AboutStatement>, PolicyError> {
    let expected = format!("a list, each \"absent\" or {}", Glob::EXPECTED);
    // None stands for `absent`.
    let read = |text: &str| match text {
        "absent" => Some(None),
        pattern => Glob::new(pattern).map(Some),
    };
    let items = fields.items(place.name(), &expected, read)?;
    Ok(items.map(|items| AboutStatement::Made(Made { place, absent: items.contains(&None), patterns: items.into_iter().flatten().collect() })))
}

/// One word, or a list of them.
fn receipt(fields: &Fields<'_>) -> Result<Option<Vec<Received>>, PolicyError> {
    match fields.get("receipt").is_some_and(|value| value.get_ref().is_array()) {
        true => fields.list("receipt", &Received::ALL, Received::name),
        false => Ok(fields.word("receipt", &Received::ALL, Received::name)?.map(|one| vec![one])),
    }
}

fn masa(fields: &Fields<'_>) -> Result<Vec<AboutMasa>, PolicyError> {
    let assertions: Vec<Option<Assertion>> = Assertion::ALL.into_iter().map(Some).chain([None]).collect();
    let conditions = [
        fields.list("assertion", &assertions, assertion_name)?.map(AboutMasa::Assertion),
        fields.list("audit-log", &LogWord::ALL, LogWord::name)?.map(AboutMasa::AuditLog),
        fields.time("audit-log-events-before")?.map(AboutMasa::EventsBefore),
    ];
    Ok(conditions.into_iter().flatten().collect())
}

fn small(number: &DeInteger<'_>) -> Option<u32> {
    super::fields::whole(number).and_then(|number| u32::try_from(number).ok())
}

/// Everything that can stand in a rule.
pub(super) const FIELDS: &[&str] = &[
    "name",
    "statement",
    "method",
    "se-generation",
    "source",
    "locus",
    "protection-at-least",
    "key-retained",
    "certificate-transfer",
    "private-transfer",
    "lock",
    "co-generation",
    "co-generation-parties-at-least",
    "basis",
    "evidence",
    "status",
    "manufacturer",
    "model",
    "serial",
    "site",
    "line",
    "batch",
    "made-after",
    "made-before",
    "statement-age-at-most",
    "receipt",
    "pki",
    "assertion",
    "audit-log",
    "audit-log-events-before",
    "then",
];
