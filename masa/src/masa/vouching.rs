//! Journey 2: a voucher is decided on, recorded, then signed; and those that were issued are signed again.

use brski_common::voucher::ProvenanceExtension;
use brski_common::{
    Certificate, DeviceId, Format, Payload as _, PeerCertificates, Refusal, SignError, Signed, SigningParty, UnixTime, Voucher, VoucherRequest,
};

use super::{Masa, note, noted, told};
use crate::error::Error;
use crate::history::History;
use crate::issue::{self, Decision, Told};
use crate::ledger::Vouched;
use crate::product_line::ProductLine;
use crate::request::{Prior, RegistrarRequest};

impl Masa {
    /// Vouches for a device to the domain that asks (RFC 8995, section 5.5), in this format. `peer` is who asked over TLS.
    ///
    /// The same request again gets the same voucher again, and may get it in another format.
    ///
    /// # Errors
    /// [`Error::Untrusted`] if a signature does not hold; [`Error::Refused`] with the rule that says no; [`Error::Inexpressible`] if this format has no room for a leaf.
    #[tracing::instrument(skip_all, fields(serial, domain, entry, renewal))]
    pub async fn vouch(&self, request: &Signed<VoucherRequest>, answer: Format, peer: &PeerCertificates) -> Result<Signed<Voucher>, Error> {
        told("vouched", self.decide_and_sign(request, answer, peer).await)
    }

    async fn decide_and_sign(&self, request: &Signed<VoucherRequest>, answer: Format, peer: &PeerCertificates) -> Result<Signed<Voucher>, Error> {
        let now = self.0.clock.now();
        let request = noted(RegistrarRequest::verify(request, self.0.lenient, now)?);
        let mut history = self.known(request.device()).await?;
        let claim = request.open(&history, &self.0.idevid_anchors, || self.0.lines.voucher_anchors(), now)?;
        let line = self.0.lines.of(history.device());
        let decision = issue::evaluate(&claim, peer, &history, &line.issue_policy, now)?;
        let party = possible(line, &history, decision.voucher(), answer)?;
        let recorded = match decision {
            Decision::Repeat(recorded) => *recorded,
            // Log first: a crash may leave an entry without a voucher, never a voucher without an entry.
            Decision::Record(order) => match self.0.ledger.append(vec![order.entry().clone()]).await {
                Ok(appended) => {
                    note("entry", &appended.start);
                    // What came before the entry counts, and not only what was there when it was decided on. If that says no, the entry stands, as after a crash.
                    history = self.known(history.device()).await?;
                    order.recorded(appended, &history, &line.issue_policy)?
                }
                Err(err) => {
                    // Perhaps the same nonce came in twice at once; the history then knows for whom it was used.
                    history = self.known(history.device()).await?;
                    match issue::evaluate(&claim, peer, &history, &line.issue_policy, now)? {
                        Decision::Repeat(recorded) => *recorded,
                        Decision::Record(_) => return Err(err.into()),
                    }
                }
            },
        };
        if let Prior::Voucher(_) = claim.prior() {
            note("renewal", &true);
        }
        let told = Told::evaluate(claim.registrar(), &line.issue_policy);
        let voucher = Voucher { provenance: self.extension(told, &history, now).await?, ..recorded.into_voucher() };
        Ok(party.seal(&voucher, answer).await?)
    }

    /// What the voucher tells of the device's key; nothing where nothing is on record.
    async fn extension(&self, told: Option<Told>, history: &History, now: UnixTime) -> Result<Option<ProvenanceExtension>, Error> {
        let Some(told) = told else { return Ok(None) };
        let mut history = history.clone();
        let level = self.0.lines.of(history.device()).disclosure.owner;
        let statement = self.statement(&mut history, level, now).await?;
        let extension = statement.map(|statement| told.extension(&statement)).transpose();
        Ok(extension.map_err(|source| SignError::Encode { artefact: "voucher", source: Box::new(source) })?)
    }

    /// The newest voucher of a device that the domain which asks was given, signed again: it says what it said, its time included, and nothing is recorded.
    ///
    /// # Errors
    /// [`Error::Untrusted`] if the signature does not hold; [`Error::Refused`] if the device is unknown, was never the requester's or is so no longer, or is blocked.
    #[tracing::instrument(skip_all, fields(serial, domain))]
    pub async fn issued(&self, request: &Signed<VoucherRequest>, answer: Format, peer: &PeerCertificates) -> Result<Signed<Voucher>, Error> {
        told("voucher told again", self.find_issued(request, answer, peer).await)
    }

