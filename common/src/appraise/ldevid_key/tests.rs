use super::*;
use crate::appraise::Policy;
use crate::chain::Anchors;
use crate::evidence::{AttestationStatement, Authority, Claim, Element, ElementKind, KeyAttestation, Value};
use crate::provenance::Basis;
use crate::sign::{SignatureAlgorithm, Signer as _, SoftwareKey};
use crate::test_pki::{Entity, block_on, new_key, now};

/// Two vendors, a module of each with an attestation key, and a key.
struct Scene {
    vendors: [Entity; 2],
    modules: [Entity; 2],
    key: SoftwareKey,
}

impl Scene {
    fn new() -> Self {
        let vendors = ["vendor A", "vendor B"].map(Entity::root);
        let shape = |template: crate::issuing::Template| template.usages(&[KeyAttestation::ATTESTATION_KEY_USAGE]);
        let modules = [0, 1].map(|of: usize| vendors[of].issue("module", SignatureAlgorithm::Es256, shape));
        Self { vendors, modules, key: new_key(SignatureAlgorithm::Es256) }
    }

    /// Both vendors, as A and B.
    fn authorities(&self) -> Authorities {
        let named = self.vendors.iter().zip(["A", "B"]);
        Authorities::new(named.map(|(vendor, name)| Authority {
            name: name.to_owned(),
            anchors: Anchors::new([vendor.certificate.clone()]).unwrap(),
            basis: Basis::KeyAttestation,
            locus: None,
            unmarked_attestation_keys: false,
        }))
    }

    /// What the module of this vendor says of the key.
    fn said_by(&self, module: &Entity, key: &SoftwareKey, claims: &[(&str, bool)], nonce: Option<&[u8]>) -> AttestationStatement {
        let spki = Claim::new("spki", Value::Octets(key.public_key().spki().to_vec()));
        let flags = claims.iter().map(|(name, flag)| Claim::new(name, Value::Boolean(*flag)));
        let about =
            Element { kind: ElementKind::Key, claims: [Claim::new("identifier", Value::Text("k".to_owned())), spki].into_iter().chain(flags).collect() };
        let asked = nonce.map(|nonce| Element { kind: ElementKind::Transaction, claims: vec![Claim::new("nonce", Value::Octets(nonce.to_vec()))] });
        let elements: Vec<Element> = asked.into_iter().chain([about]).collect();
        let made = block_on(KeyAttestation::make(&elements, core::slice::from_ref(&module.certificate), &module.key)).unwrap();
        AttestationStatement { kind: EvidenceType::new(KeyAttestation::KIND).unwrap(), der: made.der().to_vec() }
    }

    fn said(&self, claims: &[(&str, bool)]) -> AttestationStatement {
        self.said_by(&self.modules[0], &self.key, claims, None)
    }

    /// The sentence with which a policy with these lines refuses these statements; none if it accepts them.
    fn refused(&self, lines: &str, statements: &[AttestationStatement], nonce: Option<&[u8]>) -> Option<String> {
        let appraisal = self.appraised(lines, statements, nonce, &self.authorities());
        appraisal.permit(Mode::Enforce).err().map(|refusal| refusal.to_string())
    }

    fn appraised(&self, lines: &str, statements: &[AttestationStatement], nonce: Option<&[u8]>, authorities: &Authorities) -> KeyAppraisal {
        let bundle = (!statements.is_empty()).then(|| AttestationBundle::new(statements, &[]).unwrap());
        let expected = Expected { key: self.key.public_key(), nonce };
        demands(lines).unwrap().appraise(bundle.as_ref().map(AttestationBundle::der), &expected, authorities, now())
    }
}

fn demands(lines: &str) -> Result<KeyDemands, String> {
    let text = format!("version = 1\n[[rule]]\nname = \"any\"\nstatement = \"present\"\nthen = \"accept\"\n{lines}");
    Policy::from_toml(&text).map(|policy| policy.ldevid_key().clone()).map_err(|err| err.message)
}

fn unknown_kind() -> AttestationStatement {
    AttestationStatement { kind: EvidenceType::new("1.3.6.1.4.1.32473.9").unwrap(), der: vec![5, 0] }
}

