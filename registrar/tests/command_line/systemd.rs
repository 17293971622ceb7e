//! The units of the service, judged by systemd itself where it is installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::REGISTRAR;
use super::support::Folder;

const UNITS: [&str; 2] = ["brski-registrar.service", "brski-registrar-masa-worker.service"];

fn source(unit: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(unit)
}

/// The units, with the program where it is here.
fn units() -> Folder {
    let folder = Folder::new();
    for unit in UNITS {
        folder.write(unit, std::fs::read_to_string(source(unit)).unwrap().replace("/usr/bin/brski-registrar", REGISTRAR));
    }
    folder
}

/// Runs `systemd-analyze` and returns all it said; `None` where it is not installed, which may not be in CI.
fn analyze(folder: &Folder, arguments: &[&str]) -> Option<(bool, String)> {
    let output = Command::new("systemd-analyze").args(arguments).current_dir(folder.path("")).env("SYSTEMD_COLORS", "0").output();
    match output {
        Ok(output) => Some((output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())),
        Err(_) => {
            assert!(std::env::var_os("CI").is_none(), "systemd-analyze is not installed, and CI is set");
            eprintln!("skipped: systemd-analyze is not installed");
            None
        }
    }
}

#[test]
fn units_have_no_error_that_systemd_finds() {
    let folder = units();
    let Some((good, said)) = analyze(&folder, &["verify", "--man=no", "./brski-registrar.service", "./brski-registrar-masa-worker.service"]) else {
        return;
    };
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("brski-registrar")).collect();
    assert!(good && ours.is_empty(), "{said}");
}

#[test]
fn services_are_exposed_little_by_systemd_s_measure() {
    let folder = units();
    // In tenths: 20 of 100 is the upper end of what systemd calls OK.
    for service in ["./brski-registrar.service", "./brski-registrar-masa-worker.service"] {
        let Some((good, said)) = analyze(&folder, &["security", "--no-pager", "--offline=true", "--threshold=20", service]) else { return };
        assert!(good, "{said}");
    }
}

#[test]
fn every_command_in_the_units_is_one_of_the_program_s() {
    for unit in ["brski-registrar.service"] {
        let text = std::fs::read_to_string(source(unit)).unwrap();
        for line in text.lines().filter_map(|line| line.split_once("=/usr/bin/brski-registrar ").map(|(_, arguments)| arguments)) {
            // Whatever is installed on this machine is left alone.
            let line = line.replace("/etc/brski-registrar/registrar.toml", "absent.toml");
            let arguments: Vec<&str> = line.split_whitespace().collect();
            let finished = Folder::new().run(REGISTRAR, &arguments);
            assert_eq!(finished.code, Some(1), "{line}: {finished:?}");
            assert!(finished.stderr.contains("absent.toml: cannot be read"), "{line}: {finished:?}");
        }
    }
}
