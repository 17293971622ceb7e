//! Writes one good artefact of each kind into the fuzzers' corpora, made by the library itself: `cargo run --bin seeds -- corpus`.

mod evidence;

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use brski_common::audit_log::Event;
use brski_common::evidence::{CeremonySignature, DeliveredElement, DeliveryList};
use brski_common::issuing::{Subject, Template, never};
use brski_common::log::{Checkpoint, Inclusion, LogName, Receipt, SignedCheckpoint, leaf_hash, node_hash, with_receipt};
use brski_common::provenance::{
    Basis, CaArrangement, Disclosure, Locus, ManufactureBatch, Protection, RowForm, SecureElementGeneration, Source, Status, to_csv,
};
use brski_common::time::at;
use brski_common::voucher::{ProvenanceExtension, Wanted};
use brski_common::*;

type Anything<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Anything {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: seeds FOLDER")?);
    let made = block_on(make());
    let made = made?;
    for (target, name, octets) in &made {
        let folder = folder.join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(name), octets)?;
    }
    println!("{} seeds in {}", made.len(), folder.display());
    Ok(())
}

/// Ends a future of software keys, which answer at once.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    match core::pin::pin!(future).poll(&mut core::task::Context::from_waker(core::task::Waker::noop())) {
        core::task::Poll::Ready(value) => value,
        core::task::Poll::Pending => unreachable!("a software key answers at once"),
    }
}

/// Target, name and octets of each seed.
async fn make() -> Anything<Vec<(&'static str, String, Vec<u8>)>> {
    let (ca_key, ca) = certificate("IDevID CA", None).await?;
    let (key, idevid) = certificate("JADA123", Some((&ca_key, &ca))).await?;
    let chain = vec![idevid.clone(), ca.clone()];
    let party = SigningParty::with_chain(chain.clone(), Arc::new(key.clone()));
    let statement = statement(&idevid)?;
    let signed_statement = party.seal(&statement, Format::Cose).await?;

    let voucher = voucher(&idevid, &ca, signed_statement.wire());
    let mut seeds = Vec::new();
    let mut plant = |target: &'static str, name: &str, octets: &[u8]| seeds.push((target, name.to_owned(), octets.to_vec()));
    plant("key_uri", "token", b"pkcs11:token=My%20token;object=a&b;id=%01;slot-id=7;type=private?module-path=/usr/lib/p11.so&pin-source=file:pin.txt");
    plant("key_uri", "file", b"file:///etc/my%20key.pem");
    plant("key_uri", "network", b"2001:db8::/32");
    let field = |certificate: &Certificate| format!(":{}:", base64::Engine::encode(&base64::engine::general_purpose::STANDARD, certificate.der()));
    plant("client_cert", "own", field(&idevid).as_bytes());
    plant("client_cert", "path", format!("{}\n{}, {}", field(&idevid), field(&ca), field(&ca)).as_bytes());
    for &format in Format::ALL {
        let target = format.name();
        let request = request(&idevid, &ca, party.seal(&plain_request(&idevid), format).await?.wire());
        plant(target, "request", party.seal(&request, format).await?.wire());
        plant(target, "voucher", party.seal(&voucher, format).await?.wire());
        plant(target, "plain-request", party.seal(&plain_request(&idevid), format).await?.wire());
        let payloads = match format {
            Format::Cose => "voucher_cbor",
            _ => "voucher_json",
        };
        plant(payloads, "request", &request.encode(format)?);
        plant(payloads, "voucher", &voucher.encode(format)?);
    }
    plant("cose", "statement", signed_statement.wire());
    plant("statement", "statement", &statement.encode(Format::Cose)?);

    let csr = csr::request(idevid.subject_der(), &key).await?;
    plant("csr", "der", &csr);
    let [attestation, bundle, attested] = evidence::make(&chain, &key, &signed_statement).await?;
    plant("pkix_evidence", "attestation", &attestation);
    plant("attestation_bundle", "bundle", &bundle);
    plant("attestation_bundle", "statement", signed_statement.wire());
    plant("csr", "attested", &attested);
    plant("inspect", "attestation-bundle", &bundle);
    plant("csr", "base64", &est::to_body(&csr));
    plant("certificate", "idevid", idevid.der());
    plant("certificate", "ca", ca.der());
    plant("certificate", "pem", ca.to_pem().as_bytes());
    plant("policy", "policy", include_bytes!("../../../examples/onboard/policy.toml"));
    plant("policy", "profile", profile(&ca).as_bytes());

    let made = KeyOrigin::new(Method::Avocado, Source::GeneratedOnDevice, Protection::NonExtractable, Locus::Tee, Basis::StationSigned, at(NOW));
    let report = ManufactureReport { idevid: IDevIdCert::new(idevid.clone())?, origin: Some(made) };
    plant("report", "payload", &report.encode(Format::Jws)?);
    plant("report", "signed", party.seal(&report, Format::Jws).await?.wire());
    for (name, batch) in
        [("jsonl", ManufactureBatch::of_reports([&report])?), ("csv", ManufactureBatch::new(RowForm::Csv, to_csv(core::slice::from_ref(&report))?)?)]
    {
        plant("batch", name, &batch.encode(Format::Jws)?);
        plant("batch", &format!("{name}-jws"), party.seal(&batch, Format::Jws).await?.wire());
        plant("batch", &format!("{name}-cose"), party.seal(&batch, Format::Cose).await?.wire());
    }
    let delivery = DeliveryList {
        delivery: "delivery 7".to_owned(),
        se_generation: SecureElementGeneration::Internal,
        ca_arrangement: CaArrangement::OemOverNetwork,
        made_at: at(NOW),
        elements: vec![DeliveredElement { certificate: idevid.clone() }],
    };
    plant("report", "delivery", &delivery.encode(Format::Jws)?);
    let [element, said] = evidence::delivered(&idevid, &key).await?;
    plant("manifest", "element", &element);
    plant("manifest", "said", &said);

    let ceremony = CeremonySignature { key: idevid.spki_digest(), ceremony: "minutes 7".parse()?, at: at(NOW) };
    plant("testimony", "ceremony", &ceremony.encode(Format::Cose)?);
    plant("testimony", "signed", party.seal(&ceremony, Format::Cose).await?.wire());

    let event = Event { date: at(NOW), domain_id: ca.domain_id(), nonce: None, assertion: Assertion::Logged, truncated: 1 };
    let log = AuditLog { events: vec![event], ..AuditLog::default() };
    plant("documents", "audit-log", &log.to_json());
    plant("documents", "telemetry", &Telemetry::failure("no".to_owned()).to_json());
    plant("inspect", "request", party.seal(&plain_request(&idevid), Format::Jws).await?.wire());
    plant("inspect", "voucher", party.seal(&voucher, Format::Cms).await?.wire());
    plant("inspect", "statement", signed_statement.wire());
    plant("inspect", "bundle", chain.iter().map(Certificate::to_pem).collect::<String>().as_bytes());
    plant("inspect", "profile", profile(&ca).as_bytes());
    plant("documents", "certs-only", &est::certs_only(&chain)?);

    let (receipt, checkpoint) = of_log(signed_statement.wire()).await?;
    plant("documents", "receipt", receipt.wire());
    plant("documents", "checkpoint", checkpoint.to_string().as_bytes());
    plant("documents", "statement-with-receipt", &with_receipt(signed_statement.wire(), &receipt)?);
    let (certification, public) = of_tpm(&key).await?;
    plant("tpm", "certification", &certification);
    plant("tpm", "public-area", &public);
    plant("inspect", "tpm-certification", &certification);
    Ok(seeds)
}

