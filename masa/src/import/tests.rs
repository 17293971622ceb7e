//! Rows of every form, told in their order, and every "no" at its place.

mod faults;
mod pipes;

use std::io::Cursor;

use brski_common::provenance::{ManufactureBatch, ManufactureReport, RowForm, to_csv};
use brski_common::{Format, KeyOrigin};

use super::*;
use crate::testing::{Maker, block_on, memory, origin, seal};

struct World {
    maker: Maker,
    masa: Masa,
}

impl World {
    fn new() -> Self {
        let maker = Maker::new();
        Self { masa: maker.masa(), maker }
    }

    fn reports(&self, serials: &[&str]) -> Vec<ManufactureReport> {
        serials.iter().map(|serial| ManufactureReport { idevid: self.maker.pledge(serial).idevid(), origin: Some(origin()) }).collect()
    }

    fn batch(&self, reports: &[ManufactureReport], format: Format) -> Vec<u8> {
        seal(&self.maker.station_party(), &ManufactureBatch::of_reports(reports).unwrap(), format).wire().to_vec()
    }

    fn import(&self) -> Import<'_> {
        Import::new(&self.masa, Want::Record)
    }
}

/// What was told: place, then device and whether it was repeated, or the failure.
fn told(import: &Import<'_>, input: impl Into<Vec<u8>>) -> Vec<String> {
    let mut told = Vec::new();
    let flow = import.run("in", Cursor::new(input.into()), &mut |Outcome { place, result }| {
        told.push(match result {
            Ok(recorded) => format!("{place}: {}{}", recorded.device.serial, if recorded.repeated { " again" } else { "" }),
            Err(failure) => format!("{place}: {failure}"),
        });
        ControlFlow::Continue(())
    });
    assert_eq!(flow, ControlFlow::Continue(()));
    told
}

fn jsonl(reports: &[ManufactureReport]) -> String {
    reports.iter().map(|report| report.to_json().unwrap() + "\n").collect()
}

#[test]
fn reports_are_told_in_the_order_of_the_input() {
    let world = World::new();
    let serials: Vec<String> = (0..600).map(|i| format!("JADA{i}")).collect();
    let line = |serial: &String| world.maker.report(&world.maker.pledge(serial), Some(origin())).wire().to_vec();
    let lines: Vec<Vec<u8>> = serials.iter().map(line).collect();
    let expected: Vec<String> = (1..).zip(&serials).map(|(line, serial)| format!("in, line {line}: {serial}")).collect();
    assert_eq!(told(&world.import(), lines.join(&b'\n')), expected);
}

#[test]
fn batches_and_single_reports_stand_in_one_file() {
    let world = World::new();
    let batch = world.batch(&world.reports(&["A", "B"]), Format::Jws);
    let single = world.maker.report(&world.maker.pledge("C"), None).wire().to_vec();
    let file = [batch, single].join(&b'\n');
    assert_eq!(told(&world.import(), file), ["in, line 1, row 1: A", "in, line 1, row 2: B", "in, line 2: C"]);
}

#[test]
fn cose_batches_follow_each_other() {
    let world = World::new();
    let file = [world.batch(&world.reports(&["A", "B"]), Format::Cose), world.batch(&world.reports(&["C"]), Format::Cose)].concat();
    assert_eq!(told(&world.import(), file), ["in, line 1, row 1: A", "in, line 1, row 2: B", "in, line 2, row 1: C"]);
}

#[test]
fn batch_holds_csv_as_well() {
    let world = World::new();
    let batch = ManufactureBatch::new(RowForm::Csv, to_csv(&world.reports(&["A", "B"])).unwrap()).unwrap();
    let file = seal(&world.maker.station_party(), &batch, Format::Jws).wire().to_vec();
    assert_eq!(told(&world.import(), file), ["in, line 1, row 1: A", "in, line 1, row 2: B"]);
}

#[test]
fn large_batch_is_told_in_order() {
    let world = World::new();
    let serials: Vec<String> = (0..600).map(|i| format!("JADA{i}")).collect();
    let reports = world.reports(&serials.iter().map(String::as_str).collect::<Vec<_>>());
    let expected: Vec<String> = (1..).zip(&serials).map(|(row, serial)| format!("in, line 1, row {row}: {serial}")).collect();
    assert_eq!(told(&world.import(), world.batch(&reports, Format::Cose)), expected);
}

