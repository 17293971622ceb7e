//! The request of a pledge that comes itself, over a connection of its own.

use brski_common::{Anchors, IDevIdCert, Leniencies, PeerCertificates, Refusal, Signed, SignedBy, UnixTime, Usage, Verifier, VerifyError, VoucherRequest};

use super::PledgeRequest;
use crate::error::Error;

impl PledgeRequest {
    /// Verifies the request of a pledge that is our client itself: its TLS certificate leads to `anchors`, and signed the request.
    ///
    /// # Errors
    /// [`Refusal::ClientCertificateRequired`] if the client showed none; [`Refusal::UnknownDevice`] if its certificate is nobody's whom we know; [`VerifyError`] if it is not current, or
    /// the request not signed by it.
    pub(crate) fn direct(
        request: &Signed<VoucherRequest>,
        peer: &PeerCertificates,
        anchors: &Anchors,
        lenient: Leniencies,
        now: UnixTime,
    ) -> Result<Self, Error> {
        let (own, pool) = peer.0.split_first().ok_or(Refusal::ClientCertificateRequired("the pledge's IDevID"))?;
        let decode = |source| VerifyError::Decode { artefact: "pledge's IDevID", source };
        let idevid = IDevIdCert::new(own.clone()).map_err(decode)?;
        match anchors.verify_path(own, pool, Usage::Any, now) {
            Ok(_) => {}
            Err(err @ VerifyError::NotCurrent { .. }) => return Err(err.into()),
            Err(_) => return Err(Refusal::UnknownDevice(idevid.device().clone()).into()),
        }
        let request = request.verify(&Verifier { by: SignedBy::Holder(own), lenient }, now)?;
        Ok(Self { request, idevid })
    }
}
