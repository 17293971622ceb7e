//! Outer encodings: what octets are written in, taken off layer by layer until an artefact is met.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ciborium::Value as Cbor;
use serde_json::Value as Json;

use super::{Context, Inspection, Kind, certificate, checkpoint, der, documents, envelope, evidence};
use crate::certificate::Certificate;

/// Takes the layers off and inspects what is inside.
pub(super) fn inspect(octets: &[u8], context: &Context<'_>) -> Inspection {
    let mut inspection = peel(octets, MOST_LAYERS, context);
    super::voucher::note_text_form(&mut inspection, octets);
    inspection
}

fn peel(octets: &[u8], layers: usize, context: &Context<'_>) -> Inspection {
    if octets.is_empty() {
        return Inspection::unknown("nothing: it is empty");
    }
    match core::str::from_utf8(octets) {
        // The start of a COSE_Sign1 message happens to be a letter, too.
        Ok(text) if !octets.starts_with(&[0xd2, 0x84]) && text.chars().all(|c| !c.is_control() || c.is_ascii_whitespace()) => of_text(text, layers, context),
        Ok(_) | Err(_) => of_binary(octets, context),
    }
}

fn of_binary(octets: &[u8], context: &Context<'_>) -> Inspection {
    if octets.first() == Some(&0x30) {
        return der::inspect(octets, context);
    }
    match cbor(octets) {
        Some(value) => under("CBOR", envelope::of_cbor(octets, &value, context)),
        None if ends_too_early(octets) => Inspection::unknown("binary data that looks like CBOR, but ends too early"),
        None => Inspection::unknown("binary data that is neither DER nor one CBOR item"),
    }
}

/// Whether this is the beginning of an array, a map or a tagged item in CBOR.
fn ends_too_early(octets: &[u8]) -> bool {
    use ciborium::de::Error;
    let is_container = octets.first().is_some_and(|first| (0x80..=0xdb).contains(first));
    let read = || ciborium::de::from_reader_with_recursion_limit::<Cbor, _>(octets, 16);
    is_container && octets.len() <= MOST_CBOR && matches!(read(), Err(Error::Io(err)) if err.kind() == std::io::ErrorKind::UnexpectedEof)
}

fn of_text(whole: &str, layers: usize, context: &Context<'_>) -> Inspection {
    if let Some(inspection) = checkpoint::inspect(whole, context) {
        return inspection;
    }
    let text = whole.trim();
    if (text.starts_with(['{', '[']) || text.contains("\n{"))
        && let Some(inspection) = of_json(text, context)
    {
        return inspection;
    }
    // Before PEM, of which a profile is full. The text is left as it lies in the file: people compare its digest.
    if whole.len() <= MOST_TOML
        && let Ok(table) = whole.parse::<toml::Table>()
        && !table.is_empty()
    {
        return under("TOML", documents::of_toml(whole, &table, context));
    }
    if text.contains("-----BEGIN ") {
        return under("PEM", of_pem(text, context));
    }
    // CBOR may consist of printable characters, but then it is a text or a number and none of ours.
    if let Some(inspection) = envelope::of_compact_jws(text, context) {
        return under("compact JWS", inspection);
    }
    if layers == 0 {
        return Inspection::unknown("text in more than four layers of encoding");
    }
    // Either alphabet of base64, not both: where neither of the characters occurs that tell them apart they say the same.
    let base64 = || unbase64(text, &STANDARD).map(|octets| ("base64", octets)).or_else(|| Some(("base64url", unbase64(text, &URL_SAFE)?)));
    let candidates = unhex(text).map(|octets| ("hex", octets)).into_iter().chain(core::iter::once_with(base64).flatten());
    let mut inspections = candidates.map(|(name, octets)| under(name, peel(&octets, layers - 1, context)));
    // Hexadecimal digits are base64, too: the first reading that makes sense counts.
    let first = inspections.next();
    match first {
        Some(found) if found.kind != Kind::Unknown => found,
        Some(found) => inspections.find(|other| other.kind != Kind::Unknown).unwrap_or(found),
        None if text.starts_with(['{', '[']) => {
            let fault = serde_json::from_str::<serde::de::IgnoredAny>(text).map_or_else(|err| err.to_string(), |_| String::new());
            Inspection::unknown(&format!("text that begins like JSON, but is none: {fault}"))
        }
        None => Inspection::unknown(&format!("text that begins with '{}'", crate::text::printable(text, 40))),
    }
}

/// The inspection of what stood within this encoding.
fn under(encoding: &'static str, mut inspection: Inspection) -> Inspection {
    inspection.encodings.insert(0, encoding);
    inspection
}

/// One artefact, or one a line.
fn of_json(text: &str, context: &Context<'_>) -> Option<Inspection> {
    if text.len() > MOST_JSON && text.starts_with(['{', '[']) {
        return Some(Inspection::unknown("JSON of more than 4 MiB"));
    }
    if let Ok(value) = serde_json::from_str::<Json>(text) {
        return Some(under("JSON", envelope::of_json(text.as_bytes(), &value, context)));
    }
    of_json_lines(text, context)
}

