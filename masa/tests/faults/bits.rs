//! One flipped bit, anywhere in the file of a ledger that has entries of every kind: `log verify` finds it.
//!
//! SQLite's pages have room that holds nothing: between cells, behind the last, in the header's reserved fields. A bit in there changes nothing that anybody can read, so that there is
//! nothing to be found. The test does not take the place's word for it: it reads all that the file holds through SQLite, and where that is as it was, and only there, `log verify` may be content.

use std::path::Path;

use brski_common::provenance::Status;
use brski_common::time::at;
use brski_common::{Assertion, DeviceId, DomainId, Nonce, SpkiDigest};
use brski_masa::ledger::{Customer, Lost, Made, Marked, Owned, OwnerChange, Restored, Scope, Standing, Vouched};
use brski_masa::{Entry, Ledger as _, SqliteLedger, TreeHead};
use rusqlite::Connection;

use super::random::Random;
use super::support::Finished;
use super::world::{World, block_on, entries};

#[test]
fn flipped_bit_in_what_the_ledger_holds_is_found_and_named() {
    let (world, mut random) = (World::new(), Random::seeded("bits"));
    fill(&world);
    let path = world.folder.path("masa/ledger.sqlite");
    let whole = std::fs::read(&path).unwrap();
    let held = contents(&path).expect("the untouched file can be read");
    world.verify();

    let (mut in_data, mut in_nothing) = (0, 0);
    while in_data < PLACES {
        let bit = random.below(whole.len() as u64 * 8);
        let (octet, mask) = (usize::try_from(bit / 8).unwrap(), 1 << (bit % 8));
        let mut changed = whole.clone();
        changed[octet] ^= mask;
        std::fs::write(&path, &changed).unwrap();
        let found = world.masa(&["log", "verify"]);
        std::fs::write(&path, &changed).unwrap();
        match contents(&path).is_some_and(|now| now == held) {
            false => {
                in_data += 1;
                assert!(names_what_it_is(&found), "octet {octet}, bit {mask:#x}: {found:?}");
            }
            // Found all the same, if SQLite looks there.
            true => in_nothing += 1,
        }
        for ending in ["-wal", "-shm"] {
            let _none_left = std::fs::remove_file(world.folder.path(&format!("masa/ledger.sqlite{ending}")));
        }
    }
    eprintln!("bits: {in_data} flipped in what the ledger holds, each found; {in_nothing} in room that holds nothing");
}

/// Whether it ended with exit status 1, and with the entry, the part of the file or SQLite's word in its one line.
fn names_what_it_is(found: &Finished) -> bool {
    let named = [
        "entry ",
        "entries ",
        "hash",
        "device",
        "table",
        "index",
        "trigger",
        "malformed",
        "contradicts itself",
        "no ledger",
        "not a database",
        "page",
        "cannot be opened",
    ];
    found.code == Some(1) && found.stderr.lines().count() == 1 && named.iter().any(|word| found.stderr.contains(word))
}

/// All that can be read in a database: its schema, its version, and every row of every table, by table and by index. `None` if SQLite cannot read it.
fn contents(path: &Path) -> Option<Vec<String>> {
    let read = || -> rusqlite::Result<Vec<String>> {
        let database = Connection::open(path)?;
        database.pragma_update(None, "query_only", true)?;
        let mut found = vec![format!("version {}", database.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))?)];
        let mut parts = database.prepare("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema ORDER BY type, name")?;
        let parts: Vec<[String; 4]> = parts.query_map((), |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]))?.collect::<rusqlite::Result<_>>()?;
        for [kind, name, ..] in &parts {
            if kind == "table" {
                rows(&database, &format!("SELECT * FROM \"{name}\" NOT INDEXED"), &mut found)?;
            }
        }
        // Compares indexes with their tables.
        found.push(database.query_row("PRAGMA integrity_check", (), |row| row.get(0))?);
        found.extend(parts.into_iter().map(|part| part.join(" ")));
        Ok(found)
    };
    read().ok()
}

fn rows(database: &Connection, select: &str, found: &mut Vec<String>) -> rusqlite::Result<()> {
    let mut rows = database.prepare(select)?;
    let columns = rows.column_count();
    let mut rows = rows.query(())?;
    while let Some(row) = rows.next()? {
        let values: Vec<String> = (0..columns).map(|column| row.get_ref(column).map(|value| format!("{value:?}"))).collect::<rusqlite::Result<_>>()?;
        found.push(values.join("|"));
    }
    Ok(())
}

/// Fills the ledger with entries of every kind, more than make up a subtree.
fn fill(world: &World) {
    let devices: Vec<_> = (0..40).map(|count| world.device(&format!("UNIT-{count}"))).collect();
    world.folder.write("reports.jsonl", devices.iter().map(|device| world.report(device)).collect::<String>());
    world.masa(&["record", "--statements", "statements", "reports.jsonl"]).ok();
    let ledger = world.ledger();
    for device in &devices {
        let id = device.idevid().device().clone();
        block_on(ledger.append(of_every_other_kind(&ledger, &id))).unwrap();
    }
    let extra = world.device("UNIT-EXTRA");
    block_on(ledger.append(vec![Entry::Made(Made { idevid: extra.idevid(), at: at(1), reported_by: "station-1".to_owned() })])).unwrap();
    let kinds: std::collections::BTreeSet<&str> = entries(&ledger).values().map(Entry::kind).collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["made", "marked", "owned", "recorded", "restored", "standing", "stated", "vouched"]);
    drop(ledger);
    // Some that open it leave what they wrote beside it.
    Connection::open(world.folder.path("masa/ledger.sqlite")).unwrap().query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(())).unwrap();
}

fn of_every_other_kind(ledger: &SqliteLedger, device: &DeviceId) -> Vec<Entry> {
    let head = block_on(ledger.head()).unwrap();
    let (by, reason, digest) = ("Ann".to_owned(), "stolen".to_owned(), SpkiDigest([7; 32]));
    let vouched = Vouched {
        device: device.clone(),
        at: at(2),
        domain: DomainId::new(vec![7; 20]).unwrap(),
        pin: digest,
        registrar: digest,
        nonce: Some(Nonce::from_bytes(device.serial.as_str().as_bytes().get(..8).unwrap_or(b"8 octets")).unwrap()),
        assertion: Assertion::Proximity,
        expires_on: Some(at(3)),
        content: None,
        by: None,
    };
    let mark = |scope| Entry::Marked(Marked { at: at(2), by: by.clone(), scope, status: Status::Valid, reason: reason.clone() });
    let owned = |change| Entry::Owned(Owned { device: device.clone(), at: at(2), by: by.clone(), change });
    vec![
        Entry::Vouched(vouched),
        Entry::Standing(Standing { device: device.clone(), at: at(2), blocked: Some(reason.clone()), by: Some("jane".to_owned()) }),
        owned(OwnerChange::SoldTo(Customer { name: "Orchard".to_owned(), keys: vec![digest] })),
        owned(OwnerChange::Released),
        mark(Scope::Device(device.clone())),
        mark(Scope::Station("station-1".to_owned())),
        Entry::Restored(Restored { at: at(2), by: by.clone(), reason: reason.clone(), lost: Lost::Signed(TreeHead { size: head.size, root: head.root }) }),
    ]
}

/// How many places to try in what the ledger holds.
const PLACES: usize = 50;
