//! Reads a policy out of TOML, so that every mistake is told with its line, rule and field.

use core::ops::Range;
use std::collections::BTreeSet;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::Verdict;
use super::condition::Condition;
use super::policy::{PolicyError, Rule};
use crate::provenance::{Basis, Lock, Locus, Method, Protection, SecureElementGeneration, Source, Status, Transfer};

/// Reads all rules.
pub(super) fn rules(text: &str) -> Result<Vec<Rule>, PolicyError> {
    let file = File { text };
    let table =
        DeTable::parse(text).map_err(|err| file.error(err.span().unwrap_or_default(), format!("not valid TOML: {}", err.message().replace('\n', ", "))))?;
    let table = Fields { file, place: String::new(), at: table.span(), table: table.get_ref() };
    table.only(&["version", "rule"])?;
    let version = table.demand("version", "version = 1")?;
    if version.get_ref().as_integer().map(DeInteger::as_str) != Some("1") {
        return Err(table.wrong("version", version, "1"));
    }

    let expected = "at least one [[rule]]";
    let list = table.demand("rule", expected)?;
    let items = list.get_ref().as_array().filter(|items| !items.is_empty()).ok_or_else(|| table.wrong("rule", list, expected))?;
    let mut names = BTreeSet::new();
    let mut rules = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let Some(fields) = item.get_ref().as_table() else {
            return Err(table.wrong("rule", item, "a table"));
        };
        let rule = rule(&Fields { file, place: format!("rule {}: ", index + 1), at: item.span(), table: fields })?;
        if !names.insert(rule.name().to_owned()) {
            return Err(file.error(item.span(), format!("rule '{}' occurs twice, but each name must be the only one", rule.name())));
        }
        rules.push(rule);
    }
    Ok(rules)
}

fn rule(fields: &Fields<'_>) -> Result<Rule, PolicyError> {
    let expected = "a name of 1 to 64 printable ASCII characters without quotes";
    let value = fields.demand("name", expected)?;
    let name = value.get_ref().as_str().filter(|name| {
        let printable = name.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b'\'');
        printable && (1..=64).contains(&name.len()) && !name.trim().is_empty() && *name != super::NOTHING_ELSE_MATCHED
    });
    let name = name.ok_or_else(|| fields.wrong("name", value, expected))?;
    let fields = fields.of_rule(name);
    fields.only(FIELDS)?;

    let verdicts = [Verdict::Accept, Verdict::Hold, Verdict::Refuse];
    let expected = "accept, hold or refuse";
    let value = fields.demand("then", expected)?;
    let then = value.get_ref().as_str().and_then(|word| verdicts.into_iter().find(|v| v.name() == word));
    let then = then.ok_or_else(|| fields.wrong("then", value, expected))?;

    let conditions = conditions(&fields)?;
    if conditions.contains(&Condition::Absent) && conditions.len() > 1 {
        return Err(fields.error("statement = \"absent\" never goes with other conditions, because nothing is said then".to_owned()));
    }
    if conditions.is_empty() && then == Verdict::Accept {
        let advice = "say statement = \"present\", or in a rule of its own statement = \"absent\"";
        return Err(fields.error(format!("it would accept anything, even pledges without a statement; {advice}")));
    }
    Ok(Rule::new(name, conditions, then))
}

/// The rule's conditions, in an order that reads well: method first.
fn conditions(fields: &Fields<'_>) -> Result<Vec<Condition>, PolicyError> {
    let statement = match fields.get("statement") {
        None => None,
        Some(value) => match value.get_ref().as_str() {
            Some("absent") => Some(Condition::Absent),
            Some("present") => Some(Condition::Present),
            Some(_) | None => return Err(fields.wrong("statement", value, "\"absent\" or \"present\"")),
        },
    };
    let protection = match fields.get("protection-at-least") {
        None => None,
        Some(value) => {
            let stated: Vec<Protection> = Protection::ALL.iter().copied().filter(|p| *p > Protection::Unknown).collect();
            let least = value.get_ref().as_str().and_then(Protection::from_name).filter(|least| stated.contains(least));
            let expected = format!("one of {}", words(&stated, Protection::name));
            Some(Condition::ProtectionAtLeast(least.ok_or_else(|| fields.wrong("protection-at-least", value, &expected))?))
        }
    };
    let retained = match fields.get("key-retained") {
        None => None,
        Some(value) => Some(Condition::KeyRetained(value.get_ref().as_bool().ok_or_else(|| fields.wrong("key-retained", value, "true or false"))?)),
    };
    let parties = match fields.get("co-generation-parties-at-least") {
        None => None,
        Some(value) => {
            let least = value.get_ref().as_integer().and_then(|i| u32::from_str_radix(i.as_str(), i.radix()).ok()).filter(|least| *least >= 1);
            let least = least.ok_or_else(|| fields.wrong("co-generation-parties-at-least", value, "a number from 1"))?;
            Some(Condition::CoGenerationPartiesAtLeast(least))
        }
    };
    let conditions = [
        statement,
        fields.list("method", Method::ALL, Method::name)?.map(Condition::Method),
        fields.list("se-generation", SecureElementGeneration::ALL, SecureElementGeneration::name)?.map(Condition::SeGeneration),
        fields.list("source", Source::ALL, Source::name)?.map(Condition::Source),
        fields.list("locus", Locus::ALL, Locus::name)?.map(Condition::Locus),
        protection,
        retained,
        fields.list("private-transfer", Transfer::ALL, Transfer::name)?.map(Condition::PrivateTransfer),
        fields.list("lock", Lock::ALL, Lock::name)?.map(Condition::Lock),
        parties,
        fields.list("basis", Basis::ALL, Basis::name)?.map(Condition::Basis),
        fields.list("status", Status::ALL, Status::name)?.map(Condition::Status),
    ];
    Ok(conditions.into_iter().flatten().collect())
}

