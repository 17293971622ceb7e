//! A TPM 2.0 on a device's board: `swtpm`, which stands for the chip, spoken to with tpm2-tools.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use aws_lc_rs::digest::{SHA256, digest};
use brski_common::evidence::tpm::{PublicArea, TCG_ATTEST_TPM_CERTIFY, encode_statement};
use brski_common::evidence::{AttestationBundle, AttestationStatement, Authority};
use brski_common::issuing::{Subject, Template, never};
use brski_common::provenance::{Basis, Evidence, EvidenceType, Locus};
use brski_common::sign::SignatureAlgorithm::Es256;
use brski_common::{Anchors, BoxFuture, Certificate, PublicKey, SignError, Signature, SignatureAlgorithm, Signer, UnixTime};

use crate::folder::Folder;
use crate::manufacturer::{CertificateMaker, random};

/// Makes TPMs, and certifies the attestation key of each before it is delivered.
pub(crate) struct TpmVendor(CertificateMaker);

impl TpmVendor {
    pub(crate) async fn found(folder: &Folder, now: UnixTime) -> Result<Self> {
        // Above certificates of attestation keys alone: whoever trusts it believes what these keys say of other keys.
        Ok(Self(CertificateMaker::root(folder, "tpm-vendor/attestation-root", "Trust Chips attestation root", Es256, now).await?))
    }

    /// What a manufacturer believes of its TPMs: they are chips of their own.
    pub(crate) fn authority(&self) -> Result<Authority> {
        let anchors = Anchors::new([self.0.certificate()])?;
        Ok(Authority {
            name: "Trust Chips".to_owned(),
            anchors,
            basis: Basis::KeyAttestation,
            locus: Some(Locus::DiscreteTpm),
            unmarked_attestation_keys: false,
        })
    }

    /// A new TPM, whose state is in this folder, with its attestation key and the certificate of that. It has no other key yet.
    async fn deliver(&self, folder: PathBuf) -> Result<(Tpm, Certificate)> {
        let tpm = Tpm::power_on(folder)?;
        tpm.run("createek -c 0x81010001 -G ecc -u ek.pub")?;
        tpm.run("createak -C 0x81010001 -c ak.ctx -G ecc -g sha256 -s ecdsa -u ak.pub -n ak.name")?;
        tpm.run(&format!("evictcontrol -C o -c ak.ctx {ATTESTATION_KEY}"))?;
        let (key, now) = (tpm.public_key(ATTESTATION_KEY)?, self.0.certificate().not_before());
        let template = Template::new(Subject::common_name("TPM 1 attestation key"), &key, *random()?, now, never());
        let certificate = template.usages(&[AIK_CERTIFICATE]).issued_by(&self.0.certificate(), &self.0.signer()).await?;
        Ok((tpm, certificate))
    }
}

/// An IDevID key in a TPM, which made it and never gives it out.
pub(crate) struct TpmKey {
    tpm: Tpm,
    public: PublicKey,
    attestation_key: Certificate,
}

impl TpmKey {
    /// Solders a TPM on, and has it make the key.
    pub(crate) async fn make(vendor: &TpmVendor, folder: PathBuf) -> Result<Self> {
        let (tpm, attestation_key) = vendor.deliver(folder).await?;
        tpm.run("createprimary -C o -c primary.ctx -G ecc")?;
        tpm.run("create -C primary.ctx -G ecc256:ecdsa -u key.pub -r key.priv")?;
        tpm.run("load -C primary.ctx -u key.pub -r key.priv -c key.ctx")?;
        tpm.run(&format!("evictcontrol -C o -c key.ctx {KEY}"))?;
        let public = tpm.public_key(KEY)?;
        Ok(Self { tpm, public, attestation_key })
    }

    /// What the TPM says of the key: TPM2_Certify by its attestation key, as certification requests and records carry it. And the key's public area.
    pub(crate) fn attest(&self) -> Result<(Evidence, PublicArea)> {
        self.tpm.run(&format!("certify -c {KEY} -C {ATTESTATION_KEY} -g sha256 -o attest -s attest.sig"))?;
        self.tpm.run(&format!("readpublic -c {KEY} -o key.pub"))?;
        let public = self.tpm.read("key.pub")?;
        // The tools write its number of octets before it.
        let public = public.get(2..).context("the TPM's public area is empty")?;
        let der = encode_statement(&self.tpm.read("attest")?, &self.tpm.read("attest.sig")?, public);
        let statement = AttestationStatement { kind: EvidenceType::new(TCG_ATTEST_TPM_CERTIFY)?, der };
        let bundle = AttestationBundle::new(&[statement], std::slice::from_ref(&self.attestation_key))?;
        Ok((bundle.to_evidence()?, PublicArea::from_octets(public)?))
    }

