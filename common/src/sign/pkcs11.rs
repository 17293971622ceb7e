//! Private keys in a token that speaks PKCS #11: a HSM, a smart card, or SoftHSM.
//!
//! Each key has a thread of its own, because the token's calls block; callers' futures only wait for its reply. All keys of one module share the loaded library
//! ([`module`](self::module)), and a session that was lost is opened anew ([`session`](self::session)).

mod attributes;
mod error;
mod generate;
mod module;
mod public;
mod session;

use core::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use futures_channel::oneshot;

pub use self::error::TokenError;
pub use self::generate::NewKey;
use self::module::Module;
use self::session::Session;
use super::{Hash, KeyKind, Pkcs11Uri, PublicKey, Signature, SignatureAlgorithm, SignatureScheme, Signer};
use crate::BoxFuture;
use crate::error::SignError;
use crate::provenance::Pkcs11Attributes;

/// A private key in a token. Every signature is verified before it is handed out.
///
/// Dropping it waits until its thread has closed its session.
pub struct Pkcs11Key {
    public: PublicKey,
    algorithm: SignatureAlgorithm,
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Pkcs11Key {
    /// Finds the one key that `uri` names, and has it sign something, so that whatever is wrong is known now. Waits for the token.
    ///
    /// Its public half is what the token says, or `known` if the token holds neither a public key nor a certificate beside it.
    ///
    /// # Errors
    /// [`TokenError`] if module, token or key is missing or ambiguous, the PIN is refused, or the key cannot sign for us.
    pub fn open(uri: &Pkcs11Uri, known: Option<&PublicKey>) -> Result<Self, TokenError> {
        Ok(Self::open_and(uri, known, |_| Ok(()))?.0)
    }

    /// As [`open`](Self::open), and reads what the token says of the very key that signed: whoever asked vouches for it, because tokens do not sign their attributes.
    ///
    /// # Errors
    /// As there; [`TokenError::Call`] if the token does not tell.
    pub fn examine(uri: &Pkcs11Uri, known: Option<&PublicKey>) -> Result<(Self, Pkcs11Attributes), TokenError> {
        Self::open_and(uri, known, Session::attributes)
    }

    /// Has the token make a key pair with the label and the identifier of `uri`, and opens it. Waits for the token.
    ///
    /// An identifier is drawn at random if `uri` has none: by it the public half is found.
    ///
    /// # Errors
    /// [`TokenError::KeyExists`] if the token has a private key that `uri` matches, and nothing is made; else as [`open`](Self::open). A key pair that was made and cannot be
    /// opened afterwards stays in the token.
    pub fn generate(uri: &Pkcs11Uri, new: NewKey) -> Result<Self, TokenError> {
        let module = Module::load(&uri.module_path)?;
        module.forgive(uri);
        generate::generate(&module, uri, new)?;
        Self::open(uri, None)
    }

    fn open_and<T>(uri: &Pkcs11Uri, known: Option<&PublicKey>, read: impl FnOnce(&Session) -> Result<T, TokenError>) -> Result<(Self, T), TokenError> {
        let module = Module::load(&uri.module_path)?;
        module.forgive(uri);
        let session = Session::open(&module, uri)?;
        let public = match session.public_key()? {
            Some(public) => public,
            None => known.cloned().ok_or(TokenError::NoPublicKey)?,
        };
        let algorithm = algorithm(&public)?;
        let read = read(&session)?;
        let mut worker = Worker { module, uri: uri.clone(), public: public.clone(), algorithm, session: Some(session) };
        worker.attempt(&to_sign(algorithm, PROBE), PROBE)?;

        let (jobs, queue) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new().name("token".to_owned()).spawn(move || worker.run(&queue)).map_err(TokenError::Thread)?;
        Ok((Self { public, algorithm, jobs: Some(jobs), thread: Some(thread) }, read))
    }

    fn send(&self, job: Job) -> Result<(), TokenError> {
        match self.jobs.as_ref().map(|jobs| jobs.try_send(job)) {
            Some(Ok(())) => Ok(()),
            Some(Err(TrySendError::Full(_))) => Err(TokenError::Busy),
            Some(Err(TrySendError::Disconnected(_))) | None => Err(TokenError::Stopped),
        }
    }
}

impl Signer for Pkcs11Key {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn sign<'a>(&'a self, tbs: &'a [u8]) -> BoxFuture<'a, Result<Signature, SignError>> {
        let (reply, answer) = oneshot::channel();
        let sent = self.send(Job { tbs: tbs.into(), reply });
        Box::pin(async move {
            let signed = match sent {
                Ok(()) => answer.await.unwrap_or(Err(TokenError::Stopped)),
                Err(err) => Err(err),
            };
            signed.map_err(|err| SignError::Key(err.into()))
        })
    }
}

impl Drop for Pkcs11Key {
    fn drop(&mut self) {
        drop(self.jobs.take());
        // A thread that panicked has nothing to close any more.
        let _ended = self.thread.take().map(JoinHandle::join);
    }
}

impl fmt::Debug for Pkcs11Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pkcs11Key({:?})", self.public)
    }
}

