//! `token`: a credential for the admin interface.

use core::marker::PhantomData;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::{Output, Program};
use crate::access::{Role, Token};
use crate::files;
use crate::serve::setup::NewFiles;
use crate::time::{UnixTime, from_rfc3339, to_rfc3339};

/// Make a token for the admin interface
///
/// The token is shown here and never again: the configuration keeps its SHA-256 alone. With --add the configuration gets the lines, else they are printed.
/// A server that runs takes them in with SIGHUP.
#[derive(Debug, Args)]
#[command(after_help = P::TOKEN_EXAMPLES)]
pub struct Arguments<P: Program> {
    /// Who will have it; the log names what is done with it by this
    name: String,
    /// What it is good for
    #[arg(long, value_parser = |text: &str| Role::read(text, P::ROLES))]
    role: Role,
    /// Its last second, such as 2027-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = |text: &str| from_rfc3339("not-after", text))]
    not_after: Option<UnixTime>,
    /// Append it to the configuration
    #[arg(long)]
    add: bool,
    /// File to write the token into, readable by its owner alone, instead of printing it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Configuration file
    #[arg(long, default_value = P::CONFIGURATION)]
    config: PathBuf,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
    #[arg(skip)]
    program: PhantomData<P>,
}

/// What was made.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Made<'a> {
    name: &'a str,
    role: Role,
    token_sha256: String,
    /// None if it went into a file.
    token: Option<&'a str>,
    file: Option<&'a PathBuf>,
    /// Whether the configuration has it.
    added: bool,
    configuration: String,
}

/// Makes the token, and tells it or writes it down.
///
/// # Errors
/// A sentence, if the configuration cannot have it or a file cannot be written.
pub fn run<P: Program>(arguments: &Arguments<P>) -> anyhow::Result<()> {
    let Arguments { name, role, not_after, .. } = arguments;
    let token = Token::generate().context("the system gives no random numbers")?;
    let end = not_after.map(|at| format!("not-after = \"{}\"\n", to_rfc3339(at))).unwrap_or_default();
    let quoted = toml::Value::String(name.clone());
    let lines = format!("[[admin.credentials]]\nname = {quoted}\nrole = \"{role}\"\ntoken-sha256 = \"{}\"\n{end}", token.digest());
    // Also when it is only printed: a name that is taken, say, is told now.
    let (text, longer) = with_lines(arguments, &lines)?;
    if let Some(path) = &arguments.out {
        let mut files = NewFiles::new();
        files.secret(path, format!("{}\n", token.reveal()));
        files.write_into(std::path::Path::new(""))?;
    }
    if arguments.add {
        replace(arguments, &text, &longer)?;
    }
    arguments.output.print(&Made {
        name,
        role: *role,
        token_sha256: token.digest().to_string(),
        token: arguments.out.is_none().then(|| token.reveal()),
        file: arguments.out.as_ref(),
        added: arguments.add,
        configuration: lines,
    })
}

/// The configuration as it is, and as it would be with these lines, which was checked.
fn with_lines<P: Program>(arguments: &Arguments<P>, lines: &str) -> anyhow::Result<(String, String)> {
    let path = &arguments.config;
    let text = std::fs::read_to_string(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let gap = if text.ends_with('\n') { "\n" } else { "\n\n" };
    let longer = format!("{text}{gap}{lines}");
    P::check_configuration(path, &longer)?;
    Ok((text, longer))
}

/// Puts the longer text in the place of the file, unless somebody wrote into it meanwhile.
fn replace<P: Program>(arguments: &Arguments<P>, text: &str, longer: &str) -> anyhow::Result<()> {
    let path = &arguments.config;
    let write = || -> std::io::Result<()> {
        // One at a time: whoever waited for the lock finds that the text is another.
        let present = std::fs::File::open(path)?;
        present.lock()?;
        if std::fs::read_to_string(path)? != text {
            return Err(std::io::Error::other("it changed meanwhile, run the command again"));
        }
        files::replace(path, longer.as_bytes())
    };
    write().with_context(|| format!("{}: cannot be replaced", path.display()))
}

impl core::fmt::Display for Made<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if !self.added {
            writeln!(f, "# for the configuration:\n{}", self.configuration)?;
        }
        match (self.token, self.file) {
            (Some(token), _) => write!(f, "{token}"),
            (None, Some(file)) => write!(f, "token: {}", file.display()),
            (None, None) => Ok(()),
        }
    }
}
