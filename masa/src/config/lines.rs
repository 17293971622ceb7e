//! `[[product-lines]]`: what differs between kinds of devices. The tables at the top of the file are the line of all other devices, and count where a line says nothing.

mod issuing;

use std::path::PathBuf;

use anyhow::Context as _;
use brski_common::provenance::Disclosure;
use brski_common::serve::setup::{KeyFiles, SetupError};
use brski_common::{Certificate, KeyIdentifier};
use brski_masa::metrics::KeyUse;
use brski_masa::{Devices, Levels, OriginDefaults, ProductLine, ProductLines, SigningMode, Surroundings, VoucherSigners};
use serde::{Deserialize, Deserializer, de};

use super::{Configuration, Requests, signing};

/// One product line.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Values {
    name: String,
    #[serde(default)]
    idevid_issuers: Vec<PathBuf>,
    #[serde(default)]
    serial_prefix: String,
    defaults: Option<Defaults>,
    idevid_issuer: Option<KeyFiles>,
    voucher_signer: Option<KeyFiles>,
    voucher_signing: Option<signing::Values>,
    nonceless_signer: Option<KeyFiles>,
    provenance_signer: Option<KeyFiles>,
    disclosure: Option<Disclosed>,
    requests: Option<Requests>,
}

/// What is recorded where a station says nothing: a table, or the file it is in.
#[derive(Debug)]
enum Defaults {
    Table(Box<OriginDefaults>),
    File(PathBuf),
}

/// One level for everybody, or a table with one each for the line and for the owner.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Disclosed(Levels);

/// A product line whose keys were read.
pub(super) struct Line {
    pub(super) line: ProductLine,
    pub(super) mode: SigningMode,
}

impl Configuration {
    pub(super) fn product_lines(&self) -> anyhow::Result<ProductLines> {
        let mut lines: Vec<ProductLine> = self.lines()?.into_iter().map(|line| line.line).collect();
        let rest = lines.pop().context("no product line")?;
        self.told_outside(ProductLines::new(lines, rest))
    }

    /// Every product line, that of the remaining devices last. Which devices they are in, and how their voucher keys are certified, was checked.
    pub(super) fn lines(&self) -> anyhow::Result<Vec<Line>> {
        let values = &self.values;
        let mut lines = Vec::new();
        for line in &values.product_lines {
            lines.push(self.line(line)?);
        }
        self.check_apart(&lines)?;
        let (vouchers, mode) = self.signers("", values.voucher_signer.as_ref(), values.voucher_signing.as_ref())?;
        let vouchers = self.and_nonceless(vouchers)?;
        let provenance = self.party("provenance-signer", &values.provenance_signer, KeyUse::Provenance)?;
        let rest = ProductLine { disclosure: values.disclosure.0, issue_policy: self.issue_policy(None)?, ..ProductLine::new(REST, vouchers, provenance) };
        lines.push(Line { line: rest, mode });
        self.check_modes(&lines)?;
        Ok(lines)
    }

    fn line(&self, values: &Values) -> anyhow::Result<Line> {
        let Values {
            name,
            idevid_issuers: _,
            serial_prefix: _,
            defaults,
            idevid_issuer: _,
            voucher_signer,
            voucher_signing,
            nonceless_signer,
            provenance_signer,
            disclosure,
            requests,
        } = values;
        let length = name.chars().count();
        if !(1..=40).contains(&length) || name.chars().any(char::is_control) || name == REST {
            return Err(self.file.error("product-lines.name", format!("must be 1 to 40 printable characters, and not '{REST}'")).into());
        }
        let table = format!("product-lines.{name}.");
        let (vouchers, mode) = match (voucher_signer, voucher_signing) {
            (None, None) => self.signers("", self.values.voucher_signer.as_ref(), self.values.voucher_signing.as_ref())?,
            (signer, signing) => self.signers(&table, signer.as_ref(), signing.as_ref())?,
        };
        let vouchers = match (nonceless_signer, voucher_signer, voucher_signing) {
            (Some(files), _, _) => self.and_nonceless_by(&format!("{table}nonceless-signer"), files, vouchers)?,
            (None, None, None) => self.and_nonceless(vouchers)?,
            // Its devices know other keys than all others do, and would not believe the one that signs theirs.
            (None, _, _) => vouchers,
        };
        let provenance = match provenance_signer {
            Some(files) => self.party(&format!("{table}provenance-signer"), files, KeyUse::Provenance)?,
            None => self.party("provenance-signer", &self.values.provenance_signer, KeyUse::Provenance)?,
        };
        let line = ProductLine {
            devices: self.devices(&table, values)?,
            defaults: defaults.as_ref().map(|defaults| self.defaults(&format!("{table}defaults"), defaults)).transpose()?.unwrap_or_default(),
            disclosure: disclosure.unwrap_or(self.values.disclosure).0,
            issue_policy: self.issue_policy(requests.as_ref())?,
            ..ProductLine::new(name, vouchers, provenance)
        };
        self.check_issuer(&table, values, &line.devices)?;
        Ok(Line { line, mode })
    }

