//! A network's owner who asks a running MASA for vouchers, over TLS.

use std::sync::Arc;

use brski_common::issuing::{Subject, Template};
use brski_common::serve::{ClientLimits, HttpsConnection, TlsIdentity, provisional_config};
use brski_common::{
    Assertion, Certificate, Format, IDevIdCert, Nonce, SerialNumber, Signed, SignedBy, Signer as _, SigningParty, SoftwareKey, UnixTime, Verifier, Voucher,
    VoucherRequest,
};

use super::manufacture::{ORIGIN, issue};
use super::masa;
use super::support::Folder;

/// A device that is on record.
pub(super) struct Device {
    idevid: IDevIdCert,
    key: SoftwareKey,
}

impl Device {
    /// Makes a device and has its making recorded.
    pub(super) fn made(folder: &Folder, serial: &str) -> Self {
        let key = SoftwareKey::generate(brski_common::SignatureAlgorithm::Es256).unwrap().0;
        let file = format!("{serial}.pem");
        issue(folder, &Subject::serial_number(&SerialNumber::new(serial).unwrap()), &key, &file, &[]).ok();
        folder.write("origin.json", ORIGIN);
        let report = masa(folder, &["report", "--station-key", "masa/keys/station-1.pem", "--idevid", &file, "--origin", "origin.json"]).ok();
        folder.write("reports.jsonl", report);
        masa(folder, &["record", "reports.jsonl"]).ok();
        let idevid = Certificate::all_from_pem(&folder.read(&file)).unwrap().swap_remove(0);
        Self { idevid: IDevIdCert::new(idevid).unwrap(), key }
    }

    /// What it shows as TLS client.
    pub(super) fn tls(&self) -> TlsIdentity {
        TlsIdentity::with_signer(&[self.idevid.certificate().clone()], Arc::new(self.key.clone())).unwrap()
    }

    /// What it asks where no registrar is nearby.
    pub(super) fn request(&self) -> Vec<u8> {
        let nonce = Some(Nonce::from_bytes(&[9; 16]).unwrap());
        let leaves = VoucherRequest { created_on: Some(UnixTime::now()), nonce, ..VoucherRequest::new(self.idevid.device().serial.clone()) };
        wait(self.party().seal(&leaves, Format::Cms)).unwrap().wire().to_vec()
    }

    fn party(&self) -> SigningParty {
        SigningParty::with_chain(vec![self.idevid.certificate().clone()], Arc::new(self.key.clone()))
    }
}

/// A domain CA and a registrar.
pub(super) struct Owner {
    /// The registrar's certificate, then the domain CA's.
    pub(super) chain: Vec<Certificate>,
    key: Arc<SoftwareKey>,
}

impl Owner {
    pub(super) fn new() -> Self {
        let now = UnixTime::now().as_secs();
        let template = |name: &str, key: &SoftwareKey, number| {
            let time = brski_common::time::at;
            Template::new(Subject::common_name(name), key.public_key(), [number; 16], time(now - 3600), time(now + 86_400))
        };
        let generate = || SoftwareKey::generate(brski_common::SignatureAlgorithm::Es256).unwrap().0;
        let (ca_key, key) = (generate(), generate());
        let ca = template("domain CA", &ca_key, 1).ca(None).self_signed(&ca_key);
        let ca = wait(ca).unwrap();
        let usages = [brski_common::chain::ID_KP_CMC_RA, "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"];
        let own = wait(template("registrar", &key, 2).usages(&usages).issued_by(&ca, &ca_key)).unwrap();
        Self { chain: vec![own, ca], key: Arc::new(key) }
    }

    /// What it shows as TLS client.
    pub(super) fn tls(&self) -> TlsIdentity {
        TlsIdentity::with_signer(&self.chain, self.key.clone()).unwrap()
    }

    /// The usual request about a device that is there.
    pub(super) fn request(&self, device: &Device) -> Vec<u8> {
        let now = Some(UnixTime::now());
        let nonce = Some(Nonce::from_bytes(&[7; 16]).unwrap());
        let serial = || device.idevid.device().serial.clone();
        let inner = VoucherRequest {
            assertion: Some(Assertion::Proximity),
            created_on: now,
            nonce: nonce.clone(),
            proximity_registrar_cert: Some(self.chain[0].clone()),
            ..VoucherRequest::new(serial())
        };
        let inner = wait(device.party().seal(&inner, Format::Cms)).unwrap();
        self.sealed(VoucherRequest { nonce, prior_signed_voucher_request: Some(inner.wire().to_vec()), ..self.leaves(device) })
    }

    /// A request without nonce, for a device that is not there: whoever asks has to show the registrar's certificate.
    pub(super) fn nonceless(&self, device: &Device) -> Vec<u8> {
        self.sealed(self.leaves(device))
    }

    fn leaves(&self, device: &Device) -> VoucherRequest {
        let device = device.idevid.device();
        VoucherRequest { created_on: Some(UnixTime::now()), idevid_issuer: Some(device.issuer.clone()), ..VoucherRequest::new(device.serial.clone()) }
    }

    fn sealed(&self, leaves: VoucherRequest) -> Vec<u8> {
        let party = SigningParty::with_chain(self.chain.clone(), self.key.clone());
        wait(party.seal(&leaves, Format::Cms)).unwrap().wire().to_vec()
    }
}

/// Status and body of the MASA's answer to a request, sent by whoever `client` is, with these fields.
pub(super) fn ask(port: u16, client: Option<&TlsIdentity>, fields: &[(&str, &str)], request: Vec<u8>) -> (u16, Vec<u8>) {
    let tls = provisional_config(client).unwrap();
    let mut head = http::Request::post("/.well-known/brski/requestvoucher").header("content-type", "application/voucher-cms+json");
    for (name, value) in fields {
        head = head.header(*name, *value);
    }
    let request = head.body(http_body_util::Full::new(request.into())).unwrap();
    let answer = wait(async {
        let mut connection = HttpsConnection::open(&format!("127.0.0.1:{port}"), tls, ClientLimits::default()).await.unwrap();
        connection.send(request).await.unwrap()
    });
    (answer.status().as_u16(), answer.body().to_vec())
}

/// A voucher, if the signer that `init` made signed it.
pub(super) fn voucher(folder: &Folder, body: Vec<u8>) -> Voucher {
    let signer = Certificate::all_from_pem(&folder.read("masa/certificates/voucher-signer.pem")).unwrap().swap_remove(0);
    let voucher: Signed<Voucher> = Signed::from_wire(Format::Cms, body);
    voucher.verify(&Verifier::strict(SignedBy::Holder(&signer)), UnixTime::now()).unwrap().get().clone()
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
