//! The taxonomy's eighteen evaluation questions (section 6) and the answers to them.
//!
//! The numbers k and n of a split secret and the names of key executives (section 5.3.1) are confidential for ever, so the model has no place for them: only n-k can be answered.

use core::num::NonZeroU8;

use serde::{Deserialize, Serialize};

use super::answer::{EnclaveLocation, IntegrityKey, KeyAlgorithm, Lifespan, LockPolicy, PrivacyKey, StageGap};
use super::disclosure::{Disclosure, Overrides, SplitReveal};
use super::quantity::{Period, Quantity, Text};
use super::word::spoken;

/// Declares [`Question`] and [`Answers`] from one table, so that no question lacks a number, a disclosure level or a place.
macro_rules! questions {
    ($( $(#[$doc:meta])* $number:literal $name:literal $level:ident $variant:ident $field:ident: $type:ty; )+) => {
        /// An evaluation question, by the number and name that the taxonomy gives it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Question {
            $( $(#[$doc])* $variant = $number, )+
        }

        impl Question {
            /// Every question, by number.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The taxonomy's number, 1 to 18.
            pub fn number(self) -> u8 {
                self as u8
            }

            /// The taxonomy's name.
            pub fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )+ }
            }

            /// Who may see the answer unless the manufacturer decided otherwise.
            pub fn default_disclosure(self) -> Disclosure {
                match self { $( Self::$variant => Disclosure::$level, )+ }
            }
        }

        /// Answers to the evaluation questions. In JSON each has the taxonomy's name; in a statement, its number.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Answers {
            $(
                $(#[$doc])*
                #[serde(rename = $name, skip_serializing_if = "Option::is_none")]
                pub $field: Option<$type>,
            )+
        }

        impl Answers {
            /// Whether there is an answer to `question`.
            pub fn has(&self, question: Question) -> bool {
                match question { $( Question::$variant => self.$field.is_some(), )+ }
            }

            /// Takes the answer to `question` away.
            pub fn withhold(&mut self, question: Question) {
                match question { $( Question::$variant => self.$field = None, )+ }
            }

            /// The same with the answers of `others` to questions that are not answered here.
            #[must_use]
            pub fn or(self, others: &Self) -> Self {
                Self { $( $field: self.$field.or_else(|| others.$field.clone()), )+ }
            }
        }
    };
}

questions! {
    /// Is the memory of the first boot stage in the processor's package?
    1 "initial-enclave-location" Customer InitialEnclaveLocation initial_enclave_location: EnclaveLocation;
    /// Where is the key that checks its integrity?
    2 "initial-enclave-integrity-key" Customer InitialEnclaveIntegrityKey initial_enclave_integrity_key: IntegrityKey;
    /// Is it encrypted?
    3 "initial-enclave-privacy-key" Customer InitialEnclavePrivacyKey initial_enclave_privacy_key: PrivacyKey;
    /// How many people could touch its initialization? None, if automated. Confidential, because it shows whom to bribe.
    4 "first-stage-exposure" Internal FirstStageExposure first_stage_exposure: u32;
    /// What lies between the first and the second stage of initialization?
    5 "first-second-stage-gap" Customer FirstSecondStageGap first_second_stage_gap: StageGap;
    /// How many levels has the PKI of IDevIDs? A self-signed end-entity certificate is one.
    6 "identity-pki-level" Public IdentityPkiLevel identity_pki_level: NonZeroU8;
    /// How long is each subordinate CA of IDevIDs used?
    7 "identity-time-limits-per-subordinate" Public IdentityTimeLimitsPerSubordinate identity_time_limits_per_subordinate: Quantity<Period>;
    /// How many IDevIDs does each subordinate CA issue?
    8 "identity-number-per-subordinate" Customer IdentityNumberPerSubordinate identity_number_per_subordinate: Quantity<u64>;
    /// How are the private keys of the IDevID PKI kept?
    9 "identity-anchor-storage" Customer IdentityAnchorStorage identity_anchor_storage: Text;
    /// How many shares of the split root key are there beyond those needed (n-k)?
    10 "identity-shared-split-extra" Public IdentitySharedSplitExtra identity_shared_split_extra: u32;
    /// On how many continents are the shares?
    11 "identity-shared-split-continents" Customer IdentitySharedSplitContinents identity_shared_split_continents: u32;
    /// How many levels has the PKI of the other trust anchors?
    12 "pki-level" Public PkiLevel pki_level: NonZeroU8;
    /// Which algorithms and key sizes does it use?
    13 "pki-algorithms" Public PkiAlgorithms pki_algorithms: Vec<KeyAlgorithm>;
    /// How long do its anchors live?
    14 "pki-lifespan" Public PkiLifespan pki_lifespan: Lifespan;
    /// Is its number of levels fixed?
    15 "pki-level-locked" Customer PkiLevelLocked pki_level_locked: bool;
    /// How many end-entity certificates are below it?
    16 "pki-breadth" Customer PkiBreadth pki_breadth: u64;
    /// Which end-entity certificates below it are obeyed?
    17 "pki-lock-policy" Customer PkiLockPolicy pki_lock_policy: LockPolicy;
    /// How are its private keys kept? Never say how many people it takes to recover one: that is k.
    18 "pki-anchor-storage" Customer PkiAnchorStorage pki_anchor_storage: Text;
}

spoken!(Question);

impl Answers {
    /// Whether nothing is answered.
    pub fn is_empty(&self) -> bool {
        !Question::ALL.iter().any(|q| self.has(*q))
    }

    /// The answers that a reader at `level` may see.
    pub fn disclosed(&self, level: Disclosure, overrides: &Overrides, split: SplitReveal) -> Self {
        let mut seen = self.clone();
        for question in Question::ALL.iter().copied() {
            let open = overrides.of(question.into()) <= level;
            let safe = question != Question::IdentitySharedSplitExtra || split.may_leave() || level == Disclosure::Internal;
            if !(open && safe) {
                seen.withhold(question);
            }
        }
        seen
    }
}