#[test]
fn rows_without_signature_are_recorded_in_the_name_of_a_station_whose_key_is_at_hand() {
    let world = World::new();
    let (station, reports) = (world.maker.station_party(), world.reports(&["A", "B"]));
    let import = world.import().signing_as(&station);
    assert_eq!(told(&import, to_csv(&reports).unwrap()), ["in, line 2: A", "in, line 3: B"]);
    assert_eq!(told(&import, jsonl(&reports)), ["in, line 1: A again", "in, line 2: B again"]);
    let signed = block_on(world.masa.record(&world.maker.report(&world.maker.pledge("C"), None))).unwrap();
    assert_eq!(signed.device.serial.as_str(), "C");
}

#[test]
fn faults_among_rows_that_are_signed_here_keep_their_lines() {
    let world = World::new();
    let (station, reports) = (world.maker.station_party(), world.reports(&["A", "B"]));
    let (one, two) = (reports[0].to_json().unwrap(), reports[1].to_json().unwrap());
    let file = [one.as_bytes(), b"{\"version\":1,\"idevid\":\"\xff\"}", b"", b"{\"version\":1}", two.as_bytes()].join(&b'\n');
    let told = told(&world.import().signing_as(&station), file);
    assert_eq!(told, ["in, line 1: A", "in, line 2: the line is not UTF-8", "in, line 4: idevid: is missing", "in, line 5: B"]);
}

#[test]
fn csv_may_name_the_files_of_certificates() {
    let world = World::new();
    let folder = std::env::temp_dir().join(format!("import-certificates-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("a.pem"), world.maker.pledge("A").idevid().certificate().to_pem()).unwrap();
    let station = world.maker.station_party();
    let import = world.import().signing_as(&station).with_certificates(&folder);
    let outcomes = told(&import, "idevid-file\na.pem\n../a.pem\nb.pem\n");
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(outcomes[..2], ["in, line 2: A", "in, line 3: idevid-file: must be a path below the folder of --certificates, without .."]);
    assert!(outcomes[2].starts_with("in, line 4: idevid-file: the file cannot be read: "), "{outcomes:?}");
}

#[test]
fn trial_tells_what_would_be_and_writes_nothing() {
    let maker = Maker::new();
    let ledger = memory();
    let masa = Masa::new(maker.parts(ledger.clone()));
    let world = World { maker, masa };
    let file = world.batch(&world.reports(&["A"]), Format::Jws);
    let before = block_on(crate::Ledger::head(&*ledger)).unwrap();
    assert_eq!(told(&Import::new(&world.masa, Want::Trial), file), ["in, line 1, row 1: A"]);
    assert_eq!(block_on(crate::Ledger::head(&*ledger)).unwrap(), before);
}

#[test]
fn import_that_was_interrupted_goes_on_when_it_is_run_again() {
    let world = World::new();
    let reports = world.reports(&["A", "B", "C"]);
    let mut seen = 0;
    let flow = world.import().run("in", Cursor::new(world.batch(&reports, Format::Jws)), &mut |_| {
        seen += 1;
        ControlFlow::Break(())
    });
    assert_eq!((flow, seen), (ControlFlow::Break(()), 1));
    let file = world.batch(&[reports.clone(), world.reports(&["D"])].concat(), Format::Jws);
    let told = told(&world.import(), file);
    assert_eq!((told[0].as_str(), told[3].as_str()), ("in, line 1, row 1: A again", "in, line 1, row 4: D"));
}

#[test]
fn correction_supersedes_where_that_is_wanted() {
    let world = World::new();
    let reports = world.reports(&["A"]);
    told(&world.import(), world.batch(&reports, Format::Jws));
    let corrected = vec![ManufactureReport { origin: Some(KeyOrigin { batch: Some("7".parse().unwrap()), ..origin() }), ..reports[0].clone() }];
    let file = world.batch(&corrected, Format::Jws);
    assert!(told(&world.import(), file.clone())[0].contains("the origin of the key"));
    let correction = Correction::Supersede { reason: "wrong batch".parse().unwrap(), by: "operator".to_owned() };
    assert_eq!(told(&world.import().correcting(&correction), file), ["in, line 1, row 1: A"]);
}
