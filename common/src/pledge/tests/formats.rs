//! Every format in which a pledge asks, and what it makes of answers in others.

use serde_json::{Value, json};

use super::*;
use crate::codec::{base64url, unbase64url};
use crate::leniency::Leniency;

impl World {
    fn speaking(format: Format) -> Self {
        Self::new().with(|pledge| pledge.with_format(format))
    }

    /// Whose voucher key stands under a root of the manufacturer's, which alone is the pledge's anchor.
    fn under_a_root(format: Format) -> (Self, Entity) {
        let mut world = Self::speaking(format);
        let root = Entity::root("Voucher root");
        world.masa = root.issue("MASA", SignatureAlgorithm::Es256, |t| t);
        world.pledge.masa_anchors = Anchors::new([root.certificate.clone()]).unwrap();
        (world, root)
    }
}

const OLDER_COSE: &str = "application/voucher-cose+cbor";

#[test]
fn request_is_of_the_format_that_it_asks_for() {
    for &format in Format::ALL {
        let world = World::speaking(format);
        let asked = world.ask();
        assert_eq!((asked.ask().content_type, asked.ask().accept), (Some(format.voucher_media_type()), Some(format.voucher_media_type())));

        let request = Signed::<VoucherRequest>::from_wire(format, asked.ask().body.clone());
        let holder = world.pledge.idevid().certificate();
        let request = request.verify(&Verifier::strict(SignedBy::Holder(holder)), now()).unwrap();
        assert_eq!((request.get().nonce.clone(), request.get().created_on), (Some(nonce(1)), Some(now())));
    }
}

#[test]
fn request_carries_the_idevids_path_unless_it_is_cose() {
    for &format in Format::ALL {
        let world = World::speaking(format);
        let root = Anchors::new([world.maker.certificate.clone()]).unwrap();
        let by = SignedBy::Anchored { anchors: &root, usage: Usage::Any, known: &[] };
        let verified = Signed::<VoucherRequest>::from_wire(format, world.ask().ask().body.clone()).verify(&Verifier::strict(by), now());
        match format {
            Format::Cms | Format::Jws => assert_eq!(verified.unwrap().signer().chain.len(), 3),
            Format::Cose => assert!(matches!(verified, Err(VerifyError::UnknownSigner { .. }))),
        }
    }
}

#[test]
fn voucher_of_each_format_leads_to_the_domain() {
    for &format in Format::ALL {
        let world = World::speaking(format);
        assert_eq!(world.imprint().domain().certificates(), core::slice::from_ref(&world.domain.certificate), "{format:?}");
    }
}

#[test]
fn voucher_of_each_format_is_compared_with_the_request() {
    for &format in Format::ALL {
        let world = World::speaking(format);
        let error = rejection(world.vouch(&Voucher { nonce: Some(nonce(2)), ..world.voucher() }));
        assert!(matches!(error, PledgeError::VoucherMismatch { leaf: "nonce" }), "{format:?}");
        let error = rejection(world.vouch(&Voucher { serial_number: serial("JADA-2"), ..world.voucher() }));
        assert!(matches!(error, PledgeError::VoucherMismatch { leaf: "serial-number" }), "{format:?}");
    }
}

#[test]
fn voucher_of_each_format_from_another_manufacturer_is_refused() {
    for &format in Format::ALL {
        let world = World::speaking(format);
        let forged = sealed(format, &Entity::root("MASA").party(&[]), &world.voucher());
        assert!(matches!(rejection(world.ask().answered(&forged, now())), PledgeError::VoucherUntrusted(_)), "{format:?}");
    }
}

#[test]
fn voucher_without_certificates_needs_its_signer_among_the_anchors() {
    let (mut world, root) = World::under_a_root(Format::Cose);
    let error = rejection(world.vouch(&world.voucher()));
    assert!(matches!(error, PledgeError::VoucherUntrusted(VerifyError::BadSignature { .. })), "{error:?}");

    world.pledge.masa_anchors = Anchors::new([root.certificate, world.masa.certificate.clone()]).unwrap();
    assert!(world.vouch(&world.voucher()).is_ok());
}

#[test]
fn voucher_with_certificates_needs_its_root_alone_among_the_anchors() {
    for &format in Format::ALL {
        let (world, root) = World::under_a_root(format);
        let signed = block_on(world.masa.party(&[&root]).seal(&world.voucher(), format)).unwrap();
        assert!(world.ask().answered(&answered(format.voucher_media_type(), signed.wire()), now()).is_ok(), "{format:?}");
    }
}

