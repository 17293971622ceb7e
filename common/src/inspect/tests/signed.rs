//! What is said of envelopes, certificates and signatures, and what anchors change.

use ::cms::signed_data::SignerInfo;
use ::der::{Decode as _, Encode as _};
use ciborium::Value as Cbor;
use serde_json::{Value as Json, json};

use super::artefacts::{World, octets, path, receipt, sealed};
use super::*;
use crate::asn1::element;
use crate::envelope::Format;
use crate::envelope::cms::{SignedData, certificate_set, content_info};
use crate::issuing::Subject;
use crate::provenance::testing::{origin, statement};
use crate::provenance::{Disclosure, Method, Status};
use crate::sign::{SignatureAlgorithm, Signer as _};
use crate::signed::SigningParty;
use crate::test_pki::{Entity, NOW, block_on, new_key, template};
use crate::time::at;
use crate::{IDevIdCert, ProvenanceStatement, VoucherRequest};

fn check_of(inspection: &Inspection) -> &Check {
    &inspection.signatures[0].check
}

#[test]
fn signature_is_verified_under_the_anchor_and_not_without_it() {
    let world = World::new();
    for &format in Format::ALL {
        let voucher = sealed(&world.voucher_signer.party(&[&world.masa]), &world.voucher(), format);
        let trusting = anchored([world.masa.certificate.clone()]);
        let shown = inspect(voucher.wire(), &trusting);
        assert!(matches!(check_of(&shown), Check::Anchored { anchor } if anchor.contains("voucher CA")) && shown.is_verified(&trusting));
        let other = anchored([world.domain.certificate.clone()]);
        let shown = inspect(voucher.wire(), &other);
        assert!(matches!(check_of(&shown), Check::Untrusted { .. }) && !shown.is_verified(&other));
        let shown = inspect(voucher.wire(), &plain());
        assert!(matches!(check_of(&shown), Check::OwnCertificate { .. }) && shown.is_verified(&plain()));
    }
}

