//! Appends that share a transaction, and a disk that is full.

use super::*;
use crate::testing::Pledge;

/// Lets the file of the ledger that is open grow by so many pages and no more; by none limits nothing.
fn room(connection: &Connection, pages: Option<i64>) {
    let used: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    let most = pages.map_or(i64::from(u32::MAX) - 2, |pages| used + pages);
    let _: i64 = connection.query_row(&format!("PRAGMA max_page_count = {most}"), (), |row| row.get(0)).unwrap();
}

#[test]
fn ledger_serves_again_once_there_is_room_and_keeps_what_was_acknowledged() {
    let (folder, maker) = (Folder::new(), Maker::new());
    drop(folder.open());
    let file::Opened { mut writer, reader, mut edge } = file::open(&folder.file(), LOG).unwrap();
    let mut append = |writer: &mut Connection, pledges: &[Pledge]| {
        let (group, answers) = Append::new(pledges.iter().map(|pledge| append::rows(&[made(pledge), recorded(pledge, 0)]).unwrap()).collect(), None);
        write::commit(writer, &mut edge, vec![group]);
        (block_on(answers).unwrap().into_iter().filter(Result::is_ok).count(), edge.root())
    };
    let pledges: Vec<_> = (0..90).map(|number| maker.pledge(&format!("JADA{number}"))).collect();
    let (acknowledged, before) = append(&mut writer, &pledges[..30]);
    assert_eq!(acknowledged, 30);
    room(&writer, Some(2));
    for _ in 0..3 {
        assert_eq!(append(&mut writer, &pledges[30..]), (0, before));
    }
    assert!(find::history(&reader, &crate::history::Marks::default(), &pledges[29].device()).unwrap().is_some());
    assert_eq!(find::history(&reader, &crate::history::Marks::default(), &pledges[30].device()).unwrap(), None);
    room(&writer, None);
    let (acknowledged, after) = append(&mut writer, &pledges[30..]);
    assert_eq!(acknowledged, 60);
    drop((writer, reader));
    let head = verify(&folder.file(), LOG, None, &mut |_| ()).unwrap();
    assert_eq!((head.size, head.root), (181, after));
}

#[test]
fn later_group_of_one_append_finds_what_an_earlier_one_made() {
    let (folder, maker) = (Folder::new(), Maker::new());
    let (one, other) = (maker.pledge("JADA1"), maker.pledge("JADA2"));
    let ledger = folder.open();
    let groups = vec![vec![made(&one)], vec![recorded(&other, 0)], vec![made(&one)], vec![recorded(&one, 0)], vec![recorded(&one, 0)], vec![made(&other)]];
    let outcomes: Vec<_> = block_on(ledger.append_all(groups)).into_iter().map(Result::ok).collect();
    assert_eq!(outcomes, [Some(1..2), None, None, Some(2..3), None, Some(3..4)]);
    drop(ledger);
    assert_eq!(verify(&folder.file(), LOG, None, &mut |_| ()).unwrap().size, 4);
}

#[test]
fn device_with_the_key_of_another_is_refused_and_those_beside_it_are_appended() {
    let (folder, maker, elsewhere) = (Folder::new(), Maker::new(), Maker::new());
    let [first, one, other] = ["JADA1", "JADA2", "JADA3"].map(|name| maker.pledge(name));
    let certificate = elsewhere.issuing.certify(brski_common::issuing::Subject::serial_number(&first.device().serial), &first.0.key, |template| template);
    let twin = Pledge(crate::testing::Entity { certificate, key: first.0.key.clone() });
    let ledger = folder.open();
    block_on(ledger.append(vec![made(&first), recorded(&first, 0)])).unwrap();
    let groups = [&one, &twin, &other].map(|pledge| vec![made(pledge), recorded(pledge, 0)]);
    let [appended, refused, after] = <[_; 3]>::try_from(block_on(ledger.append_all(groups.to_vec()))).unwrap();
    assert_eq!((appended.unwrap(), after.unwrap()), (3..5, 5..7));
    assert!(matches!(refused, Err(LedgerError::Conflict { what: Unique::PublicKey, device }) if device == first.device()));
    assert_eq!(block_on(ledger.history(&twin.device())).unwrap(), None);
    drop(ledger);
    assert_eq!(verify(&folder.file(), LOG, None, &mut |_| ()).unwrap().size, 7);
}

#[test]
fn key_that_begins_like_that_of_another_device_is_none_of_its() {
    let (folder, maker) = (Folder::new(), Maker::new());
    let [first, second] = ["JADA1", "JADA2"].map(|name| maker.pledge(name));
    let ledger = folder.open();
    block_on(ledger.append(vec![made(&first)])).unwrap();
    // As it would be listed if the first device's key began so too.
    let beginning = find::beginning(&second.idevid().spki_digest());
    assert_eq!(folder.raw().execute("INSERT INTO key (beginning, made) VALUES (?1, 1)", [beginning]).unwrap(), 1);
    assert_eq!(block_on(ledger.append(vec![made(&second)])).unwrap(), 2..3);
    assert_eq!(block_on(ledger.holder(&second.idevid().spki_digest())).unwrap(), Some(second.device()));
}
