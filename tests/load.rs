//! The load instrument measures what it says it measures; how fast anything is nobody asks here.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

#[test]
fn every_journey_succeeds_in_a_closed_and_in_an_open_loop() {
    let cache = Cache::new();
    let plan = cache.write(
        "plan.toml",
        r#"
        for = "300ms"
        [[load]]
        journey = "voucher"
        clients = 1
        format = "cose"
        [[load]]
        journey = "voucher"
        rate = 5.0
        connections = "fresh"
        format = "json-jws"
        [[load]]
        journey = "enrol"
        clients = 1
        connections = "keep-alive"
        [[load]]
        journey = "onboard"
        clients = 1
        "#,
    );
    let report = cache.json(&["--plan", plan.to_str().unwrap(), "--pledges", "8"]);
    let loads = report["loads"].as_array().unwrap();
    let came_to: Vec<_> = loads.iter().map(|load| (load["succeeded"].as_u64() > Some(0), &load["failures"])).collect();
    assert_eq!(came_to, vec![(true, &Value::Array(Vec::new())); 4], "{report:#}");
}

#[test]
fn report_tells_rate_latency_processor_time_memory_and_ceiling() {
    let report = Cache::new().json(&["--journey", "voucher", "--clients", "1", "--for", "300ms", "--pledges", "2"]);
    let numbers = [
        "/seconds",
        "/processors",
        "/client-share",
        "/loads/0/rate-per-second",
        "/loads/0/p50-ms",
        "/loads/0/p99-ms",
        "/loads/0/p99.9-ms",
        "/loads/0/most-by-one-pledge",
        "/loads/0/ceiling-cpu-ms",
        "/servers/0/cpu-ms-per-request",
        "/servers/1/peak-kib",
        "/primitives/verify-cpu-ms",
        "/primitives/sign-cpu-ms",
        "/primitives/handshake-cpu-ms",
        "/primitives/resumed-handshake-cpu-ms",
        "/primitives/append-wall-ms",
        "/ceiling/requests-per-server-cpu-second",
    ];
    let missing: Vec<_> = numbers.into_iter().filter(|pointer| !report.pointer(pointer).is_some_and(Value::is_number)).collect();
    assert_eq!(missing, Vec::<&str>::new(), "{report:#}");
}

#[test]
fn ceiling_is_what_the_journey_needs_at_the_prices_of_the_same_run() {
    let report = Cache::new().json(&["--journey", "voucher", "--connections", "fresh", "--clients", "1", "--for", "200ms", "--pledges", "2"]);
    let price = |name: &str| report["primitives"][name].as_f64().unwrap();
    let priced = [("verifications", "verify-cpu-ms"), ("signatures", "sign-cpu-ms"), ("handshakes", "handshake-cpu-ms")];
    let needed: f64 = priced.iter().map(|(count, each)| report["loads"][0]["needs"][count].as_f64().unwrap() * price(each)).sum();
    let told = report["loads"][0]["ceiling-cpu-ms"].as_f64().unwrap();
    assert!((needed - told).abs() < 1e-9, "{report:#}");
}

#[test]
fn requests_that_fail_are_counted_with_the_first_sentence_of_their_kind() {
    let report = Cache::new().json(&["--journey", "voucher", "--rate", "5000", "--for", "200ms", "--pledges", "1"]);
    let load = &report["loads"][0];
    let [failure] = &load["failures"].as_array().unwrap()[..] else { panic!("one kind of failure was expected: {report:#}") };
    let expected = "not sent, as every pledge is in use or used up; --pledges makes more";
    assert_eq!((&failure["count"], failure["first"].as_str()), (&load["failed"], Some(expected)), "{report:#}");
}

#[test]
fn run_ends_once_its_pledges_have_as_many_ldevids_as_one_may_have() {
    let report = Cache::new().json(&["--journey", "enrol", "--connections", "keep-alive", "--clients", "1", "--for", "60m", "--pledges", "1"]);
    let load = &report["loads"][0];
    assert_eq!((&load["pledges-used-up"], load["succeeded"].as_u64(), load["failed"].as_u64()), (&Value::Bool(true), Some(100), Some(0)), "{report:#}");
}

#[test]
fn second_run_makes_nothing_anew() {
    let cache = Cache::new();
    let arguments = ["--journey", "voucher", "--clients", "1", "--for", "100ms", "--pledges", "2"];
    cache.json(&arguments);
    let made = cache.read("made/pledges.jsonl");
    cache.json(&arguments);
    assert_eq!(cache.read("made/pledges.jsonl"), made);
}

#[test]
fn picture_has_two_lines_for_each_load() {
    let cache = Cache::new();
    let picture = cache.0.join("latency.svg");
    cache.json(&["--journey", "voucher", "--clients", "1", "--for", "200ms", "--pledges", "2", "--svg", picture.to_str().unwrap()]);
    assert_eq!(cache.read("latency.svg").matches("<polyline").count(), 2);
}

#[test]
fn idle_servers_with_idle_connections_serve_a_new_pledge() {
    let idle = Cache::new().json(&["idle", "--connections", "20"]);
    let opened: Vec<_> = idle["servers"].as_array().unwrap().iter().map(|server| server["connections"]["stood-to-the-end"].as_u64()).collect();
    assert_eq!((opened, &idle["new-pledge"]["served"]), (vec![Some(20); 2], &Value::Bool(true)), "{idle:#}");
}

#[test]
fn load_with_clients_and_a_rate_is_refused_in_one_sentence() {
    let cache = Cache::new();
    let plan = cache.write("plan.toml", "for = \"1s\"\n[[load]]\njourney = \"onboard\"\nclients = 1\nrate = 1.0\n");
    let refused = cache.run(&["--plan", plan.to_str().unwrap()]);
    let said = String::from_utf8(refused.stderr).unwrap();
    let expected = format!("load: the plan {}: a load has either clients (closed loop) or a rate (open loop), not both\n", plan.display());
    assert_eq!((refused.status.code(), said), (Some(1), expected));
}

/// A folder of its own for one test, removed when dropped.
struct Cache(PathBuf);

impl Cache {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("load-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        std::fs::write(self.0.join(name), content).unwrap();
        self.0.join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap()
    }

    /// Runs the instrument with this cache.
    fn run(&self, arguments: &[&str]) -> Output {
        // Tests lie in a folder beside the one of the examples.
        let program = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("examples/load");
        assert!(program.is_file(), "{} is not built, which `cargo build --bins --example load` does", program.display());
        Command::new(program).args(arguments).arg("--cache").arg(&self.0).output().unwrap()
    }

    /// What it measured.
    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["-o", "json"]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