#[test]
fn changed_envelope_is_wrong_even_without_anchors() {
    let world = World::new();
    let voucher = sealed(&world.voucher_signer.party(&[&world.masa]), &world.voucher(), Format::Jws);
    let mut document: Json = serde_json::from_slice(voucher.wire()).unwrap();
    document["payload"] = crate::codec::base64url(br#"{"ietf-voucher:voucher":{"serial-number":"another"}}"#).into();
    let shown = inspect(document.to_string().as_bytes(), &plain());
    assert!(matches!(check_of(&shown), Check::Wrong { .. }) && !shown.is_verified(&plain()));
}

#[test]
fn cms_with_one_octet_of_its_content_changed_is_wrong_with_and_without_anchors() {
    let world = World::new();
    for party in [world.voucher_signer.party(&[&world.masa]), world.voucher_signer.party(&[])] {
        let mut wire = sealed(&party, &world.voucher(), Format::Cms).wire().to_vec();
        let place = wire.windows(13).position(|octets| octets == b"JADA123456789").unwrap();
        wire[place] = b'j';
        for options in [plain(), anchored([world.masa.certificate.clone()])] {
            let shown = inspect(&wire, &options);
            assert_eq!(shown.value("serial-number"), Some(&"jADA123456789".into()));
            assert!(matches!(check_of(&shown), Check::Wrong { why } if why.contains("content was changed")), "{shown}");
            assert!(shown.signatures[0].by.contains("voucher signer") && !shown.is_verified(&options), "{shown}");
            assert_eq!(serde_json::to_value(&shown).unwrap()["signatures"][0]["check"], "wrong");
        }
    }
}

#[test]
fn nameless_request_within_a_registrars_is_verified_by_the_bag_around_it() {
    let world = World::new();
    let rvr = sealed(&world.registrar(), &world.rvr(Format::Cose), Format::Cose);
    let trusting = anchored([world.domain.certificate.clone(), world.manufacturer.certificate.clone(), world.masa.certificate.clone()]);
    let shown = inspect(rvr.wire(), &trusting);
    let prior = &shown.nested[0].inspection;
    assert!(matches!(check_of(prior), Check::Anchored { anchor } if anchor.contains("IDevID CA")), "{shown}");
    let alone = inspect(world.signed_pvr(Format::Cose).wire(), &plain());
    assert!(matches!(check_of(&alone), Check::Unchecked { .. }));
}

#[test]
fn certificates_in_one_file_are_a_path() {
    let root = Entity::root("root");
    let (below, trusting) = (root.issue_ca("below"), anchored([root.certificate.clone()]));
    let leaf = below.issue("leaf", SignatureAlgorithm::Es256, |t| t);
    let together = leaf.certificate.to_pem() + &below.certificate.to_pem();
    assert!(inspect(together.as_bytes(), &trusting).is_verified(&trusting));
    assert!(!inspect(leaf.certificate.to_pem().as_bytes(), &trusting).is_verified(&trusting));
}

#[test]
fn path_of_the_first_certificate_in_a_file_is_told_and_of_the_others_what_failed() {
    let root = Entity::root("root");
    let below = root.issue_ca("below");
    let leaf = below.issue("leaf", SignatureAlgorithm::Es256, |t| t);
    let together = leaf.certificate.to_pem() + &below.certificate.to_pem();
    let lines = |anchor: &Entity| {
        let text = inspect(together.as_bytes(), &anchored([anchor.certificate.clone()])).to_string();
        text.lines().filter(|line| line.contains("signature: ")).map(str::to_owned).collect::<Vec<_>>()
    };
    let good = lines(&root);
    assert!(matches!(good.as_slice(), [first] if first.contains("verified under") && first.contains("root")), "{good:?}");
    let bad = lines(&Entity::root("another"));
    assert!(bad.len() == 2 && bad.iter().all(|line| line.contains("NOT TRUSTED")), "{bad:?}");
    let text = inspect(together.as_bytes(), &plain()).to_string();
    assert_eq!(text.matches("not checked: no anchor is given").count(), 1, "{text}");
}

#[test]
fn ca_alone_is_said_not_to_be_enough_for_cose_without_certificates() {
    let world = World::new();
    let voucher = sealed(&world.voucher_signer.party(&[&world.masa]), &world.voucher(), Format::Cose).without_unprotected_certificates().unwrap();
    let trusting = anchored([world.masa.certificate.clone()]);
    let shown = inspect(voucher.wire(), &trusting);
    assert!(matches!(check_of(&shown), Check::Untrusted { why } if why.contains("signer's own certificate is needed as anchor")), "{shown}");
    let own = anchored([world.voucher_signer.certificate.clone()]);
    assert!(inspect(voucher.wire(), &own).is_verified(&own));
}

#[test]
fn pledges_request_in_cose_that_carries_certificates_is_told() {
    let world = World::new();
    let request = sealed(&world.pledge(), &world.pvr(), Format::Cose);
    assert_told(&inspect(request.wire(), &plain()), &["should carry no certificates"]);
}

#[test]
fn certificate_outside_its_validity_is_noted_even_without_anchors() {
    let certificate = World::new().domain.certificate;
    for (now, words) in [(certificate.not_before(), ""), (at(0), "not yet valid"), (at(253_402_300_800), "has expired")] {
        let shown = inspect(certificate.der(), &Options::at(now));
        assert_eq!((told(&shown), shown.notes.is_empty()), (vec![], words.is_empty()), "{shown}");
        assert!(shown.to_string().contains(words));
    }
}

#[test]
fn key_usage_is_shown() {
    let shown = inspect(Entity::root("CA").certificate.der(), &plain());
    let usages = shown.value("key-usage").and_then(Json::as_array).unwrap();
    assert!(usages.contains(&"keyCertSign".into()), "{shown}");
}

#[test]
fn bare_key_of_a_station_is_an_anchor_too() {
    let (report, key) = World::new().report();
    let trusting = Options { keys: vec![key], ..plain() };
    assert!(inspect(report.wire(), &trusting).is_verified(&trusting));
    let other = Options { keys: vec![new_key(SignatureAlgorithm::Es256).public_key().clone()], ..plain() };
    assert!(!inspect(report.wire(), &other).is_verified(&other));
}

#[test]
fn serializations_of_jws_that_nobody_may_send_are_told() {
    let world = World::new();
    let document: Json = serde_json::from_slice(world.signed_pvr(Format::Jws).wire()).unwrap();
    let (block, payload) = (&document["signatures"][0], &document["payload"]);
    let compact = [&block["protected"], payload, &block["signature"]].map(|part| part.as_str().unwrap()).join(".");
    let flattened = json!({ "payload": payload, "protected": block["protected"], "signature": block["signature"] });
    for (text, words) in [(compact, "compact serialization"), (flattened.to_string(), "flattened serialization")] {
        let shown = inspect(text.as_bytes(), &plain());
        assert_eq!(shown.kind, Kind::PledgeVoucherRequest);
        assert!(matches!(check_of(&shown), Check::OwnCertificate { .. }));
        assert_told(&shown, &[words]);
    }
}

#[test]
fn jws_without_the_chain_is_told() {
    let world = World::new();
    let voucher = sealed(&world.voucher_signer.party(&[]), &world.voucher(), Format::Jws);
    assert_told(&inspect(voucher.wire(), &plain()), &["x5c holds only the signer's certificate"]);
}

#[test]
fn cose_without_tag_or_with_a_signature_in_asn1_is_told() {
    let world = World::new();
    let voucher = sealed(&world.voucher_signer.party(&[&world.masa]), &world.voucher(), Format::Cose);
    let untagged = inspect(&voucher.wire()[1..], &plain());
    assert_told(&untagged, &["lacks the tag 18"]);
    assert!(matches!(check_of(&untagged), Check::OwnCertificate { .. }));

    let mut message: Cbor = ciborium::from_reader(voucher.wire()).unwrap();
    if let Cbor::Tag(_, parts) = &mut message
        && let Cbor::Array(parts) = &mut **parts
    {
        let asn1 = block_on(world.voucher_signer.key.sign(b"")).unwrap().to_asn1().unwrap();
        parts[3] = asn1.into();
    }
    let shown = inspect(&octets(&message), &plain());
    assert_eq!(shown.kind, Kind::Voucher);
    assert_told(&shown, &["not an ASN.1 DER signature"]);
}

#[test]
fn cose_request_without_the_pledges_chain_is_told() {
    let world = World::new();
    let rvr = sealed(&world.registrar.party(&[&world.domain]), &world.rvr(Format::Cose), Format::Cose);
    assert_told(&inspect(rvr.wire(), &plain()), &["x5bag lacks the pledge's certificates"]);
}

#[test]
fn cms_of_version_1_without_signed_attributes_is_told() {
    let world = World::new();
    let voucher = sealed(&world.voucher_signer.party(&[&world.masa]), &world.voucher(), Format::Cms);
    let data = SignedData::from_ber(voucher.wire()).unwrap();
    let info = SignerInfo { signed_attrs: None, ..SignerInfo::from_der(&data.signer_infos[0]).unwrap() };
    let content = data.content.to_der().unwrap();
    let certificates = certificate_set(core::slice::from_ref(&world.voucher_signer.certificate));
    let parts = [element(2, &[1]), element(0x31, &info.digest_alg.to_der().unwrap()), content, certificates, element(0x31, &info.to_der().unwrap())];
    let shown = inspect(&content_info(&parts.concat()), &plain());
    assert_eq!(shown.kind, Kind::Voucher);
    assert_told(&shown, &["CMSVersion is 1", "has no SignedAttributes"]);
}

#[test]
fn cms_around_id_data_is_told_with_the_leniency_that_accepts_it() {
    let world = World::new();
    let voucher = sealed(&world.voucher_signer.party(&[&world.masa]), &world.voucher(), Format::Cms);
    let anima = crate::envelope::cms::ID_CT_ANIMA_JSON_VOUCHER.to_der().unwrap();
    let data = SignedData::from_ber(voucher.wire()).unwrap();
    let info = SignerInfo::from_der(&data.signer_infos[0]).unwrap();
    let content = data.content.to_der().unwrap();
    let (content, _) = super::super::der::value(&content).unwrap();
    let id_data = [&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1], &content[anima.len()..]].concat();
    let certificates = certificate_set(core::slice::from_ref(&world.voucher_signer.certificate));
    let parts =
        [element(2, &[3]), element(0x31, &info.digest_alg.to_der().unwrap()), element(0x30, &id_data), certificates, element(0x31, &info.to_der().unwrap())];
    let shown = inspect(&content_info(&parts.concat()), &plain());
    assert!(shown.deviations.iter().any(|deviation| deviation.leniency == Some(Leniency::CmsIdData)), "{shown}");
}

