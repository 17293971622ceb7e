use super::*;

fn mistake(text: &str) -> String {
    Policy::from_toml(text).unwrap_err().message
}

fn in_rule(fields: &str) -> String {
    mistake(&format!("version = 1\n[[rule]]\nname = \"strict\"\n{fields}"))
}

#[test]
fn unknown_field_is_named_with_its_line_and_rule() {
    let message = in_rule("metod = [\"avocado\"]\nthen = \"accept\"");
    assert!(message.starts_with("line 4: rule 'strict': there is no field 'metod'; there are name, statement, method,"), "{message}");
}

#[test]
fn unknown_word_is_named_with_what_would_be_right() {
    let message = in_rule("method = [\"avocado\",\n \"potato\"]\nthen = \"accept\"");
    let expected = "line 5: rule 'strict': method must be a list of words out of unknown, avocado, bamboo, carrot, salak, sapodilla, not \"potato\"";
    assert_eq!(message, expected);
}

#[test]
fn field_of_another_kind_is_refused() {
    assert!(in_rule("method = \"avocado\"\nthen = \"accept\"").contains("method must be a list"));
    assert!(in_rule("method = []\nthen = \"accept\"").contains("method must be a list"));
    assert!(in_rule("method = [1]\nthen = \"accept\"").contains("not 1"));
    assert!(in_rule("key-retained = \"no\"\nthen = \"accept\"").contains("true or false"));
    assert!(in_rule("co-generation-parties-at-least = 0\nthen = \"accept\"").contains("a number from 1"));
    assert!(in_rule("protection-at-least = \"unknown\"\nthen = \"accept\"").contains("one of none-software"));
    assert!(in_rule("statement = \"maybe\"\nthen = \"accept\"").contains("\"absent\" or \"present\""));
    assert!(in_rule("method = [\"avocado\"]\nthen = \"perhaps\"").contains("accept, hold or refuse"));
    assert!(in_rule("method = [\"avocado\"]").contains("then is missing"));
}

#[test]
fn names_are_given_once_and_not_empty() {
    let rule = |name: &str| format!("[[rule]]\nname = \"{name}\"\nthen = \"refuse\"\n");
    assert!(mistake(&format!("version = 1\n{}{}", rule("a"), rule("a"))).starts_with("line 5: rule 'a' occurs twice"));
    assert!(mistake(&format!("version = 1\n{}", rule(" "))).contains("rule 1: name must be"));
    assert!(mistake("version = 1\n[[rule]]\nthen = \"refuse\"").contains("rule 1: name is missing"));
    assert!(mistake(&format!("version = 1\n{}", rule("nothing-else-matched"))).contains("name must be"));
}

#[test]
fn version_and_rules_are_demanded() {
    assert!(mistake("").contains("version is missing"));
    assert!(mistake("version = 2").contains("version must be 1, not 2"));
    assert!(mistake("version = 1").contains("rule is missing"));
    assert!(mistake("version = 1\nrule = []").contains("at least one [[rule]]"));
    assert!(mistake("version = 1\nrules = []").contains("there is no field 'rules'"));
    assert!(mistake("version = ").starts_with("line 1: not valid TOML"));
}

#[test]
fn acceptance_of_just_anything_is_refused() {
    assert!(in_rule("then = \"accept\"").contains("it would accept anything"));
    assert!(in_rule("statement = \"absent\"\nmethod = [\"unknown\"]\nthen = \"hold\"").contains("never goes with other conditions"));
}

#[test]
fn what_is_accepted_is_told_in_words() {
    let words = |fields: &str| {
        let text = format!("version = 1\n[[rule]]\nname = \"strict\"\n{fields}\nthen = \"accept\"");
        Policy::from_toml(&text).unwrap().accepted_in_words()
    };
    assert_eq!(words("method = [\"avocado\", \"salak\"]"), "avocado, salak");
    assert_eq!(words("method = [\"sapodilla\"]\nse-generation = [\"internal\"]"), "sapodilla made inside the element");
    assert_eq!(words("statement = \"present\"\nkey-retained = false"), "any method not kept by the factory");
    assert_eq!(words("statement = \"absent\""), "no statement at all");
    assert_eq!(
        words("method = [\"bamboo\"]\nprotection-at-least = \"non-extractable\"\nbasis = [\"third-party-audit\", \"hsm-attested\"]"),
        "bamboo protected non-extractable and audited by a third party or attested by the factory's security module"
    );
}

#[test]
fn policy_that_accepts_nothing_has_no_words_for_it() {
    let policy = Policy::from_toml("version = 1\n[[rule]]\nname = \"none\"\nthen = \"refuse\"").unwrap();
    assert_eq!(policy.accepted_in_words(), "");
}

#[test]
fn rule_that_names_no_method_accepts_in_words_only_what_is_left() {
    let policy =
        "version = 1\n[[rule]]\nname = \"a\"\nmethod = [\"bamboo\"]\nthen = \"refuse\"\n[[rule]]\nname = \"b\"\nstatement = \"present\"\nthen = \"accept\"";
    assert_eq!(Policy::from_toml(policy).unwrap().accepted_in_words(), "any method that no earlier rule decides");
}
