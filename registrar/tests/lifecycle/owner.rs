//! An owner who runs the program, beside a manufacturer whose MASA serves.

use std::net::SocketAddr;

use brski_common::provenance::{Basis, KeyOrigin, Locus, ManufactureReport, Protection, Seed, Source, Transfer};
use brski_common::{Method, UnixTime};
use serde_json::Value;

use super::REGISTRAR;
use super::curl::{self, Reply};
use super::pki::certificate;
use super::requests::NONCE;
use super::support::{Finished, Folder, Running};
use super::world::World;

/// The world in which the program is the registrar, and the program's folder.
///
/// It holds the pledge JADA1, whose key was derived from a seed that the manufacturer knew; its request with [`NONCE`] is `pvr.der`.
pub(crate) struct Owner {
    /// Everybody else, and the foreign tools in their folder.
    pub(crate) world: World,
    folder: Folder,
    process: Option<Running>,
    admin: SocketAddr,
}

impl Owner {
    /// `None` where `openssl` or `curl` is missing. Held pledges are told to come again after this many seconds.
    pub(crate) async fn start(hold_retry: u8) -> Option<Self> {
        Self::prepared(hold_retry, |_| true).await
    }

    /// The same after something was done to the program's folder; `None` also where that could not be done.
    pub(crate) async fn prepared(hold_retry: u8, prepare: impl FnOnce(&Folder) -> bool) -> Option<Self> {
        let (world, folder) = (World::start().await?, Folder::new());
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut owner = Self { world, folder, process: None, admin: nowhere };
        owner.run(&["init"]).ok();
        owner.accept_manufacturer();
        owner.folder.edit("registrar/registrar.toml", "hold-retry = 60", &format!("hold-retry = {hold_retry}"));
        owner.folder.listen_anywhere("registrar/registrar.toml");
        for role in ["approver", "auditor"] {
            owner.run(&["token", role, "--role", role, "--add", "--out", &format!("registrar/keys/{role}-token")]).ok();
        }
        if !prepare(&owner.folder) {
            return None;
        }
        // A pledge names the registrar, and finds pinned, what `init` made.
        for name in ["registrar", "domain-ca"] {
            let made = brski_common::Certificate::all_from_pem(&owner.folder.read(&format!("registrar/certificates/{name}.pem"))).unwrap();
            owner.world.openssl.write(&format!("{name}.pem"), made[0].to_pem());
        }
        owner.serve();
        owner.manufacture("JADA1").await;
        owner.world.openssl.write("pvr.der", owner.world.pledges_request("JADA1", NONCE, ""));
        Some(owner)
    }

    /// Makes another pledge like JADA1.
    pub(crate) async fn manufacture(&self, serial: &str) {
        self.world.record(serial, ManufactureReport { origin: Some(carrot()), ..self.world.report_of(serial) }).await;
    }

    /// By its certificates, whose fingerprint it has by another way.
    fn accept_manufacturer(&self) {
        let path = |name: &str| self.world.openssl.path(format!("{name}.pem")).to_str().unwrap().to_owned();
        let printed = self.world.openssl.run("x509 -in idevid-root.pem -noout -fingerprint -sha256");
        let fingerprint = printed.trim_end().rsplit('=').next().unwrap().replace(':', "").to_lowercase();
        let (devices, services) = (path("idevid-root"), path("services"));
        let anchors = ["--voucher-certificate", &services, "--provenance-certificate", &services, "--tls-certificate", &services];
        let add = ["trust", "add", "--name", "Fruitmaker", "--certificate", &devices, "--fingerprint", &fingerprint];
        self.run(&[&add[..], &anchors].concat()).ok();
    }

    fn serve(&mut self) {
        let mut process = self.folder.start(REGISTRAR, &["serve"]);
        let mut address = || SocketAddr::from(([127, 0, 0, 1], process.port()));
        (self.world.registrar_address, self.admin) = (address(), address());
        self.process = Some(process);
    }

