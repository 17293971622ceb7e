//! Secure-element vendors' manifests, and what they leave open.

use brski_common::provenance::{CaArrangement, SecureElementGeneration, Text};
use brski_masa::Delivery;
use clap::Args;

/// Told on the command line, once for all elements of a run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options for secure-element manifests")]
pub(super) struct Delivered {
    /// Take manifests and delivery lists of secure elements, and nothing else: a file that holds anything else is refused
    #[arg(long, requires = "station_key")]
    pub(super) manifest: bool,
    /// How the keys came into the elements, internal or injected: your own word, for a station that is without-evidence, since no manifest says it
    #[arg(long, requires = "station_key", value_parser = generation)]
    se_generation: Option<SecureElementGeneration>,
    /// Whose CA certified them, if the product line's defaults do not say it: silicon-generic, silicon-operates-for-oem or oem-over-network
    #[arg(long, requires = "station_key", value_parser = arrangement)]
    ca_arrangement: Option<CaArrangement>,
    /// Slot whose certificate is the IDevID, where elements have several: kid in their publicKeySet
    #[arg(long, requires = "station_key", value_parser = |text: &str| Text::new(text))]
    slot: Option<Text>,
}

impl From<&Delivered> for Delivery {
    fn from(Delivered { manifest: _, se_generation, ca_arrangement, slot }: &Delivered) -> Self {
        Self { se_generation: *se_generation, ca_arrangement: *ca_arrangement, slot: slot.clone() }
    }
}

fn generation(name: &str) -> Result<SecureElementGeneration, &'static str> {
    SecureElementGeneration::from_name(name).filter(|said| *said != SecureElementGeneration::Unknown).ok_or("must be internal or injected")
}

fn arrangement(name: &str) -> Result<CaArrangement, &'static str> {
    CaArrangement::from_name(name).ok_or("must be silicon-generic, silicon-operates-for-oem or oem-over-network")
}
