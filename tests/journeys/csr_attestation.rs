//! Certification requests that carry evidence about their key (draft-ietf-lamps-csr-attestation), before an owner who wants keys that were made in a module.

mod tokens;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use brski_common::appraise::KeyResult;
use brski_common::evidence::{AttestationBundle, AttestationStatement, Authorities};
use brski_common::provenance::EvidenceType;
use brski_common::{Certificate, Method, PeerCertificates, Policy, SoftwareKey, est};
use brski_registrar::pledges::PledgeStore as _;
use brski_registrar::trail::What;

use crate::support::{Device, KEPT_INSIDE, Module, POLICY, Reply, World, new_key, onboard, request, to_registrar, twice_attested_request};

/// An admitted device, a module that makes keys for it, and an owner who believes the module's vendor.
struct Scene {
    world: World,
    device: Device,
    module: Module,
    /// With its IDevID.
    peer: PeerCertificates,
}

impl Scene {
    /// With this in the policy beside the rules.
    async fn demanding(lines: &str) -> Self {
        let mut world = World::new().await;
        let module = Module::made_by("Vault vendor").await;
        let device = world.maker.make("A-1", Method::Avocado).await;
        // It is admitted, and its first LDevID needs no evidence: what follows is about further ones.
        onboard(&device, &world.owner, &world.hand).await.succeeded();
        world.owner.parts.trust = world.owner.parts.trust.clone().believing(module.authorities("Vaults"));
        world.owner.parts.policy = Policy::from_toml(&format!("{POLICY}\n{lines}")).unwrap();
        world.owner.restart();
        let peer = device.peer();
        let mut scene = Self { world, device, module, peer };
        scene.join_again().await;
        scene
    }

    /// A new voucher, since the policy is another one: the admission is of the policy that gave it.
    async fn join_again(&mut self) {
        let pvr = self.device.sign(&self.device.request(&self.world.owner, &self.world.hand)).await;
        assert_eq!(self.world.owner.submit(&pvr, &self.peer).await.status, 200);
    }

    async fn enroll(&self, request: &[u8]) -> Reply {
        self.world.owner.enroll(request, &self.peer).await
    }

    /// Asks for a certificate of `key` with these statements.
    async fn ask(&self, key: &SoftwareKey, statements: &[AttestationStatement]) -> Reply {
        self.enroll(&self.device.attested_csr(key, statements).await).await
    }

    /// A nonce as the device gets it.
    async fn nonce(&self) -> Vec<u8> {
        nonce_in(&self.at_nonce("GET", &[], "", &self.peer).await)
    }

    async fn at_nonce(&self, method: &str, headers: &[(&str, &str)], body: &str, peer: &PeerCertificates) -> Reply {
        to_registrar(&self.world.owner.service, request(method, "/.well-known/est/nonce", headers, body.to_owned(), peer)).await
    }

    async fn last_event(&self) -> What {
        let history = self.world.owner.pledges.history(self.device.idevid().spki_digest(), 1).await.unwrap();
        history.into_iter().next_back().unwrap().1.what
    }

    /// The request is refused with these words, which the trail has as well, and nothing is issued.
    async fn refused(&self, request: &[u8], words: &str) {
        let before = self.world.recorded();
        self.enroll(request).await.refused(403, words);
        assert_eq!(self.world.recorded(), before);
        let What::NotIssued { sentence, .. } = self.last_event().await else { panic!("no event tells of it") };
        assert!(sentence.contains(words), "{sentence}");
    }
}

fn nonce_in(reply: &Reply) -> Vec<u8> {
    let told: serde_json::Value = serde_json::from_slice(reply.ok(FRESHNESS)).unwrap();
    assert_eq!(told["expiry"], 600);
    URL_SAFE_NO_PAD.decode(told["nonce"].as_str().unwrap()).unwrap()
}

fn issued(reply: &Reply) -> Certificate {
    est::read_certs_only(&est::from_body("reply", reply.ok(est::CERTS_ONLY)).unwrap()).unwrap().remove(0)
}

fn unknown_kind() -> AttestationStatement {
    AttestationStatement { kind: EvidenceType::new("1.3.6.1.4.1.32473.9").unwrap(), der: vec![5, 0] }
}

