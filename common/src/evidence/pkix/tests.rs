use super::make::{PUBLIC_KEY, assembled, block, to_be_signed};
use super::*;
use crate::asn1::{element, signature_identifier};
use crate::chain::Anchors;
use crate::error::VerifyError;
use crate::evidence::{Authority, Outcome, appraise};
use crate::issuing::Template;
use crate::provenance::{Basis, Locus};
use crate::sign::{PublicKey, SignatureAlgorithm, Signer as _, SoftwareKey};
use crate::test_pki::{Entity, block_on, new_key, now};
use crate::text::in_full;

/// A vendor of modules, one of its modules with an attestation key, and a key in that module.
struct Scene {
    vendor: Entity,
    between: Entity,
    module: Entity,
    key: SoftwareKey,
}

impl Scene {
    fn new() -> Self {
        let vendor = Entity::root("HSM vendor");
        let between = vendor.issue_ca("HSM vendor's series 9");
        let module = between.issue("HSM 7", SignatureAlgorithm::Es384, attestation_key);
        Self { vendor, between, module, key: new_key(SignatureAlgorithm::Es256) }
    }

    fn authorities(&self) -> Authorities {
        let anchors = Anchors::new([self.vendor.certificate.clone()]).unwrap();
        Authorities::new([Authority {
            name: "Example HSMs".to_owned(),
            anchors,
            basis: Basis::HsmAttested,
            locus: Some(Locus::SecureElement),
            unmarked_attestation_keys: false,
        }])
    }

    fn chain(&self) -> [Certificate; 3] {
        [&self.module, &self.between, &self.vendor].map(|entity| entity.certificate.clone())
    }

    fn made(&self, elements: &[Element]) -> KeyAttestation {
        block_on(KeyAttestation::make(elements, &self.chain(), &self.module.key)).unwrap()
    }

    /// What becomes of this evidence for this key.
    fn appraised(&self, der: &[u8], key: &PublicKey, nonce: Option<&[u8]>) -> Result<Claims, String> {
        self.appraised_with(der, key, nonce, &self.authorities())
    }

    fn appraised_with(&self, der: &[u8], key: &PublicKey, nonce: Option<&[u8]>, authorities: &Authorities) -> Result<Claims, String> {
        let evidence = Evidence { kind: EvidenceType::new(KeyAttestation::KIND).unwrap(), data: der.to_vec() };
        let [one] = <[_; 1]>::try_from(appraise(&evidence, &Expected { key, nonce }, authorities, now())).unwrap();
        match one.outcome {
            Outcome::Holds(claims) => Ok(*claims),
            Outcome::Refused(err) => Err(in_full(&err)),
            Outcome::OfPlatform(platform) => Err(format!("{platform:?}")),
            other => panic!("{other:?}"),
        }
    }

    /// The sentence that refuses evidence which says this of the scene's key, and is signed as it should be.
    fn refusal(&self, elements: &[Element]) -> String {
        self.appraised(self.made(elements).der(), self.key.public_key(), None).unwrap_err()
    }

    /// Evidence whose only signature is said to be that of `signer`, with these certificates beside it.
    fn signed(&self, signer: &[u8], by: &Entity, certificates: &[Certificate]) -> Vec<u8> {
        let tbs = to_be_signed(&[key_element("k", &self.key, &good())]).unwrap();
        assembled(&tbs, &[signature(signer, by, &tbs)], certificates)
    }
}

/// In a SignerIdentifier.
const KEY_ID: u8 = 0xa0;

fn attestation_key(template: Template) -> Template {
    template.usages(&[KeyAttestation::ATTESTATION_KEY_USAGE])
}

fn signature(signer: &[u8], by: &Entity, tbs: &[u8]) -> Vec<u8> {
    use der::Encode as _;
    let made = block_on(by.key.sign(tbs)).unwrap().to_asn1().unwrap();
    block(signer, &signature_identifier(by.key.algorithm()).to_der().unwrap(), &made)
}

