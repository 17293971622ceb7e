//! Where a key came into being by what is reported of it, for whoever holds attributes or evidence against that.

use super::method::{Method, SecureElementGeneration};
use super::origin::KeyOrigin;
use super::source::Source;

/// Where the key came into being by the report, and the fact that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reported {
    /// In the device, or in the element that holds it.
    Inside(String),
    /// It was put in.
    Outside(String),
    /// Nobody says, or attributes cannot tell: somebody else may have the seed or a share as well.
    Open,
}

impl Reported {
    /// By source, else by what is said of the element, else by method.
    pub(crate) fn of(origin: &KeyOrigin) -> Self {
        let by_source = match origin.source {
            Source::GeneratedOnDevice | Source::DeviceDerived => Self::Inside(format!("source is {}", origin.source)),
            Source::Loaded => Self::Outside("source is loaded".to_owned()),
            Source::KeyAgreement | Source::CoGenerated | Source::Kdf => return Self::Open,
            Source::Unknown => Self::Open,
        };
        let by_element = || match origin.se_generation {
            Some(SecureElementGeneration::Internal) => Self::Inside("se-generation is internal".to_owned()),
            Some(SecureElementGeneration::Injected) => Self::Outside("se-generation is injected".to_owned()),
            Some(SecureElementGeneration::Unknown) | None => Self::Open,
        };
        let by_method = || match origin.method {
            Method::Avocado | Method::Salak => Self::Inside(format!("method is {}", origin.method)),
            Method::Bamboo => Self::Outside("method is bamboo".to_owned()),
            Method::Carrot | Method::Sapodilla | Method::Unknown => Self::Open,
        };
        match origin.method {
            // What a shared seed makes looks like a key that the module made.
            Method::Carrot => Self::Open,
            Method::Avocado | Method::Bamboo | Method::Salak | Method::Sapodilla | Method::Unknown => by_source.or(by_element).or(by_method),
        }
    }

    fn or(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Open => other(),
            told @ (Self::Inside(_) | Self::Outside(_)) => told,
        }
    }
}
