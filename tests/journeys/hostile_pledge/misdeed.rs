//! What a pledge can do wrong.

use brski_common::Method;

use crate::support::misdeeds;

misdeeds! {
    /// One misdeed of a pledge whose manufacturer made it properly.
    Misdeed {
        /// It shows no certificate.
        ShowsNoCertificate,
        /// It comes from a manufacturer whom the owner does not know.
        IsOfAForeignManufacturer,
        /// Its certificate has the manufacturer's names on it and its own signature.
        ShowsASelfSignedIdevid,
        /// Its IDevID is past its end.
        ShowsAnExpiredIdevid,
        /// It has the key of the manufacturer's CA and acts as that.
        ActsAsItsMakersCa,
        /// It asks for a voucher with a certificate of the owner's own CA.
        AsksWithAnLdevid,
        /// Another key than its IDevID's signed its request, under the IDevID's certificate.
        SignsWithAnotherKey,
        /// A key that has a certificate of the owner's own CA signed its request.
        SignsWithAnLdevid,
        /// Its request has a second signature, of nobody.
        HasAStrangerSignAsWell,
        /// Its request has more signatures than anybody reads.
        SignsNineTimes,
        /// Its request says that it needs no signature.
        SignsWithAlgorithmNone,
        /// Its request is authenticated with its public key as the secret of a MAC.
        SignsWithAMacUnderItsPublicKey,
        /// It names another device.
        NamesAnotherDevice,
        /// It names another CA as that of its IDevID.
        NamesAnotherIssuer,
        /// It sends no nonce.
        SendsNoNonce,
        /// Its nonce has seven octets, one less than RFC 8366bis allows; pledges on the market send such.
        SendsAShortNonce,
        /// Its nonce is there and empty.
        SendsAnEmptyNonce,
        /// It asserts logged.
        AssertsLogged,
        /// It asserts verified, which is the MASA's to say.
        AssertsVerified,
        /// It asserts nothing.
        AssertsNothing,
        /// It names another registrar.
        NamesAnotherRegistrar,
        /// It names no registrar.
        NamesNoRegistrar,
        /// Its request is four days and a second old.
        DatesItsRequestBack,
        /// Its request is from tomorrow.
        DatesItsRequestAhead,
        /// It encloses a request, as only registrars do.
        EnclosesARequest,
        /// Its request has a leaf that nobody knows.
        AddsAnUnknownLeaf,
        /// Its request has a leaf twice.
        RepeatsALeaf,
        /// The media type of its request is another's.
        MislabelsItsRequest,
        /// It sends nothing.
        SendsNothing,
        /// It sends more than a registrar reads.
        SendsTooMuch,
        /// It leaves the last octet out.
        CutsItsRequestOff,
        /// It shows the statement of another device.
        ShowsTheStatementOfAnother,
        /// It signed the statement that it shows.
        ForgesItsStatement,
        /// The statement that it shows says that its key is compromised.
        ShowsThatItIsCompromised,
        /// The statement that it shows says that its manufacturer disputes the record.
        ShowsThatItIsDisputed,
        /// It shows a statement that its manufacturer has corrected since.
        ShowsAnOutdatedStatement,
        /// Its key came out of the factory, which the owner's policy refuses.
        HasAKeyOfTheFactory,
        /// It was told to wait, and asks twenty times at once.
        AsksAgainAtOnce,
        /// It sends what it saw another pledge send.
        ReplaysTheRequestOfAnother,
        /// It asks for a second voucher on the same request, in another format.
        AsksForAnotherFormat,
        /// It enrolls without a voucher.
        EnrollsWithoutAVoucher,
        /// It has a voucher and wants a certificate in the name of another.
        EnrollsInAnothersName,
        /// It has a voucher and wants to be a CA.
        EnrollsAsACa,
        /// It has a voucher and wants a certificate for another pledge's key.
        EnrollsAnothersKey,
        /// It has a voucher and wants a certificate for an RSA key.
        EnrollsAnRsaKey,
        /// It has a voucher and wants a certificate for a key on P-521.
        EnrollsAKeyOnP521,
        /// It has a voucher and a certification request that another key signed.
        EnrollsAKeyItDoesNotHave,
        /// It has a voucher and wants to renew what it never got.
        RenewsWithItsIdevid,
        /// It reports that its voucher was good, and has none.
        ReportsAVoucherItDoesNotHave,
        /// Its report moves the cursor, changes colours and starts a new line.
        ReportsWithControlCharacters,
    }
}