fn flag(name: &str, flag: bool) -> Claim {
    Claim::new(name, Value::Boolean(flag))
}

/// Of a key that was made inside and never left.
fn good() -> Vec<Claim> {
    vec![flag(LOCAL, true), flag(SENSITIVE, true), flag(EXTRACTABLE, false), flag(NEVER_EXTRACTABLE, true)]
}

fn key_element(identifier: &str, key: &SoftwareKey, claims: &[Claim]) -> Element {
    let own = [Claim::new(claims::IDENTIFIER, Value::Text(identifier.to_owned())), Claim::new(SPKI, Value::Octets(key.public_key().spki().to_vec()))];
    Element { kind: ElementKind::Key, claims: [&own[..], claims].concat() }
}

fn transaction(claims: &[Claim]) -> Element {
    Element { kind: ElementKind::Transaction, claims: claims.to_vec() }
}

fn platform(claims: &[Claim]) -> Element {
    Element { kind: ElementKind::Platform, claims: claims.to_vec() }
}

fn announced(key: &SoftwareKey) -> Claim {
    Claim::new(claims::AK_SPKI, Value::Octets(key.public_key().spki().to_vec()))
}

#[test]
fn evidence_of_a_key_made_in_the_module_holds_and_says_so() {
    let scene = Scene::new();
    let elements = [
        transaction(&[Claim::new(NONCE, Value::Octets(vec![7; 8])), announced(&scene.module.key)]),
        platform(&[
            Claim::new("hwmodel", Value::Octets(b"HSM-9".to_vec())),
            Claim::new("dbgstat", Value::Integer(3)),
            Claim::new("fipslevel", Value::Integer(3)),
        ]),
        key_element("other", &new_key(SignatureAlgorithm::Es256), &[flag(LOCAL, false)]),
        key_element("k", &scene.key, &[&good()[..], &[Claim::new("purpose", Value::Purposes(vec!["sign".to_owned()]))]].concat()),
    ];
    let claims = scene.appraised(scene.made(&elements).der(), scene.key.public_key(), Some(&[7; 8])).unwrap();
    let said = |name: &str| claims.details.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str());
    assert_eq!((claims.attester.as_str(), claims.basis, claims.locus), ("Example HSMs (CN=HSM 7)", Basis::HsmAttested, Some(Locus::SecureElement)));
    assert_eq!((claims.made, claims.protection, claims.nonced), (Made::Inside, Protection::NonExtractable, Nonced::Fresh));
    assert_eq!([said("hwmodel"), said("dbgstat"), said("purpose")], [Some("'HSM-9'"), Some("3 (disabled permanently)"), Some("sign")]);
}

#[test]
fn attributes_say_how_a_key_came_in_and_how_it_is_kept() {
    let scene = Scene::new();
    let found = |claims: &[Claim]| {
        let claims = scene.appraised(scene.made(&[key_element("k", &scene.key, claims)]).der(), scene.key.public_key(), None).unwrap();
        (claims.made, claims.protection)
    };
    let [s, e, n] = [SENSITIVE, EXTRACTABLE, NEVER_EXTRACTABLE];
    assert_eq!(found(&[flag(LOCAL, false), flag(e, false), flag(n, false), flag(s, true)]), (Made::Outside, Protection::ExtractableMigratable));
    assert_eq!(found(&[flag(e, false), flag(n, true)]), (Made::Unsaid, Protection::NonExtractable));
    assert_eq!(found(&[flag(e, true), flag(s, true)]).1, Protection::ExtractableMigratable);
    assert_eq!(found(&[flag(e, true)]).1, Protection::ExtractableMigratable);
    assert_eq!(found(&[flag(n, false)]).1, Protection::ExtractableMigratable);
    assert_eq!(found(&[flag(e, true), flag(n, false)]).1, Protection::ExtractableMigratable);
    assert_eq!(found(&[flag(e, false), flag(n, false)]).1, Protection::ExtractableMigratable);
    assert_eq!(found(&[flag(s, false)]).1, Protection::NoneSoftware);
    assert_eq!(found(&[flag(e, true), flag(n, false), flag(s, false)]).1, Protection::NoneSoftware);
    assert_eq!(found(&[flag(e, false), flag(n, true), flag(s, false)]).1, Protection::NonExtractable);
    assert_eq!(found(&[flag(e, false), flag(n, false), flag(s, false)]).1, Protection::ExtractableMigratable);
    assert_eq!(found(&[flag(n, true)]).1, Protection::Unknown);
    assert_eq!(found(&[flag(e, false), flag(s, true)]).1, Protection::Unknown);
    assert_eq!(found(&[]), (Made::Unsaid, Protection::Unknown));
}

