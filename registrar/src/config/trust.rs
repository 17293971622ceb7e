//! Whom the configuration trusts and how far: what the owner says otherwise than manufacturers' profiles, and what becomes of pledges of everybody else.

use core::time::Duration;

use brski_common::{Leniencies, MasaUrl, PolicyOid, SerialSource};
use brski_registrar::trust::StrangerFolder;
use brski_registrar::{Manufacturer, Trust};
use serde::Deserialize;

use super::{Configuration, Profile};

/// What the owner says otherwise than one manufacturer's profile.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Override {
    masa_url: Option<String>,
    ignore_idevid_expiry: Option<bool>,
    serial_source: Option<SerialSource>,
    voucher_policy: Option<String>,
    leniencies: Option<Leniencies>,
}

/// What becomes of pledges of manufacturers that nobody has accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum UnknownManufacturers {
    /// They are refused.
    #[default]
    Refuse,
    /// They wait until somebody has looked at what they show.
    Hold,
}

impl Configuration {
    /// The manufacturers that are accepted, as the owner wants them treated.
    pub(crate) fn trust(&self) -> anyhow::Result<Trust> {
        let mut manufacturers = Vec::new();
        for Profile { manufacturer, .. } in self.profiles().read()? {
            manufacturers.push(self.overridden(manufacturer)?);
        }
        let is_known = |name: &&String| manufacturers.iter().any(|manufacturer| manufacturer.name == **name);
        for (field, mut names) in
            [("leniencies", self.values.leniencies.keys().collect::<Vec<_>>()), ("manufacturers", self.values.manufacturers.keys().collect())]
        {
            names.retain(|name| !is_known(name));
            if let Some(name) = names.first() {
                return Err(self.file.error(field, format!("'{name}' is no manufacturer with a profile; `trust list` tells their names")).into());
            }
        }
        let idevid_anchors: Vec<_> = manufacturers.iter().flat_map(|known| known.idevid_anchors.certificates()).cloned().collect();
        let authorities = self.file.authorities(&self.values.evidence, &idevid_anchors)?;
        Ok(Trust::new(manufacturers).believing(authorities))
    }

    /// By how much clocks may differ.
    pub(crate) fn clock_skew(&self) -> Duration {
        self.values.settings().clock_skew
    }

    /// Where pledges of unknown manufacturers are kept that show themselves; beside the pledges.
    pub(crate) fn strangers(&self) -> StrangerFolder {
        StrangerFolder::new(self.file.resolve(&self.values.pledges).with_file_name("unknown-pledges"))
    }

    /// Whether pledges of unknown manufacturers are held.
    pub(crate) fn holds_strangers(&self) -> bool {
        match self.values.unknown_manufacturers {
            UnknownManufacturers::Refuse => false,
            UnknownManufacturers::Hold => true,
        }
    }

    fn overridden(&self, manufacturer: Manufacturer) -> anyhow::Result<Manufacturer> {
        let name = manufacturer.name.clone();
        let field = |of: &str| format!("manufacturers.\"{name}\".{of}");
        let beside = self.values.leniencies.get(&name).copied();
        let Some(owners) = self.values.manufacturers.get(&name) else {
            return Ok(Manufacturer { lenient: beside.unwrap_or_default(), ..manufacturer });
        };
        if beside.is_some() && owners.leniencies.is_some() {
            return Err(self.file.error(&field("leniencies"), format!("are given twice, here and in [leniencies.\"{name}\"]; one of the two must go")).into());
        }
        let url = owners.masa_url.as_deref().map(MasaUrl::new).transpose();
        let policy = owners.voucher_policy.as_deref().map(PolicyOid::new).transpose();
        let voucher_anchors = match policy.map_err(|err| self.file.error(&field("voucher-policy"), "is not usable").because(err))? {
            Some(policy) => manufacturer.voucher_anchors.demanding(policy),
            None => manufacturer.voucher_anchors,
        };
        Ok(Manufacturer {
            voucher_anchors,
            masa_url: url.map_err(|err| self.file.error(&field("masa-url"), "is not usable").because(err))?.or(manufacturer.masa_url),
            ignore_idevid_expiry: owners.ignore_idevid_expiry.unwrap_or(manufacturer.ignore_idevid_expiry),
            serial_source: owners.serial_source.unwrap_or(manufacturer.serial_source),
            lenient: owners.leniencies.or(beside).unwrap_or_default(),
            ..manufacturer
        })
    }
}
