//! Which of the things that may stand in a line of JSON it is.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// What a line claims to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::import) enum Kind {
    /// A report without signature.
    Unsigned,
    /// A signed report, or nothing that can be told.
    Report,
    /// A signed batch.
    Batch,
    /// A vendor's signed delivery list.
    Delivery,
}

#[derive(Deserialize)]
struct Members<'a> {
    payload: Option<IgnoredAny>,
    #[serde(borrow)]
    signatures: Option<Vec<Block<'a>>>,
    signature: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow)]
    protected: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Protected {
    typ: Option<String>,
}

/// What a line claims to be; nothing is believed, and what cannot be told is left to whoever reads reports.
pub(in crate::import) fn of(line: &[u8]) -> Kind {
    let Ok(members) = serde_json::from_slice::<Members<'_>>(line) else { return Kind::Report };
    let blocks = match members {
        Members { payload: None, signatures: None, signature: None } => return Kind::Unsigned,
        Members { signatures, .. } => signatures.unwrap_or_default(),
    };
    let typ = |block: &Block<'_>| {
        let header = URL_SAFE_NO_PAD.decode(block.protected.as_deref()?).ok()?;
        serde_json::from_slice::<Protected>(&header).ok()?.typ
    };
    let kind = |typ: String| match typ.to_ascii_lowercase() {
        typ if typ.ends_with("manufacture-batch+jws") => Some(Kind::Batch),
        typ if typ.ends_with("brski-delivery-list+jws") => Some(Kind::Delivery),
        _ => None,
    };
    blocks.iter().filter_map(typ).find_map(kind).unwrap_or(Kind::Report)
}
