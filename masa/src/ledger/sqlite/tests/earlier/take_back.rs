/// Writes a ledger's file as schema version 1 or 2 had it, with the entries that it has.
pub(super) fn take_back(raw: &rusqlite::Connection, version: i64) {
    let mut find = raw.prepare("SELECT leaf_index, leaf_hash, kind, once, octets FROM entry ORDER BY leaf_index").unwrap();
    type Row = (i64, [u8; 32], String, Option<Vec<u8>>, Vec<u8>);
    let rows = find.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)));
    let rows: Vec<Row> = rows.unwrap().map(Result::unwrap).collect();
    let mut find = raw.prepare("SELECT height, position, hash FROM subtree").unwrap();
    let subtrees = find.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let subtrees: Vec<(u8, i64, [u8; 32])> = subtrees.unwrap().map(Result::unwrap).collect();
    drop(find);
    raw.execute_batch("DROP TABLE entry; DROP TABLE device; DROP TABLE key; DROP TABLE subtree").unwrap();
    raw.execute_batch(include_str!("version_1.sql")).unwrap();
    for (index, leaf, kind, once, octets) in rows {
        let entry = (index > 0).then(|| Entry::from_octets(&kind, &octets).unwrap());
        if let Some(Entry::Made(made)) = &entry {
            let device = made.idevid.device();
            let row = (device.serial.as_str(), device.issuer.as_bytes(), made.idevid.spki_digest().0);
            raw.execute("INSERT INTO device (serial, issuer, spki) VALUES (?1, ?2, ?3)", row).unwrap();
        }
        let id: Option<i64> = entry.as_ref().and_then(Entry::device).map(|device| {
            let name = (device.serial.as_str(), device.issuer.as_bytes());
            raw.query_row("SELECT id FROM device WHERE serial = ?1 AND issuer = ?2", name, |row| row.get(0)).unwrap()
        });
        let insert = "INSERT INTO entry (leaf_index, leaf_hash, kind, device, once, octets) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        raw.execute(insert, (index, leaf, kind, id, once, octets)).unwrap();
    }
    if version > 1 {
        raw.execute_batch(include_str!("version_2.sql")).unwrap();
        for subtree in subtrees {
            raw.execute("INSERT INTO subtree (height, position, hash) VALUES (?1, ?2, ?3)", subtree).unwrap();
        }
    }
    raw.pragma_update(None, "user_version", version).unwrap();
}
