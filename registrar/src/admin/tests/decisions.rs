//! What persons decide about pledges.

use super::*;
use crate::approval::{HeldBy, Via};
use crate::trail::Subject;

impl Scene {
    fn say_with(&self, credential: Certificate, path: &str, body: &Value) -> Reply {
        let request = Request::post(path).header(CONTENT_TYPE, "application/json");
        let mut request = request.body(Full::from(body.to_string())).unwrap();
        request.extensions_mut().insert(PeerCertificates(vec![credential]));
        self.send(request)
    }

    /// The held pledge asks anew, under a rule of another name.
    fn ask_otherwise(&self, rule: &str) {
        let subject = Subject { key: self.held.idevid.spki_digest(), serial: self.held.idevid.device().serial.clone(), manufacturer: "Maker".to_owned() };
        let held = HeldBy { pledge: subject.key, rule: rule.to_owned(), record: None, policy: None, findings: None };
        let what = What::Held { request: brski_common::SpkiDigest([9; 32]), held: Some(held), sentence: format!("rule '{rule}' holds it"), decision: None };
        block_on(self.store.note(Event { at: crate::testing::now(), pledge: Some(subject), what })).unwrap();
    }
}

#[test]
fn held_pledge_gets_its_voucher_once_an_approver_says_yes() {
    let scene = Scene::new();
    let approved = scene.say(Role::Approver, HELD, "approve");
    assert_eq!((approved.status, &approved.json()["by"]["name"]), (StatusCode::OK, &json!("approver")));
    scene.come(&scene.held).unwrap();
    assert_eq!(scene.get(HELD).json()["state"], "admitted");
}

#[test]
fn decision_is_answered_with_what_who_when_and_what_follows_alone() {
    let scene = Scene::new();
    let told = scene.say(Role::Approver, HELD, "approve").json();
    let at = brski_common::time::to_rfc3339(crate::testing::now());
    let by = json!({ "name": "approver", "why": "seen on my desk", "at": at, "via": { "way": "token" } });
    let sentence = "JADA 2/2 is approved (1 of 1); it gets its voucher when it asks again, within four days";
    let expected = json!({
        "serial": "JADA 2/2", "manufacturer": "Maker", "key": scene.held.idevid.spki_digest(), "decided": "approved", "by": by,
        "state": "held", "approvals": 1, "approvals-needed": 1, "sentence": sentence,
    });
    assert_eq!(told, expected);
}

#[test]
fn decision_names_the_question_that_was_looked_at() {
    let scene = Scene::new();
    let listed = scene.get("/pledges?state=held").json();
    assert_eq!(listed[0]["question"], scene.get(HELD).json()["question"]);
    for body in [json!({ "why": "x" }), json!({ "why": "x", "question": "6b1d" }), json!({ "why": "x", "question": "+6b1d09c2f4a87e3" })] {
        for verb in ["approve", "refuse"] {
            let reply = scene.post(Role::Approver, &format!("{HELD}/{verb}"), &body);
            assert!(reply.status == StatusCode::BAD_REQUEST && reply.error().contains("question"), "{body}: {}", reply.error());
        }
    }
    assert_eq!(scene.get(HELD).json()["approvals"], json!([]));
}

#[test]
fn pledge_that_asks_otherwise_by_now_is_neither_approved_nor_refused() {
    let scene = Scene::new();
    let looked_at = json!({ "why": "x", "question": scene.get(HELD).json()["question"] });
    scene.ask_otherwise("another-rule");
    let size = block_on(scene.store.head()).unwrap().size;
    for verb in ["approve", "refuse"] {
        let reply = scene.post(Role::Approver, &format!("{HELD}/{verb}"), &looked_at);
        let changed = "JADA 2/2 has changed since it was looked at: rule 'another-rule' holds it, and no longer 'ask-about-carrots', the policy is another, ";
        assert_eq!(reply.status, StatusCode::CONFLICT);
        assert!(reply.error().starts_with(changed) && reply.error().contains("look again"), "{}", reply.error());
    }
    assert_eq!(block_on(scene.store.head()).unwrap().size, size);
    assert_eq!(scene.say(Role::Approver, HELD, "approve").status, StatusCode::OK);
}

#[test]
fn only_what_is_held_can_be_approved() {
    let scene = Scene::new();
    let reply = scene.say(Role::Operator, "/pledges/JADA1", "approve");
    assert_eq!((reply.status, reply.error()), (StatusCode::CONFLICT, "JADA1 is admitted, not held: there is nothing to approve".to_owned()));
}