#[test]
fn signer_is_found_by_certificate_key_or_key_identifier() {
    let scene = Scene::new();
    let own = &scene.module.certificate;
    let by_key = element(PUBLIC_KEY, scene.module.key.public_key().spki());
    let by_identifier = element(KEY_ID, &element(0x04, own.subject_key_id().unwrap()));
    for signer in [by_key, by_identifier] {
        let der = scene.signed(&signer, &scene.module, &scene.chain()[..2]);
        assert_eq!(scene.appraised(&der, scene.key.public_key(), None).map(|claims| claims.made), Ok(Made::Inside));
        // Beside it in a bundle is as good as within it.
        let der = scene.signed(&signer, &scene.module, &[]);
        let (key, authorities) = (scene.key.public_key(), scene.authorities());
        assert!(super::appraise(&der, &scene.chain()[..2], &Expected { key, nonce: None }, &authorities, now()).is_ok());
        let refused = scene.appraised(&der, key, None).unwrap_err();
        assert!(refused.contains("at hand"), "{refused}");
    }
}

#[test]
fn pinned_attestation_key_needs_no_certificate_beside_the_evidence() {
    let scene = Scene::new();
    let signer = element(KEY_ID, &element(0x04, scene.module.certificate.subject_key_id().unwrap()));
    let anchors = Anchors::new([scene.module.certificate.clone()]).unwrap();
    let pinned =
        Authorities::new([Authority { name: "this HSM".to_owned(), anchors, basis: Basis::HsmAttested, locus: None, unmarked_attestation_keys: false }]);
    let der = scene.signed(&signer, &scene.module, &[]);
    assert!(scene.appraised_with(&der, scene.key.public_key(), None, &pinned).is_ok());
}

#[test]
fn evidence_of_another_key_or_of_none_is_refused() {
    let scene = Scene::new();
    let (other, ours) = (new_key(SignatureAlgorithm::Es256), scene.key.public_key().digest());
    let theirs = other.public_key().digest();
    assert_eq!(scene.refusal(&[key_element("k", &other, &good())]), format!("the PKIX key attestation is about another key: {theirs}, not {ours}"));
    let two = [key_element("k", &other, &good()), key_element("l", &new_key(SignatureAlgorithm::Es256), &good())];
    assert!(scene.refusal(&two).contains(&format!("{theirs} and 1 more, not {ours}")));
    let nameless = Element { kind: ElementKind::Key, claims: vec![Claim::new(claims::IDENTIFIER, Value::Text("k".to_owned()))] };
    assert_eq!(scene.refusal(&[nameless]), "the PKIX key attestation does not say which public key it is about (claim spki)");
}

