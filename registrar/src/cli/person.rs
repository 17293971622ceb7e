//! Who decides, and why.

use brski_common::Clock;
use brski_registrar::approval::{Person, Via};
use clap::Args;

#[derive(Debug, Args)]
pub(super) struct By {
    /// Why, for whoever reads the audit trail later
    #[arg(long, value_name = "TEXT")]
    why: String,
    /// Who decides; the login name unless it is given. The audit trail has both
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

impl By {
    /// The person, now.
    pub(super) fn person(&self) -> anyhow::Result<Person> {
        Ok(at_command_line(self.by.clone(), self.why.clone()).checked()?)
    }
}

/// Whoever runs this command line now, under the name that they give, else under their user's.
pub(super) fn at_command_line(name: Option<String>, why: String) -> Person {
    let user = user();
    let known = || ["USER", "LOGNAME"].into_iter().filter_map(|variable| std::env::var(variable).ok()).find(|name| !name.is_empty());
    let name = name.or_else(|| user.as_ref().and_then(|user| user.name.clone())).or_else(known).unwrap_or_else(|| "operator".to_owned());
    let user = user.map(|User { number, name }| name.map_or(format!("user {number}"), |name| format!("{name} (user {number})")));
    Person::new(name, why, Clock::system().now()).via(Via::CommandLine { user })
}

/// Whose process this is, by the operating system's word: variables can be set to anything.
struct User {
    number: u32,
    name: Option<String>,
}

#[cfg(unix)]
fn user() -> Option<User> {
    use std::os::unix::fs::MetadataExt as _;

    let number = std::fs::metadata("/proc/self").ok()?.uid();
    let name = std::fs::read_to_string("/etc/passwd").ok().and_then(|users| name_in(&users, number));
    Some(User { number, name })
}

#[cfg(not(unix))]
fn user() -> Option<User> {
    None
}

/// The name of the user with this number in a table of users (passwd(5)); none if a directory knows them.
#[cfg(unix)]
fn name_in(users: &str, number: u32) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        (fields.nth(1)?.parse() == Ok(number)).then(|| name.to_owned())
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn user_is_named_by_the_first_line_with_the_number() {
        let users = "root:x:0:0:root:/root:/bin/sh\n# no user\nann:x:1000:1000::/home/ann:/bin/sh\nann2:x:1000:1000::/:/bin/sh\n";
        assert_eq!((name_in(users, 0), name_in(users, 1000)), (Some("root".to_owned()), Some("ann".to_owned())));
        assert_eq!(name_in(users, 1), None);
    }
}
