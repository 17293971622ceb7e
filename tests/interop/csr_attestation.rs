//! Evidence in a certification request, over HTTPS: `curl` fetches the nonce and enrols, `openssl` looks at what was issued.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use brski_common::csr::{Wish, request_wishing};
use brski_common::evidence::{AttestationBundle, AttestationStatement, Authorities, Authority, Claim, Element, ElementKind, KeyAttestation, Value};
use brski_common::issuing::{Subject, Template, never};
use brski_common::provenance::{Basis, EvidenceType};
use brski_common::time::at;
use brski_common::{Anchors, Certificate, Policy, SignatureAlgorithm, Signer, SoftwareKey, UnixTime, est};
use brski_registrar::RegistrarParts;

use crate::curl::Reply;
use crate::pki::certificate;
use crate::pledge::{certificates_in, imprint};
use crate::world::{IDEVID, World};

/// A module that attests keys, and its vendor.
struct Module {
    vendor: Certificate,
    certificate: Certificate,
    key: SoftwareKey,
}

impl Module {
    async fn new() -> Self {
        let [vendor_key, key] = [(); 2].map(|()| new_key());
        let yesterday = at(UnixTime::now().as_secs() - 86_400);
        let template = |name, key: &SoftwareKey, serial| Template::new(Subject::common_name(name), key.public_key(), [serial; 16], yesterday, never());
        let vendor = template("Vault vendor", &vendor_key, 1).ca(None).self_signed(&vendor_key).await.unwrap();
        let certificate = template("Module 7", &key, 2).usages(&[KeyAttestation::ATTESTATION_KEY_USAGE]).issued_by(&vendor, &vendor_key).await.unwrap();
        Self { vendor, certificate, key }
    }

    fn authorities(&self) -> Authorities {
        let anchors = Anchors::new([self.vendor.clone()]).unwrap();
        Authorities::new([Authority { name: "Vaults".to_owned(), anchors, basis: Basis::KeyAttestation, locus: None, unmarked_attestation_keys: false }])
    }

    /// That this key was made inside, in answer to a nonce.
    async fn attest(&self, key: &SoftwareKey, nonce: Vec<u8>) -> AttestationBundle {
        let asked = Element { kind: ElementKind::Transaction, claims: vec![Claim::new("nonce", Value::Octets(nonce))] };
        let spki = Claim::new("spki", Value::Octets(key.public_key().spki().to_vec()));
        let claims = vec![Claim::new("identifier", Value::Text("k".to_owned())), spki, Claim::new("local", Value::Boolean(true))];
        let about = Element { kind: ElementKind::Key, claims };
        let made = KeyAttestation::make(&[asked, about], core::slice::from_ref(&self.certificate), &self.key).await.unwrap();
        let statement = AttestationStatement { kind: EvidenceType::new(KeyAttestation::KIND).unwrap(), der: made.der().to_vec() };
        AttestationBundle::new(&[statement], &[]).unwrap()
    }
}

fn new_key() -> SoftwareKey {
    SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap().0
}

/// What the registrar hands out for the pledge's next request.
pub(crate) fn nonce(world: &World) -> Vec<u8> {
    let reply = world.ask_registrar("est/nonce", &format!("--cacert pinned.pem {IDEVID}"));
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/est-attestation-freshness+json")), "{reply:?}");
    let told: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    URL_SAFE_NO_PAD.decode(told["nonce"].as_str().unwrap()).unwrap()
}

/// Asks for a certificate of `key` with this evidence.
pub(crate) async fn enroll(world: &World, key: &dyn Signer, bundle: &AttestationBundle) -> Reply {
    let subject = certificate(&world.openssl, "JADA1");
    let wish = Wish { attestation: Some(bundle.der().to_vec()), ..Wish::default() };
    let request = request_wishing(subject.subject_der(), &wish, key).await.unwrap();
    world.openssl.write("attested.csr", est::to_body(&request));
    let typed = "--header Content-Type:application/pkcs10";
    world.ask_registrar("est/simpleenroll", &format!("--cacert pinned.pem {IDEVID} {typed} --data-binary @attested.csr"))
}

/// A pledge with its voucher, before an owner who wants keys that were made inside, as these authorities say in answer to a nonce.
pub(crate) async fn demanding(authorities: Authorities) -> Option<World> {
    let policy = "version = 1\n[[rule]]\nname = \"made-inside\"\nmethod = [\"avocado\"]\nthen = \"accept\"\n\
                  [ldevid-key]\nevidence = \"required\"\nmade = \"inside\"\nnonce = \"required\"";
    let change =
        |parts: RegistrarParts| RegistrarParts { policy: Policy::from_toml(policy).unwrap(), trust: parts.trust.clone().believing(authorities), ..parts };
    let world = World::start_changing(change).await?;
    world.make_pledge().await;
    imprint(&world);
    Some(world)
}

#[tokio::test(flavor = "multi_thread")]
async fn attested_key_gets_a_certificate_in_which_openssl_finds_nothing_of_the_evidence_and_a_replay_none() {
    let module = Module::new().await;
    let Some(world) = demanding(module.authorities()).await else { return };

    let key = new_key();
    let bundle = module.attest(&key, nonce(&world)).await;
    let reply = enroll(&world, &key, &bundle).await;
    let [ldevid] = &certificates_in(&world.openssl, &reply)[..] else { panic!("more than the LDevID") };
    world.openssl.write("ldevid.pem", ldevid.to_pem());
    world.openssl.run("verify -x509_strict -CAfile pinned.pem -purpose sslclient ldevid.pem");
    let parsed = world.openssl.run("asn1parse -in ldevid.pem");
    assert!(!["1.2.840.113549.1.9.16.2.59", KeyAttestation::KIND, "Module 7"].iter().any(|trace| parsed.contains(trace)), "{parsed}");
    // The request had them, so that looking for them is no idle test.
    let requested = world.openssl.output("base64 -d", &world.openssl.read("attested.csr")).stdout;
    world.openssl.write("attested.der", requested);
    let parsed = world.openssl.run("asn1parse -inform DER -in attested.der");
    assert!(parsed.contains("1.2.840.113549.1.9.16.2.59") || parsed.contains("id-aa-"), "{parsed}");

    let replayed = enroll(&world, &key, &bundle).await;
    assert_eq!(replayed.status, 403, "{replayed:?}");
    assert!(replayed.text().contains("answers no nonce that was handed out"), "{replayed:?}");
}
