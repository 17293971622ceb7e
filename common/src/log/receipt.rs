//! COSE receipts (RFC 9942) over the tree of RFC 9162: that an entry is in the log, and that the log continues what it was.
//!
//! A receipt of inclusion is detached: who verifies it finds the root from the entry and the path, and only the signature tells whether that is a root of the log.

mod wire;

pub(crate) use self::wire::VDS;
use super::merkle::{Hash, consistent_root, included_root};
use crate::envelope;
use crate::error::{DecodeError, SignError, VerifyError};
use crate::sign::{PublicKey, Signature, SignatureAlgorithm, SignatureScheme, Signer};

/// The way from a leaf to the root of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// Number of leaves.
    pub tree_size: u64,
    /// Number of the leaf, from 0.
    pub leaf_index: u64,
    /// As [`Plan::inclusion`](super::Plan::inclusion) gives it; 1 to 64 elements, since a receipt cannot express the empty path of an only leaf.
    pub path: Vec<Hash>,
}

/// The way from the root of an older tree to that of a newer one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consistency {
    /// Number of leaves of the older tree.
    pub old_size: u64,
    /// Number of leaves of the newer tree.
    pub new_size: u64,
    /// As [`Plan::consistency`](super::Plan::consistency) gives it; 1 to 64 elements, since a receipt cannot express the empty path between equal trees.
    pub path: Vec<Hash>,
}

/// What a receipt proves.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proof {
    /// An entry is in the log.
    Inclusion(Inclusion),
    /// The log continues what it was.
    Consistency(Consistency),
}

/// A receipt as it came from, or goes to, the wire: well-formed, but not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    wire: Vec<u8>,
    /// The protected header's octets, as they were signed.
    protected: Vec<u8>,
    algorithm: SignatureAlgorithm,
    key_id: Option<Vec<u8>>,
    proof: Proof,
    /// The root, where it is attached.
    root: Option<Hash>,
    signature: Signature,
}

/// That an entry is in a log. Made by [`Receipt::verify_inclusion`] alone.
///
/// Of these, the log has signed the root alone: by a [`Checkpoint`](super::Checkpoint) it signs the size as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifiedInclusion {
    /// Number of leaves, as the sender says.
    pub tree_size: u64,
    /// Number of the entry's leaf, as the sender says.
    pub leaf_index: u64,
    /// The root of a tree in which the entry is.
    pub root: Hash,
}

/// That a log continues what it was. Made by [`Receipt::verify_consistency`] alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifiedConsistency {
    /// Number of leaves of the newer tree, as the sender says.
    pub tree_size: u64,
    /// The newer tree's root.
    pub root: Hash,
}

impl Receipt {
    /// Prepares the receipt for `leaf`, to be signed by the log's key. All receipts of one tree have the same octets to be signed, and may bear the same signature.
    ///
    /// # Errors
    /// [`SignError::Encode`] if the path does not lead from the leaf to `root`, or is empty: a log must not sign what it cannot prove.
    pub fn of_inclusion(proof: Inclusion, leaf: &Hash, root: &Hash, signer: &dyn Signer) -> Result<UnsignedReceipt, SignError> {
        let Inclusion { tree_size, leaf_index, path } = &proof;
        super::merkle::verify_inclusion(leaf, *leaf_index, *tree_size, path, root).map_err(unencodable)?;
        UnsignedReceipt::new(Proof::Inclusion(proof), *root, false, signer)
    }

    /// Prepares the receipt that the newer tree continues the older one; it has the newer root attached.
    ///
    /// # Errors
    /// [`SignError::Encode`] if the path does not lead from one root to the other, or is empty.
    pub fn of_consistency(proof: Consistency, old_root: &Hash, new_root: &Hash, signer: &dyn Signer) -> Result<UnsignedReceipt, SignError> {
        let Consistency { old_size, new_size, path } = &proof;
        super::merkle::verify_consistency(*old_size, old_root, *new_size, new_root, path).map_err(unencodable)?;
        UnsignedReceipt::new(Proof::Consistency(proof), *new_root, true, signer)
    }

