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
    assert_eq!(words("method = [\"salak\"]\nevidence = [\"supports\"]"), "salak supported by evidence that its manufacturer checked");
    assert_eq!(
        words("method = [\"salak\"]\nevidence = [\"silent\", \"absent\"]"),
        "salak with evidence that is genuine but does not tell how the key came to be or with nothing said of evidence"
    );
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

#[test]
fn every_new_field_of_another_kind_is_refused() {
    for (fields, expected) in [
        ("manufacturer = \"Acme\"", "line 4: rule 'strict': manufacturer must be a list of manufacturers' names, as `trust list` tells them, not \"Acme\""),
        ("serial = [\"\"]", "serial must be a list, each a pattern of 1 to 64 characters in which * stands for any of them and ? for one, not \"\""),
        ("batch = [1]", "batch must be a list, each \"absent\" or a pattern of 1 to 64 characters"),
        ("receipt = \"good\"", "receipt must be one of checked, present, absent, not \"good\""),
        ("receipt = [\"good\"]", "receipt must be a list of words out of checked, present, absent, not \"good\""),
        ("statement-age-at-most = 365", "must be a number of days, hours or minutes such as \"365d\", \"12h\" or \"30m\", not 365"),
        ("statement-age-at-most = \"0d\"", "not \"0d\""),
        ("statement-age-at-most = \"+5d\"", "not \"+5d\""),
        ("made-after = 2026-01-01", "made-after must be a time with its offset such as 2026-01-01T00:00:00Z, not 2026-01-01"),
        ("made-before = \"2026-01-01T00:00:00Z\"", "made-before must be a time with its offset"),
        ("audit-log-events-before = 2026-01-01T00:00:00", "audit-log-events-before must be a time with its offset"),
        ("audit-log = [\"dirty\"]", "out of clean, foreign-domain, foreign-nonceless, truncated, none-disclosed, not \"dirty\""),
        ("assertion = [\"sworn\"]", "out of verified, logged, proximity, agent-proximity, absent, not \"sworn\""),
        ("lock = [\"maybe\"]", "absent, stated-unknown, not \"maybe\""),
        ("key-retained = \"no\"", "key-retained must be true or false, or \"absent\", not \"no\""),
        ("co-generation = true", "co-generation must be \"absent\" or \"present\", not true"),
    ] {
        let message = in_rule(&format!("{fields}\nthen = \"refuse\""));
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn mistakes_in_answers_are_told_by_question() {
    for (table, expected) in [
        ("{}", "line 4: rule 'strict': pki must be a table with at least one of the taxonomy's questions"),
        ("{ pki-levels = 2 }", "rule 'strict': pki: there is no field 'pki-levels'; there are initial-enclave-location,"),
        ("{ pki-level = 2 }", "pki: pki-level must be a table such as { at-least = 2 } or { at-most = 3 }, or \"answered\" or \"absent\", not 2"),
        ("{ pki-level = { at-least = 3, at-most = 2 } }", "pki-level must be a range in which at-least is not above at-most"),
        ("{ pki-level = { least = 3 } }", "pki: pki-level: there is no field 'least'; there are at-least, at-most"),
        ("{ pki-level = { at-least = \"two\" } }", "pki: pki-level: at-least must be a number, not \"two\""),
        ("{ pki-lifespan = { at-most = 20 } }", "at-most must be a period in one unit such as \"P2Y\", \"P90D\" or \"PT8H\", not 20"),
        ("{ pki-level-locked = \"yes\" }", "pki-level-locked must be true or false, or \"answered\" or \"absent\", not \"yes\""),
        ("{ pki-lock-policy = [\"all\"] }", "pki-lock-policy must be a list of words out of unknown, any-end-entity,"),
        ("{ pki-algorithms = \"RSA\" }", "pki-algorithms must be a list, each a pattern"),
    ] {
        let message = in_rule(&format!("pki = {table}\nthen = \"refuse\""));
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn mistakes_about_manufacturers_and_modes_are_told_with_their_place() {
    let rest = "[[rule]]\nname = \"rest\"\nthen = \"refuse\"\n";
    let after = |text: &str| mistake(&format!("version = 1\n{rest}{text}"));
    assert_eq!(mistake(&format!("version = 1\nmode = \"audit\"\n{rest}")), "line 2: mode must be one of enforce, warn, not \"audit\"");
    assert!(after("[manufacturer.Acme]\n").contains("manufacturer 'Acme': it must have a mode or a rule of its own, or be left out"));
    assert!(after("[manufacturer.Acme]\nrules = []").contains("line 6: manufacturer 'Acme': there is no field 'rules'; there are mode, rule"));
    assert!(after("[[manufacturer.Acme.rule]]\nthen = \"hold\"").contains("manufacturer 'Acme': rule 1: name is missing"));
    assert!(after("[[manufacturer.Acme.rule]]\nname = \"a\"\nthen = \"accept\"").contains("manufacturer 'Acme': rule 'a': it would accept anything"));
    assert!(after("[[manufacturer.Acme.rule]]\nname = \"rest\"\nthen = \"hold\"").contains("line 5: rule 'rest' occurs twice"));
}

#[test]
fn names_of_built_in_rules_are_taken() {
    for name in ["nothing-else-matched", "mode-warn", "disputed-record", "audit-log"] {
        let message = mistake(&format!("version = 1\n[[rule]]\nname = \"{name}\"\nthen = \"refuse\""));
        assert!(message.contains("name must be another name, since a built-in rule has this one"), "{message}");
    }
}

#[test]
fn acceptance_without_a_word_on_the_statement_is_refused() {
    for condition in ["manufacturer = [\"Acme\"]", "serial = [\"*\"]", "audit-log = [\"clean\"]", "assertion = [\"verified\"]"] {
        assert!(in_rule(&format!("{condition}\nthen = \"accept\"")).contains("it would accept anything, even pledges without a statement"), "{condition}");
    }
}

#[test]
fn new_conditions_are_told_in_words() {
    let words = |fields: &str| {
        let text = format!("version = 1\n[[rule]]\nname = \"strict\"\nmethod = [\"salak\"]\n{fields}\nthen = \"accept\"");
        Policy::from_toml(&text).unwrap().accepted_in_words()
    };
    assert_eq!(words("manufacturer = [\"Acme\"]\nserial = [\"A*\", \"B?\"]"), "salak from Acme and with serial number A* or B?");
    assert_eq!(words("receipt = \"checked\"\nstatement-age-at-most = \"365d\""), "salak with a statement at most 365d old and with a receipt that is checked");
    assert_eq!(
        words("audit-log = [\"clean\"]\nassertion = [\"verified\"]"),
        "salak with a voucher whose assertion is verified and with an audit log that is clean"
    );
    assert_eq!(words("lock = [\"fuse\", \"absent\"]"), format!("salak {} or with nothing said of lock", crate::provenance::Lock::Fuse.description()));
    assert_eq!(words("pki = { pki-level = { at-least = 2 }, pki-lifespan = \"answered\" }"), "salak with pki-level at least 2 and with pki-lifespan answered");
}

/// What is said of rules that never decide; each rule is its conditions and its verdict, and is named by its place.
fn unreachable(rules: &[(&str, &str)]) -> Vec<String> {
    let rule = |(place, (conditions, then)): (usize, &(&str, &str))| format!("[[rule]]\nname = \"{}\"\n{conditions}\nthen = \"{then}\"\n", place + 1);
    let text: String = rules.iter().enumerate().map(rule).collect();
    Policy::from_toml(&format!("version = 1\n{text}")).unwrap().unreachable_in_words()
}

#[test]
fn rule_after_one_without_conditions_never_decides() {
    let expected = "rule '2' never decides: rule '1' comes before it, which has no conditions and so decides about every pledge";
    assert_eq!(unreachable(&[("", "hold"), ("method = [\"salak\"]", "accept")]), [expected]);
    assert_eq!(unreachable(&[("method = [\"salak\"]", "accept"), ("", "hold")]), Vec::<String>::new());
}

#[test]
fn rule_whose_conditions_imply_those_of_an_earlier_one_never_decides() {
    let expected = ["rule '2' never decides: rule '1' comes before it, whose conditions hold wherever its own do"];
    for (wide, narrow) in [
        ("method = [\"salak\"]", "method = [\"salak\"]\nsite = [\"A\"]"),
        ("method = [\"salak\", \"avocado\"]", "method = [\"avocado\"]"),
        ("statement = \"present\"", "basis = [\"station-signed\"]"),
        ("protection-at-least = \"extractable-for-storage\"", "protection-at-least = \"non-extractable\""),
        ("serial = [\"ACME-*\"]\nstatement = \"present\"", "serial = [\"ACME-1\"]\nmethod = [\"salak\"]"),
        ("made-after = 2025-01-01T00:00:00Z", "made-after = 2026-01-01T00:00:00Z"),
        ("statement-age-at-most = \"30d\"", "statement-age-at-most = \"1d\""),
        ("site = [\"A\", \"absent\"]", "site = [\"absent\"]"),
        ("certificate-transfer = [\"none\", \"network-transferred\"]", "certificate-transfer = [\"none\"]"),
    ] {
        assert_eq!(unreachable(&[(wide, "accept"), (narrow, "hold")]), expected, "{narrow}");
        assert_eq!(unreachable(&[(narrow, "accept"), (wide, "hold")]), Vec::<String>::new(), "{wide}");
    }
}

#[test]
fn rules_on_different_things_both_decide() {
    for (one, other) in [
        ("method = [\"salak\"]", "method = [\"avocado\", \"salak\"]"),
        ("private-transfer = [\"none\"]", "certificate-transfer = [\"none\"]"),
        ("statement = \"present\"", "statement = \"absent\""),
        ("serial = [\"ACME-?\"]", "serial = [\"ACME-*\"]"),
        ("made-before = 2025-01-01T00:00:00Z", "made-before = 2026-01-01T00:00:00Z"),
    ] {
        assert_eq!(unreachable(&[(one, "hold"), (other, "hold")]), Vec::<String>::new(), "{one}");
    }
}

#[test]
fn rule_that_lists_what_the_earlier_one_is_passed_over_for_can_decide() {
    let wide = "method = [\"salak\"]";
    for listed in ["status = [\"disputed\"]", "audit-log = [\"foreign-nonceless\"]", "audit-log = [\"truncated\"]"] {
        let narrow = format!("{wide}\n{listed}");
        assert_eq!(unreachable(&[(wide, "accept"), (&narrow, "hold")]), Vec::<String>::new(), "{listed}");
        // A refusal is passed over for nothing, and nothing is gained by refusing what is refused already.
        assert_eq!(unreachable(&[(wide, "refuse"), (&narrow, "accept")]).len(), 1, "{listed}");
        assert_eq!(unreachable(&[(wide, "accept"), (&narrow, "refuse")]).len(), 1, "{listed}");
    }
}

#[test]
fn rules_of_a_manufacturer_are_compared_with_each_other_alone() {
    let own = |name: &str| format!("[[manufacturer.Acme.rule]]\nname = \"{name}\"\nmethod = [\"salak\"]\nthen = \"accept\"\n");
    let text = format!("version = 1\n[[rule]]\nname = \"all\"\nmethod = [\"salak\"]\nthen = \"hold\"\n{}{}", own("a"), own("b"));
    let expected = "from Acme: rule 'b' never decides: rule 'a' comes before it, whose conditions hold wherever its own do";
    assert_eq!(Policy::from_toml(&text).unwrap().unreachable_in_words(), [expected]);
}
