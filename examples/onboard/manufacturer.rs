//! The manufacturer: its PKI, its MASA with the ledger, its assembly line.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use aws_lc_rs::rand::fill;
use brski_common::evidence::Authorities;
use brski_common::issuing::{Subject, Template};
use brski_common::provenance::{Basis, Disclosure};
use brski_common::serve::TlsIdentity;
use brski_common::sign::SignatureAlgorithm::{EdDsa, Es256, Es384};
use brski_common::{Anchors, Certificate, Clock, Csr, EnrolledKey, Leniencies, Signer, SigningParty, SoftwareKey, UnixTime};
use brski_masa::ledger::SqliteLedger;
use brski_masa::{Masa, MasaParts, Station};
use brski_registrar::trust::Manufacturer as Profile;
use zeroize::Zeroizing;

use crate::factory::{Line, SiliconVendor, idevid_end};
use crate::folder::Folder;
use crate::hardware::Modules;
use crate::token::FactoryToken;
use crate::tpm::TpmVendor;

/// A manufacturer with everything it runs.
pub(crate) struct Manufacturer {
    pub(crate) masa: Arc<Masa>,
    pub(crate) line: Line,
    pub(crate) vendor: SiliconVendor,
    /// The MASA's TLS certificate path and key.
    pub(crate) tls: TlsIdentity,
    /// What it tells the registrars of its customers.
    pub(crate) profile: Profile,
    /// The certificate with which the MASA signs vouchers.
    pub(crate) voucher_signer: Certificate,
}

impl Manufacturer {
    /// Founds it: a three-level IDevID PKI, a voucher key, a provenance key, a TLS key, one enrolled station, one enrolled silicon vendor,
    /// and of these modules what is there.
    pub(crate) async fn found(folder: &Folder, masa_url: &str, modules: Modules, clock: Clock) -> Result<Self> {
        let now = clock.now();
        let root = CertificateMaker::root(folder, "manufacturer/idevid-root", "Fruitmaker IDevID root", Es384, now).await?;
        let devices = root.subordinate(folder, "manufacturer/idevid-devices", "Fruitmaker IDevID devices", 1, now).await?;
        let idevid_ca = devices.subordinate(folder, "manufacturer/idevid-plant-3", "Fruitmaker IDevID plant 3", 0, now).await?.with_masa_url(masa_url);
        let vendor_ca = devices.subordinate(folder, "silicon-vendor/idevid-ca", "Fruitmaker IDevID at Silicon Ltd", 0, now).await?.with_masa_url(masa_url);

        // A root for each purpose: the online TLS key must not be able to sign vouchers or statements.
        let voucher_root = CertificateMaker::root(folder, "manufacturer/voucher-root", "Fruitmaker voucher root", Es256, now).await?;
        let provenance_root = CertificateMaker::root(folder, "manufacturer/provenance-root", "Fruitmaker provenance root", Es256, now).await?;
        let tls_root = CertificateMaker::root(folder, "manufacturer/masa-tls-root", "Fruitmaker MASA TLS root", Es256, now).await?;
        let voucher = voucher_root.end_entity(folder, "manufacturer/voucher-signer", "Fruitmaker voucher signer", &[], &[], now).await?;
        let voucher_signer = voucher.identity.chain[0].clone();
        let provenance = provenance_root.end_entity(folder, "manufacturer/provenance-signer", "Fruitmaker provenance signer", &[], &[], now).await?;
        let tls = tls_root.end_entity(folder, "manufacturer/masa-tls", "Fruitmaker MASA", &["127.0.0.1".to_owned()], &["1.3.6.1.5.5.7.3.1"], now).await?;
        let tls = TlsIdentity::with_signer(&tls.identity.chain, tls.signer)?;

        let station = enrolled(folder, "manufacturer/plant-3-station-7", "plant-3-station-7")?;
        let lists = enrolled(folder, "silicon-vendor/logistics", "silicon-ltd-logistics")?;
        let (log_key, pkcs8) = SoftwareKey::generate(EdDsa)?;
        folder.write_key("manufacturer/log-key.pem", &pkcs8)?;
        let ledger = SqliteLedger::begin(folder.path("ledger.sqlite"), now, "Fruitmaker").context("the ledger")?;
        let tpm_vendor = if modules.tpm { Some(TpmVendor::found(folder, now).await?) } else { None };
        let authorities = tpm_vendor.as_ref().map(TpmVendor::authority).transpose()?;
        let masa = Masa::new(MasaParts {
            authority: masa_url.to_owned(),
            ledger: Arc::new(ledger),
            stations: vec![Station {
                // The station checks the silicon vendor's delivery lists itself.
                bases: vec![Basis::StationSigned, Basis::SeVendorAttested, Basis::KeyAttestation],
                without_evidence: true,
                ..Station::new(EnrolledKey { name: "plant-3-station-7".to_owned(), key: station.signer.public_key().clone() })
            }],
            // A report carries the IDevID alone, so that the MASA has to know every CA on the way up.
            idevid_anchors: Anchors::new([root.certificate(), devices.certificate(), idevid_ca.certificate(), vendor_ca.certificate()])?,
            lenient: Leniencies::default(),
            lines: brski_masa::ProductLines::one(brski_masa::ProductLine {
                disclosure: brski_masa::Levels { line: Disclosure::Customer, owner: Disclosure::Customer },
                ..brski_masa::ProductLine::new("everything", brski_masa::VoucherSigners::one(voucher), provenance)
            }),
            log_key: Arc::new(log_key),
            last_signed: Arc::new(brski_masa::LastSigned::in_file(folder.path("log-last-signed.txt"))),
            clock,
        });
        let masa = Arc::new(masa.with_authorities(Authorities::new(authorities)));

        let profile = Profile {
            name: "Fruitmaker".to_owned(),
            idevid_anchors: Anchors::new([root.certificate()])?,
            voucher_anchors: Anchors::new([voucher_root.certificate()])?,
            provenance_anchors: Anchors::new([provenance_root.certificate()])?,
            masa_tls_anchors: Anchors::new([tls_root.certificate()])?,
            masa_url: None,
            log_keys: Vec::new(),
            ignore_idevid_expiry: false,
            serial_source: Default::default(),
            lenient: Leniencies::default(),
        };
        let token = modules.token.then(FactoryToken::begin).transpose().context("the factory's token")?;
        let line = Line { masa: masa.clone(), station, idevid_ca, tpm_vendor, token, now };
        Ok(Self { masa, line, vendor: SiliconVendor { ca: vendor_ca, lists }, tls, profile, voucher_signer })
    }
}

