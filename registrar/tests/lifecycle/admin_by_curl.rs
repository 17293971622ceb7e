//! `curl` as whoever decides about held pledges, over the admin interface.

use serde_json::Value;

use super::curl::Reply;
use super::owner::Owner;
use super::pledge::imprint;

/// What stands in the file of JADA1.
fn show(owner: &Owner, token: &str) -> Value {
    let told = owner.ask_admin(token, &format!("/pledges/{}", owner.key()), "");
    assert_eq!(told.status, 200, "{told:?}");
    serde_json::from_str(told.text()).unwrap()
}

/// Looks at JADA1, and says yes to it with the token of this name.
fn approve(owner: &Owner, token: &str) -> Reply {
    let question = show(owner, token)["question"].clone();
    approve_question(owner, token, &question)
}

/// Says yes to this question.
fn approve_question(owner: &Owner, token: &str, question: &Value) -> Reply {
    owner.world.openssl.write("why.json", serde_json::json!({ "why": "order 4711", "question": question }).to_string());
    owner.ask_admin(token, &format!("/pledges/{}/approve", owner.key()), "--header Content-Type:application/json --data-binary @why.json")
}

/// An owner who holds JADA1.
async fn holding() -> Option<Owner> {
    let owner = Owner::start(60).await?;
    assert_eq!(owner.world.ask_for_voucher("").status, 202);
    Some(owner)
}

async fn yes_lets_the_pledge_in(token: &str, name: &str) {
    let Some(owner) = holding().await else { return };
    let told = approve(&owner, token);
    assert!(told.status == 200 && told.text().len() < 600, "{told:?}");
    imprint(&owner.world);
    assert_eq!(owner.story(), ["held", "approved", "admitted"]);
    let [shown] = &owner.json(&["pledges", "show", "JADA1"])[..] else { panic!("one pledge is shown") };
    let by = &shown["history"][1]["event"]["what"]["by"];
    assert_eq!((&by["name"], &by["why"], &by["via"]["way"]), (&name.into(), &"order 4711".into(), &"token".into()), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn yes_to_another_question_than_the_one_that_stands_there_is_a_conflict() {
    let Some(owner) = holding().await else { return };
    let told = approve_question(&owner, "approver", &"000000000000000000000000000000ff".into());
    assert_eq!(told.status, 409, "{told:?}");
    assert!(told.text().contains("JADA1 has changed since it was looked at") && told.text().contains("GET /pledges/"), "{told:?}");
    assert_eq!(owner.story(), ["held"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn yes_of_an_approver_lets_the_pledge_in() {
    yes_lets_the_pledge_in("approver", "approver").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn yes_of_an_operator_lets_the_pledge_in() {
    yes_lets_the_pledge_in("admin", "operator").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn yes_of_an_auditor_is_refused_and_the_pledge_waits_on() {
    let Some(owner) = holding().await else { return };
    let told = approve(&owner, "auditor");
    assert_eq!((told.status, told.text()), (403, r#"{"error":"this needs the role operator or approver, and the credential has the role auditor"}"#));
    assert_eq!(owner.world.ask_for_voucher("").status, 202);
    assert_eq!(owner.held(), ["JADA1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn auditor_reads_why_the_pledge_is_held() {
    let Some(owner) = holding().await else { return };
    let shown = show(&owner, "auditor");
    assert_eq!(shown["state"], "held", "{shown}");
}
