//! Examples of constrained BRSKI: a pledge's request, the registrar's request around it and a voucher in COSE, their payloads before they were signed, certificates and keys.

use brski_common::{
    Anchors, Assertion, Certificate, Format, IDevIdCert, KeyIdentifier, Leniencies, Nonce, Payload, PeerCertificates, SerialNumber, Signed, SignedBy, UnixTime,
    Usage, Verified, Verifier, VerifyError, Voucher, VoucherRequest,
};
use brski_masa::ledger::Made;
use brski_masa::{Entry, History, IssuePolicy, RegistrarRequest, issue};

use crate::messages::{assert_signs_for, content, rewritten};
use crate::vectors::{Vectors, check, time};

/// Within the validity of all certificates but the MASA's; days after the messages were made.
const NOW: &str = "2022-12-10T00:00:00Z";

/// Within the validity of the MASA's certificate, which was renewed.
const LATER: &str = "2026-06-01T00:00:00Z";

const CERTIFICATES: [&str; 5] = ["domain_ca", "masa", "masa_ca", "pledge", "registrar"];
const MESSAGES: [&str; 3] = ["pvr", "rvr", "voucher"];

#[test]
fn every_file_is_read_by_a_test_here() {
    let Some(vectors) = Vectors::find() else { return };
    let certificates =
        CERTIFICATES.iter().flat_map(|name| [format!("{name}.der"), format!("{name}.hex"), format!("{name}.pem"), format!("privkey_{name}.pem")]);
    let messages = MESSAGES.iter().flat_map(|name| [format!("{name}.hex"), format!("{name}-nonsigned.hex")]);
    assert_eq!(vectors.names("cbrski"), certificates.chain(messages).collect());
}

fn certificate(vectors: &Vectors, name: &str) -> Certificate {
    vectors.certificate(&format!("cbrski/{name}.pem"))
}

fn path(vectors: &Vectors, name: &str, anchor: &str, usage: Usage, now: &str) -> Result<Vec<Certificate>, VerifyError> {
    Anchors::new([certificate(vectors, anchor)]).unwrap().verify_path(&certificate(vectors, name), &[], usage, time(now))
}

#[test]
fn certificates_are_in_der_hex_and_pem_and_their_keys_sign() {
    let Some(vectors) = Vectors::find() else { return };
    for name in CERTIFICATES {
        let read = certificate(&vectors, name);
        assert_eq!(vectors.read(&format!("cbrski/{name}.der")), read.der());
        let hex = Certificate::from_der(&vectors.hex(&format!("cbrski/{name}.hex"))).unwrap();
        assert_eq!(hex.public_key(), read.public_key());
        check(&format!("cbrski/{name}.hex"), "same-certificate", (hex == read).then_some(()).ok_or(hex));
        assert_signs_for(&vectors.key(&format!("cbrski/privkey_{name}.pem")), &read);
    }
}

#[test]
fn pledge_pem() {
    let Some(vectors) = Vectors::find() else { return };
    assert!(path(&vectors, "pledge", "masa_ca", Usage::TlsClient, NOW).is_ok());
    let idevid = IDevIdCert::new(certificate(&vectors, "pledge")).unwrap();
    assert_eq!(idevid.device().serial, serial());
    assert_eq!(idevid.device().issuer, issuer(&vectors));
    assert_eq!(idevid.masa_url().unwrap().unwrap().authority(), "masa.stok.nl");
}

#[test]
fn masa_pem() {
    let Some(vectors) = Vectors::find() else { return };
    assert!(path(&vectors, "masa", "masa_ca", Usage::TlsServer, LATER).is_ok());
    assert!(matches!(path(&vectors, "masa", "masa_ca", Usage::Any, NOW), Err(VerifyError::NotCurrent { state: "not yet valid", .. })));
}

#[test]
fn registrar_pem_expired_since() {
    let Some(vectors) = Vectors::find() else { return };
    for usage in [Usage::CmcRa, Usage::TlsServer, Usage::TlsClient] {
        assert!(path(&vectors, "registrar", "domain_ca", usage, NOW).is_ok());
    }
    assert_eq!(certificate(&vectors, "registrar").not_after(), time("2025-12-08T12:50:47Z"));
    assert!(matches!(path(&vectors, "registrar", "domain_ca", Usage::CmcRa, LATER), Err(VerifyError::NotCurrent { state: "expired", .. })));
}

#[test]
fn domain_ca_pem_and_masa_ca_pem() {
    let Some(vectors) = Vectors::find() else { return };
    for name in ["domain_ca", "masa_ca"] {
        let ca = certificate(&vectors, name);
        assert!(ca.is_self_issued() && ca.is_ca());
    }
}

fn serial() -> SerialNumber {
    SerialNumber::new("JADA123456789").unwrap()
}

fn issuer(vectors: &Vectors) -> KeyIdentifier {
    KeyIdentifier::new(certificate(vectors, "masa_ca").subject_key_id().unwrap()).unwrap()
}