#[test]
fn another_device_cannot_sign_a_voucher_without_certificates_either() {
    let world = World::speaking(Format::Cose);
    let forged = sealed(Format::Cose, &device_of(&world.idevid_ca, "JADA-2").party(&[]), &world.voucher());
    let error = rejection(world.asking_below(&world.maker).answered(&forged, now()));
    assert!(matches!(error, PledgeError::VoucherUntrusted(VerifyError::BadSignature { .. })), "{error:?}");
}

#[test]
fn voucher_of_another_format_than_asked_for_is_refused() {
    for &asked in Format::ALL {
        for other in Format::ALL.iter().copied().filter(|other| *other != asked) {
            let world = World::speaking(asked);
            let answer = sealed(other, &world.masa.party(&[]), &world.voucher());
            let failed = world.ask().answered(&answer, now()).unwrap_err();
            assert!(matches!(*failed.error, PledgeError::MediaType { .. }), "{asked:?}, {other:?}");

            let disguised = Answer { content_type: Some(asked.voucher_media_type().to_owned()), ..answer };
            let error = rejection(world.ask().answered(&disguised, now()));
            assert!(matches!(error, PledgeError::VoucherUntrusted(VerifyError::Decode { .. })), "{asked:?}, {other:?}: {error:?}");
        }
    }
}

#[test]
fn request_is_no_voucher_even_if_the_manufacturer_signed_it() {
    for &format in Format::ALL {
        let world = World::speaking(format);
        let request =
            VoucherRequest { nonce: Some(nonce(1)), pinned_domain_cert: Some(world.domain.certificate.clone()), ..VoucherRequest::new(serial("JADA-1")) };
        let answer = sealed(format, &world.masa.party(&[]), &request);
        let error = rejection(world.ask().answered(&answer, now()));
        assert!(matches!(error, PledgeError::VoucherUntrusted(VerifyError::Decode { .. })), "{format:?}: {error:?}");
    }
}

/// The JWS with another `typ`, signed anew.
fn retyped(masa: &Entity, jws: &[u8], typ: &str) -> Vec<u8> {
    let mut envelope: Value = serde_json::from_slice(jws).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut header: Value = serde_json::from_slice(&unbase64url("protected", &text(&envelope["signatures"][0]["protected"])).unwrap()).unwrap();
    header["typ"] = typ.into();
    let protected = base64url(header.to_string().as_bytes());
    let signature = block_on(masa.key.sign(format!("{protected}.{}", text(&envelope["payload"])).as_bytes())).unwrap();
    envelope["signatures"] = json!([{ "protected": protected, "signature": base64url(signature.fixed()) }]);
    envelope.to_string().into_bytes()
}

#[test]
fn jws_that_calls_itself_something_else_is_no_voucher() {
    let world = World::speaking(Format::Jws);
    let signed = block_on(world.masa.party(&[]).seal(&world.voucher(), Format::Jws)).unwrap();
    let taken = |typ: &str| {
        let body = retyped(&world.masa, signed.wire(), typ);
        world.ask().answered(&answered(Format::Jws.voucher_media_type(), &body), now())
    };
    assert!(taken("voucher-jws+json").is_ok());
    for typ in ["JWT", "application/vc+ld+json", ""] {
        let error = rejection(taken(typ));
        assert!(matches!(error, PledgeError::VoucherUntrusted(VerifyError::Decode { .. })), "{typ}: {error:?}");
    }
}

#[test]
fn older_media_type_is_understood_where_it_is_tolerated() {
    let world = World::speaking(Format::Cose).with(|pledge| pledge.with_leniencies(Leniencies::with([Leniency::VoucherCoseCbor])));
    let answer = sealed(Format::Cose, &world.masa.party(&[]), &world.voucher());
    assert!(world.ask().answered(&Answer { content_type: Some(OLDER_COSE.to_owned()), ..answer }, now()).is_ok());
}

#[test]
fn older_media_type_is_refused_elsewhere() {
    for (format, lenient) in [(Format::Cms, Leniencies::ALL), (Format::Jws, Leniencies::ALL), (Format::Cose, Leniencies::default())] {
        let world = World::speaking(format).with(|pledge| pledge.with_leniencies(lenient));
        let failed = world.ask().answered(&answered(OLDER_COSE, &[]), now()).unwrap_err();
        let PledgeError::MediaType { expected, .. } = *failed.error else { panic!("{format:?}") };
        assert_eq!(expected, format.voucher_media_type());
    }
}
