//! The folder of manufacturers' profiles.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use brski_common::files;
use brski_common::serve::setup::{NewFiles, SetupError, read_text};
use brski_common::text::{LONGEST_WORDS, printable};
use brski_common::{Format, Leniencies, ProfileText, Signed, UnixTime, Verified};
use brski_registrar::{Manufacturer, ProfileError};

/// Profiles of accepted manufacturers, one a file. A folder that does not exist holds none.
pub(crate) struct Profiles {
    folder: PathBuf,
}

/// A manufacturer's profile as a file.
pub(crate) struct Profile {
    /// Where it was read.
    pub(crate) path: PathBuf,
    /// The file's exact text.
    pub(crate) text: String,
    /// What it says.
    pub(crate) manufacturer: Manufacturer,
}

impl Profiles {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Reads all of them, in the order of their file names.
    pub(crate) fn read(&self) -> anyhow::Result<Vec<Profile>> {
        let mut paths = Vec::new();
        match fs::read_dir(&self.folder) {
            Ok(entries) => {
                for entry in entries {
                    paths.push(entry.with_context(|| format!("{}: cannot be read", self.folder.display()))?.path());
                }
            }
            Err(err) if err.kind() == ErrorKind::NotFound => (),
            Err(err) => return Err(err).with_context(|| format!("{}: cannot be read", self.folder.display())),
        }
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
        paths.sort();

        let mut profiles: Vec<Profile> = Vec::new();
        for path in paths {
            let profile = Profile::read(&path)?;
            if let Some(same) = profiles.iter().find(|known| known.manufacturer.name == profile.manufacturer.name) {
                anyhow::bail!(
                    "{}: names '{}', as does {}; each manufacturer needs a name of its own",
                    path.display(),
                    profile.manufacturer.name,
                    same.path.display()
                );
            }
            if let Some(other) = profiles.iter().find(|known| known.manufacturer.shares_idevid_anchor(&profile.manufacturer)) {
                anyhow::bail!("{}; remove one of them", profile.conflict(other));
            }
            profiles.push(profile);
        }
        Ok(profiles)
    }

    /// Where the profile of the manufacturer called `name` is, or would be put.
    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        self.folder.join(file_name(name))
    }

    /// Puts a newer profile in the place of an accepted one, in one step.
    pub(crate) fn replace(&self, accepted: &Profile, newer: &Profile) -> anyhow::Result<()> {
        files::replace(&accepted.path, newer.text.as_bytes()).with_context(|| format!("{}: cannot be written", accepted.path.display()))
    }

    /// Takes a profile away.
    pub(crate) fn remove(&self, accepted: &Profile) -> anyhow::Result<()> {
        let removed = fs::remove_file(&accepted.path).and_then(|()| files::sync_folder(&accepted.path));
        removed.with_context(|| format!("{}: cannot be removed", accepted.path.display()))
    }

    /// Puts a profile there. Nothing is replaced.
    pub(crate) fn add(&self, profile: &Profile) -> anyhow::Result<PathBuf> {
        let mut files = NewFiles::new();
        files.public(file_name(&profile.manufacturer.name), profile.text.as_str());
        files.write_into(&self.folder)?;
        Ok(self.path_of(&profile.manufacturer.name))
    }
}

impl Profile {
    /// Reads a profile from any file.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = read_text(path).with_context(|| format!("{}: cannot be read", path.display()))?;
        Self::parse(path, &text)
    }

    /// Reads a profile from the text that was found at `path`.
    pub(crate) fn parse(path: &Path, text: &str) -> anyhow::Result<Self> {
        let manufacturer = Manufacturer::from_profile(text).map_err(|err| match err {
            ProfileError::Syntax(err) => SetupError::from_toml(path, text, &err).into(),
            other => anyhow::Error::new(other).context(path.display().to_string()),
        })?;
        Ok(Self { path: path.to_owned(), text: text.to_owned(), manufacturer })
    }

    /// Reads a profile that may be signed. What is signed says of itself who may sign it, so that a signature that holds proves no more than that it is consistent.
    pub(crate) fn read_offered(path: &Path, now: UnixTime) -> anyhow::Result<(Self, Option<Verified<ProfileText>>)> {
        let octets = fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))?;
        if octets.first() != Some(&DER_SEQUENCE) {
            return Ok((Self::read(path)?, None));
        }
        let signed = Signed::<ProfileText>::from_wire(Format::Cms, octets);
        let text = signed.peek_unverified(Leniencies::NONE).with_context(|| path.display().to_string())?;
        let profile = Self::parse(path, text.as_str())?;
        let verified =
            profile.manufacturer.verify_profile(&signed, now).with_context(|| format!("{}: is not signed by whom it names itself", path.display()))?;
        Ok((profile, Some(verified)))
    }

    /// Why this profile and `other` cannot both be accepted if they share an anchor of IDevIDs.
    pub(crate) fn conflict(&self, other: &Self) -> String {
        let (name, other_name) = (printable(&self.manufacturer.name, LONGEST_WORDS), printable(&other.manufacturer.name, LONGEST_WORDS));
        let (path, other_path) = (self.path.display(), other.path.display());
        format!("{path}: '{name}' has an IDevID anchor in common with '{other_name}' in {other_path}, so that nobody could tell whose device one is")
    }

    /// SHA-256 over the exact text, in hex.
    pub(crate) fn fingerprint(&self) -> String {
        Manufacturer::fingerprint(&self.text)
    }
}

/// A manufacturer's name with every octet percent-encoded that a file name could be misread for. Distinct names have distinct file names.
fn file_name(name: &str) -> String {
    let encode = |b: u8| match b {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' => char::from(b).to_string(),
        b' ' => "+".to_owned(),
        other => format!("%{other:02X}"),
    };
    name.bytes().map(encode).collect::<String>() + ".toml"
}

/// What every CMS message in DER begins with, and no TOML.
const DER_SEQUENCE: u8 = 0x30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manufacturer_cannot_leave_the_folder() {
        assert_eq!(file_name("../../etc/Örg"), "%2E%2E%2F%2E%2E%2Fetc%2F%C3%96rg.toml");
        assert_eq!(file_name("Example Devices"), "Example+Devices.toml");
    }
}
