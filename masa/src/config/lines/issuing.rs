//! Which keys and CAs a configuration names, and which of the CAs issues a device's IDevID.

use brski_common::serve::setup::{KeyFiles, KeyPair};
use brski_common::{DeviceId, KeyIdentifier, SerialNumber};

use super::{REST, Values};
use crate::config::{Configuration, signing};

impl Configuration {
    /// Every certificate with a key that is here, by the field that names it.
    pub(in crate::config) fn key_files(&self) -> Vec<(String, &KeyFiles)> {
        let values = &self.values;
        let mut found = vec![("tls".to_owned(), &values.tls)];
        found.extend(signer_files("", values.voucher_signer.as_ref(), values.voucher_signing.as_ref()));
        found.push(("provenance-signer".to_owned(), &values.provenance_signer));
        for own in &values.product_lines {
            let table = format!("product-lines.{}.", own.name);
            found.extend(signer_files(&table, own.voucher_signer.as_ref(), own.voucher_signing.as_ref()));
            found.extend(own.provenance_signer.iter().map(|files| (format!("{table}provenance-signer"), files)));
        }
        found.extend(self.issuer_files().into_iter().map(|(_, field, files)| (field, files)));
        found
    }

    /// The CAs that issue IDevIDs, each with its product line if it is of one, and with the field that names it.
    pub(super) fn issuer_files(&self) -> Vec<(Option<&Values>, String, &KeyFiles)> {
        let top = self.values.idevid_issuer.iter().map(|files| (None, "idevid-issuer".to_owned(), files));
        let own = |line: &'_ Values| format!("product-lines.{}.idevid-issuer", line.name);
        let lines = self.values.product_lines.iter();
        top.chain(lines.filter_map(|line| Some((Some(line), own(line), line.idevid_issuer.as_ref()?)))).collect()
    }

    /// The CA that issues this device's IDevID: that of the product line called `wanted`, or of the only one that the device can be in. A line without a CA of its own uses that
    /// of all other devices.
    pub(crate) fn idevid_issuer(&self, wanted: Option<&str>, serial: &SerialNumber) -> anyhow::Result<KeyPair> {
        let tables = self.issuer_files();
        if tables.is_empty() {
            return self.issuer("idevid-issuer", None);
        }
        let mut lines = Vec::new();
        for values in &self.values.product_lines {
            lines.push((values, self.devices(&format!("product-lines.{}.", values.name), values)?));
        }
        let known = |name: &str| name == REST || lines.iter().any(|(values, _)| values.name == name);
        if let Some(unknown) = wanted.filter(|name| !known(name)) {
            return Err(self.file.error("product-lines", format!("none is called '{}'", unknown.escape_debug())).into());
        }
        let mut found = Vec::new();
        for (owner, field, files) in tables {
            let pair = self.issuer(&field, Some(files))?;
            let Some(device) = device(&pair, serial) else { continue };
            let line = lines.iter().find(|(_, devices)| devices.include(&device)).map(|(values, _)| *values);
            let issues = match (owner, line) {
                (Some(owner), line) => line.is_some_and(|line| line.name == owner.name),
                (None, line) => line.is_none_or(|line| line.idevid_issuer.is_none()),
            };
            let name = line.map_or(REST, |line| line.name.as_str());
            if issues && wanted.is_none_or(|wanted| wanted == name) {
                found.push((name, pair));
            }
        }
        let names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        match (found.pop(), wanted) {
            (Some((_, pair)), _) if found.is_empty() => Ok(pair),
            (Some(_), _) => anyhow::bail!("{serial} could be of several product lines, {names}; --line says of which it is"),
            (None, Some(wanted)) => {
                anyhow::bail!("no idevid-issuer makes {serial} a device of '{wanted}': it has none, or the line's serial-prefix is another")
            }
            (None, None) => anyhow::bail!("no idevid-issuer is of the product line that {serial} would be in; give that line one"),
        }
    }
}

fn signer_files<'a>(table: &str, signer: Option<&'a KeyFiles>, signing: Option<&'a signing::Values>) -> Vec<(String, &'a KeyFiles)> {
    let one = signer.map(|files| (format!("{table}voucher-signer"), files));
    let keys = signing.into_iter().flat_map(|signing| signing.keys.iter().enumerate());
    one.into_iter().chain(keys.map(|(index, key)| (format!("{table}voucher-signing.keys[{index}].signer"), &key.signer))).collect()
}

/// The device that this CA would give this serial number to.
fn device(pair: &KeyPair, serial: &SerialNumber) -> Option<DeviceId> {
    let issuer = KeyIdentifier::new(pair.chain.first()?.subject_key_id()?).ok()?;
    Some(DeviceId { issuer, serial: serial.clone() })
}
