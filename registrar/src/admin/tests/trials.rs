//! `POST /policy/test`.

use super::*;

#[test]
fn policy_that_is_tried_tells_whom_it_would_treat_otherwise() {
    let scene = Scene::new();
    let same = scene.post(Role::Auditor, "/policy/test", &json!({})).json();
    assert_eq!((&same["changed"], same["pledges"].as_array().unwrap().len()), (&json!(0), 2));
    let strict = "version = 1\n[[rule]]\nname = \"only-salak\"\nmethod = [\"salak\"]\nthen = \"accept\"\n";
    let tried = scene.post(Role::Auditor, "/policy/test", &json!({ "policy": strict, "pledge": "JADA1" })).json();
    assert_eq!(
        (&tried["changed"], &tried["pledges"][0]["then"]["verdict"], &tried["pledges"][0]["now"]["verdict"]),
        (&json!(1), &json!("accept"), &json!("refuse"))
    );
    assert_eq!(&tried["pledges"][0]["judged-at"], &scene.get("/pledges?serial=JADA1").json()[0]["last-seen"]);
    let wrong = scene.post(Role::Auditor, "/policy/test", &json!({ "policy": "version = 1\n[[rule]]\nname = 1" }));
    assert!(wrong.status == StatusCode::BAD_REQUEST && wrong.error().starts_with("the policy cannot be read: "), "{}", wrong.error());
}

#[test]
fn approval_counts_under_the_policy_that_it_was_given_for_alone() {
    let scene = Scene::new();
    let held = |policy: Value| {
        let tried = scene.post(Role::Auditor, "/policy/test", &policy).json();
        let row = &tried["pledges"][0];
        (tried["changed"].clone(), row["now"]["verdict"].clone(), row["outcome"].clone(), row["persons"].clone())
    };
    let same = json!({ "pledge": "JADA 2/2" });
    assert_eq!(held(same.clone()), (json!(0), json!("hold"), json!("hold"), Value::Null));
    scene.say(Role::Operator, HELD, "approve");
    assert_eq!(held(same), (json!(0), json!("hold"), json!("accept"), json!("approved by operator")));
    let other = "version = 1\n[[rule]]\nname = \"ask-about-carrots\"\nmethod = [\"carrot\"]\nthen = \"hold\"\n";
    let expected = json!("what operator approved was another rule, policy or record, and does not count");
    assert_eq!(held(json!({ "pledge": "JADA 2/2", "policy": other })), (json!(1), json!("hold"), json!("hold"), expected));
    scene.say(Role::Operator, HELD, "refuse");
    assert_eq!(held(json!({ "pledge": "JADA 2/2" })), (json!(0), json!("hold"), json!("refuse"), json!("operator refused it")));
}

#[test]
fn one_policy_is_tried_at_a_time() {
    let scene = Scene::new();
    let first = scene.service.trial.begin().unwrap();
    let busy = scene.post(Role::Auditor, "/policy/test", &json!({}));
    assert_eq!((busy.status, &busy.headers[RETRY_AFTER]), (StatusCode::SERVICE_UNAVAILABLE, &HeaderValue::from(5)));
    drop(first);
    assert_eq!(scene.post(Role::Auditor, "/policy/test", &json!({})).status, StatusCode::OK);
}
