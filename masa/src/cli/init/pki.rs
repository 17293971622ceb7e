//! The keys and certificates of a new manufacturer.

use anyhow::Context as _;
use brski_common::issuing::{Subject, Template, never};
use brski_common::serve::setup::NewFiles;
use brski_common::time::at;
use brski_common::{Certificate, PolicyOid, PublicKey, SignatureAlgorithm, Signer as _, SoftwareKey, UnixTime};
use zeroize::Zeroizing;

use super::vouching::{Mode, Vouching};

/// Everything a manufacturer signs with.
///
/// Each purpose has an anchor of its own, so that no key can stand in for another: whoever holds the TLS key cannot sign vouchers, and no IDevID can. Where voucher signers stand under
/// the IDevIDs' root, a certificate policy does the same.
pub(super) struct Pki {
    pub(super) idevid_root: Party,
    idevid_sub: Party,
    idevid_issuer: Party,
    pub(super) vouching: Vouching,
    nonceless_signer: Party,
    pub(super) provenance_ca: Party,
    pub(super) provenance_signer: Party,
    pub(super) tls_ca: Party,
    tls: Party,
    station: Key,
    log: Key,
}

/// A key and its certificate.
pub(super) struct Party {
    pub(super) certificate: Certificate,
    key: Key,
}

struct Key {
    signer: SoftwareKey,
    pkcs8: Zeroizing<Vec<u8>>,
}

impl Pki {
    /// Makes all keys and certificates.
    pub(super) async fn make(name: &str, hosts: &[String], now: UnixTime, mode: Mode, policy: Option<&PolicyOid>) -> anyhow::Result<Self> {
        let root = async |what: &str, depth| Party::root(new(name, what, now, never()), depth).await;
        let until = |years: u64| at(now.as_secs() + years * YEAR);

        let idevid_root = root("IDevID root", 2).await?;
        let idevid_sub = Party::under(&idevid_root, new(name, "IDevID sub CA", now, never()), |t| t.ca(Some(1))).await?;
        let idevid_issuer = Party::under(&idevid_sub, new(name, "IDevID issuing CA", now, never()), |t| t.ca(Some(0))).await?;
        let vouching = Vouching::make(name, mode, policy, &idevid_root, now).await?;
        let nonceless_signer = vouching.nonceless(name, now).await?;
        let provenance_ca = root("provenance CA", 0).await?;
        // A statement is read for as long as its device lives.
        let provenance_signer = Party::under(&provenance_ca, new(name, "provenance signer", now, never()), |t| t).await?;
        let tls_ca = root("MASA TLS CA", 0).await?;
        let tls = Party::under(&tls_ca, new(name, "MASA", now, until(5)), |t| t.usages(&[SERVER_AUTH]).alternative_names(hosts)).await?;
        let station = Key::generate(SignatureAlgorithm::Es256)?;
        // Checkpoints of logs can be signed with no other kind of key.
        let log = Key::generate(SignatureAlgorithm::EdDsa)?;
        Ok(Self { idevid_root, idevid_sub, idevid_issuer, vouching, nonceless_signer, provenance_ca, provenance_signer, tls_ca, tls, station, log })
    }

    /// Adds every key and certificate file.
    pub(super) fn add_to(&self, files: &mut NewFiles) {
        let chain = |parties: &[&Party]| parties.iter().map(|p| p.certificate.to_pem()).collect::<String>();
        for (name, party, path) in [
            ("idevid-root", &self.idevid_root, vec![]),
            ("idevid-sub", &self.idevid_sub, vec![]),
            ("idevid-issuer", &self.idevid_issuer, vec![&self.idevid_sub, &self.idevid_root]),
            ("nonceless-signer", &self.nonceless_signer, self.vouching.above_signer(&self.idevid_root)),
            ("provenance-ca", &self.provenance_ca, vec![]),
            ("provenance-signer", &self.provenance_signer, vec![]),
            ("tls-ca", &self.tls_ca, vec![]),
            ("tls", &self.tls, vec![]),
        ]
        .into_iter()
        .chain(self.vouching.parties(&self.idevid_root))
        {
            files.public(certificate_file(name), party.certificate.to_pem() + &chain(&path));
            let folder = if ONLINE.contains(&name) || name.starts_with("voucher-signer") { "keys" } else { OFFLINE_KEYS };
            files.private_key(format!("{folder}/{name}.pem"), &party.key.pkcs8);
        }
        files.public_key(certificate_file("station-1"), self.station.signer.public_key());
        files.private_key(STATION_KEY, &self.station.pkcs8);
        files.public_key(certificate_file("log"), self.log_key());
        files.private_key("keys/log.pem", &self.log.pkcs8);
    }

