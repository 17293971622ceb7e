//! What the MASA says of its ledger as a transparency log: receipts that a record is in it, and checkpoints that others can compare (RFC 9942, C2SP tlog-checkpoint).
//!
//! The root of every tree is computed from what is on disk, so that nothing is signed that a crash could undo. What was signed is remembered beside the ledger
//! ([`LastSigned`](super::LastSigned)): a ledger that was put back to an older state gets no signature any more once it grows into another log.

use brski_common::log::{
    Consistency, Hash, Inclusion, LogName, Receipt, SignedCheckpoint, VerifierKey, leaf_hash, verify_consistency, verify_inclusion, with_receipt,
};
use brski_common::text::in_full;
use brski_common::{DecodeError, DeviceId, Format, ProvenanceStatement, SignError, Signed};

use super::last_signed::SignedHead;
use super::{LogError, Masa};
use crate::error::Error;
use crate::history::History;
use crate::ledger::{Entry, LedgerError, TreeHead};

/// From which state of the log a receipt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReceiptFrom {
    /// As it is.
    Now,
    /// Any since the record is in it, so that the records of an import share one.
    SinceRecorded,
}

impl Masa {
    /// Name and key by which witnesses and auditors know this MASA's log. The name is the URL of the checkpoint's folder, without scheme.
    ///
    /// # Errors
    /// [`Error::Sign`] if the log's key is not of kind Ed25519, or if the authority cannot be part of a log's name.
    pub fn log_verifier(&self) -> Result<VerifierKey, Error> {
        let name = log_name(&self.0.authority);
        let key = name.and_then(|name| VerifierKey::new(name, self.0.log_key.public_key().clone()));
        Ok(key.map_err(|source| SignError::Encode { artefact: "checkpoint", source: Box::new(source) })?)
    }

    /// The state of the log as it is now, signed. It is signed once, however often it is asked for.
    ///
    /// # Errors
    /// [`Error::Ledger`]; [`Error::Log`] if the log does not continue what was signed before, or if what is signed cannot be remembered; [`Error::Sign`] as for
    /// [`log_verifier`](Self::log_verifier), and if the key does not sign.
    pub async fn checkpoint(&self) -> Result<SignedCheckpoint, Error> {
        let signed = self.signed_head(None).await;
        Ok(signed.inspect_err(|err| tracing::error!(outcome = "no checkpoint", sentence = in_full(err)))?.checkpoint)
    }

    /// The only heads that anything is signed for: the newest, or one with `enough` entries.
    async fn signed_head(&self, enough: Option<u64>) -> Result<SignedHead, Error> {
        self.0.last_signed.advance(&*self.0.ledger, &self.log_verifier()?, &*self.0.log_key, enough).await
    }

    /// The receipt that a device's newest record is in the log as it is now, and the hash of its leaf; `None` if nobody wrote down how its key came to be. Statements of the
    /// record name that hash as their [`record`](ProvenanceStatement::record).
    ///
    /// # Errors
    /// [`Refusal::UnknownDevice`](brski_common::Refusal::UnknownDevice) if the device was never made here; [`Error::Ledger`], also where what the ledger keeps of
    /// its tree does not prove it; [`Error::Log`] and [`Error::Sign`] as for [`checkpoint`](Self::checkpoint).
    pub async fn receipt(&self, device: &DeviceId) -> Result<Option<(Hash, Receipt)>, Error> {
        let mut history = self.known(device).await?;
        self.restate(&mut history, self.0.clock.now()).await?;
        self.receipt_of_record(&history, ReceiptFrom::Now).await
    }

    /// Any entry but the genesis, the hash of its leaf, and the receipt that it is in the log as it is now; `None` if there is no entry `index`.
    ///
    /// # Errors
    /// As for [`receipt`](Self::receipt).
    pub async fn receipt_of_entry(&self, index: u64) -> Result<Option<(Entry, Hash, Receipt)>, Error> {
        let found = self.0.ledger.entries(index, 1).await?.pop().filter(|(found, _)| *found == index);
        let Some((_, entry)) = found else { return Ok(None) };
        let leaf = leaf_hash(&entry.to_octets().map_err(LedgerError::Encode)?);
        let receipt = self.inclusion(index, &leaf, None).await?;
        Ok(Some((entry, leaf, receipt)))
    }

