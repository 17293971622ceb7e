//! `/.well-known/est/nonce`: what a device has its evidence answer, so that it is fresh (draft-ietf-lamps-attestation-freshness).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use brski_common::DecodeError;
use brski_common::PeerCertificates;
use brski_common::http::{must_accept, must_be, typed};
use bytes::Bytes;
use http::header::CACHE_CONTROL;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use serde::{Deserialize, Serialize};

use super::answer::Stop;
use crate::enroll::Nonces;
use crate::error::Error;
use crate::registrar::Registrar;

/// What a device may say beside. Types of evidence with requests of their own are nothing we know: the nonce is the same for all.
#[derive(Deserialize)]
struct Wanted {
    len: Option<u64>,
}

#[derive(Serialize)]
struct Given {
    nonce: String,
    /// In seconds.
    expiry: u64,
}

pub(super) fn nonce(registrar: &Registrar, head: &Parts, body: &[u8], peer: &PeerCertificates) -> Result<Response<Full<Bytes>>, Stop> {
    must_accept(&head.headers, FRESHNESS)?;
    let length = match head.method == Method::POST {
        true => {
            must_be(&head.headers, FRESHNESS)?;
            length(body).map_err(Error::from)?
        }
        false => Nonces::LENGTH,
    };
    let nonce = registrar.nonce(peer, length)?.ok_or(Stop::NoNonce)?;
    let given = Given { nonce: URL_SAFE_NO_PAD.encode(nonce), expiry: Nonces::LIFETIME.as_secs() };
    let json = serde_json::to_vec(&given).map_err(|_| Stop::NoNonce)?;
    let mut response = typed(StatusCode::OK, FRESHNESS, json);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn length(body: &[u8]) -> Result<usize, DecodeError> {
    let wanted: Wanted = serde_json::from_slice(body).map_err(|err| DecodeError::syntax("nonce request", "JSON", err))?;
    let Some(length) = wanted.len else { return Ok(Nonces::LENGTH) };
    let length = usize::try_from(length).ok().filter(|length| Nonces::LENGTHS.contains(length));
    length.ok_or(DecodeError::InvalidField { field: "len", expected: "a number of octets from 8 to 64" })
}

/// The media type of questions and answers alike.
pub(super) const FRESHNESS: &str = "application/est-attestation-freshness+json";
