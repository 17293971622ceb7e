//! Tokens of SoftHSM in a test's own folder.

use std::path::Path;
use std::process::Command;

use super::support::Folder;

/// Makes a token in the folder, called `brski`. False, with a word about it, where SoftHSM or OpenSC's tool is missing; in CI (environment variable `CI`) that is a failure.
pub(crate) fn begin(folder: &Folder) -> bool {
    let tools = ["softhsm2-util", "pkcs11-tool", "openssl"];
    if !Path::new(MODULE).exists() || tools.iter().any(|tool| Command::new(tool).arg("--help").output().is_err()) {
        assert!(std::env::var_os("CI").is_none(), "softhsm2, opensc or openssl is not installed");
        eprintln!("skipped: softhsm2, opensc or openssl is not installed");
        return false;
    }
    std::fs::create_dir(folder.path("tokens")).unwrap();
    folder.write("softhsm2.conf", format!("directories.tokendir = {}\nlog.level = ERROR\n", folder.path("tokens").display()));
    new_token(folder, "brski");
    true
}

pub(crate) fn new_token(folder: &Folder, label: &str) {
    folder.run("softhsm2-util", &["--init-token", "--free", "--label", label, "--so-pin", "12345678", "--pin", "5678"]).ok();
}

/// Brings the key in this file into the token.
pub(crate) fn import(folder: &Folder, file: &str, label: &str, id: &str) {
    folder.run("softhsm2-util", &["--import", file, "--token", "brski", "--label", label, "--id", id, "--pin", "5678"]).ok();
}

/// Writes the token's PIN into a file that its owner alone can read.
pub(crate) fn write_pin(folder: &Folder, file: &str) {
    folder.write(file, "5678\n");
    private(folder, file);
}

pub(crate) fn private(folder: &Folder, file: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder.path(file), std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Where Debian's package has it.
pub(crate) const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
