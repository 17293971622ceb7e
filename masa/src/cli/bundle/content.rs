//! The files of a bundle, and the manifest that names them.

use brski_common::{Certificate, DeviceId, Format, Leniencies, SerialNumber, SpkiDigest, UnixTime};
use brski_masa::Masa;
use serde::Serialize;

use crate::cli::sha256_hex;
use crate::cli::vouchers::file_name;

/// What is collected.
pub(super) struct Content {
    format: Format,
    /// Who makes it.
    by: String,
    files: Vec<File>,
    vouchers: usize,
    /// When the first of the vouchers expires.
    expires: Option<UnixTime>,
    refused: Vec<Refused>,
}

/// One file.
pub(super) struct File {
    /// Relative to the bundle.
    pub(super) path: String,
    pub(super) octets: Vec<u8>,
    kind: &'static str,
    media_type: &'static str,
    serial: Option<SerialNumber>,
}

/// A device that is left out.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Refused {
    serial: SerialNumber,
    cause: String,
}

/// What the manifest says of the bundle.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct About {
    pub(super) masa: String,
    pub(super) made_at: String,
    pub(super) by: String,
    pub(super) domain_ca: Named,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) registrar: Option<Named>,
}

/// A certificate.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Named {
    subject: String,
    sha256: String,
    key: SpkiDigest,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Manifest<'a> {
    bundle_version: u32,
    #[serde(flatten)]
    about: About,
    files: Vec<Listed<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Listed<'a> {
    path: &'a str,
    kind: &'static str,
    media_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<&'a SerialNumber>,
    octets: usize,
    sha256: String,
}

impl Content {
    pub(super) fn new(format: Format, by: String) -> Self {
        Self { format, by, files: Vec::new(), vouchers: 0, expires: None, refused: Vec::new() }
    }

    /// Vouches for a device, and adds the voucher with what was signed about the device's key and past. The audit log comes last, so that this voucher is in it.
    pub(super) async fn add(&mut self, masa: &Masa, device: &DeviceId, domain: &Certificate, registrar: Option<&Certificate>) -> anyhow::Result<()> {
        let voucher = masa.vouch_offline(device, domain, registrar, &self.by, self.format).await?;
        let expires = voucher.peek_unverified(Leniencies::NONE)?.expires_on;
        self.expires = self.expires.into_iter().chain(expires).min();
        let name = file_name(&device.serial);
        let of = |kind, media_type, path, octets| File { path, octets, kind, media_type, serial: Some(device.serial.clone()) };
        let (extension, media_type) = (self.format.voucher_file_extension(), self.format.voucher_media_type());
        self.files.push(of("voucher", media_type, format!("vouchers/{name}.{extension}"), voucher.wire().to_vec()));
        self.vouchers += 1;
        if let Some(statement) = masa.statement_for(device, masa.levels(device).owner).await? {
            self.files.push(of("provenance-statement", "application/eat+cwt", format!("statements/{name}.cbor"), statement.wire().to_vec()));
        }
        let log = masa.audit_log_of(device).await?.to_json();
        self.files.push(of("audit-log", "application/json", format!("audit-logs/{name}.json"), log));
        Ok(())
    }

    pub(super) fn refuse(&mut self, serial: &SerialNumber, why: &anyhow::Error) {
        self.refused.push(Refused { serial: serial.clone(), cause: format!("{why:#}") });
    }

    /// The state of the log, and by what others know the log.
    pub(super) fn add_log(&mut self, checkpoint: &str, verifier: &str) {
        let of = |path: &str, kind, octets| File { path: path.to_owned(), octets, kind, media_type: "text/plain; charset=utf-8", serial: None };
        self.files.push(of("checkpoint.txt", "checkpoint", checkpoint.as_bytes().to_vec()));
        self.files.push(of("log-verifier.txt", "public-key", format!("{verifier}\n").into_bytes()));
    }

    pub(super) fn vouchers(&self) -> usize {
        self.vouchers
    }

    /// When the first of the vouchers expires.
    pub(super) fn expires(&self) -> Option<UnixTime> {
        self.expires
    }

    pub(super) fn refused(&self) -> &[Refused] {
        &self.refused
    }

    /// Every file in the order of paths, then the manifest and the digests of all of them as `sha256sum -c` reads them.
    pub(super) fn complete(self, about: About) -> anyhow::Result<Vec<File>> {
        let mut files = self.files;
        files.sort_by(|one, other| one.path.cmp(&other.path));
        let listed = files.iter().map(|file| Listed {
            path: &file.path,
            kind: file.kind,
            media_type: file.media_type,
            serial: file.serial.as_ref(),
            octets: file.octets.len(),
            sha256: sha256_hex(&file.octets),
        });
        // Devices that were refused are none of the customer's business, nor are the reasons.
        let manifest = Manifest { bundle_version: 1, about, files: listed.collect() };
        let manifest = serde_json::to_string_pretty(&manifest)? + "\n";
        let of = |path: &str, kind, media_type, octets| File { path: path.to_owned(), octets, kind, media_type, serial: None };
        files.push(of("manifest.json", "bundle-manifest", "application/json", manifest.into_bytes()));
        let sums: String = files.iter().map(|file| format!("{}  {}\n", sha256_hex(&file.octets), file.path)).collect();
        files.push(of("SHA256SUMS", "digests", "text/plain; charset=utf-8", sums.into_bytes()));
        Ok(files)
    }
}

impl Named {
    pub(super) fn of(certificate: &Certificate) -> Self {
        Self { subject: certificate.subject().to_owned(), sha256: certificate.fingerprint(), key: certificate.spki_digest() }
    }
}