/// What a TPM would certify of a key, and the key's public area.
async fn of_tpm(key: &SoftwareKey) -> Anything<(Vec<u8>, Vec<u8>)> {
    let sized = |octets: &[u8]| [&(octets.len() as u16).to_be_bytes()[..], octets].concat();
    let element = |tag: u8, content: &[u8]| [&[tag, content.len() as u8][..], content].concat();
    let (x, y) = key.public_key().raw()[1..].split_at(32);
    // An endorsement key's attributes and AES-128-CFB, so that credentials are made for it as well.
    let head = [0, 0x23, 0, 0x0b, 0, 3, 0, 0xb2, 0, 0, 0, 6, 0, 128, 0, 0x43, 0, 0x10, 0, 3, 0, 0x10];
    let public = [&head[..], &sized(x), &sized(y)].concat();
    // Short enough for lengths of one octet.
    let attest = [&[0xff, 0x54, 0x43, 0x47, 0x80, 0x17][..], &sized(&[]), &sized(&[7; 8]), &[0; 25], &sized(&[0, 0x0b]), &sized(&[])].concat();
    let signature = [0, 0x18, 0, 0x0b, 0, 1, 1, 0, 1, 1];
    let content = [element(4, &attest), element(4, &signature), element(4, &public)].concat();
    Ok(([&[0x30, 0x81, content.len() as u8][..], &content].concat(), public))
}

/// What a log of two entries says of the second one and of itself.
async fn of_log(entry: &[u8]) -> Anything<(Receipt, SignedCheckpoint)> {
    let (key, _) = SoftwareKey::generate(SignatureAlgorithm::EdDsa)?;
    let (genesis, leaf) = (leaf_hash(b"genesis"), leaf_hash(entry));
    let root = node_hash(&genesis, &leaf);
    let proof = Inclusion { tree_size: 2, leaf_index: 1, path: vec![genesis] };
    let receipt = Receipt::of_inclusion(proof, &leaf, &root, &key)?.sign(&key).await?;
    let checkpoint = Checkpoint { origin: LogName::new("masa.example.com/log")?, size: 2, root };
    Ok((receipt, checkpoint.sign(&key).await?))
}

