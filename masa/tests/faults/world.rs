//! A manufacturer that `init` made, with devices, and an owner who asks for vouchers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use brski_common::issuing::{Subject, Template, never};
use brski_common::provenance::{Basis, KeyOrigin, Locus, ManufactureReport, Method, Protection, Source};
use brski_common::time::at;
use brski_common::{
    Assertion, Certificate, Format, IDevIdCert, Nonce, SerialNumber, SignatureAlgorithm, Signed, Signer as _, SigningParty, SoftwareKey, UnixTime,
    VoucherRequest,
};
use brski_masa::{Entry, Ledger as _, SqliteLedger};

use super::support::{Finished, Folder};

pub(crate) const MASA: &str = env!("CARGO_BIN_EXE_brski-masa");

/// The name of the log, as `init` makes it without further words.
pub(crate) const LOG: &str = "localhost:9443";

/// A folder with a manufacturer in `masa`, and the untouched files of its ledger in `pristine`.
pub(crate) struct World {
    pub(crate) folder: Folder,
    issuer: (Certificate, SoftwareKey),
    station: SigningParty,
    pub(crate) owner: Owner,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = Folder::new();
        folder.run(MASA, &["init"]).ok();
        folder.listen_anywhere("masa/masa.toml");
        folder.edit("masa/masa.toml", "vouchers-per-day = 50", "vouchers-per-day = 1000000");
        copy_folder(&folder.path("masa"), &folder.path("pristine"));
        let issuer = Certificate::all_from_pem(&folder.read("masa/certificates/idevid-issuer.pem")).unwrap().swap_remove(0);
        let key = |name: &str| SoftwareKey::from_pem(&folder.read(name)).unwrap();
        let station = SigningParty::with_name("station-1", Arc::new(key("masa/keys/station-1.pem")));
        Self { issuer: (issuer, key("masa/keys/idevid-issuer.pem")), station, owner: Owner::new(), folder }
    }

    /// Runs `brski-masa` to its end.
    pub(crate) fn masa(&self, arguments: &[&str]) -> Finished {
        self.folder.run(MASA, arguments)
    }

    /// A device with this serial number.
    pub(crate) fn device(&self, serial: &str) -> Device {
        let (key, _) = SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap();
        let subject = Subject::serial_number(&SerialNumber::new(serial).unwrap());
        let certificate = block_on(template(subject, &key).masa_url("localhost:9443").issued_by(&self.issuer.0, &self.issuer.1)).unwrap();
        Device { certificate, key }
    }

    /// What the station reports of it: one line for `record`.
    pub(crate) fn report(&self, device: &Device) -> String {
        let origin =
            KeyOrigin::new(Method::Avocado, Source::GeneratedOnDevice, Protection::NonExtractable, Locus::Tee, Basis::StationSigned, at(1_790_000_000));
        let origin = KeyOrigin { private_transfer: brski_common::provenance::Transfer::None, ..origin };
        let report = ManufactureReport { idevid: device.idevid(), origin: Some(origin) };
        let signed = block_on(self.station.seal(&report, Format::Jws)).unwrap();
        String::from_utf8(signed.wire().to_vec()).unwrap() + "\n"
    }

    /// The ledger, opened in this process.
    pub(crate) fn ledger(&self) -> SqliteLedger {
        SqliteLedger::open(self.folder.path("masa/ledger.sqlite"), LOG).unwrap()
    }

    /// Has the ledger verified by the program, as its users do.
    pub(crate) fn verify(&self) {
        self.masa(&["log", "verify"]).ok();
    }

    /// Begins again with an empty ledger.
    pub(crate) fn reset(&self) {
        std::fs::remove_dir_all(self.folder.path("masa")).unwrap();
        copy_folder(&self.folder.path("pristine"), &self.folder.path("masa"));
    }
}

/// Every entry of a ledger by its index.
pub(crate) fn entries(ledger: &SqliteLedger) -> BTreeMap<u64, Entry> {
    let (mut found, mut from) = (BTreeMap::new(), 0);
    loop {
        let page = block_on(ledger.entries(from, 4096)).unwrap();
        let Some((last, _)) = page.last() else { return found };
        from = last + 1;
        found.extend(page);
    }
}

/// A device and its key.
pub(crate) struct Device {
    certificate: Certificate,
    key: SoftwareKey,
}

impl Device {
    pub(crate) fn idevid(&self) -> IDevIdCert {
        IDevIdCert::new(self.certificate.clone()).unwrap()
    }
}

/// A domain with its registrar.
pub(crate) struct Owner {
    pub(crate) registrar: SigningParty,
}

impl Owner {
    fn new() -> Self {
        let (ca_key, key) = (new_key(), new_key());
        let ca = block_on(template(Subject::common_name("domain CA"), &ca_key).ca(None).self_signed(&ca_key)).unwrap();
        let usages = [brski_common::chain::ID_KP_CMC_RA, "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"];
        let registrar = block_on(template(Subject::common_name("registrar"), &key).usages(&usages).issued_by(&ca, &ca_key)).unwrap();
        Self { registrar: SigningParty::with_chain(vec![registrar, ca], Arc::new(key)) }
    }

    /// The registrar's request for a voucher, around the pledge's own.
    pub(crate) fn request(&self, device: &Device, nonce: &Nonce) -> Signed<VoucherRequest> {
        let now = now();
        let id = device.idevid().device().clone();
        let inner = VoucherRequest {
            assertion: Some(Assertion::Proximity),
            created_on: Some(now),
            nonce: Some(nonce.clone()),
            proximity_registrar_cert: self.registrar.identity.chain.first().cloned(),
            ..VoucherRequest::new(id.serial.clone())
        };
        let pledge = SigningParty::with_chain(vec![device.certificate.clone()], Arc::new(device.key.clone()));
        let inner = block_on(pledge.seal(&inner, Format::Cms)).unwrap();
        let outer = VoucherRequest {
            created_on: Some(now),
            nonce: Some(nonce.clone()),
            idevid_issuer: Some(id.issuer),
            prior_signed_voucher_request: Some(inner.wire().to_vec()),
            ..VoucherRequest::new(id.serial)
        };
        block_on(self.registrar.seal(&outer, Format::Cms)).unwrap()
    }
}

fn new_key() -> SoftwareKey {
    SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap().0
}

fn template(subject: Subject, key: &SoftwareKey) -> Template {
    let mut serial = [0; 16];
    serial.copy_from_slice(&key.public_key().digest().0[..16]);
    Template::new(subject, key.public_key(), serial, at(now().as_secs() - 86_400), never())
}

fn now() -> UnixTime {
    at(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs())
}

/// Runs a future that needs no runtime to its end on this thread.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut context = core::task::Context::from_waker(&waker);
    let mut future = core::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            core::task::Poll::Ready(value) => return value,
            core::task::Poll::Pending => std::thread::park(),
        }
    }
}

/// Copies a folder with all that is in it.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy_folder(&entry.path(), &to.join(entry.file_name())),
            false => drop(std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}
