//! SIGHUP: a new configuration in the place of the old one, all of it or nothing.

use std::time::{Duration, Instant};

use super::admin::Serving;
use super::client::Client;
use super::registrar;
use super::serve::anywhere;

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

const STRICT: &str = "version = 1\n[[rule]]\nname = \"only-salak\"\nmethod = [\"salak\"]\nthen = \"accept\"\n";

#[test]
fn standing_connection_meets_the_new_policy_and_a_new_one_the_new_certificate() {
    let folder = anywhere();
    let serving = Serving::start(&folder);
    let mut standing = serving.admin();
    let policy = |client: &mut Client| serde_json::from_str::<serde_json::Value>(&client.get("/policy", &serving.token).1).unwrap();
    let before = policy(&mut standing);
    let old = standing.certificate();

    registrar(&folder, &["init", "--dir", "other"]).ok();
    for file in ["certificates/registrar.pem", "keys/registrar.pem", "certificates/domain-ca.pem", "keys/domain-ca.pem"] {
        folder.write(&format!("registrar/{file}"), folder.read(&format!("other/{file}")));
    }
    folder.write("registrar/policy.toml", STRICT);
    reload(&serving, "applied");
    let after = policy(&mut standing);
    assert_eq!(after["accepts"], "salak");
    assert_ne!(after["digest"], before["digest"]);
    assert_eq!(standing.certificate(), old);
    let new = Client::new(serving.port).certificate();
    assert_ne!(new, old);
    assert_eq!(serving.admin().certificate(), new);

    let events = serving.get("/audit/events");
    let last = events["events"].as_array().unwrap().last().unwrap()["event"]["what"].clone();
    assert_eq!((&last["policy"], &last["why"]), (&after["digest"], &"the configuration was read again".into()));
    serving.stop(&folder);
}

#[test]
fn configuration_that_cannot_be_used_leaves_the_old_one_in_force() {
    let folder = anywhere();
    let serving = Serving::start(&folder);
    let (good, before) = (folder.read("registrar/registrar.toml"), serving.get("/policy"));
    // The policy could be used, and is not applied by itself.
    folder.write("registrar/policy.toml", STRICT);
    folder.write("registrar/registrar.toml", format!("{good}\n[[webhooks]]\nid = \"ca\"\nsecret = \"nowhere\"\n"));
    reload(&serving, "refused");
    assert_eq!(serving.get("/policy"), before);
    assert_eq!(serving.get("/audit/head")["size"], 1);
    folder.write("registrar/registrar.toml", good);
    reload(&serving, "applied");
    assert_eq!(serving.get("/policy")["accepts"], "salak");

    let log = serving.stop(&folder);
    let error = log.iter().find(|line| line["level"] == "ERROR").unwrap();
    assert_eq!(error["outcome"], "not reloaded");
    assert!(error["sentence"].as_str().unwrap().contains("nowhere does not exist"), "{error}");
}

#[test]
fn what_the_server_stands_on_cannot_change() {
    for (field, from, to) in [
        ("listen", "\nlisten = \"127.0.0.1:0\"\n\n# How", "\nlisten = \"127.0.0.1:1\"\n\n# How"),
        ("admin.listen", "[admin]\nlisten = \"127.0.0.1:0\"", "[admin]\nlisten = \"127.0.0.1:1\""),
        ("pledges", "\"pledges.sqlite\"", "\"other.sqlite\""),
    ] {
        let folder = anywhere();
        let serving = Serving::start(&folder);
        folder.edit("registrar/registrar.toml", from, to);
        reload(&serving, "refused");
        let log = serving.stop(&folder);
        let sentence = log.iter().find_map(|line| line["sentence"].as_str().filter(|_| line["outcome"] == "not reloaded")).unwrap();
        assert!(sentence.contains(&format!("field {field}: cannot change while serving")), "{sentence}");
    }
}

#[test]
fn token_that_was_added_is_known_after_a_reload_and_one_that_was_removed_is_not() {
    let folder = anywhere();
    let serving = Serving::start(&folder);
    registrar(&folder, &["token", "alice", "--role", "approver", "--add", "--out", "alice-token"]).ok();
    let alice = folder.read("alice-token").trim_end().to_owned();
    assert_eq!(serving.admin().get("/pledges", &alice).0, 401);
    reload(&serving, "applied");
    assert_eq!(serving.admin().get("/pledges", &alice).0, 200);
    let json = "Content-Type: application/json";
    let revoke = serving.admin().send("POST", "/pledges/X/revoke", &[&format!("Authorization: Bearer {alice}"), json], "{}");
    assert_eq!(revoke.0, 403, "{}", revoke.1);

    let text = folder.read("registrar/registrar.toml");
    folder.write("registrar/registrar.toml", &text[..text.rfind("[[admin.credentials]]").unwrap()]);
    reload(&serving, "applied");
    assert_eq!(serving.admin().get("/pledges", &alice).0, 401);
    serving.stop(&folder);
}
