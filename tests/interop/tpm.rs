//! What a TPM certifies of keys in it, honest and forged.

use brski_common::evidence::tpm::appraise;
use brski_common::evidence::{Agreement, Authorities, Authority, Claims, EvidenceError, Expected, Made, Nonced, agree};
use brski_common::issuing::{Subject, Template, never};
use brski_common::provenance::{Basis, KeyOrigin, Locus, Method, Protection, Source};
use brski_common::time::at;
use brski_common::{Anchors, Certificate, PublicKey, SignatureAlgorithm, Signer as _, SoftwareKey, UnixTime, VerifyError};

use crate::openssl::OpenSsl;
use crate::tool::tool;
use crate::tpm2::Tpm;

const NONCE: &[u8] = b"a nonce of the registrar";
const AK: u32 = 0x8101_0002;
pub(crate) const KEY: u32 = 0x8101_0003;
pub(crate) const IMPORTED: u32 = 0x8101_0004;
const PRETENDING: u32 = 0x8101_0005;

/// A device's TPM with its attestation key, certified by a vendor, and a key that was made in it.
pub(crate) struct Device {
    pub(crate) tpm: Tpm,
    vendor: Certificate,
    pub(crate) certs: Vec<Certificate>,
}

impl Device {
    /// With an attestation key of this kind, as `tpm2_createak` calls it.
    async fn with(attestation_key: &str) -> Option<Self> {
        tool("openssl")?;
        let tpm = Tpm::start()?;
        tpm.run("createek -c 0x81010001 -G ecc -u ek.pub");
        tpm.run(&format!("createak -C 0x81010001 -c ak.ctx -g sha256 {attestation_key} -u ak.pub -n ak.name"));
        tpm.run("evictcontrol -C o -c ak.ctx 0x81010002");
        tpm.run("createprimary -C o -c primary.ctx -G ecc");
        tpm.run("create -C primary.ctx -G ecc256:ecdsa -u key.pub -r key.priv --creation-data key.creation -d key.hash -t key.ticket");
        tpm.run("load -C primary.ctx -u key.pub -r key.priv -c key.ctx");
        tpm.run("evictcontrol -C o -c key.ctx 0x81010003");

        let yesterday = at(UnixTime::now().as_secs() - 86_400);
        let [vendor_key, ca_key] = [(); 2].map(|()| SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap().0);
        let template = |name, key: &PublicKey, serial| Template::new(Subject::common_name(name), key, [serial; 16], yesterday, never());
        let vendor = template("TPM vendor", vendor_key.public_key(), 1).ca(None).self_signed(&vendor_key).await.unwrap();
        let ca = template("AK CA", ca_key.public_key(), 2).ca(Some(0)).issued_by(&vendor, &vendor_key).await.unwrap();
        let ak = template("AK", &tpm.key("0x81010002"), 3).usages(&["2.23.133.8.3"]).issued_by(&ca, &ca_key).await.unwrap();
        Some(Self { tpm, vendor, certs: vec![ak, ca] })
    }

    pub(crate) async fn new() -> Option<Self> {
        Self::with("-G ecc -s ecdsa").await
    }

    /// Puts a key of `openssl` into the TPM, with these options of `tpm2_import`.
    pub(crate) fn import(&self, options: &str, handle: u32) -> PublicKey {
        let openssl = OpenSsl::find().unwrap();
        openssl.run("ecparam -name prime256v1 -genkey -noout -out outside.pem");
        self.tpm.write("outside.pem", openssl.read("outside.pem"));
        self.tpm.run(&format!("import -C primary.ctx -G ecc -i outside.pem -u imported.pub -r imported.priv {options}"));
        self.tpm.run("load -C primary.ctx -u imported.pub -r imported.priv -c imported.ctx");
        self.tpm.run(&format!("evictcontrol -C o -c imported.ctx {handle:#x}"));
        openssl.run("ec -in outside.pem -pubout -out outside.pub");
        PublicKey::from_pem(&openssl.text("outside.pub")).unwrap()
    }

    /// What TPM2_Certify says of an object, as a statement with this public area.
    pub(crate) fn certified(&self, object: u32, nonce: &[u8], public: &str) -> Vec<u8> {
        let (attest, signature) = self.tpm.certify(object, AK, nonce);
        statement(&attest, &signature, &self.tpm.public_octets(public))
    }