/// One artefact a line; a line that cannot be read is named, and the others are looked at.
fn of_json_lines(text: &str, context: &Context<'_>) -> Option<Inspection> {
    let lines: Vec<(usize, &str)> = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty()).take(MOST_ITEMS).collect();
    let values: Vec<serde_json::Result<Json>> = lines.iter().map(|(_, line)| serde_json::from_str(line)).collect();
    // Half of them at least: JSON over several lines has one or the other that is JSON by itself.
    let objects = values.iter().filter(|value| value.as_ref().is_ok_and(Json::is_object)).count();
    if lines.len() < 2 || objects * 2 < lines.len() {
        return None;
    }
    let mut bundle = Inspection::new(Kind::Bundle);
    for ((index, line), value) in lines.iter().zip(&values) {
        let found = match value {
            Ok(value) => under("JSON", envelope::of_json(line.as_bytes(), value, context)),
            Err(err) => Inspection::unknown(&format!("a line that is not JSON: {err}")),
        };
        bundle.nest(format!("line {}", index + 1), found);
    }
    note_rest(&mut bundle, text.lines().filter(|line| !line.trim().is_empty()).count());
    Some(under("JSON lines", bundle))
}

fn of_pem(text: &str, context: &Context<'_>) -> Inspection {
    let blocks = pem_blocks(text);
    // What lies together may be a path.
    let certificates: Vec<Certificate> = blocks.iter().take(MOST_ITEMS).filter_map(PemBlock::certificate).collect();
    let context = &Context { known: &certificates, ..*context };
    let inspect = |block: &PemBlock| {
        // Not decoded: of a private key nothing should be in memory longer than needed.
        if block.label.ends_with("PRIVATE KEY") {
            return certificate::private_key(&block.label);
        }
        match unbase64(&block.base64, &STANDARD) {
            Some(octets) if block.label == "EVIDENCE" => under("DER", evidence::inspect(&octets, context)),
            Some(octets) if octets.first() == Some(&0x30) => der::inspect(&octets, context),
            Some(octets) => of_binary(&octets, context),
            None => {
                let mut broken = Inspection::unknown(&format!("a PEM block '{}'", crate::text::printable(&block.label, 40)));
                broken.deviates("RFC 7468, section 3", "a block is not base64 between its BEGIN and END lines");
                broken
            }
        }
    };
    match blocks.as_slice() {
        [] => Inspection::unknown("PEM without a complete block"),
        [one] => inspect(one),
        several => {
            let mut bundle = Inspection::new(Kind::Bundle);
            for (index, block) in several.iter().take(MOST_ITEMS).enumerate() {
                bundle.nest(format!("block {}", index + 1), inspect(block));
            }
            note_rest(&mut bundle, several.len());
            bundle
        }
    }
}

pub(super) fn note_rest(bundle: &mut Inspection, all: usize) {
    bundle.leaf("artefacts", all);
    if all > MOST_ITEMS {
        bundle.leaf("not-shown", all - MOST_ITEMS);
    }
}

struct PemBlock {
    label: String,
    base64: zeroize::Zeroizing<String>,
}

impl PemBlock {
    fn certificate(&self) -> Option<Certificate> {
        let der = (self.label == "CERTIFICATE").then(|| unbase64(&self.base64, &STANDARD)).flatten()?;
        Certificate::from_der(&der).ok()
    }
}

/// Every block with both its lines (RFC 7468); headers of older forms are left out.
fn pem_blocks(text: &str) -> Vec<PemBlock> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let Some((label, body)) = after.split_once("-----") else { break };
        let Some((content, after)) = body.split_once(&format!("-----END {label}-----")) else { break };
        let base64 = content.lines().filter(|line| !line.contains(':')).collect::<String>();
        blocks.push(PemBlock { label: label.to_owned(), base64: base64.into() });
        rest = after;
    }
    blocks
}

/// One CBOR item and nothing after it, of a bounded size and depth.
pub(super) fn cbor(octets: &[u8]) -> Option<Cbor> {
    if octets.len() > MOST_CBOR {
        return None;
    }
    let mut rest = octets;
    let value: Cbor = ciborium::de::from_reader_with_recursion_limit(&mut rest, 16).ok()?;
    let is_container = matches!(value, Cbor::Map(_) | Cbor::Array(_) | Cbor::Tag(..));
    (rest.is_empty() && is_container).then_some(value)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: String = text.split_ascii_whitespace().collect();
    // Half an octet is what remains of digits that were cut short.
    let digits = digits.get(..digits.len() & !1).filter(|_| digits.len() > 1)?;
    let octets = digits.bytes().all(|b| b.is_ascii_hexdigit());
    octets.then(|| crate::codec::unhex("text", &digits.to_ascii_lowercase()).ok()).flatten()
}

/// Base64 with or without padding, perhaps wrapped.
pub(super) fn unbase64(text: &str, engine: &GeneralPurpose) -> Option<Vec<u8>> {
    let joined = zeroize::Zeroizing::new(text.split_ascii_whitespace().collect::<String>());
    engine.decode(joined.as_bytes()).ok()
}

const TOLERANT: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
/// The alphabet of RFC 4648, section 4.
pub(super) const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, TOLERANT);
/// The alphabet of RFC 4648, section 5.
pub(super) const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, TOLERANT);

const MOST_LAYERS: usize = 4;
pub(super) const MOST_ITEMS: usize = 256;
const MOST_TOML: usize = 1024 * 1024;
pub(super) const MOST_JSON: usize = 4 * 1024 * 1024;
// A parsed item takes many times the memory of its octets.
const MOST_CBOR: usize = 1024 * 1024;
