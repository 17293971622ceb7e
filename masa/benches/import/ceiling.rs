//! What the parts of an import cost by themselves, in the same run and so under the same load.

use std::path::Path;
use std::time::Instant;

use brski_common::{Anchors, Certificate, Usage};
use rusqlite::Connection;

use super::factory::Factory;

/// Measures with so many rows, and compares with what a row took in the import, in microseconds, if any was imported.
pub(crate) fn measure(factory: &Factory, folder: &Path, rows: u64, row: Option<f64>) {
    let der = factory.certificate().der().to_vec();
    let parsed = each(20_000, || drop(Certificate::from_der(&der).unwrap()));
    let leaf = Certificate::from_der(&der).unwrap();
    let anchors = Anchors::new([factory.root.clone(), factory.issuing.clone()]).unwrap();
    let now = brski_common::time::at(super::factory::NOW);
    let verified = each(5_000, || drop(anchors.verify_path(&leaf, anchors.certificates(), Usage::Any, now).unwrap()));
    let bare = bare_inserts(folder, rows);
    println!(
        "ceiling: certificate read {parsed:.1} us, its one signature verified {verified:.1} us, bare SQLite insert of 300 octets in groups of 4096 {bare:.1} us"
    );
    let ideal = (parsed + verified + bare) / 2.0;
    if let Some(row) = row {
        println!("ratio: a row took {row:.1} us, these three on two cores {ideal:.1} us: {:.2} of what they alone would give", ideal / row);
    }
}

fn each(times: u32, act: impl Fn()) -> f64 {
    let begun = Instant::now();
    (0..times).for_each(|_| act());
    begun.elapsed().as_secs_f64() * 1e6 / f64::from(times)
}

fn bare_inserts(folder: &Path, rows: u64) -> f64 {
    let mut connection = Connection::open(folder.join("bare.sqlite")).unwrap();
    connection.pragma_update(None, "journal_mode", "wal").unwrap();
    connection.pragma_update(None, "synchronous", "full").unwrap();
    connection.execute_batch("CREATE TABLE row (id INTEGER PRIMARY KEY, octets BLOB NOT NULL) STRICT").unwrap();
    let octets = [7_u8; 300];
    let begun = Instant::now();
    for first in (0..rows).step_by(4096) {
        let group = connection.transaction().unwrap();
        for id in first..rows.min(first + 4096) {
            group.prepare_cached("INSERT INTO row VALUES (?1, ?2)").unwrap().execute((id.cast_signed(), octets.as_slice())).unwrap();
        }
        group.commit().unwrap();
    }
    begun.elapsed().as_secs_f64() * 1e6 / rows.max(1) as f64
}
