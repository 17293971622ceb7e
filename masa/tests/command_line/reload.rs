//! SIGHUP: a new configuration in the place of the old one, all of it or nothing.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::delivered::Logistics;
use super::https::{Client, Serving};
use super::manufacture::{ORIGIN, idevid};
use super::serve::anywhere;
use super::support::Folder;
use super::{MASA, masa};

/// Tells the server to reload, and waits until it has, `outcome` being `applied` or `refused`.
pub(crate) fn reload(serving: &Serving, outcome: &str) {
    let line = format!("brski_reloads_total{{outcome=\"{outcome}\"}}");
    let before = serving.metric(&line).unwrap_or_default();
    serving.process.signal("HUP");
    let patience = Instant::now() + Duration::from_secs(30);
    while serving.metric(&line).unwrap_or_default() == before {
        assert!(Instant::now() < patience, "it was not {outcome}");
        std::thread::yield_now();
    }
}

/// What a body under an older media type is answered with: 415, or 400 once the leniency for it is in force.
fn under_the_older_type(client: &mut Client) -> u16 {
    client.send("POST", "/.well-known/brski/requestvoucher", &["Content-Type: application/voucher-cose+cbor"], "x").0
}

fn add(folder: &Folder, lines: &str) {
    folder.write("masa/masa.toml", format!("{}\n{lines}", folder.read("masa/masa.toml")));
}

const LENIENT: &str = "[leniencies]\nvoucher-cose-cbor = true\n";

#[test]
fn standing_connection_meets_the_new_policy_and_a_new_one_the_new_certificate() {
    let folder = anywhere();
    let serving = Serving::start(&folder);
    let mut standing = Client::new(serving.port);
    assert_eq!(under_the_older_type(&mut standing), 415);
    let old = standing.certificate();
    assert_eq!(Client::new(serving.admin_port).certificate(), old);

    masa(&folder, &["init", "--dir", "other"]).ok();
    for file in ["certificates/tls.pem", "keys/tls.pem"] {
        folder.write(&format!("masa/{file}"), folder.read(&format!("other/{file}")));
    }
    add(&folder, LENIENT);
    reload(&serving, "applied");
    assert_eq!(under_the_older_type(&mut standing), 400);
    assert_eq!(standing.certificate(), old);
    let new = Client::new(serving.port).certificate();
    assert_ne!(new, old);
    assert_eq!(Client::new(serving.admin_port).certificate(), new);
    serving.stop(&folder);
}

#[test]
fn configuration_that_cannot_be_used_leaves_the_old_one_in_force() {
    let folder = anywhere();
    let serving = Serving::start(&folder);
    let good = folder.read("masa/masa.toml");
    // The leniency comes first, and is not applied by itself.
    add(&folder, &format!("{LENIENT}[[stations]]\nname = \"s2\"\npublic-key = \"nowhere.pem\"\n"));
    reload(&serving, "refused");
    assert_eq!(under_the_older_type(&mut Client::new(serving.port)), 415);
    folder.write("masa/masa.toml", format!("{good}\n{LENIENT}"));
    reload(&serving, "applied");
    assert_eq!(under_the_older_type(&mut Client::new(serving.port)), 400);

    let log = serving.stop(&folder);
    let error = log.iter().find(|line| line["level"] == "ERROR").unwrap();
    assert_eq!(error["outcome"], "not reloaded");
    assert!(error["sentence"].as_str().unwrap().contains("nowhere.pem does not exist"), "{error}");
}

#[test]
fn what_the_server_stands_on_cannot_change() {
    for (field, from, to) in [
        ("listen", "\nlisten = \"127.0.0.1:0\"\n\n# How", "\nlisten = \"127.0.0.1:1\"\n\n# How"),
        ("authority", "localhost:9443", "localhost:9440"),
        ("ledger", "\"ledger.sqlite\"", "\"other.sqlite\""),
        ("log.last-signed", "\"log-last-signed.txt\"", "\"other.txt\""),
    ] {
        let folder = anywhere();
        let serving = Serving::start(&folder);
        folder.edit("masa/masa.toml", from, to);
        add(&folder, LENIENT);
        reload(&serving, "refused");
        assert_eq!(under_the_older_type(&mut Client::new(serving.port)), 415, "{field}");
        let log = serving.stop(&folder);
        let sentence = log.iter().find_map(|line| line["sentence"].as_str().filter(|_| line["outcome"] == "not reloaded")).unwrap();
        assert!(sentence.contains(&format!("field {field}: cannot change while serving")), "{sentence}");
    }
}

