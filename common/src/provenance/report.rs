//! What a station at the assembly line sends.

use serde::{Deserialize, Serialize};

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
struct Wire {
    version: u32,
    idevid: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<KeyOrigin>,
}

impl Payload for ManufactureReport {
    const NAME: &'static str = "manufacture report";

    fn typ(_: Format) -> Option<Typ> {
        Some(Typ::Required("manufacture-report+jws"))
    }

    fn encode(&self, format: Format) -> Result<Vec<u8>, DecodeError> {
        only_json(format)?;
        let wire = Wire { version: VERSION, idevid: codec::base64(self.idevid.certificate().der()), origin: self.origin.clone() };
        serde_json::to_vec(&wire).map_err(|err| DecodeError::syntax(Self::NAME, "JSON", err))
    }

    fn decode(octets: &[u8], format: Format, _: &Reading) -> Result<Self, DecodeError> {
        only_json(format)?;
        if octets.len() > LARGEST {
            return Err(DecodeError::TooLarge { what: "the manufacture report's size in octets", limit: LARGEST });
        }
        let wire: Wire = serde_json::from_slice(octets).map_err(|err| DecodeError::syntax(Self::NAME, "JSON", err))?;
        if wire.version != VERSION {
            return Err(DecodeError::Unexpected { what: "version of the manufacture report", found: wire.version.to_string(), expected: "1" });
        }
        let certificate = Certificate::from_der(&codec::unbase64("idevid", &wire.idevid)?)?;
        Ok(Self { idevid: IDevIdCert::new(certificate)?, origin: wire.origin })
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

#[cfg(test)]
mod tests;
