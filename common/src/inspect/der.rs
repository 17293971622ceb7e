//! What a DER element is, by the shape of its outermost elements.

use ::cms::content_info::ContentInfo;
use der::Decode as _;

use super::{Context, Finding, Inspection, Kind, bundle, certificate, envelope, evidence, tpm};

/// Inspects one element that begins with a SEQUENCE.
pub(super) fn inspect(octets: &[u8], context: &Context<'_>) -> Inspection {
    if is_cms(octets) {
        let encoding = if ContentInfo::from_der(octets).is_ok() { "DER" } else { "BER" };
        let mut inspection = envelope::of_cms(octets, context);
        inspection.encodings.insert(0, encoding);
        return inspection;
    }
    let mut inspection = of_der(octets, context);
    inspection.encodings.insert(0, "DER");
    inspection
}

fn of_der(octets: &[u8], context: &Context<'_>) -> Inspection {
    let Some((content, [])) = value(octets) else {
        return Inspection::unknown("DER that is cut short, or that other octets follow");
    };
    match tags(content).as_slice() {
        [INTEGER, SEQUENCE, OCTET_STRING, ..] => certificate::private_key("PKCS #8"),
        [INTEGER, OCTET_STRING, ..] => certificate::private_key("SEC 1"),
        [INTEGER, INTEGER, INTEGER, INTEGER, ..] => certificate::private_key("PKCS #1"),
        [SEQUENCE, OCTET_STRING] => certificate::private_key("encrypted PKCS #8"),
        [SEQUENCE, BIT_STRING] => certificate::public_key(octets),
        [SEQUENCE, SEQUENCE] | [SEQUENCE, SEQUENCE, CONTEXT_0] if evidence::is_evidence(content) => evidence::inspect(octets, context),
        [SEQUENCE] | [SEQUENCE, SEQUENCE] if bundle::is_bundle(content) => bundle::inspect(octets, context),
        [OCTET_STRING, OCTET_STRING] | [OCTET_STRING, OCTET_STRING, OCTET_STRING] if tpm::is_certification(content) => tpm::inspect(octets),
        [SEQUENCE, SEQUENCE, BIT_STRING] => of_signed(octets, content, context),
        _ => Inspection::unknown("DER of a structure that is none of ours"),
    }
}

/// A certificate, a request or a list of revoked certificates: they share their outermost shape.
fn of_signed(octets: &[u8], content: &[u8], context: &Context<'_>) -> Inspection {
    let inner = value(content).map(|(inner, _)| tags(inner)).unwrap_or_default();
    match inner.as_slice() {
        [INTEGER, SEQUENCE, SEQUENCE, CONTEXT_0] => certificate::request(octets, context),
        [CONTEXT_0, INTEGER, SEQUENCE, ..] | [INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, ..] => match crate::Certificate::from_der(octets) {
            Ok(found) => certificate::certificate(&found, certificate::Role::Any, context),
            Err(err) => {
                let mut unreadable = Inspection::new(Kind::Certificate);
                unreadable.deviations.push(Finding::undecodable("RFC 5280, section 4.1", &err));
                unreadable
            }
        },
        _ => Inspection::unknown("something signed in X.509's way, perhaps a list of revoked certificates"),
    }
}

/// ContentInfo with id-signedData, whatever form its lengths have.
fn is_cms(octets: &[u8]) -> bool {
    const SIGNED_DATA: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
    let header = match octets.get(1) {
        Some(long @ 0x81..=0x84) => 2 + usize::from(long & 0x7f),
        Some(_) => 2,
        None => return false,
    };
    octets.get(header..).is_some_and(|rest| rest.starts_with(&SIGNED_DATA))
}

/// The content of the first element, and what follows it.
pub(super) fn value(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (first, rest) = octets.split_at_checked(2)?;
    let (length, rest) = match *first.get(1)? {
        short @ 0..=0x7f => (usize::from(short), rest),
        long @ 0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// The tags of the first few elements.
fn tags(mut octets: &[u8]) -> Vec<u8> {
    let mut tags = Vec::new();
    while let (Some(tag), Some((_, rest)), true) = (octets.first(), value(octets), tags.len() < 10) {
        tags.push(*tag);
        octets = rest;
    }
    tags
}

pub(super) const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const CONTEXT_0: u8 = 0xa0;