/// The nonce of both requests.
fn nonce() -> Nonce {
    Nonce::from_bytes(&[0x23, 0xbf, 0xbb, 0xc9, 0xc2, 0xbc, 0xf2, 0x13]).unwrap()
}

/// Verifies a message strictly by a path to this anchor from one of these certificates, or one that it carries; holds its payload against the file, and against what we would write.
fn verified<T: Payload>(vectors: &Vectors, name: &str, known: &[&str], anchor: &str, usage: Usage, now: &str) -> Verified<T> {
    let vector = format!("cbrski/{name}.hex");
    let wire = vectors.hex(&vector);
    let payload = vectors.hex(&format!("cbrski/{name}-nonsigned.hex"));
    assert_eq!(content(Format::Cose, &wire, Leniencies::NONE), payload);

    let again = rewritten::<T>(Format::Cose, &payload);
    assert_eq!(again, whole_seconds(&payload));
    check(&vector, "re-encoding", if again == payload { Ok(()) } else { Err("created-on") });

    let anchors = Anchors::new([certificate(vectors, anchor)]).unwrap();
    let known: Vec<Certificate> = known.iter().map(|name| certificate(vectors, name)).collect();
    let by = SignedBy::Anchored { anchors: &anchors, usage, known: &known };
    Signed::<T>::from_wire(Format::Cose, wire).verify(&Verifier::strict(by), time(now)).unwrap()
}

/// The payload with a created-on of 20 characters instead of 24.
fn whole_seconds(payload: &[u8]) -> Vec<u8> {
    let Some(start) = payload.windows(2).position(|head| head == [0x78, 24]) else { return payload.to_vec() };
    let (before, text, after) = (&payload[..start], &payload[start + 2..start + 26], &payload[start + 26..]);
    assert_eq!((text[19], text[23]), (b'.', b'Z'));
    [before, &[0x60 + 20], &text[..19], b"Z", after].concat()
}

#[test]
fn pvr_hex() {
    let Some(vectors) = Vectors::find() else { return };
    let verified = verified::<VoucherRequest>(&vectors, "pvr", &["pledge"], "masa_ca", Usage::Any, NOW);
    assert_eq!(verified.signer().chain, ["pledge", "masa_ca"].map(|name| certificate(&vectors, name)));
    let expected = VoucherRequest {
        assertion: Some(Assertion::Proximity),
        nonce: Some(nonce()),
        proximity_registrar_pubk: Some(certificate(&vectors, "registrar").public_key().spki().to_vec()),
        ..VoucherRequest::new(serial())
    };
    assert_eq!(*verified.get(), expected);
}

#[test]
fn pvr_hex_carries_no_certificate_and_is_the_pledges_alone() {
    let Some(vectors) = Vectors::find() else { return };
    let request = Signed::<VoucherRequest>::from_wire(Format::Cose, vectors.hex("cbrski/pvr.hex"));
    let held_by = |name: &str| request.verify(&Verifier::strict(SignedBy::Holder(&certificate(&vectors, name))), time(NOW)).map(drop);
    assert_eq!(held_by("pledge"), Ok(()));
    assert!(matches!(held_by("registrar"), Err(VerifyError::BadSignature { .. })));
    let anyone = Verifier::strict(SignedBy::AnyoneConsistent { usage: Usage::Any });
    assert!(matches!(request.verify(&anyone, time(NOW)), Err(VerifyError::UnknownSigner { .. })));
}

fn made(text: &str) -> Option<UnixTime> {
    Some(time(text))
}

#[test]
fn rvr_hex() {
    let Some(vectors) = Vectors::find() else { return };
    let verified = verified::<VoucherRequest>(&vectors, "rvr", &[], "domain_ca", Usage::CmcRa, NOW);
    let expected = VoucherRequest {
        assertion: Some(Assertion::Proximity),
        created_on: made("2022-12-06T20:04:15Z"),
        nonce: Some(nonce()),
        idevid_issuer: Some(issuer(&vectors)),
        prior_signed_voucher_request: Some(vectors.hex("cbrski/pvr.hex")),
        ..VoucherRequest::new(serial())
    };
    assert_eq!(*verified.get(), expected);

    // It carries earlier certificates for the keys of the files beside it.
    let keys = |chain: &[Certificate]| chain.iter().map(Certificate::public_key).collect::<Vec<_>>();
    let beside = ["registrar", "domain_ca"].map(|name| certificate(&vectors, name));
    assert_eq!(keys(&verified.signer().chain), keys(&beside));
    assert_eq!(verified.signer().chain[0].not_after(), time("2025-12-05T11:37:59Z"));
}

