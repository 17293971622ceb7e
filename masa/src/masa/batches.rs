//! Journey 1 for many reports under one signature: who signed, and what each row is worth.

use core::ops::Range;

use brski_common::evidence::{DeliveryList, ManifestElement};
use brski_common::provenance::ManufactureBatch;
use brski_common::{Signed, VerifyError};

use super::Masa;
use crate::manufacture::{GenuineBatch, GenuineReport, RowFault};

impl Masa {
    /// Whether an enrolled station signed this batch.
    ///
    /// # Errors
    /// [`VerifyError`] if none did, or if its key is no longer in use.
    pub fn genuine_batch(&self, batch: &Signed<ManufactureBatch>) -> Result<GenuineBatch, VerifyError> {
        GenuineReport::verify_batch(batch, &self.0.stations, self.0.clock.now())
    }

    /// Whether the station that signed a report may sign still, with the same key, and the IDevID is the manufacturer's own: both were verified earlier, perhaps by this MASA as it was
    /// configured then.
    ///
    /// # Errors
    /// [`VerifyError`] if the station's key is no longer in use, or the IDevID no longer leads to an anchor.
    pub fn still_genuine(&self, report: GenuineReport) -> Result<GenuineReport, VerifyError> {
        report.verified_again(&self.0.stations, &self.0.idevid_anchors, &self.2, self.0.clock.now())
    }

    /// Whether the IDevID in a batch's row is the manufacturer's own.
    ///
    /// # Errors
    /// [`RowFault`] naming the field if the row cannot be read.
    pub fn genuine_row(&self, batch: &GenuineBatch, row: Range<usize>) -> Result<GenuineReport, RowFault> {
        batch.report(row, &self.0.idevid_anchors, &self.2, self.0.clock.now())
    }

    /// Whether an element of a manifest is a vendor's whose word counts.
    ///
    /// # Errors
    /// [`VerifyError`] naming the certificate that is needed, or what is wrong with it or with the signature.
    pub(crate) fn delivered(&self, element: &ManifestElement) -> Result<(), VerifyError> {
        element.signed_by(&self.2, self.0.clock.now()).map(drop)
    }

    /// What a vendor whose word counts says that it delivered.
    ///
    /// # Errors
    /// [`VerifyError`] if it cannot be read, is too large to be evidence, or nobody signed it whose word counts.
    pub(crate) fn delivery(&self, list: &Signed<DeliveryList>) -> Result<DeliveryList, VerifyError> {
        DeliveryList::signed_by(list, &self.2, self.0.clock.now()).map(|(_, list)| list.get().clone())
    }
}