#[test]
fn evidence_of_a_platform_alone_is_told_apart_but_must_be_genuine_and_fresh() {
    let scene = Scene::new();
    let elements = [transaction(&[Claim::new(NONCE, Value::Octets(vec![7; 8]))]), platform(&[flag("fipsboot", true)])];
    let evidence = scene.made(&elements);
    let outcome = |authorities: &Authorities, nonce: &[u8]| {
        let expected = Expected { key: scene.key.public_key(), nonce: Some(nonce) };
        super::appraise(evidence.der(), &[], &expected, authorities, now())
    };
    let details = vec![("fipsboot".to_owned(), "true".to_owned())];
    let told = Platform { format: KeyAttestation::NAME, attester: "Example HSMs (CN=HSM 7)".to_owned(), details };
    assert_eq!(outcome(&scene.authorities(), &[7; 8]), Ok(Outcome::OfPlatform(told)));
    assert!(matches!(outcome(&scene.authorities(), &[8; 8]), Err(EvidenceError::Stale { .. })));
    assert!(matches!(outcome(&Authorities::default(), &[7; 8]), Err(EvidenceError::Untrusted { .. })));
}

#[test]
fn key_that_is_there_twice_with_different_pasts_is_refused() {
    let scene = Scene::new();
    let twice = |second: &[Claim]| [key_element("k", &scene.key, &good()), key_element("l", &scene.key, second)];
    assert!(scene.appraised(scene.made(&twice(&good())).der(), scene.key.public_key(), None).is_ok());
    assert!(scene.refusal(&twice(&[flag(LOCAL, false)])).contains("says different things of how it is kept"));
}

#[test]
fn changed_evidence_is_refused() {
    let scene = Scene::new();
    let der = scene.made(&[key_element("k", &scene.key, &good())]).der().to_vec();
    for index in 0..der.len() {
        let mut changed = der.clone();
        changed[index] ^= 1;
        // The one thing that no signature covers: that the intermediate certificate can be read at all matters only for the path.
        assert!(scene.appraised(&changed, scene.key.public_key(), None).is_err(), "octet {index}");
        assert!(scene.appraised(&der[..index], scene.key.public_key(), None).is_err(), "cut at {index}");
    }
    let evidence = KeyAttestation::from_der(&der).unwrap();
    let tbs = to_be_signed(&[key_element("k", &scene.key, &[flag(LOCAL, true)])]).unwrap();
    let moved = block(
        &element(PUBLIC_KEY, scene.module.key.public_key().spki()),
        &element(0x30, &element(0x06, evidence.blocks[0].algorithm.as_bytes())),
        &evidence.blocks[0].signature,
    );
    let refused = scene.appraised(&assembled(&tbs, &[moved], &scene.chain()), scene.key.public_key(), None).unwrap_err();
    assert!(refused.contains("the signature of the PKIX key attestation does not verify with the key of key"), "{refused}");
}

#[test]
fn unsigned_evidence_is_refused() {
    let scene = Scene::new();
    let der = assembled(&to_be_signed(&[key_element("k", &scene.key, &good())]).unwrap(), &[], &[]);
    let refused = scene.appraised(&der, scene.key.public_key(), None).unwrap_err();
    assert!(refused.ends_with("it bears no signature, so that anybody may have made it"), "{refused}");
}

#[test]
fn stranger_may_sign_as_well_but_not_alone_and_not_wrongly() {
    let scene = Scene::new();
    let stranger = Entity::root("stranger").issue("their module", SignatureAlgorithm::Es256, attestation_key);
    let tbs = to_be_signed(&[key_element("k", &scene.key, &good())]).unwrap();
    let [own, theirs] = [&scene.module, &stranger].map(|by| signature(&element(0xa2, by.certificate.der()), by, &tbs));
    let appraised = |blocks: &[Vec<u8>]| scene.appraised(&assembled(&tbs, blocks, &scene.chain()[1..2]), scene.key.public_key(), None);
    assert_eq!(appraised(&[theirs.clone(), own.clone()]).map(|claims| claims.attester), Ok("Example HSMs (CN=HSM 7)".to_owned()));
    assert!(appraised(core::slice::from_ref(&theirs)).unwrap_err().contains("does not lead to a configured trust anchor"));
    let forged = signature(&element(0xa2, stranger.certificate.der()), &scene.module, &tbs);
    assert!(appraised(&[own.clone(), forged]).unwrap_err().contains("does not verify with the key of CN=their module"));
    assert!(matches!(KeyAttestation::from_der(&assembled(&tbs, &vec![own; 9], &[])), Err(DecodeError::TooLarge { limit: 8, .. })));
}

