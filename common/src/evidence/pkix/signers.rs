//! Who signed evidence: every signature must be right, and one at least somebody's who is trusted.

use const_oid::ObjectIdentifier;

use super::claims::{AK_SPKI, Value};
use super::{KeyAttestation, shown_key_id};
use crate::asn1::signature_scheme;
use crate::certificate::Certificate;
use crate::error::VerifyError;
use crate::evidence::{Authorities, Authority, EvidenceError};
use crate::sign::{PublicKey, SignatureScheme};
use crate::time::UnixTime;

/// One signature over the evidence, and whose it is said to be, in one way at least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) key_id: Option<Vec<u8>>,
    pub(crate) key: Option<PublicKey>,
    pub(crate) certificate: Option<Certificate>,
    pub(crate) algorithm: ObjectIdentifier,
    pub(crate) signature: Vec<u8>,
}

impl Block {
    /// How the signature is made; none if that is not known here.
    pub(crate) fn scheme(&self) -> Option<SignatureScheme> {
        signature_scheme(self.algorithm, None)
    }

    /// The certificates that may be the signer's: its own, else those at hand that have its key or key identifier.
    pub(crate) fn candidates(&self, at_hand: &[Certificate]) -> Vec<Certificate> {
        let named = |certificate: &&Certificate| match (&self.key, &self.key_id) {
            (Some(key), _) => certificate.public_key() == *key,
            (None, Some(id)) => certificate.subject_key_id() == Some(id),
            (None, None) => false,
        };
        let mut found: Vec<Certificate> = Vec::new();
        match &self.certificate {
            Some(own) => found.push(own.clone()),
            None => {
                for certificate in at_hand.iter().filter(named) {
                    if found.len() < MOST_CANDIDATES && !found.contains(certificate) {
                        found.push(certificate.clone());
                    }
                }
            }
        }
        found
    }

    /// What it calls its signer.
    pub(crate) fn named(&self) -> String {
        match (&self.certificate, &self.key, &self.key_id) {
            (Some(certificate), _, _) => certificate.subject().to_owned(),
            (None, Some(key), _) => format!("key {}", key.digest()),
            (None, None, Some(id)) => format!("key identifier {}", shown_key_id(id)),
            (None, None, None) => "nobody named".to_owned(),
        }
    }
}

/// Whose evidence it is: the first signer whose certificate is an attestation key's and leads to an authority.
///
/// Others may have signed as well who are not known here, such as another owner, so that one path is enough. A signature that is wrong or cannot be checked is not: the draft has
/// evidence rejected whose signer's key cannot be found.
pub(super) fn verify<'a>(
    evidence: &KeyAttestation,
    certificates: &[Certificate],
    authorities: &'a Authorities,
    now: UnixTime,
) -> Result<(&'a Authority, Certificate), EvidenceError> {
    if evidence.blocks.is_empty() {
        let detail = "it bears no signature, so that anybody may have made it".to_owned();
        return Err(untrusted(VerifyError::UnknownSigner { artefact: KeyAttestation::NAME, detail }));
    }
    let mut pool = [evidence.certificates(), certificates].concat();
    pool.extend(evidence.blocks.iter().filter_map(|block| block.certificate.clone()));
    let anchors = authorities.iter().flat_map(|authority| authority.anchors.certificates());
    // Those that are configured come first: of one key identifier there may be several, and who made the evidence chose the others.
    let at_hand: Vec<Certificate> = anchors.chain(&pool).cloned().collect();
    let (mut found, mut refused) = (None, None);
    for block in &evidence.blocks {
        let (key, signers) = check(evidence, block, &at_hand)?;
        demand_announced(evidence, &key)?;
        for signer in signers {
            match vouched(&signer, &pool, authorities, now) {
                Ok(authority) => found = found.or(Some((authority, signer))),
                Err(err) => refused = refused.or(Some(err)),
            }
        }
    }
    let unknown = || {
        let detail = "no certificate of its key is at hand".to_owned();
        untrusted(VerifyError::UnknownSigner { artefact: KeyAttestation::NAME, detail })
    };
    found.ok_or_else(|| refused.unwrap_or_else(unknown))
}

