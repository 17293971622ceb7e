//! `spool`: kept while the line is offline, forwarded later, never lost and never doubled.

use std::sync::{Arc, Mutex};

use brski_common::serve::{Limits, Server, TlsIdentity, server_config};
use brski_common::{Certificate, SoftwareKey};
use serde_json::Value;

use super::https::Serving;
use super::manufacture::report;
use super::support::{Finished, Folder};
use super::{manufacturer, masa};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn status(folder: &Folder) -> (u64, u64) {
    let told = json(&masa(folder, &["spool", "status", "-o", "json"]).ok());
    (told["pieces"].as_u64().unwrap(), told["forwarded"].as_u64().unwrap())
}

/// A manufacturer with a spool of two pieces, a report each.
fn spooled() -> Folder {
    let folder = manufacturer();
    for serial in ["JADA1", "JADA2"] {
        folder.write("reports.jsonl", report(&folder, serial));
        masa(&folder, &["spool", "add", "reports.jsonl"]).ok();
    }
    folder
}

fn forward(folder: &Folder) -> Value {
    json(&masa(folder, &["spool", "forward", "--config", "masa/masa.toml", "-o", "json"]).ok())
}

#[test]
fn what_was_added_is_forwarded_once() {
    let folder = spooled();
    assert_eq!(status(&folder), (2, 0));
    let told = forward(&folder);
    assert_eq!((&told["pieces"], &told["recorded"], &told["repeated"]), (&2.into(), &2.into(), &0.into()));
    assert_eq!(status(&folder), (2, 2));
    assert_eq!(forward(&folder)["pieces"], 0);
}

#[test]
fn piece_whose_acknowledgement_got_lost_is_sent_again_and_changes_nothing() {
    let folder = spooled();
    forward(&folder);
    std::fs::remove_file(folder.path("masa.spool.position")).unwrap();
    let told = forward(&folder);
    assert_eq!((&told["recorded"], &told["repeated"]), (&0.into(), &2.into()));
}

#[test]
fn what_is_added_later_is_forwarded_from_there() {
    let folder = spooled();
    forward(&folder);
    folder.write("reports.jsonl", report(&folder, "JADA3"));
    masa(&folder, &["spool", "add", "reports.jsonl"]).ok();
    assert_eq!(forward(&folder)["recorded"], 1);
}

#[test]
fn refused_row_is_told_with_file_and_line_and_the_others_go_on() {
    let folder = manufacturer();
    let (one, two) = (report(&folder, "JADA1"), report(&folder, "JADA2"));
    folder.write("reports.jsonl", format!("{one}\n{{\"payload\": \"\", \"signatures\": []}}\n{two}"));
    masa(&folder, &["spool", "add", "reports.jsonl"]).ok();
    let finished = masa(&folder, &["spool", "forward", "--config", "masa/masa.toml", "-o", "json"]);
    assert_eq!(finished.code, Some(1));
    assert_eq!((&json(&finished.stdout)["recorded"], &json(&finished.stdout)["refused"]), (&2.into(), &1.into()));
    let told = json(&folder.read("errors.jsonl"));
    // The first report ends with a line end of its own.
    assert_eq!((&told["file"], &told["line"]), (&"reports.jsonl".into(), &3.into()), "{told}");
    assert!(told["cause"].as_str().is_some());
}

#[test]
fn line_that_cannot_be_read_is_not_added_and_told() {
    let folder = manufacturer();
    folder.write("reports.jsonl", format!("not a report\n{}", report(&folder, "JADA1")));
    let finished = masa(&folder, &["spool", "add", "reports.jsonl", "-o", "json"]);
    assert_eq!((finished.code, json(&finished.stdout)["items"].as_u64()), (Some(1), Some(1)));
    assert!(finished.stderr.starts_with("reports.jsonl, line 1: "), "{finished:?}");
    assert_eq!(forward(&folder)["recorded"], 1);
}

#[test]
fn rows_without_signature_are_refused_before_they_are_acknowledged() {
    let folder = manufacturer();
    for (file, content) in [("rows.csv", "idevid,method\nMIIB,avocado\n"), ("rows.jsonl", "{\"idevid\": \"MIIB\"}\n")] {
        folder.write(file, content);
        let finished = masa(&folder, &["spool", "add", file, "-o", "json"]);
        assert_eq!((finished.code, json(&finished.stdout)["items"].as_u64()), (Some(1), Some(0)));
        let told = format!("{file}, line 1: ");
        assert!(finished.stderr.starts_with(&told) && finished.stderr.contains("sign rows with `brski-masa report --rows`"), "{finished:?}");
    }
    assert_eq!(status(&folder), (0, 0));
}

