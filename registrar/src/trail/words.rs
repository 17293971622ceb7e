//! Events in words, for people.

use core::fmt;

use brski_common::text::{LONGEST_LINE, LONGEST_WORDS, printable};

use super::{RevocationReason, What};

impl RevocationReason {
    /// As the trail and the command line write it, such as `key-compromise`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "key-compromise",
            Self::AffiliationChanged => "affiliation-changed",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessation-of-operation",
            Self::PrivilegeWithdrawn => "privilege-withdrawn",
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admitted { decision, approved_by, .. } => {
                write!(f, "admitted")?;
                if let Some(decision) = decision {
                    write!(f, " by rule '{}'", words(&decision.rule))?;
                    decision.warned.iter().try_for_each(|would| write!(f, ", which says {}: the policy only warns", would.name()))?;
                }
                approved_by.iter().try_for_each(|person| write!(f, ", approved by {}", words(&person.name)))
            }
            Self::Held { sentence, .. } => write!(f, "held: {}", line(sentence)),
            Self::Deferred { sentence, .. } => write!(f, "told to come again: {}", line(sentence)),
            Self::Refused { sentence, withdrawn, .. } => {
                write!(f, "refused: {}{}", line(sentence), if *withdrawn { "; its admission ended with it" } else { "" })
            }
            Self::Approved { held, by, .. } if held.rule.is_empty() => write!(f, "said not to be refused any more by {by}"),
            Self::Approved { held, by, .. } => write!(f, "approved for rule '{}' by {by}", words(&held.rule)),
            Self::Disapproved { by, .. } => write!(f, "refused by {by}"),
            Self::Bound { key } => write!(f, "key {key} taken for an LDevID"),
            Self::Issued { certificate, renewal, .. } => {
                write!(f, "LDevID {} {}", words(&certificate.serial), if *renewal { "issued for renewal" } else { "issued" })
            }
            Self::Attested { key, findings, warned, .. } => {
                write!(f, "of key {key} for an LDevID was attested: ")?;
                match findings.as_slice() {
                    [] => write!(f, "nothing")?,
                    several => write!(f, "{}", several.iter().map(|finding| line(&finding.to_string())).collect::<Vec<_>>().join("; "))?,
                }
                warned.iter().try_for_each(|warned| write!(f, "; the policy only warns: {}", line(warned)))
            }
            Self::NotIssued { sentence, renewal, kept, .. } => {
                let on_record = if kept.is_some() { "; the request is on record" } else { "" };
                write!(f, "{} refused: {}{on_record}", if *renewal { "renewal" } else { "LDevID" }, line(sentence))
            }
            Self::Revoked { certificate, reason, by, .. } => write!(f, "LDevID {} revoked ({}) by {by}", words(certificate), reason.name()),
            Self::Ended { .. } => f.write_str("its admission had ended, which an older version did not write down"),
            Self::Told { resource, success, reason, .. } => {
                write!(f, "told {}: {}", words(resource), if *success { "success" } else { "failure" })?;
                if reason.is_empty() { Ok(()) } else { write!(f, ", {}", words(reason)) }
            }
            Self::Opinion { by, allow, about, sentence, .. } => {
                let about = about.as_ref().map_or("a device", |about| about.serial.as_str());
                write!(f, "{} was told that {} is {}: {}", words(by), words(about), if *allow { "acceptable" } else { "not acceptable" }, line(sentence))
            }
            Self::Stated { seq, status, .. } => write!(f, "its manufacturer said something newer of its key, number {seq}: {status}"),
            Self::Strangers { sentence, count: 1 } => write!(f, "a stranger was refused: {}", line(sentence)),
            Self::Strangers { sentence, count } => write!(f, "{count} strangers were refused, the last: {}", line(sentence)),
            Self::Configured { why, .. } => write!(f, "configured: {}", words(why)),
            Self::Rechecked { by, devices, declined, unknown, revoked } => {
                write!(
                    f,
                    "rechecked {devices} devices, of which {declined} would not be renewed and {unknown} are not known; {revoked} LDevIDs revoked; by {by}"
                )
            }
            Self::Restored { by, new_key: None } => write!(f, "restored out of a backup by {by}"),
            Self::Restored { by, new_key: Some(_) } => write!(f, "restored out of a backup, to go on under a new key, by {by}"),
        }
    }
}

fn words(text: &str) -> String {
    printable(text, LONGEST_WORDS)
}

fn line(text: &str) -> String {
    printable(text, LONGEST_LINE)
}
