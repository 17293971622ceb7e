//! The certificate of an attestation key: which of a bundle it is, what it says of itself (TCG, TPM 2.0 Keys for Device Identity and Attestation; EK Credential Profile).

use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef, SetOfVec};
use der::{Decode as _, Reader as _, SliceReader, Tagged as _};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{FORMAT, Signature, untrusted, wrong};
use crate::certificate::Certificate;
use crate::codec::hex;
use crate::error::VerifyError;
use crate::evidence::{Authority, EvidenceError};
use crate::text::{LONGEST_WORDS, printable};

/// The certificate with whose key `message` was signed.
///
/// Neither its place in the bundle nor TPMS_ATTEST says which that is: each that is no CA's is tried.
pub(super) fn signer<'a>(signature: &Signature, message: &[u8], certs: &'a [Certificate]) -> Result<&'a Certificate, EvidenceError> {
    let candidates: Vec<&Certificate> = certs.iter().filter(|certificate| !certificate.is_ca()).take(MOST_TRIED).collect();
    let unknown = |detail: String| VerifyError::UnknownSigner { artefact: FORMAT, detail };
    match candidates.iter().find(|certificate| signature.is_of(&certificate.public_key(), message)) {
        Some(found) if found.may_sign_messages() => Ok(found),
        Some(found) => Err(untrusted(VerifyError::MayNotSign { subject: found.subject().to_owned() })),
        None => Err(untrusted(match candidates.as_slice() {
            [] => unknown("no certificate of an attestation key comes with it".to_owned()),
            [one] => VerifyError::BadSignature { artefact: FORMAT, signer: one.subject().to_owned() },
            several => unknown(format!("none of the first {} certificates that come with it has the key", several.len())),
        })),
    }
}

/// That the certificate says of its key that it is a restricted one: any other signs what looks like a TPM's word and is not. One that says nothing counts where its authority
/// [certifies nothing else](Authority::unmarked_attestation_keys).
pub(super) fn demand_restricted(certificate: &Certificate, authority: &Authority) -> Result<(), EvidenceError> {
    let (usages, policies) = (certificate.usages(), certificate.policies());
    if !usages.is_empty() && !has(usages, AIK_CERTIFICATE) {
        return Err(untrusted(VerifyError::WrongUsage { subject: certificate.subject().to_owned(), usage: "tcg-kp-AIKCertificate (2.23.133.8.3)" }));
    }
    let says = |(oid, _): &(&str, &str)| has(policies, oid);
    if usages.is_empty() && CAPABILITIES.iter().any(says) && !has(policies, VERIFIED_RESTRICTED) {
        let what = "is signed with a key that its CA verified to be in a TPM, but not to be restricted (tcg-cap-verifiedTPMRestricted, 2.23.133.11.1.3)";
        return Err(wrong(what));
    }
    if mark(certificate).is_none() && !authority.unmarked_attestation_keys {
        let what = format!(
            "is signed with the key of {}, whose certificate does not say that it is a TPM's attestation key (extended key usage tcg-kp-AIKCertificate, {AIK_CERTIFICATE}, or policy \
             tcg-cap-verifiedTPMRestricted, {VERIFIED_RESTRICTED}); such keys count where their authority is configured with unmarked-attestation-keys = true",
            printable(certificate.subject(), LONGEST_WORDS)
        );
        return Err(wrong(what));
    }
    Ok(())
}

/// By what the certificate says that its key is a TPM's attestation key, if it does.
pub(in crate::evidence) fn mark(certificate: &Certificate) -> Option<&'static str> {
    match (has(certificate.usages(), AIK_CERTIFICATE), has(certificate.policies(), VERIFIED_RESTRICTED)) {
        (true, _) => Some("tcg-kp-AIKCertificate"),
        (false, true) => Some("tcg-cap-verifiedTPMRestricted"),
        (false, false) => None,
    }
}

fn has(oids: &[String], oid: &str) -> bool {
    oids.iter().any(|each| each == oid)
}

/// What the certificate says of its key and of the TPM, for people: name and value.
pub(super) fn details(certificate: &Certificate) -> Vec<(&'static str, String)> {
    let mut found = vec![("attestation-key", certificate.subject().to_owned())];
    let usage = certificate.usages().iter().any(|usage| usage == AIK_CERTIFICATE).then_some("tcg-kp-AIKCertificate");
    let policies = CAPABILITIES.into_iter().filter(|(oid, _)| certificate.policies().iter().any(|policy| policy == oid)).map(|(_, name)| name);
    let certified: Vec<&str> = usage.into_iter().chain(policies).collect();
    let certified = if certified.is_empty() { "not said to be restricted".to_owned() } else { certified.join(", ") };
    found.push(("certified-as", certified));
    let Ok((_, parsed)) = X509Certificate::from_der(certificate.der()) else { return found };
    for extension in parsed.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => names.general_names.iter().for_each(|name| found.extend(of_name(name))),
            _ if extension.oid.to_id_string() == SUBJECT_DIRECTORY_ATTRIBUTES => {
                found.extend(security_assertions(extension.value).unwrap_or_else(|| vec![("security-assertions", "cannot be read".to_owned())]));
            }
            _ => (),
        }
    }
    found
}