const FRESHNESS: &str = "application/est-attestation-freshness+json";

const MADE_INSIDE: &str = "[ldevid-key]\nevidence = \"required\"\nmade = \"inside\"\nprotection-at-least = \"non-extractable\"\nauthorities = [\"Vaults\"]";

const IN_ANSWER: &str = "[ldevid-key]\nevidence = \"required\"\nnonce = \"required\"";

#[tokio::test]
async fn key_that_was_made_in_the_module_gets_its_ldevid_and_the_trail_has_the_evidence() {
    let scene = Scene::demanding(MADE_INSIDE).await;
    let key = new_key();
    let statement = scene.module.attest(&key, KEPT_INSIDE, None).await;
    let bundle = AttestationBundle::new(core::slice::from_ref(&statement), &[]).unwrap();
    let ldevid = issued(&scene.ask(&key, &[statement]).await);
    let events = scene.world.owner.pledges.history(scene.device.idevid().spki_digest(), 10).await.unwrap();
    let kept = events.iter().find_map(|(_, event)| match &event.what {
        What::Attested { key, kept, findings, warned: None, .. } => Some((*key, kept.clone(), findings.clone())),
        _ => None,
    });
    let (of, kept, findings) = kept.unwrap();
    let (request, nonce) = kept.read().unwrap();
    assert_eq!((of, request.attestation(), nonce), (ldevid.spki_digest(), Some(bundle.der()), None));
    assert_eq!((findings[0].result, findings[0].made_inside, findings[0].attester.as_deref()), (KeyResult::Holds, Some(true), Some("Vaults (CN=Module 7)")));
    let file = scene.world.owner.pledges.file(scene.device.idevid().spki_digest()).await.unwrap().unwrap();
    assert_eq!(file.attested.map(|attested| attested.findings), Some(findings));
}

#[tokio::test]
async fn evidence_is_asked_for_by_csrattrs_where_it_is_required() {
    for (lines, attestation) in [(MADE_INSIDE, true), ("[ldevid-key]\nmade = \"inside\"", false), ("", false)] {
        let scene = Scene::demanding(lines).await;
        let reply = to_registrar(&scene.world.owner.service, request("GET", "/.well-known/est/csrattrs", &[], String::new(), &scene.peer)).await;
        let asked = est::from_body("reply", reply.ok(est::CSR_ATTRS)).unwrap();
        assert_eq!(asked, est::CsrAttributes { attestation, ..est::CsrAttributes::default() }.to_der().unwrap());
    }
}

#[tokio::test]
async fn nothing_of_the_evidence_is_in_the_certificate() {
    let scene = Scene::demanding(MADE_INSIDE).await;
    let key = new_key();
    let ldevid = issued(&scene.ask(&key, &[scene.module.attest(&key, KEPT_INSIDE, None).await]).await);
    let attribute = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 2, 59];
    assert!(!ldevid.der().windows(attribute.len()).any(|octets| octets == attribute));
    assert!(!ldevid.der().windows(8).any(|octets| octets == b"Module 7"));
}

#[tokio::test]
async fn key_without_the_evidence_that_its_owner_demands_is_refused() {
    let scene = Scene::demanding(MADE_INSIDE).await;
    let key = new_key();
    scene.refused(&scene.device.csr(&key).await, "it holds no attestation of its key").await;
    scene.refused(&scene.device.attested_csr(&key, &[unknown_kind()]).await, "no attestation in it tells anything of its key").await;
    let put_in = scene.module.attest(&key, &[("local", false)], None).await;
    scene.refused(&scene.device.attested_csr(&key, &[put_in]).await, "says that the key was put in").await;
}

#[tokio::test]
async fn evidence_that_does_not_hold_is_refused_though_none_is_demanded() {
    let scene = Scene::demanding("").await;
    let key = new_key();
    let honest = scene.module.attest(&key, KEPT_INSIDE, None).await;

    let of_another = scene.module.attest(&new_key(), KEPT_INSIDE, None).await;
    scene.refused(&scene.device.attested_csr(&key, &[honest.clone(), of_another]).await, "is about another key").await;

    let mut broken = honest;
    *broken.der.last_mut().unwrap() ^= 1;
    scene.refused(&scene.device.attested_csr(&key, &[broken]).await, "its attestation does not hold").await;

    scene.refused(&scene.device.csr_with(&key, vec![0x30, 0]).await, "the attestation bundle cannot be read").await;
}