#[test]
fn certificate_that_is_none_of_an_attestation_key_is_refused() {
    let scene = Scene::new();
    let ordinary = scene.vendor.issue("a server", SignatureAlgorithm::Es256, |t| t);
    let der = scene.signed(&element(0xa2, ordinary.certificate.der()), &ordinary, &[]);
    assert_eq!(
        scene.appraised(&der, scene.key.public_key(), None).unwrap_err(),
        "the PKIX key attestation is signed with the key of CN=a server, whose certificate lacks the extended key usage id-kp-attestationKey (1.3.6.1.5.5.7.3.999) of \
         attestation keys"
    );
    let authority = scene.vendor.issue("a CA", SignatureAlgorithm::Es256, |t| attestation_key(t.ca(None)));
    assert_eq!(
        attestation_key_fault(&authority.certificate).as_deref(),
        Some("whose certificate lacks the key usage digitalSignature, which attestation keys must have")
    );
    assert_eq!(attestation_key_fault(&scene.module.certificate), None);
}

#[test]
fn signer_that_the_evidence_does_not_announce_is_refused() {
    let scene = Scene::new();
    let key = key_element("k", &scene.key, &good());
    let refused = scene.refusal(&[transaction(&[announced(&scene.key)]), key.clone()]);
    assert!(refused.contains("which is none of those that it says it is signed with (ak-spki)"), "{refused}");
    assert!(
        scene.appraised(scene.made(&[transaction(&[announced(&scene.key), announced(&scene.module.key)]), key]).der(), scene.key.public_key(), None).is_ok()
    );
}

#[test]
fn attestation_key_cannot_attest_itself() {
    let scene = Scene::new();
    let der = scene.made(&[key_element("k", &scene.module.key, &good())]).der().to_vec();
    let refused = scene.appraised(&der, scene.module.key.public_key(), None).unwrap_err();
    assert_eq!(refused, "the PKIX key attestation is signed with the very key that it is about, which proves nothing of it");
}

#[test]
fn nonce_that_was_handed_out_must_come_back() {
    let scene = Scene::new();
    let key = key_element("k", &scene.key, &good());
    let with = |octets: &[u8]| scene.made(&[transaction(&[Claim::new(NONCE, Value::Octets(octets.to_vec()))]), key.clone()]).der().to_vec();
    let stale = "the PKIX key attestation does not answer the nonce that was handed out, so that it may be an old one";
    let nonced = |der: &[u8], nonce: Option<&[u8]>| scene.appraised(der, scene.key.public_key(), nonce).map(|claims| claims.nonced);
    assert_eq!(nonced(&with(&[7; 8]), Some(&[7; 8])), Ok(Nonced::Fresh));
    assert_eq!(nonced(&with(&[7; 8]), Some(&[8; 8])), Err(stale.to_owned()));
    assert_eq!(nonced(scene.made(core::slice::from_ref(&key)).der(), Some(&[7; 8])), Ok(Nonced::Unanswered));
    assert_eq!(nonced(&with(&[7; 8]), None), Ok(Nonced::Unasked));
}

#[test]
fn nobody_is_trusted_where_no_authority_is_configured_or_its_time_is_over() {
    let scene = Scene::new();
    let der = scene.made(&[key_element("k", &scene.key, &good())]).der().to_vec();
    let refused = scene.appraised_with(&der, scene.key.public_key(), None, &Authorities::default()).unwrap_err();
    assert!(refused.ends_with("no authority for such evidence is configured"), "{refused}");
    let (key, authorities) = (scene.key.public_key(), scene.authorities());
    let early = super::appraise(&der, &[], &Expected { key, nonce: None }, &authorities, crate::time::at(1));
    assert!(matches!(early, Err(EvidenceError::Untrusted { source: VerifyError::NotCurrent { .. }, .. })), "{early:?}");
}

mod malformed;
