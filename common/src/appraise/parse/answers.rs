//! `pki`: a table from the taxonomy's questions to what their answers must be.

use super::super::condition::{Answer, Kind, Wanted, minutes};
use super::super::glob::Glob;
use super::super::policy::PolicyError;
use super::fields::{Fields, whole};
use crate::provenance::{Period, Question};

pub(super) fn answers(fields: &Fields<'_>) -> Result<Vec<Answer>, PolicyError> {
    let Some(value) = fields.get("pki") else { return Ok(Vec::new()) };
    let expected = "a table with at least one of the taxonomy's questions, such as { identity-pki-level = { at-least = 2 } }";
    let table = fields.inner(format!("{}pki: ", fields.place), "pki", value, expected)?;
    table.only(&Question::ALL.iter().map(|question| question.name()).collect::<Vec<_>>())?;
    let asked = Question::ALL.iter().copied().filter(|question| table.get(question.name()).is_some());
    let answers = asked.map(|question| Ok(Answer { question, wanted: wanted(&table, question)? })).collect::<Result<Vec<_>, PolicyError>>()?;
    match answers.is_empty() {
        true => Err(fields.wrong("pki", value, expected)),
        false => Ok(answers),
    }
}

fn wanted(table: &Fields<'_>, question: Question) -> Result<Wanted, PolicyError> {
    let name = question.name();
    let answered = table.get(name).and_then(|value| match value.get_ref().as_str() {
        Some("answered") => Some(true),
        Some("absent") => Some(false),
        Some(_) | None => None,
    });
    if let Some(answered) = answered {
        return Ok(Wanted::Answered(answered));
    }
    // `answered` and `absent` go with every kind.
    let or = "or \"answered\" or \"absent\"";
    let read = match Kind::of(question) {
        Kind::Words(mut words) => {
            words.push("absent");
            table.list(name, &words, |word| word)?.map(Wanted::Words)
        }
        Kind::Flag => table.read(name, &format!("true or false, {or}"), |value| value.as_bool())?.map(Wanted::Flag),
        Kind::Number => {
            let expected = format!("a table such as {{ at-least = 2 }} or {{ at-most = 3 }}, {or}");
            Some(range(table, name, (&expected, "a number"), |value| value.as_integer().and_then(whole))?)
        }
        Kind::Period => {
            let expected = format!("a table such as {{ at-most = \"P2Y\" }}, {or}");
            let period = |value: &toml::de::DeValue<'_>| value.as_str().and_then(|text| text.parse::<Period>().ok()).map(minutes);
            Some(range(table, name, (&expected, "a period in one unit such as \"P2Y\", \"P90D\" or \"PT8H\""), period)?)
        }
        Kind::Texts => table.items(name, &format!("a list, each {}, {or}", Glob::EXPECTED), Glob::new)?.map(Wanted::Texts),
    };
    read.ok_or_else(|| table.error(format!("{name} is missing")))
}

fn range(
    table: &Fields<'_>,
    name: &str,
    (expected, limit_expected): (&str, &str),
    read: impl Fn(&toml::de::DeValue<'_>) -> Option<u64>,
) -> Result<Wanted, PolicyError> {
    let value = table.demand(name, expected)?;
    let limits = table.inner(format!("{}{name}: ", table.place), name, value, expected)?;
    limits.only(&["at-least", "at-most"])?;
    let limit = |field: &str| limits.read(field, limit_expected, &read);
    match (limit("at-least")?, limit("at-most")?) {
        (None, None) => Err(table.wrong(name, value, expected)),
        (Some(least), Some(most)) if least > most => Err(table.wrong(name, value, "a range in which at-least is not above at-most")),
        (least, most) => Ok(Wanted::Range { least, most }),
    }
}
