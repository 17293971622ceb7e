//! What a policy would have made of the key that a pledge asked an LDevID for last.

use core::fmt;

use brski_common::Policy;
use brski_common::evidence::Authorities;
use brski_common::text::{LONGEST_LINE, printable};
use brski_registrar::enroll::KeyGround;
use brski_registrar::trail::{PledgeFile, What};
use brski_registrar::{PledgeStore, StoreError};
use serde::Serialize;

/// What becomes of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum KeySaid {
    Accepted,
    /// Why, in a sentence.
    Refused(String),
    /// The request is not on record.
    NotJudged,
}

impl KeySaid {
    /// Judges again the request that is on record, as of when it came and with the nonce it had to answer; none if there is nothing to judge: no LDevID, or nothing demanded of its key.
    pub(super) async fn of(file: &PledgeFile, policy: &Policy, authorities: &Authorities, store: &dyn PledgeStore) -> Result<Option<Self>, StoreError> {
        let not_judged = (policy.ldevid_key().in_words().is_some() && !file.certificates.is_empty()).then_some(Self::NotJudged);
        let Some(attested) = &file.attested else { return Ok(not_judged) };
        let events = store.history(file.pledge.key, LOOKED_AT).await?;
        let kept = events.into_iter().rev().find_map(|(_, event)| match event.what {
            What::Attested { request, kept, .. } if request == attested.request => Some(kept),
            _ => None,
        });
        let Some((csr, nonce)) = kept.and_then(|kept| kept.read()) else { return Ok(not_judged) };
        let ground = KeyGround { policy, manufacturer: Some(&file.pledge.manufacturer), authorities, nonce: nonce.as_deref() };
        Ok(Some(match ground.appraise(&csr, attested.at).permit(ground.mode()) {
            Ok(()) => Self::Accepted,
            Err(refusal) => Self::Refused(refusal.to_string()),
        }))
    }

    /// Whether it went otherwise then: what is on record was accepted.
    pub(super) fn is_changed(&self) -> bool {
        match self {
            Self::Refused(_) => true,
            Self::Accepted | Self::NotJudged => false,
        }
    }
}

impl fmt::Display for KeySaid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted => f.write_str("LDevID's key accepted"),
            Self::Refused(sentence) => write!(f, "LDevID's key refused: {}", printable(sentence, LONGEST_LINE)),
            Self::NotJudged => f.write_str("LDevID's key not judged, as no evidence about it is on record"),
        }
    }
}

/// How many of a pledge's last events to look for the request among.
const LOOKED_AT: u32 = 1000;