    /// Reads a receipt of at most 8 KiB, in preferred serialization, with one proof in it.
    ///
    /// # Errors
    /// [`DecodeError`] saying what is wrong with it, an unsupported algorithm included.
    pub fn from_wire(octets: &[u8]) -> Result<Self, DecodeError> {
        wire::read(octets)
    }

    /// The exact octets.
    pub fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// What it proves, once verified.
    pub fn proof(&self) -> &Proof {
        &self.proof
    }

    /// The name of the key that is said to have signed it; in our own receipts the SHA-256 of its SubjectPublicKeyInfo. A hint of which key to verify with.
    pub fn key_id(&self) -> Option<&[u8]> {
        self.key_id.as_deref()
    }

    /// Checks that the log with this key has the entry with this leaf hash ([`leaf_hash`](super::leaf_hash)) in it.
    ///
    /// # Errors
    /// [`VerifyError::BadProof`] if path, index and size do not fit each other or an attached root; [`VerifyError::BadSignature`] if the log did not sign the root
    /// to which they lead, as for an entry that it does not have; [`VerifyError::Decode`] if it is a receipt of consistency.
    pub fn verify_inclusion(&self, leaf: &Hash, log: &PublicKey) -> Result<VerifiedInclusion, VerifyError> {
        let Inclusion { tree_size, leaf_index, path } = match &self.proof {
            Proof::Inclusion(proof) => proof,
            Proof::Consistency(_) => return Err(other_kind("a proof of inclusion")),
        };
        let root = included_root(leaf, *leaf_index, *tree_size, path).map_err(bad_proof)?;
        self.check_root(&root, log)?;
        Ok(VerifiedInclusion { tree_size: *tree_size, leaf_index: *leaf_index, root })
    }

    /// Checks that the log with this key begins with the `old_size` leaves of the tree whose root was `old_root`.
    ///
    /// # Errors
    /// [`VerifyError::BadProof`] if the receipt is of another older tree or its path does not fit; [`VerifyError::BadSignature`] if the log did not sign the newer root;
    /// [`VerifyError::Decode`] if it is a receipt of inclusion.
    pub fn verify_consistency(&self, old_size: u64, old_root: &Hash, log: &PublicKey) -> Result<VerifiedConsistency, VerifyError> {
        let proof = match &self.proof {
            Proof::Consistency(proof) => proof,
            Proof::Inclusion(_) => return Err(other_kind("a proof of consistency")),
        };
        if proof.old_size != old_size {
            return Err(bad_proof(super::ProofError::WrongOldRoot));
        }
        let found = consistent_root(old_size, old_root, proof.new_size, &proof.path).map_err(bad_proof)?;
        // A path is never empty in a receipt, and only an empty one leads from nothing to any tree.
        let root = found.ok_or(bad_proof(super::ProofError::WrongLength))?;
        self.check_root(&root, log)?;
        Ok(VerifiedConsistency { tree_size: proof.new_size, root })
    }

    fn check_root(&self, root: &Hash, log: &PublicKey) -> Result<(), VerifyError> {
        if self.root.is_some_and(|attached| attached != *root) {
            return Err(bad_proof(super::ProofError::WrongRoot));
        }
        let signed = wire::to_be_signed(&self.protected, root).map_err(undecodable)?;
        match log.verifies(SignatureScheme::Fixed(self.algorithm), &signed, self.signature.fixed()) {
            true => Ok(()),
            false => Err(VerifyError::BadSignature { artefact: NAME, signer: log.digest().to_string() }),
        }
    }
}

/// For looking at a receipt without what it is about.
impl Receipt {
    /// The algorithm of its signature.
    pub(crate) fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// The root, where it is attached.
    pub(crate) fn root(&self) -> Option<&Hash> {
        self.root.as_ref()
    }

