//! A leniency lets more be read, and nothing be read otherwise: what is read with some of them is the same with more.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use brski_common::{Format, KeyIdentifier, Leniencies, Leniency, Payload, Reading, SerialNumber, Signed, Voucher, VoucherRequest};
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

use crate::artefacts::ARTEFACTS;
use crate::config;
use crate::edits::{apply, edit};
use crate::generators::{key_identifier, request, spelt_nonce, voucher};
use crate::parts;

/// Any set of leniencies, and any that grants those and perhaps more.
fn fewer_and_more() -> impl Strategy<Value = (Leniencies, Leniencies)> {
    let some = || subsequence(Leniency::ALL, 0..=Leniency::ALL.len());
    let any_two = (some(), some()).prop_map(|(a, b)| (a.iter().copied().collect(), a.into_iter().chain(b).collect()));
    prop_oneof![Just((Leniencies::NONE, Leniencies::ALL)), any_two]
}

/// An envelope with JSON or CBOR in it, in other octets than ours.
fn envelope(envelopes: &'static [(Format, Vec<u8>)]) -> impl Strategy<Value = (Format, Vec<u8>)> {
    (any::<Index>(), prop::collection::vec(edit(), 0..3)).prop_map(|(which, edits)| {
        let (format, mut wire) = which.get(envelopes).clone();
        edits.iter().for_each(|edit| apply(&mut wire, edit));
        (format, wire)
    })
}

/// Envelopes as we write them, and in the forms that a leniency is for.
static ENVELOPES: LazyLock<Vec<(Format, Vec<u8>)>> = LazyLock::new(|| {
    let own = ARTEFACTS.iter().flatten().filter(|artefact| artefact.name.starts_with("voucher")).map(|artefact| (artefact.format, artefact.wire.clone()));
    let own: Vec<_> = own.collect();
    let cms = own.iter().filter(|(format, _)| *format == Format::Cms).map(|(_, wire)| wire);
    let other: Vec<_> = cms.flat_map(|wire| [in_base64(wire), in_pem(wire), with_id_data(wire)]).map(|wire| (Format::Cms, wire)).collect();
    [own, other].concat()
});

fn in_base64(wire: &[u8]) -> Vec<u8> {
    STANDARD.encode(wire).into_bytes()
}

fn in_pem(wire: &[u8]) -> Vec<u8> {
    format!("-----BEGIN CMS-----\n{}\n-----END CMS-----\n", STANDARD.encode(wire)).into_bytes()
}

/// The same CMS with id-data in place of id-ct-animaJSONVoucher everywhere. Its signature is then another's.
fn with_id_data(der: &[u8]) -> Vec<u8> {
    const ANIMA: [u8; 13] = [6, 11, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1, 40];
    const ID_DATA: [u8; 11] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
    let mut written = Vec::new();
    for element in parts::of_der(der, 0..der.len()) {
        let (tag, octets) = (der[element.start], &der[element.clone()]);
        match tag & 0x20 {
            0 if octets == ANIMA => written.extend_from_slice(&ID_DATA),
            0 => written.extend_from_slice(octets),
            _ => {
                let content = with_id_data(&der[parts::der_content(der, element.start)]);
                // Always two octets for the length, which is longer than DER has it, and thus BER.
                written.extend_from_slice(&[tag, 0x82]);
                written.extend_from_slice(&u16::try_from(content.len()).unwrap().to_be_bytes());
                written.extend_from_slice(&content);
            }
        }
    }
    written
}

/// Voucher JSON with another root, another form of idevid-issuer, or both.
fn departed(json: Vec<u8>, root: &str, issuer: Option<Vec<u8>>) -> Vec<u8> {
    let document: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&json).unwrap();
    let mut leaves = document.into_iter().next().unwrap().1;
    if let Some(issuer) = issuer {
        leaves["idevid-issuer"] = STANDARD.encode(issuer).into();
    }
    serde_json::to_vec(&serde_json::json!({ root: leaves })).unwrap()
}

const ROOTS: [&str; 3] = ["ietf-voucher-request:voucher", "ietf-voucher:voucher", "ietf-voucher-request-prm:voucher"];

/// The forms in which idevid-issuer is met, and whatever octets.
fn issuer() -> impl Strategy<Value = Vec<u8>> {
    let form = |(issuer, form): (KeyIdentifier, usize)| issuer.to_idevid_issuer().split_off(2 * form);
    prop_oneof![(key_identifier(), 0..4_usize).prop_map(form), prop::collection::vec(any::<u8>(), 0..80)]
}

