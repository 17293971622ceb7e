//! The assembly line: makes one pledge by each method of the taxonomy, doing what the method says, and reports each to the MASA.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use brski_common::evidence::{DeliveredElement, DeliveryList};
use brski_common::issuing::{Subject, never};
use brski_common::provenance::{
    Basis, CaArrangement, FindingResult, KeyOrigin, Lock, Locus, ManufactureReport, Protection, ProvenanceStatement, SecureElementGeneration, Seed, Source,
    Text, Transfer,
};
use brski_common::sign::SignatureAlgorithm::Es256;
use brski_common::{
    BoxFuture, Certificate, Csr, EnrolledKey, Format, IDevIdCert, Leniencies, Method, PublicKey, SerialNumber, SignError, Signature, SignatureAlgorithm,
};
use brski_common::{Signed, SignedBy, Signer, SigningParty, SoftwareKey, UnixTime, Verifier, csr};
use brski_masa::Masa;
use zeroize::Zeroizing;

use crate::manufacturer::{CertificateMaker, random};
use crate::token::{self, FactoryToken};
use crate::tpm::{TpmKey, TpmVendor};

/// A pledge as it leaves the factory.
pub(crate) struct Device {
    /// What the table calls it.
    pub(crate) name: &'static str,
    /// Its IDevID, then the CA certificates above.
    pub(crate) chain: Vec<Certificate>,
    /// Its IDevID key, wherever that lives.
    pub(crate) signer: Arc<dyn Signer>,
    /// The key's octets, for the keys that can leave their device.
    pub(crate) extractable_key: Option<Zeroizing<Vec<u8>>>,
    /// What the MASA answered to the line.
    pub(crate) statement: Option<Signed<ProvenanceStatement>>,
    /// Whether the line stored the statement in the pledge, which then shows it itself.
    pub(crate) carries_statement: bool,
}

/// One assembly line with its enrolled station key.
pub(crate) struct Line {
    pub(crate) masa: Arc<Masa>,
    pub(crate) station: SigningParty,
    pub(crate) idevid_ca: CertificateMaker,
    /// Whose TPMs are soldered on; stand-ins for secure elements are, if there is none.
    pub(crate) tpm_vendor: Option<TpmVendor>,
    /// Makes keys for the devices that cannot; a program of the factory does, if there is none.
    pub(crate) token: Option<FactoryToken>,
    pub(crate) now: UnixTime,
}

impl Line {
    /// **Avocado**: the device makes its key and sends a CSR; only the certificate travels back.
    pub(crate) async fn avocado(&self, serial: &str) -> Result<Device> {
        let (on_device, pkcs8) = SoftwareKey::generate(Es256)?;
        let chain = self.certified(serial, &on_device).await?;

        let mut origin = self.origin(Method::Avocado, Source::GeneratedOnDevice, Protection::ExtractableForStorage, Locus::Tee, Basis::StationSigned)?;
        origin.certificate_transfer = Transfer::MechanicallyTransferred;
        origin.private_transfer = Transfer::None;
        origin.lock = Lock::Fuse;
        let statement = self.report(&chain, Some(origin)).await?;
        Ok(Device { name: "avocado", chain, signer: Arc::new(on_device), extractable_key: Some(pkcs8), statement, carries_statement: true })
    }

    /// **Bamboo**: the factory makes the key, has it certified, and installs both.
    ///
    /// With a token, the key leaves it wrapped for this one device, and is destroyed in it. What the token says of the key it made goes into the report: that it made the key, and that
    /// the key could leave. It does not tell how the device holds it.
    pub(crate) async fn bamboo(&self, serial: &str) -> Result<Device> {
        let mut origin = self.origin(Method::Bamboo, Source::Loaded, Protection::NoneSoftware, Locus::Factory, Basis::StationSigned)?;
        let (chain, installed) = match &self.token {
            Some(token) => {
                let (at_factory, attributes) = token.make(serial)?;
                let chain = self.certified(serial, &at_factory).await?;
                drop(at_factory);
                (origin.pkcs11, origin.transfer_encrypted) = (Some(attributes), Some(true));
                let transport = random()?;
                let wrapped = token.hand_over(serial, &transport)?;
                (chain, token::unwrap(&transport, &wrapped)?)
            }
            None => {
                let (at_factory, pkcs8) = SoftwareKey::generate(Es256)?;
                origin.transfer_encrypted = Some(false);
                (self.certified(serial, &at_factory).await?, pkcs8)
            }
        };
        let on_device = SoftwareKey::from_der(&installed)?;

        origin.certificate_transfer = Transfer::MechanicallyInstalled;
        origin.private_transfer = Transfer::MechanicallyInstalled;
        origin.key_retained = Some(false);
        let statement = self.report(&chain, Some(origin)).await?;
        Ok(Device { name: "bamboo", chain, signer: Arc::new(on_device), extractable_key: Some(installed), statement, carries_statement: false })
    }

