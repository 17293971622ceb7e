//! Reports that are known to be a station's own, each by itself or many under one signature.

use core::ops::Range;
use std::sync::Arc;

use brski_common::evidence::{AppraisedItem, Authorities, Expected, appraise_all};
use brski_common::provenance::{ManufactureBatch, ManufactureReport, RowError};
use brski_common::{Anchors, DeviceId, EnrolledKey, Payload, SerialNumber, Signed, SignedBy, SpkiDigest, UnixTime, Usage, Verified, Verifier, VerifyError};

use super::station::Station;

/// An enrolled station's report of a device whose IDevID leads to the manufacturer's own anchors, with what became of its evidence. Made by [`verify`](Self::verify) and [`GenuineBatch::report`] alone.
#[derive(Clone, Debug)]
pub struct GenuineReport {
    // Large, and handed from thread to thread by the thousand.
    report: Box<ManufactureReport>,
    station: Arc<Station>,
    appraised: Vec<AppraisedItem>,
}

impl GenuineReport {
    /// Verifies the signature and the path of the reported IDevID, and appraises the evidence. What the report says is held against that by [`evaluate`](super::evaluate) alone.
    ///
    /// # Errors
    /// [`VerifyError`] if none of `stations` signed it, if the station's key is no longer in use, or if the IDevID does not lead to `anchors` or is not current.
    pub fn verify(
        report: &Signed<ManufactureReport>,
        stations: &[Station],
        anchors: &Anchors,
        authorities: &Authorities,
        now: UnixTime,
    ) -> Result<Self, VerifyError> {
        let (report, station) = signed_by(report, stations, now)?;
        Self::of(report.into_content(), &Arc::new(station), anchors, authorities, now)
    }

    /// Verifies the signature over a batch; its rows are verified one by one, by [`GenuineBatch::report`].
    ///
    /// # Errors
    /// [`VerifyError`] if none of `stations` signed it, or if the station's key is no longer in use.
    pub fn verify_batch(batch: &Signed<ManufactureBatch>, stations: &[Station], now: UnixTime) -> Result<GenuineBatch, VerifyError> {
        let (batch, station) = signed_by(batch, stations, now)?;
        Ok(GenuineBatch { batch: batch.into_content(), station: Arc::new(station) })
    }

    fn of(report: ManufactureReport, station: &Arc<Station>, anchors: &Anchors, authorities: &Authorities, now: UnixTime) -> Result<Self, VerifyError> {
        // Reports enclose no CA certificates: an issuing CA is an anchor itself.
        anchors.verify_path(report.idevid.certificate(), &[], Usage::Any, now)?;
        let appraised = appraised(&report, authorities, now);
        Ok(Self { report: Box::new(report), station: Arc::clone(station), appraised })
    }

    /// Verifies that the station that signed it is one of `stations` still, with the same key, and may sign, and the path of the reported IDevID; and appraises the evidence anew. For
    /// stations, anchors and authorities may be others now.
    ///
    /// # Errors
    /// [`VerifyError`] if the station's key is no longer in use, or if the IDevID does not lead to `anchors` or is not current.
    pub fn verified_again(self, stations: &[Station], anchors: &Anchors, authorities: &Authorities, now: UnixTime) -> Result<Self, VerifyError> {
        let unknown =
            || VerifyError::UnknownSigner { artefact: ManufactureReport::NAME, detail: format!("no key is enrolled as '{}' any more", self.station.key.name) };
        let station = stations.iter().find(|station| station.key == self.station.key).ok_or_else(unknown)?;
        station.check_in_use(ManufactureReport::NAME, now)?;
        let station = if *station == *self.station { Arc::clone(&self.station) } else { Arc::new(station.clone()) };
        Self::of(*self.report, &station, anchors, authorities, now)
    }

    /// Of which device it speaks.
    pub fn device(&self) -> &DeviceId {
        self.report.idevid.device()
    }

    /// Whether it says how the key came to be.
    pub fn tells_origin(&self) -> bool {
        self.report.origin.is_some()
    }

    /// The public key of its IDevID.
    pub(crate) fn key(&self) -> SpkiDigest {
        self.content().idevid.spki_digest()
    }

    pub(crate) fn content(&self) -> &ManufactureReport {
        &self.report
    }

    pub(super) fn appraised(&self) -> &[AppraisedItem] {
        &self.appraised
    }

    pub(super) fn station(&self) -> &Station {
        &self.station
    }
}

/// A batch that an enrolled station signed. Made by [`GenuineReport::verify_batch`] alone.
#[derive(Clone, Debug)]
pub struct GenuineBatch {
    batch: ManufactureBatch,
    station: Arc<Station>,
}

impl GenuineBatch {
    /// Where its rows are, each with its number from 1.
    pub fn rows(&self) -> impl Iterator<Item = (u64, Range<usize>)> + '_ {
        self.batch.rows()
    }

    /// Reads the row that is there, verifies the path of the reported IDevID and appraises the evidence.
    ///
    /// # Errors
    /// [`RowFault`] saying what is wrong with this row. The others are none the worse.
    pub fn report(&self, row: Range<usize>, anchors: &Anchors, authorities: &Authorities, now: UnixTime) -> Result<GenuineReport, RowFault> {
        let row = self.batch.text().get(row).ok_or_else(|| RowError::whole("there is no such row"))?;
        let report = self.batch.reader().read(row)?;
        Ok(GenuineReport::of(report, &self.station, anchors, authorities, now)?)
    }
}

impl GenuineBatch {
    /// Serial number of the device in the row that is there, for whoever has to find it; `None` if the row cannot be read.
    pub fn serial_number(&self, row: Range<usize>) -> Option<SerialNumber> {
        let report = self.batch.reader().read(self.batch.text().get(row)?).ok()?;
        Some(report.idevid.device().serial.clone())
    }
}

/// Why a row of a signed batch is no report.
#[derive(Debug, thiserror::Error)]
pub enum RowFault {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] RowError),
    /// Its IDevID is not to be trusted.
    #[error(transparent)]
    Untrusted(#[from] VerifyError),
}

fn appraised(report: &ManufactureReport, authorities: &Authorities, now: UnixTime) -> Vec<AppraisedItem> {
    let Some(origin) = report.origin.as_ref().filter(|origin| !origin.evidence.is_empty()) else { return Vec::new() };
    // No nonce: what was handed out at the line is not known here, and a key comes into being once.
    let expected = Expected { key: &report.idevid.certificate().public_key(), nonce: None };
    appraise_all(&origin.evidence, &expected, authorities, now)
}

/// Verifies who signed, and that this station may sign still.
fn signed_by<T: Payload>(signed: &Signed<T>, stations: &[Station], now: UnixTime) -> Result<(Verified<T>, Station), VerifyError> {
    let keys: Vec<EnrolledKey> = stations.iter().map(|station| station.key.clone()).collect();
    let verified = signed.verify(&Verifier::strict(SignedBy::Enrolled(&keys)), now)?;
    let station = stations.iter().find(|station| verified.signer().key_name.as_ref() == Some(&station.key.name));
    let station = station.ok_or_else(|| VerifyError::UnknownSigner { artefact: T::NAME, detail: "no station has the name of its key".to_owned() })?;
    station.check_in_use(T::NAME, now)?;
    Ok((verified, station.clone()))
}