impl Misdeed {
    /// By which method its key was made.
    pub(super) fn origin(self) -> Method {
        match self {
            Self::HasAKeyOfTheFactory | Self::ShowsAnOutdatedStatement => Method::Bamboo,
            Self::AsksAgainAtOnce => Method::Carrot,
            _ => Method::Avocado,
        }
    }

    /// Whether the pledge had its voucher before.
    pub(super) fn is_of_an_admitted_pledge(self) -> bool {
        matches!(
            self,
            Self::AsksForAnotherFormat
                | Self::EnrollsInAnothersName
                | Self::EnrollsAsACa
                | Self::EnrollsAnothersKey
                | Self::EnrollsAnRsaKey
                | Self::EnrollsAKeyOnP521
                | Self::EnrollsAKeyItDoesNotHave
                | Self::RenewsWithItsIdevid
                | Self::ReportsWithControlCharacters
        )
    }

    /// Whether a registrar reads over it: leaves that are not known are ignored (RFC 8995, section 5.6.1), as is a signature beside the pledge's own (RFC 7515, section 7.2).
    pub(super) fn is_harmless(self) -> bool {
        matches!(self, Self::AddsAnUnknownLeaf | Self::HasAStrangerSignAsWell | Self::SendsAShortNonce)
    }

    /// The status of its answer (RFC 8995, section 5.6).
    pub(super) fn status(self) -> u16 {
        match self {
            Self::HasAStrangerSignAsWell
            | Self::SendsAShortNonce
            | Self::AddsAnUnknownLeaf
            | Self::AsksForAnotherFormat
            | Self::ReportsAVoucherItDoesNotHave
            | Self::ReportsWithControlCharacters => 200,
            Self::AsksAgainAtOnce => 202,
            Self::SignsNineTimes | Self::SendsAnEmptyNonce | Self::RepeatsALeaf | Self::SendsNothing | Self::CutsItsRequestOff => 400,
            Self::NamesAnotherRegistrar => 401,
            Self::ShowsNoCertificate
            | Self::IsOfAForeignManufacturer
            | Self::ShowsASelfSignedIdevid
            | Self::ShowsAnExpiredIdevid
            | Self::ActsAsItsMakersCa
            | Self::AsksWithAnLdevid
            | Self::SignsWithAnotherKey
            | Self::SignsWithAnLdevid
            | Self::SignsWithAlgorithmNone
            | Self::SignsWithAMacUnderItsPublicKey
            | Self::NamesAnotherDevice
            | Self::NamesAnotherIssuer
            | Self::SendsNoNonce
            | Self::AssertsLogged
            | Self::AssertsVerified
            | Self::AssertsNothing
            | Self::NamesNoRegistrar
            | Self::DatesItsRequestBack
            | Self::DatesItsRequestAhead
            | Self::EnclosesARequest
            | Self::ReplaysTheRequestOfAnother
            | Self::EnrollsWithoutAVoucher
            | Self::EnrollsInAnothersName
            | Self::EnrollsAsACa
            | Self::EnrollsAnothersKey
            | Self::EnrollsAnRsaKey
            | Self::EnrollsAKeyOnP521
            | Self::EnrollsAKeyItDoesNotHave
            | Self::RenewsWithItsIdevid => 403,
            Self::ShowsTheStatementOfAnother
            | Self::ForgesItsStatement
            | Self::ShowsThatItIsCompromised
            | Self::ShowsThatItIsDisputed
            | Self::ShowsAnOutdatedStatement
            | Self::HasAKeyOfTheFactory => 406,
            Self::SendsTooMuch => 413,
            Self::MislabelsItsRequest => 415,
        }
    }
}
