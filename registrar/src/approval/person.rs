//! Who decided, and by which way they came.

use core::fmt;

use brski_common::UnixTime;
use brski_common::text::{LONGEST_WORDS, printable};
use brski_common::time::rfc3339;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

/// Somebody who decided about a pledge, or about the registrar itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Person {
    /// Who: the name of a credential, or what the command line was told. Compared by [`is_same_as`](Self::is_same_as) alone.
    pub name: String,
    /// Why, in their words.
    pub why: String,
    /// When.
    #[serde(with = "rfc3339")]
    pub at: UnixTime,
    /// By which way they came; none if whoever wrote it down did not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
}

/// By which way a person's word came, and what vouches there for who they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "way", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Via {
    /// The command line, where names are what whoever runs it says they are.
    CommandLine {
        /// As which user of the operating system it ran; none where that cannot be told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
    },
    /// The admin interface, with the bearer token that has the person's name.
    Token,
    /// The admin interface, with the TLS client certificate that has the person's name.
    Certificate {
        /// Its subject.
        subject: String,
    },
    /// Nobody's word: the registrar did what its settings say.
    Registrar,
}

/// What is wrong with a name or a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// There is none, or too much.
    #[error("{0} is missing: say it in 1 to {LONGEST_WORDS} characters")]
    Unsaid(&'static str),
    /// Others could not read it as it stands there.
    #[error("{0} has a control character, or one that hides or reorders its neighbours: use characters that everybody sees")]
    Unreadable(&'static str),
}

impl Person {
    /// Somebody of this name, for this reason, at this time; nothing is known of the way.
    pub fn new(name: impl Into<String>, why: impl Into<String>, at: UnixTime) -> Self {
        Self { name: name.into(), why: why.into(), at, via: None }
    }

    /// The registrar itself, for this reason, by its settings.
    pub(crate) fn registrar(why: String, at: UnixTime) -> Self {
        Self::new("brski-registrar", why, at).via(Via::Registrar)
    }

    /// The same, having come by this way.
    #[must_use]
    pub fn via(self, via: Via) -> Self {
        Self { via: Some(via), ..self }
    }

    /// Whether both are one person: names are compared without the blanks around them, without case and in Unicode's normalization form KC, so that nobody counts twice by writing
    /// theirs otherwise. Letters of different scripts that look alike stay different.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }

    fn canonical(&self) -> String {
        let composed: String = self.name.nfkc().collect();
        // Upper case first: some letters have two lower-case forms, such as a final sigma. What another case is made of may be composed otherwise again.
        composed.trim().to_uppercase().to_lowercase().nfkc().collect()
    }

    /// The same, fit for a file that people read: trimmed, and with a reason in which nothing hides.
    ///
    /// # Errors
    /// [`Unfit`]: name or reason is empty or longer than 300 characters, or the name has characters that cannot be seen.
    pub fn checked(self) -> Result<Self, Unfit> {
        let said = |what, text: &str| match text.trim() {
            text if (1..=LONGEST_WORDS).contains(&text.chars().count()) => Ok(text.to_owned()),
            _ => Err(Unfit::Unsaid(what)),
        };
        let name = said("who decides", &self.name)?;
        if printable(&name, LONGEST_WORDS) != name {
            return Err(Unfit::Unreadable("who decides"));
        }
        let why = printable(&said("why", &self.why)?, LONGEST_WORDS);
        Ok(Self { name, why, ..self })
    }
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.name, LONGEST_WORDS))?;
        match &self.via {
            None | Some(Via::Registrar) => {}
            Some(via) => write!(f, " ({via})")?,
        }
        write!(f, ": {}", printable(&self.why, LONGEST_WORDS))
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommandLine { user: None } => f.write_str("command line"),
            Self::CommandLine { user: Some(user) } => write!(f, "command line, as {}", printable(user, LONGEST_WORDS)),
            Self::Token => f.write_str("admin interface, token"),
            Self::Certificate { subject } => write!(f, "admin interface, certificate {}", printable(subject, LONGEST_WORDS)),
            Self::Registrar => f.write_str("by its settings"),
        }
    }
}

#[cfg(test)]
mod tests {
    use brski_common::time::at;

    use super::*;

    fn person(name: &str) -> Person {
        Person::new(name, "it is ours", at(0))
    }

    #[test]
    fn one_person_is_the_same_however_the_name_is_written() {
        for (name, other) in [
            ("Alice", "alice"),
            (" alice", "ALICE "),
            ("Άλκης", "ΆΛΚΗΣ"),
            ("ÅSA", "åsa"),
            ("\u{ff22}ob", "bob"),
            ("A\u{30a}sa", "\u{c5}sa"),
            ("\u{fb01}ona", "FIONA"),
            ("bob\u{a0}", "bob"),
        ] {
            assert!(person(name).is_same_as(&person(other)), "{name} {other}");
        }
        for (name, other) in [("alice", "alicia"), ("asa", "åsa"), ("bob", "b\u{43e}b")] {
            assert!(!person(name).is_same_as(&person(other)), "{name} {other}");
        }
    }

    #[test]
    fn name_that_nobody_can_read_is_none() {
        for name in ["ali\u{7}ce", "ali\u{200b}ce", "\u{202e}alice", "ali\nce"] {
            assert_eq!(person(name).checked(), Err(Unfit::Unreadable("who decides")), "{name:?}");
        }
        for name in ["", " \t", &"x".repeat(301)] {
            assert_eq!(person(name).checked(), Err(Unfit::Unsaid("who decides")), "{name:?}");
        }
        assert_eq!(person(" Alice ").checked(), Ok(person("Alice")));
    }

    #[test]
    fn person_whom_an_older_version_wrote_down_is_read_and_written_as_they_were() {
        let old = r#"{"name":"ann","why":"it is ours","at":"1970-01-01T00:00:00Z"}"#;
        let read: Person = serde_json::from_str(old).unwrap();
        assert_eq!((&read, serde_json::to_string(&read).unwrap().as_str()), (&person("ann"), old));
    }

    #[test]
    fn way_is_told_with_what_vouches_for_the_person() {
        let ways = [
            (Via::CommandLine { user: Some("root".to_owned()) }, "ann (command line, as root): it is ours"),
            (Via::Token, "ann (admin interface, token): it is ours"),
            (Via::Certificate { subject: "CN=ann".to_owned() }, "ann (admin interface, certificate CN=ann): it is ours"),
        ];
        for (via, expected) in ways {
            let written = serde_json::to_string(&person("ann").via(via.clone())).unwrap();
            assert_eq!(serde_json::from_str::<Person>(&written).unwrap().to_string(), expected, "{via:?}");
        }
    }
}
