//! A line of 1 GiB, which no memory has to hold.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::world::{MASA, World};

#[test]
fn line_of_1_gib_is_told_with_its_number_and_the_next_one_is_recorded_in_little_memory() {
    let world = World::new();
    let report = world.report(&world.device("UNIT-1"));
    let mut command = Command::new("sh");
    // An address space of 1 GiB: who held the line would not get it.
    command.args(["-c", "ulimit -v 1048576; exec \"$0\" record -o json -", MASA]).current_dir(world.folder.path(""));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let block = vec![b'x'; 1024 * 1024];
    (0..1024).for_each(|_| stdin.write_all(&block).unwrap());
    stdin.write_all(b"\n").and_then(|()| stdin.write_all(report.as_bytes())).unwrap();

    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let (long, next) = (lines.next().unwrap(), lines.next().unwrap());
    // It runs still, since its input has not ended.
    let most = peak(child.id());
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(long["line"], 1, "{long}");
    assert!(long["error"].as_str().is_some_and(|error| error.contains("the line is longer than ")), "{long}");
    assert_eq!((&next["line"], &next["device"]["serial"]), (&2.into(), &"UNIT-1".into()), "{next}");
    if let Some(most) = most {
        assert!(most < 150 * 1024, "{most} KiB were resident");
    }
}

/// The most memory that a process had, in KiB, where the system tells.
fn peak(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix("kB")?.trim().parse().ok()
}