    /// Whether this key signed the root that is attached. That says nothing about the proof: neither about its path nor about its sizes.
    pub(crate) fn root_is_signed_by(&self, log: &PublicKey) -> bool {
        self.root.is_some_and(|root| self.check_root(&root, log).is_ok())
    }
}

/// A receipt that lacks its signature.
#[derive(Clone, Debug)]
pub struct UnsignedReceipt {
    protected: Vec<u8>,
    algorithm: SignatureAlgorithm,
    proof: Proof,
    attached: Option<Hash>,
    to_be_signed: Vec<u8>,
}

impl UnsignedReceipt {
    fn new(proof: Proof, root: Hash, attached: bool, signer: &dyn Signer) -> Result<Self, SignError> {
        let algorithm = signer.algorithm();
        wire::check_path(&proof).map_err(unencodable)?;
        // The digest of its SubjectPublicKeyInfo is how keys are told apart everywhere else here; it exists for keys of every kind, and needs no registration.
        let protected = wire::protected(algorithm, &signer.public_key().digest().0).map_err(unencodable)?;
        let to_be_signed = wire::to_be_signed(&protected, &root).map_err(unencodable)?;
        Ok(Self { protected, algorithm, proof, attached: attached.then_some(root), to_be_signed })
    }

    /// The octets to be signed.
    pub fn to_be_signed(&self) -> &[u8] {
        &self.to_be_signed
    }

    /// Completes the receipt.
    ///
    /// # Errors
    /// [`SignError::Encode`] if the signature was made with another algorithm than the signer announced.
    pub fn attach(self, signature: &Signature) -> Result<Receipt, SignError> {
        signature.check_algorithm(self.algorithm).map_err(unencodable)?;
        let octets = wire::write(&self.protected, &self.proof, self.attached.as_ref(), signature).map_err(unencodable)?;
        Receipt::from_wire(&octets).map_err(unencodable)
    }

    /// Asks `signer` and completes the receipt.
    ///
    /// # Errors
    /// [`SignError`] if the key does not sign.
    pub async fn sign(self, signer: &dyn Signer) -> Result<Receipt, SignError> {
        let signature = signer.sign(&self.to_be_signed).await?;
        self.attach(&signature)
    }
}

/// A signed statement with one more receipt in its unprotected header (label 394; RFC 9942, section 4). Its protected header, payload and signature stay as they are,
/// octet for octet.
///
/// # Errors
/// [`DecodeError`] if the statement is no COSE_Sign1, or has 16 receipts already.
pub fn with_receipt(statement: &[u8], receipt: &Receipt) -> Result<Vec<u8>, DecodeError> {
    envelope::with_receipt(statement, receipt.wire())
}

/// The receipts that came with a signed statement, 16 at most; none of them is verified.
///
/// # Errors
/// [`DecodeError`] if the statement is no COSE_Sign1, or one of them is malformed.
pub fn receipts_of(statement: &[u8]) -> Result<Vec<Receipt>, DecodeError> {
    envelope::receipts(statement)?.iter().map(|octets| Receipt::from_wire(octets)).collect()
}

/// A signed statement without its receipts: the octets that it had before the first one was added, which hashes of it are over.
///
/// # Errors
/// [`DecodeError`] if the statement is no COSE_Sign1.
pub fn without_receipts(statement: &[u8]) -> Result<Vec<u8>, DecodeError> {
    envelope::without_receipts(statement)
}

fn bad_proof(source: super::ProofError) -> VerifyError {
    VerifyError::BadProof { artefact: NAME, source }
}

fn undecodable(source: DecodeError) -> VerifyError {
    VerifyError::Decode { artefact: NAME, source }
}

fn other_kind(expected: &'static str) -> VerifyError {
    undecodable(DecodeError::InvalidField { field: "receipt", expected })
}

fn unencodable(source: impl std::error::Error + Send + Sync + 'static) -> SignError {
    SignError::Encode { artefact: NAME, source: Box::new(source) }
}

const NAME: &str = "receipt";

#[cfg(test)]
mod tests;
