//! The same question again, and too many questions.

use super::*;

#[test]
fn device_gets_no_more_vouchers_in_a_day_than_the_policy_allows() {
    let mut scene = Scene::new().vouched_before();
    scene.policy.daily_vouchers = 1;
    let another = scene.pledge.leaves(&scene.owner, nonce(2));
    assert_eq!(scene.decide_on_inner(&another), Err(Refusal::TooManyVouchers { serial: serial("JADA123"), limit: 1 }));
    assert!(matches!(scene.decide(&scene.outer()), Ok(Decision::Repeat(_))));
    scene.policy.daily_vouchers = 2;
    assert!(matches!(scene.decide_on_inner(&another), Ok(Decision::Record(_))));
}

#[test]
fn limit_of_vouchers_looks_back_one_day() {
    let mut scene = Scene::new().vouched_before();
    scene.policy.daily_vouchers = 1;
    let another = |scene: &Scene| {
        let inner = VoucherRequest { created_on: None, ..scene.pledge.leaves(&scene.owner, nonce(2)) };
        VoucherRequest { created_on: Some(scene.now), ..scene.owner.leaves(&scene.pledge, &inner) }
    };
    scene.now = later(86_399);
    assert!(matches!(scene.decide(&another(&scene)), Err(Refusal::TooManyVouchers { .. })));
    scene.now = later(86_400);
    assert!(scene.decide(&another(&scene)).is_ok());
}

#[test]
fn repeated_nonce_of_the_same_domain_orders_no_second_entry() {
    let mut scene = Scene::new().vouched_before();
    scene.now = later(60);
    assert!(matches!(scene.decide(&scene.outer()), Ok(Decision::Repeat(recorded)) if recorded.index().is_none()));
}

#[test]
fn repeated_nonce_of_another_domain_is_a_replay() {
    let mut scene = Scene::new().vouched_before();
    scene.owner = Owner::new("thief");
    assert_eq!(scene.decide(&scene.outer()), Err(Refusal::Replayed { how: "to another domain" }));
}

#[test]
fn domain_that_copies_anothers_domain_id_is_still_another_domain() {
    let mut scene = Scene::new().vouched_before();
    if let Some(Entry::Vouched(vouched)) = scene.entries.last_mut() {
        vouched.pin = SpkiDigest([7; 32]);
    }
    assert_eq!(scene.decide(&scene.outer()), Err(Refusal::Replayed { how: "to another domain" }));
}

#[test]
fn repeated_nonce_after_four_days_is_a_replay() {
    let mut scene = Scene::new().vouched_before();
    let fresh = |scene: &Scene| {
        let inner = VoucherRequest { created_on: None, ..scene.inner() };
        VoucherRequest { created_on: Some(scene.now), ..scene.owner.leaves(&scene.pledge, &inner) }
    };
    scene.now = later(LONGEST_DEFERRAL.as_secs());
    assert!(scene.decide(&fresh(&scene)).is_ok());
    scene.now = later(LONGEST_DEFERRAL.as_secs() + 1);
    assert_eq!(scene.decide(&fresh(&scene)), Err(Refusal::Replayed { how: "more than four days ago" }));
}
