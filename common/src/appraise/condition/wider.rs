//! Which conditions are as wide as others, as far as that shows without a pledge to look at. It errs towards "no".

use super::super::glob::Glob;
use super::{AboutDevice, AboutMasa, AboutStatement, Condition, Made};

impl Condition {
    /// Whether this holds wherever `narrow` does.
    pub(in crate::appraise) fn is_as_wide_as(&self, narrow: &Self) -> bool {
        match (self, narrow) {
            (Self::Device(wide), Self::Device(narrow)) => wide.is_as_wide_as(narrow),
            (Self::Statement(wide), Self::Statement(narrow)) => wide.is_as_wide_as(narrow),
            (Self::Masa(wide), Self::Masa(narrow)) => wide.is_as_wide_as(narrow),
            (Self::Device(_) | Self::Statement(_) | Self::Masa(_), _) => false,
        }
    }
}

impl AboutDevice {
    fn is_as_wide_as(&self, narrow: &Self) -> bool {
        match (self, narrow) {
            (Self::Manufacturer(wide), Self::Manufacturer(narrow)) => covers(wide, narrow),
            (Self::Model(wide), Self::Model(narrow)) | (Self::Serial(wide), Self::Serial(narrow)) => patterns_cover(wide, narrow),
            (Self::Manufacturer(_) | Self::Model(_) | Self::Serial(_), _) => false,
        }
    }
}

impl AboutStatement {
    fn is_as_wide_as(&self, narrow: &Self) -> bool {
        match (self, narrow) {
            (Self::Present, narrow) => *narrow != Self::Absent,
            (Self::Method(wide), Self::Method(narrow)) => covers(wide, narrow),
            (Self::Source(wide), Self::Source(narrow)) => covers(wide, narrow),
            (Self::Basis(wide), Self::Basis(narrow)) => covers(wide, narrow),
            (Self::Evidence(wide), Self::Evidence(narrow)) => covers(wide, narrow),
            (Self::Locus(wide), Self::Locus(narrow)) => covers(wide, narrow),
            (Self::SeGeneration(wide), Self::SeGeneration(narrow)) => covers(wide, narrow),
            (Self::Lock(wide), Self::Lock(narrow)) => covers(wide, narrow),
            (Self::CertificateTransfer(wide), Self::CertificateTransfer(narrow)) | (Self::PrivateTransfer(wide), Self::PrivateTransfer(narrow)) => {
                covers(wide, narrow)
            }
            (Self::Status(wide), Self::Status(narrow)) => covers(wide, narrow),
            (Self::Receipt(wide), Self::Receipt(narrow)) => covers(wide, narrow),
            (Self::ProtectionAtLeast(wide), Self::ProtectionAtLeast(narrow)) => wide <= narrow,
            (Self::CoGenerationPartiesAtLeast(wide), Self::CoGenerationPartiesAtLeast(narrow)) => wide <= narrow,
            (Self::CoGeneration(true), Self::CoGenerationPartiesAtLeast(_)) => true,
            (Self::MadeAfter(wide), Self::MadeAfter(narrow)) => wide <= narrow,
            (Self::MadeBefore(wide), Self::MadeBefore(narrow)) => wide >= narrow,
            (Self::AgeAtMost(wide), Self::AgeAtMost(narrow)) => wide >= narrow,
            (Self::Made(wide), Self::Made(narrow)) => wide.is_as_wide_as(narrow),
            // Of answers it is told only where nothing differs.
            (wide, narrow) => wide == narrow,
        }
    }
}

impl Made {
    fn is_as_wide_as(&self, narrow: &Self) -> bool {
        self.place == narrow.place && (self.absent || !narrow.absent) && patterns_cover(&self.patterns, &narrow.patterns)
    }
}

impl AboutMasa {
    fn is_as_wide_as(&self, narrow: &Self) -> bool {
        match (self, narrow) {
            (Self::Assertion(wide), Self::Assertion(narrow)) => covers(wide, narrow),
            (Self::AuditLog(wide), Self::AuditLog(narrow)) => covers(wide, narrow),
            (Self::EventsBefore(wide), Self::EventsBefore(narrow)) => wide >= narrow,
            (Self::Assertion(_) | Self::AuditLog(_) | Self::EventsBefore(_), _) => false,
        }
    }
}

fn covers<T: PartialEq>(wide: &[T], narrow: &[T]) -> bool {
    narrow.iter().all(|one| wide.contains(one))
}

/// The same patterns, and any text that one without wildcards stands for.
fn patterns_cover(wide: &[Glob], narrow: &[Glob]) -> bool {
    narrow.iter().all(|one| wide.contains(one) || one.is_literal() && wide.iter().any(|glob| glob.matches(&one.to_string())))
}