#[test]
fn what_a_leniency_would_accept_is_told_with_its_name() {
    let world = World::new();
    let payload =
        json!({ "ietf-voucher:voucher": { "serial-number": "J", "proximity-registrar-cert": crate::codec::base64(world.registrar.certificate.der()) } });
    let shown = inspect(resealed(&world.pledge(), payload).as_bytes(), &plain());
    assert!(shown.deviations.iter().any(|deviation| deviation.leniency == Some(Leniency::RequestRootVoucher)), "{shown}");
    assert_eq!(shown.kind, Kind::PledgeVoucherRequest);
}

/// A JWS around any payload.
fn resealed(party: &SigningParty, payload: Json) -> String {
    let header = json!({ "alg": "ES256", "x5c": party.identity.chain.iter().map(|c| crate::codec::base64(c.der())).collect::<Vec<_>>() });
    let (protected, payload) = (crate::codec::base64url(header.to_string().as_bytes()), crate::codec::base64url(payload.to_string().as_bytes()));
    let signature = block_on(party.signer.sign(format!("{protected}.{payload}").as_bytes())).unwrap();
    json!({ "payload": payload, "signatures": [{ "protected": protected, "signature": crate::codec::base64url(signature.fixed()) }] }).to_string()
}

#[test]
fn certificates_that_do_not_fit_their_role_are_told() {
    let world = World::new();
    let stranger = world.domain.issue("stranger", SignatureAlgorithm::Es256, |t| t);
    let rvr = inspect(sealed(&stranger.party(&[&world.domain]), &world.rvr(Format::Jws), Format::Jws).wire(), &plain());
    assert_told(&rvr, &["lacks the extended key usage id-kp-cmcRA", "lacks the extended key usage serverAuth"]);

    let pvr = VoucherRequest { provenance: None, ..world.pvr() };
    let pvr = inspect(sealed(&stranger.party(&[&world.domain]), &pvr, Format::Jws).wire(), &plain());
    assert_told(&pvr, &["serialNumber is missing", "does not say where its MASA answers"]);

    let key = new_key(SignatureAlgorithm::Es256);
    let named = template(Subject::serial_number(&crate::SerialNumber::new("J").unwrap()), &key).masa_url("masa example");
    let named = block_on(named.self_signed(&key)).unwrap();
    assert_told(&inspect(named.der(), &plain()), &["masa-url must be"]);
}

