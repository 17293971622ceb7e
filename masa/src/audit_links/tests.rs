//! Links begin, end, and are kept within bounds: in memory and in a file alike.

use brski_common::KeyIdentifier;

use super::*;
use crate::testing::{NOW, later, serial};

fn device(name: &str) -> DeviceId {
    DeviceId { issuer: KeyIdentifier::new([1; 20]).unwrap(), serial: serial(name) }
}

fn capability(number: u8) -> Capability {
    Capability::new([number; 16])
}

fn link(number: u8, name: &str, seconds: u64) -> Link {
    Link { digest: capability(number).digest(), device: device(name), by: "jane".to_owned(), made_at: later(u64::from(number)), expires_at: later(seconds) }
}

/// The same for both kinds.
fn each(test: impl Fn(AuditLinks)) {
    test(AuditLinks::in_memory());
    #[cfg(feature = "sqlite")]
    {
        let folder = in_a_file::Folder::new();
        test(AuditLinks::in_file(folder.file()).unwrap());
    }
}

#[test]
fn link_leads_to_its_device_until_it_ends() {
    each(|links| {
        links.enter(link(1, "A", 100)).unwrap();
        assert_eq!(links.find(&capability(1), later(99)).unwrap(), Some(device("A")));
        assert_eq!(links.find(&capability(1), later(100)).unwrap(), None);
        assert_eq!(links.find(&capability(2), NOW).unwrap(), None);
    });
}

#[test]
fn revoked_link_leads_nowhere_and_the_others_stay() {
    each(|links| {
        assert!(!links.revoke(&capability(1)).unwrap());
        links.enter(link(1, "A", 100)).unwrap();
        links.enter(link(2, "A", 100)).unwrap();
        assert!(links.revoke(&capability(1)).unwrap());
        assert!(!links.revoke(&capability(1)).unwrap());
        assert_eq!((links.find(&capability(1), NOW).unwrap(), links.find(&capability(2), NOW).unwrap()), (None, Some(device("A"))));
    });
}

#[test]
fn newest_links_of_a_device_displace_its_oldest_and_no_other_device_s() {
    each(|links| {
        links.enter(link(200, "B", 1000)).unwrap();
        (0..20).for_each(|number| links.enter(link(number, "A", 1000)).unwrap());
        let left: Vec<u8> = (0..20).filter(|number| links.find(&capability(*number), NOW).unwrap().is_some()).collect();
        assert_eq!(left, (4..20).collect::<Vec<u8>>());
        assert_eq!(links.find(&capability(200), NOW).unwrap(), Some(device("B")));
    });
}

#[test]
fn capability_is_read_as_it_is_written_and_not_otherwise() {
    let text = capability(0xfb).text();
    assert_eq!(text.len(), 22);
    assert_eq!(Capability::parse(&text).map(|read| read.digest()), Some(capability(0xfb).digest()));
    // Shorter, longer, padded, of the other alphabet, and with bits set that say nothing.
    let (short, long, padded) = (&text[..21], format!("{}A", *text), format!("{}=", &text[..21]));
    let (other, loose) = (format!("+{}", &text[1..]), format!("{}x", &text[..21]));
    for wrong in ["", short, &long, &padded, &other, &loose] {
        assert!(Capability::parse(wrong).is_none(), "{wrong}");
    }
}

#[test]
fn hint_of_a_capability_is_six_characters() {
    assert_eq!(capability(7).hint(), capability(7).text()[..6]);
}

#[cfg(feature = "sqlite")]
mod in_a_file {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A folder of its own, gone at the end.
    pub(super) struct Folder(PathBuf);

    impl Folder {
        pub(super) fn new() -> Self {
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let name = format!("brski-masa-links-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
            let path = std::env::temp_dir().join(name);
            std::fs::create_dir(&path).unwrap();
            Self(path)
        }

        pub(super) fn file(&self) -> PathBuf {
            self.0.join("audit-links.sqlite")
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn links_outlive_the_process_and_are_seen_by_others() {
        let folder = Folder::new();
        let path = folder.file();
        let [one, other] = [(); 2].map(|()| AuditLinks::in_file(&path).unwrap());
        assert_eq!(other.find(&capability(1), NOW).unwrap(), None);
        one.enter(link(1, "A", 100)).unwrap();
        assert_eq!(other.find(&capability(1), NOW).unwrap(), Some(device("A")));
        assert!(other.revoke(&capability(1)).unwrap());
        assert_eq!(one.find(&capability(1), NOW).unwrap(), None);
        one.enter(link(2, "A", 100)).unwrap();
        drop((one, other));
        assert_eq!(AuditLinks::in_file(&path).unwrap().find(&capability(2), NOW).unwrap(), Some(device("A")));
    }

    #[test]
    fn no_file_is_made_before_the_first_link() {
        let folder = Folder::new();
        let path = folder.file();
        let links = AuditLinks::in_file(&path).unwrap();
        assert!(links.find(&capability(1), NOW).unwrap().is_none() && !path.exists());
    }

    #[test]
    fn file_holds_no_capability_and_is_its_owner_s_alone() {
        let folder = Folder::new();
        let links = AuditLinks::in_file(folder.file()).unwrap();
        links.enter(link(171, "A", 1000)).unwrap();
        for file in std::fs::read_dir(&folder.0).unwrap().map(Result::unwrap) {
            let octets = std::fs::read(file.path()).unwrap();
            for secret in [&[171_u8; 16][..], capability(171).text().as_bytes()] {
                assert!(!octets.windows(secret.len()).any(|window| window == secret), "{}", file.path().display());
            }
            #[cfg(unix)]
            assert_eq!(std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions()) & 0o077, 0, "{}", file.path().display());
        }
    }

    #[test]
    fn file_of_something_else_is_an_error_that_names_it() {
        let folder = Folder::new();
        let path = folder.file();
        std::fs::write(&path, b"no database at all, but long enough to be taken for one by whoever does not look closely............").unwrap();
        let err = AuditLinks::in_file(&path).unwrap_err();
        assert_eq!(err.to_string(), format!("the links to audit logs in {} cannot be used", path.display()));
    }
}