    async fn find_issued(&self, request: &Signed<VoucherRequest>, answer: Format, peer: &PeerCertificates) -> Result<Signed<Voucher>, Error> {
        let now = self.0.clock.now();
        let request = noted(RegistrarRequest::verify(request, self.0.lenient, now)?);
        let history = self.0.ledger.history(request.device()).await?;
        let line = self.0.lines.of(request.device());
        let voucher = issue::evaluate_issued(&request, peer, history.as_ref(), &line.issue_policy, now)?.into_voucher();
        let history = history.ok_or_else(|| Refusal::UnknownDevice(request.device().clone()))?;
        Ok(possible(line, &history, &voucher, answer)?.seal(&voucher, answer).await?)
    }

    /// Every voucher of a device, oldest first, with the index of its entry.
    ///
    /// # Errors
    /// [`Refusal::UnknownDevice`] if it was never made here; [`Error::Ledger`].
    pub async fn vouchers(&self, device: &DeviceId) -> Result<Vec<(u64, Vouched)>, Error> {
        Ok(self.known(device).await?.vouchers().map(|(index, vouched)| (index, vouched.clone())).collect())
    }

    /// The voucher of a device whose entry has this index, signed again for the manufacturer's own people, on the word of `by`: it says what it said, its time included, and nothing is
    /// recorded.
    ///
    /// # Errors
    /// [`Error::Refused`] if there is no such voucher, its ledger did not keep what it pinned, the device has changed hands since, its domain may not have the device by today's sales data,
    /// or the device is blocked; or if the key that signs it is not here; [`Error::Inexpressible`]; [`Error::Sign`].
    #[tracing::instrument(skip_all, fields(serial = %device.serial, entry = index, by))]
    pub async fn sign_again(&self, device: &DeviceId, index: u64, by: &str, format: Format) -> Result<Signed<Voucher>, Error> {
        note("by", &by);
        let signed = async {
            let history = self.known(device).await?;
            let line = self.0.lines.of(history.device());
            let voucher = issue::evaluate_again(index, &history, &line.issue_policy)?.into_voucher();
            Ok(possible(line, &history, &voucher, format)?.seal(&voucher, format).await?)
        };
        told("voucher signed again", signed.await)
    }

    /// Vouches for a device without nonce to the domain that the operator `by` names, for a place without network (RFC 8995, section 7.4.1). `registrar` is the one that will
    /// show the voucher, if it is known; the voucher then expires with its certificate.
    ///
    /// # Errors
    /// [`Error::Refused`] with the rule that says no; else as for [`vouch`](Self::vouch).
    #[tracing::instrument(skip_all, fields(serial = %device.serial, domain = %domain.domain_id(), entry, by))]
    pub async fn vouch_offline(
        &self,
        device: &DeviceId,
        domain: &Certificate,
        registrar: Option<&Certificate>,
        by: &str,
        format: Format,
    ) -> Result<Signed<Voucher>, Error> {
        note("by", &by);
        let vouched = async {
            let history = self.known(device).await?;
            let line = self.0.lines.of(history.device());
            let order = issue::evaluate_offline(domain, registrar, by, &history, &line.issue_policy, self.0.clock.now())?;
            let party = possible(line, &history, order.voucher(), format)?;
            // Log first: a crash may leave an entry without a voucher, never a voucher without an entry.
            let appended = self.0.ledger.append(vec![order.entry().clone()]).await?;
            note("entry", &appended.start);
            // As for a voucher with a nonce.
            let recorded = order.recorded(appended, &self.known(device).await?, &line.issue_policy)?;
            Ok(party.seal(&recorded.into_voucher(), format).await?)
        };
        told("vouched", vouched.await)
    }
}

/// Who signs this voucher, if it can be given in this format at all.
///
/// To be asked before anything is recorded: an entry for a voucher that cannot be given would stay in the device's log for good.
pub(super) fn possible<'a>(line: &'a ProductLine, history: &History, voucher: &Voucher, format: Format) -> Result<&'a SigningParty, Error> {
    voucher.encode(format).map_err(|source| Error::Inexpressible { format, source })?;
    match &voucher.nonce {
        Some(_) => Ok(line.vouchers.of(&voucher.serial_number, history.made_at())?),
        // With another key, since whoever has it could take devices that nobody has unpacked yet (RFC 8995, section 11.6.2.2).
        None => Ok(line.vouchers.nonceless().ok_or(Refusal::NoncelessNotSigned)?),
    }
}
