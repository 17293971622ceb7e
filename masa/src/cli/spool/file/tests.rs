//! Spools that crashes and others have damaged.

use super::*;

/// A folder that goes away with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let mut name = [0; 8];
        aws_lc_rs::rand::fill(&mut name).unwrap();
        let path = std::env::temp_dir().join(format!("brski-masa-spool-{:016x}", u64::from_be_bytes(name)));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn spool(&self) -> PathBuf {
        self.0.join("spool")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn piece(content: &str) -> Piece {
    Piece { form: Form::Lines, name: "in".to_owned(), first: 1, content: content.as_bytes().to_vec() }
}

fn filled(folder: &Folder, contents: &[&str]) -> u64 {
    let mut spool = Spool::to_append(&folder.spool()).unwrap();
    contents.iter().for_each(|content| spool.append(&piece(content)).unwrap());
    spool.octets()
}

fn contents(folder: &Folder) -> anyhow::Result<Vec<Piece>> {
    let mut spool = Spool::to_read(&folder.spool()).unwrap();
    let (mut found, mut offset) = (Vec::new(), spool.begin());
    while let Some((piece, next)) = spool.read_at(offset)? {
        found.push(piece);
        offset = next;
    }
    Ok(found)
}

#[test]
fn pieces_come_back_in_their_order() {
    let folder = Folder::new();
    filled(&folder, &["one", "two"]);
    filled(&folder, &["three"]);
    assert_eq!(contents(&folder).unwrap(), ["one", "two", "three"].map(piece));
}

#[test]
fn frame_torn_anywhere_is_no_data_and_is_moved_away_by_the_next_who_appends() {
    let folder = Folder::new();
    let whole = filled(&folder, &["one"]);
    filled(&folder, &["two"]);
    let octets = std::fs::read(folder.spool()).unwrap();
    for length in usize::try_from(whole).unwrap() + 1..octets.len() {
        std::fs::write(folder.spool(), &octets[..length]).unwrap();
        assert_eq!(contents(&folder).unwrap(), [piece("one")], "{length} octets");
        let mut spool = Spool::to_append(&folder.spool()).unwrap();
        assert!(spool.torn().is_some());
        spool.append(&piece("three")).unwrap();
        drop(spool);
        assert_eq!(contents(&folder).unwrap(), [piece("one"), piece("three")], "{length} octets");
        assert_eq!(std::fs::read(folder.0.join(format!("spool.torn-at-{whole}"))).unwrap(), octets[usize::try_from(whole).unwrap()..length]);
    }
}

#[test]
fn octets_that_never_reached_the_disk_are_no_data() {
    let folder = Folder::new();
    filled(&folder, &["one"]);
    let mut octets = std::fs::read(folder.spool()).unwrap();
    octets.extend([0; 5000]);
    std::fs::write(folder.spool(), octets).unwrap();
    assert_eq!(contents(&folder).unwrap(), [piece("one")]);
}

#[test]
fn changed_piece_with_others_behind_it_is_an_error_wherever_it_is_changed() {
    let folder = Folder::new();
    let end = usize::try_from(filled(&folder, &["one"])).unwrap();
    filled(&folder, &["two"]);
    let octets = std::fs::read(folder.spool()).unwrap();
    for at in HEAD as usize..end {
        let mut changed = octets.clone();
        changed[at] ^= 1;
        std::fs::write(folder.spool(), &changed).unwrap();
        assert!(contents(&folder).is_err(), "octet {at}");
        assert!(Spool::to_append(&folder.spool()).is_err(), "octet {at}");
        assert_eq!(std::fs::read(folder.spool()).unwrap(), changed, "octet {at}");
    }
}

#[test]
fn changed_last_piece_is_an_error_wherever_it_is_changed_and_stays_as_it_is() {
    let folder = Folder::new();
    let begin = usize::try_from(filled(&folder, &["one"])).unwrap();
    filled(&folder, &["two"]);
    let octets = std::fs::read(folder.spool()).unwrap();
    for at in begin..octets.len() {
        for bit in 0..8 {
            let mut changed = octets.clone();
            changed[at] ^= 1 << bit;
            std::fs::write(folder.spool(), &changed).unwrap();
            let error = contents(&folder).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{}: the piece at octet {begin} is damaged", folder.spool().display())), "{at}: {error}");
            assert!(Spool::to_append(&folder.spool()).is_err(), "octet {at}");
            assert_eq!(std::fs::read(folder.spool()).unwrap(), changed, "octet {at}");
        }
    }
}

#[test]
fn file_whose_beginning_was_torn_is_begun_again() {
    let folder = Folder::new();
    std::fs::write(folder.spool(), "brski-masa sp").unwrap();
    filled(&folder, &["one"]);
    assert_eq!(contents(&folder).unwrap(), [piece("one")]);
}

#[test]
fn other_file_is_no_spool_and_stays_as_it_is() {
    let folder = Folder::new();
    let other = "no spool but something else of somebody's, and longer than a head";
    std::fs::write(folder.spool(), other).unwrap();
    assert!(Spool::to_append(&folder.spool()).is_err());
    assert_eq!(std::fs::read_to_string(folder.spool()).unwrap(), other);
}

#[test]
fn position_is_that_of_one_spool_alone() {
    let folder = Folder::new();
    set_position(&folder.spool(), "this", 77).unwrap();
    assert_eq!((position(&folder.spool(), "this").unwrap(), position(&folder.spool(), "other").unwrap()), (77, 0));
}