    /// The receipt that the log as it is now continues what it was at `old`; `None` if it is the same.
    ///
    /// # Errors
    /// [`LogError::Rewritten`] if it does not continue it, or has fewer entries than it had; else as for [`checkpoint`](Self::checkpoint).
    pub async fn consistency(&self, old: &TreeHead) -> Result<Option<Receipt>, Error> {
        let now = self.0.ledger.head().await?;
        let rewritten = |now| LogError::Rewritten { old: *old, now };
        if now.size < old.size || (now.size == old.size && now.root != old.root) {
            return Err(rewritten(now).into());
        }
        let new = self.signed_head(None).await?.head;
        if *old == new {
            return Ok(None);
        }
        let path = self.0.ledger.consistency(old.size, new.size).await?;
        verify_consistency(old.size, &old.root, new.size, &new.root, &path).map_err(|_| rewritten(new))?;
        let proof = Consistency { old_size: old.size, new_size: new.size, path };
        let unsigned = Receipt::of_consistency(proof, &old.root, &new.root, &*self.0.log_key)?;
        Ok(Some(unsigned.sign(&*self.0.log_key).await?))
    }

    async fn receipt_of_record(&self, history: &History, from: ReceiptFrom) -> Result<Option<(Hash, Receipt)>, Error> {
        let Some(record) = history.record() else { return Ok(None) };
        let leaf = leaf_hash(&record.to_cbor().map_err(unencodable)?);
        let enough = match from {
            ReceiptFrom::Now => None,
            ReceiptFrom::SinceRecorded => Some(history.index().saturating_add(1)),
        };
        let receipt = self.inclusion(history.index(), &leaf, enough).await?;
        Ok(Some((leaf, receipt)))
    }

    /// The receipt that an entry is in the log as it is now, or as it was signed once it had `enough` entries.
    async fn inclusion(&self, index: u64, leaf: &Hash, enough: Option<u64>) -> Result<Receipt, Error> {
        let TreeHead { size, root } = self.signed_head(enough).await?.head;
        let path = self.0.ledger.inclusion(index, size).await?;
        let unproved = |err| LedgerError::Tree(format!("entry {index} among {size}: {err}"));
        verify_inclusion(leaf, index, size, &path, &root).map_err(unproved)?;
        let proof = Inclusion { tree_size: size, leaf_index: index, path };
        let unsigned = Receipt::of_inclusion(proof, leaf, &root, &*self.0.log_key)?;
        Ok(unsigned.sign(&*self.0.log_key).await?)
    }

    /// The statement about a device's record with a receipt in its unprotected header. Trouble of the log costs the receipt alone: the statement is stored, and bears its own
    /// signature.
    pub(super) async fn with_receipt(
        &self,
        statement: Signed<ProvenanceStatement>,
        history: &History,
        from: ReceiptFrom,
    ) -> (Signed<ProvenanceStatement>, Option<Receipt>) {
        let found = self.receipt_of_record(history, from).await;
        let both = found.and_then(|found| found.map(|(_, receipt)| Ok((receipted(&statement, &receipt)?, receipt))).transpose());
        match both {
            Ok(Some((receipted, receipt))) => (receipted, Some(receipt)),
            Ok(None) => (statement, None),
            Err(err) => {
                tracing::error!(outcome = "no receipt", sentence = in_full(&err));
                (statement, None)
            }
        }
    }
}

/// The statement with the receipt in its unprotected header. What is signed stays as it is, octet for octet.
fn receipted(statement: &Signed<ProvenanceStatement>, receipt: &Receipt) -> Result<Signed<ProvenanceStatement>, Error> {
    let octets = with_receipt(statement.wire(), receipt).map_err(unencodable)?;
    Ok(Signed::from_wire(Format::Cose, octets))
}

/// Where checkpoints are served: the log's name is the URL of this folder without scheme, as the specification of tiled logs advises.
///
/// # Errors
/// [`DecodeError`] if the authority has characters that a log's name may not have.
pub fn log_name(authority: &str) -> Result<LogName, DecodeError> {
    LogName::new(format!("{authority}/.well-known/brski-log"))
}

fn unencodable(source: DecodeError) -> SignError {
    SignError::Encode { artefact: "provenance statement", source: Box::new(source) }
}