#[tokio::test]
async fn word_of_a_stranger_is_kept_as_unknown() {
    let scene = Scene::demanding("").await;
    let key = new_key();
    // Of the same name, and another key.
    let by_stranger = Module::made_by("Vault vendor").await.attest(&key, KEPT_INSIDE, None).await;
    issued(&scene.enroll(&scene.device.attested_csr(&key, &[by_stranger]).await).await);
    let file = scene.world.owner.pledges.file(scene.device.idevid().spki_digest()).await.unwrap().unwrap();
    assert_eq!(file.attested.unwrap().findings[0].result, KeyResult::Unknown);
}

#[tokio::test]
async fn request_that_was_refused_for_its_evidence_is_on_record_with_the_nonce_it_should_have_answered() {
    let scene = Scene::demanding(IN_ANSWER).await;
    let key = new_key();
    let statement = scene.module.attest(&key, KEPT_INSIDE, Some(&[7; 32])).await;
    let (request, nonce) = (scene.device.attested_csr(&key, &[statement]).await, scene.nonce().await);
    scene.refused(&request, "does not answer the nonce that was handed out").await;
    let What::NotIssued { kept: Some(kept), .. } = scene.last_event().await else { panic!("it is not on record") };
    let (read, answers) = kept.read().unwrap();
    assert_eq!((read.der(), answers), (request.as_slice(), Some(nonce)));
}

#[tokio::test]
async fn request_without_evidence_or_with_very_much_is_refused_and_not_kept() {
    let scene = Scene::demanding(MADE_INSIDE).await;
    let key = new_key();
    let large = AttestationStatement { der: [vec![4, 0x82, 0x40, 0], vec![0; 0x4000]].concat(), ..unknown_kind() };
    for request in [scene.device.csr(&key).await, scene.device.attested_csr(&key, &[large]).await] {
        scene.enroll(&request).await.refused(403, "which this owner requires");
        assert!(matches!(scene.last_event().await, What::NotIssued { kept: None, .. }));
    }
}

#[tokio::test]
async fn two_attributes_with_evidence_are_one_too_many() {
    let scene = Scene::demanding("").await;
    let key = new_key();
    let honest = AttestationBundle::new(&[scene.module.attest(&key, KEPT_INSIDE, None).await], &[]).unwrap();
    let unknown = AttestationBundle::new(&[unknown_kind()], &[]).unwrap();
    let request = twice_attested_request(scene.device.chain[0].subject_der(), &key, [honest.der(), unknown.der()]).await;
    scene.enroll(&request).await.refused(400, "id-aa-attestation");
}

#[tokio::test]
async fn evidence_of_an_unknown_kind_is_kept_and_counts_for_nothing() {
    let scene = Scene::demanding("").await;
    let ldevid = issued(&scene.ask(&new_key(), &[unknown_kind()]).await);
    let file = scene.world.owner.pledges.file(scene.device.idevid().spki_digest()).await.unwrap().unwrap();
    let attested = file.attested.unwrap();
    assert_eq!((attested.key, attested.findings[0].result), (ldevid.spki_digest(), KeyResult::Unknown));
}

#[tokio::test]
async fn owner_who_believes_nobody_keeps_any_evidence_as_unknown() {
    let mut scene = Scene::demanding("").await;
    scene.world.owner.parts.trust = scene.world.owner.parts.trust.clone().believing(Authorities::default());
    scene.world.owner.restart();
    let key = new_key();
    issued(&scene.ask(&key, &[scene.module.attest(&key, KEPT_INSIDE, None).await]).await);
    let file = scene.world.owner.pledges.file(scene.device.idevid().spki_digest()).await.unwrap().unwrap();
    assert_eq!(file.attested.unwrap().findings[0].result, KeyResult::Unknown);
}

