//! The `[audit]` table: how owners are told audit logs, and where links to these are kept.

use core::time::Duration;
use std::path::PathBuf;

use anyhow::Context as _;
use brski_common::provenance::Disclosure;
use brski_masa::masa::LONGEST_LINK;
use brski_masa::{AuditAnswer, AuditLinks, ProductLine, ProductLines};
use serde::Deserialize;

use super::Configuration;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Values {
    answer: Answer,
    lifetime: Option<u64>,
    links: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    #[default]
    Log,
    Link,
}

impl Configuration {
    /// How owners are told the audit log of their device.
    pub(crate) fn audit_answer(&self) -> anyhow::Result<AuditAnswer> {
        let Values { answer, lifetime, .. } = &self.values.audit;
        let lifetime = lifetime.map_or(LINK_LIFETIME, Duration::from_secs);
        if lifetime.is_zero() || lifetime > LONGEST_LINK {
            return Err(self.file.error("audit.lifetime", format!("must be 1 to {} seconds, a year", LONGEST_LINK.as_secs())).into());
        }
        Ok(match answer {
            Answer::Log => AuditAnswer::Log,
            Answer::Link => AuditAnswer::Link(lifetime),
        })
    }

    /// These product lines, unless one of them tells others what stays with the manufacturer.
    pub(super) fn told_outside(&self, lines: ProductLines) -> anyhow::Result<ProductLines> {
        let internal = |line: &&ProductLine| [line.disclosure.line, line.disclosure.owner].contains(&Disclosure::Internal);
        if let Some(line) = lines.iter().find(internal) {
            let problem = format!("must be public, customer or auditor: what is internal stays with the manufacturer (product line '{}')", line.name);
            return Err(self.file.error("disclosure", problem).into());
        }
        Ok(lines)
    }

    /// The file of the links in force, which is there once there was one.
    pub(super) fn audit_links_path(&self) -> PathBuf {
        let named = self.values.audit.links.as_ref();
        named.map_or_else(|| self.file.resolve(&self.values.ledger).with_file_name("audit-links.sqlite"), |path| self.file.resolve(path))
    }

    /// The links in force: in a file beside the ledger, unless the configuration says otherwise.
    pub(super) fn audit_links(&self) -> anyhow::Result<AuditLinks> {
        AuditLinks::in_file(self.audit_links_path()).with_context(|| self.file.error("audit.links", "cannot be used").to_string())
    }
}

/// How long a link works if nobody says otherwise: 30 days.
pub(crate) const LINK_LIFETIME: Duration = Duration::from_secs(30 * 86_400);
