use std::path::PathBuf;

use serde::Deserialize;

use super::*;
use crate::sign::Signer as _;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[allow(dead_code, reason = "only what the parser says is of interest")]
struct Sample {
    #[serde(deserialize_with = "socket_address")]
    listen: SocketAddr,
    tls: KeyFiles,
}

fn complaint(text: &str) -> String {
    let err = toml::from_str::<Sample>(text).unwrap_err();
    SetupError::from_toml(Path::new("masa.toml"), text, &err).to_string()
}

#[test]
fn wrong_value_is_named_with_file_line_and_field() {
    let said = complaint("\nlisten = \"nowhere\"\n[tls]\ncertificate = 'a'\nkey = 'b'\n");
    assert_eq!(said, "masa.toml, line 2, field listen: 'nowhere' must be an IP address and a port such as 127.0.0.1:9443");
}

#[test]
fn unknown_field_is_named_with_its_table() {
    let said = complaint("listen = '127.0.0.1:0'\n[tls]\ncertificate = 'a'\nkeys = 'b'\n");
    assert_eq!(said, "masa.toml, line 4, field tls.keys: unknown field `keys`, expected `certificate` or `key`; did you mean 'key'?");
}

#[test]
fn key_of_another_certificate_is_refused() {
    let folder = Folder::new("key-pair");
    let mut files = NewFiles::new();
    files.private_key("one.key", &SoftwareKey::generate(crate::SignatureAlgorithm::Es256).unwrap().1);
    files.write_into(&folder.0).unwrap();
    let (key, _) = SoftwareKey::generate(crate::SignatureAlgorithm::Es256).unwrap();
    std::fs::write(folder.0.join("other.pem"), self_signed(&key).to_pem()).unwrap();

    let config = ConfigFile { path: folder.0.join("masa.toml"), lines: BTreeMap::new() };
    let err = config.key_pair("tls", &KeyFiles { certificate: "other.pem".into(), key: "one.key".into() }).unwrap_err();
    assert!(err.to_string().contains(", field tls.key: "), "{err}");
}

#[test]
fn nothing_of_a_damaged_key_file_is_quoted_whatever_it_is_read_as() {
    let (folder, config, files) = own_key("damaged");
    let whole = std::fs::read_to_string(folder.0.join("own.key")).unwrap();
    let (begin, rest) = whole.split_once('\n').unwrap();
    // As text, and as a list of octets is shown.
    let first = &rest[..8];
    let secrets = [first.to_owned(), format!("{:?}", first.as_bytes()).replace(['[', ']'], "")];

    let path = folder.0.join("own.key");
    for text in [format!("{begin}{rest}"), format!("{begin}\n{}", rest.replace("END", "")), format!("{begin}\n!{rest}")] {
        std::fs::write(&path, text).unwrap();
        let said = [
            config.key_pair("tls", &files).unwrap_err(),
            config.public_key("key", "own.key".as_ref()).unwrap_err(),
            config.certificates("certificate", "own.key".as_ref()).unwrap_err(),
            read_key(&path).unwrap_err(),
            read_certificates(&path).unwrap_err(),
            read_request(&path).unwrap_err(),
        ];
        for err in said {
            let causes = core::iter::successors(Some(&err as &dyn core::error::Error), |err| err.source());
            let said: String = causes.map(|err| format!("{err}; {err:?}; ")).collect();
            assert!(secrets.iter().all(|secret| !said.contains(secret)), "{said}");
        }
    }
}

#[cfg(unix)]
#[test]
fn key_that_others_can_read_is_warned_of_when_it_is_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, config, files) = own_key("exposed");
    let warnings = |mode| {
        std::fs::set_permissions(folder.0.join("own.key"), std::fs::Permissions::from_mode(mode)).unwrap();
        let log = Warnings::default();
        tracing::subscriber::with_default(log.clone(), || config.key_pair("tls", &files)).unwrap();
        log.0.load(std::sync::atomic::Ordering::Relaxed)
    };
    assert_eq!([0o600, 0o400, 0o640, 0o604].map(warnings), [0, 0, 1, 1]);
}