/// The key that made the signature, and the certificates of it.
fn check(evidence: &KeyAttestation, block: &Block, at_hand: &[Certificate]) -> Result<(PublicKey, Vec<Certificate>), EvidenceError> {
    let artefact = KeyAttestation::NAME;
    let scheme = block.scheme().ok_or_else(|| untrusted(VerifyError::UnsupportedAlgorithm { artefact, found: block.algorithm.to_string() }))?;
    let candidates = block.candidates(at_hand);
    let keys: Vec<PublicKey> = match &block.key {
        Some(key) => vec![key.clone()],
        None => candidates.iter().map(Certificate::public_key).collect(),
    };
    if keys.is_empty() {
        let detail = format!("no certificate with its {} is at hand", block.named());
        return Err(untrusted(VerifyError::UnknownSigner { artefact, detail }));
    }
    let made = keys.into_iter().find(|key| key.verifies(scheme, evidence.signed(), &block.signature));
    let key = made.ok_or_else(|| untrusted(VerifyError::BadSignature { artefact, signer: block.named() }))?;
    let own = candidates.into_iter().filter(|certificate| certificate.public_key() == key).collect();
    Ok((key, own))
}

/// Where the evidence says with which keys it is signed, others do not count.
fn demand_announced(evidence: &KeyAttestation, key: &PublicKey) -> Result<(), EvidenceError> {
    let mut announced = evidence.elements().iter().flat_map(|element| element.all(AK_SPKI)).peekable();
    if announced.peek().is_none() || announced.any(|value| matches!(value, Value::Octets(spki) if spki == key.spki())) {
        return Ok(());
    }
    let what = format!("is signed with key {}, which is none of those that it says it is signed with (ak-spki)", key.digest());
    Err(EvidenceError::Wrong { format: KeyAttestation::NAME, what })
}

fn vouched<'a>(signer: &Certificate, pool: &[Certificate], authorities: &'a Authorities, now: UnixTime) -> Result<&'a Authority, EvidenceError> {
    let authority = authorities.vouching(KeyAttestation::NAME, signer, pool, now).map_err(untrusted)?;
    match fault(signer) {
        None => Ok(authority),
        Some(fault) => {
            let what = format!("is signed with the key of {}, {fault}", crate::text::printable(signer.subject(), crate::text::LONGEST_WORDS));
            Err(EvidenceError::Wrong { format: KeyAttestation::NAME, what })
        }
    }
}

/// What makes a certificate none of an attestation key (section 3.2 of the draft).
pub(super) fn fault(certificate: &Certificate) -> Option<String> {
    use x509_parser::prelude::FromDer as _;
    let Ok((_, parsed)) = x509_parser::certificate::X509Certificate::from_der(certificate.der()) else {
        return Some("whose certificate cannot be read".to_owned());
    };
    let signs = parsed.key_usage().ok().flatten().is_some_and(|usage| usage.value.digital_signature());
    let attests = certificate.usages().iter().any(|usage| usage == KeyAttestation::ATTESTATION_KEY_USAGE);
    match (attests, signs) {
        (true, true) => None,
        (false, _) => {
            Some(format!("whose certificate lacks the extended key usage id-kp-attestationKey ({}) of attestation keys", KeyAttestation::ATTESTATION_KEY_USAGE))
        }
        (true, false) => Some("whose certificate lacks the key usage digitalSignature, which attestation keys must have".to_owned()),
    }
}

fn untrusted(source: VerifyError) -> EvidenceError {
    EvidenceError::Untrusted { format: KeyAttestation::NAME, source }
}

/// Certificates that are tried for one key identifier.
const MOST_CANDIDATES: usize = 4;
