//! What a refusal means to whoever hears it: the part that a status code can carry.

use super::Refusal;

/// What a peer is told by a status code, which each role chooses for itself; the sentence tells the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalKind {
    /// Not yet: the peer repeats its request later.
    Pending,
    /// The pledge speaks to another registrar than it believes.
    WrongRegistrar,
    /// No such device, or none that the requester may know of.
    UnknownDevice,
    /// How the key came to be, or the device's past, is not what the owner accepts.
    Provenance,
    /// The peer has to show a TLS client certificate.
    ClientCertificate,
    /// The MASA answered with a voucher that was not asked for; the peer's own request is in order.
    WrongVoucher,
    /// Any other rule that says no.
    Forbidden,
}

impl Refusal {
    /// What a status code says of it. Exhaustive, so that no later refusal gets a status by accident.
    pub fn kind(&self) -> RefusalKind {
        match self {
            Self::Pending { .. } => RefusalKind::Pending,
            Self::ProximityMismatch => RefusalKind::WrongRegistrar,
            Self::UnknownDevice(_) | Self::NeverOwner { .. } => RefusalKind::UnknownDevice,
            Self::ProvenanceUnacceptable { .. }
            | Self::StatementMismatch { .. }
            | Self::StatementUntrusted(_)
            | Self::StatementVoid(_)
            | Self::AuditLogUnacceptable(_)
            | Self::AuditLogMissing(_) => RefusalKind::Provenance,
            Self::ClientCertificateRequired(_) => RefusalKind::ClientCertificate,
            Self::VoucherMismatch { .. } => RefusalKind::WrongVoucher,
            Self::AssertionUnacceptable { .. }
            | Self::LeafMissing { .. }
            | Self::LeafForbidden { .. }
            | Self::SerialMismatch { .. }
            | Self::ForeignSigner(_)
            | Self::IssuerMismatch { .. }
            | Self::NonceMismatch
            | Self::NotFresh { .. }
            | Self::Replayed { .. }
            | Self::NotRenewed(_)
            | Self::SoldElsewhere { .. }
            | Self::NotSold { .. }
            | Self::BuyerUnknown { .. }
            | Self::NotReleased(_)
            | Self::NoncelessNotSigned
            | Self::OfflineUnfit { .. }
            | Self::NoncelessNotAuthorized { .. }
            | Self::RevocationUnchecked { .. }
            | Self::KeyMismatch(_)
            | Self::DeviceBlocked(..)
            | Self::TooManyVouchers { .. }
            | Self::NoVoucherKey { .. }
            | Self::Contradiction { .. }
            | Self::OtherOrigin(..)
            | Self::SplitRevealed
            | Self::LinkLifetime { .. }
            | Self::StaysWithManufacturer
            | Self::BasisNotAllowed { .. }
            | Self::BasisNotGrounded { .. }
            | Self::EvidenceUnfit { .. }
            | Self::EvidenceContradicts { .. }
            | Self::Testimony(_)
            | Self::Inconsistent(_)
            | Self::UnknownManufacturer { .. }
            | Self::ManufacturerWithdrawn(_)
            | Self::NoMasa(_)
            | Self::NotAdmitted
            | Self::NotApproved { .. }
            | Self::LDevIdRevoked(_)
            | Self::CsrUnacceptable(_) => RefusalKind::Forbidden,
        }
    }
}
