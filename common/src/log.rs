//! The transparency log of a MASA's ledger: an append-only Merkle tree, receipts that something is in it, and the checkpoints that its operator signs.
//!
//! Pure: where the nodes of the tree are kept, and who asks for proofs, is another's business. Keys are arguments.

pub mod checkpoint;
pub mod merkle;
pub mod receipt;

pub use checkpoint::{Checkpoint, LogName, NoteSignature, SignedCheckpoint, VerifierKey};
pub use merkle::{Frontier, Hash, Node, Plan, ProofError, leaf_hash, node_hash, verify_consistency, verify_inclusion};
pub use receipt::{
    Consistency, Inclusion, Proof, Receipt, UnsignedReceipt, VerifiedConsistency, VerifiedInclusion, receipts_of, with_receipt, without_receipts,
};
