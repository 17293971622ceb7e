//! `POST /appraise`: the owner's opinion of a device, for whoever else issues certificates to it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use brski_common::access::Caller;
use brski_common::http::{BoxError, Query, QueryError, media_type, read_body, voucher_format};
use brski_common::{Certificate, Leniencies, Signed, SpkiDigest, est};
use bytes::Bytes;
use http::Response;
use http::request::Parts;
use http_body::Body;
use http_body_util::Full;
use serde::Serialize;

use super::refusal::NotDone;
use super::webhook::{self, applicant};
use super::{Clerk, json};
use crate::metrics::count_opinion;
use crate::opinion::{Claims, Exhibit, Hint, Opinion};

/// An opinion as step-ca reads it: what is in `data` is there for the templates of certificates.
#[derive(Serialize)]
struct ForWebhook<'a> {
    #[serde(flatten)]
    opinion: &'a Opinion,
    data: Option<&'a Claims>,
}

/// Whether a request to this resource is a webhook's: JSON is nobody else's.
pub(super) fn is_webhook(head: &Parts) -> bool {
    webhook::is_claimed(&head.headers) || media_type(&head.headers).as_deref() == Some("application/json")
}

impl Clerk<'_> {
    pub(super) async fn answer_webhook<B>(&self, head: &Parts, body: B) -> Result<Response<Full<Bytes>>, NotDone>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let body = read_body(body, LARGEST_EXHIBIT).await?;
        let webhook = webhook::signer(&self.webhooks, &head.headers, &body)?;
        tracing::Span::current().record("caller", webhook.id());
        Query::read(head.uri.query(), &[])?;
        let applicant = applicant(&body, Some(webhook)).map_err(NotDone::Json)?;
        // Its body tells the time: what counts is whom it is about.
        let same = format!("{applicant:?}");
        let opinion = self.registrar.opinion(&Exhibit::Applicant(applicant), &Hint::default()).await?;
        self.keep(webhook.id(), &body, same.as_bytes(), &opinion).await?;
        note(&opinion);
        Ok(json(&ForWebhook { data: opinion.claims.as_ref(), opinion: &opinion }))
    }

    pub(super) async fn appraise<B>(&self, caller: &Caller, head: &Parts, body: B) -> Result<Response<Full<Bytes>>, NotDone>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let query = Query::read(head.uri.query(), &["idevid", "key", "nonce"])?;
        let key = query.read_as("key", |text| SpkiDigest::try_from(text.to_owned()))?;
        let nonce = query.text("nonce").map(nonce).transpose()?;
        let hint = Hint { idevid: query.text("idevid").map(certificates).transpose()?.unwrap_or_default(), key, nonce };
        let name = media_type(&head.headers).unwrap_or_default();
        let format = voucher_format(&head.headers, Leniencies::NONE).ok();
        // What it is has to be known before it is read.
        if format.is_none() && !["application/eat+cwt", est::PKCS10].contains(&name.as_str()) {
            return Err(NotDone::NoExhibit);
        }
        let body = read_body(body, LARGEST_EXHIBIT).await?;
        let exhibit = match format {
            Some(format) => Exhibit::Request(Signed::from_wire(format, body.clone())),
            None if name == est::PKCS10 => Exhibit::Csr(csr(&body)?),
            None => Exhibit::statement(body.clone()),
        };
        let opinion = self.registrar.opinion(&exhibit, &hint).await?;
        // With which IDevID it was shown is part of the question.
        let same = [head.uri.query().unwrap_or_default().as_bytes(), b"\n", &body].concat();
        self.keep(caller.name(), &body, &same, &opinion).await?;
        note(&opinion);
        Ok(json(&opinion))
    }
}

/// In DER, or in base64 as in EST.
fn csr(body: &[u8]) -> Result<Vec<u8>, NotDone> {
    match body.first() {
        Some(0x30) => Ok(body.to_vec()),
        _ => Ok(est::from_body("certification request", body).map_err(crate::error::Error::from)?),
    }
}

fn nonce(text: &str) -> Result<Vec<u8>, QueryError> {
    let wrong = |err| QueryError(format!("nonce in the query must be what the evidence has to answer, in base64url without padding: {err}"));
    URL_SAFE_NO_PAD.decode(text).map_err(wrong)
}

/// Certificates in a query: DER, or PEM with the path above, either in base64url.
fn certificates(text: &str) -> Result<Vec<Certificate>, QueryError> {
    let wrong = |why: String| QueryError(format!("idevid in the query must be a certificate in DER, or several in PEM, in base64url without padding: {why}"));
    let octets = URL_SAFE_NO_PAD.decode(text).map_err(|err| wrong(err.to_string()))?;
    let read = match core::str::from_utf8(&octets) {
        Ok(pem) => Certificate::all_from_pem(pem),
        Err(_) => Certificate::from_der(&octets).map(|only| vec![only]),
    };
    read.map_err(|err| wrong(err.to_string()))
}

fn note(opinion: &Opinion) {
    if let Some(pledge) = &opinion.pledge {
        tracing::Span::current().record("serial", pledge.serial.as_str());
    }
    tracing::info!(
        outcome = if opinion.allow { "acceptable" } else { "not acceptable" },
        rule = opinion.rule,
        sentence = opinion.sentence,
        "appraised for others"
    );
    count_opinion(opinion.allow);
}

/// As much as a pledge may send.
const LARGEST_EXHIBIT: usize = crate::http::DEFAULT_BODY_LIMIT;
