//! What can be wrong with the certificates of voucher signers, each in a sentence that goes on from the field that names them.

use brski_common::{PolicyOid, VerifyError};

/// What is wrong with the certificates of voucher signers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModeFault {
    /// Nobody signs.
    #[error("names no key that signs vouchers")]
    NoKey,
    /// Several keys where one signs at a time.
    #[error("must name one key that signs all vouchers; several are for mode \"rotating\"")]
    SeveralKeys,
    /// The key certifies.
    #[error("begins with the certificate of a CA, {subject}, which must stay offline; vouchers are signed by an end-entity certificate")]
    SignerIsCa {
        /// Its subject.
        subject: String,
    },
    /// Pledges and registrars would take the signer for a device.
    #[error("{subject} has a serialNumber in its subject, by which a device is known, and no device may sign vouchers")]
    SignerNamesDevice {
        /// Its subject.
        subject: String,
    },
    /// The wrong number of certificates.
    #[error("holds {found} certificates, expected {expected}")]
    Length {
        /// How many.
        found: usize,
        /// What would be right.
        expected: &'static str,
    },
    /// The certificates do not lead from one to the next.
    #[error("does not lead from its first certificate to its last")]
    NoPath(#[source] VerifyError),
    /// The key would be trusted for ever.
    #[error("{subject} never expires; a CA that stays offline certifies its signers for a while, so that a stolen key is of no use for ever")]
    NeverExpires {
        /// Its subject.
        subject: String,
    },
    /// IDevIDs and vouchers are to be apart, and are not.
    #[error("{subject} also stands above IDevIDs; its own CA is needed, or mode \"idevid-intertwined\" with a policy")]
    AboveIdevids {
        /// The CA's subject.
        subject: String,
    },
    /// Two product lines have one CA.
    #[error("{subject} also stands above the voucher keys of '{line}'; mode \"per-product\" wants a CA for each product line")]
    Shared {
        /// The other line.
        line: String,
        /// The CA's subject.
        subject: String,
    },
    /// The IDevIDs' root is not above it.
    #[error("must end with the root that stands above the IDevIDs, one of idevid-anchors, not {subject}")]
    NotIntertwined {
        /// Subject of the last certificate.
        subject: String,
    },
    /// Whoever issues IDevIDs could make voucher signers.
    #[error("is issued below {subject}, which issues IDevIDs; whoever holds that CA, at a factory perhaps, could take any device")]
    IssuesIdevids {
        /// The CA's subject.
        subject: String,
    },
    /// Nothing tells it from a device.
    #[error("{subject} lacks the policy {policy} in its certificatePolicies, so that nothing would tell voucher signers from devices")]
    LacksPolicy {
        /// Its subject.
        subject: String,
        /// The policy.
        policy: PolicyOid,
    },
    /// Nobody could say which of two keys a device knows.
    #[error("two keys cover the same devices, '{first}' and '{second}'; each device must know one of them")]
    Overlap {
        /// Subject of the first.
        first: String,
        /// Subject of the second.
        second: String,
    },
}
