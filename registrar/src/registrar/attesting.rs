//! Evidence about the keys of LDevIDs: nonces for it, what becomes of it, and what is written down.

use std::sync::Arc;

use brski_common::{Csr, PeerCertificates, Refusal, SpkiDigest, UnixTime};

use super::Registrar;
use crate::enroll::{AppraisedCsr, KeyGround, Nonces, VerifiedLDevId};
use crate::error::Error;
use crate::relay::Admission;
use crate::trail::{Event, KeptRequest, PledgeFile, What};

impl Registrar {
    /// The same with these nonces, which live longer than it.
    #[must_use]
    pub fn with_nonces(self, nonces: Arc<Nonces>) -> Self {
        Self { nonces, ..self }
    }

    /// A nonce of so many octets for the evidence in this peer's next certification request; none if there is no room for more.
    ///
    /// # Errors
    /// As at EST's doors, if the peer is neither a pledge of an accepted manufacturer nor a member of this domain.
    pub fn nonce(&self, peer: &PeerCertificates, length: usize) -> Result<Option<Vec<u8>>, Error> {
        let now = self.parts.clock.now();
        let key = match VerifiedLDevId::verify(peer, &self.issuing_cas(), now) {
            Ok(member) => member.certificate().spki_digest(),
            Err(_) => self.parts.trust.admit(peer, now)?.0.spki_digest(),
        };
        let mut nonce = vec![0; length];
        if aws_lc_rs::rand::fill(&mut nonce).is_err() {
            tracing::error!(reason = "the system gives no random numbers", "no nonce was handed out");
            return Ok(None);
        }
        Ok(self.nonces.hand_out(key, nonce.clone(), now).then_some(nonce))
    }

    /// Judges the evidence in a request of the peer with this key, or that there is none. A refusal comes with what is kept of the request.
    pub(super) fn with_key_appraised(
        &self,
        csr: Csr,
        peer: SpkiDigest,
        admission: &Admission,
        now: UnixTime,
    ) -> Result<AppraisedCsr, (Refusal, Option<Box<KeptRequest>>)> {
        let nonce = csr.attestation().and_then(|_| self.nonces.answered_by(peer, SpkiDigest::of(csr.der()), now));
        let manufacturer = admission.subject().manufacturer;
        let ground = KeyGround { nonce: nonce.as_deref(), ..self.key_ground(Some(&manufacturer)) };
        let kept = KeptRequest::of_refused(&csr, ground.nonce).map(Box::new);
        AppraisedCsr::accept(csr, &ground, now).map_err(|refusal| {
            self.nonces.used_up(peer);
            (refusal, kept)
        })
    }

    /// By what keys of this manufacturer's devices are judged, without a nonce.
    pub(super) fn key_ground<'a>(&'a self, manufacturer: Option<&'a str>) -> KeyGround<'a> {
        KeyGround { policy: &self.parts.policy, manufacturer, authorities: self.parts.trust.authorities(), nonce: None }
    }

    /// Writes down what was attested of the key, or what was not though it should have been: before the LDevID, and once for a request that waits.
    pub(super) async fn note_attested(&self, request: &AppraisedCsr, admission: &Admission, file: Option<&PledgeFile>, now: UnixTime) -> Result<(), Error> {
        let csr = request.csr();
        let digest = SpkiDigest::of(csr.der());
        let noted = file.and_then(|file| file.attested.as_ref()).is_some_and(|attested| attested.request == digest);
        if noted || (csr.attestation().is_none() && request.warned().is_none()) {
            return Ok(());
        }
        let what = What::Attested {
            request: digest,
            key: csr.public_key().digest(),
            kept: Box::new(KeptRequest::of(csr, request.nonce())),
            findings: request.findings().to_vec(),
            warned: request.warned().map(str::to_owned),
        };
        Ok(self.parts.pledges.note(Event { at: now, pledge: Some(admission.subject()), what }).await?)
    }
}
