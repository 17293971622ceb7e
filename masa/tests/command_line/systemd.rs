//! The units of the service.

use super::MASA;
use super::units::Units;

const UNITS: Units = Units {
    program: MASA,
    name: "brski-masa",
    configuration: "/etc/brski-masa/masa.toml",
    services: &["brski-masa.service", "brski-masa-backup.service"],
    timers: &["brski-masa-backup.timer"],
};

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
