//! Whatever octets come in: no decoder panics, and what it says about them fits into one line.

use std::error::Error;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use brski_common::evidence::{
    AttestationBundle, AttestationStatement, CeremonySignature, Claim, Countersignature, DeliveredElement, DeliveryList, Description, Element, ElementKey,
    ElementKind, KeyAttestation, ManifestElement, SecureElement, SeedDestruction, SeedEvent, SeedNotice, Value,
};
use brski_common::provenance::{CaArrangement, ContentDigest, EvidenceType, RecordDigest, SecureElementGeneration};
use brski_common::{
    AuditLog, Certificate, Csr, Format, IDevIdCert, KeyIdentifier, Leniencies, Leniency, ManufactureReport, MasaUrl, Method, Nonce, Payload, PeerCertificates,
    Policy, ProvenanceRecord, ProvenanceStatement, PublicKey, SerialNumber, SignatureAlgorithm, Signed, SoftwareKey, Telemetry, Voucher, VoucherRequest, est,
    time,
};
use brski_masa::{Entry, Masa, RegistrarRequest};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::config;
use crate::edits::{apply, edit};
use crate::support::{Hand, Manufacturer, NOW, Owner, POLICY, World, block_on, origin};

type Outcome = Result<(), Box<dyn Error>>;
type Decoder = fn(&[u8]) -> Outcome;

/// Every way in for octets of others.
const DECODERS: &[(&str, Decoder)] = &[
    ("request in CMS", |octets| envelope::<VoucherRequest>(Format::Cms, octets)),
    ("voucher in CMS", |octets| envelope::<Voucher>(Format::Cms, octets)),
    ("request in JWS", |octets| envelope::<VoucherRequest>(Format::Jws, octets)),
    ("report in JWS", |octets| envelope::<ManufactureReport>(Format::Jws, octets)),
    ("delivery list in JWS", |octets| envelope::<DeliveryList>(Format::Jws, octets)),
    ("statement in COSE", |octets| envelope::<ProvenanceStatement>(Format::Cose, octets)),
    ("request", |octets| read(VoucherRequest::decode(octets, Format::Cms, &brski_common::Reading::default()))),
    ("voucher", |octets| read(Voucher::decode(octets, Format::Cms, &brski_common::Reading::default()))),
    ("report", |octets| read(ManufactureReport::decode(octets, Format::Jws, &brski_common::Reading::default()))),
    ("delivery list", |octets| read(DeliveryList::decode(octets, Format::Jws, &brski_common::Reading::default()))),
    ("statement", |octets| read(ProvenanceStatement::decode(octets, Format::Cose, &brski_common::Reading::default()))),
    ("record", |octets| read(ProvenanceRecord::from_cbor(octets))),
    ("registrar's request", registrars_request),
    ("certification request", |octets| read(Csr::from_der(octets))),
    ("attestation bundle", |octets| read(AttestationBundle::from_der(octets))),
    ("key attestation", |octets| read(KeyAttestation::from_der(octets))),
    ("element of a manifest", |octets| read(ManifestElement::from_json(octets))),
    ("ceremony signature", |octets| read(CeremonySignature::decode(octets, Format::Cose, &brski_common::Reading::default()))),
    ("seed notice in COSE", |octets| envelope::<SeedNotice>(Format::Cose, octets)),
    ("countersignature in COSE", |octets| envelope::<Countersignature>(Format::Cose, octets)),
    ("certificate", certificate),
    ("certs-only", |octets| read(est::read_certs_only(octets))),
    ("EST body", |octets| read(est::from_body("body", octets))),
    ("audit log", |octets| read(AuditLog::from_json(octets))),
    ("telemetry", |octets| read(Telemetry::from_json(octets))),
    ("public key", |octets| read(PublicKey::from_spki(octets))),
    ("private key", |octets| read(SoftwareKey::from_der(octets))),
    ("keyIdentifier", |octets| read(KeyIdentifier::from_idevid_issuer(octets))),
    ("policy", |octets| read(Policy::from_toml(&text(octets)))),
    ("PEM", |octets| read(Certificate::all_from_pem(&text(octets)))),
    ("private key in PEM", |octets| read(SoftwareKey::from_pem(&text(octets)))),
    ("serial number", |octets| read(SerialNumber::new(text(octets)))),
    ("nonce", |octets| read(Nonce::from_text(text(octets)))),
    ("MASA URL", |octets| read(MasaUrl::new(&text(octets)))),
    ("time", |octets| read(time::from_rfc3339("time", &text(octets)))),
    ("ledger entry of a making", |octets| read(Entry::from_octets("made", octets))),
    ("ledger entry of a statement", |octets| read(Entry::from_octets("stated", octets))),
    ("ledger entry of a voucher", |octets| read(Entry::from_octets("vouched", octets))),
    ("ledger entry of a standing", |octets| read(Entry::from_octets("standing", octets))),
];

