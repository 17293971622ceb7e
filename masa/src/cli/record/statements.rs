//! Provenance statements as files, one a device.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use brski_common::provenance::ProvenanceStatement;
use brski_common::{DeviceId, Format, Leniencies, SerialNumber, Signed};

/// A folder of statements.
pub(super) struct Statements {
    folder: PathBuf,
}

impl Statements {
    /// Uses this folder, and makes it if it does not exist.
    pub(super) fn new(folder: &PathBuf) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
        Ok(Self { folder: folder.clone() })
    }

    /// Writes a device's statement, replacing an earlier one of the same device.
    pub(super) fn write(&self, device: &DeviceId, statement: &Signed<ProvenanceStatement>) -> anyhow::Result<()> {
        let path = self.folder.join(file_name(&device.serial));
        if let Ok(present) = std::fs::read(&path) {
            let present = Signed::<ProvenanceStatement>::from_wire(Format::Cose, present).peek_unverified(Leniencies::default());
            let same = present.is_ok_and(|present| present.device == *device);
            anyhow::ensure!(same, "{} is not replaced, because it is no statement of this device (recorded nevertheless)", path.display());
        }
        replace(&path, statement.wire()).with_context(|| format!("{} cannot be written (recorded nevertheless)", path.display()))
    }
}

/// A reader finds the old content or the new, never half of it.
fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let new = path.with_extension("new");
    std::fs::write(&new, content)?;
    std::fs::rename(&new, path)
}

/// The serial number, with every character percent-encoded that a file name could be misread for. Distinct serial numbers have distinct names.
fn file_name(serial: &SerialNumber) -> String {
    let encode = |(i, b): (usize, u8)| match b {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' => char::from(b).to_string(),
        b'.' if i > 0 => ".".to_owned(),
        other => format!("%{other:02X}"),
    };
    serial.as_str().bytes().enumerate().map(encode).collect::<String>() + ".cbor"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_number_cannot_leave_the_folder() {
        let name = |serial: &str| file_name(&SerialNumber::new(serial).unwrap());
        assert_eq!(name("../../etc/passwd"), "%2E.%2F..%2Fetc%2Fpasswd.cbor");
        assert_eq!(name("PID:X SN:1"), "PID%3AX%20SN%3A1.cbor");
    }
}