    fn devices(&self, table: &str, values: &Values) -> anyhow::Result<Devices> {
        let field = format!("{table}idevid-issuers");
        if values.idevid_issuers.is_empty() && values.serial_prefix.is_empty() {
            let problem = "says of no device that it is in this line; name the CAs that issue its IDevIDs, or give a serial-prefix";
            return Err(self.file.error(&field, problem).into());
        }
        let anchors = self.file.anchors("idevid-anchors", &self.values.idevid_anchors)?;
        let mut issuers = Vec::new();
        for path in &values.idevid_issuers {
            let certificates = self.file.certificates(&field, path)?;
            let issuer = certificates.first().filter(|issuer| anchors.certificates().contains(issuer));
            let no_anchor = || self.file.error(&field, format!("the first certificate in {} must be one of idevid-anchors", self.file.resolve(path).display()));
            let named = issuer.ok_or_else(no_anchor)?.subject_key_id().map(KeyIdentifier::new);
            let nameless =
                || self.file.error(&field, format!("{} lacks a subjectKeyIdentifier, by which IDevIDs name their issuer", self.file.resolve(path).display()));
            issuers.push(named.transpose().ok().flatten().ok_or_else(nameless)?);
        }
        Ok(Devices { issuers, serial_prefix: values.serial_prefix.clone() })
    }

    fn defaults(&self, field: &str, defaults: &Defaults) -> anyhow::Result<OriginDefaults> {
        let path = match defaults {
            Defaults::Table(table) => return Ok((**table).clone()),
            Defaults::File(path) => path,
        };
        let (text, path) = (self.file.text(field, path)?, self.file.resolve(path));
        if path.extension() == Some("json".as_ref()) {
            let json = serde_json::from_str(&text);
            return Ok(json.map_err(|err| SetupError::new(&path, "holds no defaults of an origin").because(err))?);
        }
        Ok(toml::from_str(&text).map_err(|err| SetupError::from_toml(&path, &text, &err))?)
    }

    /// A line's own CA must issue devices of that line.
    fn check_issuer(&self, table: &str, values: &Values, devices: &Devices) -> anyhow::Result<()> {
        let Some(files) = &values.idevid_issuer else { return Ok(()) };
        let field = format!("{table}idevid-issuer");
        let pair = self.issuer(&field, Some(files))?;
        let Some(Ok(issuer)) = pair.chain.first().and_then(Certificate::subject_key_id).map(KeyIdentifier::new) else {
            return Err(self.file.error(&format!("{field}.certificate"), "lacks a subjectKeyIdentifier, by which IDevIDs name their issuer").into());
        };
        match devices.issuers.is_empty() || devices.issuers.contains(&issuer) {
            true => Ok(()),
            false => Err(self
                .file
                .error(&format!("{field}.certificate"), format!("must be one of {table}idevid-issuers, or its devices are in another line"))
                .into()),
        }
    }

