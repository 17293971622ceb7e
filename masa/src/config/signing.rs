//! `[voucher-signer]` and `[voucher-signing]`: which keys sign vouchers, how they are certified, and which devices know them.

use brski_common::provenance::Text;
use brski_common::serve::setup::KeyFiles;
use brski_common::time::from_rfc3339;
use brski_common::{PolicyOid, SerialNumber, UnixTime};
use brski_masa::metrics::KeyUse;
use brski_masa::{Coverage, Serials, SigningMode, VoucherKey, VoucherSigners};
use serde::{Deserialize, Deserializer, de};

use super::Configuration;

/// How they are certified.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Values {
    mode: Mode,
    policy: Option<PolicyOid>,
    pub(super) keys: Vec<KeyValues>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    NoPki,
    #[default]
    OneLevel,
    PerProduct,
    IdevidIntertwined,
    Rotating,
}

/// One key of several, and the devices that know it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct KeyValues {
    pub(super) signer: KeyFiles,
    serial_prefix: Option<Text>,
    first_serial: Option<SerialNumber>,
    last_serial: Option<SerialNumber>,
    #[serde(default, deserialize_with = "instant")]
    made_from: Option<UnixTime>,
    #[serde(default, deserialize_with = "instant")]
    made_until: Option<UnixTime>,
}

impl Configuration {
    /// The keys that `table` (with a dot behind it, or empty) names, and how they are said to be certified.
    pub(super) fn signers(&self, table: &str, signer: Option<&KeyFiles>, signing: Option<&Values>) -> anyhow::Result<(VoucherSigners, SigningMode)> {
        let (default, one) = (Values::default(), format!("{table}voucher-signer"));
        let signing = signing.unwrap_or(&default);
        let error = |field: &str, problem: &str| self.file.error(&format!("{table}{field}"), problem);
        let mode = match (signing.mode, &signing.policy) {
            (Mode::IdevidIntertwined, Some(policy)) => SigningMode::IdevidIntertwined { policy: policy.clone() },
            (Mode::IdevidIntertwined, None) => {
                let problem =
                    "is missing: under the IDevIDs' root a certificate policy tells voucher signers from devices; give the OID that their certificates name";
                return Err(error("voucher-signing.policy", problem).into());
            }
            (_, Some(_)) => return Err(error("voucher-signing.policy", "belongs to mode \"idevid-intertwined\" alone").into()),
            (Mode::NoPki, None) => SigningMode::NoPki,
            (Mode::OneLevel, None) => SigningMode::OneLevel,
            (Mode::PerProduct, None) => SigningMode::PerProduct,
            (Mode::Rotating, None) => SigningMode::Rotating,
        };
        let signers = match (&mode, signer, signing.keys.as_slice()) {
            (SigningMode::Rotating, None, []) => {
                return Err(error("voucher-signing.keys", "is missing: one table for each key, with the devices that know it").into());
            }
            (SigningMode::Rotating, None, keys) => VoucherSigners::several(self.rotating(table, keys)?),
            (SigningMode::Rotating, Some(_), _) => {
                return Err(error("voucher-signer", "must not be there in mode \"rotating\": each key has a table in [[voucher-signing.keys]]").into());
            }
            (_, _, [_, ..]) => return Err(error("voucher-signing.keys", "belongs to mode \"rotating\" alone").into()),
            (_, None, []) => return Err(error("voucher-signer", "is missing, a table with certificate and key").into()),
            (_, Some(files), []) => VoucherSigners::one(self.party(&one, files, KeyUse::Voucher)?),
        };
        Ok((signers, mode))
    }

    fn rotating(&self, table: &str, keys: &[KeyValues]) -> anyhow::Result<Vec<VoucherKey>> {
        let mut found = Vec::new();
        for (index, values) in keys.iter().enumerate() {
            let field = format!("{table}voucher-signing.keys[{index}]");
            let covers = values.coverage().map_err(|problem| self.file.error(&field, problem))?;
            found.push(VoucherKey { covers, party: self.party(&format!("{field}.signer"), &values.signer, KeyUse::Voucher)? });
        }
        Ok(found)
    }
}

impl KeyValues {
    fn coverage(&self) -> Result<Coverage, &'static str> {
        let serials = match (&self.serial_prefix, &self.first_serial, &self.last_serial) {
            (None, None, None) => Serials::All,
            (Some(prefix), None, None) => Serials::Prefix(prefix.to_string()),
            (None, Some(first), Some(last)) if first.as_str().len() == last.as_str().len() && first <= last => {
                Serials::Range { first: first.clone(), last: last.clone() }
            }
            (None, Some(_), Some(_)) => return Err("first-serial must be as long as last-serial and not come after it"),
            (None, Some(_), None) | (None, None, Some(_)) => return Err("first-serial and last-serial belong together"),
            (Some(_), _, _) => return Err("either serial-prefix, or first-serial and last-serial"),
        };
        let (from, until) = (self.made_from, self.made_until);
        match from.zip(until).is_none_or(|(from, until)| from < until) {
            true => Ok(Coverage { serials, from, until }),
            false => Err("made-from must come before made-until"),
        }
    }
}

/// An RFC 3339 date and time, quoted or as TOML itself has it.
fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<UnixTime>, D::Error> {
    let text = match toml::Value::deserialize(deserializer)? {
        toml::Value::String(text) => text,
        toml::Value::Datetime(datetime) => datetime.to_string(),
        other => return Err(de::Error::custom(format!("{other} must be a date and time such as 2026-01-01T00:00:00Z"))),
    };
    from_rfc3339("time", &text)
        .map(Some)
        .map_err(|_| de::Error::custom(format!("'{}' must be a date and time such as 2026-01-01T00:00:00Z", text.escape_debug())))
}
