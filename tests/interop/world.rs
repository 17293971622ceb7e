//! A manufacturer with its MASA and an owner with its registrar, both serving HTTPS on loopback, and pledges; every certificate and key is made by `openssl`.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use brski_common::provenance::{Basis, Disclosure, Locus, ManufactureReport, Protection, Source, Transfer};
use brski_common::serve::{Limits, Server, TlsIdentity, server_config};
use brski_common::{
    Anchors, BoxFuture, Clock, EnrolledKey, Format, IDevIdCert, KeyOrigin, Leniencies, MasaUrl, Method, Policy, ProvenanceStatement, Signed, SigningParty,
    SoftwareKey, UnixTime, VoucherRequest,
};
use brski_masa::{Masa, MasaParts, MasaService, MemoryLedger};
use brski_registrar::masa_client::HttpMasaClient;
use brski_registrar::{
    BuiltInCa, Manufacturer, MasaAnswer, MasaClient, MasaClientError, MemoryPledges, Question, Registrar, RegistrarParts, RegistrarService, Settings, Trust,
};

use crate::curl::{self, Reply, Running};
use crate::openssl::OpenSsl;
use crate::pki::{self, Kind, certificate, certify, party};
use crate::requests::{NONCE, pledges_json, registrars_json, sign};
use crate::tool::tool;

/// Everybody who takes part. The servers end with the test's runtime.
pub(crate) struct World {
    /// The folder with all certificates and keys, see [`pki`].
    pub(crate) openssl: OpenSsl,
    /// Where the MASA answers.
    pub(crate) masa_address: SocketAddr,
    /// Where the registrar answers.
    pub(crate) registrar_address: SocketAddr,
    masa: Arc<Masa>,
    station: SigningParty,
    curve: &'static str,
    relayed: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl World {
    /// `None` where `openssl` or `curl` is missing.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_on("P-256").await
    }

    /// The same with the pledge JADA1, whose request with [`NONCE`] is `pvr.der`.
    pub(crate) async fn with_pledge() -> Option<Self> {
        let world = Self::start().await?;
        world.make_pledge().await;
        Some(world)
    }

    /// Makes the pledge JADA1, and its request with [`NONCE`] as `pvr.der`.
    pub(crate) async fn make_pledge(&self) {
        self.manufacture("JADA1").await;
        self.openssl.write("pvr.der", self.pledges_request("JADA1", NONCE, ""));
    }

    /// As [`start`](Self::start); registrar and pledges have their keys on this curve.
    pub(crate) async fn start_on(curve: &'static str) -> Option<Self> {
        Self::start_with(curve, |parts| parts, Limits::default()).await
    }

    /// As [`start`](Self::start); the registrar's listener has these bounds.
    pub(crate) async fn start_within(limits: Limits) -> Option<Self> {
        Self::start_with("P-256", |parts| parts, limits).await
    }

    /// As [`start`](Self::start); the registrar asks the MASA to put this much of a key's provenance into vouchers.
    pub(crate) async fn start_wanting(wanted: brski_common::voucher::Wanted) -> Option<Self> {
        Self::start_changing(|parts| RegistrarParts { settings: Settings { statement_in_voucher: Some(wanted), ..Settings::default() }, ..parts }).await
    }

    /// As [`start`](Self::start); the registrar is made of what `change` makes of its parts.
    pub(crate) async fn start_changing(change: impl FnOnce(RegistrarParts) -> RegistrarParts) -> Option<Self> {
        Self::start_with("P-256", change, Limits::default()).await
    }

    async fn start_with(curve: &'static str, change: impl FnOnce(RegistrarParts) -> RegistrarParts, limits: Limits) -> Option<Self> {
        tool("curl")?;
        let openssl = OpenSsl::find()?;
        let (masa_server, registrar_server) = (Server::bind("127.0.0.1:0").await.unwrap(), Server::bind("127.0.0.1:0").await.unwrap());
        let (masa_address, registrar_address) = (masa_server.local_addr().unwrap(), registrar_server.local_addr().unwrap());
        make_certificates(&openssl, &masa_address.to_string(), curve);

        let (station, pkcs8) = SoftwareKey::generate(brski_common::SignatureAlgorithm::Es256).unwrap();
        openssl.write("station.key", format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(&*pkcs8)));
        let station = SigningParty::with_name("station-7", Arc::new(station));
        let masa = Arc::new(Masa::new(masa_parts(&openssl, &masa_address.to_string(), &station)));
        let service = MasaService::new(masa.clone(), BODY_LIMIT);
        let respond = move |request| {
            let service = service.clone();
            async move { service.respond(request).await }
        };
        tokio::spawn(masa_server.serve(server_config(&tls(&openssl, "masa")).unwrap(), Limits::default(), respond, core::future::pending()));

