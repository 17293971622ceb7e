//! Whether enough people signed: all parties of a ceremony, two derivations of a seed, and whoever received the seeds.

use std::collections::BTreeSet;

use brski_common::UnixTime;
use brski_common::evidence::{Appraised, AppraisedItem, CeremonySignature, EvidenceError, Outcome, SeedEvent, SeedNotice, SeedReceipt, Testimony, Word};
use brski_common::provenance::{Basis, CoGeneration, KeyOrigin, Seed, Text};
use brski_common::refusal::TestimonyFault;
use brski_common::time::to_rfc3339;

/// Checks what testimonies there are, and that none is missing.
///
/// A co-generation needs a signature of each of its parties once one of them has signed, or if the basis is more than the station's own word. A seed whose batch is named needs the
/// batch's receipt and two derivations by different parties, and what is said of its copies has to be what the notice of their destruction says.
///
/// # Errors
/// [`TestimonyFault`] that says what is missing, in numbers.
pub(super) fn check(origin: &KeyOrigin, appraised: &[AppraisedItem], station_suffices: bool, latest: UnixTime) -> Result<(), TestimonyFault> {
    if testimonies(appraised).any(|testimony| matches!(testimony.word, Word::Audit(_))) {
        return Err(TestimonyFault::AuditReported);
    }
    happened(appraised, latest)?;
    let batch = origin.batch_of_seeds();
    let (derivations, of_parties): (Vec<_>, Vec<_>) = signatures(appraised).partition(|(_, signature)| Some(&signature.ceremony) == batch);
    if let (Some(seed), Some(batch)) = (&origin.seed, batch) {
        seeds(origin, seed, batch, appraised)?;
        derived_twice(batch, &derivations)?;
        roles(batch, appraised, &derivations)?;
    }
    let Some(co_generation) = &origin.co_generation else {
        return if of_parties.is_empty() { Ok(()) } else { Err(TestimonyFault::Stray(of_parties.len())) };
    };
    // Who split a seed among two may have signed in the name of its batch alone.
    let signed = if of_parties.is_empty() { derivations } else { of_parties };
    let foreign = unfit(appraised).count();
    let own_word = matches!(origin.basis, Basis::SelfDeclared | Basis::StationSigned) || station_suffices;
    match signed.is_empty() && foreign == 0 && own_word {
        true => Ok(()),
        false => parties(co_generation, &signed, foreign),
    }
}

/// The batch's receipt, if it is named and has one.
pub(super) fn receipt<'a>(batch: &'a Text, notices: impl Iterator<Item = &'a SeedNotice>) -> Option<(&'a SeedNotice, &'a SeedReceipt)> {
    notices.filter(|notice| notice.batch == *batch).find_map(|notice| match &notice.event {
        SeedEvent::Received(receipt) => Some((notice, receipt)),
        SeedEvent::Destroyed(_) => None,
    })
}

fn seeds(origin: &KeyOrigin, seed: &Seed, batch: &Text, appraised: &[AppraisedItem]) -> Result<(), TestimonyFault> {
    let notices = || {
        testimonies(appraised).filter_map(|testimony| match &testimony.word {
            Word::Seeds(notice) if notice.batch == *batch => Some(notice),
            Word::Seeds(_) | Word::Ceremony(_) | Word::Audit(_) => None,
        })
    };
    let named = || batch.as_str().to_owned();
    let without = |event, at| {
        let [made_at, at] = [origin.made_at, at].map(to_rfc3339);
        Err(TestimonyFault::DerivedWithoutSeeds { batch: named(), made_at, event, at })
    };
    let (received, _) = receipt(batch, notices()).ok_or_else(|| TestimonyFault::SeedsUnknown(named()))?;
    if origin.made_at < received.at {
        return without("received", received.at);
    }
    let destroyed = notices().filter(|notice| matches!(notice.event, SeedEvent::Destroyed(_))).map(|notice| notice.at).min();
    match (destroyed, seed.copies_destroyed) {
        (Some(at), _) if at < origin.made_at => without("destroyed", at),
        (Some(_), Some(false)) => Err(TestimonyFault::Destruction { batch: named(), said: false, found: "a" }),
        (None, Some(true)) => Err(TestimonyFault::Destruction { batch: named(), said: true, found: "no" }),
        (Some(_), Some(true) | None) | (None, Some(false) | None) => {
            // One that derived another key signed for that.
            let other = unfit(appraised).find_map(|err| match err {
                EvidenceError::OtherKey { found, expected, .. } => Some((found.clone(), expected.clone())),
                _ => None,
            });
            other.map_or(Ok(()), |(found, expected)| Err(TestimonyFault::DerivationsDiffer { batch: named(), found, expected }))
        }
    }
}

