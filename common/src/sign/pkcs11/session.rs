//! One session with a token: logged in, and with one private key found in it.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use cryptoki::context::Pkcs11;
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::UserType;
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use super::module::Module;
use super::{Pkcs11Attributes, Pkcs11Uri, PublicKey, Signature, SignatureAlgorithm, TokenError, attributes, public};
use crate::text::printable;

/// A session and the key in it.
pub(super) struct Session {
    module: Arc<Module>,
    /// Which start of the library it belongs to.
    start: u64,
    /// Not closed by its own drop, see below.
    session: Option<cryptoki::session::Session>,
    key: ObjectHandle,
}

impl Session {
    /// Finds the token, logs in and finds the key.
    pub(super) fn open(module: &Arc<Module>, uri: &Pkcs11Uri) -> Result<Self, TokenError> {
        let library = module.library();
        let (slot, token) = find_token(&library.api, uri)?;
        let session = library.api.open_ro_session_no_drop(slot).map_err(TokenError::call("open a session"))?;
        let found = log_in(module, &session, &token, uri).and_then(|()| find_key(&session, &token, uri));
        match found {
            Ok(key) => Ok(Self { module: module.clone(), start: library.starts, session: Some(session), key }),
            Err(err) => {
                let _ended = session.close();
                Err(err)
            }
        }
    }

    /// Whether its handles still mean what they meant.
    pub(super) fn is_current(&self) -> bool {
        self.module.library().starts == self.start
    }

    /// The public half, as a public key or a certificate in the token has it.
    pub(super) fn public_key(&self) -> Result<Option<PublicKey>, TokenError> {
        self.within(|session| public::find(session, self.key))
    }

    /// What the token says of the private key.
    pub(super) fn attributes(&self) -> Result<Pkcs11Attributes, TokenError> {
        self.within(|session| attributes::read(session, self.key))
    }

    /// Signs what is to be given to the token, see [`super::to_sign`].
    pub(super) fn sign(&self, algorithm: SignatureAlgorithm, data: &[u8]) -> Result<Signature, TokenError> {
        let mechanism = match algorithm {
            SignatureAlgorithm::Es256 | SignatureAlgorithm::Es384 => Mechanism::Ecdsa,
            SignatureAlgorithm::EdDsa => Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure)),
        };
        let octets = self.within(|session| session.sign(&mechanism, self.key, data).map_err(TokenError::call("sign")))?;
        Signature::from_fixed(algorithm, octets).map_err(|err| TokenError::Call { what: "sign as PKCS #11 says", source: err.into() })
    }

    /// Calls the token, unless its library was started anew: the handle may be somebody else's session now.
    fn within<T>(&self, call: impl FnOnce(&cryptoki::session::Session) -> Result<T, TokenError>) -> Result<T, TokenError> {
        let library = self.module.library();
        match &self.session {
            Some(session) if library.starts == self.start => call(session),
            _ => Err(TokenError::call("keep the session")(Error::Pkcs11(RvError::SessionHandleInvalid, cryptoki::context::Function::Sign))),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let library = self.module.library();
        // A handle of before the library's last start may be another key's session by now.
        if library.starts == self.start
            && let Some(session) = self.session.take()
            && let Err(err) = session.close()
        {
            tracing::debug!(error = %err, "the token's session was not closed");
        }
    }
}

pub(super) fn find_token(api: &Pkcs11, uri: &Pkcs11Uri) -> Result<(Slot, TokenInfo), TokenError> {
    let slots = api.get_slots_with_token().map_err(TokenError::call("list its slots"))?;
    // A token that leaves just now is none.
    let tokens: Vec<_> = slots.into_iter().filter_map(|slot| Some((slot, api.get_token_info(slot).ok()?))).collect();
    let present: Vec<String> = tokens.iter().filter(|(_, token)| token.token_initialized()).map(|(slot, token)| describe(*slot, token)).collect();
    let present = if present.is_empty() { "there is none".to_owned() } else { format!("there are {}", present.join(", ")) };
    let mut matching = tokens.into_iter().filter(|(slot, token)| token.token_initialized() && is_asked_for(*slot, token, uri));
    match (matching.next(), matching.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => Err(TokenError::SeveralTokens { asked: uri.to_string(), present }),
        (None, _) => Err(TokenError::NoToken { asked: uri.to_string(), present }),
    }
}

fn is_asked_for(slot: Slot, token: &TokenInfo, uri: &Pkcs11Uri) -> bool {
    let is = |asked: &Option<String>, has: &str| asked.as_ref().is_none_or(|asked| asked == has);
    is(&uri.token, token.label())
        && is(&uri.serial, token.serial_number())
        && is(&uri.manufacturer, token.manufacturer_id())
        && is(&uri.model, token.model())
        && uri.slot_id.is_none_or(|asked| asked == slot.id())
}

