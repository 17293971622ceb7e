use super::*;
use crate::pledges::Scratch;
use crate::testing::{World, block_on};

#[test]
fn admission_survives_reopening() {
    let (world, scratch) = (World::new(), Scratch::new());
    let admission = world.admission(&world.pledge("JADA1"));
    let ldevid = SpkiDigest([1; 32]);
    {
        let store = SqlitePledges::open(scratch.file()).unwrap();
        block_on(store.admit(admission.clone(), admission.event())).unwrap();
        block_on(store.enrolled(ldevid, admission.spki_digest(), crate::pledges::tests::bound(ldevid))).unwrap();
    }
    let store = SqlitePledges::open(scratch.file()).unwrap();
    assert_eq!(block_on(store.find(ldevid)).unwrap(), Some(admission));
}

#[test]
#[cfg(unix)]
fn nobody_else_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let scratch = Scratch::new();
    let _store = SqlitePledges::open(scratch.file()).unwrap();
    assert_eq!(std::fs::metadata(scratch.file()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn database_of_another_program_is_left_alone() {
    let scratch = Scratch::new();
    Connection::open(scratch.file()).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    assert!(matches!(SqlitePledges::open(scratch.file()), Err(StoreError::Damaged { .. })));
}

#[test]
fn row_that_was_tampered_with_is_reported_as_damage() {
    let (world, scratch) = (World::new(), Scratch::new());
    let admission = world.admission(&world.pledge("JADA1"));
    let store = SqlitePledges::open(scratch.file()).unwrap();
    block_on(store.admit(admission.clone(), admission.event())).unwrap();
    Connection::open(scratch.file()).unwrap().execute("UPDATE admission SET idevid = x'00'", []).unwrap();
    assert!(matches!(block_on(store.find(admission.spki_digest())), Err(StoreError::Damaged { source: Some(_), .. })));
}

mod groups;
mod upgrade;
mod verified;
mod version_2;