#[test]
fn signed_rows_are_spooled_and_forwarded() {
    let folder = manufacturer();
    folder.write("rows.csv", super::record::csv(&folder, &["JADA1", "JADA2"]));
    let batch = masa(&folder, &["report", "--station-key", "masa/keys/station-1.pem", "--rows", "rows.csv"]).ok();
    folder.write("batch.jsonl", batch);
    masa(&folder, &["spool", "add", "batch.jsonl"]).ok();
    assert_eq!(forward(&folder)["recorded"], 2);
}

#[test]
fn trouble_of_the_masa_leaves_the_spool_as_it_was() {
    let folder = spooled();
    std::fs::rename(folder.path("masa/ledger.sqlite"), folder.path("away")).unwrap();
    masa(&folder, &["spool", "forward", "--config", "masa/masa.toml"]).error();
    assert_eq!(status(&folder), (2, 0));
    std::fs::rename(folder.path("away"), folder.path("masa/ledger.sqlite")).unwrap();
    assert_eq!(forward(&folder)["recorded"], 2);
}

#[test]
fn server_that_cannot_be_reached_leaves_the_spool_as_it_was() {
    let folder = spooled();
    folder.write("token", "no token of anybody");
    // A port that was free a moment ago; nobody is to be found there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("https://localhost:{port}");
    let arguments = ["spool", "forward", "--url", &url, "--token-file", "token", "--anchor", "masa/certificates/idevid-issuer.pem"];
    assert!(masa(&folder, &arguments).error().contains("cannot be reached"));
    assert_eq!(status(&folder), (2, 0));
}

/// A server that gives these answers, one after the other, to a forwarder that is run once for each, and what they said.
fn forwarded_to(folder: &Folder, answers: &[(u16, &str)]) -> Vec<Finished> {
    let chain = Certificate::all_from_pem(&folder.read("masa/certificates/tls.pem")).unwrap();
    let key = SoftwareKey::from_pem(&folder.read("masa/keys/tls.pem")).unwrap();
    let tls = server_config(&TlsIdentity::with_signer(&chain, Arc::new(key)).unwrap()).unwrap();
    folder.write("token", "sesame\n");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let server = runtime.block_on(Server::bind("127.0.0.1:0")).unwrap();
    let url = format!("https://{}", server.local_addr().unwrap());
    let waiting = Arc::new(Mutex::new(answers.iter().rev().map(|(status, body)| (*status, (*body).to_owned())).collect::<Vec<_>>()));
    let respond = move |request: http::Request<_>| {
        let allowed = request.uri().path() == "/records" && request.headers().get("authorization").is_some_and(|value| value == "Bearer sesame");
        let (status, body) = waiting.lock().unwrap().pop().filter(|_| allowed).unwrap_or((500, String::new()));
        async move { http::Response::builder().status(status).body(http_body_util::Full::new(bytes::Bytes::from(body))).unwrap() }
    };
    runtime.spawn(server.serve(tls, Limits::default(), respond, core::future::pending()));
    let arguments = ["spool", "forward", "--url", &url, "--token-file", "token", "--anchor", "masa/certificates/tls-ca.pem", "-o", "json"];
    let finished = answers.iter().map(|_| masa(folder, &arguments)).collect();
    runtime.shutdown_background();
    finished
}

#[test]
fn what_a_server_does_not_acknowledge_stays_in_the_spool() {
    let folder = manufacturer();
    folder.write("reports.jsonl", report(&folder, "JADA1"));
    masa(&folder, &["spool", "add", "reports.jsonl"]).ok();
    let cut_off = "{\"line\":1,\"index\":2,\"repeated\":false}\n";
    let recorded = format!("{cut_off}{{\"rows\":1}}\n");
    let lacking = format!("{cut_off}{{\"rows\":2}}\n");
    let trouble = "{\"line\":1,\"error\":\"the ledger did not answer\",\"trouble\":true}\n{\"rows\":1,\"stopped\":\"the ledger did not answer\"}\n";
    let answers = [(503, "later"), (401, "no"), (200, ""), (200, trouble), (404, "nothing here"), (200, cut_off), (200, &*lacking), (200, &*recorded)];
    let finished = forwarded_to(&folder, &answers);
    let codes: Vec<_> = finished.iter().map(|finished| finished.code).collect();
    assert_eq!(codes, [Some(1), Some(1), Some(1), Some(1), Some(1), Some(1), Some(1), Some(0)], "{finished:?}");
    assert!(finished[5].stderr.contains("cut off") && finished[3].stderr.contains("the ledger did not answer"), "{finished:?}");
    assert_eq!(json(&finished[7].stdout)["recorded"], 1);
    assert_eq!(status(&folder), (1, 1));
    assert!(!folder.path("errors.jsonl").exists());
}

