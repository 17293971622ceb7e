//! What a pledge gets for each answer of its MASA, and for the statement it carries.

use super::*;

#[test]
fn voucher_with_a_foreign_nonce_is_not_passed_on() {
    let scene = Scene::with_masa(|world, request| {
        let voucher = Voucher { nonce: Some(Nonce::from_bytes(&[1; 16]).unwrap()), ..world.voucher_for(request) };
        Ok(MasaAnswer::Vouched { voucher: world.sign_voucher(&voucher), statement: None, audit_log: None })
    });
    assert_eq!(scene.ask(&scene.request()).status, 502);
}

#[test]
fn garbage_from_the_masa_is_not_passed_on() {
    let scene = Scene::with_masa(|_, _| {
        let voucher = Signed::from_wire(Format::Cms, *b"garbage");
        Ok(MasaAnswer::Vouched { voucher, statement: None, audit_log: None })
    });
    let reply = scene.ask(&scene.request());
    assert_eq!((reply.status, reply.text()), (502, "the MASA's voucher cannot be trusted and is not passed on"));
    assert_eq!(scene.enroll(&scene.pledge.csr(&key()), scene.pledge.peer()).status, 403);
}

#[test]
fn voucher_that_somebody_else_signed_is_not_passed_on() {
    let scene = Scene::with_masa(|world, request| {
        let voucher = World::new().sign_voucher(&world.voucher_for(request));
        Ok(MasaAnswer::Vouched { voucher, statement: None, audit_log: None })
    });
    assert_eq!(scene.ask(&scene.request()).status, 502);
}

#[test]
fn masas_refusal_is_passed_on_with_its_words() {
    let scene = Scene::with_masa(|_, _| Ok(MasaAnswer::Refused { status: 403, sentence: "device JADA1 is blocked".to_owned() }));
    let reply = scene.ask(&scene.request());
    assert_eq!((reply.status, reply.text()), (403, "the MASA refused: device JADA1 is blocked"));
}

#[test]
fn masa_that_does_not_know_the_registrar_is_no_401_for_the_pledge() {
    let scene = Scene::with_masa(|_, _| Ok(MasaAnswer::Refused { status: 401, sentence: "who are you".to_owned() }));
    assert_eq!(scene.ask(&scene.request()).status, 502);
}

#[test]
fn refusal_of_the_masa_with_a_success_status_is_no_success() {
    let scene = Scene::with_masa(|_, _| Ok(MasaAnswer::Refused { status: 200, sentence: String::new() }));
    assert_eq!(scene.ask(&scene.request()).status, 502);
}

#[test]
fn pledge_waits_at_most_a_minute_for_the_masa() {
    let scene = Scene::with_masa(|_, _| Ok(MasaAnswer::Later(core::time::Duration::from_secs(3600))));
    let reply = scene.ask(&scene.request());
    assert_eq!((reply.status, reply.header("retry-after")), (202, Some("60")));
}

#[test]
fn pledge_without_a_statement_gets_406_and_cannot_enroll() {
    let scene = Scene::with_masa(|world, request| {
        let audit_log = Some(AuditLog::default());
        Ok(MasaAnswer::Vouched { voucher: world.sign_voucher(&world.voucher_for(request)), statement: None, audit_log })
    });
    let reply = scene.ask(&scene.request());
    assert_eq!((reply.status, reply.text()), (406, "rule 'nothing-else-matched' does not accept pledges without a provenance statement; accepted: avocado"));
    assert_eq!(scene.enroll(&scene.pledge.csr(&key()), scene.pledge.peer()).status, 403);
}

#[test]
fn pledge_whose_masa_discloses_no_audit_log_gets_406_and_cannot_enroll() {
    let world = Arc::new(World::new());
    let pledge = world.pledge("JADA1");
    let (statement, inner) = (world.statement(&pledge, KeyMethod::Avocado, 0), world.clone());
    let masa = FakeMasa::new(move |request| {
        let voucher = inner.sign_voucher(&inner.voucher_for(&request.peek_unverified(Leniencies::default()).unwrap()));
        Ok(MasaAnswer::Vouched { voucher, statement: Some(statement.clone()), audit_log: None })
    });
    let service = RegistrarService::new(Arc::new(world.registrar(masa.clone(), Arc::new(MemoryPledges::new()))), LIMIT);
    let scene = Scene { world, pledge, masa, service };
    let reply = scene.ask(&scene.request());
    let expected = "the MASA discloses no audit log of JADA1, which this owner requires; audit-log = \"optional\" in the registrar's [audit] would do without";
    assert_eq!((reply.status, reply.text()), (406, expected));
    assert_eq!(scene.enroll(&scene.pledge.csr(&key()), scene.pledge.peer()).status, 403);
}

fn carrying(scene: &Scene, statement: &[u8]) -> VoucherRequest {
    let provenance = brski_common::voucher::ProvenanceExtension::with_statement(statement.to_vec());
    VoucherRequest { provenance: Some(provenance), ..scene.request() }
}

#[test]
fn carried_statement_that_is_unacceptable_costs_the_masa_nothing() {
    let scene = Scene::new();
    let bamboo = scene.world.statement(&scene.pledge, KeyMethod::Bamboo, 0);
    assert_eq!((scene.ask(&carrying(&scene, bamboo.wire())).status, scene.masa.asked()), (406, 0));
}

#[test]
fn carried_statement_that_is_held_goes_to_the_masa_so_that_a_person_sees_the_whole_case() {
    let scene = Scene::with_key_made_by(KeyMethod::Carrot);
    let carrot = scene.world.statement(&scene.pledge, KeyMethod::Carrot, 0);
    let reply = scene.ask(&carrying(&scene, carrot.wire()));
    assert_eq!((reply.status, reply.header("retry-after"), scene.masa.asked()), (202, Some("60"), 1));
}

#[test]
fn carried_statement_of_another_key_is_refused() {
    let scene = Scene::new();
    let other = scene.world.statement(&scene.world.pledge("JADA1"), KeyMethod::Avocado, 0);
    assert_eq!((scene.ask(&carrying(&scene, other.wire())).status, scene.masa.asked()), (406, 0));
}

#[test]
fn carried_statement_that_somebody_else_signed_is_refused() {
    let scene = Scene::new();
    let forged = World::new().statement(&scene.pledge, KeyMethod::Avocado, 0);
    assert_eq!((scene.ask(&carrying(&scene, forged.wire())).status, scene.masa.asked()), (406, 0));
}

#[test]
fn carried_statement_that_is_garbage_is_refused() {
    let scene = Scene::new();
    assert_eq!((scene.ask(&carrying(&scene, b"garbage")).status, scene.masa.asked()), (406, 0));
}

#[test]
fn pledge_that_is_held_repeats_itself_at_no_cost_to_the_masa() {
    let scene = Scene::with_key_made_by(KeyMethod::Carrot);
    let request = scene.pledge.sign(&scene.request());
    assert_eq!((scene.post(&request).status, scene.post(&request).status), (202, 202));
    assert_eq!(scene.masa.asked(), 1);
    assert_eq!(scene.enroll(&scene.pledge.csr(&key()), scene.pledge.peer()).status, 403);
}