#[test]
fn key_of_the_log_cannot_change_in_the_file_that_holds_it_either() {
    let folder = anywhere();
    let serving = Serving::start(&folder);
    masa(&folder, &["init", "--dir", "other"]).ok();
    folder.write("masa/keys/log.pem", folder.read("other/keys/log.pem"));
    reload(&serving, "refused");
    let log = serving.stop(&folder);
    let sentence = log.iter().find_map(|line| line["sentence"].as_str().filter(|_| line["outcome"] == "not reloaded")).unwrap();
    assert!(sentence.contains("field log.key: cannot change while serving"), "{sentence}");
}

#[test]
fn token_that_was_added_is_known_after_a_reload_and_one_that_was_removed_is_not() {
    let folder = anywhere();
    let serving = Serving::start(&folder);
    masa(&folder, &["token", "alice", "--role", "auditor", "--add", "--out", "alice-token"]).ok();
    let alice = folder.read("alice-token").trim_end().to_owned();
    assert_eq!(serving.admin().get("/log/checkpoint", &alice).0, 401);
    reload(&serving, "applied");
    assert_eq!(serving.admin().get("/log/checkpoint", &alice).0, 200);

    let text = folder.read("masa/masa.toml");
    folder.write("masa/masa.toml", &text[..text.rfind("[[admin.credentials]]").unwrap()]);
    reload(&serving, "applied");
    assert_eq!(serving.admin().get("/log/checkpoint", &alice).0, 401);
    serving.stop(&folder);
}

#[test]
fn reload_goes_on_with_the_ledger_that_is_open() {
    let folder = anywhere();
    let serving = Serving::start(&folder);
    folder.write("reports.jsonl", super::manufacture::report(&folder, "JADA1"));
    folder.run(MASA, &["record", "reports.jsonl"]).ok();
    reload(&serving, "applied");
    let (status, device) = serving.admin().get("/devices/JADA1", &serving.token);
    assert_eq!(status, 200, "{device}");
    serving.stop(&folder);
}

/// A station's report of a new device, with what this vendor signed of it as evidence.
fn vouched_by(vendor: &Logistics, folder: &Folder, serial: &str) -> String {
    use base64::Engine as _;
    let idevid = idevid(folder, serial);
    let mut origin: Value = serde_json::from_str(ORIGIN).unwrap();
    for (fact, value) in [("method", "sapodilla"), ("protection", "unknown"), ("locus", "secure-element"), ("lock", "unknown"), ("source", "unknown")] {
        origin[fact] = value.into();
    }
    origin["ca-arrangement"] = "silicon-generic".into();
    origin["basis"] = "se-vendor-attested".into();
    let data = base64::engine::general_purpose::STANDARD.encode(vendor.element("01", &idevid));
    origin["evidence"] = json!([{ "type": "application/secure-element+jws", "data": data }]);
    folder.write("device.pem", idevid.to_pem());
    folder.write("origin.json", origin.to_string());
    masa(folder, &["report", "--station-key", "masa/keys/station-1.pem", "--idevid", "device.pem", "--origin", "origin.json"]).ok()
}

#[test]
fn authority_that_was_added_is_believed_after_a_reload_and_one_that_was_removed_no_more() {
    let folder = anywhere();
    folder.edit("masa/masa.toml", r#"bases = ["self-declared", "station-signed"]"#, r#"bases = ["se-vendor-attested"]"#);
    let without = folder.read("masa/masa.toml");
    let vendors = ["removed", "added"].map(|name| {
        let vendor = Logistics::new();
        folder.write(&format!("masa/certificates/{name}.pem"), vendor.certificate.to_pem());
        vendor
    });
    let trusting = |name: &str| {
        let authority = format!("[[evidence]]\nname = \"{name}\"\nanchors = [\"certificates/{name}.pem\"]\nbasis = \"se-vendor-attested\"\n");
        folder.write("masa/masa.toml", format!("{without}\n{authority}"));
    };
    let of_added = vouched_by(&vendors[1], &folder, "JADA1");
    let of_removed = ["JADA2", "JADA3"].map(|serial| vouched_by(&vendors[0], &folder, serial));
    trusting("removed");
    let serving = Serving::start(&folder);
    let recorded = |report: &str| {
        let headers = [&*format!("Authorization: Bearer {}", serving.token), "Content-Type: application/x-ndjson"];
        let (status, told) = serving.admin().send("POST", "/records", &headers, report);
        assert_eq!(status, 200, "{told}");
        let outcome: Value = serde_json::from_str(told.lines().next().unwrap()).unwrap();
        outcome.get("error").is_none()
    };
    assert_eq!([recorded(&of_added), recorded(&of_removed[0])], [false, true]);
    trusting("added");
    reload(&serving, "applied");
    assert_eq!([recorded(&of_added), recorded(&of_removed[1])], [true, false]);
    serving.stop(&folder);
}