#[test]
fn server_of_ours_records_what_is_forwarded_and_again_changes_nothing() {
    let folder = super::serve::anywhere();
    for serial in ["JADA1", "JADA2"] {
        folder.write("reports.jsonl", report(&folder, serial));
        masa(&folder, &["spool", "add", "reports.jsonl"]).ok();
    }
    let serving = Serving::start(&folder);
    let url = format!("https://localhost:{}", serving.admin_port);
    let arguments = ["spool", "forward", "--url", &url, "--token-file", "masa/keys/admin-token", "--anchor", "masa/certificates/tls-ca.pem", "-o", "json"];
    let told = json(&masa(&folder, &arguments).ok());
    assert_eq!((&told["pieces"], &told["recorded"], &told["refused"]), (&2.into(), &2.into(), &0.into()));
    assert_eq!(serving.admin().get("/devices/JADA2", &serving.token).0, 200);

    std::fs::remove_file(folder.path("masa.spool.position")).unwrap();
    let told = json(&masa(&folder, &arguments).ok());
    assert_eq!((&told["repeated"], &told["refused"]), (&2.into(), &0.into()));
    assert_eq!(status(&folder), (2, 2));
    serving.stop(&folder);
}

#[test]
fn piece_that_a_server_refuses_as_a_whole_is_told_and_not_sent_again() {
    let folder = manufacturer();
    folder.write("reports.jsonl", report(&folder, "JADA1"));
    masa(&folder, &["spool", "add", "reports.jsonl"]).ok();
    let finished = forwarded_to(&folder, &[(400, "the body is no form that is known here")]);
    assert_eq!((finished[0].code, status(&folder)), (Some(1), (1, 1)));
    let told = json(&folder.read("errors.jsonl"));
    assert_eq!((&told["file"], &told["cause"]), (&"reports.jsonl".into(), &"the body is no form that is known here".into()));
}

#[test]
fn torn_end_is_told_and_never_taken_for_data() {
    let folder = spooled();
    let octets = std::fs::read(folder.path("masa.spool")).unwrap();
    folder.write("masa.spool", &octets[..octets.len() - 7]);
    assert!(json(&masa(&folder, &["spool", "status", "-o", "json"]).ok())["torn"].as_u64().is_some_and(|torn| torn > 0));
    folder.write("reports.jsonl", report(&folder, "JADA3"));
    let added = masa(&folder, &["spool", "add", "reports.jsonl"]);
    assert!(added.stderr.contains("torn off by a crash"), "{added:?}");
    assert_eq!(forward(&folder)["recorded"], 2);
}

#[test]
fn damaged_last_piece_is_not_forwarded_and_nothing_is_lost() {
    let folder = spooled();
    let mut octets = std::fs::read(folder.path("masa.spool")).unwrap();
    let last = octets.len() - 7;
    octets[last] ^= 1;
    folder.write("masa.spool", &octets);
    let begin = octets.windows(4).rposition(|part| part == b"BRSP").unwrap();
    let error = masa(&folder, &["spool", "forward", "--config", "masa/masa.toml"]).error();
    assert!(error.contains(&format!("masa.spool: the piece at octet {begin} is damaged")), "{error}");
    // Before the damage all goes on, and what is damaged stays for whoever mends it.
    folder.write("reports.jsonl", report(&folder, "JADA3"));
    masa(&folder, &["spool", "add", "reports.jsonl"]).error();
    assert_eq!(std::fs::read(folder.path("masa.spool")).unwrap(), octets);
    octets[last] ^= 1;
    folder.write("masa.spool", &octets);
    assert_eq!(status(&folder), (2, 1));
    assert_eq!(forward(&folder)["recorded"], 1);
}
