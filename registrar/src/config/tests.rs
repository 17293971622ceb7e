#![allow(clippy::unwrap_used, reason = "tests")]

use brski_common::Leniency;

use super::*;

const EXAMPLE: &str = include_str!("../cli/init/registrar.toml");

/// The settings of the configuration that `init` writes, once `from` is replaced in it.
fn settings(from: &str, to: &str) -> Settings {
    assert_eq!(EXAMPLE.matches(from).count(), 1, "{from:?}");
    toml::from_str::<Values>(
        &EXAMPLE
            .replace("{listen}", "127.0.0.1:0")
            .replace("{admin-listen}", "127.0.0.1:0")
            .replace("{admin-token-sha256}", &"00".repeat(32))
            .replace(from, to),
    )
    .unwrap()
    .settings()
}

#[test]
fn voucher_is_asked_for_what_the_configuration_says() {
    let line = "\n# statement = \"full\"\n";
    let asked = |to| settings(line, to).statement_in_voucher;
    assert_eq!(asked(line), None);
    assert_eq!(asked("\nstatement = \"full\"\n"), Some(Wanted { full: true, summary: false }));
    assert_eq!(asked("\nstatement = \"summary\"\n"), Some(Wanted { full: false, summary: true }));
}

#[test]
fn example_names_every_leniency() {
    let missing: Vec<_> = Leniency::ALL.iter().filter(|leniency| !EXAMPLE.contains(&format!("\n# {leniency} = "))).collect();
    assert_eq!(missing, Vec::<&Leniency>::new());
}
