//! A TPM in a device makes the key of its LDevID and certifies it in answer to the registrar's nonce; `curl` enrols over HTTPS.

use brski_common::evidence::tpm::TCG_ATTEST_TPM_CERTIFY;
use brski_common::evidence::{AttestationBundle, AttestationStatement};
use brski_common::provenance::{EvidenceType, Locus};
use brski_common::{BoxFuture, PublicKey, SignError, Signature, SignatureAlgorithm, Signer};

use crate::csr_attestation::{demanding, enroll, nonce};
use crate::curl::Reply;
use crate::pledge::certificates_in;
use crate::tpm::{Device, IMPORTED, KEY};
use crate::tpm2::Tpm;
use crate::world::World;

/// A key in a TPM, which signs there.
struct KeyInTpm<'a> {
    tpm: &'a Tpm,
    handle: u32,
    public: PublicKey,
}

impl<'a> KeyInTpm<'a> {
    fn at(tpm: &'a Tpm, handle: u32) -> Self {
        Self { tpm, handle, public: tpm.key(&format!("{handle:#x}")) }
    }
}

impl Signer for KeyInTpm<'_> {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::Es256
    }

    fn sign<'a>(&'a self, tbs: &'a [u8]) -> BoxFuture<'a, Result<Signature, SignError>> {
        self.tpm.write("tbs", tbs);
        self.tpm.run(&format!("sign -c {:#x} -g sha256 -s ecdsa -o tbs.sig tbs", self.handle));
        // TPMT_SIGNATURE: algorithm and hash, then r and s, each after its number of octets.
        let signed = self.tpm.read("tbs.sig");
        let (r, rest) = integer(&signed[4..]);
        let (s, _) = integer(rest);
        Box::pin(core::future::ready(Ok(Signature::from_fixed(SignatureAlgorithm::Es256, [r, s].concat()).unwrap())))
    }
}

/// A TPM2B_ECC_PARAMETER as 32 octets, and what follows it.
fn integer(octets: &[u8]) -> ([u8; 32], &[u8]) {
    let (length, rest) = octets.split_first_chunk().unwrap();
    let (value, rest) = rest.split_at(u16::from_be_bytes(*length).into());
    let mut fixed = [0; 32];
    fixed[32 - value.len()..].copy_from_slice(value);
    (fixed, rest)
}

/// The device's TPM certifies the key at this handle, whose public area is in this file, and the device asks for its certificate.
async fn enroll_certified(world: &World, device: &Device, handle: u32, public: &str, nonce: &[u8]) -> Reply {
    let statement = AttestationStatement { kind: EvidenceType::new(TCG_ATTEST_TPM_CERTIFY).unwrap(), der: device.certified(handle, nonce, public) };
    let bundle = AttestationBundle::new(&[statement], &device.certs).unwrap();
    enroll(world, &KeyInTpm::at(&device.tpm, handle), &bundle).await
}

fn refused(reply: &Reply, words: &str) {
    assert_eq!(reply.status, 403, "{reply:?}");
    assert!(reply.text().contains(words), "{reply:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn key_that_the_tpm_made_gets_its_certificate() {
    let Some(device) = Device::new().await else { return };
    let Some(world) = demanding(device.authorities(Locus::DiscreteTpm)).await else { return };
    let reply = enroll_certified(&world, &device, KEY, "key.pub", &nonce(&world)).await;
    let [ldevid] = &certificates_in(&world.openssl, &reply)[..] else { panic!("more than the LDevID") };
    assert_eq!(ldevid.public_key(), device.tpm.key("0x81010003"));
}

#[tokio::test(flavor = "multi_thread")]
async fn key_that_was_imported_into_the_tpm_gets_none() {
    let Some(device) = Device::new().await else { return };
    let Some(world) = demanding(device.authorities(Locus::DiscreteTpm)).await else { return };
    device.import("", IMPORTED);
    let reply = enroll_certified(&world, &device, IMPORTED, "imported.pub", &nonce(&world)).await;
    refused(&reply, "says that the key was put in, and this owner demands one that was made inside");
}

#[tokio::test(flavor = "multi_thread")]
async fn certification_in_answer_to_an_earlier_nonce_or_none_gets_no_certificate() {
    let Some(device) = Device::new().await else { return };
    let Some(world) = demanding(device.authorities(Locus::DiscreteTpm)).await else { return };
    let earlier = nonce(&world);
    nonce(&world);
    refused(&enroll_certified(&world, &device, KEY, "key.pub", &earlier).await, "does not answer the nonce that was handed out");
    // That was the answer to the later one, which is used up.
    refused(&enroll_certified(&world, &device, KEY, "key.pub", &earlier).await, "answers no nonce that was handed out");
}
