//! `[limits]`: what one client may take of the server.

use super::https::{Client, Serving};
use super::reload::reload;
use super::serve::anywhere;
use super::support::Folder;

const CONFIG: &str = "masa/masa.toml";

fn limited(to: &str) -> Folder {
    let folder = anywhere();
    folder.write(CONFIG, format!("{}\n[limits]\n{to}\n", folder.read(CONFIG)));
    folder
}

#[test]
fn eleventh_request_of_an_address_that_may_ask_once_a_minute_is_told_when_to_come_again() {
    let folder = limited("requests-per-minute-per-address = 1");
    let serving = Serving::start(&folder);
    let mut client = Client::new(serving.port);
    let mut ask = || client.send("GET", "/.well-known/brski-log/checkpoint", &[], "");
    assert!((0..10).all(|_| ask().0 == 200));
    let (status, sentence) = ask();
    assert_eq!(status, 429);
    assert!(sentence.starts_with("this address asks more than 1 times a minute: ask again in "), "{sentence}");
    assert_eq!(serving.metric("brski_requests_too_often_total{by=\"address\"}"), Some(1.0));
    serving.stop(&folder);
}

#[test]
fn limit_that_was_lifted_is_lifted_by_a_reload() {
    let folder = limited("requests-per-minute-per-address = 1");
    let serving = Serving::start(&folder);
    let mut client = Client::new(serving.port);
    assert_eq!((0..11).filter(|_| client.send("GET", "/.well-known/brski-log/checkpoint", &[], "").0 == 429).count(), 1);
    folder.edit(CONFIG, "requests-per-minute-per-address = 1\n", "requests-per-minute-per-address = 0\n");
    reload(&serving, "applied");
    assert!((0..20).all(|_| client.send("GET", "/.well-known/brski-log/checkpoint", &[], "").0 == 200));
    serving.stop(&folder);
}

#[test]
fn connections_are_those_that_the_configuration_allows() {
    for (limit, stands) in [("connections-per-address = 1", false), ("connections-per-address = 2", true)] {
        let folder = limited(limit);
        let serving = Serving::start(&folder);
        let mut inside = Client::new(serving.port);
        assert_eq!(inside.send("GET", PATH, &[], "").0, 200);
        // The next takes the place of one that has had its answer, as soon as the server, too, is done with that.
        assert!((0..100).any(|_| Client::new(serving.port).still_stands(PATH)));
        assert_eq!(inside.still_stands(PATH), stands, "{limit}");
        serving.stop(&folder);
    }
}

const PATH: &str = "/.well-known/brski-log/checkpoint";
