//! Key pairs that a token makes itself.

use cryptoki::mechanism::Mechanism;
use cryptoki::object::Attribute;

use super::module::Module;
use super::session::{find_token, log_in, matching_keys, names};
use super::{KeyKind, Pkcs11Uri, SignatureAlgorithm, TokenError, public};
use crate::text::printable;

/// Which key pair a token is to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// With what it will sign.
    pub algorithm: SignatureAlgorithm,
    /// Whether it may leave the token, wrapped with another key and never in plain (CKA_EXTRACTABLE beside CKA_SENSITIVE).
    pub extractable: bool,
}

/// Makes a key pair in the token that the URI names, unless a private key is there that it matches.
pub(super) fn generate(module: &Module, uri: &Pkcs11Uri, new: NewKey) -> Result<(), TokenError> {
    let library = module.library();
    let (slot, token) = find_token(&library.api, uri)?;
    let session = library.api.open_rw_session(slot).map_err(TokenError::call("open a session that may write"))?;
    log_in(module, &session, &token, uri)?;
    let present = matching_keys(&session, uri)?;
    if !present.is_empty() {
        return Err(TokenError::KeyExists { asked: uri.to_string(), token: printable(token.label(), 32), present: names(&session, &present) });
    }

    let (mechanism, kind) = match new.algorithm {
        SignatureAlgorithm::Es256 => (Mechanism::EccKeyPairGen, KeyKind::P256),
        SignatureAlgorithm::Es384 => (Mechanism::EccKeyPairGen, KeyKind::P384),
        SignatureAlgorithm::EdDsa => (Mechanism::EccEdwardsKeyPairGen, KeyKind::Ed25519),
    };
    let curve = public::curve(kind).ok_or(TokenError::KeyKind)?;
    let mut names = vec![Attribute::Id(uri.id.clone().map_or_else(random_id, Ok)?)];
    names.extend(uri.object.as_ref().map(|label| Attribute::Label(label.as_bytes().to_vec())));
    let public = [Attribute::Token(true), Attribute::Private(false), Attribute::Verify(true), Attribute::EcParams(curve.to_vec())];
    let private =
        [Attribute::Token(true), Attribute::Private(true), Attribute::Sensitive(true), Attribute::Extractable(new.extractable), Attribute::Sign(true)];
    session
        .generate_key_pair(&mechanism, &[&public[..], &names].concat(), &[&private[..], &names].concat())
        .map(|_| ())
        .map_err(TokenError::call("make a key pair"))
}

fn random_id() -> Result<Vec<u8>, TokenError> {
    let mut id = vec![0; 16];
    aws_lc_rs::rand::fill(&mut id).map_err(|_| TokenError::Random)?;
    Ok(id)
}