    fn key(&self) -> PublicKey {
        self.tpm.key("0x81010003")
    }

    pub(crate) fn authorities(&self, locus: Locus) -> Authorities {
        let anchors = Anchors::new([self.vendor.clone()]).unwrap();
        Authorities::new([Authority { name: "vendor".to_owned(), anchors, basis: Basis::KeyAttestation, locus: Some(locus), unmarked_attestation_keys: false }])
    }

    fn appraise(&self, stmt: &[u8], key: &PublicKey) -> Result<Claims, EvidenceError> {
        let expected = Expected { key, nonce: Some(NONCE) };
        appraise(stmt, &self.certs, &expected, &self.authorities(Locus::DiscreteTpm), UnixTime::now())
    }
}

/// The statement of an attestation bundle, by an encoder of its own.
fn statement(attest: &[u8], signature: &[u8], public: &[u8]) -> Vec<u8> {
    let element = |tag: u8, content: &[u8]| [&[tag, 0x82][..], &u16::try_from(content.len()).unwrap().to_be_bytes(), content].concat();
    // Lengths below 256 octets are written shorter in DER.
    let octets = |content: &[u8]| match u8::try_from(content.len()) {
        Ok(short @ 0..128) => [&[0x04, short][..], content].concat(),
        Ok(longer) => [&[0x04, 0x81, longer][..], content].concat(),
        Err(_) => element(0x04, content),
    };
    let content = [octets(attest), octets(signature), octets(public)].concat();
    match u8::try_from(content.len()) {
        Ok(short) => [&[0x30, 0x81, short][..], &content].concat(),
        Err(_) => element(0x30, &content),
    }
}

fn reported(locus: Locus) -> KeyOrigin {
    KeyOrigin::new(Method::Salak, Source::GeneratedOnDevice, Protection::NonExtractable, locus, Basis::StationSigned, UnixTime::now())
}

#[tokio::test]
async fn key_that_a_tpm_made_is_appraised_as_made_inside() {
    let Some(device) = Device::new().await else { return };
    let claims = device.appraise(&device.certified(KEY, NONCE, "key.pub"), &device.key()).unwrap();
    assert_eq!((claims.made, claims.protection, claims.nonced), (Made::Inside, Protection::NonExtractable, Nonced::Fresh));
    assert_eq!(agree(&reported(Locus::DiscreteTpm), &claims), Agreement::Supports);
}

#[tokio::test]
async fn creation_that_a_tpm_certifies_is_appraised_as_made_inside() {
    let Some(device) = Device::new().await else { return };
    let nonce: String = NONCE.iter().map(|octet| format!("{octet:02x}")).collect();
    device.tpm.run(&format!(
        "certifycreation -C 0x81010002 -c 0x81010003 -d key.hash -t key.ticket -g sha256 -o creation.sig --attestation creation.attest -q {nonce}"
    ));
    let stmt = statement(&device.tpm.read("creation.attest"), &device.tpm.read("creation.sig"), &device.tpm.public_octets("key.pub"));
    let claims = device.appraise(&stmt, &device.key()).unwrap();
    assert_eq!((claims.made, claims.nonced), (Made::Inside, Nonced::Fresh));
    assert!(claims.details.contains(&("command".to_owned(), "TPM2_CertifyCreation".to_owned())));
}

#[tokio::test]
async fn rsa_attestation_key_certifies_as_well() {
    let Some(device) = Device::with("-G rsa -s rsassa").await else { return };
    let (attest, signature) = device.tpm.certify(KEY, AK, NONCE);
    let public = device.tpm.public_octets("key.pub");
    assert_eq!(device.appraise(&statement(&attest, &signature, &public), &device.key()).unwrap().made, Made::Inside);
    // As the draft's example has it: without algorithm, hash and length.
    assert_eq!(device.appraise(&statement(&attest, &signature[6..], &public), &device.key()).unwrap().made, Made::Inside);
}

