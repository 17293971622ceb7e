//! The rule by which a newer profile takes the place of an accepted one, and what it changes.

use core::fmt;
use core::time::Duration;

use brski_common::time::to_rfc3339;
use brski_common::{Anchors, Certificate, DecodeError, ProfileText, UnixTime, Verified};

use super::Manufacturer;
use super::profile::{ProfileError, field};

#[cfg(test)]
mod tests;

/// What a newer profile would make of an accepted one, and on whose word. Made by [`update`] alone.
#[derive(Clone, Debug)]
pub struct Update {
    signer_is_named: bool,
    changes: Vec<Change>,
}

impl Update {
    /// Whether a key signed it that the accepted profile names for this. If not, a person has to compare its fingerprint, as at first: any other key of the manufacturer, such as one
    /// of vouchers, could otherwise take the place of all its anchors.
    pub fn signer_is_named(&self) -> bool {
        self.signer_is_named
    }

    /// What it changes, in the order in which a profile says it.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Whether nothing but the date changes, so that there is nothing to decide.
    pub fn changes_only_the_date(&self) -> bool {
        self.changes.iter().all(|change| change.what == ISSUED_AT)
    }
}

/// One thing that a newer profile changes. Written as a line that begins with `-` for what was, and one that begins with `+` for what will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What changes.
    pub what: &'static str,
    /// What the accepted profile says, if anything.
    pub before: Option<String>,
    /// What the newer one says, if anything.
    pub after: Option<String>,
}

/// Decides whether a signed profile may take the place of the accepted one. `offered` was verified under anchors that it names itself, so that only the key that signed it counts here.
///
/// It has to be of the same manufacturer, written no later than `tolerance` from `now` and, unless `older` is allowed, after the one that it replaces: whoever kept an old profile could
/// otherwise bring back a key that was given up.
///
/// # Errors
/// [`ProfileError`] saying which of these it is not.
pub fn update(accepted: &str, offered: &Verified<ProfileText>, older: bool, now: UnixTime, tolerance: Duration) -> Result<Update, ProfileError> {
    let text = offered.get().as_str();
    let (known, manufacturer) = (Manufacturer::from_profile(accepted)?, Manufacturer::from_profile(text)?);
    if known.name != manufacturer.name {
        return Err(ProfileError::OtherManufacturer { found: manufacturer.name, expected: known.name });
    }
    check_date(text, now, tolerance)?;
    match (Manufacturer::profile_issued_at(accepted)?, Manufacturer::profile_issued_at(text)?) {
        _ if older => {}
        (_, None) => return Err(field(ISSUED_AT, DecodeError::MissingField { field: ISSUED_AT, artefact: "signed profile" })),
        (Some(accepted), Some(offered)) if offered <= accepted => {
            return Err(ProfileError::NotNewer { found: to_rfc3339(offered), accepted: to_rfc3339(accepted) });
        }
        (Some(_) | None, Some(_)) => {}
    }
    let signer_is_named = Manufacturer::profile_signers(accepted)?.contains(&offered.signer().key.digest());
    Ok(Update { signer_is_named, changes: changes((accepted, &known), (text, &manufacturer))? })
}

/// Checks that a profile does not claim to be written later than `tolerance` from `now`.
///
/// # Errors
/// [`ProfileError::Future`], or that it cannot be read.
pub fn check_date(text: &str, now: UnixTime, tolerance: Duration) -> Result<(), ProfileError> {
    match Manufacturer::profile_issued_at(text)? {
        Some(issued_at) if issued_at.as_secs() > now.as_secs().saturating_add(tolerance.as_secs()) => {
            Err(ProfileError::Future { found: to_rfc3339(issued_at), now: to_rfc3339(now) })
        }
        Some(_) | None => Ok(()),
    }
}

fn changes((old_text, old): (&str, &Manufacturer), (new_text, new): (&str, &Manufacturer)) -> Result<Vec<Change>, ProfileError> {
    let mut changes = Vec::new();
    let mut compare = |what, before: Vec<String>, after: Vec<String>| {
        let gone = before.iter().filter(|value| !after.contains(value)).map(|value| Change { what, before: Some(value.clone()), after: None });
        let come = after.iter().filter(|value| !before.contains(value)).map(|value| Change { what, before: None, after: Some(value.clone()) });
        match (before.as_slice(), after.as_slice()) {
            ([one], [other]) if one != other => changes.push(Change { what, before: Some(one.clone()), after: Some(other.clone()) }),
            _ => changes.extend(gone.chain(come)),
        }
    };
    let url = |of: &Manufacturer| vec![of.masa_url.as_ref().map_or_else(|| "as each IDevID says".to_owned(), ToString::to_string)];
    compare("MASA", url(old), url(new));
    let expiry = |of: &Manufacturer| vec![if of.ignore_idevid_expiry { "accepted" } else { "refused" }.to_owned()];
    compare("expired IDevIDs", expiry(old), expiry(new));
    compare("serial numbers", vec![old.serial_source.name().to_owned()], vec![new.serial_source.name().to_owned()]);
    let policy = |of: &Manufacturer| of.voucher_anchors.policy().map(ToString::to_string).into_iter().collect();
    compare("certificate policy of voucher signers", policy(old), policy(new));
    compare("anchor of IDevIDs", told(&old.idevid_anchors), told(&new.idevid_anchors));
    compare("anchor of vouchers", told(&old.voucher_anchors), told(&new.voucher_anchors));
    compare("anchor of provenance statements", told(&old.provenance_anchors), told(&new.provenance_anchors));
    compare("anchor of the MASA's TLS server", told(&old.masa_tls_anchors), told(&new.masa_tls_anchors));
    let keys = |of: &Manufacturer| of.log_keys.iter().map(|key| key.digest().to_string()).collect();
    compare("key of its log, SHA-256", keys(old), keys(new));
    let signers = |text| Ok::<_, ProfileError>(Manufacturer::profile_signers(text)?.iter().map(ToString::to_string).collect());
    compare("key that may sign the next profile, SHA-256", signers(old_text)?, signers(new_text)?);
    let date = |text| Ok::<_, ProfileError>(Manufacturer::profile_issued_at(text)?.map(to_rfc3339).into_iter().collect());
    compare(ISSUED_AT, date(old_text)?, date(new_text)?);
    Ok(changes)
}

fn told(anchors: &Anchors) -> Vec<String> {
    let told = |certificate: &Certificate| format!("SHA-256 {}, {}", certificate.fingerprint(), certificate.subject());
    anchors.certificates().iter().map(told).collect()
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> =
            [("-", &self.before), ("+", &self.after)].iter().filter_map(|(sign, value)| Some(format!("{sign} {}: {}", self.what, value.as_ref()?))).collect();
        f.write_str(&lines.join("\n"))
    }
}

const ISSUED_AT: &str = "issued-at";