fn payload_reads_alike<T: Payload + PartialEq + std::fmt::Debug>(
    octets: &[u8],
    format: Format,
    (fewer, more): (Leniencies, Leniencies),
) -> Result<(), TestCaseError> {
    let (with_fewer, reading) = (T::decode(octets, format, &Reading::new(fewer)), Reading::new(more));
    let with_more = T::decode(octets, format, &reading);
    prop_assert!(reading.overlooked().iter().all(|deviation| more.grant(deviation.leniency)));
    if let Ok(read) = with_fewer {
        prop_assert_eq!(with_more, Ok(read));
    }
    Ok(())
}

fn envelope_reads_alike<T: Payload + PartialEq + std::fmt::Debug>(
    (format, wire): (Format, &[u8]),
    (fewer, more): (Leniencies, Leniencies),
) -> Result<(), TestCaseError> {
    let signed = Signed::<T>::from_wire(format, wire);
    if let Ok(read) = signed.peek_unverified(fewer) {
        prop_assert_eq!(signed.peek_unverified(more).unwrap(), read);
    }
    Ok(())
}

#[test]
fn every_departure_is_refused_by_name_and_read_with_its_leniency() {
    let plain = VoucherRequest::new(SerialNumber::new("A-1").unwrap());
    let json = plain.encode(Format::Jws).unwrap();
    let roots = [(ROOTS[1], Leniency::RequestRootVoucher), (ROOTS[2], Leniency::PrmLegacyRoot)];
    let roots = roots.map(|(root, leniency)| (departed(json.clone(), root, None), leniency));
    let issuer = (departed(json, ROOTS[0], Some(vec![7; 20])), Leniency::IdevidIssuerForms);
    for (octets, leniency) in roots.into_iter().chain([issuer]) {
        let refused = VoucherRequest::decode(&octets, Format::Jws, &Reading::new(Leniencies::NONE)).unwrap_err();
        assert!(refused.to_string().ends_with(&format!("the leniency {leniency} would accept it")), "{refused}");
        assert!(VoucherRequest::decode(&octets, Format::Jws, &Reading::new(Leniencies::with([leniency]))).is_ok(), "{leniency}");
    }
    let of = |form: fn(&[u8]) -> Vec<u8>| ARTEFACTS.iter().flatten().filter(|a| a.format == Format::Cms).map(move |a| (a.name.clone(), form(&a.wire)));
    let base64 = of(in_base64).chain(of(in_pem)).map(|wire| (wire, Leniency::Base64Body));
    for ((name, wire), leniency) in base64.chain(of(with_id_data).map(|wire| (wire, Leniency::CmsIdData))) {
        let read = |lenient| match name.starts_with(VoucherRequest::NAME) {
            true => Signed::<VoucherRequest>::from_wire(Format::Cms, &*wire).peek_unverified(lenient).map(drop),
            false => Signed::<Voucher>::from_wire(Format::Cms, &*wire).peek_unverified(lenient).map(drop),
        };
        assert!(read(Leniencies::default()).is_err(), "{name} needs {leniency}");
        read(Leniencies::with([leniency])).unwrap();
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn payload_with_mistakes_reads_the_same_with_more_leniencies(
        (voucher, request) in (voucher(spelt_nonce()), request(spelt_nonce())),
        (format, edits) in (select(Format::ALL), prop::collection::vec(edit(), 0..3)),
        leniencies in fewer_and_more(),
    ) {
        for mut octets in [voucher.encode(format).unwrap(), request.encode(format).unwrap()] {
            edits.iter().for_each(|edit| apply(&mut octets, edit));
            payload_reads_alike::<Voucher>(&octets, format, leniencies)?;
            payload_reads_alike::<VoucherRequest>(&octets, format, leniencies)?;
        }
    }

    #[test]
    fn departure_reads_the_same_with_more_leniencies(
        request in request(spelt_nonce()),
        (root, issuer) in (select(&ROOTS[..]), prop::option::of(issuer())),
        leniencies in fewer_and_more(),
    ) {
        let octets = departed(request.encode(Format::Jws).unwrap(), root, issuer);
        payload_reads_alike::<VoucherRequest>(&octets, Format::Jws, leniencies)?;
        payload_reads_alike::<Voucher>(&octets, Format::Jws, leniencies)?;
    }

    #[test]
    fn envelope_with_mistakes_reads_the_same_with_more_leniencies((format, wire) in envelope(&ENVELOPES), leniencies in fewer_and_more()) {
        envelope_reads_alike::<Voucher>((format, &wire), leniencies)?;
        envelope_reads_alike::<VoucherRequest>((format, &wire), leniencies)?;
    }
}
