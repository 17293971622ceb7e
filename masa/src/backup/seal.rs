//! What vouches for a backup: a signature of the log's key over its manifest, which has the digest of everything else.
//!
//! It is a signed note (C2SP signed-note v1.0.0). Its first line is that of no checkpoint, since no log has a name with spaces: what was signed as the one is never taken for
//! the other.

use aws_lc_rs::digest::{SHA256, digest};
use brski_common::log::{NoteSignature, VerifierKey};
use brski_common::sign::SignatureScheme;
use brski_common::{DecodeError, SignError, Signer, VerifyError};

use super::Manifest;

impl Manifest {
    /// Signs the octets of a manifest with the log's key, and returns the signed note.
    ///
    /// # Errors
    /// [`SignError::Key`] if the key does not sign; [`SignError::Encode`] if its signature cannot be written down.
    pub async fn seal(octets: &[u8], log: &VerifierKey, signer: &dyn Signer) -> Result<String, SignError> {
        let text = text(octets);
        let signature = signer.sign(text.as_bytes()).await?;
        let line = NoteSignature::new(log.name().clone(), log.id(), signature.fixed().to_vec());
        let line = line.map_err(|source| SignError::Encode { artefact: NAME, source: source.into() })?;
        Ok(format!("{text}\n{line}\n"))
    }

    /// Reads the JSON if one of `logs` has signed it, and says of itself that it is of that log.
    ///
    /// # Errors
    /// [`VerifyError::UnknownSigner`] if none of them has signed it; [`VerifyError::BadSignature`] if a signature in the name of one is not its own;
    /// [`VerifyError::WrongSigner`] if it is the manifest of a log with another key; [`VerifyError::Decode`] if the note speaks of another manifest, or something cannot be read.
    pub fn from_sealed(octets: &[u8], note: &str, logs: &[VerifierKey]) -> Result<Self, VerifyError> {
        let undecodable = |source| VerifyError::Decode { artefact: NAME, source };
        let text = text(octets);
        let lines = note.strip_prefix(&text).and_then(|rest| rest.strip_prefix('\n'));
        let lines = lines.ok_or(undecodable(DecodeError::InvalidField { field: "signature", expected: "made over the SHA-256 of this manifest" }))?;
        let lines = lines.lines().take(MOST_SIGNATURES).map(str::parse::<NoteSignature>).collect::<Result<Vec<_>, _>>().map_err(undecodable)?;
        let by = |log: &&VerifierKey| lines.iter().find(|line| line.name() == log.name() && line.key_id() == log.id());
        let Some((log, line)) = logs.iter().find_map(|log| Some((log, by(&log)?))) else {
            let known = logs.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
            return Err(VerifyError::UnknownSigner { artefact: NAME, detail: format!("it bears no signature of {known}") });
        };
        if !log.key().verifies(SignatureScheme::Ed25519, text.as_bytes(), line.signature()) {
            return Err(VerifyError::BadSignature { artefact: NAME, signer: log.to_string() });
        }
        let manifest = Self::from_json(octets).map_err(undecodable)?;
        match manifest.log_verifier == log.to_string() {
            true => Ok(manifest),
            false => Err(VerifyError::WrongSigner { artefact: NAME, found: log.to_string(), expected: manifest.log_verifier }),
        }
    }
}

/// What is signed.
fn text(octets: &[u8]) -> String {
    let digits: String = digest(&SHA256, octets).as_ref().iter().map(|octet| format!("{octet:02x}")).collect();
    format!("brski-masa backup manifest\nsha256 {digits}\n")
}

const NAME: &str = "backup's manifest";

/// One is written; others may have been added to it.
const MOST_SIGNATURES: usize = 64;
