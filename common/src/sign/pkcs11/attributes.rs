//! What a token says of a private key in it.

use cryptoki::object::{Attribute, AttributeType, ObjectHandle};
use cryptoki::session::Session;

use super::{Pkcs11Attributes, TokenError};

/// Reads the attributes that tell how a private key came into the token and whether it can leave it. What the token does not know stays absent.
pub(super) fn read(session: &Session, key: ObjectHandle) -> Result<Pkcs11Attributes, TokenError> {
    let mut found = Pkcs11Attributes::default();
    for attribute in session.get_attributes(key, &TRUTHS).map_err(TokenError::call("tell of its keys"))? {
        match attribute {
            Attribute::Local(truth) => found.local = Some(truth),
            Attribute::Sensitive(truth) => found.sensitive = Some(truth),
            Attribute::AlwaysSensitive(truth) => found.always_sensitive = Some(truth),
            Attribute::Extractable(truth) => found.extractable = Some(truth),
            Attribute::NeverExtractable(truth) => found.never_extractable = Some(truth),
            _ => (),
        }
    }
    // Only a key that the token made has one (PKCS #11, CKA_KEY_GEN_MECHANISM).
    if found.local == Some(true) {
        // A vendor's own mechanism cannot be read here and takes nothing from the rest.
        let mechanism = session.get_attributes(key, &[AttributeType::KeyGenMechanism]).unwrap_or_default();
        found.key_gen_mechanism = mechanism.into_iter().find_map(|attribute| match attribute {
            Attribute::KeyGenMechanism(mechanism) => Some(*mechanism),
            _ => None,
        });
    }
    Ok(found)
}

const TRUTHS: [AttributeType; 5] =
    [AttributeType::Local, AttributeType::Sensitive, AttributeType::AlwaysSensitive, AttributeType::Extractable, AttributeType::NeverExtractable];
