//! A code-signing CA asks, before it certifies a key: was this key made in a hardware security module, and can it leave it?
//!
//! `cargo run --example codesign_gate` plays both sides: an HSM that attests keys in PKIX key attestation, and subscribers who put that evidence into their certification requests
//! (draft-ietf-lamps-csr-attestation), honestly or not. What a CA would call is [`Gate::judge`]: a request in, a verdict with its reasons out. It needs no socket, no store and no runtime.

#![allow(clippy::print_stdout, reason = "it tells what it does")]

use core::fmt;

use anyhow::{Context as _, Result, ensure};
use brski_common::csr::{Wish, request_wishing};
use brski_common::evidence::{AttestationBundle, AttestationStatement, Authorities, Authority, Claim, Element, ElementKind, Expected, KeyAttestation, Value};
use brski_common::issuing::{Subject, Template, never};
use brski_common::provenance::{Basis, EvidenceType};
use brski_common::text::in_full;
use brski_common::{Anchors, Certificate, Csr, Policy, SignatureAlgorithm, Signer as _, SoftwareKey, UnixTime};

/// What the CA demands of every key: the table of an owner's policy that a registrar holds LDevIDs' keys against. The rules beside it are about devices, which are not asked about here.
const POLICY: &str = r#"
version = 1

[[rule]]
name = "no-devices"
then = "refuse"

[ldevid-key]
evidence = "required"
made = "inside"
protection-at-least = "non-extractable"
nonce = "required"
"#;

/// The CA's side: what it demands, and whose evidence counts.
struct Gate {
    policy: Policy,
    authorities: Authorities,
}

/// What the CA should do with a request, and why.
struct Verdict {
    certify: bool,
    reasons: Vec<String>,
}

impl Gate {
    /// Judges a certification request in DER, whose evidence has to answer the nonce that this subscriber was given.
    fn judge(&self, request: &[u8], nonce: &[u8], now: UnixTime) -> Verdict {
        let csr = match Csr::from_der(request) {
            Ok(csr) => csr,
            Err(err) => return Verdict { certify: false, reasons: vec![in_full(&err)] },
        };
        let expected = Expected { key: csr.public_key(), nonce: Some(nonce) };
        let appraisal = self.policy.ldevid_key().appraise(csr.attestation(), &expected, &self.authorities, now);
        let refused = appraisal.permit(self.policy.mode()).err();
        let findings = appraisal.findings().iter().map(ToString::to_string);
        Verdict { certify: refused.is_none(), reasons: refused.iter().map(ToString::to_string).chain(findings).collect() }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", if self.certify { "certify" } else { "refuse" })?;
        self.reasons.iter().try_for_each(|reason| write!(f, "\n    {reason}"))
    }
}

/// An HSM with its attestation key, certified by its vendor. Its keys are software here: what counts is what it says of them.
struct Hsm {
    certificate: Certificate,
    key: SoftwareKey,
}

impl Hsm {
    /// One of this vendor, whose root comes along.
    async fn made_by(vendor: &str, now: UnixTime) -> Result<(Self, Certificate)> {
        let (vendor_key, key) = (new_key()?, new_key()?);
        let template = |name: &str, key: &SoftwareKey, serial: u8| Template::new(Subject::common_name(name), key.public_key(), [serial; 16], now, never());
        let root = template(vendor, &vendor_key, 1).ca(None).self_signed(&vendor_key).await?;
        let certificate = template("HSM 4711", &key, 2).usages(&[KeyAttestation::ATTESTATION_KEY_USAGE]).issued_by(&root, &vendor_key).await?;
        Ok((Self { certificate, key }, root))
    }

    /// What it says of a key: whether it was made inside, and that it cannot leave, in answer to a nonce.
    async fn attest(&self, key: &SoftwareKey, made_inside: bool, nonce: &[u8]) -> Result<AttestationBundle> {
        let flags = [("local", made_inside), ("sensitive", true), ("extractable", false), ("never-extractable", made_inside)];
        let flags = flags.map(|(name, flag)| Claim::new(name, Value::Boolean(flag)));
        let identity = [Claim::new("identifier", Value::Text("code signing".to_owned())), Claim::new("spki", Value::Octets(key.public_key().spki().to_vec()))];
        let elements = [
            Element { kind: ElementKind::Transaction, claims: vec![Claim::new("nonce", Value::Octets(nonce.to_vec()))] },
            Element { kind: ElementKind::Key, claims: identity.into_iter().chain(flags).collect() },
        ];
        let evidence = KeyAttestation::make(&elements, core::slice::from_ref(&self.certificate), &self.key).await?;
        let statement = AttestationStatement { kind: EvidenceType::new(KeyAttestation::KIND)?, der: evidence.der().to_vec() };
        Ok(AttestationBundle::new(&[statement], &[])?)
    }
}

fn new_key() -> Result<SoftwareKey> {
    Ok(SoftwareKey::generate(SignatureAlgorithm::Es256)?.0)
}

/// A subscriber's request for this key, with evidence if there is any.
async fn request(key: &SoftwareKey, evidence: Option<&AttestationBundle>) -> Result<Vec<u8>> {
    let wish = Wish { attestation: evidence.map(|bundle| bundle.der().to_vec()), ..Wish::default() };
    Ok(request_wishing(&Subject::common_name("Example Software").to_der(), &wish, key).await?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let now = UnixTime::now();
    let (hsm, vendor) = Hsm::made_by("HSM vendor", now).await?;
    let (impostor, _) = Hsm::made_by("HSM vendor", now).await?;
    let authority = Authority {
        name: "Example HSMs".to_owned(),
        anchors: Anchors::new([vendor])?,
        basis: Basis::HsmAttested,
        locus: None,
        unmarked_attestation_keys: false,
    };
    let gate = Gate { policy: Policy::from_toml(POLICY).context("the policy")?, authorities: Authorities::new([authority]) };

    let (inside, elsewhere) = (new_key()?, new_key()?);
    // A CA hands out one for each request, at random.
    let (nonce, earlier) = (b"nonce of this request, 32 octets", b"nonce of another one, 32 octets.");
    let cases = [
        ("a key made in the HSM", &inside, Some(hsm.attest(&inside, true, nonce).await?), true),
        ("a key without evidence", &elsewhere, None, false),
        ("a key that was put into the HSM", &inside, Some(hsm.attest(&inside, false, nonce).await?), false),
        ("evidence about another key", &elsewhere, Some(hsm.attest(&inside, true, nonce).await?), false),
        ("evidence from an earlier request", &inside, Some(hsm.attest(&inside, true, earlier).await?), false),
        ("evidence of somebody who calls himself the vendor", &inside, Some(impostor.attest(&inside, true, nonce).await?), false),
    ];
    let mut certified = 0;
    for (what, key, evidence, expected) in &cases {
        let verdict = gate.judge(&request(key, evidence.as_ref()).await?, nonce, now);
        println!("{what}: {verdict}");
        ensure!(verdict.certify == *expected, "{what} should have been judged otherwise");
        certified += usize::from(verdict.certify);
    }
    println!("{certified} of {} keys would be certified", cases.len());
    Ok(())
}
