//! On whose word a record stands.

use super::word::vocabulary;

vocabulary! {
    /// Why the manufacturer believes what it records. A method without a basis says nothing.
    pub enum Basis {
        /// Somebody typed it in.
        SelfDeclared = 0, "self-declared", "on the manufacturer's own word";
        /// An enrolled station of the assembly line signed the report.
        StationSigned = 1, "station-signed", "signed by the station that made it";
        /// The factory's hardware security module attested the key.
        HsmAttested = 2, "hsm-attested", "attested by the factory's security module";
        /// The secure element's vendor attested the key.
        SeVendorAttested = 3, "se-vendor-attested", "attested by the secure element's vendor";
        /// The device or its element attested the key with a key of its own.
        KeyAttestation = 4, "key-attestation", "attested by the device itself";
        /// Witnesses saw the key ceremony and signed its minutes.
        WitnessedCeremony = 5, "witnessed-ceremony", "seen by witnesses";
        /// A third party audited the process.
        ThirdPartyAudit = 6, "third-party-audit", "audited by a third party";
    }
}

impl Basis {
    /// Whether it says that somebody beside the reporting station attested the key, or saw it made, which evidence can show.
    pub fn is_attested(self) -> bool {
        match self {
            Self::SelfDeclared | Self::StationSigned => false,
            Self::HsmAttested | Self::SeVendorAttested | Self::KeyAttestation | Self::WitnessedCeremony | Self::ThirdPartyAudit => true,
        }
    }
}