        let relayed = Arc::new(Mutex::new(Vec::new()));
        let registrar = Arc::new(Registrar::new(change(registrar_parts(&openssl, relayed.clone()))));
        let service = RegistrarService::new(registrar, BODY_LIMIT);
        let respond = move |request| {
            let service = service.clone();
            async move { service.respond(request).await }
        };
        tokio::spawn(registrar_server.serve(server_config(&tls(&openssl, "registrar")).unwrap(), limits, respond, core::future::pending()));
        Some(Self { openssl, masa_address, registrar_address, masa, station, curve, relayed })
    }

    /// The MASA itself.
    pub(crate) fn masa(&self) -> Arc<Masa> {
        Arc::clone(&self.masa)
    }

    /// What the MASA shows as TLS server.
    pub(crate) fn masa_tls(&self) -> TlsIdentity {
        tls(&self.openssl, "masa")
    }

    /// A signed report of a new device that generates its own key.
    pub(crate) async fn report(&self, serial: &str) -> Signed<ManufactureReport> {
        certify(&self.openssl, Kind::IDevId, self.curve, serial, &format!("/serialNumber={serial}/O=Fruitmaker"), Some("idevid-ca"));
        let origin = KeyOrigin::new(Method::Avocado, Source::GeneratedOnDevice, Protection::NonExtractable, Locus::Tee, Basis::StationSigned, UnixTime::now());
        let origin = Some(KeyOrigin { private_transfer: Transfer::None, ..origin });
        let report = ManufactureReport { idevid: IDevIdCert::new(certificate(&self.openssl, serial)).unwrap(), origin };
        self.station.seal(&report, Format::Jws).await.unwrap()
    }

    /// Makes a device that generates its own key, and has its making recorded. Its certificate, key and statement bear the serial number as name.
    pub(crate) async fn manufacture(&self, serial: &str) {
        self.manufacture_on(self.curve, serial).await;
    }

    /// What a station has to say of a new device.
    pub(crate) fn report_of(&self, serial: &str) -> ManufactureReport {
        self.report_on(self.curve, serial)
    }

    fn report_on(&self, curve: &str, serial: &str) -> ManufactureReport {
        certify(&self.openssl, Kind::IDevId, curve, serial, &format!("/serialNumber={serial}/O=Fruitmaker"), Some("idevid-ca"));
        let made = KeyOrigin::new(Method::Avocado, Source::GeneratedOnDevice, Protection::NonExtractable, Locus::Tee, Basis::StationSigned, UnixTime::now());
        let origin = Some(KeyOrigin { private_transfer: Transfer::None, ..made });
        ManufactureReport { idevid: IDevIdCert::new(certificate(&self.openssl, serial)).unwrap(), origin }
    }

    /// The serial numbers that an import of this file records, or why it does not.
    pub(crate) fn import(&self, file: &str) -> Vec<Result<String, String>> {
        let mut told = Vec::new();
        let input = std::io::Cursor::new(self.openssl.read(file));
        let _ = brski_masa::Import::new(&self.masa, brski_masa::Want::Record).run(file, input, &mut |outcome| {
            told.push(outcome.result.map(|recorded| recorded.device.serial.to_string()).map_err(|failure| failure.to_string()));
            core::ops::ControlFlow::Continue(())
        });
        told
    }

    /// The same with its key on this curve.
    pub(crate) async fn manufacture_on(&self, curve: &str, serial: &str) {
        self.record(serial, self.report_on(curve, serial)).await;
    }

    /// Has the MASA record what is said of this device, and keeps the statement.
    pub(crate) async fn record(&self, serial: &str, report: ManufactureReport) {
        let recorded = self.masa.record(&self.station.seal(&report, Format::Jws).await.unwrap()).await.unwrap();
        self.openssl.write(&format!("{serial}.statement"), recorded.statement.unwrap().wire());
    }

    /// Has the MASA vouch for this device no longer.
    pub(crate) async fn block(&self, serial: &str) {
        let idevid = IDevIdCert::new(certificate(&self.openssl, serial)).unwrap();
        self.masa.set_blocked(idevid.device(), Some("stolen".parse().unwrap()), "jane".parse().unwrap()).await.unwrap();
    }

    /// A pledge's request, signed by `openssl` with these options.
    pub(crate) fn pledges_request(&self, serial: &str, nonce: &str, options: &str) -> Vec<u8> {
        sign(&self.openssl, &pledges_json(&self.openssl, serial, nonce), serial, "idevid-ca", options)
    }

    /// A registrar's request with a pledge's request inside, both signed by `openssl` with these options.
    pub(crate) fn registrars_request(&self, serial: &str, nonce: &str, options: &str) -> Vec<u8> {
        let prior = self.pledges_request(serial, nonce, options);
        sign(&self.openssl, &registrars_json(&self.openssl, serial, nonce, &prior), "registrar", "domain-ca", options)
    }

    /// Certificates in PEM under which a pledge finds vouchers signed. One that speaks COSE has the signer's own among them, because the registrar strips what comes
    /// along (constrained BRSKI, section 6.8).
    pub(crate) fn voucher_anchors(&self, format: Format) -> String {
        let signer = match format {
            Format::Cose => self.openssl.text("voucher.pem"),
            _ => String::new(),
        };
        self.openssl.text("services.pem") + &signer
    }

    /// What the registrar sent to the MASA, octet for octet.
    pub(crate) fn relayed(&self) -> Vec<Vec<u8>> {
        self.relayed.lock().unwrap().clone()
    }

    /// Starts `curl` on a resource of the MASA's, which it knows by its manufacturer's root.
    pub(crate) fn ask_masa(&self, resource: &str, arguments: &str) -> Running {
        let url = format!("https://{}/.well-known/brski/{resource}", self.masa_address);
        curl::start(&self.openssl.path(""), &format!("--cacert services.pem {arguments} {url}"))
    }

    /// What a resource of the registrar's answers. How far the registrar is trusted is for `arguments` to say.
    pub(crate) fn ask_registrar(&self, resource: &str, arguments: &str) -> Reply {
        self.start_asking_registrar(resource, arguments).finish().unwrap()
    }

    /// What the registrar answers to JADA1's request, the way of a pledge: its IDevID over TLS, and no look yet at the registrar's certificate.
    pub(crate) fn ask_for_voucher(&self, arguments: &str) -> Reply {
        self.ask_registrar("brski/requestvoucher", &format!("--insecure {IDEVID} {arguments} {}", post_voucher_request("pvr.der")))
    }

    /// Starts `curl` on a resource of the registrar's.
    pub(crate) fn start_asking_registrar(&self, resource: &str, arguments: &str) -> Running {
        curl::start(&self.openssl.path(""), &format!("{arguments} https://{}/.well-known/{resource}", self.registrar_address))
    }
}

