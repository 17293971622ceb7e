//! What registrars must know of a product line: gathered from the certificates that the configuration names.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use brski_common::serve::setup::read_certificates;
use brski_common::{Certificate, KeyIdentifier, PolicyOid, SigningParty, SpkiDigest};
use brski_masa::{Devices, SigningMode};

use super::Configuration;
use super::lines::{Line, REST};

/// The anchors of a product line.
#[derive(Debug)]
pub(crate) struct LineAnchors {
    pub(crate) idevid: Vec<Certificate>,
    /// With those of the signer of vouchers without nonce, if the configuration names it.
    pub(crate) voucher: Vec<Certificate>,
    /// Without which nobody signs vouchers.
    pub(crate) policy: Option<PolicyOid>,
    pub(crate) provenance: Vec<Certificate>,
    /// Whose keys may sign the profile that takes this one's place.
    pub(crate) profile_signers: Vec<SpkiDigest>,
    /// Whether a signer of vouchers without nonce that the configuration does not name would be known.
    pub(crate) knows_nonceless: bool,
}

impl Configuration {
    /// The anchors of the line with this name, or of all devices that are in none.
    pub(crate) fn line_anchors(&self, name: Option<&str>) -> anyhow::Result<LineAnchors> {
        let (Line { line, mode }, lines) = self.line_called(name)?;
        let others: Vec<&Devices> = lines.iter().map(|other| &other.line.devices).collect();
        let pool = self.certificates_beside();
        let mut voucher = Vec::new();
        for party in line.vouchers.parties() {
            add(&mut voucher, topmost(&party.identity.chain, &pool)?);
        }
        let policy = match &mode {
            SigningMode::IdevidIntertwined { policy } => Some(policy.clone()),
            SigningMode::NoPki | SigningMode::OneLevel | SigningMode::PerProduct | SigningMode::Rotating => None,
        };
        Ok(LineAnchors {
            idevid: self.idevid_anchors_of(&line.devices, &others, &pool)?,
            voucher,
            policy,
            provenance: vec![topmost(&line.provenance.identity.chain, &pool)?],
            profile_signers: vec![line.provenance.signer.public_key().digest()],
            knows_nonceless: line.vouchers.nonceless().is_some() || !matches!(mode, SigningMode::NoPki | SigningMode::Rotating),
        })
    }

    /// Who signs the profile of the line with this name: whoever signs its statements.
    pub(crate) fn profile_signer(&self, name: Option<&str>) -> anyhow::Result<SigningParty> {
        Ok(self.line_called(name)?.0.line.provenance)
    }

    /// The line with this name, and the others.
    fn line_called(&self, name: Option<&str>) -> anyhow::Result<(Line, Vec<Line>)> {
        let mut lines = self.lines()?;
        let names: Vec<String> = lines.iter().map(|line| line.line.name.clone()).collect();
        let missing = || self.file.error("product-lines", format!("none is named '{}'; there are: {}", name.unwrap_or(REST), names.join(", "))).to_string();
        let at = names.iter().position(|known| known == name.unwrap_or(REST)).with_context(missing)?;
        Ok((lines.remove(at), lines))
    }

    /// Under what the MASA's TLS certificate is verified.
    pub(crate) fn tls_anchor(&self) -> anyhow::Result<Certificate> {
        let chain = self.file.certificates("tls.certificate", &self.values.tls.certificate)?;
        let top = topmost(&chain, &self.certificates_beside())?;
        let alone = || self.file.error("tls.certificate", "has no CA above it in its file or beside it; name the CA with --tls-anchor").to_string();
        anyhow::ensure!(top.is_ca(), alone());
        Ok(top)
    }

    /// Above whom the IDevIDs of these devices stand: where another line's stand under the same root, what is below that root and this line's alone.
    fn idevid_anchors_of(&self, devices: &Devices, others: &[&Devices], pool: &[Certificate]) -> anyhow::Result<Vec<Certificate>> {
        let (mut own, mut foreign) = (Vec::new(), Vec::new());
        for path in &self.values.idevid_anchors {
            let chain = self.file.certificates("idevid-anchors", path)?;
            let Some(issuer) = chain.first() else { continue };
            let id = issuer.subject_key_id().map(KeyIdentifier::new).and_then(Result::ok);
            let issues = |devices: &Devices| id.as_ref().is_some_and(|id| devices.issuers.contains(id));
            let path = climb(issuer, &[chain.as_slice(), pool].concat());
            // Of a CA that issues by prefix for several lines, all have it.
            let all_of_another = others.iter().any(|other| issues(other) && other.serial_prefix.is_empty());
            match issues(devices) || (devices.issuers.is_empty() && !all_of_another) {
                true => own.push(path),
                false => foreign.extend(path),
            }
        }
        let mut anchors = Vec::new();
        for path in &own {
            let highest = path.iter().rev().find(|certificate| !foreign.contains(certificate)).or(path.last());
            highest.into_iter().for_each(|anchor| add(&mut anchors, anchor.clone()));
        }
        anyhow::ensure!(!anchors.is_empty(), self.file.error("idevid-anchors", "issues no devices of this line").to_string());
        Ok(anchors)
    }

    /// The certificates in the folders of those that the configuration names: many a file holds its first one alone, without what stands above.
    fn certificates_beside(&self) -> Vec<Certificate> {
        let named = self.key_files().into_iter().map(|(_, files)| files.certificate.clone()).chain([self.values.tls.certificate.clone()]);
        let named = named.chain(self.values.idevid_anchors.iter().cloned());
        let mut folders: Vec<PathBuf> = named.filter_map(|path| self.file.resolve(&path).parent().map(Path::to_owned)).collect();
        folders.sort();
        folders.dedup();
        let entries = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().filter_map(Result::ok);
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|ending| ending == "pem")).collect();
        files.sort();
        let mut found = Vec::new();
        // Keys and whatever else may lie there.
        files.iter().filter_map(|path| read_certificates(path).ok()).flatten().for_each(|certificate| add(&mut found, certificate));
        found
    }
}

/// The topmost certificate above the first of these.
fn topmost(chain: &[Certificate], pool: &[Certificate]) -> anyhow::Result<Certificate> {
    let first = chain.first().context("a file without certificates")?;
    climb(first, &[chain, pool].concat()).pop().context("a path without certificates")
}

/// The path from this certificate to the topmost that signed what is below it; verified.
fn climb(first: &Certificate, pool: &[Certificate]) -> Vec<Certificate> {
    let mut path = vec![first.clone()];
    while let Some(last) = path.last().filter(|last| !last.is_self_issued()) {
        let above = pool.iter().find(|above| !path.contains(above) && last.is_issued_by(above));
        match above {
            Some(above) => path.push(above.clone()),
            None => break,
        }
    }
    path
}

fn add(anchors: &mut Vec<Certificate>, certificate: Certificate) {
    if !anchors.contains(&certificate) {
        anchors.push(certificate);
    }
}

/// The topmost certificate that stands above the first in this file, or that itself.
pub(crate) fn anchor_in(path: &Path) -> anyhow::Result<Certificate> {
    topmost(&read_certificates(path)?, &[])
}
