//! A vendor's manifest of secure elements: an array of JWS, each in flattened serialization about one element, whose signer's certificate comes another way.

use serde_json::{Map, Value as Json};

use super::certificate::shown;
use super::layers::{URL_SAFE, unbase64};
use super::signatures::EXHAUSTED;
use super::{Check, Context, Inspection, Kind, PATH, SignatureFound};
use crate::error::VerifyError;
use crate::evidence::{Authorities, Authority, ManifestElement};
use crate::provenance::Basis;

/// Whether these items say of their elements what a manifest says.
pub(super) fn is_manifest(items: &[Json]) -> bool {
    let first = items.first().and_then(Element::read);
    first.is_some_and(|element| element.said.contains_key(UNIQUE_ID) || element.unsigned_id.is_some())
}

/// Each element, with who is said to have signed it.
pub(super) fn inspect(items: &[Json], context: &Context<'_>) -> Inspection {
    let authorities = authorities(context);
    let mut inspection = Inspection::new(Kind::SecureElementManifest);
    inspection.leaf("elements", items.len());
    for (index, item) in items.iter().take(MOST_SHOWN).enumerate() {
        let place = format!("element {}", index + 1);
        let Some(element) = Element::read(item) else {
            inspection.deviates("RFC 7515, section 7.2.2", format!("{place} is no JWS in flattened serialization"));
            continue;
        };
        if element.unsigned_id.is_some_and(|id| element.said.get(UNIQUE_ID).and_then(Json::as_str) != Some(id)) {
            inspection.deviates("", format!("{place} is called otherwise in its unprotected header than in what is signed"));
        }
        inspection.leaf(place, element.shown());
        inspection.signatures.push(element.signature(item, &authorities, context));
    }
    if items.len() > MOST_SHOWN {
        inspection.leaf("not-shown", items.len() - MOST_SHOWN);
    }
    inspection
}

/// One element alone, as reports carry it.
pub(super) fn of_one(octets: &[u8], context: &Context<'_>) -> Inspection {
    match serde_json::from_slice::<Json>(octets) {
        Ok(item) if Element::read(&item).is_some() => inspect(&[item], context),
        Ok(_) | Err(_) => Inspection::unknown("what is called an element of a secure-element manifest, and is no JWS in flattened serialization"),
    }
}

/// The anchors that were given, as whoever's word counts. An element names its signer's certificate, which has to be among them itself.
fn authorities(context: &Context<'_>) -> Authorities {
    let anchors = context.options.anchors.clone();
    // Nothing of it but the anchors is looked at.
    Authorities::new([Authority { name: String::new(), anchors, basis: Basis::SeVendorAttested, locus: None, unmarked_attestation_keys: false }])
}

/// One element's JWS, taken apart.
struct Element<'a> {
    header: Map<String, Json>,
    said: Map<String, Json>,
    /// `uniqueId` in the unprotected header, by which elements are looked up.
    unsigned_id: Option<&'a str>,
}

impl<'a> Element<'a> {
    fn read(item: &'a Json) -> Option<Self> {
        let part = |name: &str| unbase64(item.get(name)?.as_str()?, &URL_SAFE);
        let object = |octets: Vec<u8>| serde_json::from_slice::<Map<String, Json>>(&octets).ok();
        part("signature")?;
        let unsigned_id = item.get("header").and_then(|header| header.get(UNIQUE_ID)).and_then(Json::as_str);
        Some(Self { header: object(part("protected")?)?, said: object(part("payload")?)?, unsigned_id })
    }

    fn named(&self, parameter: &str) -> Option<String> {
        self.header.get(parameter).and_then(Json::as_str).map(shown)
    }

    fn shown(&self) -> Json {
        let said = [UNIQUE_ID, "model", "partNumber"].into_iter().filter_map(|name| Some((name, self.said.get(name)?.as_str().map(shown)?)));
        let named = ["kid", "x5t#S256"].into_iter().filter_map(|name| Some((name, self.named(name)?)));
        Json::Object(said.chain(named).map(|(name, text)| (name.to_owned(), text.into())).collect())
    }

    fn signature(&self, item: &Json, authorities: &Authorities, context: &Context<'_>) -> SignatureFound {
        let named = self.named("kid").map_or_else(|| "nobody named".to_owned(), |kid| format!("key '{kid}'"));
        let (by, check) = match context.options.verifies() {
            false => (named, Check::Unchecked { why: "the signer's certificate is not in the manifest, which only names it".to_owned() }),
            true if !context.may_verify(1 + PATH) => (named, Check::Unchecked { why: EXHAUSTED.to_owned() }),
            true => match ManifestElement::from_json(item.to_string().as_bytes()) {
                Err(err) => (named, Check::Unchecked { why: crate::text::in_full(&err) }),
                Ok(element) => match element.signed_by(authorities, context.options.now) {
                    Ok((_, signer)) => (shown(signer.subject()), Check::Anchored { anchor: shown(signer.subject()) }),
                    Err(VerifyError::BadSignature { signer, .. }) => {
                        (shown(&signer), Check::Wrong { why: "it does not verify with the key of that certificate".to_owned() })
                    }
                    Err(VerifyError::UnknownSigner { .. }) => {
                        let why = format!("the certificate with the SHA-256 thumbprint {} is needed as anchor, and is not among those given", element.signer());
                        (named, Check::Untrusted { why })
                    }
                    Err(err) => (named, Check::Untrusted { why: crate::text::in_full(&err) }),
                },
            },
        };
        SignatureFound { by, algorithm: self.named("alg"), check }
    }
}

const UNIQUE_ID: &str = "uniqueId";

const MOST_SHOWN: usize = 256;
