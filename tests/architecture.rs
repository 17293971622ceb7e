//! What is promised of the structure, held by machine.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn cores_without_features_depend_on_no_runtime() {
    for core in ["brski-common", "brski-masa", "brski-registrar"] {
        let names = dependencies(core);
        assert!(names.contains(&"thiserror".to_owned()), "{core}: cargo tree printed {names:?}");
        for runtime in ["tokio", "hyper", "hyper-util", "http", "http-body", "mio", "rustls", "tokio-rustls", "rusqlite"] {
            assert!(!names.contains(&runtime.to_owned()), "{core} without features pulls in {runtime}");
        }
    }
}

#[test]
fn default_tree_has_one_crypto_library() {
    let tree = cargo(&["tree", "--workspace", "--edges", "normal", "--prefix", "none", "--format", "{p}"]);
    for other in ["ring v", "rsa v", "openssl-sys v"] {
        assert!(!tree.lines().any(|line| line.starts_with(other)), "{other} is in the tree");
    }
}

#[test]
fn masa_and_registrar_do_not_know_each_other() {
    assert!(!dependencies("brski-masa").contains(&"brski-registrar".to_owned()));
    assert!(!dependencies("brski-registrar").contains(&"brski-masa".to_owned()));
}

#[test]
fn every_crate_forbids_unsafe_code() {
    for root in ["common/src/lib.rs", "masa/src/lib.rs", "registrar/src/lib.rs"] {
        let text = std::fs::read_to_string(workspace().join(root)).unwrap();
        assert!(text.contains("#![forbid(unsafe_code)]"), "{root}");
    }
}

#[test]
fn no_source_file_exceeds_400_lines() {
    let mut files = Vec::new();
    for folder in ["common", "masa", "registrar", "tests", "examples"] {
        rust_files(&workspace().join(folder), &mut files);
    }
    assert!(files.len() > 50, "only {} files were found", files.len());
    for file in files {
        let lines = std::fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= 400, "{} has {lines} lines", file.display());
    }
}

fn dependencies(core: &str) -> Vec<String> {
    let tree = cargo(&["tree", "-p", core, "--no-default-features", "--edges", "normal", "--prefix", "none", "--format", "{p}"]);
    tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

fn cargo(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(args).arg("--offline").current_dir(workspace()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
