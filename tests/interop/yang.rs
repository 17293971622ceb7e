//! `pyang` reads the YANG module of our voucher extension, and finds its SID file consistent with it.

use std::path::{Path, PathBuf};

use crate::openssl::OpenSsl;
use crate::python::Python;

/// The one file with this extension beside the codec.
fn file(extension: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("common/yang");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|e| e == extension)).collect();
    let [one] = &found[..] else { panic!("{found:?}") };
    one.clone()
}

/// What `pyang` prints, and whether it was content.
fn pyang(python: Python, arguments: &[&str], module: &Path) -> (bool, String) {
    let output = python.module("pyang.scripts.pyang_tool").args(arguments).arg(module).output().unwrap();
    let printed = [output.stdout, output.stderr].map(|octets| String::from_utf8(octets).unwrap()).concat();
    (output.status.success(), printed)
}

#[test]
fn pyang_accepts_our_module_without_a_word() {
    let Some(python) = Python::find() else { return };
    assert_eq!(pyang(python, &["--strict", "--lint"], &file("yang")), (true, String::new()));
}

#[test]
fn pyang_refuses_our_module_with_a_type_that_is_not_there() {
    let Some(python) = Python::find() else { return };
    let Some(folder) = OpenSsl::find() else { return };
    let module = file("yang");
    let name = module.file_name().unwrap().to_str().unwrap();
    folder.write(name, std::fs::read_to_string(&module).unwrap().replace("inet:uri", "inet:urr"));
    let (accepted, said) = pyang(python, &["--strict", "--lint"], &folder.path(name));
    assert!(!accepted && said.contains(r#"type "urr" not found"#), "{said}");
}

/// What `pyang` says to a SID file. It ends with success whatever it finds, so that its words count.
fn sid_check(python: Python, sid_file: &Path) -> String {
    pyang(python, &["--sid-list", &format!("--sid-check-file={}", sid_file.display())], &file("yang")).1
}

#[test]
fn pyang_finds_our_sid_file_consistent() {
    let Some(python) = Python::find() else { return };
    let said = sid_check(python, &file("sid"));
    assert!(said.contains("Check completed successfully") && !said.contains("needs to be updated"), "{said}");
    // As peers are told.
    for line in ["60100      module brski-key-provenance\n", "60102      data /brski-key-provenance:key-provenance/statement\n"] {
        assert!(said.contains(line), "{said}");
    }
}

#[test]
fn pyang_finds_a_sid_file_with_another_leaf_inconsistent() {
    let Some(python) = Python::find() else { return };
    let Some(folder) = OpenSsl::find() else { return };
    folder.write("other.sid", std::fs::read_to_string(file("sid")).unwrap().replace("key-provenance/method", "key-provenance/methods"));
    let said = sid_check(python, &folder.path("other.sid"));
    assert!(said.contains("needs to be updated") && !said.contains("Check completed successfully"), "{said}");
}
