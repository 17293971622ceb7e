//! Reads a policy out of TOML, so that every mistake is told with its line, rule and field.

mod answers;
mod conditions;
mod fields;
mod ldevid_key;

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use self::conditions::{FIELDS, conditions, manufacturer};
use self::fields::{Fields, File};
use super::condition::{AboutStatement, Condition};
use super::judging::{NOTHING_ELSE_MATCHED, WARNED};
use super::policy::{Mode, Override, PolicyError, Rule};
use super::{KeyDemands, Objection, Verdict};

/// What a policy's file says.
pub(super) struct Parsed {
    pub(super) mode: Mode,
    pub(super) rules: Vec<Rule>,
    pub(super) overrides: BTreeMap<String, Override>,
    pub(super) ldevid_key: KeyDemands,
}

pub(super) fn policy(text: &str) -> Result<Parsed, PolicyError> {
    let file = File { text };
    let table =
        DeTable::parse(text).map_err(|err| file.error(err.span().unwrap_or_default(), format!("not valid TOML: {}", err.message().replace('\n', ", "))))?;
    let table = Fields { file, place: String::new(), at: table.span(), table: table.get_ref() };
    table.only(&["version", "mode", "rule", "manufacturer", "ldevid-key"])?;
    let version = table.demand("version", "version = 1")?;
    if version.get_ref().as_integer().map(DeInteger::as_str) != Some("1") {
        return Err(table.wrong("version", version, "1"));
    }

    let mode = mode(&table)?.unwrap_or_default();
    let mut names = BTreeSet::new();
    let list = table.demand("rule", SOME_RULES)?;
    let rules = rules(&table, list, &mut names)?;
    let overrides = overrides(&table, &mut names)?;
    let ldevid_key = ldevid_key::ldevid_key(&table)?;
    Ok(Parsed { mode, rules, overrides, ldevid_key })
}

fn mode(fields: &Fields<'_>) -> Result<Option<Mode>, PolicyError> {
    fields.word("mode", &[Mode::Enforce, Mode::Warn], Mode::name)
}

/// What applies to single manufacturers before the rules for all.
fn overrides(table: &Fields<'_>, names: &mut BTreeSet<String>) -> Result<BTreeMap<String, Override>, PolicyError> {
    let expected = "a table such as [manufacturer.\"Name\"] with a mode or rules of its own";
    let Some(value) = table.get("manufacturer") else { return Ok(BTreeMap::new()) };
    let by_name = table.inner(String::new(), "manufacturer", value, expected)?;
    let mut overrides = BTreeMap::new();
    for (key, value) in by_name.table {
        let expected_name = "a manufacturer's name, as `trust list` tells it";
        let name = manufacturer(key.get_ref()).ok_or_else(|| table.wrong("manufacturer", value, expected_name))?;
        let fields = by_name.inner(format!("manufacturer '{name}': "), "manufacturer", value, expected)?;
        fields.only(&["mode", "rule"])?;
        let own_rules = fields.get("rule").map(|list| rules(&fields, list, names)).transpose()?.unwrap_or_default();
        let own = Override { mode: mode(&fields)?, rules: own_rules };
        if own.mode.is_none() && own.rules.is_empty() {
            return Err(fields.error("it must have a mode or a rule of its own, or be left out".to_owned()));
        }
        overrides.insert(name, own);
    }
    Ok(overrides)
}

fn rules(table: &Fields<'_>, list: &Spanned<DeValue<'_>>, names: &mut BTreeSet<String>) -> Result<Vec<Rule>, PolicyError> {
    let items = list.get_ref().as_array().filter(|items| !items.is_empty()).ok_or_else(|| table.wrong("rule", list, SOME_RULES))?;
    let mut rules = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let fields = table.inner(format!("{}rule {}: ", table.place, index + 1), "rule", item, "a table")?;
        let rule = rule(&fields, &table.place)?;
        if !names.insert(rule.name().to_owned()) {
            return Err(table.file.error(item.span(), format!("rule '{}' occurs twice, but each name must be the only one", rule.name())));
        }
        rules.push(rule);
    }
    Ok(rules)
}

fn rule(fields: &Fields<'_>, place: &str) -> Result<Rule, PolicyError> {
    let expected = "a name of 1 to 64 printable ASCII characters without quotes";
    let value = fields.demand("name", expected)?;
    let name = value.get_ref().as_str().filter(|name| {
        let printable = name.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b'\'');
        printable && (1..=64).contains(&name.len()) && !name.trim().is_empty() && !BUILT_IN.contains(name)
    });
    let name = name.ok_or_else(|| match value.get_ref().as_str() {
        Some(taken) if BUILT_IN.contains(&taken) => fields.wrong("name", value, "another name, since a built-in rule has this one"),
        Some(_) | None => fields.wrong("name", value, expected),
    })?;
    let fields = fields.in_place(format!("{place}rule '{name}': "));
    fields.only(FIELDS)?;

    let verdicts = [Verdict::Accept, Verdict::Hold, Verdict::Refuse];
    let value = fields.demand("then", "accept, hold or refuse")?;
    let then = value.get_ref().as_str().and_then(|word| verdicts.into_iter().find(|v| v.name() == word));
    let then = then.ok_or_else(|| fields.wrong("then", value, "accept, hold or refuse"))?;

    let conditions = conditions(&fields)?;
    let of_statement = || conditions.iter().filter(|condition| matches!(condition, Condition::Statement(_)));
    if of_statement().any(|condition| *condition == Condition::Statement(AboutStatement::Absent)) && of_statement().count() > 1 {
        return Err(fields.error("statement = \"absent\" never goes with other conditions on the statement, because nothing is said then".to_owned()));
    }
    if of_statement().next().is_none() && then == Verdict::Accept {
        let advice = "say statement = \"present\", or in a rule of its own statement = \"absent\"";
        return Err(fields.error(format!("it would accept anything, even pledges without a statement; {advice}")));
    }
    Ok(Rule::new(name, conditions, then))
}

const SOME_RULES: &str = "at least one [[rule]]";

/// Names that traces have for what is no rule of the policy.
const BUILT_IN: [&str; 4] = [NOTHING_ELSE_MATCHED, WARNED, Objection::DISPUTED, Objection::AUDIT_LOG];