/// Arguments of `curl` to post a file of voucher-request type.
pub(crate) fn post_voucher_request(file: &str) -> String {
    format!("--header Content-Type:application/voucher-cms+json --header Accept:application/voucher-cms+json --data-binary @{file}")
}

fn make_certificates(openssl: &OpenSsl, masa: &str, curve: &str) {
    pki::prepare(openssl, masa);
    certify(openssl, Kind::Ca, "P-384", "idevid-root", "/CN=IDevID-root", None);
    certify(openssl, Kind::Ca, "P-256", "idevid-ca", "/CN=IDevID-CA", Some("idevid-root"));
    certify(openssl, Kind::Ca, "P-256", "services", "/CN=Services", None);
    certify(openssl, Kind::Signer, "P-256", "voucher", "/CN=Voucher-signer", Some("services"));
    certify(openssl, Kind::Signer, "P-256", "nonceless", "/CN=Nonceless-signer", Some("services"));
    certify(openssl, Kind::Signer, "P-256", "provenance", "/CN=Provenance-signer", Some("services"));
    certify(openssl, Kind::Server, "P-256", "masa", "/CN=MASA", Some("services"));
    openssl.run("genpkey -algorithm ed25519 -out log-key.pem");
    openssl.run("pkey -in log-key.pem -pubout -out log.pem");
    certify(openssl, Kind::Ca, "P-256", "domain-ca", "/CN=Domain-CA", None);
    certify(openssl, Kind::Registrar, curve, "registrar", "/CN=Registrar", Some("domain-ca"));
}

