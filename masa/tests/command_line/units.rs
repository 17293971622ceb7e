//! Units of systemd, judged by systemd itself where it is installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::Folder;

/// What is installed with one program.
pub(crate) struct Units {
    /// Where the program is here.
    pub(crate) program: &'static str,
    /// What it is called.
    pub(crate) name: &'static str,
    /// Its configuration, where it is installed.
    pub(crate) configuration: &'static str,
    pub(crate) services: &'static [&'static str],
    pub(crate) timers: &'static [&'static str],
}

impl Units {
    fn all(&self) -> impl Iterator<Item = &'static str> {
        self.services.iter().chain(self.timers).copied()
    }

    /// The units, with the program where it is here.
    fn folder(&self) -> Folder {
        let folder = Folder::new();
        for unit in self.all() {
            folder.write(unit, std::fs::read_to_string(source(unit)).unwrap().replace(&format!("/usr/bin/{}", self.name), self.program));
        }
        folder
    }

    /// That `systemd-analyze verify` has nothing to say of them.
    pub(crate) fn assert_right(&self) {
        let paths: Vec<String> = self.all().map(|unit| format!("./{unit}")).collect();
        let arguments: Vec<&str> = ["verify", "--man=no"].into_iter().chain(paths.iter().map(String::as_str)).collect();
        let Some((good, said)) = analyze(&self.folder(), &arguments) else { return };
        let ours: Vec<&str> = said.lines().filter(|line| line.contains(self.name)).collect();
        assert!(good && ours.is_empty(), "{said}");
    }

    /// That `systemd-analyze security` finds the services well enough shut in.
    pub(crate) fn assert_exposed_little(&self) {
        let folder = self.folder();
        for service in self.services {
            // In tenths: 20 of 100 is the upper end of what systemd calls OK.
            let service = format!("./{service}");
            let Some((good, said)) = analyze(&folder, &["security", "--no-pager", "--offline=true", "--threshold=20", &service]) else { return };
            assert!(good, "{said}");
        }
    }

    /// That each command in them is one of the program's.
    pub(crate) fn assert_commands_exist(&self) {
        let mut commands = 0;
        for unit in self.all() {
            let text = std::fs::read_to_string(source(unit)).unwrap();
            let call = format!("=/usr/bin/{} ", self.name);
            for line in text.lines().filter_map(|line| line.split_once(&call).map(|(_, arguments)| arguments)) {
                // Whatever is installed on this machine is left alone.
                let line = line.replace(self.configuration, "absent.toml");
                let arguments: Vec<&str> = line.split_whitespace().collect();
                let finished = Folder::new().run(self.program, &arguments);
                assert_eq!(finished.code, Some(1), "{line}: {finished:?}");
                assert!(finished.stderr.contains("absent.toml: cannot be read"), "{line}: {finished:?}");
                commands += 1;
            }
        }
        assert!(commands >= self.services.len(), "only {commands} commands were found");
    }
}

pub(crate) fn source(unit: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(unit)
}

/// Runs `systemd-analyze` and returns all it said; `None` where it is not installed, which may not be in CI.
fn analyze(folder: &Folder, arguments: &[&str]) -> Option<(bool, String)> {
    let output = Command::new("systemd-analyze").args(arguments).current_dir(folder.path("")).env("SYSTEMD_COLORS", "0").output();
    match output {
        Ok(output) => Some((output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())),
        Err(_) => {
            assert!(std::env::var_os("CI").is_none(), "systemd-analyze is not installed, and CI is set");
            eprintln!("skipped: systemd-analyze is not installed");
            None
        }
    }
}