/// Everything that can stand in a rule.
const FIELDS: &[&str] = &[
    "name",
    "statement",
    "method",
    "se-generation",
    "source",
    "locus",
    "protection-at-least",
    "key-retained",
    "private-transfer",
    "lock",
    "co-generation-parties-at-least",
    "basis",
    "status",
    "then",
];

#[derive(Clone, Copy)]
struct File<'t> {
    text: &'t str,
}

impl File<'_> {
    fn error(self, at: Range<usize>, sentence: String) -> PolicyError {
        let line = 1 + self.text.bytes().take(at.start).filter(|b| *b == b'\n').count();
        PolicyError { message: format!("line {line}: {sentence}") }
    }
}

/// One table, and where it stands.
struct Fields<'t> {
    file: File<'t>,
    place: String,
    at: Range<usize>,
    table: &'t DeTable<'t>,
}

impl<'t> Fields<'t> {
    fn of_rule(&self, name: &str) -> Self {
        Self { file: self.file, place: format!("rule '{name}': "), at: self.at.clone(), table: self.table }
    }

    fn get(&self, field: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.table.get(field)
    }

    fn demand(&self, field: &str, expected: &str) -> Result<&'t Spanned<DeValue<'t>>, PolicyError> {
        self.get(field).ok_or_else(|| self.error(format!("{field} is missing: it must have {expected}")))
    }

    /// Refuses fields of other names.
    fn only(&self, known: &[&str]) -> Result<(), PolicyError> {
        match self.table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())).min_by_key(|key| key.span().start) {
            None => Ok(()),
            Some(key) => {
                let sentence = format!("{}there is no field '{}'; there are {}", self.place, excerpt(key.get_ref()), known.join(", "));
                Err(self.file.error(key.span(), sentence))
            }
        }
    }

    /// A list of words, each out of `all`.
    fn list<T: Copy>(&self, field: &str, all: &[T], name: fn(T) -> &'static str) -> Result<Option<Vec<T>>, PolicyError> {
        let Some(value) = self.get(field) else { return Ok(None) };
        let expected = format!("a list of words out of {}", words(all, name));
        let items = value.get_ref().as_array().filter(|items| !items.is_empty()).ok_or_else(|| self.wrong(field, value, &expected))?;
        let word = |item: &Spanned<DeValue<'t>>| {
            let word = item.get_ref().as_str().and_then(|word| all.iter().copied().find(|v| name(*v) == word));
            word.ok_or_else(|| self.wrong(field, item, &expected))
        };
        items.iter().map(word).collect::<Result<_, _>>().map(Some)
    }

    fn wrong(&self, field: &str, value: &Spanned<DeValue<'_>>, expected: &str) -> PolicyError {
        let found = excerpt(self.file.text.get(value.span()).unwrap_or_default());
        self.file.error(value.span(), format!("{}{field} must be {expected}, not {found}", self.place))
    }

    fn error(&self, sentence: String) -> PolicyError {
        self.file.error(self.at.clone(), format!("{}{sentence}", self.place))
    }
}

/// As much of a wrong value as fits on a line.
fn excerpt(text: &str) -> String {
    text.chars().take(40).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn words<T: Copy>(all: &[T], name: fn(T) -> &'static str) -> String {
    all.iter().map(|v| name(*v)).collect::<Vec<_>>().join(", ")
}