fn masa_parts(openssl: &OpenSsl, authority: &str, station: &SigningParty) -> MasaParts {
    let vouchers = brski_masa::VoucherSigners::one(party(openssl, "voucher")).and_nonceless(party(openssl, "nonceless"));
    MasaParts {
        authority: authority.to_owned(),
        ledger: Arc::new(MemoryLedger::new(UnixTime::now(), "Fruitmaker").unwrap()),
        log_key: Arc::new(SoftwareKey::from_pem(&openssl.text("log-key.pem")).unwrap()),
        last_signed: Arc::new(brski_masa::LastSigned::in_memory()),
        stations: vec![brski_masa::Station::new(EnrolledKey { name: "station-7".to_owned(), key: station.signer.public_key().clone() })],
        idevid_anchors: Anchors::new(openssl.certificates("idevid-ca-chain.pem")).unwrap(),
        lenient: Leniencies::default(),
        lines: brski_masa::ProductLines::one(brski_masa::ProductLine {
            disclosure: brski_masa::Levels { line: Disclosure::Customer, owner: Disclosure::Customer },
            ..brski_masa::ProductLine::new("everything", vouchers, party(openssl, "provenance"))
        }),
        clock: Clock::system(),
    }
}

fn registrar_parts(openssl: &OpenSsl, relayed: Arc<Mutex<Vec<Vec<u8>>>>) -> RegistrarParts {
    let anchors = |name: &str| Anchors::new([certificate(openssl, name)]).unwrap();
    let manufacturer = Manufacturer {
        name: "Fruitmaker".to_owned(),
        idevid_anchors: anchors("idevid-root"),
        voucher_anchors: anchors("services"),
        provenance_anchors: anchors("services"),
        masa_tls_anchors: anchors("services"),
        masa_url: None,
        log_keys: Vec::new(),
        ignore_idevid_expiry: false,
        serial_source: Default::default(),
        lenient: Leniencies::default(),
    };
    RegistrarParts {
        identity: party(openssl, "registrar"),
        trust: Trust::new([manufacturer]),
        policy: Policy::from_toml(POLICY).unwrap(),
        masa: Arc::new(Overheard { client: HttpMasaClient::new(tls(openssl, "registrar")), relayed }),
        ca: Arc::new(BuiltInCa::new(vec![certificate(openssl, "domain-ca")], party(openssl, "domain-ca").signer).unwrap()),
        pledges: Arc::new(MemoryPledges::new()),
        settings: Settings::default(),
        clock: Clock::system(),
    }
}

fn tls(openssl: &OpenSsl, name: &str) -> TlsIdentity {
    let party = party(openssl, name);
    TlsIdentity::with_signer(&party.identity.chain, party.signer).unwrap()
}

/// The HTTPS client, and a copy of what it sends.
struct Overheard {
    client: HttpMasaClient,
    relayed: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl MasaClient for Overheard {
    fn request_voucher<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<MasaAnswer, MasaClientError>> {
        self.relayed.lock().unwrap().push(question.request.wire().to_vec());
        self.client.request_voucher(question)
    }

    fn request_statement<'a>(
        &'a self,
        manufacturer: &'a Manufacturer,
        url: &'a MasaUrl,
        request: &'a Signed<VoucherRequest>,
    ) -> BoxFuture<'a, Result<Option<Signed<ProvenanceStatement>>, MasaClientError>> {
        self.client.request_statement(manufacturer, url, request)
    }
}

/// Arguments of `curl` for the pledge JADA1 before it has a voucher.
pub(crate) const IDEVID: &str = "--cert JADA1-chain.pem --key JADA1.key";

const BODY_LIMIT: usize = 64 * 1024;

const POLICY: &str = r#"
version = 1

[[rule]]
name = "made-inside"
method = ["avocado"]
then = "accept"
"#;
