//! What those who run a MASA want to know of it.

use brski_common::text::in_full;
use brski_common::{PeerCertificates, SigningParty, UnixTime, Usage};

use super::Masa;
use crate::error::Error;
use crate::ledger::TreeHead;

/// Why a MASA cannot do its work at the moment. What is told says which part, and nothing of it: the log has the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotReady {
    /// The ledger does not answer a read.
    #[error("the ledger does not answer")]
    Ledger,
    /// What the log signed last cannot be read or written, or the ledger does not continue it.
    #[error("the log cannot sign its state")]
    Log,
    /// A key that vouches or that signs statements does not sign.
    #[error("a key does not sign")]
    Key,
}

impl Masa {
    /// Whether it could answer a registrar now: the ledger answers, the log continues what was signed last, and every key signs.
    ///
    /// # Errors
    /// [`NotReady`], after the whole cause was logged as an error.
    pub async fn ready(&self) -> Result<(), NotReady> {
        let trouble = |why: NotReady, err: &dyn std::error::Error| {
            tracing::error!(outcome = "not ready", sentence = in_full(err));
            why
        };
        self.0.ledger.head().await.map_err(|err| trouble(NotReady::Ledger, &err))?;
        // Logs its own error.
        self.checkpoint().await.map_err(|_| NotReady::Log)?;
        for party in self.signers() {
            party.signer.sign(PROBE).await.map_err(|err| trouble(NotReady::Key, &err))?;
        }
        Ok(())
    }

    /// Every key that vouches or signs statements, each once.
    fn signers(&self) -> Vec<&SigningParty> {
        let mut found: Vec<&SigningParty> = Vec::new();
        for party in self.0.lines.iter().flat_map(|line| line.vouchers.parties().chain([&line.provenance])) {
            if !found.iter().any(|known| known.signer.public_key() == party.signer.public_key()) {
                found.push(party);
            }
        }
        found
    }

    /// The log as it is, unsigned.
    ///
    /// # Errors
    /// [`Error::Ledger`].
    pub async fn head(&self) -> Result<TreeHead, Error> {
        Ok(self.0.ledger.head().await?)
    }

    /// Whether the peer's certificate leads to the CAs that issue IDevIDs, and is current. For limits alone: it admits nobody.
    ///
    /// A registrar is nobody that a MASA has to know beforehand.
    pub fn knows(&self, peer: &PeerCertificates) -> bool {
        let path = |own, pool| self.0.idevid_anchors.verify_path(own, pool, Usage::Any, self.now());
        peer.0.split_first().is_some_and(|(own, pool)| path(own, pool).is_ok())
    }

    /// The time, as this MASA knows it.
    pub fn now(&self) -> UnixTime {
        self.0.clock.now()
    }
}

/// What keys sign to show that they can: nothing that any envelope, certificate or TLS handshake could be made of.
const PROBE: &[u8] = b"brski-masa: does this key sign?";
