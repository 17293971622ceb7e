//! What a station at the assembly line sends.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::batch::{RowError, from_json};
use super::origin::KeyOrigin;
use crate::certificate::{Certificate, IDevIdCert};
use crate::codec;
use crate::envelope::Format;
use crate::error::DecodeError;
use crate::leniency::Reading;
use crate::signed::{Payload, Typ};

/// One device was made. In JSON, in a JWS of the station's key: `{"version": 1, "idevid": base64 of the certificate, "origin": {...}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManufactureReport {
    /// The certificate that the device was given.
    pub idevid: IDevIdCert,
    /// How its key came to be; none if nobody wrote that down (installed base).
    pub origin: Option<KeyOrigin>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Wire<'a> {
    version: u32,
    idevid: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<Cow<'a, KeyOrigin>>,
}

impl ManufactureReport {
    /// One line of JSON, as it stands in a JWS or as a row of a [batch](super::ManufactureBatch).
    ///
    /// # Errors
    /// [`DecodeError`] if it cannot be written.
    pub fn to_json(&self) -> Result<String, DecodeError> {
        String::from_utf8(self.to_octets()?).map_err(|err| DecodeError::syntax(Self::NAME, "JSON", err))
    }

    fn to_octets(&self) -> Result<Vec<u8>, DecodeError> {
        let wire = Wire { version: VERSION, idevid: codec::base64(self.idevid.certificate().der()), origin: self.origin.as_ref().map(Cow::Borrowed) };
        let mut octets = Vec::with_capacity(wire.idevid.len() + USUAL_ORIGIN);
        serde_json::to_writer(&mut octets, &wire).map_err(|err| DecodeError::syntax(Self::NAME, "JSON", err))?;
        Ok(octets)
    }

    /// Reads a row of JSON, and names the field in which a fault is.
    pub(super) fn from_json(octets: &[u8]) -> Result<Self, RowError> {
        if octets.len() > LARGEST {
            return Err(RowError::whole(too_large().to_string()));
        }
        let wire: Wire<'_> = from_json(octets)?;
        match wire.version {
            VERSION => Ok(Self { idevid: certificate(&wire.idevid).map_err(|err| RowError::of_idevid(&err))?, origin: wire.origin.map(Cow::into_owned) }),
            _ => Err(RowError::of("version", "must be 1")),
        }
    }
}

/// An IDevID in base64.
pub(super) fn certificate(base64: &str) -> Result<IDevIdCert, DecodeError> {
    IDevIdCert::new(Certificate::from_der(&codec::unbase64("idevid", base64)?)?)
}

fn too_large() -> DecodeError {
    DecodeError::TooLarge { what: "the manufacture report's size in octets", limit: LARGEST }
}

impl Payload for ManufactureReport {
    const NAME: &'static str = "manufacture report";

    fn typ(_: Format) -> Option<Typ> {
        Some(Typ::Required("manufacture-report+jws"))
    }

    fn encode(&self, format: Format) -> Result<Vec<u8>, DecodeError> {
        only_json(format)?;
        self.to_octets()
    }

    fn decode(octets: &[u8], format: Format, _: &Reading) -> Result<Self, DecodeError> {
        only_json(format)?;
        if octets.len() > LARGEST {
            return Err(too_large());
        }
        let wire: Wire<'_> = from_json(octets).map_err(|RowError { field, cause }| match field {
            Some(field) => DecodeError::Member { artefact: Self::NAME, field, cause },
            None => DecodeError::syntax(Self::NAME, "JSON", cause),
        })?;
        if wire.version != VERSION {
            return Err(DecodeError::Unexpected { what: "version of the manufacture report", found: wire.version.to_string(), expected: "1" });
        }
        Ok(Self { idevid: certificate(&wire.idevid)?, origin: wire.origin.map(Cow::into_owned) })
    }
}

fn only_json(format: Format) -> Result<(), DecodeError> {
    match format {
        Format::Jws => Ok(()),
        Format::Cms | Format::Cose => {
            let expected = "a JWS: manufacture reports have no other form";
            Err(DecodeError::Unexpected { what: "envelope of the manufacture report", found: format!("{format:?}"), expected })
        }
    }
}

const VERSION: u32 = 1;

const LARGEST: usize = 256 * 1024;

/// Room for what most origins say.
const USUAL_ORIGIN: usize = 768;

#[cfg(test)]
mod tests;
