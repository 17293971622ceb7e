//! Links begin, end, and are kept within bounds: in memory and in a file alike.

use brski_common::KeyIdentifier;

use super::*;
use crate::testing::{NOW, block_on, later, serial};

fn device(name: &str) -> DeviceId {
    DeviceId { issuer: KeyIdentifier::new([1; 20]).unwrap(), serial: serial(name) }
}

fn capability(number: u8) -> Capability {
    Capability::new([number; 16])
}

fn link(number: u8, name: &str, seconds: u64) -> Link {
    Link {
        digest: capability(number).digest(),
        device: device(name),
        owner: None,
        by: "jane".to_owned(),
        made_at: later(u64::from(number)),
        expires_at: later(seconds),
    }
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
        block_on(links.enter(link(1, "A", 100))).unwrap();
        assert_eq!(block_on(links.find(&capability(1), later(99))).unwrap(), Some(device("A")));
        assert_eq!(block_on(links.find(&capability(1), later(100))).unwrap(), None);
        assert_eq!(block_on(links.find(&capability(2), NOW)).unwrap(), None);
    });
}

#[test]
fn revoked_link_leads_nowhere_and_the_others_stay() {
    each(|links| {
        assert!(!block_on(links.revoke(&capability(1))).unwrap());
        block_on(links.enter(link(1, "A", 100))).unwrap();
        block_on(links.enter(link(2, "A", 100))).unwrap();
        assert!(block_on(links.revoke(&capability(1))).unwrap());
        assert!(!block_on(links.revoke(&capability(1))).unwrap());
        assert_eq!((block_on(links.find(&capability(1), NOW)).unwrap(), block_on(links.find(&capability(2), NOW)).unwrap()), (None, Some(device("A"))));
    });
}

fn owned(owner: u8, link: Link) -> Link {
    Link { owner: Some(SpkiDigest([owner; 32])), ..link }
}

/// Those of these links that are in force.
fn left(links: &AuditLinks, numbers: impl IntoIterator<Item = u8>) -> Vec<u8> {
    numbers.into_iter().filter(|number| block_on(links.find(&capability(*number), NOW)).unwrap().is_some()).collect()
}

#[test]
fn owner_s_newest_links_to_a_device_displace_its_own_oldest_and_nobody_else_s() {
    each(|links| {
        block_on(links.enter(link(100, "A", 1000))).unwrap();
        block_on(links.enter(owned(2, link(101, "A", 1000)))).unwrap();
        block_on(links.enter(owned(1, link(102, "B", 1000)))).unwrap();
        (0..20).for_each(|number| block_on(links.enter(owned(1, link(number, "A", 1000)))).unwrap());
        assert_eq!(left(&links, 0..103), (4..20).chain(100..103).collect::<Vec<u8>>());
    });
}

#[test]
fn owner_of_many_devices_fills_the_store_with_no_more_than_its_share() {
    each(|links| {
        let links = AuditLinks { most: Most { of_device: 2, of_owner: 3, in_all: 4 }, ..links };
        block_on(links.enter(owned(2, link(100, "A", 1000)))).unwrap();
        ["A", "B", "C", "D", "E"].into_iter().zip(0..).for_each(|(device, number)| block_on(links.enter(owned(1, link(number, device, 1000)))).unwrap());
        assert_eq!(left(&links, 0..101), [2, 3, 4, 100]);
        assert!(matches!(block_on(links.enter(owned(3, link(101, "A", 1000)))), Err(AuditLinksError::TooMany)));
        // What operators make is counted by itself.
        (110..114).for_each(|number| block_on(links.enter(link(number, "A", 1000))).unwrap());
        assert!(matches!(block_on(links.enter(link(114, "A", 1000))), Err(AuditLinksError::TooMany)));
        assert_eq!(left(&links, 0..120), [2, 3, 4, 100, 110, 111, 112, 113]);
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
fn hint_of_a_capability_is_the_beginning_of_its_digest_and_nothing_of_itself() {
    let digest: String = capability(7).digest()[..8].iter().map(|octet| format!("{octet:02x}")).collect();
    assert_eq!(capability(7).hint(), digest);
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
        assert_eq!(block_on(other.find(&capability(1), NOW)).unwrap(), None);
        block_on(one.enter(link(1, "A", 100))).unwrap();
        assert_eq!(block_on(other.find(&capability(1), NOW)).unwrap(), Some(device("A")));
        assert!(block_on(other.revoke(&capability(1))).unwrap());
        assert_eq!(block_on(one.find(&capability(1), NOW)).unwrap(), None);
        block_on(one.enter(link(2, "A", 100))).unwrap();
        drop((one, other));
        assert_eq!(block_on(AuditLinks::in_file(&path).unwrap().find(&capability(2), NOW)).unwrap(), Some(device("A")));
    }

    #[test]
    fn no_file_is_made_before_the_first_link() {
        let folder = Folder::new();
        let path = folder.file();
        let links = AuditLinks::in_file(&path).unwrap();
        assert!(block_on(links.find(&capability(1), NOW)).unwrap().is_none() && !path.exists());
    }

    #[test]
    fn file_holds_no_capability_and_is_its_owner_s_alone() {
        let folder = Folder::new();
        let links = AuditLinks::in_file(folder.file()).unwrap();
        block_on(links.enter(link(171, "A", 1000))).unwrap();
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