fn read<T, E: Error + 'static>(outcome: Result<T, E>) -> Outcome {
    Ok(outcome.map(drop)?)
}

fn envelope<T: Payload>(format: Format, octets: &[u8]) -> Outcome {
    let signed = Signed::<T>::from_wire(format, octets);
    let lenient = signed.peek_unverified(Leniencies::with([Leniency::CmsIdData, Leniency::Base64Body]));
    let strict = signed.peek_unverified(Leniencies::default());
    assert!(lenient.is_ok() || strict.is_err());
    read(strict)
}

/// With the path building that follows.
fn registrars_request(octets: &[u8]) -> Outcome {
    read(RegistrarRequest::verify(&Signed::from_wire(Format::Cms, octets), Leniencies::default(), time::at(NOW)))
}

/// With all that is made of a peer's certificate.
fn certificate(octets: &[u8]) -> Outcome {
    let certificate = Certificate::from_der(octets)?;
    let _ = IDevIdCert::new(certificate.clone()).map(|idevid| idevid.masa_url());
    let world = &ARTEFACTS.world;
    let peer = [vec![certificate], world.maker.plant.chain.clone()].concat();
    read(world.owner.parts.trust.admit(&PeerCertificates(peer), world.hand.now()))
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

/// One good artefact of each kind.
struct Artefacts {
    world: World,
    octets: Vec<Vec<u8>>,
}

static ARTEFACTS: LazyLock<Artefacts> = LazyLock::new(|| block_on(artefacts()));

async fn artefacts() -> Artefacts {
    let hand = Hand::default();
    let maker = Manufacturer::found("Fruitmaker", &hand).await;
    let owner = Owner::found("Orchard", &maker, &hand).await;
    let device = maker.make("A-1", Method::Avocado).await;
    let device = device.clone().carrying(device.statement);
    let pvr = device.sign(&device.request(&owner, &hand)).await;
    let rvr = owner.sign(&owner.request(&device, &pvr)).await;
    let voucher = maker.vouch(&rvr).await.body;
    let audit_log = maker.ask("requestauditlog", rvr.wire(), &PeerCertificates::default()).await.body;

    let masa = Masa::new(maker.parts.clone());
    masa.set_blocked(device.idevid().device(), Some("reported stolen".parse().unwrap()), "jane".parse().unwrap()).await.unwrap();

    let report = ManufactureReport { idevid: device.idevid(), origin: Some(origin(Method::Carrot)) };
    let list = DeliveryList {
        delivery: "reel 7".to_owned(),
        se_generation: SecureElementGeneration::Internal,
        ca_arrangement: CaArrangement::SiliconGeneric,
        made_at: time::at(NOW),
        elements: vec![DeliveredElement { certificate: device.chain[0].clone() }],
    };
    let (pkcs8_key, pkcs8) = SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap();
    let csr = device.csr(&pkcs8_key).await;
    let element = Element { kind: ElementKind::Key, claims: vec![Claim::new("identifier", Value::Text("k".to_owned()))] };
    let evidence = KeyAttestation::make(&[element], &device.chain, &pkcs8_key).await.unwrap();
    let statement = AttestationStatement { kind: EvidenceType::new(KeyAttestation::KIND).unwrap(), der: evidence.der().to_vec() };
    let delivered = SecureElement {
        unique_id: "0123f1822c38dd7a01".parse().unwrap(),
        model: "SE-1".parse().unwrap(),
        part_number: None,
        manufacturer: Some("Silicon Ltd".parse().unwrap()),
        provisioner: None,
        group: None,
        provisioned_at: Some(time::at(NOW)),
        keys: vec![ElementKey { slot: "0".parse().unwrap(), key: Some(device.chain[0].public_key()), certificates: device.chain.clone() }],
    };
    let delivered = ManifestElement::make(&delivered, &device.chain[0], &pkcs8_key).await.unwrap();
    let bundle = AttestationBundle::new(&[statement], &device.chain).unwrap();
    let (key, at) = (device.idevid().spki_digest(), time::at(NOW));
    let ceremony = CeremonySignature { key, ceremony: "minutes 7".parse().unwrap(), at };
    let destroyed = SeedEvent::Destroyed(SeedDestruction { destroyed_by: "Eve".parse().unwrap() });
    let notice = SeedNotice { batch: "seeds 7".parse().unwrap(), at, event: destroyed };
    let description = Description { title: "How keys are made".parse().unwrap(), digest: ContentDigest::of(b"how") };
    let audit = Countersignature { key, record: RecordDigest([9; 32]), description, at };
    let failure = Telemetry { reason_context: Some(serde_json::json!({"attempt": [1, {}]})), ..Telemetry::failure("no") };
    let octets = vec![
        pvr.peek_unverified(Leniencies::default()).unwrap().encode(Format::Cms).unwrap(),
        Signed::<Voucher>::from_wire(Format::Cms, voucher.clone()).peek_unverified(Leniencies::default()).unwrap().encode(Format::Cms).unwrap(),
        pvr.wire().to_vec(),
        rvr.wire().to_vec(),
        voucher,
        owner.parts.identity.seal(&device.request(&owner, &hand), Format::Jws).await.unwrap().wire().to_vec(),
        maker.station.seal(&report, Format::Jws).await.unwrap().wire().to_vec(),
        report.encode(Format::Jws).unwrap(),
        maker.station.seal(&list, Format::Jws).await.unwrap().wire().to_vec(),
        list.encode(Format::Jws).unwrap(),
        device.statement.as_ref().unwrap().wire().to_vec(),
        device.statement.as_ref().unwrap().peek_unverified(Leniencies::default()).unwrap().encode(Format::Cose).unwrap(),
        est::to_body(&csr),
        csr,
        evidence.der().to_vec(),
        ceremony.encode(Format::Cose).unwrap(),
        maker.station.seal(&notice, Format::Cose).await.unwrap().wire().to_vec(),
        maker.station.seal(&audit, Format::Cose).await.unwrap().wire().to_vec(),
        bundle.der().to_vec(),
        delivered.octets().to_vec(),
        device.chain[0].der().to_vec(),
        device.chain[0].public_key().spki().to_vec(),
        device.chain[0].to_pem().into_bytes(),
        device.idevid().device().issuer.to_idevid_issuer(),
        pkcs8.to_vec(),
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(&*pkcs8)).into_bytes(),
        est::certs_only(&device.chain).unwrap(),
        audit_log,
        failure.to_json(),
        POLICY.as_bytes().to_vec(),
        b"2026-09-21T14:13:20.5+02:00".to_vec(),
        b"https://masa.fruitmaker.example:9443/path".to_vec(),
    ];
    let ledger = maker.ledger.octets();
    Artefacts { octets: octets.into_iter().chain(ledger).collect(), world: World { hand, maker, owner } }
}