/// A log that only counts.
#[derive(Clone, Default)]
struct Warnings(std::sync::Arc<std::sync::atomic::AtomicUsize>);

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn key_survives_its_file() {
    let folder = Folder::new("round-trip");
    let (key, pkcs8) = SoftwareKey::generate(crate::SignatureAlgorithm::Es384).unwrap();
    let mut files = NewFiles::new();
    files.private_key("keys/tls.pem", &pkcs8);
    files.public("tls.pem", self_signed(&key).to_pem());
    files.write_into(&folder.0).unwrap();

    let config = ConfigFile { path: folder.0.join("masa.toml"), lines: BTreeMap::new() };
    let pair = config.key_pair("tls", &KeyFiles { certificate: "tls.pem".into(), key: "keys/tls.pem".into() }).unwrap();
    assert_eq!(pair.key.public_key(), key.public_key());
}

#[test]
fn expired_certificate_is_warned_of() {
    let (key, _) = SoftwareKey::generate(crate::SignatureAlgorithm::Es256).unwrap();
    let certificate = self_signed(&key);
    let warned = |now| Finding::new("tls", &certificate, crate::time::at(now)).warning.is_some();
    assert_eq!([warned(1_000), warned(4_000_000_000 - 31 * 86_400), warned(4_000_000_000 - 29 * 86_400), warned(4_000_000_001)], [false, false, true, true]);
}

#[cfg(unix)]
#[test]
fn private_file_is_readable_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new("mode");
    let mut files = NewFiles::new();
    files.private_key("keys/a.pem", &[1, 2, 3]);
    files.write_into(&folder.0).unwrap();
    let mode = |path: &str| std::fs::metadata(folder.0.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("keys/a.pem"), mode("keys")), (0o600, 0o700));
}

#[test]
fn nothing_is_made_if_one_file_exists() {
    let folder = Folder::new("exists");
    std::fs::write(folder.0.join("b"), "mine").unwrap();
    let mut files = NewFiles::new();
    files.public("a", "new");
    files.public("b", "new");
    files.write_into(&folder.0).unwrap_err();
    assert!(!folder.0.join("a").exists());
    assert_eq!(std::fs::read(folder.0.join("b")).unwrap(), b"mine");
}

#[test]
fn files_already_made_are_removed_when_a_later_one_fails() {
    let folder = Folder::new("partial");
    std::fs::write(folder.0.join("file"), "in the way").unwrap();
    let mut files = NewFiles::new();
    files.public("a", "new");
    files.public("file/b", "cannot be");
    files.write_into(&folder.0).unwrap_err();
    assert!(!folder.0.join("a").exists());
}

/// A certificate `own.pem`, its key `own.key`, and a configuration beside them.
fn own_key(name: &str) -> (Folder, ConfigFile, KeyFiles) {
    let folder = Folder::new(name);
    let (key, pkcs8) = SoftwareKey::generate(crate::SignatureAlgorithm::Es256).unwrap();
    let mut files = NewFiles::new();
    files.private_key("own.key", &pkcs8);
    files.public("own.pem", self_signed(&key).to_pem());
    files.write_into(&folder.0).unwrap();
    let config = ConfigFile { path: folder.0.join("masa.toml"), lines: BTreeMap::new() };
    (folder, config, KeyFiles { certificate: "own.pem".into(), key: "own.key".into() })
}

fn self_signed(key: &SoftwareKey) -> Certificate {
    use crate::issuing::{Subject, Template};
    let template = Template::new(Subject::common_name("test"), key.public_key(), [1; 16], crate::time::at(0), crate::time::at(4_000_000_000));
    let mut made = core::pin::pin!(template.self_signed(key));
    let mut context = core::task::Context::from_waker(core::task::Waker::noop());
    match made.as_mut().poll(&mut context) {
        core::task::Poll::Ready(certificate) => certificate.unwrap(),
        core::task::Poll::Pending => panic!("a software key answers at once"),
    }
}

/// A folder of its own for one test, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("brski-setup-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn unknown_table_is_named_before_what_is_missing_in_the_one_that_was_meant() {
    let text = "listen = '127.0.0.1:0'\n[tsl]\ncertificate = 'a'\n[tls]\nkey = 'b'\n";
    let said = ConfigFile::read_as::<Sample>(Path::new("masa.toml"), text).unwrap_err().to_string();
    assert_eq!(said, "masa.toml, line 2, field tsl: unknown field `tsl`, expected `listen` or `tls`; did you mean 'tls'?");
}