    /// **Carrot**: the silicon vendor fuses a seed and couriers a copy; device and factory derive the same key, then the factory wipes its copies.
    pub(crate) async fn carrot(&self, serial: &str) -> Result<Device> {
        let fused: Zeroizing<[u8; 32]> = random()?;
        let couriered = fused.clone();
        let on_device = SoftwareKey::derive_p256(&fused, serial.as_bytes())?;
        let chain = {
            let at_factory = SoftwareKey::derive_p256(&couriered, serial.as_bytes())?;
            self.certified(serial, &at_factory).await?
            // Here the factory's private copy ends.
        };
        drop(couriered);
        ensure!(chain[0].public_key() == *on_device.public_key(), "device and factory derived different keys from one seed");

        let mut origin = self.origin(Method::Carrot, Source::CoGenerated, Protection::ExtractableForStorage, Locus::MainCpu, Basis::StationSigned)?;
        origin.certificate_transfer = Transfer::MechanicallyInstalled;
        origin.private_transfer = Transfer::MechanicallyTransferred;
        origin.seed = Some(Seed { bits: 256, storage: Some(Text::new("one-time fuses")?), copies_destroyed: Some(true), batch: None });
        origin.key_retained = Some(false);
        let statement = self.report(&chain, Some(origin)).await?;
        Ok(Device { name: "carrot", chain, signer: Arc::new(on_device), extractable_key: None, statement, carries_statement: false })
    }

    /// **Salak**: a secure element or a TPM on the board makes the key and signs the CSR; the key never leaves it. A TPM attests that, its folder being this one.
    pub(crate) async fn salak(&self, serial: &str, folder: PathBuf) -> Result<Device> {
        let mut origin = self.origin(Method::Salak, Source::GeneratedOnDevice, Protection::NonExtractable, Locus::SecureElement, Basis::StationSigned)?;
        let element: Arc<dyn Signer> = match &self.tpm_vendor {
            Some(vendor) => {
                let key = TpmKey::make(vendor, folder).await.context("salak's TPM")?;
                let (evidence, public) = key.attest()?;
                (origin.locus, origin.basis) = (Locus::DiscreteTpm, Basis::KeyAttestation);
                (origin.evidence, origin.tpma_object) = (vec![evidence], Some(public.attributes()));
                Arc::new(key)
            }
            None => Arc::new(SecureElement::power_on()?),
        };
        let chain = self.certified(serial, &element).await?;

        origin.certificate_transfer = Transfer::MechanicallyTransferred;
        origin.private_transfer = Transfer::None;
        origin.se_generation = Some(SecureElementGeneration::Internal);
        let statement = self.report(&chain, Some(origin)).await?;
        let said = statement.as_ref().map(|statement| statement.peek_unverified(Leniencies::default())).transpose()?;
        let attested = said.is_some_and(|said| said.evidence == Some(FindingResult::Supports));
        ensure!(attested == self.tpm_vendor.is_some(), "the MASA did not find that the TPM's attestation supports the report");
        Ok(Device { name: "salak", chain, signer: element, extractable_key: None, statement, carries_statement: true })
    }

    /// **Sapodilla**: a silicon vendor delivers elements with keys and certificates in them, and a signed list of what it delivered.
    pub(crate) async fn sapodilla(&self, vendor: &SiliconVendor, serial: &str) -> Result<Device> {
        let (delivery, mut reel) = vendor.deliver("reel 2026-0815", &[serial], self.now).await?;
        let enrolled = [vendor.list_key()];
        let delivery = delivery.verify(&Verifier::strict(SignedBy::Enrolled(&enrolled)), self.now).context("the delivery list")?;
        let (element, chain) = reel.pop().context("the reel is empty")?;
        ensure!(delivery.get().holds(&chain[0]), "the element with {} is not on the delivery list", chain[0].subject());
        ensure!(*element.public_key() == chain[0].public_key(), "the element's certificate is for another key");

        let mut origin =
            self.origin(Method::Sapodilla, Source::GeneratedOnDevice, Protection::NonExtractable, Locus::SecureElement, Basis::SeVendorAttested)?;
        origin.certificate_transfer = Transfer::None;
        origin.private_transfer = Transfer::None;
        origin.se_generation = Some(delivery.get().se_generation);
        origin.ca_arrangement = Some(delivery.get().ca_arrangement);
        origin.batch = Some(Text::new(delivery.get().delivery.clone())?);
        origin.silicon_vendor = Some(Text::new("Silicon Ltd")?);
        let statement = self.report(&chain, Some(origin)).await?;
        Ok(Device { name: "sapodilla", chain, signer: Arc::new(element), extractable_key: None, statement, carries_statement: false })
    }

