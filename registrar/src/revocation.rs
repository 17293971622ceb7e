//! Taking LDevIDs back: shared by the command line, the admin API, and what a renewal or a recheck finds.

use brski_common::SpkiDigest;
use brski_common::text::{LONGEST_WORDS, printable};

use crate::approval::Person;
use crate::desk::{candidates, found};
use crate::pledges::{PledgeStore, StoreError};
use crate::trail::{CertificateId, Event, IssuedCertificate, PledgeFile, RevocationReason, What};

/// Which LDevIDs of a pledge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// All that have neither expired nor been revoked.
    Current,
    /// The one with this serial number, in hexadecimal digits; each of them, if two CAs gave one device the same.
    One(String),
    /// This one.
    Exactly(CertificateId),
}

/// Revokes LDevIDs of the pledge with this IDevID key, and returns them. `by.at` is when it happens.
///
/// From then on they renew nothing, count for nothing at this registrar, and are on its CRL if their CA's is made here. With the last of them goes the pledge's admission. The pledge may come again with
/// its IDevID and a new voucher-request, which is judged like its first, unless somebody decides against it.
///
/// # Errors
/// [`RevocationError`]; those that were revoked before the store failed stay revoked.
pub async fn revoke(
    pledges: &dyn PledgeStore,
    pledge: SpkiDigest,
    which: &Which,
    reason: RevocationReason,
    by: &Person,
) -> Result<Vec<IssuedCertificate>, RevocationError> {
    let file = pledges.file(pledge).await?.ok_or_else(|| RevocationError::NoSuchPledge(pledge.to_string()))?;
    let wanted = wanted(&file, which, by)?;
    let all = current(&file, by).all(|certificate| wanted.contains(certificate));
    for certificate in &wanted {
        let (serial, issuer) = (certificate.serial.clone(), certificate.issuer.clone());
        let what = What::Revoked { certificate: serial, issuer, reason, by: by.clone(), withdrawn: all };
        let event = Event { at: by.at, pledge: Some(file.pledge.clone()), what };
        match all {
            true => pledges.withdraw(pledge, event).await?,
            false => pledges.note(event).await?,
        }
    }
    Ok(wanted)
}

/// The file of the one pledge with this serial number or key, as [`desk::pick`](crate::desk::pick) takes them. Namesakes without LDevIDs are not meant, and `which` tells those
/// apart that have some.
///
/// # Errors
/// [`RevocationError::NoSuchPledge`], [`RevocationError::Namesakes`] or [`RevocationError::Store`].
pub async fn pledge_of(pledges: &dyn PledgeStore, text: &str, which: &Which) -> Result<PledgeFile, RevocationError> {
    let is_meant = |file: &PledgeFile| match which {
        Which::Current => !file.certificates.is_empty(),
        Which::One(certificate) => file.certificates.iter().any(|filed| is_same(&filed.certificate.serial, certificate)),
        Which::Exactly(certificate) => file.certificates.iter().any(|filed| filed.certificate.id().may_be(certificate)),
    };
    let mut files = found(pledges, text).await?;
    if files.len() > 1 && files.iter().any(is_meant) {
        files.retain(is_meant);
    }
    let text = printable(text, LONGEST_WORDS);
    match <[PledgeFile; 1]>::try_from(files) {
        Ok([file]) => Ok(file),
        Err(none) if none.is_empty() => Err(RevocationError::NoSuchPledge(text)),
        Err(several) => Err(RevocationError::Namesakes { serial: text, candidates: candidates(&several) }),
    }
}

fn wanted(file: &PledgeFile, which: &Which, by: &Person) -> Result<Vec<IssuedCertificate>, RevocationError> {
    let serial = file.pledge.serial.to_string();
    let is_wanted = |current: &&IssuedCertificate| match which {
        Which::Current => true,
        Which::One(certificate) => is_same(&current.serial, certificate),
        Which::Exactly(certificate) => current.id().may_be(certificate),
    };
    let wanted: Vec<_> = current(file, by).filter(is_wanted).cloned().collect();
    match (wanted.is_empty(), which) {
        (false, _) => Ok(wanted),
        (true, Which::Current) => Err(RevocationError::NothingToRevoke(serial)),
        (true, Which::One(certificate) | Which::Exactly(CertificateId { serial: certificate, .. })) => {
            Err(RevocationError::NotCurrent { serial, certificate: certificate.clone() })
        }
    }
}

/// What is neither expired nor revoked.
fn current<'a>(file: &'a PledgeFile, by: &Person) -> impl Iterator<Item = &'a IssuedCertificate> {
    let now = by.at;
    file.certificates.iter().filter(move |filed| filed.is_current(now)).map(|filed| &filed.certificate)
}

/// Whether these digits are that number, whatever tool wrote them: with colons, in capitals, with or without zeros in front.
fn is_same(known: &str, written: &str) -> bool {
    let digits: String = written.chars().filter(|c| !matches!(c, ':' | ' ')).collect();
    known.trim_start_matches('0').eq_ignore_ascii_case(digits.trim_start_matches('0'))
}

/// What became of one LDevID that was revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedLDevId {
    /// The LDevID.
    pub certificate: IssuedCertificate,
    /// Whether a CRL of this registrar has its serial number. If none does, its CA has to be told by hand.
    pub listed: bool,
}

impl RevokedLDevId {
    /// The name of its issuer, in words if that is not on record.
    pub fn issuer(&self) -> &str {
        self.certificate.issuer.as_ref().map_or("not on record", |issuer| &issuer.name)
    }

    /// Whether somebody may have to tell its CA by hand: no CRL that is made here has it, or nobody knows whether its CA is one of those whose CRLs are made here.
    pub fn is_to_be_told(&self) -> bool {
        !self.listed || self.certificate.issuer.is_none()
    }
}

/// What happened, and what is left to do: `LDevID 4d2f is on the CRL from now on (issuer CN=CA)`.
impl core::fmt::Display for RevokedLDevId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (serial, issuer) = (&self.certificate.serial, self.issuer());
        match (self.listed, self.is_to_be_told()) {
            (true, false) => write!(f, "LDevID {serial} is on the CRL from now on (issuer {issuer})"),
            (true, true) => write!(
                f,
                "LDevID {serial} is on every CRL of this registrar from now on, since its issuer is not on record: if another CA issued it, such as an EST server or a former CA \
                 without a CRL here, that CA has to be told by hand to revoke serial number {serial}"
            ),
            (false, _) => write!(
                f,
                "LDevID {serial} is no longer accepted by this registrar, which makes no CRL for its CA: that CA has to be told by hand to revoke serial number {serial}, issuer {issuer}"
            ),
        }
    }
}

/// Why nothing was revoked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RevocationError {
    /// Nobody like this was ever seen.
    #[error("no pledge {0} is on record; `brski-registrar pledges list` shows those that are")]
    NoSuchPledge(String),
    /// Pledges of several manufacturers bear this serial number.
    #[error("'{serial}' is ambiguous; name the key instead, or the serial number of the LDevID's certificate: {candidates}")]
    Namesakes {
        /// What was asked for.
        serial: String,
        /// Key and manufacturer of each, in a line.
        candidates: String,
    },
    /// It has no LDevID that is still valid.
    #[error("{0} has no LDevID that is neither expired nor revoked")]
    NothingToRevoke(String),
    /// It has no such LDevID that is still valid.
    #[error("{serial} has no LDevID with serial number {certificate} that is neither expired nor revoked")]
    NotCurrent {
        /// The pledge.
        serial: String,
        /// The certificate's serial number.
        certificate: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