/// The TPM's vendor, model and version, or what module it is by RFC 4108.
fn of_name(name: &GeneralName<'_>) -> Vec<(&'static str, String)> {
    match name {
        GeneralName::DirectoryName(name) => {
            let attributes = name.iter_attributes().filter_map(|attribute| {
                let (_, called) = NAME_ATTRIBUTES.into_iter().find(|(oid, _)| *oid == attribute.attr_type().to_id_string())?;
                Some((called, printable(attribute.as_str().ok()?, LONGEST_TEXT)))
            });
            attributes.collect()
        }
        GeneralName::OtherName(oid, value) if oid.to_id_string() == HARDWARE_MODULE_NAME => hardware(value).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// HardwareModuleName, in the explicit tag of an otherName; `None` if it cannot be read.
fn hardware(value: &[u8]) -> Option<Vec<(&'static str, String)>> {
    let module = HardwareModuleName::from_der(AnyRef::from_der(value).ok()?.value()).ok()?;
    let kind = module.kind.to_string();
    let kind = if kind == TPM_2_0 { "TPM 2.0".to_owned() } else { kind };
    Some(vec![("hardware-type", kind), ("hardware-serial", hex(module.serial.as_bytes()))])
}

/// RFC 4108, section 5.
#[derive(der::Sequence)]
struct HardwareModuleName<'a> {
    kind: ObjectIdentifier,
    serial: OctetStringRef<'a>,
}

/// How and where the endorsement key was made: the attribute tPMSecurityAssertions, if it is among these; `None` if it cannot be read.
fn security_assertions(extension: &[u8]) -> Option<Vec<(&'static str, String)>> {
    let attributes = Vec::<Attribute<'_>>::from_der(extension).ok()?;
    let Some(attribute) = attributes.into_iter().find(|attribute| attribute.kind.to_string() == SECURITY_ASSERTIONS) else { return Some(Vec::new()) };
    let assertions = attribute.values.get(0)?;
    let mut reader = SliceReader::new(assertions.value()).ok()?;
    let mut found = Vec::new();
    while !reader.is_finished() {
        let element = AnyRef::decode(&mut reader).ok()?;
        let words: Option<(&str, &[&str])> = match u8::from(element.tag()) {
            0x80 => Some(("ek-generation-type", &["internal", "injected", "internalRevocable", "injectedRevocable"])),
            0x81 => Some(("ek-generation-location", &["tpmManufacturer", "platformManufacturer", "ekCertSigner"])),
            0x82 => Some(("ek-certificate-generation-location", &["tpmManufacturer", "platformManufacturer", "ekCertSigner"])),
            _ => None,
        };
        if let (Some((name, words)), [number]) = (words, element.value()) {
            found.push((name, words.get(usize::from(*number)).map_or_else(|| number.to_string(), |word| (*word).to_owned())));
        }
    }
    Some(found)
}

#[derive(der::Sequence)]
struct Attribute<'a> {
    kind: ObjectIdentifier,
    values: SetOfVec<AnyRef<'a>>,
}

/// Each attempt costs a verification.
const MOST_TRIED: usize = 16;

const AIK_CERTIFICATE: &str = "2.23.133.8.3";
const VERIFIED_RESTRICTED: &str = "2.23.133.11.1.3";
const CAPABILITIES: [(&str, &str); 3] = [
    ("2.23.133.11.1.1", "tcg-cap-verifiedTPMResidency"),
    ("2.23.133.11.1.2", "tcg-cap-verifiedTPMFixed"),
    (VERIFIED_RESTRICTED, "tcg-cap-verifiedTPMRestricted"),
];
const NAME_ATTRIBUTES: [(&str, &str); 3] = [("2.23.133.2.1", "tpm-manufacturer"), ("2.23.133.2.2", "tpm-model"), ("2.23.133.2.3", "tpm-version")];
const SUBJECT_DIRECTORY_ATTRIBUTES: &str = "2.5.29.9";
const SECURITY_ASSERTIONS: &str = "2.23.133.2.18";
const HARDWARE_MODULE_NAME: &str = "1.3.6.1.5.5.7.8.4";
const TPM_2_0: &str = "2.23.133.1.2";
const LONGEST_TEXT: usize = 100;
