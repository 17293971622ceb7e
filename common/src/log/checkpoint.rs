//! Checkpoints: how large a log is and what its root is, signed, in the text form that witnesses cosign (C2SP tlog-checkpoint and signed-note, both v1.0.0).
//!
//! ```text
//! masa.example.com/log
//! 20852163
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//!
//! — masa.example.com/log Az3grlgt...
//! ```
//!
//! Logs sign with Ed25519 here. The specification knows ECDSA (type 0x02) as well, but gives such keys no text form for the configuration of a witness, and advises
//! against more than one algorithm; the newer ML-DSA-44 is not at hand.

mod note;

use core::fmt;

use super::merkle::Hash;
use crate::codec::{base64, sha256, unbase64, unhex};
use crate::error::{DecodeError, SignError, VerifyError};
use crate::sign::{KeyKind, PublicKey, Signature, SignatureScheme, Signer};

pub use self::note::NoteSignature;

/// The name of a log, which is also that of its key: 1 to 255 octets without spaces, control characters and plus signs. It should be a URL without scheme, such as
/// `masa.example.com/log`, so that no two logs have one name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogName(String);

impl LogName {
    /// # Errors
    /// [`DecodeError::InvalidField`] if it is empty, too long, or has a character that may not stand in a key's name.
    pub fn new(text: impl Into<String>) -> Result<Self, DecodeError> {
        let text = text.into();
        let fits = (1..=255).contains(&text.len()) && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+');
        match fits {
            true => Ok(Self(text)),
            false => Err(DecodeError::InvalidField { field: "log name", expected: "1 to 255 octets without spaces, control characters and plus signs" }),
        }
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LogName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The state of a log. Shown as the text that is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: LogName,
    /// Number of leaves.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.size, base64(self.root.as_bytes()))
    }
}

impl Checkpoint {
    /// Signs it. A log must never sign two checkpoints of which one does not continue the other: that is for the caller to see to.
    ///
    /// # Errors
    /// [`SignError::Encode`] unless the key is an Ed25519 key; [`SignError::Key`] if it does not sign.
    pub async fn sign(&self, signer: &dyn Signer) -> Result<SignedCheckpoint, SignError> {
        let unencodable = |source: DecodeError| SignError::Encode { artefact: NAME, source: Box::new(source) };
        let key = VerifierKey::new(self.origin.clone(), signer.public_key().clone()).map_err(unencodable)?;
        let signature = signer.sign(self.to_string().as_bytes()).await?;
        self.attach(&key, &signature).map_err(unencodable)
    }

    /// Completes the signed note with a signature over [this text](Self#impl-Display-for-Checkpoint) that was made elsewhere.
    ///
    /// # Errors
    /// [`DecodeError`] if key or signature are not the log's: another name, another algorithm, another text.
    pub fn attach(&self, key: &VerifierKey, signature: &Signature) -> Result<SignedCheckpoint, DecodeError> {
        let line = NoteSignature::new(key.name.clone(), key.id(), signature.fixed().to_vec())?;
        let signed = SignedCheckpoint { checkpoint: self.clone(), text: self.to_string(), signatures: vec![line] };
        let not_ours = |_| DecodeError::InvalidField { field: "signature", expected: "made over the checkpoint by the key of its log" };
        signed.verify(key).map_err(not_ours)?;
        Ok(signed)
    }

    /// Reads the text. Extension lines may follow; nothing is known of what they say.
    fn read(text: &str) -> Result<Self, DecodeError> {
        let mut lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
        let missing = |field| move || DecodeError::MissingField { field, artefact: NAME };
        let origin = lines.next().ok_or_else(missing("origin"))?;
        let size = lines.next().ok_or_else(missing("tree size"))?;
        let root = lines.next().ok_or_else(missing("root"))?;
        if lines.any(str::is_empty) {
            return Err(DecodeError::InvalidField { field: "extension line", expected: "one character at least" });
        }
        let number = || DecodeError::InvalidField { field: "tree size", expected: "a decimal number without leading zeros" };
        let read: u64 = size.parse().map_err(|_| number())?;
        // The parser takes a plus sign and leading zeros as well.
        if read.to_string() != size {
            return Err(number());
        }
        let root = Hash::try_from(unbase64("root", root)?.as_slice())?;
        if read == 0 && root != Hash::of_empty_tree() {
            return Err(DecodeError::InvalidField { field: "root", expected: "the digest of nothing for a tree without leaves" });
        }
        Ok(Self { origin: LogName::new(origin)?, size: read, root })
    }
}

/// A checkpoint with the signatures of its log and of witnesses, as a signed note. Shown as its exact text; nothing in it is trusted before [`verify`](Self::verify).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    /// What is signed: more than the checkpoint if extension lines follow it.
    text: String,
    signatures: Vec<NoteSignature>,
}

impl SignedCheckpoint {
    /// Reads a note of at most 256 KiB with 1 to 64 signatures.
    ///
    /// # Errors
    /// [`DecodeError`] saying what is wrong with note or checkpoint.
    pub fn parse(note: &str) -> Result<Self, DecodeError> {
        let (text, signatures) = note::split(note)?;
        Ok(Self { checkpoint: Checkpoint::read(text)?, text: text.to_owned(), signatures })
    }

