//! Patterns for names: `*` stands for any characters, `?` for one.

use core::fmt;

/// A pattern that a whole text has to match, capitals and all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob(String);

impl Glob {
    /// Longest pattern, in characters: no serial number is longer.
    const LONGEST: usize = 64;

    /// What a pattern must be.
    pub(super) const EXPECTED: &'static str = "a pattern of 1 to 64 characters in which * stands for any of them and ? for one";

    pub(super) fn new(text: &str) -> Option<Self> {
        let fits = (1..=Self::LONGEST).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        fits.then(|| Self(text.to_owned()))
    }

    /// Whether it stands for one text alone, itself.
    pub(super) fn is_literal(&self) -> bool {
        !self.0.contains(['*', '?'])
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        // Which prefixes of the text the pattern so far can stand for. No backtracking, so that no pattern is slow.
        let characters: Vec<char> = text.chars().collect();
        let mut reached: Vec<bool> = core::iter::once(true).chain(characters.iter().map(|_| false)).collect();
        for wanted in self.0.chars() {
            reached = match wanted {
                '*' => reached
                    .iter()
                    .scan(false, |met, here| {
                        *met |= *here;
                        Some(*met)
                    })
                    .collect(),
                one => {
                    let steps = reached.iter().zip(&characters).map(|(before, found)| *before && (one == '?' || one == *found));
                    core::iter::once(false).chain(steps).collect()
                }
            };
        }
        reached.last().copied().unwrap_or_default()
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Glob::new(pattern).unwrap().matches(text)
    }

    #[test]
    fn pattern_without_wildcards_is_the_text_itself() {
        assert!(matches("ACME-1", "ACME-1"));
        for other in ["ACME-", "ACME-12", "acme-1", ""] {
            assert!(!matches("ACME-1", other), "{other}");
        }
    }

    #[test]
    fn star_stands_for_any_number_of_characters() {
        for text in ["ACME-", "ACME-1", "ACME-*-x"] {
            assert!(matches("ACME-*", text), "{text}");
        }
        assert!(matches("*-7*", "a-7-7") && matches("**", "") && matches("a*b*c", "aXbYbZc"));
        assert!(!matches("a*b*c", "aXbYbZ"));
    }

    #[test]
    fn question_mark_stands_for_exactly_one_character() {
        assert!(matches("ACME-?", "ACME-é"));
        assert!(!matches("ACME-?", "ACME-") && !matches("ACME-?", "ACME-12"));
    }

    #[test]
    fn pattern_of_many_stars_is_no_slower() {
        assert!(!matches(&"*a".repeat(32), &"a".repeat(31)));
    }

    #[test]
    fn pattern_is_neither_empty_nor_endless() {
        assert_eq!([Glob::new(""), Glob::new(&"x".repeat(65)), Glob::new("a\nb")], [None, None, None]);
    }
}
