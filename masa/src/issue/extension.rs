//! What a voucher tells of its device's key, where the registrar asks for it: the statement that everybody gets, or the gist of it.
//!
//! A voucher that nobody asked to tell it carries no extension: some pledges cannot read a voucher with leaves that they do not know.

use brski_common::voucher::{ProvenanceExtension, Wanted};
use brski_common::{Leniencies, ProvenanceStatement, Signed, VerifyError};

use super::policy::IssuePolicy;
use crate::request::RegistrarRequest;

/// How much to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The signed statement, octet for octet.
    Statement,
    /// Its hash, and the leaves for display.
    Summary,
}

impl Told {
    /// What the registrar asks for, as far as the policy allows it. Who wants both gets the statement, in which all of it stands.
    pub fn evaluate(registrar: &RegistrarRequest, policy: &IssuePolicy) -> Option<Self> {
        let wanted = registrar.leaves().provenance.as_ref().and_then(|extension| extension.request)?;
        match wanted {
            Wanted { .. } if !policy.statement_in_voucher => None,
            Wanted { full: true, .. } => Some(Self::Statement),
            Wanted { full: false, summary: true } => Some(Self::Summary),
            Wanted { full: false, summary: false } => None,
        }
    }

    /// The voucher's extension about the key that `statement` is about.
    ///
    /// The summary is the statement's own, so that it tells nothing which the disclosure level kept out of that.
    ///
    /// # Errors
    /// [`VerifyError::Decode`] if the statement cannot be read.
    pub fn extension(self, statement: &Signed<ProvenanceStatement>) -> Result<ProvenanceExtension, VerifyError> {
        match self {
            Self::Statement => Ok(ProvenanceExtension::with_statement(statement.wire().to_vec())),
            Self::Summary => {
                // It comes out of our own ledger, perhaps signed with a key that is no longer in use.
                let told = statement.peek_unverified(Leniencies::NONE)?;
                let mut summary = ProvenanceExtension::default();
                summary.statement_hash = Some(statement.digest());
                (summary.method, summary.source, summary.protection) = (Some(told.method), Some(told.source), Some(told.protection));
                summary.transfer = told.private_transfer;
                Ok(summary)
            }
        }
    }
}