#[test]
fn decision_is_the_credential_s_and_needs_a_reason() {
    let scene = Scene::new();
    let question = scene.get(HELD).json()["question"].clone();
    for why in [json!({}), json!({ "why": " " }), json!({ "why": "x".repeat(3000) }), json!({ "why": "x", "name": "somebody else" })] {
        let mut body = why;
        body["question"] = question.clone();
        assert_eq!(scene.post(Role::Approver, &format!("{HELD}/approve"), &body).status, StatusCode::BAD_REQUEST, "{body}");
    }
    assert_eq!(scene.get(HELD).json()["approvals"], json!([]));
}

#[test]
fn decision_tells_by_which_credential_it_came() {
    let scene = Scene::new();
    scene.say(Role::Approver, HELD, "approve");
    assert!(matches!(scene.last_event().what, What::Approved { by, .. } if by.name == "approver" && by.via == Some(Via::Token)));
    let body = json!({ "why": "never ordered", "question": scene.get(HELD).json()["question"] });
    assert_eq!(scene.say_with(scene.signer.clone(), &format!("{HELD}/refuse"), &body).status, StatusCode::OK);
    let subject = scene.signer.subject().to_owned();
    assert!(matches!(scene.last_event().what, What::Disapproved { by, .. } if by.name == "certified-approver" && by.via == Some(Via::Certificate { subject })));
}

#[test]
fn refused_pledge_gets_nothing_any_more() {
    let scene = Scene::new();
    for (pledge, path) in [(&scene.held, HELD), (&scene.good, "/pledges/JADA1")] {
        let refused = scene.say(Role::Approver, path, "refuse");
        assert_eq!((refused.status, &refused.json()["state"], &refused.json()["by"]["why"]), (StatusCode::OK, &json!("refused"), &json!("seen on my desk")));
        assert!(scene.come(pledge).is_err());
    }
    let key = crate::testing::key();
    assert!(block_on(scene.registrar.enroll(&scene.good.csr(&key), &scene.good.peer(), false)).is_err());
}

#[test]
fn revoked_pledge_has_its_certificates_revoked_once() {
    let scene = Scene::new();
    let revocation = json!({ "why": "stolen", "reason": "key-compromise" });
    assert_eq!(scene.post(Role::Operator, "/pledges/JADA1/revoke", &revocation).status, StatusCode::CONFLICT);
    scene.enroll(&scene.good);
    let revoked = scene.post(Role::Operator, "/pledges/JADA1/revoke", &revocation);
    assert_eq!((revoked.status, &revoked.json()["state"]), (StatusCode::OK, &json!("revoked")));
    assert!(matches!(scene.last_event().what, What::Revoked { by, .. } if by.name == "operator" && by.why == "stolen"));
    assert_eq!(block_on(scene.store.revocations(crate::testing::now())).unwrap().len(), 1);
    assert_eq!(scene.post(Role::Operator, "/pledges/JADA1/revoke", &revocation).status, StatusCode::CONFLICT);
    assert_eq!(scene.post(Role::Operator, "/pledges/JADA1/revoke", &json!({ "why": "x", "reason": "boredom" })).status, StatusCode::BAD_REQUEST);
}

#[test]
fn whoever_revokes_hears_which_cas_are_left_to_be_told() {
    let scene = Scene::new();
    scene.enroll(&scene.good);
    let mut issued = scene.last_event();
    let What::Issued { certificate, .. } = &mut issued.what else { panic!("{issued:?}") };
    let own = certificate.serial.clone();
    certificate.serial = "05".to_owned();
    certificate.issuer = Some(crate::trail::Issuer { name: "CN=Upstream".to_owned(), sha256: brski_common::SpkiDigest([9; 32]) });
    block_on(scene.store.note(issued)).unwrap();
    let revoked = scene.post(Role::Operator, "/pledges/JADA1/revoke", &json!({ "why": "stolen", "reason": "key-compromise" }));
    let told = revoked.json()["sentence"].as_str().unwrap().to_owned();
    assert!(told.starts_with(&format!("LDevIDs of JADA1 revoked: LDevID {own} is on the CRL from now on (issuer ")), "{told}");
    assert!(told.contains("that CA has to be told by hand to revoke serial number 05, issuer CN=Upstream;"), "{told}");
}
