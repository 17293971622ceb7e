//! On whose word something is written down.

use brski_common::provenance::Text;
use clap::Args;

/// Who acts.
#[derive(Debug, Args)]
pub(super) struct By {
    /// On whose word, for the ledger; the login name unless it is given
    #[arg(long, value_name = "NAME", value_parser = |text: &str| Text::new(text))]
    by: Option<Text>,
}

impl By {
    /// The name that was given, else the one that the system knows.
    pub(super) fn name(&self) -> anyhow::Result<Text> {
        name_or_login(self.by.as_ref())
    }
}

/// The same for a name that is written elsewhere than into the ledger.
pub(super) fn name_or_login(given: Option<&Text>) -> anyhow::Result<Text> {
    let known = || ["USER", "LOGNAME"].into_iter().filter_map(|variable| std::env::var(variable).ok()).find_map(|name| Text::new(name).ok());
    match given.cloned().or_else(known) {
        Some(name) => Ok(name),
        None => Ok(Text::new("operator")?),
    }
}
