//! A full disk, twice: a file system without room, and a limit on the size of files. The first is refused to who may not mount; the second needs no privilege.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use brski_masa::Entry;
use serde_json::Value;

use super::kill_serve::{Shop, block_on_io};
use super::world::{Device, MASA, World, entries};

/// A shop whose ledger lies in the folder `disk`, with what the log signed last.
fn shop() -> Shop {
    let world = World::new();
    let devices: Vec<Device> = (0..4).map(|count| world.device(&format!("PLEDGE-{count}"))).collect();
    Shop { world, devices, nonces: AtomicU64::new(0) }
}

fn record(shop: &Shop) {
    shop.world.folder.write("reports.jsonl", shop.devices.iter().map(|device| shop.world.report(device)).collect::<String>());
    shop.world.masa(&["record", "reports.jsonl"]).ok();
}

/// What became of requests, by nonce.
#[derive(Default)]
struct Told {
    given: Vec<Vec<u8>>,
    refused: Vec<Vec<u8>>,
}

/// Asks until the server says that it has no room, or `most` times.
fn ask(shop: &Shop, authority: &str, most: usize, told: &mut Told) {
    let before = told.refused.len();
    for _ in 0..most {
        let (nonce, request) = shop.request();
        match block_on_io(shop.post(authority, request)).status().as_u16() {
            200 => told.given.push(nonce),
            503 => told.refused.push(nonce),
            other => panic!("the server should answer 200 or 503, not {other}"),
        }
        // Some more, to see that it stays alive.
        if told.refused.len() >= before + 3 {
            return;
        }
    }
}

