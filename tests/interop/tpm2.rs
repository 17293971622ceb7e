//! A TPM 2.0 of its own for a test: `swtpm` in a folder that nobody else sees, spoken to by tpm2-tools.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use brski_common::PublicKey;
use brski_common::evidence::tpm::PublicArea;

use crate::tool::tool;

/// A running TPM; it ends, and its folder is removed, with this value.
pub(crate) struct Tpm {
    folder: PathBuf,
    running: Child,
}

impl Tpm {
    /// A new one, made just now. `None` where the commands are missing; see [`tool`].
    pub(crate) fn start() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let mut swtpm = tool("swtpm")?;
        tool("tpm2")?;
        let name = format!("brski-tpm-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        DirBuilder::new().mode(0o700).create(&folder).unwrap();
        let arguments = "socket --tpm2 --tpmstate dir=. --server type=unixio,path=tpm --ctrl type=unixio,path=tpm.ctrl --flags not-need-init,startup-clear";
        let running = swtpm.args(arguments.split(' ')).current_dir(&folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let tpm = Self { folder, running };
        let given_up = Instant::now() + Duration::from_secs(60);
        while !tpm.path("tpm").exists() || !tpm.path("tpm.ctrl").exists() {
            assert!(Instant::now() < given_up, "swtpm opened no socket");
            std::thread::yield_now();
        }
        Some(tpm)
    }

    /// Runs one of the tools with these arguments, separated by blanks, and flushes what it left in the TPM, which has room for three objects.
    ///
    /// # Panics
    /// If it fails.
    pub(crate) fn run(&self, arguments: &str) {
        let output = self.output(arguments);
        assert!(output.status.success(), "tpm2 {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// The same, whether it succeeds or not.
    pub(crate) fn succeeds(&self, arguments: &str) -> bool {
        self.output(arguments).status.success()
    }

    fn output(&self, arguments: &str) -> Output {
        let run = |arguments: &str| {
            let mut command = Command::new("tpm2");
            command.args(arguments.split_ascii_whitespace()).current_dir(&self.folder).env("TPM2TOOLS_TCTI", "swtpm:path=tpm").output().unwrap()
        };
        let output = run(arguments);
        assert!(run("flushcontext --transient-object").status.success(), "after tpm2 {arguments}");
        output
    }

    /// Reads a file of its folder.
    pub(crate) fn read(&self, name: impl AsRef<Path>) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// Puts a file into its folder.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    /// The TPMT_PUBLIC in a file of the tools, which has its number of octets before it.
    pub(crate) fn public_octets(&self, name: &str) -> Vec<u8> {
        self.read(name).split_off(2)
    }

    /// The same, read.
    pub(crate) fn public(&self, name: &str) -> PublicArea {
        PublicArea::from_octets(&self.public_octets(name)).unwrap()
    }

    /// The public key of a loaded or persistent object, as the tools write it.
    pub(crate) fn key(&self, object: &str) -> PublicKey {
        self.run(&format!("readpublic -c {object} -f pem -o key.pem"));
        PublicKey::from_pem(&String::from_utf8(self.read("key.pem")).unwrap()).unwrap()
    }

    /// TPM2_Certify of the persistent object by the persistent key, with this nonce: TPMS_ATTEST and TPMT_SIGNATURE. The tool of that name has a nonce of its own.
    pub(crate) fn certify(&self, object: u32, key: u32, nonce: &[u8]) -> (Vec<u8>, Vec<u8>) {
        // Each of the two is authorized by an empty password (TPM_RS_PW); the key's own scheme (TPM_ALG_NULL) is used.
        let password = [0x40, 0, 0, 9, 0, 0, 0, 0, 0];
        let nonce = [&u16::try_from(nonce.len()).unwrap().to_be_bytes()[..], nonce].concat();
        let body = [&object.to_be_bytes()[..], &key.to_be_bytes(), &18u32.to_be_bytes(), &password, &password, &nonce, &[0, 0x10]].concat();
        let length = u32::try_from(body.len() + 10).unwrap();
        self.write("command", [&[0x80, 0x02][..], &length.to_be_bytes(), &[0, 0, 1, 0x48], &body].concat());
        self.run("send --output answer command");

        let answer = self.read("answer");
        assert_eq!(answer[6..10], [0; 4], "TPM2_Certify failed: {answer:02x?}");
        let parameters = usize::try_from(u32::from_be_bytes(answer[10..14].try_into().unwrap())).unwrap();
        let (attest, signature) = answer[16..14 + parameters].split_at(usize::from(u16::from_be_bytes([answer[14], answer[15]])));
        (attest.to_vec(), signature.to_vec())
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.join(name)
    }
}

impl Drop for Tpm {
    fn drop(&mut self) {
        let _ = self.running.kill();
        let _ = self.running.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
