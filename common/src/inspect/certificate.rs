//! Certificates, certification requests and keys.

use serde_json::{Value, json};

use super::signatures::EXHAUSTED;
use super::{Check, Context, Finding, Inspection, Kind, PATH, SignatureFound};
use crate::certificate::{Certificate, IDevIdCert};
use crate::chain::{ID_KP_CMC_RA, Usage, is_signed_by};
use crate::codec::hex;
use crate::csr::Csr;
use crate::error::VerifyError;
use crate::sign::PublicKey;
use crate::text::{LONGEST_WORDS, printable};
use crate::time::to_rfc3339;

/// What a certificate is used as, which decides what must be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Unknown, so that only what it says of itself is held against it.
    Any,
    /// It signed a pledge's request.
    Idevid,
    /// It signed a registrar's request, or is the one that a pledge saw.
    Registrar,
}

/// A certificate, and what it lacks for its role.
pub(super) fn certificate(found: &Certificate, role: Role, context: &Context<'_>) -> Inspection {
    let mut inspection = Inspection::new(Kind::Certificate);
    inspection.leaf("subject", shown(found.subject()));
    inspection.leaf("issuer", name(found.issuer_der()));
    inspection.leaf_if("serialNumber", found.serial_number().map(|serial| serial.as_str().to_owned()));
    inspection.leaf_if("masa-url", found.masa_url_text().map(shown));
    inspection.leaf("certificate-serial", hex(found.certificate_serial()));
    inspection.leaf("not-before", to_rfc3339(found.not_before()));
    inspection.leaf("not-after", to_rfc3339(found.not_after()));
    inspection.leaf("ca", found.is_ca());
    inspection.leaf_if("key-usage", key_usage(found));
    if !found.usages().is_empty() {
        inspection.leaf("extended-key-usage", found.usages().iter().map(|oid| usage(oid)).collect::<Vec<_>>());
    }
    inspection.leaf_if("subject-key-identifier", found.subject_key_id().map(hex));
    inspection.leaf_if("authority-key-identifier", found.authority_key_id().map(hex));
    inspection.leaf("public-key", format!("{:?}", found.public_key().kind()));
    inspection.leaf("spki-sha256", found.spki_digest().to_string());
    inspection.leaf("sha256", found.fingerprint());

    inspection.deviations = deviations(found, role);
    let now = context.options.now;
    if now < found.not_before() {
        inspection.note(format!("it is not yet valid at the time of this inspection, {}", to_rfc3339(now)));
    }
    if now > found.not_after() {
        inspection.note(format!("it has expired at the time of this inspection, {}", to_rfc3339(now)));
    }
    inspection.signatures = vec![signed_by(found, context)];
    inspection
}

/// What its key may be used for (RFC 5280, section 4.2.1.3); none if it does not say.
fn key_usage(found: &Certificate) -> Option<Vec<&'static str>> {
    use x509_parser::prelude::FromDer as _;
    let (_, parsed) = x509_parser::certificate::X509Certificate::from_der(found.der()).ok()?;
    let usage = parsed.key_usage().ok()??.value.flags;
    let named = KEY_USAGES.iter().enumerate().filter(|(bit, _)| usage >> bit & 1 == 1);
    Some(named.map(|(_, name)| *name).collect())
}

/// Who issued it: under the anchors if there are any, else by itself if it says so.
fn signed_by(found: &Certificate, context: &Context<'_>) -> SignatureFound {
    let by = name(found.issuer_der());
    let options = context.options;
    let verified = || match found.is_ca() && !options.anchors.certificates().contains(found) {
        true => anchor_of_ca(found, context).ok_or_else(|| "no path of CAs that are valid now leads from it to an anchor".to_owned()),
        false => match options.anchors.verify_path(found, context.known, Usage::Any, options.now) {
            Ok(path) => path.last().cloned().ok_or_else(|| "its path is empty".to_owned()),
            Err(err) => Err(crate::text::in_full(&err)),
        },
    };
    let check = match options.verifies() {
        true if !context.may_verify(PATH) => Check::Unchecked { why: EXHAUSTED.to_owned() },
        true => match verified() {
            Ok(anchor) => Check::Anchored { anchor: shown(anchor.subject()) },
            Err(why) => Check::Untrusted { why },
        },
        false if found.is_self_issued() && context.may_verify(1) && is_signed_by(found, found) => {
            Check::OwnCertificate { why: "it is self-signed, and no anchor is given".to_owned() }
        }
        false => Check::Unchecked { why: "no anchor is given".to_owned() },
    };
    SignatureFound { by, algorithm: None, check }
}

/// The anchor above a CA: path building is made for end-entity certificates and refuses CAs in their place, so that each link is looked at here.
fn anchor_of_ca(found: &Certificate, context: &Context<'_>) -> Option<Certificate> {
    let (anchors, now) = (context.options.anchors.certificates(), context.options.now);
    let issuer_among = |below: &Certificate, several: &[Certificate]| {
        let named = several.iter().filter(|above| above.is_ca() && *above != below && above.subject_der() == below.issuer_der());
        // Each costs a signature, and whoever made the file chose their number.
        named.take(MOST_NAMESAKES).find(|above| is_signed_by(below, above)).cloned()
    };
    let mut current = found.clone();
    for _ in 0..LONGEST_PATH {
        if now < current.not_before() || now > current.not_after() {
            return None;
        }
        if let Some(anchor) = issuer_among(&current, anchors) {
            return Some(anchor);
        }
        current = issuer_among(&current, context.known)?;
    }
    None
}