/// Shows the octets to every decoder.
fn read_by_all(octets: &[u8]) -> Result<(), TestCaseError> {
    for (name, decode) in DECODERS {
        let Err(err) = decode(octets) else { continue };
        let mut cause: Option<&dyn Error> = Some(&*err);
        while let Some(err) = cause {
            let sentence = err.to_string();
            prop_assert!(!sentence.is_empty() && !sentence.ends_with('.') && !sentence.chars().any(char::is_control), "{name}: {sentence:?}");
            cause = err.source();
        }
    }
    Ok(())
}

#[test]
fn every_decoder_reads_one_of_the_artefacts() {
    for (name, decode) in DECODERS {
        assert!(ARTEFACTS.octets.iter().any(|octets| decode(octets).is_ok()), "{name}");
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_decoder_panics_on_any_octets(octets in prop::collection::vec(any::<u8>(), 0..2000)) {
        read_by_all(&octets)?;
    }

    #[test]
    fn no_decoder_panics_on_any_text(text in "\\PC{0,300}") {
        read_by_all(text.as_bytes())?;
    }

    #[test]
    fn no_decoder_panics_on_an_artefact_with_mistakes(which in any::<Index>(), edits in prop::collection::vec(edit(), 1..6)) {
        let mut octets = which.get(&ARTEFACTS.octets).clone();
        edits.iter().for_each(|edit| apply(&mut octets, edit));
        read_by_all(&octets)?;
    }

    #[test]
    fn no_decoder_panics_on_deep_nesting(opening in prop::sample::select(vec![&b"["[..], b"{\"a\":", &[0x30, 0x80], &[0xa0, 0x80], &[0x81], &[0xd2], &[0xa1, 0x00], b"a = ["]), depth in 1..30_000_usize) {
        read_by_all(&opening.repeat(depth))?;
    }
}