/// What was given is in the ledger, and the log verifies.
fn check(shop: &Shop, told: &Told) {
    let verified = shop.world.masa(&["log", "verify"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    let found: Vec<Vec<u8>> = entries(&shop.world.ledger())
        .into_values()
        .filter_map(|entry| match entry {
            Entry::Vouched(vouched) => vouched.nonce.map(|nonce| nonce.octets()),
            _ => None,
        })
        .collect();
    let missing = told.given.iter().filter(|nonce| !found.contains(nonce)).count();
    assert_eq!(missing, 0, "of {} vouchers that were given", told.given.len());
}

#[test]
fn server_without_room_for_its_files_says_so_and_goes_on_once_there_is_some() {
    if !is_there("prlimit", "--version") {
        return;
    }
    let shop = shop();
    record(&shop);
    let limited = "trap '' XFSZ; exec prlimit --fsize=400000:unlimited \"$0\" serve";
    let mut server = shop.world.folder.start("sh", &["-c", limited, MASA]);
    let authority = format!("127.0.0.1:{}", server.port());
    let mut told = Told::default();
    ask(&shop, &authority, 2_000, &mut told);
    assert!(!told.given.is_empty(), "there should have been room for one entry");
    assert_eq!(told.refused.len(), 3, "the limit should have been reached after {} vouchers", told.given.len());

    let raised = Command::new("prlimit").args(["--fsize=unlimited:unlimited", "--pid", &server.id().to_string()]).status().unwrap();
    assert!(raised.success());
    let (given, refused) = (told.given.len(), told.refused.len());
    ask(&shop, &authority, 20, &mut told);
    assert_eq!((told.given.len() - given, told.refused.len() - refused), (20, 0));
    assert_eq!(server.stop("TERM").0, Some(0));
    check(&shop, &told);
}

#[test]
fn server_on_a_full_disk_says_so_and_goes_on_once_there_is_room() {
    let shop = shop();
    let disk = shop.world.folder.path("disk");
    std::fs::create_dir(&disk).unwrap();
    let Some(mounted) = Mounted::new(&disk) else { return };
    for file in ["ledger.sqlite", "log-last-signed.txt"] {
        let from = shop.world.folder.path(&format!("masa/{file}"));
        if from.exists() {
            std::fs::copy(&from, disk.join(file)).unwrap();
            std::fs::remove_file(&from).unwrap();
        }
    }
    shop.world.folder.edit("masa/masa.toml", "ledger = \"ledger.sqlite\"", "ledger = \"../disk/ledger.sqlite\"");
    shop.world.folder.edit("masa/masa.toml", "last-signed = \"log-last-signed.txt\"", "last-signed = \"../disk/log-last-signed.txt\"");
    record(&shop);
    fill(&disk.join("others"));

    let mut server = shop.world.folder.start(MASA, &["serve"]);
    let authority = format!("127.0.0.1:{}", server.port());
    let mut told = Told::default();
    ask(&shop, &authority, 2_000, &mut told);
    assert_eq!(told.refused.len(), 3, "the disk should have been full after {} vouchers", told.given.len());

    std::fs::remove_file(disk.join("others")).unwrap();
    let (given, refused) = (told.given.len(), told.refused.len());
    ask(&shop, &authority, 20, &mut told);
    assert_eq!((told.given.len() - given, told.refused.len() - refused), (20, 0));
    assert_eq!(server.stop("TERM").0, Some(0));

    // Where everything else looks for it.
    std::fs::copy(disk.join("ledger.sqlite"), shop.world.folder.path("masa/ledger.sqlite")).unwrap();
    drop(mounted);
    shop.world.folder.edit("masa/masa.toml", "../disk/ledger.sqlite", "ledger.sqlite");
    shop.world.folder.edit("masa/masa.toml", "../disk/log-last-signed.txt", "log-last-signed.txt");
    check(&shop, &told);
}

#[test]
fn import_without_room_tells_which_reports_are_not_recorded_and_ends_once_there_is_some() {
    if !is_there("prlimit", "--version") {
        return;
    }
    let shop = shop();
    let lines: String = (0..2_000).map(|count| shop.world.report(&shop.world.device(&format!("UNIT-{count}")))).collect();
    shop.world.folder.write("reports.jsonl", lines);
    // Some have room, and are among those that must be there still.
    shop.world.folder.write("first.jsonl", shop.world.folder.read("reports.jsonl").lines().take(20).map(|line| format!("{line}\n")).collect::<String>());
    shop.world.masa(&["record", "first.jsonl"]).ok();
    let limited = "trap '' XFSZ; exec prlimit --fsize=1200000 \"$0\" record -o json reports.jsonl";
    let first = shop.world.folder.run("sh", &["-c", limited, MASA]);
    assert_eq!(first.code, Some(1), "{}", first.stderr);
    let told: Vec<Value> = first.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let recorded = told.iter().filter(|told| told.get("error").is_none()).map(|told| &told["index"]);
    let again: Vec<Value> = shop.world.masa(&["record", "-o", "json", "reports.jsonl"]).ok().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let repeated = again.iter().filter(|told| told["repeated"] == true).map(|told| &told["index"]);
    let recorded: Vec<&Value> = recorded.collect();
    assert!((20..2_000).contains(&recorded.len()), "{} were recorded", recorded.len());
    let repeated: Vec<&Value> = repeated.collect();
    assert!(recorded.iter().all(|index| repeated.contains(index)));
    assert_eq!(again.len(), 2_000);
    shop.world.verify();
}

/// Takes all room but some 200 KiB.
fn fill(path: &Path) {
    use std::io::Write as _;
    let mut file = std::fs::File::create(path).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    let full = file.metadata().unwrap().len();
    file.set_len(full.saturating_sub(200 * 1024)).unwrap();
}

/// A file system of 8 MiB, unmounted when dropped.
struct Mounted(Arc<Path>);

impl Mounted {
    fn new(path: &Path) -> Option<Self> {
        let done = as_root(&["mount", "-t", "tmpfs", "-o", "size=8m,mode=1777", "tmpfs"], path);
        if !done {
            skipped("a file system can be mounted by root alone");
            assert!(std::env::var_os("CI").is_none(), "no file system can be mounted, and CI is set");
        }
        done.then(|| Self(path.into()))
    }
}

/// Runs a command that root may run, and says whether it ended well.
fn as_root(command: &[&str], path: &Path) -> bool {
    let run = |words: &[&str]| Command::new(words[0]).args(&words[1..]).arg(path).output().is_ok_and(|output| output.status.success());
    run(command) || run(&[&["sudo", "-n"], command].concat())
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _unmounted = as_root(&["umount"], &self.0);
    }
}

/// Whether a tool is there. Where the environment says that it must be, as in CI, its absence is a failure.
pub(crate) fn is_there(tool: &str, argument: &str) -> bool {
    let there = Command::new(tool).arg(argument).output().is_ok_and(|output| output.status.success());
    if !there {
        skipped(&format!("{tool} is not installed"));
        assert!(std::env::var_os("CI").is_none(), "{tool} is not installed, and CI is set");
    }
    there
}

/// Says why a test was not made.
pub(crate) fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}
