//! Whatever people may look at: what is told of it is text without anything that steers a terminal, of bounded length, and JSON.
#![no_main]

use brski_common::UnixTime;
use brski_common::inspect::{Options, inspect};
use core::time::Duration;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let options = Options::at(UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000)));
    let inspection = inspect(octets, &options);
    let text = inspection.to_string();
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "a control character");
    assert!(text.lines().count() <= 4001, "too many lines");
    let json = serde_json::to_value(&inspection).unwrap();
    assert_eq!(json["kind"] == "unknown", inspection.kind == brski_common::inspect::Kind::Unknown);
    let _ = (inspection.is_recognised(), inspection.is_verified(&options), inspection.all_deviations());
});
