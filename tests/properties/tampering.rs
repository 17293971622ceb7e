//! A signed artefact in which one octet was changed is refused, unless the octet is under no signature: then what is read of value and signer stays what it was.
//!
//! Under no signature are, whatever the specification calls them:
//! - in CMS: version and digestAlgorithms of SignedData, its certificates, and version and sid of SignerInfo (RFC 5652, sections 5.3 and 5.4);
//! - in COSE: the unprotected header, where the certificates are (RFC 9052, section 4.4);
//! - in JWS: nothing, for the unprotected header is refused.

use std::ops::Range;

use brski_common::Format;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::artefacts::{ARTEFACTS, Artefact, By};
use crate::config;
use crate::encodings::written;
use crate::parts;

/// Where the octets are that no signature covers.
fn unsigned(format: Format, wire: &[u8]) -> Vec<Range<usize>> {
    match format {
        Format::Cms => unsigned_in_cms(wire),
        Format::Cose => vec![unprotected_header(wire)],
        // JWS.
        _ => Vec::new(),
    }
}

/// `18([protected, unprotected, payload, signature])`: tag and array take one octet each.
fn unprotected_header(wire: &[u8]) -> Range<usize> {
    let [protected, unprotected, _, _] = parts::of_cose(wire);
    let from = 2 + written(&protected).len();
    from..from + written(&unprotected).len()
}

fn unsigned_in_cms(wire: &[u8]) -> Vec<Range<usize>> {
    let inside = |outer: &Range<usize>| parts::of_der(wire, parts::der_content(wire, outer.start));
    let content_info = parts::of_der(wire, 0..wire.len());
    let signed_data = inside(&inside(&inside(&content_info[0])[1])[0]);
    let [version, digest_algorithms, _encapsulated, certificates, signer_infos] = signed_data.try_into().unwrap();
    let signer_info = inside(&inside(&signer_infos)[0]);
    let [signer_version, sid, _digest_algorithm, _attributes, _signature_algorithm, _signature] = signer_info.try_into().unwrap();
    vec![version, digest_algorithms, certificates, signer_version, sid]
}

/// What a change of one octet comes to; why it is wrong, if it is.
fn outcome(artefact: &Artefact, unsigned: &[Range<usize>], place: usize, mask: u8) -> Result<(), String> {
    let mut wire = artefact.wire.clone();
    wire[place] ^= mask;
    for by in By::ALL {
        let wrong = match artefact.is_read_unchanged_from(&wire, by) {
            Err(_) => continue,
            Ok(true) if unsigned.iter().any(|range| range.contains(&place)) => continue,
            Ok(true) => "accepted, although it is under the signature",
            Ok(false) => "accepted with another value or signer",
        };
        return Err(format!("{}, octet {place} of {} xor {mask:#04x}, by {by:?}: {wrong}", artefact.name, artefact.wire.len()));
    }
    Ok(())
}

#[test]
fn every_artefact_is_accepted_as_it_is() {
    for artefact in ARTEFACTS.iter().flatten() {
        for by in By::ALL {
            assert!(artefact.is_read_unchanged_from(&artefact.wire, by).unwrap(), "{}", artefact.name);
        }
    }
}

#[test]
fn what_is_under_no_signature_is_found() {
    for artefact in ARTEFACTS.iter().flatten() {
        let unsigned: usize = unsigned(artefact.format, &artefact.wire).iter().map(ExactSizeIterator::len).sum();
        assert!(unsigned < artefact.wire.len() && (unsigned == 0) == (artefact.format == Format::Jws), "{}", artefact.name);
    }
}

#[test]
fn no_octet_of_an_artefact_can_be_changed() {
    // Of each kind another algorithm, and at each place another bit.
    for (turn, one_for_each_algorithm) in ARTEFACTS.iter().enumerate() {
        let artefact = &one_for_each_algorithm[turn % one_for_each_algorithm.len()];
        let unsigned = unsigned(artefact.format, &artefact.wire);
        for place in 0..artefact.wire.len() {
            outcome(artefact, &unsigned, place, 1 << (place % 8)).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_change_of_one_octet_is_accepted(place in any::<Index>(), mask in 1..=u8::MAX) {
        for artefact in ARTEFACTS.iter().flatten() {
            let unsigned = unsigned(artefact.format, &artefact.wire);
            outcome(artefact, &unsigned, place.index(artefact.wire.len()), mask).map_err(TestCaseError::fail)?;
        }
    }
}
