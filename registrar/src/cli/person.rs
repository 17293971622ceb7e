//! Who decides, and why.

use brski_common::Clock;
use brski_registrar::approval::Person;
use clap::Args;

#[derive(Debug, Args)]
pub(super) struct By {
    /// Why, for whoever reads the audit trail later
    #[arg(long, value_name = "TEXT")]
    why: String,
    /// Who decides; the login name unless it is given
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

impl By {
    /// The person, now.
    pub(super) fn person(&self) -> Person {
        let known = || ["USER", "LOGNAME"].into_iter().filter_map(|variable| std::env::var(variable).ok()).find(|name| !name.is_empty());
        let name = self.by.clone().or_else(known).unwrap_or_else(|| "operator".to_owned());
        Person { name, why: self.why.clone(), at: Clock::system().now() }
    }
}
