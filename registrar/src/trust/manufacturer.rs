//! One manufacturer as its owner knows it, and the checks that its word is its own.

use brski_common::appraise::ReceiptFinding;
use brski_common::log::{self, Receipt, receipts_of};
use brski_common::sign::Hash;
use brski_common::{
    Anchors, Certificate, IDevIdCert, Leniencies, MasaUrl, Payload, ProfileText, ProvenanceStatement, PublicKey, Refusal, SerialSource, Signed, SignedBy,
    UnixTime, Usage, Verified, Verifier, VerifyError, Voucher,
};

use crate::error::Error;

/// A manufacturer whose devices this owner accepts, and what is needed to check its word.
#[derive(Clone, Debug)]
pub struct Manufacturer {
    /// Its name, for people and logs; unique within a [`Trust`](super::Trust).
    pub name: String,
    /// Which CAs issue its IDevIDs.
    pub idevid_anchors: Anchors,
    /// Who may sign its vouchers: of those below them, where they [demand](Anchors::demanding) a policy, only who was certified under it.
    pub voucher_anchors: Anchors,
    /// Who may sign its provenance statements.
    pub provenance_anchors: Anchors,
    /// Who may be its MASA's TLS server; if none is named, no MASA of this manufacturer can be reached: the web's public CAs are not asked.
    pub masa_tls_anchors: Anchors,
    /// Where its MASA answers, overriding what the IDevIDs say (RFC 8995, section 5.4).
    pub masa_url: Option<MasaUrl>,
    /// Accept IDevIDs past their notAfter (RFC 8995, section 2.6.2).
    pub ignore_idevid_expiry: bool,
    /// Where in an IDevID's subject the serial number stands by which its MASA knows the device.
    pub serial_source: SerialSource,
    /// The keys of its transparency log: who signs receipts (RFC 9942).
    pub log_keys: Vec<PublicKey>,
    /// What its devices and its MASA may do wrong. The owner's decision: a profile cannot ask for it.
    pub lenient: Leniencies,
}

impl Manufacturer {
    /// SHA-256 over the exact octets of a profile file, in hex: what two people compare over the telephone.
    pub fn fingerprint(text: &str) -> String {
        Hash::Sha256.of(text.as_bytes()).iter().map(|octet| format!("{octet:02x}")).collect()
    }

    /// Whether a CA's key stands behind the IDevIDs of both: which of the two made a device could not be told then.
    pub fn shares_idevid_anchor(&self, other: &Self) -> bool {
        let of_other = other.idevid_anchors.certificates();
        self.idevid_anchors.certificates().iter().any(|own| of_other.iter().any(|anchor| anchor.spki_digest() == own.spki_digest()))
    }

    /// Where the MASA of this device answers: the owner's word first, then the IDevID's.
    ///
    /// # Errors
    /// [`Refusal::NoMasa`] if neither says so, [`DecodeError`](brski_common::DecodeError) if the IDevID says something unusable.
    pub fn masa_url_of(&self, idevid: &IDevIdCert) -> Result<MasaUrl, Error> {
        match &self.masa_url {
            Some(url) => Ok(url.clone()),
            None => idevid.masa_url()?.ok_or_else(|| Refusal::NoMasa(idevid.device().serial.clone()).into()),
        }
    }

    /// Checks that this manufacturer signed the voucher.
    ///
    /// # Errors
    /// [`VerifyError`] saying what is wrong with bytes, signature or signer.
    pub fn verify_voucher(&self, voucher: &Signed<Voucher>, now: UnixTime) -> Result<Verified<Voucher>, VerifyError> {
        self.verify_word(voucher, &self.voucher_anchors, now)
    }

    /// Checks that this manufacturer signed the provenance statement.
    ///
    /// # Errors
    /// [`VerifyError`] saying what is wrong with bytes, signature or signer.
    pub fn verify_statement(&self, statement: &Signed<ProvenanceStatement>, now: UnixTime) -> Result<Verified<ProvenanceStatement>, VerifyError> {
        self.verify_word(statement, &self.provenance_anchors, now)
    }

    /// Whether the statement came with a receipt that a key of this manufacturer's log signed, over the statement's own entry.
    pub fn receipt_of(&self, statement: &Verified<ProvenanceStatement>) -> ReceiptFinding {
        let receipts = receipts_of(statement.signed().wire()).unwrap_or_default();
        let leaf = log::Hash::from(statement.get().record.0);
        let checked = |receipt: &Receipt| self.log_keys.iter().any(|key| receipt.verify_inclusion(&leaf, key).is_ok());
        match receipts.is_empty() {
            true => ReceiptFinding::Missing,
            false if receipts.iter().any(checked) => ReceiptFinding::Checked,
            false => ReceiptFinding::Unchecked,
        }
    }

    /// Checks that this manufacturer signed the profile: under the anchors of its statements, or else of its vouchers.
    ///
    /// # Errors
    /// [`VerifyError`] saying what is wrong with bytes, signature or signer.
    pub fn verify_profile(&self, profile: &Signed<ProfileText>, now: UnixTime) -> Result<Verified<ProfileText>, VerifyError> {
        self.verify_word(profile, &self.provenance_anchors, now).or_else(|_| self.verify_word(profile, &self.voucher_anchors, now))
    }

    fn verify_word<T: Payload>(&self, word: &Signed<T>, anchors: &Anchors, now: UnixTime) -> Result<Verified<T>, VerifyError> {
        let by = SignedBy::Anchored { anchors, usage: Usage::Any, known: anchors.certificates() };
        let verified = word.verify(&Verifier { by, lenient: self.lenient }, now)?;
        // Where devices and the manufacturer's own signers share a root, each device could otherwise vouch for itself, also one whose serial number nobody can read.
        match verified.signer().chain.first() {
            Some(signer) if signer.names_device() && !anchors.certificates().contains(signer) => {
                let (found, expected) = (format!("the device {}", signer.subject()), "its manufacturer".to_owned());
                Err(VerifyError::WrongSigner { artefact: T::NAME, found, expected })
            }
            Some(_) | None => Ok(verified),
        }
    }

    pub(super) fn verify(&self, own: &Certificate, pool: &[Certificate], now: UnixTime) -> Result<Vec<Certificate>, VerifyError> {
        match self.idevid_anchors.verify_path(own, pool, Usage::Any, now) {
            // As of the day it was issued: the CAs above it may have expired since, too.
            Err(VerifyError::NotCurrent { .. }) if self.ignore_idevid_expiry && own.not_before() <= now => {
                self.idevid_anchors.verify_path(own, pool, Usage::Any, own.not_before())
            }
            verified => verified,
        }
    }
}