/// A root, or what it issues.
async fn certificate(name: &str, issuer: Option<(&SoftwareKey, &Certificate)>) -> Anything<(SoftwareKey, Certificate)> {
    let (key, _) = SoftwareKey::generate(SignatureAlgorithm::Es256)?;
    let serial = SerialNumber::new(name)?;
    let template = |subject| Template::new(subject, key.public_key(), [7; 16], at(NOW - 86_400), never());
    let certificate = match issuer {
        None => template(Subject::common_name(name)).ca(None).self_signed(&key).await?,
        Some((above, ca)) => template(Subject::serial_number(&serial)).masa_url("masa.example.com").issued_by(ca, above).await?,
    };
    Ok((key, certificate))
}

fn statement(idevid: &Certificate) -> Anything<ProvenanceStatement> {
    let idevid = IDevIdCert::new(idevid.clone())?;
    let record = ProvenanceRecord {
        device: idevid.device().clone(),
        spki: idevid.spki_digest(),
        seq: 0,
        salt: [5; 16],
        status: Status::Valid,
        report: None,
        supersedes: None,
        reported_by: "station-7".to_owned(),
        recorded_at: at(NOW - 900),
        findings: Vec::new(),
        origin: KeyOrigin::new(Method::Salak, Source::GeneratedOnDevice, Protection::NonExtractable, Locus::Tee, Basis::StationSigned, at(NOW)),
    };
    Ok(ProvenanceStatement::view(&record, &idevid.certificate().public_key(), "masa.example.com", Disclosure::Public, [9; 16], at(NOW))?)
}

/// Every leaf that a voucher has.
fn voucher(idevid: &Certificate, ca: &Certificate, statement: &[u8]) -> Voucher {
    Voucher {
        assertion: Some(Assertion::Proximity),
        created_on: Some(at(NOW)),
        domain_cert_revocation_checks: Some(false),
        expires_on: Some(at(NOW + 1)),
        idevid_issuer: Some(device(idevid).issuer),
        last_renewal_date: Some(at(NOW)),
        nonce: Nonce::from_bytes(&[3; 16]).ok(),
        pinned_domain_cert: Some(ca.clone()),
        pinned_domain_pubk: Some(ca.public_key().spki().to_vec()),
        pinned_domain_pubk_sha256: Some(ca.spki_digest().0),
        additional_configuration_url: Some("https://example.com/more".to_owned()),
        est_domain: Some("est.example.com".to_owned()),
        manufacturer_proprietary: Some(vec![0xa0]),
        provenance: Some(ProvenanceExtension::with_statement(statement.to_vec())),
        ..Voucher::new(device(idevid).serial)
    }
}

fn plain_request(idevid: &Certificate) -> VoucherRequest {
    VoucherRequest {
        assertion: Some(Assertion::Proximity),
        created_on: Some(at(NOW)),
        nonce: Nonce::from_bytes(&[3; 16]).ok(),
        proximity_registrar_pubk_sha256: Some([8; 32]),
        ..VoucherRequest::new(device(idevid).serial)
    }
}

/// Every leaf that a request has, BRSKI-PRM's included.
fn request(idevid: &Certificate, ca: &Certificate, prior: &[u8]) -> VoucherRequest {
    let mut extension = ProvenanceExtension::asking_for(Wanted { full: true, summary: true });
    extension.evidence = vec![vec![1, 2, 3]];
    VoucherRequest {
        idevid_issuer: Some(device(idevid).issuer),
        prior_signed_voucher_request: Some(prior.to_vec()),
        proximity_registrar_cert: Some(ca.clone()),
        proximity_registrar_pubk: Some(ca.public_key().spki().to_vec()),
        agent_provided_proximity_registrar_cert: Some(ca.clone()),
        agent_sign_cert: Some(vec![ca.der().to_vec()]),
        agent_signed_data: Some(vec![1]),
        provenance: Some(extension),
        ..plain_request(idevid)
    }
}

fn device(idevid: &Certificate) -> DeviceId {
    IDevIdCert::new(idevid.clone()).map(|idevid| idevid.device().clone()).unwrap_or_else(|err| unreachable!("made as an IDevID: {err}"))
}

fn profile(ca: &Certificate) -> String {
    let pem = ca.to_pem();
    format!("version = 1\nname = \"Example\"\nmasa-url = \"masa.example.com\"\nidevid-anchors = '''\n{pem}'''\nvoucher-anchors = '''\n{pem}'''\n")
}

/// Some time in 2026.
const NOW: u64 = 1_790_000_000;
