//! Values beyond a leaf's limit are refused by a sentence that names the leaf, in every format; values at the limit are read.

use brski_common::voucher::ProvenanceExtension;
use brski_common::{Format, Payload, SerialNumber, VoucherRequest};
use proptest::prelude::*;

use crate::config;
use crate::generators::leaves;
use crate::vouchers::strictly;

/// A leaf with a limit: its name, the limit, and a request that has so many octets, characters or elements of it.
type Limited = (&'static str, usize, fn(usize) -> VoucherRequest);

const LIMITED: [Limited; 12] = [
    ("manufacturer-proprietary", 16 * 1024, |n| VoucherRequest { manufacturer_proprietary: Some(vec![7; n]), ..plain() }),
    ("agent-signed-data", 16 * 1024, |n| VoucherRequest { agent_signed_data: Some(vec![7; n]), ..plain() }),
    ("prior-signed-voucher-request", 96 * 1024, |n| VoucherRequest { prior_signed_voucher_request: Some(vec![7; n]), ..plain() }),
    ("agent-sign-cert", 16 * 1024, |n| VoucherRequest { agent_sign_cert: Some(vec![vec![7; n]]), ..plain() }),
    ("agent-sign-cert", 10, |n| VoucherRequest { agent_sign_cert: Some(vec![vec![7]; n]), ..plain() }),
    ("additional-configuration-url", 2048, |n| VoucherRequest { additional_configuration_url: Some("u".repeat(n)), ..plain() }),
    ("est-domain", 2048, |n| VoucherRequest { est_domain: Some("u".repeat(n)), ..plain() }),
    ("statement", 32 * 1024, |n| extended(leaves(|of| of.statement = Some(vec![7; n])))),
    ("statement-type", 128, |n| extended(leaves(|of| of.statement_type = Some("t".repeat(n))))),
    ("statement-uri", 2048, |n| extended(leaves(|of| of.statement_uri = Some("u".repeat(n))))),
    ("evidence", 16 * 1024, |n| extended(leaves(|of| of.evidence = vec![vec![7; n]]))),
    ("evidence", 8, |n| extended(leaves(|of| of.evidence = vec![vec![7]; n]))),
];

fn plain() -> VoucherRequest {
    VoucherRequest::new(SerialNumber::new("A-1").unwrap())
}

fn extended(extension: ProvenanceExtension) -> VoucherRequest {
    VoucherRequest { provenance: Some(extension), ..plain() }
}

/// What is wrong with a request that somebody without our limits wrote.
fn refused(request: &VoucherRequest, format: Format) -> String {
    let read = strictly::<VoucherRequest>(&request.encode(format).unwrap(), format);
    read.map_or_else(|refused| refused.to_string(), |_| "nothing".to_owned())
}

fn is_a_sentence_about(sentence: &str, leaf: &str) -> bool {
    sentence.contains(leaf) && sentence.len() < 200 && !sentence.ends_with('.') && !sentence.chars().any(char::is_control)
}

#[test]
fn values_at_the_limit_are_read_in_every_format() {
    for (leaf, limit, request) in LIMITED {
        for &format in Format::ALL {
            let request = request(limit);
            assert!(strictly(&request.encode(format).unwrap(), format) == Ok(request), "{leaf} in {format:?}");
        }
    }
}

#[test]
fn values_one_beyond_the_limit_are_refused_in_every_format() {
    for (leaf, limit, request) in LIMITED {
        for &format in Format::ALL {
            let refused = refused(&request(limit + 1), format);
            assert!(is_a_sentence_about(&refused, leaf) && refused.contains(&limit.to_string()), "{leaf} in {format:?}: {refused}");
        }
    }
}

/// Text that is no URI or media type: empty, or with something in it that is not visible ASCII.
fn invisible() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[!-~]{0,20}[ \\t\\n\u{7f}é\u{202e}][!-~]{0,20}"]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn values_beyond_the_limit_are_refused_in_every_format(which in 0..LIMITED.len(), excess in 1..3000_usize) {
        let (leaf, limit, request) = LIMITED[which];
        // So few that CBOR's own limit, that of its items, is not met first.
        let request = request(limit + excess);
        for &format in Format::ALL {
            let refused = refused(&request, format);
            prop_assert!(is_a_sentence_about(&refused, leaf), "{format:?}: {refused}");
        }
    }

    #[test]
    fn text_that_is_not_visible_ascii_is_refused_in_every_format(text in invisible(), format in prop::sample::select(Format::ALL)) {
        let with = |extension| VoucherRequest { provenance: Some(extension), ..plain() };
        let requests = [
            ("est-domain", VoucherRequest { est_domain: Some(text.clone()), ..plain() }),
            ("additional-configuration-url", VoucherRequest { additional_configuration_url: Some(text.clone()), ..plain() }),
            ("statement-type", with(leaves(|of| of.statement_type = Some(text.clone())))),
            ("statement-uri", with(leaves(|of| of.statement_uri = Some(text.clone())))),
        ];
        for (leaf, request) in requests {
            let refused = refused(&request, format);
            prop_assert!(is_a_sentence_about(&refused, leaf), "{refused}");
        }
    }
}
