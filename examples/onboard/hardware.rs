//! Which keys are made by a real module's software, and which by a stand-in within this program.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};
use clap::ValueEnum;

use crate::token;

/// Whether salak's key is made in a TPM 2.0 (swtpm) and bamboo's in a token (SoftHSM).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Hardware {
    /// Where they are installed.
    Auto,
    /// Or not at all: what is not installed is an error.
    Require,
    /// Nowhere.
    Off,
}

/// What this run uses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Modules {
    pub(crate) tpm: bool,
    pub(crate) token: bool,
}

impl Modules {
    /// No module at all.
    pub(crate) const NONE: Self = Self { tpm: false, token: false };
}

impl Hardware {
    /// Looks what is there.
    pub(crate) fn find(self) -> Result<Modules> {
        let runs = |name: &str| Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
        let found = Modules { tpm: runs("swtpm") && runs("tpm2"), token: token::is_installed() };
        match self {
            Self::Off => Ok(Modules::NONE),
            Self::Require if !found.tpm => bail!("--hardware require: swtpm or tpm2 (Debian packages swtpm and tpm2-tools) is not installed"),
            Self::Require if !found.token => bail!("--hardware require: {} (Debian package softhsm2) is not installed", token::MODULE),
            Self::Auto | Self::Require => Ok(found),
        }
    }
}

impl core::fmt::Display for Modules {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self.tpm {
            true => "salak's key was made in a TPM 2.0 (swtpm stands for the chip), whose attestation the MASA appraised; it signs there.\n",
            false => "salak's secure element is a stand-in within this program: its record stands on the station's word alone.\n",
        })?;
        f.write_str(match self.token {
            true => "bamboo's key was made in the factory's token (SoftHSM), wrapped for the device, and destroyed in the token.",
            false => "bamboo's key was made by this program in the factory's stead, without a token.",
        })
    }
}
