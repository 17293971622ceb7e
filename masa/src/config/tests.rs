#![allow(clippy::unwrap_used, reason = "tests")]

use brski_common::Leniency;

use super::*;

const EXAMPLE: &str = include_str!("../cli/init/masa.toml");

/// The configuration as `init` writes it.
fn example() -> String {
    let text = EXAMPLE.replace("{listen}", "127.0.0.1:0").replace("{authority}", "masa.example.com");
    text.replace("{admin-listen}", "127.0.0.1:0").replace("{admin-token-sha256}", &"0".repeat(64))
}

/// The policy of the configuration that `init` writes, once `from` is replaced in it.
fn issue_policy(from: &str, to: &str) -> IssuePolicy {
    assert_eq!(EXAMPLE.matches(from).count(), 1, "{from:?}");
    toml::from_str::<Values>(&example().replace(from, to)).unwrap().issue_policy(None)
}

/// The line of an example, if a comment holds one: a table, or a setting.
fn commented(line: &str) -> Option<&str> {
    let setting = line.strip_prefix("# ")?;
    let is_name = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '"'));
    (setting.starts_with('[') || setting.split_once(" = ").is_some_and(|(name, _)| is_name(name))).then_some(setting)
}

#[test]
fn every_example_can_be_taken_out_of_its_comment() {
    let examples: Vec<&str> = EXAMPLE.lines().filter_map(commented).collect();
    let tables = ["[proxy]", "[audit]", "[admin.tls]", "[[voucher-signing.keys]]", "[[evidence]]", "[[product-lines]]", "[[customers]]", "[leniencies]"];
    assert!(tables.iter().all(|table| examples.contains(table)), "{examples:?}");
    let text: String = example().lines().map(|line| commented(line).unwrap_or(line).to_owned() + "\n").collect();
    toml::from_str::<Values>(&text).unwrap();
}

#[test]
fn examples_show_every_setting() {
    let shown = |field: &str| EXAMPLE.lines().any(|line| commented(line).unwrap_or(line).starts_with(field) || line.contains(&format!("{field} = ")));
    // What serde expects, told by its own message where a field is wrong.
    let expected = |table: &str| {
        let told = toml::from_str::<Values>(&(example() + "\n" + table + "\nno-such-setting = 1\n")).unwrap_err();
        let fields = told.message().split_once("expected").unwrap().1.to_owned();
        fields.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()
    };
    for table in ["[audit]", "[[stations]]", "[[evidence]]", "[[product-lines]]", "[[customers]]", "[proxy]", "[[admin.credentials]]", "[leniencies]"] {
        let missing: Vec<String> = expected(table).into_iter().filter(|field| !shown(field)).collect();
        assert_eq!(missing, Vec::<String>::new(), "{table}");
    }
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