#[tokio::test]
async fn policy_that_only_warns_writes_down_what_is_missing() {
    let mut scene = Scene::demanding("").await;
    let warning = POLICY.replacen("version = 1", "version = 1\nmode = \"warn\"", 1);
    scene.world.owner.parts.policy = Policy::from_toml(&format!("{warning}\n{MADE_INSIDE}")).unwrap();
    scene.world.owner.restart();
    scene.join_again().await;
    issued(&scene.enroll(&scene.device.csr(&new_key()).await).await);
    let file = scene.world.owner.pledges.file(scene.device.idevid().spki_digest()).await.unwrap().unwrap();
    assert!(file.attested.unwrap().warned.unwrap().contains("holds no attestation"));
}

#[tokio::test]
async fn evidence_in_answer_to_a_nonce_serves_once() {
    let scene = Scene::demanding(IN_ANSWER).await;
    let key = new_key();
    let statement = scene.module.attest(&key, KEPT_INSIDE, Some(&scene.nonce().await)).await;
    let request = scene.device.attested_csr(&key, core::slice::from_ref(&statement)).await;
    issued(&scene.enroll(&request).await);
    scene.refused(&request, "answers no nonce that was handed out").await;
    scene.nonce().await;
    scene.refused(&request, "does not answer the nonce that was handed out").await;
}

#[tokio::test]
async fn nonce_of_another_device_or_of_long_ago_is_none() {
    let scene = Scene::demanding(IN_ANSWER).await;
    let other = scene.world.maker.make("A-2", Method::Avocado).await;
    let key = new_key();
    let others = nonce_in(&scene.at_nonce("GET", &[], "", &other.peer()).await);
    let statement = scene.module.attest(&key, KEPT_INSIDE, Some(&others)).await;
    scene.refused(&scene.device.attested_csr(&key, &[statement]).await, "answers no nonce that was handed out to whoever asks").await;

    let statement = scene.module.attest(&key, KEPT_INSIDE, Some(&scene.nonce().await)).await;
    scene.world.hand.advance(core::time::Duration::from_secs(600));
    scene.refused(&scene.device.attested_csr(&key, &[statement]).await, "answers no nonce that was handed out").await;
}

#[tokio::test]
async fn member_renews_with_evidence_in_answer_to_a_nonce_of_its_own() {
    let mut scene = Scene::demanding(IN_ANSWER).await;
    let (first, next) = (new_key(), new_key());
    let statement = scene.module.attest(&first, KEPT_INSIDE, Some(&scene.nonce().await)).await;
    let ldevid = issued(&scene.ask(&first, &[statement]).await);
    scene.peer = PeerCertificates(vec![ldevid]);
    let statement = scene.module.attest(&next, KEPT_INSIDE, Some(&scene.nonce().await)).await;
    let request = scene.device.attested_csr(&next, &[statement]).await;
    assert_eq!(issued(&scene.world.owner.reenroll(&request, &scene.peer).await).public_key(), *brski_common::Signer::public_key(&next));
    let bare = scene.device.csr(&new_key()).await;
    scene.world.owner.reenroll(&bare, &scene.peer).await.refused(403, "it holds no attestation of its key");
}

#[tokio::test]
async fn nonce_is_as_long_as_it_was_asked_for_and_for_known_peers_alone() {
    let scene = Scene::demanding("").await;
    let json = [("content-type", FRESHNESS)];
    assert_eq!(nonce_in(&scene.at_nonce("POST", &json, "{\"len\":64,\"type\":\"1.2.3\"}", &scene.peer).await).len(), 64);
    assert_eq!(scene.nonce().await.len(), 32);
    for wrong in ["", "[]", "{\"len\":7}", "{\"len\":65}", "{\"len\":\"32\"}"] {
        scene.at_nonce("POST", &json, wrong, &scene.peer).await.no(400);
    }
    scene.at_nonce("POST", &[("content-type", "application/json")], "{}", &scene.peer).await.no(415);
    scene.at_nonce("PUT", &json, "{}", &scene.peer).await.refused(405, "this resource is for GET and POST only");
    scene.at_nonce("GET", &[], "", &PeerCertificates::default()).await.no(403);
}
