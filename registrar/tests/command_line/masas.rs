//! What a server that serves knows of MASAs, and what of that a new configuration changes.

use std::time::{Duration, Instant};

use brski_common::Certificate;

use super::admin::Serving;
use super::reload::reload;
use super::serve::anywhere;
use super::support::Folder;
use super::worker::{Masa, Pledge, accept, device, masa};

/// A registrar that asks each question once, and a device that it accepts, whose MASA is `masa` and shows itself by `anchor`.
async fn serving(masa: &Masa, anchor: &Certificate) -> (Folder, Serving, Pledge) {
    let (folder, device) = (anywhere(), device(&masa.authority).await);
    let text = folder.read("registrar/registrar.toml");
    folder.write("registrar/registrar.toml", text + "\n[masas]\nattempts = 1\n");
    accept(&folder, &device.ca, anchor);
    let serving = Serving::start(&folder);
    let pledge = Pledge::new(&folder, serving.port, device).await;
    (folder, serving, pledge)
}

fn left_alone(serving: &Serving, masa: &Masa) -> Option<f64> {
    serving.metric(&format!("brski_masa_left_alone{{masa=\"{}\"}}", masa.authority))
}

#[tokio::test(flavor = "multi_thread")]
async fn masa_that_is_left_alone_stays_so_after_a_reload_until_the_device_has_another() {
    let (broken, other) = (masa().await, masa().await);
    let (folder, serving, pledge) = serving(&broken, &broken.services).await;
    broken.is_down(true);
    // Where the machine is so slow that its rest is over before the reload is, the next rest is longer.
    let mut begun = Instant::now();
    loop {
        while left_alone(&serving, &broken) != Some(1.0) {
            assert_eq!(pledge.ask().await.0, 202);
        }
        let asked = broken.asked();
        reload(&serving, "applied");
        let next = Instant::now();
        assert_eq!(pledge.ask().await.0, 202);
        if broken.asked() == asked {
            break;
        }
        assert!(begun.elapsed() >= SHORTEST_REST, "it was asked within its rest");
        begun = next;
    }
    assert_eq!(serving.admin().send("GET", "/readyz", &[], "").0, 200);

    let text = folder.read("registrar/registrar.toml");
    folder.write("registrar/registrar.toml", format!("{text}\n[manufacturers.Maker]\nmasa-url = \"{}\"\n", other.authority));
    accept_other(&folder, &other.services);
    reload(&serving, "applied");
    let (status, words) = pledge.ask().await;
    assert_eq!((status, words.as_str(), other.asked()), (403, "the MASA refused: the device was reported stolen", 1));
    assert_eq!((left_alone(&serving, &broken), left_alone(&serving, &other)), (Some(1.0), None));
    serving.stop(&folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn anchor_that_was_changed_counts_after_a_reload() {
    let (masa, stranger) = (masa().await, masa().await);
    let (folder, serving, pledge) = serving(&masa, &stranger.services).await;
    assert_eq!((pledge.ask().await.0, masa.asked()), (502, 0));
    accept_other(&folder, &masa.services);
    assert_eq!((pledge.ask().await.0, masa.asked()), (502, 0));
    reload(&serving, "applied");
    assert_eq!((pledge.ask().await.0, masa.asked()), (403, 1));
    accept_other(&folder, &stranger.services);
    reload(&serving, "applied");
    assert_eq!((pledge.ask().await.0, masa.asked()), (502, 1));
    serving.stop(&folder);
}

/// Changes by which anchor the manufacturer's MASA shows itself.
fn accept_other(folder: &Folder, anchor: &Certificate) {
    let profile = folder.read("registrar/trust/Maker.toml");
    let (before, _) = profile.split_once("masa-tls-anchors").unwrap();
    folder.write("registrar/trust/Maker.toml", format!("{before}masa-tls-anchors = '''\n{}'''\n", anchor.to_pem()));
}

/// A MASA that did not answer is left alone for no less. Its clock counts whole seconds.
const SHORTEST_REST: Duration = Duration::from_secs(9);