    /// The public key of the transparency log.
    pub(super) fn log_key(&self) -> &PublicKey {
        self.log.signer.public_key()
    }

    /// What others will trust for vouchers besides the IDevIDs' root, with the names of the files.
    fn own_voucher_anchors(&self) -> Vec<(&'static str, &Party)> {
        let mut anchors = self.vouching.own_anchors();
        if self.vouching.above_signer(&self.idevid_root).is_empty() {
            anchors.push(("nonceless-signer", &self.nonceless_signer));
        }
        anchors
    }

    /// Under which vouchers are verified, those without nonce included.
    pub(super) fn voucher_anchors(&self) -> Vec<&Certificate> {
        let mut anchors = self.vouching.anchors(&self.idevid_root);
        if self.vouching.above_signer(&self.idevid_root).is_empty() {
            anchors.push(&self.nonceless_signer.certificate);
        }
        anchors
    }

    /// The certificates that others will trust, with the names of their files.
    pub(super) fn certificates(&self) -> impl Iterator<Item = (&'static str, &Certificate)> {
        let first = core::iter::once(("idevid-root", &self.idevid_root));
        let others = [("provenance-ca", &self.provenance_ca), ("tls-ca", &self.tls_ca)];
        let anchors = first.chain(self.own_voucher_anchors()).chain(others);
        anchors.map(|(name, party)| (name, &party.certificate))
    }
}

/// Where a certificate is, relative to the manufacturer's folder.
pub(super) fn certificate_file(name: &str) -> String {
    format!("certificates/{name}.pem")
}

impl Party {
    pub(super) async fn root(blank: impl FnOnce(&PublicKey) -> anyhow::Result<Template>, depth: u8) -> anyhow::Result<Self> {
        let key = Key::generate(SignatureAlgorithm::Es256)?;
        let certificate = blank(key.signer.public_key())?.ca(Some(depth)).self_signed(&key.signer).await?;
        Ok(Self { certificate, key })
    }

    /// An end-entity certificate that nothing stands above.
    pub(super) async fn alone(blank: impl FnOnce(&PublicKey) -> anyhow::Result<Template>) -> anyhow::Result<Self> {
        let key = Key::generate(SignatureAlgorithm::Es256)?;
        let certificate = blank(key.signer.public_key())?.self_signed(&key.signer).await?;
        Ok(Self { certificate, key })
    }

    pub(super) async fn under(
        issuer: &Self,
        blank: impl FnOnce(&PublicKey) -> anyhow::Result<Template>,
        complete: impl FnOnce(Template) -> Template,
    ) -> anyhow::Result<Self> {
        let key = Key::generate(SignatureAlgorithm::Es256)?;
        let template = complete(blank(key.signer.public_key())?);
        let certificate = template.issued_by(&issuer.certificate, &issuer.key.signer).await?;
        Ok(Self { certificate, key })
    }
}

impl Key {
    fn generate(algorithm: SignatureAlgorithm) -> anyhow::Result<Self> {
        let (signer, pkcs8) = SoftwareKey::generate(algorithm)?;
        Ok(Self { signer, pkcs8 })
    }
}

/// A certificate to be, of the manufacturer `name`, that still lacks its key.
pub(super) fn new(name: &str, what: &str, not_before: UnixTime, not_after: UnixTime) -> impl FnOnce(&PublicKey) -> anyhow::Result<Template> {
    let subject = Subject::common_name(&format!("{name} {what}")).and_organization(name);
    move |key| Ok(Template::new(subject, key, super::super::random_serial().context("a certificate's serial number")?, not_before, not_after))
}

/// The private key of the first station.
pub(super) const STATION_KEY: &str = "keys/station-1.pem";

/// Private keys that serving does not need: those of CAs, and of the signer of vouchers without nonce.
pub(super) const OFFLINE_KEYS: &str = "keys/offline";

/// With the voucher signers.
const ONLINE: [&str; 3] = ["idevid-issuer", "provenance-signer", "tls"];
const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
pub(super) const YEAR: u64 = 365 * 86_400;
