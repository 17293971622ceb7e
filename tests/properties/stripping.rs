//! A registrar that takes the certificates out of a COSE voucher's unprotected header changes nothing that is signed or read.

use brski_common::time::at;
use brski_common::{Anchors, Certificate, Format, Leniencies, Payload, Signed, SignedBy, Usage, Verifier, Voucher};
use ciborium::Value;
use proptest::prelude::*;

use crate::artefacts::{ARTEFACTS, ROOT, any_party};
use crate::config;
use crate::edits::{apply, edit};
use crate::encodings::written;
use crate::generators::{any_nonce, certificate, own_nonce, voucher};
use crate::parts;
use crate::support::{NOW, block_on};

const X5BAG: i64 = 32;
const X5CHAIN: i64 = 33;

/// The same message with other parameters in its unprotected header.
fn with_unprotected(wire: &[u8], parameters: Vec<(Value, Value)>) -> Vec<u8> {
    let [protected, _, payload, signature] = parts::of_cose(wire);
    written(&Value::Tag(18, Box::new(Value::Array(vec![protected, Value::Map(parameters), payload, signature]))))
}

/// A parameter that holds certificates: one, or an array of them.
fn certificates(label: i64) -> impl Strategy<Value = (Value, Value)> {
    let der = |certificate: &Certificate| Value::from(certificate.der());
    let one = certificate().prop_map(move |certificate| der(&certificate));
    let several = prop::collection::vec(certificate(), 1..4).prop_map(move |several| Value::Array(several.iter().map(der).collect()));
    prop_oneof![one, several].prop_map(move |value| (label.into(), value))
}

/// Parameters that say nothing of certificates, under labels that may stand in an unprotected header.
fn others() -> impl Strategy<Value = Vec<(Value, Value)>> {
    let number = (100..70_000_i64, any::<bool>()).prop_map(|(label, negative)| Value::from(if negative { -label } else { label }));
    let label = prop_oneof![number, "[a-z]{1,30}".prop_map(Value::from)];
    let value = prop_oneof![any::<i64>().prop_map(Value::from), prop::collection::vec(any::<u8>(), 0..40).prop_map(Value::from), Just(Value::Null)];
    prop::collection::vec((label, value), 0..5).prop_map(|mut parameters| {
        parameters.sort_by_key(|(label, _)| written(label));
        parameters.dedup_by(|(a, _), (b, _)| a == b);
        parameters
    })
}

fn stripped(wire: &[u8]) -> Signed<Voucher> {
    Signed::<Voucher>::from_wire(Format::Cose, wire).without_unprotected_certificates().unwrap()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn stripping_changes_nothing_that_is_signed_or_read(
        (voucher, party) in (voucher(own_nonce()), any_party()),
        (bag, chain, others) in (prop::option::of(certificates(X5BAG)), prop::option::of(certificates(X5CHAIN)), others()),
    ) {
        let sealed = block_on(party.seal(&voucher, Format::Cose)).unwrap();
        let parameters = bag.into_iter().chain(others.iter().cloned()).chain(chain).collect();
        let wire = with_unprotected(sealed.wire(), parameters);
        let stripped = stripped(&wire);

        let ([protected, _, payload, signature], [left_protected, left, left_payload, left_signature]) = (parts::of_cose(&wire), parts::of_cose(stripped.wire()));
        prop_assert_eq!((protected, payload, signature), (left_protected, left_payload, left_signature));
        prop_assert_eq!(left, Value::Map(others));

        let (holder, anchors) = (party.identity.chain[0].clone(), Anchors::new(ROOT.chain.clone()).unwrap());
        let known = [holder.clone()];
        for by in [SignedBy::Holder(&holder), SignedBy::Anchored { anchors: &anchors, usage: Usage::Any, known: &known }] {
            let verified = stripped.verify(&Verifier { by, lenient: Leniencies::NONE }, at(NOW)).unwrap();
            prop_assert_eq!(verified.get(), &voucher);
            prop_assert_eq!(&verified.signer().chain[0], &holder);
        }
    }

    #[test]
    fn stripping_twice_is_stripping_once(voucher in voucher(own_nonce()), party in any_party(), others in others(), bag in certificates(X5BAG)) {
        let sealed = block_on(party.seal(&voucher, Format::Cose)).unwrap();
        for wire in [sealed.wire().to_vec(), with_unprotected(sealed.wire(), [vec![bag], others].concat())] {
            let once = stripped(&wire);
            prop_assert!(once.wire().len() < wire.len());
            prop_assert_eq!(stripped(once.wire()), once);
        }
    }

    #[test]
    fn stripping_leaves_other_formats_as_they_are(voucher in voucher(any_nonce()), party in any_party()) {
        for format in [Format::Cms, Format::Jws] {
            let sealed = block_on(party.seal(&voucher, format)).unwrap();
            prop_assert_eq!(sealed.without_unprotected_certificates().unwrap(), sealed);
        }
    }

    #[test]
    fn whatever_can_be_read_reads_the_same_when_stripped(which in any::<prop::sample::Index>(), edits in prop::collection::vec(edit(), 0..4)) {
        let cose: Vec<_> = ARTEFACTS.iter().flatten().filter(|artefact| artefact.format == Format::Cose && artefact.name.starts_with(Voucher::NAME)).collect();
        let mut wire = which.get(&cose).wire.clone();
        edits.iter().for_each(|edit| apply(&mut wire, edit));
        let signed = Signed::<Voucher>::from_wire(Format::Cose, wire);
        let stripped = signed.without_unprotected_certificates();
        if let Ok(stripped) = &stripped {
            prop_assert_eq!(&stripped.without_unprotected_certificates().unwrap(), stripped);
        }
        if let Ok(read) = signed.peek_unverified(Leniencies::NONE) {
            prop_assert_eq!(stripped.unwrap().peek_unverified(Leniencies::NONE).unwrap(), read);
        }
    }
}