#[tokio::test]
async fn imported_key_is_certified_by_the_tpm_and_does_not_pass_for_one_made_inside() {
    let Some(device) = Device::new().await else { return };
    for (options, handle, made) in [("", IMPORTED, Made::Outside), ("-a sensitivedataorigin|sign|userwithauth", PRETENDING, Made::Unsaid)] {
        let key = device.import(options, handle);
        let claims = device.appraise(&device.certified(handle, NONCE, "imported.pub"), &key).unwrap();
        assert_eq!((claims.made, claims.protection), (made, Protection::ExtractableMigratable));
        assert!(matches!(agree(&reported(Locus::DiscreteTpm), &claims), Agreement::Contradicts(_)));
    }
}

#[tokio::test]
async fn imported_key_in_the_public_area_of_an_honest_one_is_refused() {
    let Some(device) = Device::new().await else { return };
    let imported = device.import("", IMPORTED);
    let with_honest_area = device.certified(IMPORTED, NONCE, "key.pub");
    assert!(matches!(device.appraise(&with_honest_area, &imported), Err(EvidenceError::OtherKey { .. })));
    // The imported key's area, with the attributes of one that was made inside.
    let (attest, signature) = device.tpm.certify(IMPORTED, AK, NONCE);
    let mut forged = device.tpm.public_octets("imported.pub");
    forged[4..8].copy_from_slice(&device.tpm.public_octets("key.pub")[4..8]);
    assert!(matches!(device.appraise(&statement(&attest, &signature, &forged), &imported), Err(EvidenceError::OtherKey { .. })));
}

#[tokio::test]
async fn certification_counts_for_its_own_key_and_nonce_alone() {
    let Some(device) = Device::new().await else { return };
    let other = SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap().0;
    let honest = device.certified(KEY, NONCE, "key.pub");
    assert!(matches!(device.appraise(&honest, other.public_key()), Err(EvidenceError::OtherKey { .. })));
    let stale = device.certified(KEY, b"an older nonce", "key.pub");
    assert!(matches!(device.appraise(&stale, &device.key()), Err(EvidenceError::Stale { .. })));
}

#[tokio::test]
async fn certification_counts_under_its_own_attestation_key_and_authority_alone() {
    let Some(device) = Device::new().await else { return };
    let other = Device::new().await.unwrap();
    let honest = device.certified(KEY, NONCE, "key.pub");
    let key = device.key();
    let expected = Expected { key: &key, nonce: Some(NONCE) };
    let untrusted = |certs: &[Certificate], authorities: &Authorities| match appraise(&honest, certs, &expected, authorities, UnixTime::now()) {
        Err(EvidenceError::Untrusted { source, .. }) => source,
        other => panic!("{other:?}"),
    };
    let [own, others] = [&device, &other].map(|device| device.authorities(Locus::DiscreteTpm));
    assert!(matches!(untrusted(&other.certs, &others), VerifyError::BadSignature { .. }));
    assert!(matches!(untrusted(&device.certs, &others), VerifyError::NoPath { .. }));
    assert!(matches!(untrusted(&device.certs[..1], &own), VerifyError::NoPath { .. }));
    assert!(matches!(untrusted(&[], &own), VerifyError::UnknownSigner { .. }));
}

#[tokio::test]
async fn no_bit_of_a_certification_may_change() {
    let Some(device) = Device::new().await else { return };
    let (honest, key) = (device.certified(KEY, NONCE, "key.pub"), device.key());
    assert!(device.appraise(&honest, &key).is_ok());
    for index in 0..honest.len() * 8 {
        let mut forged = honest.clone();
        forged[index / 8] ^= 1 << (index % 8);
        assert!(device.appraise(&forged, &key).is_err(), "bit {index}");
    }
}

#[tokio::test]
async fn authority_for_firmware_tpms_contradicts_a_report_of_a_discrete_one() {
    let Some(device) = Device::new().await else { return };
    let (honest, key) = (device.certified(KEY, NONCE, "key.pub"), device.key());
    let expected = Expected { key: &key, nonce: Some(NONCE) };
    let claims = appraise(&honest, &device.certs, &expected, &device.authorities(Locus::FirmwareTpm), UnixTime::now()).unwrap();
    assert!(matches!(agree(&reported(Locus::DiscreteTpm), &claims), Agreement::Contradicts(_)));
    assert_eq!(agree(&reported(Locus::FirmwareTpm), &claims), Agreement::Supports);
}
