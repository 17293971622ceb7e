//! Outer encodings, alone and stacked, and what is no artefact at all.

use base64::Engine as _;

use super::artefacts::{World, sealed};
use super::*;
use crate::codec::{base64, hex};
use crate::envelope::Format;

fn wrapped(text: &str) -> String {
    text.as_bytes().chunks(64).map(|line| format!("{}\n", String::from_utf8_lossy(line))).collect()
}

#[test]
fn text_encodings_are_taken_off_and_named() {
    let world = World::new();
    let voucher = sealed(&world.voucher_signer.party(&[&world.masa]), &world.voucher(), Format::Cose);
    let url = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(voucher.wire());
    let cases = [
        (wrapped(&hex(voucher.wire()).to_uppercase()), vec!["hex", "CBOR", "COSE"]),
        (wrapped(&base64(voucher.wire())), vec!["base64", "CBOR", "COSE"]),
        (format!("{}-_", url.replace(['+', '/'], "")), vec![]),
        (base64(hex(voucher.wire()).as_bytes()), vec!["base64", "hex", "CBOR", "COSE"]),
    ];
    for (text, encodings) in cases {
        let shown = inspect(text.as_bytes(), &plain());
        match encodings.is_empty() {
            // Octets that follow the end make it no CBOR item any more.
            true => assert_eq!(shown.kind, Kind::Unknown),
            false => assert_eq!((shown.kind, shown.encodings), (Kind::Voucher, encodings)),
        }
    }
    let request = world.signed_pvr(Format::Jws);
    let url = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(request.wire());
    assert_eq!(inspect(url.as_bytes(), &plain()).kind, Kind::PledgeVoucherRequest);
}

#[test]
fn more_than_four_layers_are_not_taken_off() {
    let certificate = World::new().domain.certificate;
    let layers = |count: usize| (0..count).fold(certificate.der().to_vec(), |inner, _| hex(&inner).into_bytes());
    assert_eq!(inspect(&layers(4), &plain()).kind, Kind::Certificate);
    assert_eq!(inspect(&layers(5), &plain()).kind, Kind::Unknown);
}

#[test]
fn pem_bundle_is_shown_block_by_block_and_no_private_key_is_shown() {
    let world = World::new();
    let (_, pkcs8) = crate::SoftwareKey::generate(crate::SignatureAlgorithm::Es256).unwrap();
    let key = format!("-----BEGIN PRIVATE KEY-----\n{}-----END PRIVATE KEY-----\n", wrapped(&base64(&pkcs8)));
    let bundle = inspect(format!("{}{key}", world.device.certificate.to_pem()).as_bytes(), &plain());
    let kinds: Vec<Kind> = bundle.nested.iter().map(|nested| nested.inspection.kind).collect();
    assert_eq!(kinds, [Kind::Certificate, Kind::PrivateKey]);

    let secret = hex(&pkcs8[40..60]);
    for octets in [key.as_bytes(), &pkcs8, base64(&pkcs8).as_bytes(), hex(&pkcs8).as_bytes()] {
        let shown = inspect(octets, &plain());
        assert_eq!(shown.kind, Kind::PrivateKey);
        let json = serde_json::to_string(&shown).unwrap();
        assert!(!json.contains(&secret) && !shown.to_string().contains(&base64(&pkcs8)[..40]));
    }
}