/// A CA: its certificate path (its own first) and its key.
#[derive(Clone)]
pub(crate) struct CertificateMaker {
    chain: Vec<Certificate>,
    key: SoftwareKey,
    masa_url: Option<String>,
}

impl CertificateMaker {
    /// A self-signed root.
    pub(crate) async fn root(folder: &Folder, file: &str, name: &str, algorithm: brski_common::SignatureAlgorithm, now: UnixTime) -> Result<Self> {
        let (key, pkcs8) = SoftwareKey::generate(algorithm)?;
        folder.write_key(format!("{file}-key.pem"), &pkcs8)?;
        let template = Template::new(Subject::common_name(name), key.public_key(), *random()?, now, idevid_end());
        let certificate = template.ca(None).self_signed(&key).await?;
        folder.write_chain(format!("{file}.pem"), std::slice::from_ref(&certificate))?;
        Ok(Self { chain: vec![certificate], key, masa_url: None })
    }

    /// A CA below this one.
    pub(crate) async fn subordinate(&self, folder: &Folder, file: &str, name: &str, path_len: u8, now: UnixTime) -> Result<Self> {
        let (key, pkcs8) = SoftwareKey::generate(Es256)?;
        folder.write_key(format!("{file}-key.pem"), &pkcs8)?;
        let template = Template::new(Subject::common_name(name), key.public_key(), *random()?, now, idevid_end());
        let certificate = template.ca(Some(path_len)).issued_by(&self.certificate(), &self.key).await?;
        let chain: Vec<Certificate> = std::iter::once(certificate).chain(self.chain.iter().cloned()).collect();
        folder.write_chain(format!("{file}.pem"), &chain)?;
        Ok(Self { chain, key, masa_url: None })
    }

    /// Names this MASA in every certificate it makes.
    pub(crate) fn with_masa_url(self, url: &str) -> Self {
        Self { masa_url: Some(url.to_owned()), ..self }
    }

    /// Its own certificate.
    pub(crate) fn certificate(&self) -> Certificate {
        self.chain[0].clone()
    }

    /// An IDevID for the holder of the key that signed this request.
    pub(crate) async fn certify(&self, request: &Csr) -> Result<Vec<Certificate>> {
        let now = self.chain[0].not_before();
        let mut template = Template::new(Subject::from_der(request.subject_der())?, request.public_key(), *random()?, now, idevid_end());
        if let Some(url) = &self.masa_url {
            template = template.masa_url(url);
        }
        let certificate = template.issued_by(&self.chain[0], &self.key).await?;
        Ok(std::iter::once(certificate).chain(self.chain.iter().cloned()).collect())
    }

    /// A new key with a certificate, for a year.
    pub(crate) async fn end_entity(
        &self,
        folder: &Folder,
        file: &str,
        name: &str,
        alternative_names: &[String],
        usages: &[&str],
        now: UnixTime,
    ) -> Result<SigningParty> {
        let (key, pkcs8) = SoftwareKey::generate(Es256)?;
        folder.write_key(format!("{file}-key.pem"), &pkcs8)?;
        let end = brski_common::time::at(now.as_secs() + 365 * 86_400);
        let template = Template::new(Subject::common_name(name), key.public_key(), *random()?, now, end).alternative_names(alternative_names).usages(usages);
        let certificate = template.issued_by(&self.chain[0], &self.key).await?;
        let chain: Vec<Certificate> = std::iter::once(certificate).chain(self.chain.iter().cloned()).collect();
        folder.write_chain(format!("{file}.pem"), &chain)?;
        Ok(SigningParty::with_chain(chain, Arc::new(key)))
    }

    /// The key, for whoever runs this CA.
    pub(crate) fn signer(&self) -> Arc<dyn Signer> {
        Arc::new(self.key.clone())
    }

    /// Its certificate, then those above.
    pub(crate) fn chain(&self) -> &[Certificate] {
        &self.chain
    }
}

/// A new bare key under the name by which its signatures are known.
fn enrolled(folder: &Folder, file: &str, name: &str) -> Result<SigningParty> {
    let (key, pkcs8) = SoftwareKey::generate(Es256)?;
    folder.write_key(format!("{file}-key.pem"), &pkcs8)?;
    Ok(SigningParty::with_name(name, Arc::new(key)))
}

/// Octets from the system's random numbers.
pub(crate) fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>> {
    let mut octets = Zeroizing::new([0; N]);
    fill(&mut octets[..]).context("the system gives no random numbers")?;
    Ok(octets)
}