    /// A device of the installed base: its serial number is known, but nobody wrote down how its key was made.
    pub(crate) async fn unrecorded(&self, serial: &str) -> Result<Device> {
        let (key, pkcs8) = SoftwareKey::generate(Es256)?;
        let chain = self.certified(serial, &key).await?;
        let statement = self.report(&chain, None).await?;
        Ok(Device { name: "unrecorded", chain, signer: Arc::new(key), extractable_key: Some(pkcs8), statement, carries_statement: false })
    }

    /// A bamboo pledge into which somebody copied the statement of an avocado.
    pub(crate) async fn impostor(&self, serial: &str, other: &Device) -> Result<Device> {
        let own = self.bamboo(serial).await?;
        Ok(Device { name: "impostor", statement: other.statement.clone(), carries_statement: true, ..own })
    }

    /// The IDevID of the device that holds this key, and those above.
    async fn certified(&self, serial: &str, key: &dyn Signer) -> Result<Vec<Certificate>> {
        let request = csr::request(&subject(serial)?, key).await?;
        self.idevid_ca.certify(&Csr::from_der(&request)?).await
    }

    fn origin(&self, method: Method, source: Source, protection: Protection, locus: Locus, basis: Basis) -> Result<KeyOrigin> {
        let mut origin = KeyOrigin::new(method, source, protection, locus, basis, self.now);
        origin.site = Some(Text::new("Plant 3")?);
        origin.line = Some(Text::new("SMT 7")?);
        Ok(origin)
    }

    /// Signs a report with the station's key and hands it to the MASA, which answers once the record is durable.
    async fn report(&self, chain: &[Certificate], origin: Option<KeyOrigin>) -> Result<Option<Signed<ProvenanceStatement>>> {
        let report = ManufactureReport { idevid: IDevIdCert::new(chain[0].clone())?, origin };
        let report = self.station.seal(&report, Format::Jws).await?;
        Ok(self.masa.record(&report).await?.statement)
    }
}

/// Stands in for a secure element: makes its key inside and never gives it out.
struct SecureElement(SoftwareKey);

impl SecureElement {
    fn power_on() -> Result<Self> {
        Ok(Self(SoftwareKey::generate(Es256)?.0))
    }
}

impl Signer for SecureElement {
    fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm()
    }

    fn sign<'a>(&'a self, tbs: &'a [u8]) -> BoxFuture<'a, Result<Signature, SignError>> {
        self.0.sign(tbs)
    }
}

/// Makes secure elements, and operates a CA for the device's manufacturer to certify the keys in them.
pub(crate) struct SiliconVendor {
    pub(crate) ca: CertificateMaker,
    pub(crate) lists: SigningParty,
}

impl SiliconVendor {
    /// A reel of elements, one for each serial number, and the list that goes with it.
    async fn deliver(&self, name: &str, serials: &[&str], now: UnixTime) -> Result<(Signed<DeliveryList>, Vec<(SecureElement, Vec<Certificate>)>)> {
        let mut reel = Vec::new();
        for serial in serials {
            let element = SecureElement::power_on()?;
            let request = csr::request(&subject(serial)?, &element).await?;
            let chain = self.ca.certify(&Csr::from_der(&request)?).await?;
            reel.push((element, chain));
        }
        let list = DeliveryList {
            delivery: name.to_owned(),
            se_generation: SecureElementGeneration::Internal,
            ca_arrangement: CaArrangement::SiliconOperatesForOem,
            made_at: now,
            elements: reel.iter().map(|(_, chain)| DeliveredElement { certificate: chain[0].clone() }).collect(),
        };
        Ok((self.lists.seal(&list, Format::Jws).await?, reel))
    }

    /// The key that signs its delivery lists, as the manufacturer enrolled it.
    fn list_key(&self) -> EnrolledKey {
        EnrolledKey { name: self.lists.identity.key_name.clone().unwrap_or_default(), key: self.lists.signer.public_key().clone() }
    }
}

fn subject(serial: &str) -> Result<Vec<u8>> {
    Ok(Subject::serial_number(&SerialNumber::new(serial)?).and_organization("Fruitmaker").to_der())
}

/// An IDevID has no well-defined end (RFC 8995, section 2.3; IEEE 802.1AR).
pub(crate) fn idevid_end() -> UnixTime {
    never()
}