    /// Ends the process well, if it runs.
    pub(crate) fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            assert_eq!(process.stop("TERM"), (Some(0), String::new()));
        }
    }

    /// Another process takes over, at other ports.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.serve();
    }

    /// Runs one of the program's commands to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Finished {
        self.folder.run(REGISTRAR, arguments)
    }

    /// Each line that a command writes for programs.
    pub(crate) fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let printed = self.run(&[arguments, &["-o", "json"]].concat()).ok();
        printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The serial numbers of the pledges that are held.
    pub(crate) fn held(&self) -> Vec<Value> {
        self.json(&["pledges", "list", "--state", "held"]).into_iter().map(|mut row| row["serial"].take()).collect()
    }

    /// Somebody at the command line says yes to JADA1.
    pub(crate) fn approve(&self) -> String {
        let [shown] = &self.json(&["pledges", "show", "JADA1"])[..] else { panic!("one pledge is shown") };
        let question = shown["question"].as_str().unwrap();
        self.run(&["pledges", "approve", "JADA1", "--question", question, "--why", "order 4711", "--by", "ann"]).ok()
    }

    /// Somebody at the command line revokes all LDevIDs of JADA1.
    pub(crate) fn revoke(&self) -> String {
        self.run(&["revoke", "--reason", "key-compromise", "--why", "flash was read out", "--by", "ann", "JADA1"]).ok()
    }

    /// What `curl` gets from the admin interface with the token of this name and these arguments.
    pub(crate) fn ask_admin(&self, token: &str, path: &str, arguments: &str) -> Reply {
        let token = self.folder.read(&format!("registrar/keys/{token}-token"));
        let url = format!("https://{}{path}", self.admin);
        let arguments = format!("--cacert domain-ca.pem --oauth2-bearer {} {arguments} {url}", token.trim_end());
        curl::start(&self.world.openssl.path(""), &arguments).finish().unwrap()
    }

    /// Another CA below the same root takes over from the one that `init` made, whose key goes on signing its revocation list; the registrar gets a certificate below the new
    /// one. The CAs are `domain-ca.pem` and `next-ca.pem` then, and the root is `root-ca.pem`.
    pub(crate) fn replace_ca(&mut self) {
        self.run(&["ca", "request", "--name", "Next CA", "--new-key", "registrar/keys/next.pem", "--out", "next.csr"]).ok();
        let root = ["--root-key", "registrar/offline/root-ca-key.pem", "--root-cert", "registrar/certificates/root-ca.pem"];
        let sign = ["ca", "sign-request", "--yes", "--out", "registrar/certificates/next.pem", "next.csr"];
        self.run(&[&sign[..], &root].concat()).ok();
        let present = ["certificate = \"certificates/domain-ca.pem\"\nkey = \"keys/domain-ca.pem\"", "certificate = \"certificates/registrar.pem\""];
        self.folder.edit("registrar/registrar.toml", present[0], "certificate = \"certificates/next.pem\"\nkey = \"keys/next.pem\"");
        let former = "former-cas = [{ certificate = \"certificates/domain-ca.pem\", key = \"keys/domain-ca.pem\" }]";
        self.folder.edit("registrar/registrar.toml", "# former-cas = [{ certificate = \"certificates/former-ca.pem\", key = \"keys/former-ca.pem\" }]", former);
        self.run(&["ca", "issue-registrar", "--out", "registrar/certificates/registrar-2.pem"]).ok();
        self.folder.edit("registrar/registrar.toml", present[1], "certificate = \"certificates/registrar-2.pem\"");
        for (from, to) in [("next", "next-ca"), ("root-ca", "root-ca"), ("registrar-2", "registrar-2")] {
            let made = brski_common::Certificate::all_from_pem(&self.folder.read(&format!("registrar/certificates/{from}.pem"))).unwrap();
            self.world.openssl.write(&format!("{to}.pem"), made[0].to_pem());
        }
        self.restart();
    }

    /// Fetches the list of this CA into `NAME-crl.pem`.
    pub(crate) fn fetch_crl_of(&self, ca: &str) {
        let path = brski_registrar::http::crl_path_of(&certificate(&self.world.openssl, ca));
        let url = format!("https://{}{path}", self.world.registrar_address);
        let reply = curl::start(&self.world.openssl.path(""), &format!("--cacert root-ca.pem {url}")).finish().unwrap();
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/pkix-crl")), "{reply:?}");
        self.world.openssl.write("fetched.der", reply.body);
        self.world.openssl.run(&format!("crl -inform DER -in fetched.der -out {ca}-crl.pem"));
    }

    /// Fetches the revocation list into `crl.der` and, for `openssl`, `crl.pem`.
    pub(crate) fn fetch_crl(&self) {
        let url = format!("https://{}/crl/ldevid.crl", self.world.registrar_address);
        let reply = curl::start(&self.world.openssl.path(""), &format!("--cacert domain-ca.pem {url}")).finish().unwrap();
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/pkix-crl")), "{reply:?}");
        self.world.openssl.write("crl.der", reply.body);
        self.world.openssl.run("crl -inform DER -in crl.der -out crl.pem");
    }

    /// The names of all events in the audit trail that are about JADA1, in their order, once the trail has been verified.
    pub(crate) fn story(&self) -> Vec<String> {
        self.run(&["audit", "verify"]).ok();
        let exported = self.run(&["audit", "export"]).ok();
        let events = exported.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let about = events.filter(|line| line["event"]["pledge"]["serial"] == "JADA1");
        about.map(|line| line["event"]["what"]["event"].as_str().unwrap().to_owned()).collect()
    }

    /// What the trail tells of each recheck, in their order.
    pub(crate) fn rechecked(&self) -> Vec<Value> {
        let exported = self.run(&["audit", "export"]).ok();
        let events = exported.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["event"]["what"].take());
        events.filter(|what| what["event"] == "rechecked").collect()
    }

    /// SHA-256 over the key of JADA1, by which the admin interface knows it as well.
    pub(crate) fn key(&self) -> String {
        certificate(&self.world.openssl, "JADA1").spki_digest().to_string()
    }
}

/// A key that was derived inside the device from a seed that came from the factory.
fn carrot() -> KeyOrigin {
    let made = KeyOrigin::new(Method::Carrot, Source::CoGenerated, Protection::ExtractableForStorage, Locus::MainCpu, Basis::StationSigned, UnixTime::now());
    let seed = Seed { bits: 256, storage: None, copies_destroyed: Some(true), batch: None };
    KeyOrigin { private_transfer: Transfer::MechanicallyTransferred, seed: Some(seed), ..made }
}