#[test]
fn pem_block_that_is_not_base64_is_told() {
    let shown = inspect(b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n", &plain());
    assert_told(&shown, &["not base64"]);
}

#[test]
fn cms_as_text_is_told_with_the_leniency_that_accepts_it() {
    let world = World::new();
    let voucher = sealed(&world.voucher_signer.party(&[&world.masa]), &world.voucher(), Format::Cms);
    let shown = inspect(base64(voucher.wire()).as_bytes(), &plain());
    assert_eq!(shown.deviations.iter().map(|deviation| deviation.leniency).collect::<Vec<_>>(), [Some(Leniency::Base64Body)]);
    assert_eq!(shown.deviations[0].section, "RFC 8995, section 6");
    // What that leniency does not take is not said to need it.
    for text in [crate::codec::base64url(voucher.wire()), base64(base64(voucher.wire()).as_bytes())] {
        let shown = inspect(text.as_bytes(), &plain());
        assert_told(&shown, &["in a form that no leniency accepts"]);
        assert_eq!((shown.kind, shown.deviations[0].leniency), (Kind::Voucher, None));
    }
    // Hexadecimal digits are how octets are shown, not how they are sent.
    assert_eq!(told(&inspect(hex(voucher.wire()).as_bytes(), &plain())), [""; 0]);
}

#[test]
fn cms_with_indefinite_lengths_is_called_ber() {
    let world = World::new();
    let voucher = sealed(&world.voucher_signer.party(&[&world.masa]), &world.voucher(), Format::Cms);
    let (content, _) = super::super::der::value(voucher.wire()).unwrap();
    let ber = [&[0x30, 0x80], content, &[0, 0]].concat();
    let shown = inspect(&ber, &plain());
    assert_eq!((shown.kind, shown.encodings.as_slice()), (Kind::Voucher, &["BER", "CMS"][..]));
}

#[test]
fn what_is_none_of_ours_is_not_recognised_and_says_what_it_looks_like() {
    let noise: Vec<u8> = (0..=255).collect();
    for octets in
        [&b""[..], b"hello, world", b"{\"a\":1}", b"[1]", b"a = 1", &noise, &[0x30, 0x82], &[0x30, 3, 2, 1, 1], &[0xa1, 1, 2], &[0xd2, 0x84], b"a.b.c", b"0"]
    {
        let shown = inspect(octets, &plain());
        assert!(!shown.is_recognised(), "{shown}");
        assert!(shown.value("looks-like").is_some());
    }
}

#[test]
fn artefact_that_is_cut_short_or_changed_anywhere_is_no_panic() {
    let world = World::new();
    for &format in Format::ALL {
        let rvr = sealed(&world.registrar(), &world.rvr(format), format);
        for end in (0..rvr.wire().len()).step_by(97) {
            inspect(&rvr.wire()[..end], &plain()).to_string();
            let mut changed = rvr.wire().to_vec();
            changed[end] ^= 0x41;
            inspect(&changed, &plain()).to_string();
        }
    }
}

#[test]
fn text_that_is_almost_json_is_told_what_is_wrong_with_it() {
    let shown = inspect(b"{\"ietf-voucher:voucher\":{\"pinned-domain-cert\":\"MIIB\nBEMw\"}}", &plain());
    assert!(shown.value("looks-like").and_then(Value::as_str).unwrap().contains("control character"), "{shown}");
}

#[test]
fn deep_nesting_ends() {
    inspect("[".repeat(100_000).as_bytes(), &plain());
    inspect(&vec![0x81; 100_000], &plain());
    inspect(&vec![0x30; 100_000], &plain());
    let deep = (0..12).fold(b"{}".to_vec(), |inner, _| {
        let leaves = serde_json::json!({ "serial-number": "J", "prior-signed-voucher-request": base64(&inner) });
        serde_json::json!({ "ietf-voucher-request:voucher": leaves }).to_string().into_bytes()
    });
    assert_eq!(inspect(&deep, &plain()).kind, Kind::RegistrarVoucherRequest);
}

#[test]
fn words_of_others_cannot_steer_a_terminal() {
    let leaves = serde_json::json!({ "serial-number": "x\u{1b}[2J\ny", "la\u{1b}la": "\u{202e}" });
    let shown = inspect(serde_json::json!({ "ietf-voucher:voucher": leaves }).to_string().as_bytes(), &plain()).to_string();
    assert!(!shown.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}') && !shown.contains("\ny"), "{shown:?}");
}

#[test]
fn cose_that_is_cut_short_is_said_to_end_too_early_whatever_it_is_written_in() {
    let world = World::new();
    let voucher = sealed(&world.voucher_signer.party(&[&world.masa]), &world.voucher(), Format::Cose);
    let cut = &voucher.wire()[..voucher.wire().len() - 40];
    let digits = hex(voucher.wire());
    for octets in [cut, &cut[..2], base64(cut).as_bytes(), &digits.as_bytes()[..301], &digits.as_bytes()[..302]] {
        let shown = inspect(octets, &plain());
        assert!(!shown.is_recognised());
        assert!(shown.value("looks-like").and_then(Value::as_str).unwrap().contains("CBOR, but ends too early"), "{shown}");
    }
}

#[test]
fn bad_line_among_json_lines_is_named_and_the_others_are_recognised() {
    let (report, _) = World::new().report();
    for (lines, bad) in [([report.wire(), b"{\"cut\": sho", report.wire()], 1), ([b"noise", report.wire(), report.wire()], 0)] {
        let bundle = inspect(&lines.join(&b"\n"[..]), &plain());
        assert_eq!((bundle.kind, bundle.nested.len(), bundle.is_recognised()), (Kind::Bundle, 3, false));
        for (index, nested) in bundle.nested.iter().enumerate() {
            let expected = if index == bad { Kind::Unknown } else { Kind::ManufactureReport };
            assert_eq!((nested.name.clone(), nested.inspection.kind), (format!("line {}", index + 1), expected));
        }
    }
}

#[test]
fn jws_in_an_array_are_recognised_one_by_one() {
    let (report, _) = World::new().report();
    let report: Value = serde_json::from_slice(report.wire()).unwrap();
    let bundle = inspect(Value::Array(vec![report.clone(), report]).to_string().as_bytes(), &plain());
    assert_eq!((bundle.kind, bundle.nested.len(), bundle.is_recognised()), (Kind::Bundle, 2, true));
}
