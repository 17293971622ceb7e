//! Who may see what.

use core::fmt;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::pki::Question;
use super::word::vocabulary;
use crate::error::DecodeError;

vocabulary! {
    /// How far a fact may travel. A reader at one level sees what is disclosed at that level and at those before it.
    #[derive(PartialOrd, Ord)]
    pub enum Disclosure {
        /// To everybody.
        Public = 0, "public", "for everybody";
        /// To whoever owns the device.
        Customer = 1, "customer", "for the device's owner";
        /// To auditors under an agreement.
        Auditor = 2, "auditor", "for auditors";
        /// To nobody outside the manufacturer.
        Internal = 3, "internal", "for the manufacturer alone";
    }
}

vocabulary! {
    /// A fact of a record, other than an answer, that can be disclosed or kept.
    ///
    /// Key, device, method, source, protection, locus, basis and status are always disclosed: a statement without them says nothing.
    #[derive(PartialOrd, Ord)]
    pub enum Fact {
        /// How CSR and certificate moved.
        CertificateTransfer = 1, "certificate-transfer", "how CSR and certificate moved";
        /// How the private key or seed moved.
        PrivateTransfer = 2, "private-transfer", "how the private key or seed moved";
        /// Whether the secure element made its key.
        SeGeneration = 3, "se-generation", "whether the secure element made its key";
        /// What keeps the provisioning interface shut.
        Lock = 4, "lock", "what keeps the provisioning interface shut";
        /// When the key was made.
        MadeAt = 5, "made-at", "when the key was made";
        /// Whether the factory kept the key.
        KeyRetained = 6, "key-retained", "whether the factory kept the key";
        /// How many parties made the key together.
        CoGeneration = 7, "co-generation", "how many parties made the key together";
        /// Where it was made.
        Site = 8, "site", "the site";
        /// On which line.
        Line = 9, "line", "the assembly line";
        /// At which station.
        Station = 10, "station", "the station";
        /// In which batch.
        Batch = 11, "batch", "the batch";
        /// Whether every copy of the seed outside of the device was destroyed.
        SeedCopiesDestroyed = 12, "seed-copies-destroyed", "whether other copies of the seed were destroyed";
    }
}

impl Fact {
    /// Who may see it unless the manufacturer decided otherwise.
    pub fn default_disclosure(self) -> Disclosure {
        match self {
            Self::CertificateTransfer | Self::PrivateTransfer | Self::SeGeneration | Self::KeyRetained | Self::SeedCopiesDestroyed => Disclosure::Public,
            Self::Lock | Self::MadeAt => Disclosure::Customer,
            Self::Site | Self::Line | Self::Station | Self::Batch => Disclosure::Auditor,
            Self::CoGeneration => Disclosure::Internal,
        }
    }
}

/// Anything that has a disclosure level: an answer or another fact. Written by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Field {
    /// The answer to an evaluation question.
    Answer(Question),
    /// Another fact.
    Fact(Fact),
}

impl Field {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answer(question) => question.name(),
            Self::Fact(fact) => fact.name(),
        }
    }

    /// Who may see it unless the manufacturer decided otherwise.
    pub fn default_disclosure(self) -> Disclosure {
        match self {
            Self::Answer(question) => question.default_disclosure(),
            Self::Fact(fact) => fact.default_disclosure(),
        }
    }
}

impl From<Question> for Field {
    fn from(question: Question) -> Self {
        Self::Answer(question)
    }
}

impl From<Fact> for Field {
    fn from(fact: Fact) -> Self {
        Self::Fact(fact)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl TryFrom<String> for Field {
    type Error = DecodeError;
    fn try_from(name: String) -> Result<Self, DecodeError> {
        let answer = Question::from_name(&name).map(Self::Answer);
        let expected = "the name of an evaluation question, or of a fact such as made-at, lock or batch";
        answer.or(Fact::from_name(&name).map(Self::Fact)).ok_or(DecodeError::InvalidField { field: "disclosure", expected })
    }
}

impl From<Field> for String {
    fn from(field: Field) -> Self {
        field.name().to_owned()
    }
}

/// Where a manufacturer decided otherwise than the default about who may see a field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Overrides(pub BTreeMap<Field, Disclosure>);

impl Overrides {
    /// Who may see `field`.
    pub fn of(&self, field: Field) -> Disclosure {
        self.0.get(&field).copied().unwrap_or(field.default_disclosure())
    }

    /// Whether nothing was decided otherwise.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

vocabulary! {
    /// What n-k would tell about how a root key was split into n shares of which k are needed.
    ///
    /// With n = 2k-1, the split that Shamir suggests, n-k is k-1 and tells both. Where nobody said that it is not so, n-k is therefore withheld.
    #[derive(Default)]
    pub enum SplitReveal {
        /// Nobody said how n and k relate.
        #[default]
        Unstated = 0, "unstated", "nobody said whether n-k tells n and k";
        /// n is not 2k-1.
        Harmless = 1, "harmless", "n-k does not tell n and k";
        /// n = 2k-1: n-k stays with the manufacturer.
        MinimalMajority = 2, "minimal-majority", "with n = 2k-1, n-k tells both";
        /// n = 2k-1, and the manufacturer decided to publish n-k all the same.
        MinimalMajorityPublished = 3, "minimal-majority-published", "with n = 2k-1, n-k tells both, and this was decided";
    }
}

impl SplitReveal {
    /// Whether n-k may be told to anybody outside the manufacturer.
    pub fn may_leave(self) -> bool {
        match self {
            Self::Harmless | Self::MinimalMajorityPublished => true,
            Self::Unstated | Self::MinimalMajority => false,
        }
    }

    /// Whether n-k is to be told although it tells n and k, which takes the manufacturer's explicit word.
    pub fn tells_all(self) -> bool {
        match self {
            Self::MinimalMajorityPublished => true,
            Self::Unstated | Self::Harmless | Self::MinimalMajority => false,
        }
    }

    /// Whether n-k would leave the manufacturer because `said` has taken the place of this, although this says that n-k tells n and k.
    pub fn is_opened_by(self, said: Self) -> bool {
        match self {
            Self::MinimalMajority => said.may_leave(),
            Self::MinimalMajorityPublished => said == Self::Harmless,
            Self::Unstated | Self::Harmless => false,
        }
    }
}

#[cfg(test)]
mod tests;
