//! The `[approvals]` table: how many persons decide about a held pledge.

use serde::Deserialize;

use super::Configuration;

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Values {
    pub(super) persons: u8,
}

impl Default for Values {
    fn default() -> Self {
        Self { persons: 1 }
    }
}

impl Configuration {
    /// How many persons have to approve a held pledge.
    pub(crate) fn approvers(&self) -> usize {
        usize::from(self.values.approvals.persons)
    }
}
