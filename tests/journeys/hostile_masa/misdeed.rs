//! What a MASA can do wrong.

use crate::support::misdeeds;

misdeeds! {
    /// One misdeed of a MASA about a device that it made properly.
    Misdeed {
        /// Its voucher is for another request.
        VouchesForAnotherNonce,
        /// Its voucher could be shown again for ever.
        VouchesWithoutNonce,
        /// Its voucher is for another device.
        VouchesForAnotherDevice,
        /// Its voucher is for another CA's device of the same serial number.
        VouchesForAnotherIssuer,
        /// Its voucher gives the device to somebody else.
        VouchesForAnotherDomain,
        /// Its voucher gives the device to nobody.
        PinsNothing,
        /// Its voucher is past its end.
        SendsAnExpiredVoucher,
        /// Somebody else signed its voucher.
        LetsAStrangerSign,
        /// The device signed its voucher.
        LetsTheDeviceSign,
        /// Nobody signed its voucher.
        SendsAnUnsignedVoucher,
        /// Its voucher is of another format than was asked for.
        AnswersInAnotherFormat,
        /// Its audit log is as long as one may be, and every entry names another domain.
        SendsTheLongestLog,
        /// Its audit log has a voucher without nonce for another domain.
        GaveADomainAVoucherForEver,
        /// Its audit log was cut at will.
        CutsTheLog,
        /// It keeps the audit log to itself.
        WithholdsTheLog,
        /// Its audit log does not have the voucher that it just issued.
        LeavesThisVoucherOutOfTheLog,
        /// Its statement is about another key.
        StatesAnotherKey,
        /// Somebody else signed its statement.
        LetsAStrangerState,
        /// Its statement is older than the one whose hash the voucher has.
        SendsAnOutdatedStatement,
        /// Its statement has expired.
        SendsAnExpiredStatement,
        /// It says that the key is compromised, and vouches.
        StatesCompromised,
        /// It disputes its own record, and vouches.
        StatesDisputed,
        /// It has no statement for anybody.
        WithholdsTheStatement,
        /// Its voucher says avocado, its provenance resource says bamboo, and both views are of one record.
        ContradictsItself,
        /// It says no in 1 MiB of control characters.
        RefusesInControlCharacters,
        /// It wants a year.
        WantsAYear,
        /// It points elsewhere.
        Redirects,
        /// It fails.
        Fails,
        /// It says that the registrar is nobody.
        WantsTheRegistrarToAuthenticate,
        /// It is not there.
        IsDown,
        /// It says nothing.
        IsSilent,
    }
}

impl Misdeed {
    /// Whether it is the owner's policy, and nothing else, that could mind: foreign domains with a nonce had the device once, and can do nothing with it.
    pub(super) fn is_harmless(self) -> bool {
        matches!(self, Self::SendsTheLongestLog | Self::LeavesThisVoucherOutOfTheLog)
    }

    /// What the pledge hears (RFC 8995, section 5.6).
    pub(super) fn status(self) -> u16 {
        match self {
            Self::SendsTheLongestLog | Self::LeavesThisVoucherOutOfTheLog => 200,
            Self::WantsAYear | Self::IsDown | Self::IsSilent => 202,
            Self::RefusesInControlCharacters => 403,
            Self::GaveADomainAVoucherForEver
            | Self::CutsTheLog
            | Self::WithholdsTheLog
            | Self::StatesAnotherKey
            | Self::LetsAStrangerState
            | Self::SendsAnOutdatedStatement
            | Self::SendsAnExpiredStatement
            | Self::StatesCompromised
            | Self::StatesDisputed
            | Self::WithholdsTheStatement
            | Self::ContradictsItself => 406,
            Self::Fails => 500,
            Self::VouchesForAnotherNonce
            | Self::VouchesWithoutNonce
            | Self::VouchesForAnotherDevice
            | Self::VouchesForAnotherIssuer
            | Self::VouchesForAnotherDomain
            | Self::PinsNothing
            | Self::SendsAnExpiredVoucher
            | Self::LetsAStrangerSign
            | Self::LetsTheDeviceSign
            | Self::SendsAnUnsignedVoucher
            | Self::AnswersInAnotherFormat
            | Self::Redirects
            | Self::WantsTheRegistrarToAuthenticate => 502,
        }
    }
}
