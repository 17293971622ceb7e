//! What those who run a registrar want to know of it.

use brski_common::text::in_full;
use brski_common::{PeerCertificates, Policy, SpkiDigest, UnixTime};

use super::Registrar;
use crate::enroll::VerifiedLDevId;
use crate::error::Error;
use crate::pledges::PledgeStore;
use crate::trail::{CertificateId, Event, What};
use crate::trust::Trust;

/// Why a registrar cannot do its work at the moment. What is told says which part, and nothing of it: the log has the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotReady {
    /// The store of pledges does not answer a read.
    #[error("the store of pledges does not answer")]
    Store,
    /// The registrar's own key does not sign.
    #[error("the registrar's key does not sign")]
    Key,
    /// The certification authority cannot issue.
    #[error("the certification authority cannot issue")]
    CertificateAuthority,
}

impl Registrar {
    /// Whether it could serve a pledge now: the store answers, its own key signs, and the certification authority is able to issue. MASAs are not asked: one that is
    /// down stops its own pledges alone.
    ///
    /// # Errors
    /// [`NotReady`], after the whole cause was logged as an error.
    pub async fn ready(&self) -> Result<(), NotReady> {
        let trouble = |why: NotReady, err: &dyn std::error::Error| {
            tracing::error!(outcome = "not ready", sentence = in_full(err));
            why
        };
        self.parts.pledges.is_revoked(CertificateId::default()).await.map_err(|err| trouble(NotReady::Store, &err))?;
        self.parts.identity.signer.sign(PROBE).await.map_err(|err| trouble(NotReady::Key, &err))?;
        self.parts.ca.ready(self.now()).await.map_err(|err| trouble(NotReady::CertificateAuthority, &err))
    }

    /// Notes in the trail under which policy and for whose devices the registrar serves from now on.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn note_configured(&self, why: &str) -> Result<(), Error> {
        let manufacturers = self.parts.trust.manufacturers().iter().map(|manufacturer| manufacturer.name.clone()).collect();
        let what = What::Configured { policy: SpkiDigest(*self.parts.policy.digest()).to_string(), manufacturers, why: why.to_owned() };
        Ok(self.parts.pledges.note(Event { at: self.now(), pledge: None, what }).await?)
    }

    /// How keys may have come to be.
    pub fn policy(&self) -> &Policy {
        &self.parts.policy
    }

    /// Whose pledges are accepted.
    pub fn trust(&self) -> &Trust {
        &self.parts.trust
    }

    /// Whether an accepted manufacturer or a CA of this domain issued the peer's certificate, and it is current. For limits alone: it admits nobody.
    pub fn knows(&self, peer: &PeerCertificates) -> bool {
        let now = self.now();
        self.parts.trust.admit(peer, now).is_ok() || VerifiedLDevId::verify(peer, &self.issuing_cas(), now).is_ok()
    }

    /// The memory of pledges.
    pub fn pledges(&self) -> &dyn PledgeStore {
        &*self.parts.pledges
    }

    /// How many persons have to approve a held pledge.
    pub fn approvers(&self) -> usize {
        self.parts.settings.approvers
    }

    /// The time, as this registrar knows it.
    pub fn now(&self) -> UnixTime {
        self.parts.clock.now()
    }
}

/// What the key signs to show that it can: nothing that any envelope, certificate or TLS handshake could be made of.
const PROBE: &[u8] = b"brski-registrar: does this key sign?";
