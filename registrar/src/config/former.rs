//! `ldevid.former-cas`: CAs that issued before, and who tells what of theirs was revoked.

use std::path::PathBuf;

use brski_common::Certificate;
use brski_common::serve::setup::{ConfigFile, KeyFiles, SetupError};
use brski_common::text::{LONGEST_WORDS, printable};
use brski_registrar::ca::{FormerCa, ISSUER_IN_URL};
use brski_registrar::metrics::{KeyUse, measured_signer};
use brski_registrar::revocation::RevokedLDevId;
use brski_registrar::trail::{IssuedCertificate, Issuer};
use serde::Deserialize;

use super::Configuration;

/// A CA that issued before.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "must be a certificate's file, or { certificate = \"...\", key = \"...\" } of the former CA")]
pub(super) enum Former {
    /// Its key is gone.
    Certificate(PathBuf),
    /// Its key signs the list of what of its LDevIDs was revoked.
    WithKey(KeyFiles),
}

impl Former {
    /// Its certificate. The path above it is of no use here: another CA below the same root is not meant.
    pub(super) fn certificate(&self, file: &ConfigFile) -> Result<Certificate, SetupError> {
        let (Self::Certificate(path) | Self::WithKey(KeyFiles { certificate: path, .. })) = self;
        match file.certificates(FIELD, path)?.into_iter().next() {
            Some(certificate) if certificate.is_ca() => Ok(certificate),
            Some(other) => Err(file.error(FIELD, format!("{} is no CA's certificate", other.subject()))),
            None => Err(file.error(FIELD, format!("{} holds no certificate", file.resolve(path).display()))),
        }
    }
}

impl Configuration {
    /// The certificates of the CAs that issued before.
    pub(crate) fn former_cas(&self) -> Result<Vec<Certificate>, SetupError> {
        self.values.ldevid.former_cas.iter().map(|former| former.certificate(&self.file)).collect()
    }

    /// Those of them whose keys are here.
    pub(super) fn former_listers(&self) -> Result<Vec<FormerCa>, SetupError> {
        let mut listers = Vec::new();
        for former in &self.values.ldevid.former_cas {
            if let Former::WithKey(files) = former {
                let (certificate, key) = (former.certificate(&self.file)?, self.file.key_pair(FIELD, files)?.key);
                let lister = FormerCa::new(certificate, measured_signer(key, KeyUse::DomainCa));
                listers.push(lister.map_err(|err| self.file.error(FIELD, "cannot be used").because(err))?);
            }
        }
        Ok(listers)
    }

    /// The files of their keys.
    pub(super) fn former_keys(&self) -> impl Iterator<Item = &KeyFiles> {
        self.values.ldevid.former_cas.iter().filter_map(|former| match former {
            Former::WithKey(files) => Some(files),
            Former::Certificate(_) => None,
        })
    }

    /// The CAs whose CRLs are made here, that which issues first. Opens no key.
    pub(crate) fn listers(&self) -> Result<Vec<Certificate>, SetupError> {
        let mut listers = Vec::new();
        if let (None, Some(files)) = (&self.values.ca, &self.values.domain_ca) {
            listers.extend(self.file.certificates("domain-ca.certificate", &files.certificate)?.into_iter().take(1));
        }
        for former in &self.values.ldevid.former_cas {
            if let Former::WithKey(_) = former {
                listers.push(former.certificate(&self.file)?);
            }
        }
        Ok(listers)
    }

    /// What became of an LDevID that was just revoked.
    pub(crate) fn told(&self, certificate: IssuedCertificate) -> Result<RevokedLDevId, SetupError> {
        let issuer = certificate.id().issuer;
        let listed = self.listers()?.iter().any(|ca| issuer.is_none_or(|issuer| issuer == Issuer::digest_of_ca(ca)));
        Ok(RevokedLDevId { certificate, listed })
    }

    /// Which LDevIDs lead to no list, or to the wrong one.
    pub(crate) fn revocation_warnings(&self) -> Result<Vec<String>, SetupError> {
        let mut warnings = Vec::new();
        for former in &self.values.ldevid.former_cas {
            if let Former::Certificate(path) = former {
                let (subject, path) = (former.certificate(&self.file)?, path.display());
                warnings.push(format!(
                    "{FIELD} names no key of {}, so that no CRL tells which of its LDevIDs were revoked; {{ certificate = \"{path}\", key = \"...\" }} would have one served",
                    printable(subject.subject(), LONGEST_WORDS)
                ));
            }
        }
        let url = self.values.ldevid.crl_url.as_deref();
        if let Some(url) = url.filter(|url| !self.values.ldevid.former_cas.is_empty() && !url.contains(ISSUER_IN_URL)) {
            warnings.push(format!(
                "ldevid.crl-url is {url} whichever CA issues, where the LDevIDs of the former CA must find its list and not that of the present one; with {ISSUER_IN_URL} in it, each CA's LDevIDs name a URL of their own"
            ));
        }
        Ok(warnings)
    }
}

const FIELD: &str = "ldevid.former-cas";
