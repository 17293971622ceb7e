//! TLS that a proxy ended: a voucher without nonce is given to a registrar that shows its certificate, itself or by a proxy that is believed.

use base64::Engine as _;
use brski_common::Certificate;
use brski_common::serve::TlsIdentity;

use super::MASA;
use super::owner::{Device, Owner, ask};
use super::serve::anywhere;
use super::support::{Folder, Running};

/// A MASA that gives an owner vouchers without nonce for a device.
struct Scene {
    folder: Folder,
    owner: Owner,
    device: Device,
}

impl Scene {
    /// Its configuration ends with `proxy`.
    fn new(proxy: &str) -> Self {
        let (folder, owner) = (anywhere(), Owner::new());
        folder.edit("masa/masa.toml", "domains = []", &format!("domains = [\"{}\"]\nsigner = {SIGNER}", owner.chain[1].spki_digest()));
        folder.write("masa/masa.toml", folder.read("masa/masa.toml") + proxy);
        let device = Device::made(&folder, "JADA1");
        Self { folder, owner, device }
    }

    fn serve(&self) -> (Running, u16) {
        let mut server = self.folder.start(MASA, &["serve"]);
        let port = server.port();
        (server, port)
    }

    /// What the MASA answers if `client` connects and passes this certificate on.
    fn ask(&self, port: u16, client: Option<&TlsIdentity>, passed_on: Option<&Certificate>) -> u16 {
        let field = passed_on.map(|certificate| format!(":{}:", base64::engine::general_purpose::STANDARD.encode(certificate.der())));
        let fields: Vec<_> = field.iter().map(|value| ("client-cert", value.as_str())).collect();
        ask(port, client, &fields, self.owner.nonceless(&self.device)).0
    }
}

#[test]
fn registrar_behind_a_configured_proxy_is_known_by_its_certificate() {
    let scene = Scene::new("\n[proxy]\naddresses = [\"10.0.0.0/8\", \"127.0.0.1\"]\n");
    let (server, port) = scene.serve();
    assert_eq!(scene.ask(port, None, Some(&scene.owner.chain[0])), 200);
    // Another's certificate, none, and the proxy's own, which is nobody's voucher.
    assert_eq!(scene.ask(port, None, Some(&scene.owner.chain[1])), 401);
    assert_eq!(scene.ask(port, None, None), 401);
    assert_eq!(scene.ask(port, Some(&scene.owner.tls()), None), 401);
    assert_eq!(server.stop("TERM").0, Some(0));
}

#[test]
fn field_from_any_other_address_is_refused_whoever_sends_it() {
    for proxy in ["", "\n[proxy]\naddresses = [\"10.0.0.0/8\", \"127.0.0.2\"]\n"] {
        let scene = Scene::new(proxy);
        let (server, port) = scene.serve();
        assert_eq!(scene.ask(port, None, Some(&scene.owner.chain[0])), 400);
        assert_eq!(scene.ask(port, Some(&scene.owner.tls()), Some(&scene.owner.chain[0])), 400);
        // Without the field it speaks for itself.
        assert_eq!(scene.ask(port, Some(&scene.owner.tls()), None), 200);
        assert_eq!(scene.ask(port, None, None), 401);
        assert_eq!(server.stop("TERM").0, Some(0));
    }
}

#[test]
fn proxy_whose_certificate_is_pinned_has_to_show_it() {
    let scene = Scene::new("\n[proxy]\naddresses = [\"127.0.0.0/8\"]\ncertificates = [\"proxy.pem\"]\n");
    let (proxy, other) = (Owner::new(), Owner::new());
    scene.folder.write("masa/proxy.pem", proxy.chain[0].to_pem());
    let (server, port) = scene.serve();
    let own = Some(&scene.owner.chain[0]);
    assert_eq!(scene.ask(port, Some(&proxy.tls()), own), 200);
    assert_eq!(scene.ask(port, Some(&other.tls()), own), 400);
    assert_eq!(scene.ask(port, None, own), 400);
    assert_eq!(server.stop("TERM").0, Some(0));
}

const SIGNER: &str = "{ certificate = \"certificates/nonceless-signer.pem\", key = \"keys/offline/nonceless-signer.pem\" }";
