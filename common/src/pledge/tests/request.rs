//! What a pledge sends for a voucher, and how it takes "later" and "no".

use super::*;

#[test]
fn request_names_the_registrar_and_is_signed_with_the_idevid() {
    let world = World::new();
    let asked = world.ask();
    assert_eq!((asked.ask().method, asked.ask().path), ("POST", "/.well-known/brski/requestvoucher"));
    assert_eq!((asked.ask().content_type, asked.ask().accept), (Some("application/voucher-cms+json"), Some("application/voucher-cms+json")));

    let request = Signed::<VoucherRequest>::from_wire(Format::Cms, asked.ask().body.clone());
    let holder = world.pledge.idevid().certificate();
    let request = request.verify(&Verifier::strict(SignedBy::Holder(holder)), now()).unwrap();
    let expected = VoucherRequest {
        assertion: Some(Assertion::Proximity),
        created_on: Some(now()),
        nonce: Some(nonce(1)),
        proximity_registrar_cert: Some(world.registrar.certificate.clone()),
        ..VoucherRequest::new(serial("JADA-1"))
    };
    assert_eq!(*request.get(), expected);
}

#[test]
fn statement_travels_in_the_request_octet_for_octet() {
    let mut world = World::new();
    world.pledge = world.pledge.with_statement(Signed::from_wire(Format::Cose, vec![0xd2, 1, 2]));
    let request = Signed::<VoucherRequest>::from_wire(Format::Cms, world.ask().ask().body.clone()).peek_unverified(Leniencies::default()).unwrap();
    assert_eq!(request.provenance.unwrap().statement, Some(vec![0xd2, 1, 2]));
}

#[test]
fn retry_after_is_clamped_and_the_same_octets_are_sent_again() {
    let world = World::new();
    for (retry_after, seconds) in [(Some("5"), 5), (Some("86400"), 60), (Some("0"), 1), (Some("Fri, 31 Dec 2027 23:59:59 GMT"), 60), (None, 60)] {
        let asked = world.ask();
        let octets = asked.ask().clone();
        let Ok(Step::Wait(wait, again)) = asked.answered(&later(retry_after), now()) else { panic!("{retry_after:?}") };
        assert_eq!((wait, again.ask()), (Duration::from_secs(seconds), &octets));
    }
}

#[test]
fn pledge_that_asks_too_often_or_meets_a_busy_registrar_waits_as_long_as_it_is_told() {
    for status in [429, 503] {
        let answer = Answer { status, ..later(Some("7")) };
        assert!(matches!(World::new().ask().answered(&answer, now()), Ok(Step::Wait(wait, _)) if wait == Duration::from_secs(7)), "{status}");
    }
}

#[test]
fn registrar_that_is_busy_without_saying_how_long_has_refused() {
    let failed = World::new().ask().answered(&Answer { status: 503, ..later(None) }, now()).unwrap_err();
    assert!(matches!(*failed.error, PledgeError::Refused { status: 503, .. }));
}

#[test]
fn pledge_gives_up_after_four_days() {
    let asked = World::new().ask();
    let Ok(Step::Wait(_, asked)) = asked.answered(&later(None), at(now().as_secs() + 4 * 86_400)) else { panic!("too early") };
    let failed = asked.answered(&later(None), at(now().as_secs() + 4 * 86_400 + 1)).unwrap_err();
    assert!(matches!(*failed.error, PledgeError::WaitedTooLong { .. }));
}

#[test]
fn refusal_is_passed_on_as_one_harmless_line_and_not_reported_back() {
    let answer = Answer { status: 406, body: b"rule 'x'\nrefuses\x1b[2J".to_vec(), ..Answer::default() };
    let failed = World::new().ask().answered(&answer, now()).unwrap_err();
    assert_eq!(failed.report, None);
    let PledgeError::Refused { status, sentence, .. } = *failed.error else { panic!("no refusal") };
    assert_eq!((status, sentence.chars().any(char::is_control)), (406, false));
}

#[test]
fn redirect_is_not_followed() {
    let failed = World::new().ask().answered(&Answer { status: 307, ..Answer::default() }, now()).unwrap_err();
    assert!(matches!(*failed.error, PledgeError::Redirected { status: 307, .. }));
}

#[test]
fn answer_of_another_media_type_is_refused() {
    let world = World::new();
    let answer = Answer { content_type: Some("text/plain".to_owned()), ..vouched_by(&world.masa, &world.voucher()) };
    assert!(matches!(*world.ask().answered(&answer, now()).unwrap_err().error, PledgeError::MediaType { .. }));
}