const KEPT_INSIDE: &[(&str, bool)] = &[("local", true), ("sensitive", true), ("extractable", false), ("never-extractable", true)];

const ALL_OF_IT: &str =
    "[ldevid-key]\nevidence = \"required\"\nmade = \"inside\"\nprotection-at-least = \"non-extractable\"\nauthorities = [\"A\"]\nnonce = \"required\"";

#[test]
fn evidence_that_meets_every_demand_is_accepted() {
    let scene = Scene::new();
    let said = scene.said_by(&scene.modules[0], &scene.key, KEPT_INSIDE, Some(&[7; 32]));
    assert_eq!(scene.refused(ALL_OF_IT, &[said], Some(&[7; 32])), None);
}

#[test]
fn nothing_is_demanded_by_default_but_that_evidence_holds() {
    let scene = Scene::new();
    let other = scene.said_by(&scene.modules[0], &new_key(SignatureAlgorithm::Es256), KEPT_INSIDE, None);
    assert_eq!(scene.refused("", &[], None), None);
    assert_eq!(scene.refused("", &[scene.said(&[("local", false)])], None), None);
    assert!(scene.refused("", &[scene.said(KEPT_INSIDE), other], None).unwrap().contains("is about another key"));
}

#[test]
fn each_demand_refuses_what_does_not_meet_it() {
    let scene = Scene::new();
    let by_b = scene.said_by(&scene.modules[1], &scene.key, KEPT_INSIDE, None);
    for (line, said, words) in [
        ("made = \"inside\"", scene.said(&[("local", false)]), "says that the key was put in, and this owner demands one that was made inside"),
        ("made = \"inside\"", scene.said(&[("sensitive", true)]), "does not say that the key was made inside"),
        (
            "protection-at-least = \"non-extractable\"",
            scene.said(&[("sensitive", false)]),
            "is none-software, and this owner demands one that is non-extractable",
        ),
        ("protection-at-least = \"non-extractable\"", scene.said(&[("local", true)]), "does not say how well the key is held"),
        ("authorities = [\"A\"]", by_b, "of B (CN=module) is not the word of A, whose alone counts here"),
        ("nonce = \"required\"", scene.said(KEPT_INSIDE), "answers no nonce that was handed out"),
    ] {
        let refused = scene.refused(&format!("[ldevid-key]\n{line}"), &[said], None);
        assert!(refused.as_ref().is_some_and(|sentence| sentence.contains(words)), "{line}: {refused:?}");
    }
}

#[test]
fn demands_of_optional_evidence_refuse_nobody_without_any() {
    let scene = Scene::new();
    assert_eq!(scene.refused("[ldevid-key]\nmade = \"inside\"\nnonce = \"required\"", &[], None), None);
    assert_eq!(scene.refused("[ldevid-key]\nmade = \"inside\"", &[unknown_kind()], None), None);
}

#[test]
fn required_evidence_has_to_be_there_and_of_a_known_kind() {
    let scene = Scene::new();
    let required = "[ldevid-key]\nevidence = \"required\"";
    assert!(scene.refused(required, &[], None).unwrap().contains("holds no attestation of its key"));
    assert!(scene.refused(required, &[unknown_kind()], None).unwrap().contains("(found: 1.3.6.1.4.1.32473.9)"));
    assert_eq!(scene.refused(required, &[unknown_kind(), scene.said(&[])], None), None);
}

#[test]
fn one_statement_has_to_meet_all_and_none_may_say_the_contrary() {
    let scene = Scene::new();
    let lines = "[ldevid-key]\nmade = \"inside\"\nprotection-at-least = \"non-extractable\"";
    let (made, kept) = (scene.said(&[("local", true)]), scene.said(&[("sensitive", true), ("extractable", false), ("never-extractable", true)]));
    assert!(scene.refused(lines, &[made.clone(), kept], None).is_some());
    assert_eq!(scene.refused(lines, &[made, scene.said(KEPT_INSIDE)], None), None);
    assert!(scene.refused(lines, &[scene.said(KEPT_INSIDE), scene.said(&[("local", false)])], None).unwrap().contains("was put in"));
}

#[test]
fn nonce_of_another_answer_does_not_hold() {
    let scene = Scene::new();
    let old = scene.said_by(&scene.modules[0], &scene.key, KEPT_INSIDE, Some(&[6; 32]));
    assert!(scene.refused("", &[old], Some(&[7; 32])).unwrap().contains("does not answer the nonce"));
}