#[test]
fn rvr_hex_lacks_the_pledges_chain() {
    let Some(vectors) = Vectors::find() else { return };
    let (wire, pledge) = (vectors.hex("cbrski/rvr.hex"), certificate(&vectors, "pledge"));
    let encloses = |certificate: &Certificate| wire.windows(certificate.der().len()).any(|octets| octets == certificate.der());
    let anyone = Verifier::strict(SignedBy::AnyoneConsistent { usage: Usage::CmcRa });
    let own = Signed::<VoucherRequest>::from_wire(Format::Cose, wire.clone()).verify(&anyone, time(NOW)).unwrap().signer().chain.clone();
    assert_eq!(own.len(), 2);
    assert!(own.iter().all(encloses));
    check("cbrski/rvr.hex", "pledge-chain", encloses(&pledge).then_some(()).ok_or("absent"));
}

#[test]
fn masa_that_knows_the_device_finds_proximity_proven() {
    let Some(vectors) = Vectors::find() else { return };
    let made = Made { at: time(NOW), idevid: IDevIdCert::new(certificate(&vectors, "pledge")).unwrap(), reported_by: "station".to_owned() };
    let history = History::build([(0, Entry::Made(made))], [], false).unwrap();
    let request = Signed::<VoucherRequest>::from_wire(Format::Cose, vectors.hex("cbrski/rvr.hex"));
    let anchors = Anchors::new([certificate(&vectors, "masa_ca")]).unwrap();
    let claim = RegistrarRequest::verify(&request, brski_common::Leniencies::default(), time(NOW))
        .unwrap()
        .open(&history, &anchors, Anchors::default, time(NOW))
        .unwrap();
    let policy = IssuePolicy { freshness: core::time::Duration::from_secs(7 * 86_400), ..IssuePolicy::default() };
    let decision = issue::evaluate(&claim, &PeerCertificates::default(), &history, &policy, time(NOW)).unwrap();
    let issue::Decision::Record(order) = decision else { panic!("{decision:?}") };
    let Entry::Vouched(vouched) = order.entry() else { panic!("{:?}", order.entry()) };
    assert_eq!(vouched.assertion, Assertion::Proximity);
    // The pledge named its registrar by the raw key, which is therefore what the voucher pins.
    assert_eq!(vouched.pin, certificate(&vectors, "registrar").spki_digest());
}

#[test]
fn voucher_hex() {
    let Some(vectors) = Vectors::find() else { return };
    let verified = verified::<Voucher>(&vectors, "voucher", &["masa_ca"], "masa_ca", Usage::Any, NOW);
    assert_eq!(verified.signer().chain, [certificate(&vectors, "masa_ca")]);
    let pinned = verified.get().pinned_domain_cert.clone().unwrap();
    let expected = Voucher {
        assertion: Some(Assertion::Proximity),
        created_on: made("2022-12-06T20:23:30Z"),
        domain_cert_revocation_checks: Some(false),
        nonce: Some(Nonce::from_bytes(&[0x57, 0xee, 0xd7, 0x86, 0xad, 0x40, 0x49, 0x07]).unwrap()),
        pinned_domain_cert: Some(pinned.clone()),
        ..Voucher::new(serial())
    };
    assert_eq!(*verified.get(), expected);

    // Another run's: its nonce is not the requests', and it pins an earlier certificate of the domain's CA.
    assert_ne!(verified.get().nonce, Some(nonce()));
    let ca = certificate(&vectors, "domain_ca");
    assert_ne!(pinned, ca);
    assert_eq!((pinned.public_key(), pinned.subject_der()), (ca.public_key(), ca.subject_der()));
    let domain = Anchors::new([pinned]).unwrap();
    assert!(domain.verify_path(&certificate(&vectors, "registrar"), &[], Usage::CmcRa, time(NOW)).is_ok());
}

#[test]
fn voucher_hex_is_signed_by_the_manufacturers_ca_and_not_by_the_masas_key() {
    let Some(vectors) = Vectors::find() else { return };
    let voucher = Signed::<Voucher>::from_wire(Format::Cose, vectors.hex("cbrski/voucher.hex"));
    let held_by = |name: &str, now| voucher.verify(&Verifier::strict(SignedBy::Holder(&certificate(&vectors, name))), time(now)).map(drop);
    assert_eq!(held_by("masa_ca", NOW), Ok(()));
    assert!(matches!(held_by("masa", LATER), Err(VerifyError::BadSignature { .. })));
}

#[test]
fn voucher_hex_with_one_bit_changed_is_refused() {
    let Some(vectors) = Vectors::find() else { return };
    let signer = certificate(&vectors, "masa_ca");
    let wire = vectors.hex("cbrski/voucher.hex");
    // Within the certificate that is pinned, and within the signature.
    for place in [wire.len() / 2, wire.len() - 1] {
        let mut changed = wire.clone();
        changed[place] ^= 1;
        let outcome = Signed::<Voucher>::from_wire(Format::Cose, changed).verify(&Verifier::strict(SignedBy::Holder(&signer)), time(NOW));
        assert!(matches!(outcome, Err(VerifyError::BadSignature { .. })), "{place}: {outcome:?}");
    }
}
