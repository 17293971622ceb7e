//! What becomes of a pledge whose manufacturer nobody has accepted, where the owner wants to decide about such pledges.

use brski_common::pledge::LONGEST_DEFERRAL;
use brski_common::{IDevIdCert, PeerCertificates, Refusal, Signed, SignedBy, SpkiDigest, UnixTime, Verifier, VoucherRequest};

use super::Registrar;
use crate::approval::undecided;
use crate::error::Error;
use crate::relay;
use crate::trail::{Event, PledgeFile, State, Subject, What};
use crate::trust::{Stranger, Strangers};

impl Registrar {
    /// The same, holding pledges of unknown manufacturers instead of refusing them, and keeping what they show for the owner to look at.
    ///
    /// Such a pledge gets no further by any approval: it goes on once a manufacturer is accepted under which its certificate verifies.
    #[must_use]
    pub fn holding_strangers(self, strangers: Strangers) -> Self {
        Self { strangers: Some(strangers), ..self }
    }

    /// Holds a pledge that `refusal` says is of an unknown manufacturer, if such pledges are held and its request is in order as far as that can be told without a path.
    ///
    /// Its MASA is not asked: the URL is the word of a certificate that nobody trusts.
    pub(super) async fn hold_stranger(&self, refusal: Error, request: &Signed<VoucherRequest>, peer: &PeerCertificates, now: UnixTime) -> Result<Error, Error> {
        let (Some(strangers), Some(own)) = (&self.strangers, peer.own()) else { return Ok(refusal) };
        if own.is_ca() {
            return Ok(refusal);
        }
        let idevid = IDevIdCert::new(own.clone())?;
        let request = request.verify(&Verifier::strict(SignedBy::Holder(own)), now)?;
        relay::check_leaves(request.get(), idevid.device(), self.certificate()?, &self.parts.settings, now)?;

        let (key, serial) = (idevid.spki_digest(), idevid.device().serial.clone());
        let file = self.parts.pledges.file(key).await?;
        if file.as_ref().is_some_and(|file| file.disapproval.is_some()) {
            return Ok(crate::approval::refused_by_person(&serial).into());
        }
        let digest = SpkiDigest(request.signed().digest());
        let since = file.as_ref().and_then(|file| file.waiting).filter(|waiting| waiting.request == digest).map(|waiting| waiting.since);
        if since.is_some_and(|since| now.as_secs().saturating_sub(since.as_secs()) >= LONGEST_DEFERRAL.as_secs()) {
            let undecided = undecided(&serial);
            let what = What::Refused { request: Some(digest), sentence: undecided.to_string(), decision: None, withdrawn: false };
            self.parts.pledges.note(Event { at: now, pledge: Some(subject(key, serial)), what }).await?;
            return Ok(undecided.into());
        }
        strangers.keep(Stranger::new(key, serial.clone(), peer, now)?);

        let sentence = format!("{refusal}; it waits for the owner, whom `brski-registrar trust pending` tells what it showed");
        // A pledge that waits asks every minute, perhaps with another nonce each time: the trail has it once an hour.
        let noted = |file: &PledgeFile| file.state == State::Held && now.as_secs().saturating_sub(file.last_seen.as_secs()) < NOTED_AGAIN.as_secs();
        if !file.as_ref().is_some_and(noted) {
            let what = What::Held { request: digest, held: None, sentence, decision: None };
            self.parts.pledges.note(Event { at: now, pledge: Some(subject(key, serial)), what }).await?;
        }
        Ok(Refusal::Pending { reason: "its manufacturer is not accepted here yet".to_owned(), wait: self.parts.settings.hold_retry }.into())
    }
}

fn subject(key: SpkiDigest, serial: brski_common::SerialNumber) -> Subject {
    Subject { key, serial, manufacturer: UNKNOWN.to_owned() }
}

const NOTED_AGAIN: core::time::Duration = core::time::Duration::from_secs(3600);

/// What the trail calls the manufacturer of a pledge that no accepted one made.
const UNKNOWN: &str = "unknown";
