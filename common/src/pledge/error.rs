//! Why a pledge stops.

use crate::error::{DecodeError, SignError, VerifyError};

/// Why an attempt to onboard ended. The sentence goes to the registrar in a status report, too.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PledgeError {
    // Before anything is sent.
    /// The pledge's own certificate names no device.
    #[error("the pledge's own IDevID is unusable")]
    IDevId(#[source] DecodeError),
    /// The key is not the one in the certificate.
    #[error("the private key does not belong to the {what} certificate")]
    KeyMismatch {
        /// Which certificate.
        what: &'static str,
    },
    /// TLS gave no server certificate.
    #[error("the registrar showed no TLS certificate")]
    NoRegistrarCertificate,
    /// The key did not sign a request.
    #[error("the {what} could not be signed")]
    Sign {
        /// What was to be signed.
        what: &'static str,
        /// Why not.
        #[source]
        source: SignError,
    },

    // What the registrar answered.
    /// The registrar said no.
    #[error("the registrar answered {resource} with {status}: {sentence}")]
    Refused {
        /// Which resource.
        resource: &'static str,
        /// Status code.
        status: u16,
        /// What it said, fit for display.
        sentence: String,
    },
    /// The registrar points elsewhere.
    #[error("the registrar redirects {resource} ({status}), which is not followed")]
    Redirected {
        /// Which resource.
        resource: &'static str,
        /// Status code.
        status: u16,
    },
    /// The registrar points to where the pledge was before, or to no registrar at all.
    #[error("the cloud registrar redirects to '{location}', {problem}")]
    RedirectUnusable {
        /// Where to, fit for display.
        location: String,
        /// Why it is not followed.
        problem: &'static str,
    },
    /// The answer is of another type than the one asked for.
    #[error("the registrar answered {resource} with media type '{found}', expected {expected}")]
    MediaType {
        /// Which resource.
        resource: &'static str,
        /// What it is, fit for display.
        found: String,
        /// What was asked for.
        expected: &'static str,
    },
    /// The registrar put the pledge off for too long.
    #[error("the registrar has answered {resource} with 'later' for more than four days")]
    WaitedTooLong {
        /// Which resource.
        resource: &'static str,
    },

    // The voucher.
    /// Not signed by the manufacturer, or not readable.
    #[error("the voucher is not trusted")]
    VoucherUntrusted(#[source] VerifyError),
    /// Signed in the name of another device.
    #[error("the voucher is signed with the IDevID of {signer}, which is no voucher key")]
    VoucherFromDevice {
        /// Subject of that IDevID.
        signer: String,
    },
    /// For another pledge or another request.
    #[error("the voucher's {leaf} is not this pledge's")]
    VoucherMismatch {
        /// Which leaf.
        leaf: &'static str,
    },
    /// Its time is over.
    #[error("the voucher expired at {expires_on}, and it is {now}")]
    VoucherExpired {
        /// RFC 3339.
        expires_on: String,
        /// RFC 3339.
        now: String,
    },
    /// It demands a check that this pledge cannot make.
    #[error("the voucher demands that revocation of the domain's certificate is checked, which this pledge cannot do")]
    RevocationCheckDemanded,
    /// It came from a cloud registrar, and does not tell where to enrol.
    #[error("the voucher of the cloud registrar names no est-domain")]
    NoEstDomain,
    /// It names no domain.
    #[error("the voucher pins neither a certificate nor a key")]
    NothingPinned,
    /// What it pins cannot serve as anchor.
    #[error("what the voucher pins cannot be used")]
    PinUnusable(#[source] DecodeError),

    // The registrar.
    /// The registrar's TLS certificate does not lead to what the voucher pins.
    #[error("the registrar's TLS certificate does not lead to the domain that the voucher pins")]
    RegistrarUntrusted(#[source] VerifyError),
    /// The registrar holds another key than the one that the voucher pins.
    #[error("the registrar's TLS key is not the one that the voucher pins")]
    RegistrarKeyMismatch,

    // Enrolment.
    /// An EST body cannot be read.
    #[error("the body of {resource} cannot be read")]
    Body {
        /// Which resource.
        resource: &'static str,
        /// What is wrong with it.
        #[source]
        source: DecodeError,
    },
    /// The CA certificates belong to another domain than the registrar.
    #[error("the registrar's own certificate does not lead to one of the CA certificates that it hands out")]
    CaCertificatesForeign(#[source] VerifyError),
    /// None of the certificates is for the key that was sent.
    #[error("the registrar issued {0} certificates, and none is for the requested key")]
    NotOurKey(usize),
    /// The LDevID does not lead to the domain.
    #[error("the issued certificate is not trusted")]
    LDevIdUntrusted(#[source] VerifyError),
}