    /// Checks that the log with this name and key signed the checkpoint. Signatures of unknown keys, such as those of witnesses, are passed over.
    ///
    /// # Errors
    /// [`VerifyError::WrongSigner`] if it is a checkpoint of another log; [`VerifyError::UnknownSigner`] if that key has not signed it;
    /// [`VerifyError::BadSignature`] if any signature in that key's name is not its own.
    pub fn verify(&self, log: &VerifierKey) -> Result<&Checkpoint, VerifyError> {
        if self.checkpoint.origin != log.name {
            let (found, expected) = (self.checkpoint.origin.to_string(), log.name.to_string());
            return Err(VerifyError::WrongSigner { artefact: NAME, found, expected });
        }
        let mut own = self.signatures.iter().filter(|line| *line.name() == log.name && line.key_id() == log.id()).peekable();
        if own.peek().is_none() {
            return Err(VerifyError::UnknownSigner { artefact: NAME, detail: format!("it bears no signature of {log}") });
        }
        match own.all(|line| log.key.verifies(SignatureScheme::Ed25519, self.text.as_bytes(), line.signature())) {
            true => Ok(&self.checkpoint),
            false => Err(VerifyError::BadSignature { artefact: NAME, signer: log.name.to_string() }),
        }
    }

    /// What it says, for looking at it.
    pub fn peek_unverified(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// What follows the checkpoint itself, of which nothing is known.
    pub(crate) fn extension_lines(&self) -> impl Iterator<Item = &str> {
        self.text.lines().skip(3)
    }

    /// Whether one of its signatures was made by this key, if it names this key as its maker.
    pub(crate) fn is_made_by(&self, line: &NoteSignature, log: &VerifierKey) -> Option<bool> {
        let named = *line.name() == log.name && line.key_id() == log.id();
        named.then(|| log.key.verifies(SignatureScheme::Ed25519, self.text.as_bytes(), line.signature()))
    }

    /// All signatures, in their order.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// The same with one more signature, such as a witness's cosignature; it is not verified. One that is there already is not added again.
    ///
    /// # Errors
    /// [`DecodeError::TooLarge`] if it has 64 already.
    pub fn with_signature(mut self, line: NoteSignature) -> Result<Self, DecodeError> {
        if !self.signatures.contains(&line) {
            note::check_number(self.signatures.len() + 1)?;
            self.signatures.push(line);
        }
        Ok(self)
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// An Ed25519 key and its name, as a witness or an auditor is configured to know a log. Shown and read as `<name>+<key ID in hex>+<base64>` (signed-note, "Verifier keys").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: LogName,
    key: PublicKey,
}

impl VerifierKey {
    /// # Errors
    /// [`DecodeError::Unexpected`] unless it is an Ed25519 key.
    pub fn new(name: LogName, key: PublicKey) -> Result<Self, DecodeError> {
        match key.kind() {
            KeyKind::Ed25519 => Ok(Self { name, key }),
            other @ (KeyKind::P256 | KeyKind::P384 | KeyKind::P521 | KeyKind::Rsa) => {
                let expected = "Ed25519, the one kind whose checkpoints every witness can read";
                Err(DecodeError::Unexpected { what: "kind of the log's key", found: format!("{other:?}"), expected })
            }
        }
    }

    /// The log's name.
    pub fn name(&self) -> &LogName {
        &self.name
    }

    /// The key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The key ID: with the name it tells which key made a signature, and of what type the signature is.
    pub fn id(&self) -> [u8; 4] {
        let hash = sha256(&[self.name.as_str().as_bytes(), b"\n", &[ED25519], self.key.raw()].concat());
        [hash[0], hash[1], hash[2], hash[3]]
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{:08x}+{}", self.name, u32::from_be_bytes(self.id()), base64(&[&[ED25519], self.key.raw()].concat()))
    }
}

impl core::str::FromStr for VerifierKey {
    type Err = DecodeError;
    fn from_str(text: &str) -> Result<Self, DecodeError> {
        let wrong = |expected| DecodeError::InvalidField { field: "verifier key", expected };
        // The last part may have plus signs of its own.
        let parts: Vec<&str> = text.splitn(3, '+').collect();
        let [name, id, key] = parts.as_slice() else { return Err(wrong("name, key ID and key with plus signs between them")) };
        let typed = unbase64("verifier key", key)?;
        let Some((&ED25519, raw)) = typed.split_first() else { return Err(wrong("of signature type 1 (Ed25519)")) };
        let key = Self::new(LogName::new(*name)?, PublicKey::from_raw(KeyKind::Ed25519, raw)?)?;
        match unhex("key ID", id)? == key.id() {
            true => Ok(key),
            false => Err(wrong("with the key ID that belongs to its name and key")),
        }
    }
}

/// The signature type of Ed25519 signatures (signed-note, "Signature types").
const ED25519: u8 = 0x01;

const NAME: &str = "checkpoint";

#[cfg(test)]
mod tests;
