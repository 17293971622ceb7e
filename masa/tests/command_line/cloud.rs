//! The cloud registrar as a process: its listener, its configuration, and devices that come to it over TLS.

use super::masa;
use super::owner::{Device, Owner, ask, voucher};
use super::support::Folder;

const OWNERS: &str = r#"
[cloud]
listen = "127.0.0.1:0"
retry-after = 60
[[cloud.owners]]
customer = "Orchard"
registrar = "https://registrar.orchard.example"
[[cloud.owners]]
customer = "Vineyard"
est-domain = "https://est.vineyard.example"
domain-ca = "../vineyard.pem"
"#;

fn manufacturer(more: &str) -> Folder {
    let folder = Folder::new();
    masa(&folder, &["init"]).ok();
    folder.listen_anywhere("masa/masa.toml");
    folder.write("masa/masa.toml", folder.read("masa/masa.toml") + more);
    folder
}

#[test]
fn devices_are_told_their_owners_over_a_listener_of_their_own() {
    let folder = manufacturer(OWNERS);
    let owner = Owner::new();
    folder.write("vineyard.pem", owner.chain[1].to_pem());
    let devices = ["A-1", "A-2", "A-3"].map(|serial| Device::made(&folder, serial));
    masa(&folder, &["sell", "A-1", "--to", "Orchard"]).ok();
    masa(&folder, &["sell", "A-2", "--to", "Vineyard", "--domain-ca", "vineyard.pem"]).ok();

    let mut process = folder.start(super::MASA, &["serve"]);
    let (registrars, _, cloud) = (process.port(), process.port(), process.port());
    let tell = |device: &Device| ask(cloud, Some(&device.tls()), &[], device.request());
    assert_eq!(tell(&devices[0]).0, 307);
    let (status, body) = tell(&devices[1]);
    let read = voucher(&folder, body);
    assert_eq!((status, read.est_domain.as_deref(), read.pinned_domain_cert), (200, Some("https://est.vineyard.example"), Some(owner.chain[1].clone())));
    assert_eq!(tell(&devices[2]).0, 401);
    // To the MASA itself a pledge's own request is none.
    assert_eq!(ask(registrars, Some(&devices[0].tls()), &[], devices[0].request()).0, 403);
    // And to devices' listener that of a registrar is none.
    assert_ne!(ask(cloud, Some(&owner.tls()), &[], owner.request(&devices[0])).0, 200);
    assert_eq!(process.stop("TERM"), (Some(0), String::new()));
}

#[test]
fn configuration_of_the_cloud_is_checked() {
    for (more, field) in [
        ("[cloud]\nlisten = \"127.0.0.1:0\"\n[[cloud.owners]]\ncustomer = \"Orchard\"\n", "cloud.owners"),
        ("[cloud]\nlisten = \"127.0.0.1:0\"\n[[cloud.owners]]\ncustomer = \"Orchard\"\nregistrar = \"a b\"\n", "cloud.owners.registrar"),
        (
            "[cloud]\nlisten = \"127.0.0.1:0\"\n[[cloud.owners]]\ncustomer = \"Orchard\"\nest-domain = \"est\"\ndomain-ca = \"certificates/tls-ca.pem\"\n",
            "cloud.owners.est-domain",
        ),
    ] {
        let error = masa(&manufacturer(more), &["config", "check"]).error();
        assert!(error.contains(&format!("field {field}")), "{error}");
    }
    let own = masa(&manufacturer(""), &["config", "check", "-o", "json"]).ok();
    assert!(!own.contains("cloud"), "{own}");
}

#[test]
fn registrar_of_an_owner_cannot_be_the_masa_itself() {
    let folder = manufacturer("");
    let authority = folder.read("masa/masa.toml").parse::<toml::Table>().unwrap()["authority"].as_str().unwrap().to_owned();
    let more = format!("[cloud]\nlisten = \"127.0.0.1:0\"\n[[cloud.owners]]\ncustomer = \"Orchard\"\nregistrar = \"https://{authority}\"\n");
    folder.write("masa/masa.toml", folder.read("masa/masa.toml") + &more);
    assert!(masa(&folder, &["config", "check"]).error().contains("in a circle"));
}
