//! The table `[ldevid-key]`: what an owner demands of the key that a certificate is asked for.

use super::fields::Fields;
use crate::appraise::{KeyDemands, PolicyError};
use crate::provenance::Protection;

pub(super) fn ldevid_key(table: &Fields<'_>) -> Result<KeyDemands, PolicyError> {
    let Some(value) = table.get("ldevid-key") else { return Ok(KeyDemands::default()) };
    let fields = table.inner("[ldevid-key]: ".to_owned(), "ldevid-key", value, "a table [ldevid-key]")?;
    fields.only(&["evidence", "made", "protection-at-least", "authorities", "nonce"])?;
    // Who demands how well a key is held has to name something that can be said of it.
    let said: Vec<Protection> = Protection::ALL.iter().copied().filter(|protection| *protection != Protection::Unknown).collect();
    let name = |text: &str| (!text.trim().is_empty() && text.chars().count() <= LONGEST_NAME && !text.chars().any(char::is_control)).then(|| text.to_owned());
    let demands = KeyDemands {
        required: fields.word("evidence", &[true, false], |required| if required { "required" } else { "if-present" })?.unwrap_or_default(),
        made_inside: fields.word("made", &[()], |()| "inside")?.is_some(),
        protection_at_least: fields.word("protection-at-least", &said, Protection::name)?,
        authorities: fields.items("authorities", "a list of names of [[evidence]] in the registrar's configuration", name)?.unwrap_or_default(),
        nonce: fields.word("nonce", &[()], |()| "required")?.is_some(),
    };
    match demands.in_words() {
        Some(_) => Ok(demands),
        None if fields.get("evidence").is_some() => Ok(demands),
        None => Err(fields.error("it must demand something, such as evidence = \"required\", or be left out".to_owned())),
    }
}

/// As long as a name of `[[evidence]]` may be, in characters.
const LONGEST_NAME: usize = 40;