#[test]
fn request_whose_sender_does_not_hold_the_key_is_told() {
    let world = World::new();
    let mut request = block_on(crate::csr::request(world.device.certificate.subject_der(), &world.device.key)).unwrap();
    if let Some(last) = request.last_mut() {
        *last ^= 1;
    }
    let shown = inspect(&request, &plain());
    assert_told(&shown, &["possession of the private key is not proven"]);
    assert!(!shown.is_verified(&plain()));
}

#[test]
fn statement_that_cannot_be_relied_on_is_told() {
    let world = World::new();
    let good: ProvenanceStatement = statement(&IDevIdCert::new(world.device.certificate.clone()).unwrap(), origin(Method::Avocado), Disclosure::Public);
    for (bad, words) in [
        (ProvenanceStatement { expires_at: Some(at(NOW - 1)), ..good.clone() }, "expired"),
        (ProvenanceStatement { issued_at: at(NOW + 1), ..good.clone() }, "in the future"),
        (ProvenanceStatement { status: Status::Disputed, ..good.clone() }, "into question"),
        (ProvenanceStatement { status: Status::Compromised, ..good.clone() }, "compromised"),
    ] {
        let sealed = sealed(&world.voucher_signer.party(&[&world.masa]), &bad, Format::Cose);
        assert_told(&inspect(sealed.wire(), &plain()), &[words]);
    }
}

#[test]
fn pledge_that_shows_another_devices_statement_is_told() {
    let (world, other) = (World::new(), World::new());
    let request = VoucherRequest { provenance: other.pvr().provenance, ..world.pvr() };
    let shown = inspect(sealed(&world.pledge(), &request, Format::Jws).wire(), &plain());
    assert!(shown.deviations.iter().any(|deviation| deviation.section == "RFC 8747, section 3.1"), "{shown}");
}

#[test]
fn receipts_that_break_their_grammar_are_told() {
    let none = Cbor::Array(vec![]);
    for (kind, proof, root, words) in [
        (-1, vec![8.into(), 8.into(), path()], None, "beyond the tree"),
        (-1, vec![1.into(), 0.into(), none], None, "path must be 1 to 64 hashes"),
        (-1, vec![8.into(), 3.into(), path()], Some(vec![1; 32]), "must be computed from the entry"),
        (-1, vec![8.into()], None, "an array of two numbers and a path"),
        (-1, vec!["8".into(), 3.into(), path()], None, "an array of two numbers and a path"),
        (-2, vec![9.into(), 8.into(), path()], Some(vec![1; 32]), "older tree is larger"),
        (-3, vec![9.into(), 8.into(), path()], None, "vdp must be one proof"),
    ] {
        assert_told(&inspect(&receipt(kind, &proof, root).0, &plain()), &[words]);
    }
}

#[test]
fn certs_only_cms_is_a_bundle() {
    let world = World::new();
    let parts = [
        element(2, &[1]),
        element(0x31, &[]),
        element(0x30, &element(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1])),
        certificate_set(core::slice::from_ref(&world.domain.certificate)),
        element(0x31, &[]),
    ];
    let shown = inspect(&content_info(&parts.concat()), &plain());
    assert_eq!((shown.kind, shown.nested.len()), (Kind::Bundle, 1));
}

#[test]
fn entity_that_signed_itself_is_said_to() {
    let shown = inspect(Entity::root("alone").certificate.der(), &plain());
    assert!(matches!(check_of(&shown), Check::OwnCertificate { .. }));
}