/// Nobody has seen what is yet to come.
fn happened(appraised: &[AppraisedItem], latest: UnixTime) -> Result<(), TestimonyFault> {
    testimonies(appraised).find(|testimony| testimony.at() > latest).map_or(Ok(()), |testimony| {
        let kind = match testimony.word {
            Word::Ceremony(_) => "signature of a ceremony",
            Word::Seeds(_) => "seed notice",
            Word::Audit(_) => "countersignature",
        };
        Err(TestimonyFault::YetToCome { kind, at: to_rfc3339(testimony.at()) })
    })
}

/// One station has the seeds until they are destroyed, and derives no keys: otherwise two who derive could vouch for seeds that nobody brought.
fn roles(batch: &Text, appraised: &[AppraisedItem], derivations: &[(&str, &CeremonySignature)]) -> Result<(), TestimonyFault> {
    let events = || {
        testimonies(appraised).filter_map(|testimony| match &testimony.word {
            Word::Seeds(notice) if notice.batch == *batch => Some((testimony.by.as_str(), &notice.event)),
            Word::Seeds(_) | Word::Ceremony(_) | Word::Audit(_) => None,
        })
    };
    let receiver = events().find_map(|(by, event)| matches!(event, SeedEvent::Received(_)).then_some(by));
    let named = || batch.as_str().to_owned();
    for (by, event) in events() {
        let derives = derivations.iter().any(|(party, _)| *party == by);
        match event {
            SeedEvent::Received(_) if derives => return Err(TestimonyFault::SeedRoles { batch: named(), event: "received" }),
            SeedEvent::Destroyed(_) if derives => return Err(TestimonyFault::SeedRoles { batch: named(), event: "destroyed" }),
            SeedEvent::Destroyed(_) if receiver != Some(by) => return Err(TestimonyFault::DestroyedByOther(named())),
            SeedEvent::Received(_) | SeedEvent::Destroyed(_) => {}
        }
    }
    Ok(())
}

fn derived_twice(batch: &Text, derivations: &[(&str, &CeremonySignature)]) -> Result<(), TestimonyFault> {
    let parties = derivations.iter().map(|(by, _)| by).collect::<BTreeSet<_>>().len();
    match parties >= 2 {
        true => Ok(()),
        false => Err(TestimonyFault::DerivedOnce { batch: batch.as_str().to_owned(), parties }),
    }
}

fn parties(co_generation: &CoGeneration, signed: &[(&str, &CeremonySignature)], unfit: usize) -> Result<(), TestimonyFault> {
    let named = |by: &str| co_generation.parties.iter().any(|party| party.as_str() == by);
    let own: Vec<&str> = signed.iter().map(|(by, _)| *by).filter(|by| named(by)).collect();
    let once: BTreeSet<&str> = own.iter().copied().collect();
    let (parties, again, foreign) = (co_generation.parties.len(), own.len() - once.len(), signed.len() - own.len() + unfit);
    if (once.len(), again, foreign) != (parties, 0, 0) {
        return Err(TestimonyFault::Parties { parties, signed: once.len(), again, foreign });
    }
    match signed.iter().map(|(_, signature)| &signature.ceremony).collect::<BTreeSet<_>>().len() {
        1 => Ok(()),
        several => Err(TestimonyFault::Ceremonies(several)),
    }
}

fn testimonies(appraised: &[AppraisedItem]) -> impl Iterator<Item = &Testimony> {
    appraised.iter().filter_map(|item| match &item.appraised.outcome {
        Outcome::Testified(testimony) => Some(&**testimony),
        Outcome::Holds(_) | Outcome::Refused(_) | Outcome::OfPlatform(_) | Outcome::Endorsement(_) | Outcome::Unknown => None,
    })
}

/// Who signed for the key, and what.
fn signatures(appraised: &[AppraisedItem]) -> impl Iterator<Item = (&str, &CeremonySignature)> {
    testimonies(appraised).filter_map(|testimony| match &testimony.word {
        Word::Ceremony(signature) => Some((testimony.by.as_str(), signature)),
        Word::Seeds(_) | Word::Audit(_) => None,
    })
}

/// Signatures for ceremonies that do not count.
fn unfit(appraised: &[AppraisedItem]) -> impl Iterator<Item = &EvidenceError> {
    appraised.iter().filter_map(|AppraisedItem { appraised: Appraised { kind, outcome }, .. }| match outcome {
        Outcome::Refused(err) if kind.as_str() == CeremonySignature::KIND => Some(err),
        Outcome::Refused(_) | Outcome::Holds(_) | Outcome::Testified(_) | Outcome::OfPlatform(_) | Outcome::Endorsement(_) | Outcome::Unknown => None,
    })
}
