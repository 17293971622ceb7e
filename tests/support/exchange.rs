//! HTTP requests and answers without a socket between them.

use brski_common::PeerCertificates;
use brski_common::pledge::Answer;
use brski_masa::MasaService;
use brski_registrar::RegistrarService;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};

/// A request as the server's TLS layer hands it on: with the certificates that the peer showed.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>, peer: &PeerCertificates) -> Request<Full<Bytes>> {
    let mut builder = Request::builder().method(method).uri(path).extension(peer.clone());
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(Full::new(body.into())).unwrap()
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) async fn of(response: Response<Full<Bytes>>) -> Self {
        let (head, body) = response.into_parts();
        Self { status: head.status.as_u16(), headers: head.headers, body: body.collect().await.unwrap().to_bytes().to_vec() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body of a 200 with this media type.
    pub(crate) fn ok(&self, content_type: &str) -> &[u8] {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.header("content-type"), Some(content_type));
        &self.body
    }

    /// The one sentence of a "no" with this status: plain text, a single line, without the full stop and fit for people.
    #[track_caller]
    pub(crate) fn no(&self, status: u16) -> &str {
        let sentence = core::str::from_utf8(&self.body).unwrap();
        assert_eq!(self.status, status, "{sentence}");
        assert_eq!(self.header("content-type"), Some("text/plain; charset=utf-8"));
        assert!(sentence.len() >= 10 && sentence.len() <= 1000, "{sentence}");
        assert!(!sentence.chars().any(char::is_control), "{sentence:?}");
        assert!(!sentence.ends_with('.'), "{sentence}");
        sentence
    }

    /// As [`no`](Self::no), with these words in the sentence.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, words: &str) {
        let sentence = self.no(status);
        assert!(sentence.contains(words), "'{words}' is not in: {sentence}");
    }

    /// As the pledge's side of the protocol takes it.
    pub(crate) fn answer(self) -> Answer {
        let header = |name| self.header(name).map(str::to_owned);
        Answer {
            status: self.status,
            content_type: header("content-type"),
            retry_after: header("retry-after"),
            location: header("location"),
            body: self.body.clone(),
        }
    }
}

/// Sends one request to a registrar.
pub(crate) async fn to_registrar(service: &RegistrarService, request: Request<Full<Bytes>>) -> Reply {
    Reply::of(service.respond(request).await).await
}

/// Sends one request to a MASA.
pub(crate) async fn to_masa(service: &MasaService, request: Request<Full<Bytes>>) -> Reply {
    Reply::of(service.respond(request).await).await
}