    fn check_apart(&self, lines: &[Line]) -> anyhow::Result<()> {
        for (index, Line { line: one, .. }) in lines.iter().enumerate() {
            for Line { line: other, .. } in lines.iter().skip(index + 1) {
                let error = |problem: String| Err(self.file.error("product-lines", problem).into());
                if one.name == other.name {
                    return error(format!("'{}' occurs twice, each product line needs a name of its own", one.name));
                }
                if one.devices.meet(&other.devices) {
                    let problem = format!(
                        "a device could be in '{}' and in '{}'; give them different idevid-issuers, or prefixes of which none begins with the other",
                        one.name, other.name
                    );
                    return error(problem);
                }
            }
        }
        Ok(())
    }

    fn check_modes(&self, lines: &[Line]) -> anyhow::Result<()> {
        let idevid_anchors = self.file.anchors("idevid-anchors", &self.values.idevid_anchors)?.certificates().to_vec();
        let mut around = Surroundings { idevid_issuers: self.idevid_issuers(&idevid_anchors)?, idevid_anchors, others: Vec::new() };
        for (index, Line { line, mode }) in lines.iter().enumerate() {
            let others = lines.iter().enumerate().filter(|(other, _)| *other != index);
            around.others = others.map(|(_, other)| (other.line.name.clone(), authorities(&other.line.vouchers))).collect();
            let own = self.values.product_lines.get(index).filter(|own| own.voucher_signer.is_some() || own.voucher_signing.is_some());
            let table = own.map_or_else(String::new, |own| format!("product-lines.{}.", own.name));
            let field = match mode {
                SigningMode::Rotating => format!("{table}voucher-signing.keys"),
                SigningMode::NoPki | SigningMode::OneLevel | SigningMode::PerProduct | SigningMode::IdevidIntertwined { .. } => {
                    format!("{table}voucher-signer.certificate")
                }
            };
            mode.check(&line.vouchers, &around).map_err(|fault| self.file.error(&field, format!("{fault}, in mode \"{}\"", mode.name())).because(fault))?;
        }
        Ok(())
    }

    /// The anchors that issue IDevIDs: those that are said to, and those that no other anchor stands below.
    fn idevid_issuers(&self, anchors: &[Certificate]) -> anyhow::Result<Vec<Certificate>> {
        let above = |one: &Certificate| anchors.iter().any(|other| other != one && other.issuer_der() == one.subject_der());
        let mut issuers: Vec<Certificate> = anchors.iter().filter(|anchor| !above(anchor)).cloned().collect();
        for (_, field, files) in self.issuer_files() {
            issuers.extend(self.file.certificates(&format!("{field}.certificate"), &files.certificate)?.into_iter().take(1));
        }
        for line in &self.values.product_lines {
            for path in &line.idevid_issuers {
                issuers.extend(self.file.certificates("product-lines.idevid-issuers", path)?.into_iter().take(1));
            }
        }
        Ok(issuers)
    }
}

/// The CAs above these signers.
fn authorities(signers: &VoucherSigners) -> Vec<Certificate> {
    signers.parties().flat_map(|party| party.identity.chain.iter().skip(1).cloned()).collect()
}

impl<'de> Deserialize<'de> for Defaults {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(deserializer)? {
            toml::Value::String(path) => Ok(Self::File(path.into())),
            table => OriginDefaults::deserialize(table).map(|defaults| Self::Table(Box::new(defaults))).map_err(|err| de::Error::custom(err.message().trim())),
        }
    }
}

impl<'de> Deserialize<'de> for Disclosed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            line: Disclosure,
            owner: Disclosure,
        }
        let level = |value: toml::Value| Table::deserialize(value).map(|Table { line, owner }| Levels { line, owner });
        let levels = match toml::Value::deserialize(deserializer)? {
            word @ toml::Value::String(_) => Disclosure::deserialize(word).map(|one| Levels { line: one, owner: one }),
            table => level(table),
        };
        levels
            .map(Self)
            .map_err(|err| de::Error::custom(format!("{}; one level, or a table such as {{line = \"public\", owner = \"customer\"}}", err.message().trim())))
    }
}

/// The line of the devices that are in no other.
pub(super) const REST: &str = "everything else";
