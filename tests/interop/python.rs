//! Python with libraries that are not ours: a pledge (`python/pledge.py`) and a verifier (`python/verify.py`).

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use brski_common::Format;
use serde_json::Value;

use crate::openssl::OpenSsl;
use crate::world::World;

/// An interpreter that has the libraries of `python/requirements.txt`.
#[derive(Clone, Copy)]
pub(crate) struct Python(&'static Path);

impl Python {
    /// The interpreter that `BRSKI_PYTHON` names, or else `target/python/bin/python`. `None`, with a word about it, where it is missing or lacks a library;
    /// in CI (environment variable `CI`) that is a failure.
    pub(crate) fn find() -> Option<Self> {
        static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
        let found = FOUND.get_or_init(|| {
            let named = std::env::var_os("BRSKI_PYTHON").map(PathBuf::from);
            let interpreter = named.unwrap_or_else(|| workspace().join("target/python/bin/python"));
            let output = Command::new(&interpreter).args(["-c", "import asn1crypto, cbor2, cryptography, cwt, jwcrypto, pyang"]).output();
            let lacks = |why: &str| format!("{} with the libraries of tests/interop/python/requirements.txt: {why}", interpreter.display());
            match output {
                Ok(output) if output.status.success() => Ok(interpreter),
                Ok(output) => Err(lacks(String::from_utf8_lossy(&output.stderr).trim_end())),
                Err(err) => Err(lacks(&err.to_string())),
            }
        });
        match found {
            Ok(interpreter) => Some(Self(interpreter)),
            Err(why) => {
                assert!(std::env::var_os("CI").is_none(), "no {why}");
                println!("skipped: no {why}");
                None
            }
        }
    }

    /// Starts a program of the folder `python` in the scratch folder with these arguments, separated by blanks. It heeds no configuration of the machine's.
    pub(crate) fn start(self, openssl: &OpenSsl, program: &str, arguments: &str) -> Running {
        let mut command = self.interpreter();
        command.arg(workspace().join(PROGRAMS).join(program));
        command.args(arguments.split_ascii_whitespace()).current_dir(openssl.path(""));
        Running(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// The interpreter with a library's module as its program.
    pub(crate) fn module(self, name: &str) -> Command {
        let mut command = self.interpreter();
        command.args(["-m", name]);
        command
    }

    /// The interpreter, which leaves no compiled copies in the tree.
    fn interpreter(self) -> Command {
        let mut command = Command::new(self.0);
        command.arg("-B").env_remove("PYTHONPATH").env_remove("SSL_CERT_FILE");
        command
    }

    /// What `verify.py` reads in a file of the scratch folder.
    ///
    /// # Panics
    /// If it refuses it.
    pub(crate) fn verify(self, openssl: &OpenSsl, arguments: &str) -> Value {
        serde_json::from_str(&self.start(openssl, "verify.py", arguments).finish().unwrap()).unwrap()
    }
}

/// A program that has been started.
pub(crate) struct Running(Child);

impl Running {
    /// What it printed, or the sentence with which it gave up.
    pub(crate) fn finish(self) -> Result<String, String> {
        let output = self.0.wait_with_output().unwrap();
        let [printed, said] = [output.stdout, output.stderr].map(|octets| String::from_utf8(octets).unwrap());
        match output.status.code() {
            Some(0) => Ok(printed),
            Some(1) if said.lines().count() == 1 => Err(said),
            code => panic!("ended with {code:?}: {said}"),
        }
    }
}

/// Where the programs are; a member's tests use them, too.
fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().find(|folder| folder.join(PROGRAMS).is_dir()).unwrap()
}

const PROGRAMS: &str = "tests/interop/python";

/// A world in which JADA1 has been made, and Python.
pub(crate) async fn world_of_python() -> Option<(World, Python)> {
    let python = Python::find()?;
    let world = World::start().await?;
    world.manufacture("JADA1").await;
    Some((world, python))
}

/// Starts the pledge whose files bear this name. What it keeps is in `NAME.kept`.
pub(crate) fn start_pledge(world: &World, python: Python, serial: &str, format: Format, arguments: &str) -> Running {
    let anchors = format!("{serial}.anchors");
    world.openssl.write(&anchors, world.voucher_anchors(format));
    let identity = format!("--idevid {serial}-chain.pem --key {serial}.key --anchor {anchors} --out {serial}.kept");
    python.start(&world.openssl, "pledge.py", &format!("--format {} --registrar {} {identity} {arguments}", format.name(), world.registrar_address))
}

/// Octets as the Python programs print them.
pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// The octets that such text stands for.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
