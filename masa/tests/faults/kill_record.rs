//! `record`, killed at any moment of an import.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use brski_masa::Entry;
use serde_json::Value;

use super::kills;
use super::random::Random;
use super::world::{MASA, World, copy_folder, entries};

#[test]
fn killed_import_has_all_that_it_acknowledged_and_resumes_to_its_end() {
    let (world, mut random) = (World::new(), Random::seeded("record"));
    let reports = if kills() > 5 { 2_000 } else { 150 };
    let lines: String = (0..reports).map(|count| world.report(&world.device(&format!("UNIT-{count:05}")))).collect();
    world.folder.write("reports.jsonl", lines);
    let whole = time_of_whole_import(&world, reports);

    let (mut acknowledged, mut resumed, mut told) = (BTreeMap::new(), 0, 0);
    let mut done = 0;
    while done < kills() {
        // At any moment from its start to a little after its end, so that the last commit is among them.
        let moment = Duration::from_nanos(random.below(u64::try_from(whole.as_nanos()).unwrap() * 11 / 10));
        let killed = record_and_kill(&world, &mut acknowledged, moment);
        if !killed {
            begin_again(&world, &mut acknowledged);
            continue;
        }
        done += 1;
        told += acknowledged.len();
        check(&world, &acknowledged);
        resumed += usize::from(!acknowledged.is_empty());
        check_resumed(&world, &acknowledged, reports);
        // Half of the time the next one is killed in the same ledger.
        if random.below(2) == 0 {
            begin_again(&world, &mut acknowledged);
        }
    }
    eprintln!("record: {done} kills, {resumed} of them after the first acknowledgement, {told} acknowledged reports looked for, none missing");
}

fn begin_again(world: &World, acknowledged: &mut BTreeMap<String, u64>) {
    world.reset();
    acknowledged.clear();
}

fn time_of_whole_import(world: &World, reports: usize) -> Duration {
    let begun = Instant::now();
    let told = world.masa(&["record", "-o", "json", "reports.jsonl"]).ok();
    assert_eq!(told.lines().count(), reports);
    world.reset();
    begun.elapsed()
}

/// Notes what it acknowledges until it is killed. False if it ended before.
fn record_and_kill(world: &World, acknowledged: &mut BTreeMap<String, u64>, moment: Duration) -> bool {
    let mut command = Command::new(MASA);
    command
        .args(["record", "-o", "json", "reports.jsonl"])
        .current_dir(world.folder.path(""))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let (send, lines) = channel();
    let reader = std::thread::spawn(move || stdout.split(b'\n').all(|line| send.send(line.unwrap()).is_ok()));
    let end = Instant::now() + moment;
    while let Ok(line) = lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
        note(acknowledged, &line);
    }
    child.kill().unwrap();
    let ended = child.wait().unwrap();
    reader.join().unwrap();
    lines.iter().for_each(|line| note(acknowledged, &line));
    !ended.success()
}

/// Notes an outcome. The last line may have been torn.
fn note(acknowledged: &mut BTreeMap<String, u64>, line: &[u8]) {
    let Ok(told) = serde_json::from_slice::<Value>(line) else { return };
    let (serial, index) = outcome(&told);
    let before = acknowledged.insert(serial.clone(), index);
    assert!(before.is_none_or(|before| before == index), "{serial} was entry {before:?}, and is {index}");
}

fn outcome(told: &Value) -> (String, u64) {
    assert_eq!(told.get("error"), None, "{told}");
    (told["device"]["serial"].as_str().unwrap().to_owned(), told["index"].as_u64().unwrap())
}

/// What was acknowledged is there, at its index, and the log verifies.
fn check(world: &World, acknowledged: &BTreeMap<String, u64>) {
    world.verify();
    let found = entries(&world.ledger());
    for (serial, index) in acknowledged {
        match &found[index] {
            Entry::Recorded(record) => assert_eq!(record.device.serial.as_str(), serial, "entry {index}"),
            other => panic!("entry {index} should be the record of {serial}, but is {other:?}"),
        }
    }
}

/// The same import ends complete in a copy of the ledger, and tells what was acknowledged as it was.
fn check_resumed(world: &World, acknowledged: &BTreeMap<String, u64>, reports: usize) {
    copy_folder(&world.folder.path("masa"), &world.folder.path("copy"));
    let told = world.masa(&["record", "--config", "copy/masa.toml", "-o", "json", "reports.jsonl"]).ok();
    let outcomes: BTreeMap<String, u64> = told.lines().map(|line| outcome(&serde_json::from_str(line).unwrap())).collect();
    assert_eq!(outcomes.len(), reports);
    acknowledged.iter().for_each(|(serial, index)| assert_eq!(outcomes[serial], *index, "{serial}"));
    world.masa(&["log", "verify", "--config", "copy/masa.toml"]).ok();
    std::fs::remove_dir_all(world.folder.path("copy")).unwrap();
}