/// Something to be signed, and who waits for it.
struct Job {
    tbs: Box<[u8]>,
    reply: oneshot::Sender<Result<Signature, TokenError>>,
}

/// What the key's thread has.
struct Worker {
    module: Arc<Module>,
    uri: Pkcs11Uri,
    public: PublicKey,
    algorithm: SignatureAlgorithm,
    session: Option<Session>,
}

impl Worker {
    fn run(mut self, queue: &Receiver<Job>) {
        for Job { tbs, reply } in queue {
            let signed = self.sign(&tbs);
            if let Err(err) = &signed {
                tracing::error!(key = %self.uri, error = crate::text::in_full(err), "the token did not sign");
            }
            // Whoever asked may have gone away.
            let _gone = reply.send(signed);
        }
    }

    /// Signs; if the token lost us, in a new session, and if that fails, in a library that was started anew: some see only at their start which tokens there are.
    fn sign(&mut self, tbs: &[u8]) -> Result<Signature, TokenError> {
        let data = to_sign(self.algorithm, tbs);
        let lost = match self.attempt(&data, tbs) {
            Err(err) if err.may_pass() => err,
            other => return other,
        };
        tracing::warn!(key = %self.uri, error = crate::text::in_full(&lost), "the token's session is lost, a new one is opened");
        self.session = None;
        let lost = match self.attempt(&data, tbs) {
            Err(err) if err.may_pass() => err,
            other => return other,
        };
        tracing::warn!(key = %self.uri, error = crate::text::in_full(&lost), "the token is not back, its module is started anew");
        self.session = None;
        self.module.restart()?;
        self.attempt(&data, tbs)
    }

    fn attempt(&mut self, data: &[u8], tbs: &[u8]) -> Result<Signature, TokenError> {
        let session = match self.session.take() {
            Some(session) if session.is_current() => session,
            _ => Session::open(&self.module, &self.uri)?,
        };
        let signature = self.session.insert(session).sign(self.algorithm, data)?;
        // A token that has another key by now, or a fault, must not speak in our name.
        match self.public.verifies(SignatureScheme::Fixed(self.algorithm), tbs, signature.fixed()) {
            true => Ok(signature),
            false => Err(TokenError::OtherKey),
        }
    }
}

/// With what a key signs, if it is of a kind we make signatures with.
fn algorithm(public: &PublicKey) -> Result<SignatureAlgorithm, TokenError> {
    match public.kind() {
        KeyKind::P256 => Ok(SignatureAlgorithm::Es256),
        KeyKind::P384 => Ok(SignatureAlgorithm::Es384),
        KeyKind::Ed25519 => Ok(SignatureAlgorithm::EdDsa),
        KeyKind::P521 | KeyKind::Rsa => Err(TokenError::KeyKind),
    }
}

/// What the token is given: ECDSA's digest is made here, because many tokens know no mechanism that hashes too.
fn to_sign(algorithm: SignatureAlgorithm, tbs: &[u8]) -> Vec<u8> {
    match algorithm {
        SignatureAlgorithm::Es256 => Hash::Sha256.of(tbs),
        SignatureAlgorithm::Es384 => Hash::Sha384.of(tbs),
        SignatureAlgorithm::EdDsa => tbs.to_vec(),
    }
}

/// How many signatures may wait for one key: at a HSM's hundred a second they wait a second or so.
const QUEUE: usize = 128;

/// Signed once when a key is opened. Nothing that is signed elsewhere begins like this.
const PROBE: &[u8] = b"brski: is this the key that the configuration names?";