/// What a certificate lacks.
fn deviations(found: &Certificate, role: Role) -> Vec<Finding> {
    let mut findings = Vec::new();
    let has = |oid: &str| found.usages().iter().any(|usage| usage == oid);
    let idevid = role == Role::Idevid || found.masa_url_text().is_some();
    if idevid && let Err(err) = IDevIdCert::new(found.clone()) {
        findings.push(Finding::undecodable("RFC 8995, section 2.3.1", &err));
    }
    if role == Role::Idevid && found.masa_url_text().is_none() {
        findings.push(Finding::new("RFC 8995, section 2.3.2", "the IDevID does not say where its MASA answers (id-pe-masa-url)"));
    }
    if let Ok(idevid) = IDevIdCert::new(found.clone())
        && let Err(err) = idevid.masa_url()
    {
        findings.push(Finding::undecodable("RFC 8995, section 2.3.2", &err));
    }
    if role == Role::Registrar && !has(ID_KP_CMC_RA) {
        findings.push(Finding::new("RFC 8995, section 5.5.4", "the registrar's certificate lacks the extended key usage id-kp-cmcRA"));
    }
    if (role == Role::Registrar || has(ID_KP_CMC_RA)) && !found.is_ca() && !has(SERVER_AUTH) {
        findings.push(Finding::new("constrained BRSKI, section 7.4", "the registrar's certificate lacks the extended key usage serverAuth"));
    }
    findings
}

/// A certificate among the leaves of another artefact.
pub(super) fn summary(found: &Certificate) -> Value {
    json!({
        "subject": shown(found.subject()),
        "not-before": to_rfc3339(found.not_before()),
        "not-after": to_rfc3339(found.not_after()),
        "spki-sha256": found.spki_digest().to_string(),
    })
}

/// A certification request, with proof of possession.
pub(super) fn request(octets: &[u8], context: &Context<'_>) -> Inspection {
    let mut inspection = Inspection::new(Kind::CertificationRequest);
    match Csr::from_der(octets) {
        Ok(csr) => {
            inspection.leaf("subject", shown(csr.subject()));
            inspection.leaf_if("serialNumber", csr.serial_number().map(|serial| serial.as_str().to_owned()));
            inspection.leaf("asks-for-ca", csr.requests_ca());
            inspection.leaf("public-key", format!("{:?}", csr.public_key().kind()));
            inspection.leaf("spki-sha256", csr.public_key().digest().to_string());
            let holder = Check::OwnCertificate { why: "its sender holds the private key".to_owned() };
            inspection.signatures.push(SignatureFound { by: shown(csr.subject()), algorithm: None, check: holder });
            if let Some((attestation, inside)) = csr.attestation().zip(context.inside(&[])) {
                inspection.nest("attestation", super::bundle::inspect(attestation, &inside));
            }
        }
        Err(VerifyError::BadSignature { signer, .. }) => {
            let why = "the request is not signed with the key in it".to_owned();
            inspection.signatures.push(SignatureFound { by: shown(&signer), algorithm: None, check: Check::Wrong { why } });
            inspection.deviates("RFC 2986, section 4.2", "possession of the private key is not proven");
        }
        Err(err) => inspection.deviations.push(Finding::undecodable("RFC 2986, section 4", &err)),
    }
    inspection
}

/// A private key: its form and nothing of its content.
pub(super) fn private_key(form: &str) -> Inspection {
    let mut inspection = Inspection::new(Kind::PrivateKey);
    inspection.leaf("form", shown(form));
    inspection.leaf("note", "a secret; nothing of it is shown");
    inspection
}

/// A bare public key.
pub(super) fn public_key(octets: &[u8]) -> Inspection {
    let mut inspection = Inspection::new(Kind::PublicKey);
    match PublicKey::from_spki(octets) {
        Ok(key) => {
            inspection.leaf("public-key", format!("{:?}", key.kind()));
            inspection.leaf("spki-sha256", key.digest().to_string());
        }
        Err(err) => inspection.deviations.push(Finding::undecodable("RFC 5280, section 4.1.2.7", &err)),
    }
    inspection
}

pub(super) fn shown(text: &str) -> String {
    printable(text, LONGEST_WORDS)
}

fn name(der: &[u8]) -> String {
    use x509_parser::prelude::FromDer as _;
    let parsed = x509_parser::x509::X509Name::from_der(der);
    parsed.map_or_else(|_| "a name that cannot be read".to_owned(), |(_, name)| shown(&crate::certificate::readable(&name)))
}

fn usage(oid: &str) -> String {
    let name = match oid {
        SERVER_AUTH => "serverAuth",
        "1.3.6.1.5.5.7.3.2" => "clientAuth",
        ID_KP_CMC_RA => "cmcRA",
        "2.5.29.37.0" => "any",
        other => return other.to_owned(),
    };
    format!("{name} ({oid})")
}

/// By the number of their bit.
const KEY_USAGES: [&str; 9] =
    ["digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement", "keyCertSign", "cRLSign", "encipherOnly", "decipherOnly"];
const LONGEST_PATH: usize = 8;
const MOST_NAMESAKES: usize = 4;
const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