    fn signature(&self, tbs: &[u8]) -> Result<Signature> {
        let signed = self.tpm.sign(digest(&SHA256, tbs).as_ref())?;
        // TPMT_SIGNATURE: algorithm and hash, then r and s, each after its number of octets.
        let (r, rest) = integer(signed.get(4..).unwrap_or_default())?;
        let (s, _) = integer(rest)?;
        Ok(Signature::from_fixed(Es256, [r, s].concat())?)
    }
}

impl Signer for TpmKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        Es256
    }

    /// Waits for the tools, some hundredths of a second: for one pledge after the other that will do.
    fn sign<'a>(&'a self, tbs: &'a [u8]) -> BoxFuture<'a, Result<Signature, SignError>> {
        let signature = self.signature(tbs).map_err(|err| SignError::Key(err.into()));
        Box::pin(core::future::ready(signature))
    }
}

/// A TPM2B_ECC_PARAMETER as 32 octets, and what follows it.
fn integer(octets: &[u8]) -> Result<([u8; 32], &[u8])> {
    let (length, rest) = octets.split_first_chunk::<2>().context("the TPM's signature is cut off")?;
    let (value, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into()).context("the TPM's signature is cut off")?;
    ensure!(value.len() <= 32, "the TPM's signature is none of P-256");
    let mut fixed = [0; 32];
    fixed[32 - value.len()..].copy_from_slice(value);
    Ok((fixed, rest))
}

/// A running TPM; it ends with this value.
struct Tpm {
    folder: PathBuf,
    running: Child,
    /// One command after the other: they leave their results in files.
    busy: Mutex<()>,
}

impl Tpm {
    fn power_on(folder: PathBuf) -> Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let arguments = "socket --tpm2 --tpmstate dir=. --server type=unixio,path=tpm --ctrl type=unixio,path=tpm.ctrl --flags not-need-init,startup-clear";
        let mut command = Command::new("swtpm");
        command.args(arguments.split(' ')).current_dir(&folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let running = command.spawn().context("swtpm does not start")?;
        let tpm = Self { folder, running, busy: Mutex::new(()) };
        let given_up = Instant::now() + Duration::from_secs(60);
        while !["tpm", "tpm.ctrl"].iter().all(|socket| tpm.folder.join(socket).exists()) {
            ensure!(Instant::now() < given_up, "swtpm opened no socket");
            std::thread::yield_now();
        }
        Ok(tpm)
    }

    /// Runs one of the tools with these arguments, separated by blanks, and flushes what it left in the TPM, which has room for three objects.
    fn run(&self, arguments: &str) -> Result<()> {
        let _one = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        self.command(arguments)?;
        self.command("flushcontext --transient-object")
    }

    /// Signs a digest: TPMT_SIGNATURE.
    fn sign(&self, digest: &[u8]) -> Result<Vec<u8>> {
        let _one = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        fs::write(self.folder.join("digest"), digest)?;
        self.command(&format!("sign -c {KEY} -g sha256 -s ecdsa -d -o digest.sig digest"))?;
        self.read("digest.sig")
    }

    fn command(&self, arguments: &str) -> Result<()> {
        let mut command = Command::new("tpm2");
        command.args(arguments.split_ascii_whitespace()).current_dir(&self.folder).env("TPM2TOOLS_TCTI", "swtpm:path=tpm").stdin(Stdio::null());
        let output = command.output().context("tpm2 does not start")?;
        ensure!(output.status.success(), "tpm2 {arguments}: {}", String::from_utf8_lossy(&output.stderr).trim_end());
        Ok(())
    }

    fn public_key(&self, object: &str) -> Result<PublicKey> {
        self.run(&format!("readpublic -c {object} -f pem -o public.pem"))?;
        Ok(PublicKey::from_pem(&String::from_utf8(self.read("public.pem")?)?)?)
    }

    fn read(&self, name: &str) -> Result<Vec<u8>> {
        fs::read(self.folder.join(name)).with_context(|| format!("the TPM's tools left no {name}"))
    }
}

impl Drop for Tpm {
    fn drop(&mut self) {
        let _ = self.running.kill();
        let _ = self.running.wait();
    }
}

const ATTESTATION_KEY: &str = "0x81010002";
const KEY: &str = "0x81010003";

/// tcg-kp-AIKCertificate.
const AIK_CERTIFICATE: &str = "2.23.133.8.3";
