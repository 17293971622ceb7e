//! Whose pledges this owner accepts: manufacturers with their trust anchors, the profile files in which they hand those over, and strangers who wait for an owner's decision.

mod manufacturer;
mod profile;
mod strangers;
#[cfg(test)]
mod tests;
mod update;

use brski_common::evidence::Authorities;
use brski_common::{Certificate, DeviceId, IDevIdCert, PeerCertificates, Refusal, SpkiDigest, UnixTime, VerifyError};

pub use self::manufacturer::Manufacturer;
pub use self::profile::{Founding, ProfileError};
pub use self::strangers::{NoStranger, Stranger, StrangerFolder, Strangers};
pub use self::update::{Change, Update, check_date, update};

use crate::error::Error;
use crate::relay::Admission;

/// The manufacturers that an owner accepts, and whose evidence about keys counts.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    manufacturers: Vec<Manufacturer>,
    authorities: Authorities,
}

impl Trust {
    /// Accepts these manufacturers; the first whose anchors verify a pledge counts.
    pub fn new(manufacturers: impl IntoIterator<Item = Manufacturer>) -> Self {
        Self { manufacturers: manufacturers.into_iter().collect(), authorities: Authorities::default() }
    }

    /// The same, where the evidence of these authorities about the keys of LDevIDs counts; nobody's does by default.
    #[must_use]
    pub fn believing(self, authorities: Authorities) -> Self {
        Self { authorities, ..self }
    }

    /// Whose evidence about the keys of LDevIDs counts.
    pub fn authorities(&self) -> &Authorities {
        &self.authorities
    }

    /// The manufacturers.
    pub fn manufacturers(&self) -> &[Manufacturer] {
        &self.manufacturers
    }

    /// Finds the manufacturer whose anchors verify the peer's certificate.
    ///
    /// # Errors
    /// [`Error::Refused`] if there is no certificate or no such manufacturer, [`Error::Verify`] if its certificate is not an IDevID or not current.
    pub fn admit(&self, peer: &PeerCertificates, now: UnixTime) -> Result<(VerifiedIDevId, &Manufacturer), Error> {
        let (own, pool) = peer.0.split_first().ok_or(Refusal::ClientCertificateRequired("the pledge's IDevID"))?;
        let unknown = || {
            let (subject, issuer) = (own.subject().to_owned(), own.issuer().to_owned());
            Error::Refused(Refusal::UnknownManufacturer { subject, issuer, missing: self.missing_above(own, pool) })
        };
        // An anchor verifies itself; that makes a CA no device.
        if own.is_ca() {
            return Err(unknown());
        }

        let mut failure = unknown();
        for manufacturer in &self.manufacturers {
            match manufacturer.verify(own, pool, now) {
                Ok(chain) => {
                    let idevid = IDevIdCert::with_serial_from(own.clone(), manufacturer.serial_source)?;
                    return Ok((VerifiedIDevId { idevid, chain }, manufacturer));
                }
                // The manufacturer is known, the time is wrong: that says more than "unknown".
                Err(expired @ VerifyError::NotCurrent { .. }) => failure = expired.into(),
                Err(_) => {}
            }
        }
        Err(failure)
    }

    /// The CA at which the path from this certificate ends, if it ends at one that was not shown and is no anchor of anybody: its subject and key identifier. None if nobody is accepted.
    fn missing_above(&self, own: &Certificate, pool: &[Certificate]) -> Option<String> {
        // A key identifier that both name tells CAs of one name apart.
        let stands_below = |below: &Certificate, above: &Certificate| {
            let (named, own) = (below.authority_key_id(), above.subject_key_id());
            below.issuer_der() == above.subject_der() && (named.is_none() || own.is_none() || named == own)
        };
        let mut path = vec![own];
        while let Some(above) = pool.iter().find(|above| !path.contains(above) && path.last().is_some_and(|top| stands_below(top, above))) {
            path.push(above);
        }
        let top = *path.last()?;
        let is_anchor = self.manufacturers.iter().flat_map(|known| known.idevid_anchors.certificates()).any(|anchor| stands_below(top, anchor));
        if self.manufacturers.is_empty() || top.is_self_issued() || is_anchor {
            return None;
        }
        let id = top.authority_key_id().map(|id| id.iter().map(|octet| format!("{octet:02x}")).collect::<String>());
        Some(top.issuer() + &id.map(|id| format!(" (key identifier {id})")).unwrap_or_default())
    }

    /// The manufacturer of a device that was admitted, if it is accepted today.
    ///
    /// What counts is whom the owner trusts, not the IDevID's age: its path is verified as of the day of the admission.
    ///
    /// # Errors
    /// [`Refusal::ManufacturerWithdrawn`].
    pub fn still_accepts(&self, admission: &Admission) -> Result<&Manufacturer, Refusal> {
        let path_holds =
            |manufacturer: &Manufacturer| manufacturer.verify(admission.idevid().certificate(), admission.issuers(), admission.admitted_at()).is_ok();
        let accepted = self.manufacturers.iter().find(|manufacturer| path_holds(manufacturer));
        accepted.ok_or_else(|| Refusal::ManufacturerWithdrawn(admission.device().serial.clone()))
    }
}

/// The CA certificates of a verified path that are neither its first nor the anchor.
pub(crate) fn issuers(chain: &[Certificate]) -> &[Certificate] {
    chain.get(1..chain.len().saturating_sub(1)).unwrap_or_default()
}

/// An IDevID whose path to an accepted manufacturer was verified, and whose key the peer was seen to hold. Made by [`Trust::admit`] alone.
#[derive(Clone, Debug)]
pub struct VerifiedIDevId {
    idevid: IDevIdCert,
    chain: Vec<Certificate>,
}

impl VerifiedIDevId {
    /// The IDevID.
    pub fn idevid(&self) -> &IDevIdCert {
        &self.idevid
    }

    /// Its certificate.
    pub fn certificate(&self) -> &Certificate {
        self.idevid.certificate()
    }

    /// Which device it names.
    pub fn device(&self) -> &DeviceId {
        self.idevid.device()
    }

    /// SHA-256 over its SubjectPublicKeyInfo.
    pub fn spki_digest(&self) -> SpkiDigest {
        self.idevid.spki_digest()
    }

    /// The CA certificates of that path which are neither the IDevID nor the anchor.
    pub fn issuers(&self) -> &[Certificate] {
        issuers(&self.chain)
    }

    /// The verified path: the IDevID first, the anchor last.
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }
}
