//! Copies of a ledger that is in use, and manifests that are not to be trusted.

use brski_common::time::at;

use super::*;
use crate::SqliteLedger;
use crate::ledger::{Entry, Ledger as _, Made, Standing, TreeHead, verify};
use crate::testing::{Maker, NOW, Pledge, block_on};

/// A folder that goes away with it.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> Self {
        let mut name = [0; 8];
        aws_lc_rs::rand::fill(&mut name).unwrap();
        let path = std::env::temp_dir().join(format!("brski-masa-backup-{:016x}", u64::from_be_bytes(name)));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn begin(folder: &Folder, pledge: &Pledge) -> SqliteLedger {
    let ledger = SqliteLedger::begin(folder.file("ledger"), NOW, LOG).unwrap();
    block_on(ledger.append(vec![Entry::Made(Made { idevid: pledge.idevid(), at: NOW, reported_by: "line 1".to_owned() })])).unwrap();
    ledger
}

fn standing(pledge: &Pledge) -> Vec<Entry> {
    vec![Entry::Standing(Standing { device: pledge.device(), at: NOW, blocked: None, by: Some("jane".to_owned()) })]
}

#[test]
fn copy_has_the_log_as_it_was_at_its_beginning_however_it_grows_meanwhile() {
    let (folder, pledge) = (Folder::new(), Maker::new().pledge("A"));
    let ledger = begin(&folder, &pledge);
    // Enough for several steps.
    for _ in 0..24 {
        block_on(ledger.append((0..2_000).flat_map(|_| standing(&pledge)).collect())).unwrap();
    }
    let before = block_on(ledger.head()).unwrap();
    let mut steps = 0;
    copy(&folder.file("ledger"), &folder.file("copy"), &mut |_, _| {
        steps += 1;
        block_on(ledger.append(standing(&pledge))).unwrap();
    })
    .unwrap();
    assert!(steps > 1, "it was copied in one step, so that nothing came between");
    assert_eq!(verify(&folder.file("copy"), LOG, None, &mut |_| ()).unwrap(), before);
    assert_eq!(block_on(ledger.head()).unwrap().size, before.size + steps);
}

#[test]
fn copy_is_one_file_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, pledge) = (Folder::new(), Maker::new().pledge("A"));
    let _ledger = begin(&folder, &pledge);
    copy(&folder.file("ledger"), &folder.file("copy"), &mut |_, _| ()).unwrap();
    assert_eq!(std::fs::metadata(folder.file("copy")).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!folder.file("copy-wal").exists());
}

#[test]
fn copy_overwrites_nothing() {
    let (folder, pledge) = (Folder::new(), Maker::new().pledge("A"));
    let _ledger = begin(&folder, &pledge);
    std::fs::write(folder.file("copy"), "mine").unwrap();
    assert!(matches!(copy(&folder.file("ledger"), &folder.file("copy"), &mut |_, _| ()), Err(LedgerError::Open { path, .. }) if path == folder.file("copy")));
    assert_eq!(std::fs::read(folder.file("copy")).unwrap(), b"mine");
}

#[test]
fn ledger_is_in_use_while_anybody_has_it_open() {
    let (folder, pledge) = (Folder::new(), Maker::new().pledge("A"));
    let ledger = begin(&folder, &pledge);
    assert!(is_in_use(&folder.file("ledger"), Duration::ZERO));
    drop(ledger);
    assert!(!is_in_use(&folder.file("ledger"), Duration::ZERO));
}

#[test]
fn file_that_is_no_ledger_is_in_nobody_s_use() {
    let folder = Folder::new();
    std::fs::write(folder.file("ledger"), [7; 4096]).unwrap();
    assert!(!is_in_use(&folder.file("ledger"), Duration::ZERO));
}

fn manifest(paths: &[&str]) -> Manifest {
    let head = TreeHead { size: 3, root: brski_common::log::leaf_hash(b"leaf") };
    let files = paths.iter().map(|path| PackedFile { path: (*path).to_owned(), octets: 1, sha256: "00".to_owned() });
    let mut manifest = Manifest::new(LOG, "verifier".to_owned(), &head, at(1_790_000_000));
    manifest.files = files.collect();
    manifest
}

#[test]
fn manifest_is_read_as_it_was_written() {
    let written = manifest(&["ledger.sqlite", "configuration/certificates/tls.pem"]);
    assert_eq!(Manifest::from_json(&written.to_json().unwrap()).unwrap(), written);
}

#[test]
fn manifest_names_no_file_outside_the_folder_it_is_unpacked_into() {
    for path in ["", "/etc/passwd", "../ledger", "a/../../b", "a//b", "./a", "a\\b", "C:a", "a\0", "a\nb"] {
        assert!(Manifest::from_json(&manifest(&[path]).to_json().unwrap()).is_err(), "{path:?}");
    }
}

#[test]
fn manifest_names_no_file_twice() {
    assert!(Manifest::from_json(&manifest(&["a", "a"]).to_json().unwrap()).is_err());
}

#[test]
fn manifest_of_another_version_is_not_understood() {
    let json = String::from_utf8(manifest(&[]).to_json().unwrap()).unwrap();
    assert!(Manifest::from_json(json.replace("\"version\": 1", "\"version\": 2").as_bytes()).is_err());
}

const LOG: &str = "masa.example.com";
