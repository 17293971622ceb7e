//! `curl` as whoever decides about held pledges, over the admin interface.

use super::curl::Reply;
use super::owner::Owner;
use super::pledge::imprint;

/// Says yes to JADA1 with the token of this name.
fn approve(owner: &Owner, token: &str) -> Reply {
    owner.world.openssl.write("why.json", r#"{"why":"order 4711"}"#);
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
    assert_eq!(told.status, 200, "{told:?}");
    imprint(&owner.world);
    assert_eq!(owner.story(), ["held", "approved", "admitted"]);
    let [shown] = &owner.json(&["pledges", "show", "JADA1"])[..] else { panic!("one pledge is shown") };
    let by = &shown["history"][1]["event"]["what"]["by"];
    assert_eq!((&by["name"], &by["why"]), (&name.into(), &"order 4711".into()), "{shown}");
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
    let told = owner.ask_admin("auditor", &format!("/pledges/{}", owner.key()), "");
    let shown: serde_json::Value = serde_json::from_str(told.text()).unwrap();
    assert_eq!((told.status, &shown["state"]), (200, &"held".into()), "{shown}");
}
