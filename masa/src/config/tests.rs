#![allow(clippy::unwrap_used, reason = "tests")]

use brski_common::Leniency;

use super::*;

const EXAMPLE: &str = include_str!("../cli/init/masa.toml");

/// The policy of the configuration that `init` writes, once `from` is replaced in it.
fn issue_policy(from: &str, to: &str) -> IssuePolicy {
    assert_eq!(EXAMPLE.matches(from).count(), 1, "{from:?}");
    let text = EXAMPLE
        .replace("{listen}", "127.0.0.1:0")
        .replace("{authority}", "masa.example.com")
        .replace("{admin-listen}", "127.0.0.1:0")
        .replace("{admin-token-sha256}", &"0".repeat(64))
        .replace(from, to);
    toml::from_str::<Values>(&text).unwrap().issue_policy(None)
}

#[test]
fn statement_in_voucher_is_as_the_configuration_says() {
    let line = "\nstatement-in-voucher = true\n";
    assert!(issue_policy(line, line).statement_in_voucher);
    assert!(!issue_policy(line, "\nstatement-in-voucher = false\n").statement_in_voucher);
    assert_eq!(issue_policy(line, "\n").statement_in_voucher, IssuePolicy::default().statement_in_voucher);
}

#[test]
fn example_names_every_leniency() {
    let missing: Vec<_> = Leniency::ALL.iter().filter(|leniency| !EXAMPLE.contains(&format!("\n# {leniency} = "))).collect();
    assert_eq!(missing, Vec::<&Leniency>::new());
}
