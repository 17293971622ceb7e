//! A vendor's manifest of secure elements: an array of JWS, each in flattened serialization about one element, whose signer's certificate comes another way.

use serde_json::{Map, Value as Json};

use super::certificate::shown;
use super::layers::{URL_SAFE, unbase64};
use super::{Check, Inspection, Kind, SignatureFound};

/// Whether these items say of their elements what a manifest says.
pub(super) fn is_manifest(items: &[Json]) -> bool {
    let first = items.first().and_then(Element::read);
    first.is_some_and(|element| element.said.contains_key(UNIQUE_ID) || element.unsigned_id.is_some())
}

/// Each element, with who is said to have signed it.
pub(super) fn inspect(items: &[Json]) -> Inspection {
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
        inspection.signatures.push(element.signature());
    }
    if items.len() > MOST_SHOWN {
        inspection.leaf("not-shown", items.len() - MOST_SHOWN);
    }
    inspection
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

    fn signature(&self) -> SignatureFound {
        let by = self.named("kid").map_or_else(|| "nobody named".to_owned(), |kid| format!("key '{kid}'"));
        let why = "the signer's certificate is not in the manifest, which only names it".to_owned();
        SignatureFound { by, algorithm: self.named("alg"), check: Check::Unchecked { why } }
    }
}

const UNIQUE_ID: &str = "uniqueId";

const MOST_SHOWN: usize = 256;
