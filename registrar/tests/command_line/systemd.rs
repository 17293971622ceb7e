//! The units of the service.

use super::REGISTRAR;
use super::units::{Units, source};

const SERVICES: [&str; 2] = ["brski-registrar.service", "brski-registrar-masa-worker.service"];

const UNITS: Units =
    Units { program: REGISTRAR, name: "brski-registrar", configuration: "/etc/brski-registrar/registrar.toml", services: &SERVICES, timers: &[] };

#[test]
fn units_have_no_error_that_systemd_finds() {
    UNITS.assert_right();
}

#[test]
fn services_are_exposed_little_by_systemd_s_measure() {
    UNITS.assert_exposed_little();
}

#[test]
fn every_command_in_the_units_is_one_of_the_program_s() {
    UNITS.assert_commands_exist();
}

/// The values of a setting of a unit.
fn settings(unit: &str, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(source(unit)).unwrap();
    let values = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    values.flat_map(str::split_whitespace).map(str::to_owned).collect()
}

#[test]
fn every_unit_in_the_folder_is_looked_at() {
    let there = std::fs::read_dir(source("")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut services: Vec<String> = there.filter(|name| name.ends_with(".service")).collect();
    services.sort_unstable_by_key(String::len);
    assert_eq!(services, SERVICES);
}

#[test]
fn every_unit_has_a_user_of_its_own_whom_sysusers_makes() {
    let users = SERVICES.map(|unit| settings(unit, "User"));
    assert_ne!(users[0], users[1]);
    let made = std::fs::read_to_string(source("brski-registrar.sysusers.conf")).unwrap();
    for (unit, user) in SERVICES.into_iter().zip(&users) {
        assert_eq!(*user, settings(unit, "Group"));
        assert!(made.lines().any(|line| line.starts_with(&format!("u {} ", user[0]))), "{made}");
    }
    // Of each other's files the server may use the worker's, and the worker none.
    let members: Vec<&str> = made.lines().filter(|line| line.starts_with("m ")).collect();
    assert_eq!(members, ["m brski-registrar brski-masa-worker"]);
}

#[test]
fn worker_may_write_into_the_folder_of_questions_alone_and_see_neither_pledges_nor_keys() {
    let worker = SERVICES[1];
    assert_eq!(settings(worker, "ReadWritePaths"), ["/var/lib/brski-masa-worker"]);
    assert_eq!((settings(worker, "StateDirectory"), settings(worker, "ProtectSystem")), (vec![], vec!["strict".to_owned()]));
    let unseen = settings(worker, "InaccessiblePaths");
    for path in ["-/var/lib/brski-registrar", "-/etc/brski-registrar/keys"] {
        assert!(unseen.contains(&path.to_owned()), "{unseen:?}");
    }
}