fn describe(slot: Slot, token: &TokenInfo) -> String {
    format!("'{}' (serial {}, slot-id {})", printable(token.label(), 32), printable(token.serial_number(), 16), slot.id())
}

pub(super) fn log_in(module: &Module, session: &cryptoki::session::Session, token: &TokenInfo, uri: &Pkcs11Uri) -> Result<(), TokenError> {
    if !token.login_required() {
        return Ok(());
    }
    if token.user_pin_locked() {
        return Err(TokenError::PinLocked);
    }
    if module.has_refused(uri) {
        return Err(TokenError::PinRefused);
    }
    let pin = match &uri.pin_source {
        Some(path) => Some(read_pin(path).map_err(|source| TokenError::PinFile { path: path.clone(), source })?),
        None if token.protected_authentication_path() => None,
        None => return Err(TokenError::NoPin),
    };
    match session.login(UserType::User, pin.as_ref()) {
        // Another key of this program is in the same token.
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
        Err(err) => {
            let err = TokenError::login(err);
            if matches!(err, TokenError::PinRefused | TokenError::PinLocked) {
                module.refuse(uri);
            }
            Err(err)
        }
    }
}

/// The first line of a small file. Read at each login, so that the PIN is in memory for that long only.
fn read_pin(path: &Path) -> io::Result<AuthPin> {
    let wrong = |problem: &'static str| io::Error::new(io::ErrorKind::InvalidData, problem);
    // Reserved at once: a growing buffer would leave copies behind.
    let mut text = Zeroizing::new(String::with_capacity(LONGEST_PIN_FILE + 1));
    File::open(path)?.take(LONGEST_PIN_FILE as u64 + 1).read_to_string(&mut text)?;
    match text.lines().next() {
        _ if text.len() > LONGEST_PIN_FILE => Err(wrong("it is longer than 1 KiB")),
        None | Some("") => Err(wrong("its first line is empty")),
        Some(pin) => Ok(AuthPin::new(pin.into())),
    }
}

/// The private keys that the URI matches.
pub(super) fn matching_keys(session: &cryptoki::session::Session, uri: &Pkcs11Uri) -> Result<Vec<ObjectHandle>, TokenError> {
    let mut template = vec![Attribute::Class(ObjectClass::PRIVATE_KEY)];
    template.extend(uri.object.as_ref().map(|label| Attribute::Label(label.as_bytes().to_vec())));
    template.extend(uri.id.clone().map(Attribute::Id));
    session.find_objects(&template).map_err(TokenError::call("find the key"))
}

fn find_key(session: &cryptoki::session::Session, token: &TokenInfo, uri: &Pkcs11Uri) -> Result<ObjectHandle, TokenError> {
    let every = session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)]).map_err(TokenError::call("list its keys"))?;
    let matching = matching_keys(session, uri)?;
    let token = || printable(token.label(), 32);
    match matching.as_slice() {
        [key] => usable(session, *key),
        [] => Err(TokenError::NoKey { asked: uri.to_string(), token: token(), present: names(session, &every) }),
        several => Err(TokenError::SeveralKeys { asked: uri.to_string(), token: token(), present: names(session, several) }),
    }
}

fn usable(session: &cryptoki::session::Session, key: ObjectHandle) -> Result<ObjectHandle, TokenError> {
    // A token that does not know the attribute asks nobody.
    let asked = session.get_attributes(key, &[AttributeType::AlwaysAuthenticate]).unwrap_or_default();
    match asked.contains(&Attribute::AlwaysAuthenticate(true)) {
        true => Err(TokenError::AlwaysAuthenticate),
        false => Ok(key),
    }
}

/// Labels and identifiers of private keys, for an error.
pub(super) fn names(session: &cryptoki::session::Session, keys: &[ObjectHandle]) -> String {
    let name = |key: &ObjectHandle| {
        let attributes = session.get_attributes(*key, &[AttributeType::Label, AttributeType::Id]).unwrap_or_default();
        let (mut label, mut id) = (String::new(), String::new());
        for attribute in attributes {
            match attribute {
                Attribute::Label(octets) => label = printable(&String::from_utf8_lossy(&octets), 64),
                Attribute::Id(octets) => id = octets.iter().take(32).map(|octet| format!("%{octet:02X}")).collect(),
                _ => (),
            }
        }
        format!("'{label}' (id={id})")
    };
    let mut names: Vec<String> = keys.iter().take(MOST_NAMES).map(name).collect();
    // A token lists them in any order.
    names.sort();
    match names.is_empty() {
        true => "there is none".to_owned(),
        false => format!("there are {}", names.join(", ")),
    }
}

const LONGEST_PIN_FILE: usize = 1024;

/// As many as a sentence bears.
const MOST_NAMES: usize = 8;
