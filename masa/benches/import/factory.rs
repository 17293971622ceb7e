//! A manufacturer's PKI, and rows in any number: a device with an IDevID each.

use core::ops::Range;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use brski_common::issuing::{Subject, Template, never};
use brski_common::provenance::{Basis, Locus, ManufactureBatch, ManufactureReport, Protection, Source, Transfer};
use brski_common::time::at;
use brski_common::{
    Certificate, DeviceId, Format, IDevIdCert, KeyIdentifier, KeyOrigin, Method, SerialNumber, SignatureAlgorithm, Signer as _, SigningParty, SoftwareKey,
};

use super::wait;

pub(crate) struct Factory {
    folder: PathBuf,
    pub(crate) root: Certificate,
    pub(crate) issuing: Certificate,
    pub(crate) issuing_key: SoftwareKey,
    pub(crate) station: SoftwareKey,
}

/// How rows are signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Batch(Format),
    Single,
}

impl Factory {
    /// The one of this folder, begun the first time.
    pub(crate) fn new(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let (root_key, issuing_key, station) = (kept(folder, "root"), kept(folder, "issuing"), kept(folder, "station"));
        let template = |name: &str, key: &SoftwareKey| Template::new(Subject::common_name(name), key.public_key(), [1; 16], at(NOW - 1000), never()).ca(None);
        let certificate = |name: &str, make: &dyn Fn() -> Certificate| {
            let path = folder.join(name);
            if !path.exists() {
                std::fs::write(&path, make().der()).unwrap();
            }
            Certificate::from_der(&std::fs::read(&path).unwrap()).unwrap()
        };
        let root = certificate("root.der", &|| wait(template("IDevID root", &root_key).self_signed(&root_key)).unwrap());
        let issuing = certificate("issuing.der", &|| wait(template("IDevID issuing", &issuing_key).issued_by(&root, &root_key)).unwrap());
        Self { folder: folder.to_owned(), root, issuing, issuing_key, station }
    }

    pub(crate) fn device(&self, number: u64) -> DeviceId {
        DeviceId { issuer: KeyIdentifier::new(self.issuing.subject_key_id().unwrap()).unwrap(), serial: serial(number) }
    }

    /// A file with these rows.
    pub(crate) fn rows(&self, numbers: Range<u64>, form: Form) -> PathBuf {
        let kind = match form {
            Form::Batch(Format::Cose) => "cose",
            Form::Batch(_) => "batch",
            Form::Single => "single",
        };
        let path = self.folder.join(format!("{kind}-{}-{}.jsonl", numbers.start, numbers.end));
        if !path.exists() {
            println!("  making rows {} to {}", numbers.start, numbers.end);
            let unfinished = path.with_extension("unfinished");
            let mut out = BufWriter::new(File::create(&unfinished).unwrap());
            let firsts: Vec<u64> = numbers.clone().step_by(BATCH as usize).collect();
            for pair in firsts.chunks(2) {
                let lines: Vec<Vec<u8>> = std::thread::scope(|scope| {
                    let make = |first: u64| scope.spawn(move || self.lines(first..numbers.end.min(first + BATCH), form));
                    let threads: Vec<_> = pair.iter().copied().map(make).collect();
                    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
                });
                lines.iter().for_each(|lines| out.write_all(lines).unwrap());
            }
            out.flush().unwrap();
            std::fs::rename(unfinished, &path).unwrap();
        }
        path
    }

    fn lines(&self, numbers: Range<u64>, form: Form) -> Vec<u8> {
        let reports: Vec<ManufactureReport> = numbers.map(|number| self.report(number)).collect();
        let station = SigningParty::with_name(STATION, Arc::new(self.station.clone()));
        let mut lines = Vec::new();
        match form {
            Form::Batch(format) => {
                let batch = ManufactureBatch::of_reports(&reports).unwrap();
                lines.extend_from_slice(wait(station.seal(&batch, format)).unwrap().wire());
                // COSE messages follow each other with nothing between.
                lines.extend((format == Format::Jws).then_some(b'\n'));
            }
            Form::Single => {
                for report in &reports {
                    lines.extend_from_slice(wait(station.seal(report, Format::Jws)).unwrap().wire());
                    lines.push(b'\n');
                }
            }
        }
        lines
    }

    /// The certificate of some device.
    pub(crate) fn certificate(&self) -> Certificate {
        self.report(0).idevid.certificate().clone()
    }

    fn report(&self, number: u64) -> ManufactureReport {
        let key = SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap().0;
        let subject = Subject::serial_number(&serial(number));
        let mut certificate_serial = [0; 16];
        certificate_serial[8..].copy_from_slice(&number.to_be_bytes());
        let template = Template::new(subject, key.public_key(), certificate_serial, at(NOW - 1000), never()).masa_url("masa.example.com");
        let idevid = IDevIdCert::new(wait(template.issued_by(&self.issuing, &self.issuing_key)).unwrap()).unwrap();
        let made = KeyOrigin::new(Method::Avocado, Source::GeneratedOnDevice, Protection::NonExtractable, Locus::Tee, Basis::StationSigned, at(NOW - 100));
        ManufactureReport { idevid, origin: Some(KeyOrigin { private_transfer: Transfer::None, ..made }) }
    }
}

fn serial(number: u64) -> SerialNumber {
    SerialNumber::new(format!("EX-{number:010}")).unwrap()
}

fn kept(folder: &Path, name: &str) -> SoftwareKey {
    let path = folder.join(format!("{name}.key"));
    if !path.exists() {
        std::fs::write(&path, SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap().1.as_slice()).unwrap();
    }
    SoftwareKey::from_der(&std::fs::read(&path).unwrap()).unwrap()
}

pub(crate) const NOW: u64 = 1_790_000_000;

pub(crate) const STATION: &str = "line 1";

/// How many rows are made and imported at once.
pub(crate) const SEGMENT: u64 = 1_000_000;

/// How many rows a station signs together.
const BATCH: u64 = 2000;