#[test]
fn who_trusts_no_authority_keeps_evidence_as_unknown() {
    let scene = Scene::new();
    let appraisal = scene.appraised("", &[scene.said(KEPT_INSIDE)], None, &Authorities::default());
    assert_eq!((appraisal.permit(Mode::Enforce), appraisal.findings()[0].result), (Ok(()), KeyResult::Unknown));
}

#[test]
fn policy_that_only_warns_lets_pass_what_is_not_demanded_but_nothing_forged() {
    let scene = Scene::new();
    let unmet = scene.appraised("[ldevid-key]\nevidence = \"required\"", &[], None, &scene.authorities());
    let mut said = scene.said(KEPT_INSIDE);
    *said.der.last_mut().unwrap() ^= 1;
    let forged = scene.appraised("", &[said], None, &scene.authorities());
    assert!(unmet.permit(Mode::Warn).is_ok() && unmet.warned(Mode::Warn).is_some() && unmet.warned(Mode::Enforce).is_none());
    assert!(forged.permit(Mode::Warn).is_err());
}

#[test]
fn word_of_a_stranger_counts_for_nothing_and_meets_no_demand() {
    let scene = Scene::new();
    let stranger = Entity::root("somebody").issue("module", SignatureAlgorithm::Es256, |template| template.usages(&[KeyAttestation::ATTESTATION_KEY_USAGE]));
    let said = || [scene.said_by(&stranger, &scene.key, KEPT_INSIDE, None)];
    let appraisal = scene.appraised("", &said(), None, &scene.authorities());
    assert_eq!((appraisal.permit(Mode::Enforce), appraisal.findings()[0].result), (Ok(()), KeyResult::Unknown));
    assert!(scene.refused("[ldevid-key]\nevidence = \"required\"", &said(), None).is_some());
}

#[test]
fn evidence_without_a_nonce_counts_where_none_is_demanded_and_meets_no_demand_for_one() {
    let scene = Scene::new();
    let said = || [scene.said(KEPT_INSIDE)];
    assert_eq!(scene.refused("[ldevid-key]\nevidence = \"required\"", &said(), Some(&[7; 32])), None);
    assert!(scene.refused("[ldevid-key]\nevidence = \"required\"\nnonce = \"required\"", &said(), Some(&[7; 32])).unwrap().contains("answers no nonce"));
}

#[test]
fn findings_say_what_was_attested_and_survive_their_json() {
    let scene = Scene::new();
    let appraisal = scene.appraised("", &[scene.said(KEPT_INSIDE), unknown_kind()], None, &scene.authorities());
    let [held, unknown] = appraisal.findings() else { panic!("{appraisal:?}") };
    assert_eq!((held.made_inside, held.protection, held.fresh), (Some(true), Some(Protection::NonExtractable), false));
    assert_eq!(held.sentence, "PKIX key attestation of A (CN=module): made inside, not extractable");
    assert_eq!(unknown.result, KeyResult::Unknown);
    let json = serde_json::to_string(held).unwrap();
    assert_eq!(serde_json::from_str::<KeyFinding>(&json).unwrap(), *held);
}

#[test]
fn demands_are_told_in_words() {
    let words = demands(ALL_OF_IT).unwrap().in_words().unwrap();
    assert_eq!(words, "evidence required: made inside, non-extractable or better, by the word of A, in answer to a nonce");
    assert_eq!(KeyDemands::default().in_words(), None);
}

#[test]
fn mistakes_in_the_table_are_told_by_line_and_field() {
    for (line, words) in [
        ("", "line 6: [ldevid-key]: it must demand something"),
        ("made = \"outside\"", "line 7: [ldevid-key]: made must be one of inside, not \"outside\""),
        ("protection-at-least = \"unknown\"", "protection-at-least must be one of none-software"),
        ("authorities = []", "authorities must be a list of names of [[evidence]]"),
        ("then = \"hold\"", "there is no field 'then'"),
    ] {
        let told = demands(&format!("[ldevid-key]\n{line}")).unwrap_err();
        assert!(told.contains(words), "{told}");
    }
}
