//! Under which keys of the log backups and checkpoints are believed, and what nobody vouches for.

use super::backup::{backed_up, entries, json, lose_the_ledger, new_key, record, restore};
use super::masa;
use super::support::Folder;

/// Rewrites the backup as somebody might who does not have the log's key: each file as `change` wants it, given its name, or gone.
fn rewrite(folder: &Folder, change: impl Fn(&str, Vec<u8>) -> Option<Vec<u8>>) {
    let (mut archive, mut out) = (tar::Archive::new(std::fs::File::open(folder.path("backup.tar")).unwrap()), tar::Builder::new(Vec::new()));
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let (name, mut octets) = (entry.path().unwrap().display().to_string(), Vec::new());
        std::io::Read::read_to_end(&mut entry, &mut octets).unwrap();
        if let Some(octets) = change(&name, octets) {
            let mut header = tar::Header::new_gnu();
            header.set_size(octets.len() as u64);
            out.append_data(&mut header, name, &*octets).unwrap();
        }
    }
    folder.write("backup.tar", out.into_inner().unwrap());
}

fn without_signature(name: &str, octets: Vec<u8>) -> Option<Vec<u8>> {
    (name != "manifest.sig").then_some(octets)
}

#[test]
fn backup_whose_manifest_was_changed_after_it_was_signed_is_refused() {
    let folder = backed_up();
    lose_the_ledger(&folder);
    rewrite(&folder, |name, octets| {
        Some(match name {
            "manifest.json" => String::from_utf8(octets).unwrap().replace("\"program\": \"", "\"program\": \"not ").into_bytes(),
            _ => octets,
        })
    });
    let error = restore(&folder, &["--unsigned"]).error();
    assert!(error.contains("backup.tar: its manifest is not signed by a key of this log"), "{error}");
    assert!(!folder.path("masa/ledger.sqlite").exists());
}

#[test]
fn backup_without_signature_is_refused_unless_somebody_takes_it_on_himself() {
    let folder = backed_up();
    lose_the_ledger(&folder);
    rewrite(&folder, without_signature);
    let error = restore(&folder, &[]).error();
    assert!(error.contains("backup.tar: its manifest bears no signature of the log, so that anybody could have made it; --unsigned accepts it"), "{error}");
    assert!(!folder.path("masa/ledger.sqlite").exists());
    restore(&folder, &["--unsigned"]).ok();
    assert_eq!(entries(&folder), 5);
}

#[test]
fn backup_that_another_key_signed_is_refused() {
    let folder = backed_up();
    let backup = std::fs::read(folder.path("backup.tar")).unwrap();
    std::fs::remove_dir_all(folder.path("masa")).unwrap();
    // Of the same name, with keys of its own.
    masa(&folder, &["init"]).ok();
    lose_the_ledger(&folder);
    folder.write("backup.tar", backup);
    let error = restore(&folder, &[]).error();
    assert!(error.contains("backup.tar: its manifest is not signed by a key of this log"), "{error}");
}

#[test]
fn new_machine_believes_no_backup_by_what_the_backup_says() {
    let folder = backed_up();
    std::fs::remove_dir_all(folder.path("masa")).unwrap();
    let error = restore(&folder, &["--dir", "masa", "--checkpoint", "JADA1.checkpoint"]).error();
    assert!(
        error.contains("backup.tar: nothing here tells under which key to verify it; name the file with the log's verifier key with --log-verifier"),
        "{error}"
    );
    assert!(!folder.path("masa").exists());
}

#[test]
fn backup_is_verified_under_log_verifier_txt_where_the_log_key_is_lost() {
    let folder = backed_up();
    lose_the_ledger(&folder);
    std::fs::remove_file(folder.path("masa/keys/log.pem")).unwrap();
    assert_eq!(json(&restore(&folder, &[]).ok())["entries"], 4);
}

/// A log that goes on under another key since it lost entries, and the file with its former key.
fn under_another_key() -> (Folder, String) {
    let folder = backed_up();
    record(&folder, "JADA2");
    lose_the_ledger(&folder);
    new_key(&folder, "masa/keys/log-2.pem");
    let told = json(&restore(&folder, &["--new-log-key", "masa/keys/log-2.pem"]).ok());
    folder.edit("masa/masa.toml", "key = \"keys/log.pem\"", "key = \"keys/log-2.pem\"");
    (folder, told["former-log-verifier"].as_str().unwrap().to_owned())
}

#[test]
fn checkpoint_of_a_former_key_is_verified_under_that_key() {
    let (folder, former) = under_another_key();
    for command in [&["verify", "--checkpoint", "JADA1.checkpoint"][..], &["consistency", "JADA1.checkpoint"]] {
        let error = masa(&folder, &[&["log"], command].concat()).error();
        assert!(
            error.contains("JADA1.checkpoint: not to be trusted; if the log signed it with a key that it has had, name that with --log-verifier"),
            "{error}"
        );
        masa(&folder, &[&["log"], command, &["--log-verifier", &former]].concat()).ok();
    }
    // What was lost is not there under any key.
    masa(&folder, &["log", "verify", "--checkpoint", "JADA2.checkpoint", "--log-verifier", &former]).error();
}

#[test]
fn backup_of_a_former_key_is_put_back_under_that_key() {
    let (folder, former) = under_another_key();
    lose_the_ledger(&folder);
    new_key(&folder, "masa/keys/log-3.pem");
    let error = restore(&folder, &["--new-log-key", "masa/keys/log-3.pem"]).error();
    assert!(error.contains("if the log has had another key then, name that with --log-verifier"), "{error}");
    restore(&folder, &["--new-log-key", "masa/keys/log-3.pem", "--log-verifier", &former]).ok();
}
