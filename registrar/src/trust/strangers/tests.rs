use brski_common::pledge::LONGEST_DEFERRAL;
use brski_common::time::at;

use super::*;
use crate::testing::{Ca, NOW, World};

fn stranger(number: u16, since: u64) -> Stranger {
    let mut key = [0; 32];
    key[..2].copy_from_slice(&number.to_be_bytes());
    Stranger { key: SpkiDigest(key), serial: SerialNumber::new("JADA1").unwrap(), since: at(since), certificates: SHOWN.clone() }
}

/// What every one of them shows: all are of one maker.
static SHOWN: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| Ca::new("everybody's").certificate.to_pem());

/// One that shows this as its only certificate, and a key of its own all the same.
fn of_issuer(certificate: &Certificate, number: u16, since: u64) -> Stranger {
    Stranger { certificates: certificate.to_pem(), ..stranger(number, since) }
}

fn keys(strangers: &Strangers) -> Vec<SpkiDigest> {
    strangers.waiting(at(NOW)).iter().map(|stranger| stranger.key).collect()
}

/// A folder of its own, which is removed at the end.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("brski-strangers-{name}-{}", std::process::id())))
    }

    fn folder(&self) -> StrangerFolder {
        StrangerFolder::new(&self.0)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn stranger_waits_since_it_first_came() {
    let strangers = Strangers::in_memory();
    assert_eq!(strangers.keep(stranger(1, NOW)), at(NOW));
    assert_eq!(strangers.keep(stranger(1, NOW + 60)), at(NOW));
}

#[test]
fn stranger_that_comes_again_after_its_four_days_waits_anew() {
    let strangers = Strangers::in_memory();
    let later = NOW + LONGEST_DEFERRAL.as_secs();
    strangers.keep(stranger(1, NOW));
    strangers.keep(stranger(2, NOW));
    assert_eq!(strangers.keep(stranger(1, later)), at(later));
    assert_eq!(strangers.waiting(at(later)), [stranger(1, later)]);
}

#[test]
fn crowd_of_one_maker_displaces_its_own_oldest_and_nobody_else() {
    let (world, other) = (World::new(), World::new());
    let strangers = Strangers::in_memory();
    let newcomer = other.pledge("JADA2");
    strangers.keep(Stranger::new(newcomer.idevid.spki_digest(), newcomer.idevid.device().serial.clone(), &newcomer.peer(), at(NOW - 999)).unwrap());
    // The name of the other's issuer is the same, but not its key.
    let chain = |number| Stranger {
        certificates: world.pledge("JADA1").idevid.certificate().to_pem() + &world.idevid_ca.certificate.to_pem(),
        ..stranger(number, NOW - 500 + u64::from(number))
    };
    for number in 0..100 {
        strangers.keep(chain(number));
    }
    let mut expected = vec![newcomer.idevid.spki_digest()];
    expected.extend((68..100).map(|number| stranger(number, NOW).key));
    assert_eq!(keys(&strangers), expected);
}

#[test]
fn where_all_room_is_taken_the_oldest_of_the_maker_with_the_most_gives_way() {
    let crowd: Vec<Certificate> = (0..8).map(|number| Ca::new(&format!("crowd {number}")).certificate).collect();
    let strangers = Strangers::in_memory();
    for number in 0..256 {
        strangers.keep(of_issuer(&crowd[usize::from(number) / 32], number, NOW - 500 + u64::from(number)));
    }
    let newcomer = of_issuer(&Ca::new("Maker").certificate, 999, NOW - 1000);
    strangers.keep(newcomer.clone());
    strangers.keep(of_issuer(&crowd[7], 998, NOW));
    let left = keys(&strangers);
    assert_eq!((left.len(), left[0], left[1]), (256, newcomer.key, stranger(1, NOW).key));
    assert!(!left.contains(&stranger(7 * 32, NOW).key));
}

#[test]
fn crowd_in_which_everybody_names_another_maker_leaves_room_for_who_comes_after_it() {
    let strangers = Strangers::in_memory();
    for number in 0..256_u16 {
        let maker = Maker::Claimed(Hash::Sha256.of(&number.to_be_bytes()).try_into().unwrap());
        lock(&strangers.waiting).insert(stranger(number, NOW).key, (maker, stranger(number, NOW - 500 + u64::from(number))));
    }
    strangers.keep(stranger(999, NOW));
    let left = keys(&strangers);
    assert_eq!((left.len(), left[0], left[255]), (256, stranger(1, NOW).key, stranger(999, NOW).key));
}

#[test]
fn folder_outlives_the_process() {
    let scratch = Scratch::new("outlives");
    let strangers = Strangers::in_folder(scratch.folder()).unwrap();
    strangers.keep(stranger(1, NOW));
    // Ends its thread, which writes before.
    drop(strangers);
    assert_eq!(scratch.folder().waiting(at(NOW)).unwrap(), [stranger(1, NOW)]);
    assert_eq!(Strangers::in_folder(scratch.folder()).unwrap().keep(stranger(1, NOW + 60)), at(NOW));
    scratch.folder().forget(stranger(1, NOW).key).unwrap();
    assert_eq!(scratch.folder().waiting(at(NOW)).unwrap(), []);
}

#[test]
fn who_gave_way_is_gone_from_the_folder() {
    let scratch = Scratch::new("gave-way");
    let strangers = Strangers::in_folder(scratch.folder()).unwrap();
    let others: Vec<Stranger> = (0..33).map(|number| stranger(number, NOW - 100 + u64::from(number))).collect();
    others.iter().for_each(|stranger| assert_eq!(strangers.keep(stranger.clone()), stranger.since));
    drop(strangers);
    assert_eq!(scratch.folder().waiting(at(NOW)).unwrap(), others[1..]);
}

#[test]
fn file_that_cannot_be_read_hides_no_other() {
    let scratch = Scratch::new("unreadable");
    scratch.folder().write(&stranger(1, NOW)).unwrap();
    std::fs::write(scratch.0.join("broken.json"), "{").unwrap();
    std::fs::create_dir(scratch.0.join("folder.json")).unwrap();
    std::fs::copy(scratch.0.join(format!("{}.json", stranger(1, NOW).key)), scratch.0.join("copy.json")).unwrap();
    assert_eq!(scratch.folder().waiting(at(NOW)).unwrap(), [stranger(1, NOW)]);
    assert_eq!(keys(&Strangers::in_folder(scratch.folder()).unwrap()), [stranger(1, NOW).key]);
    scratch.folder().write(&Stranger { certificates: "no PEM".to_owned(), ..stranger(0xffff, NOW) }).unwrap();
    assert_eq!(scratch.folder().waiting(at(NOW)).unwrap(), [stranger(1, NOW)]);
    let mut told: Vec<String> = scratch.folder().unreadable().unwrap().iter().map(ToString::to_string).collect();
    told.sort();
    for (sentence, name) in told.iter().zip(["broken.json", "copy.json", "ffff0000", "folder.json"]) {
        assert!(sentence.contains(name), "{sentence}");
    }
    assert_eq!(told.len(), 4);
}

#[test]
fn stranger_that_could_not_be_written_down_is_written_when_it_comes_again() {
    let scratch = Scratch::new("unwritable");
    // A file where the folder should be.
    std::fs::write(&scratch.0, "").unwrap();
    let waiting = Arc::default();
    let writer = Writer::start(scratch.folder(), Arc::clone(&waiting)).unwrap();
    lock(&waiting).insert(stranger(1, NOW).key, (Maker::Unreadable, stranger(1, NOW)));
    writer.write(stranger(1, NOW));
    drop(writer);
    std::fs::remove_file(&scratch.0).unwrap();
    assert!(lock(&waiting).is_empty());
}

#[test]
fn issuer_of_a_stranger_is_the_topmost_that_signed_what_is_below() {
    let world = World::new();
    let below = world.idevid_ca.subordinate("Maker Line CA");
    let pledge = world.pledge_of(&below, "JADA1", brski_common::issuing::never());
    let shown = |above: &[&Certificate]| {
        let chain = core::iter::once(pledge.idevid.certificate()).chain(above.iter().copied()).cloned().collect();
        let stranger = Stranger::new(pledge.idevid.spki_digest(), pledge.idevid.device().serial.clone(), &PeerCertificates(chain), at(NOW)).unwrap();
        stranger.issuer().unwrap()
    };
    let root = &world.idevid_ca.certificate;
    assert_eq!(shown(&[root, &below.certificate]), Some(root.clone()));
    assert_eq!(shown(&[&below.certificate, &world.domain.certificate]), Some(below.certificate.clone()));
    assert_eq!(shown(&[root]), None);
}

#[test]
fn chain_of_a_stranger_is_bounded() {
    let world = World::new();
    let peer = PeerCertificates(vec![world.idevid_ca.certificate.clone(); 64]);
    let outcome = Stranger::new(SpkiDigest([1; 32]), SerialNumber::new("JADA1").unwrap(), &peer, at(NOW));
    assert!(matches!(outcome, Err(DecodeError::TooLarge { limit: Stranger::LARGEST, .. })));
}
