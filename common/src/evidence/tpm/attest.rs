//! TPMS_ATTEST: what a TPM signs of itself (TPM 2.0 Library, part 2, section 10.12).

use core::fmt;

use super::FORMAT;
use super::read::{DIGEST, NAME, Reader};
use crate::codec::hex;
use crate::evidence::EvidenceError;

/// What a TPM says of an object in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attest {
    /// Which command said it.
    pub(crate) command: Command,
    /// The Name of the object.
    pub(crate) name: Vec<u8>,
    /// The qualified Name of the key that signed: its Name and those of all its parents, hashed.
    pub(crate) qualified_signer: Vec<u8>,
    /// What whoever ran the command gave along: the nonce.
    pub(crate) extra_data: Vec<u8>,
    /// The number of the TPM's firmware, in its vendor's counting. An attestation key outside the endorsement hierarchy obscures it.
    pub(crate) firmware_version: u64,
}

/// The command whose word it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// TPM2_Certify: the object is loaded, wherever it came from.
    Certify,
    /// TPM2_CertifyCreation: this TPM created the object, and held the proof (a ticket) that it did.
    CertifyCreation,
}

impl Attest {
    /// Reads one, and nothing after it.
    pub(crate) fn from_octets(octets: &[u8]) -> Result<Self, EvidenceError> {
        let mut reader = Reader::new("TPMS_ATTEST", octets);
        let head = reader.u32("magic").and_then(|magic| Ok((magic, reader.u16("type")?)));
        let (magic, kind) = head.map_err(unreadable)?;
        if magic != GENERATED {
            let what = format!("begins with {magic:#010x} instead of {GENERATED:#010x} (TPM_GENERATED), so that no TPM made it up itself");
            return Err(EvidenceError::Wrong { format: FORMAT, what });
        }
        let command = match kind {
            0x8017 => Command::Certify,
            0x801a => Command::CertifyCreation,
            other => {
                let named = OTHER_KINDS.into_iter().find(|(kind, _)| *kind == other).map_or("of a kind that is not known", |(_, named)| named);
                let what = format!("is {named} ({other:#06x}) instead of what TPM2_Certify (0x8017) or TPM2_CertifyCreation (0x801a) say of a key");
                return Err(EvidenceError::Wrong { format: FORMAT, what });
            }
        };
        Self::after_head(command, reader).map_err(unreadable)
    }

    fn after_head(command: Command, mut reader: Reader<'_>) -> Result<Self, crate::error::DecodeError> {
        let qualified_signer = reader.sized("qualifiedSigner", NAME)?.to_vec();
        let extra_data = reader.sized("extraData", EXTRA_DATA)?.to_vec();
        // TPMS_CLOCK_INFO: how long the TPM has run and how often it was started, which says nothing of a key.
        reader.u64("clock")?;
        reader.u32("resetCount")?;
        reader.u32("restartCount")?;
        if reader.u8("safe")? > 1 {
            return Err(reader.fault("safe is neither yes (1) nor no (0)"));
        }
        let firmware_version = reader.u64("firmwareVersion")?;
        let name = reader.sized("name", NAME)?.to_vec();
        match command {
            Command::Certify => reader.sized("qualifiedName", NAME)?,
            Command::CertifyCreation => reader.sized("creationHash", DIGEST)?,
        };
        reader.finish()?;
        Ok(Self { command, name, qualified_signer, extra_data, firmware_version })
    }

    /// What else is in it, for people: name and value.
    pub(crate) fn details(&self) -> Vec<(&'static str, String)> {
        let nonce = if self.extra_data.is_empty() { "none".to_owned() } else { hex(&self.extra_data) };
        vec![
            ("command", self.command.to_string()),
            ("name", hex(&self.name)),
            ("nonce", nonce),
            ("qualified-signer", hex(&self.qualified_signer)),
            ("firmware-version", format!("{:#018x}", self.firmware_version)),
        ]
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certify => "TPM2_Certify",
            Self::CertifyCreation => "TPM2_CertifyCreation",
        })
    }
}

fn unreadable(source: crate::error::DecodeError) -> EvidenceError {
    EvidenceError::Unreadable { format: FORMAT, source }
}

/// TPM_GENERATED_VALUE. A restricted key signs octets of other people's making only if they do not begin with it.
pub(crate) const GENERATED: u32 = 0xff54_4347;

const EXTRA_DATA: usize = NAME;

/// TPM_ST_ATTEST_*.
const OTHER_KINDS: [(u16, &str); 6] = [
    (0x8014, "a certification of NV memory"),
    (0x8015, "a command audit"),
    (0x8016, "a session audit"),
    (0x8018, "a quote"),
    (0x8019, "a time attestation"),
    (0x801c, "a digest of NV memory"),
];
