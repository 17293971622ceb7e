//! Vouchers in each format: what a body may be, what Accept makes of the answer, and whose older names are understood.

use super::*;
use crate::{Manufacturer, Trust};

const REQUEST_VOUCHER: &str = "/.well-known/brski/requestvoucher";

impl Scene {
    /// A scene whose manufacturer is granted the older COSE type.
    fn of_old_cose() -> Self {
        Self::granting(Leniencies::with([Leniency::VoucherCoseCbor]))
    }

    /// A scene whose manufacturer is granted this.
    pub(super) fn granting(lenient: Leniencies) -> Self {
        let world = Arc::new(World::new());
        let pledge = world.pledge("JADA1");
        let masa = world.willing(&pledge, KeyMethod::Avocado).1;
        let trust = Trust::new([Manufacturer { lenient, ..world.manufacturer() }]);
        let registrar = world.registrar_trusting(trust, masa.clone(), Arc::new(MemoryPledges::new()));
        Self { service: RegistrarService::new(Arc::new(registrar), LIMIT), world, pledge, masa }
    }

    /// A good request in this format, sent under this type and with this Accept.
    pub(super) fn send_as(&self, format: Format, content_type: &str, accept: Option<&str>) -> Reply {
        let request = self.pledge.sign_as(&self.request(), format);
        self.send_octets(&request, content_type, accept)
    }

    pub(super) fn send_octets(&self, request: &Signed<VoucherRequest>, content_type: &str, accept: Option<&str>) -> Reply {
        let headers: Vec<_> = core::iter::once(("content-type", content_type)).chain(accept.map(|accept| ("accept", accept))).collect();
        send(&self.service, "POST", REQUEST_VOUCHER, &headers, request.wire(), self.pledge.peer())
    }
}

#[test]
fn request_in_each_format_is_answered_in_the_same() {
    for &format in Format::ALL {
        let reply = Scene::new().send_as(format, format.voucher_media_type(), None);
        assert_eq!((reply.status, reply.header("content-type")), (200, Some(format.voucher_media_type())), "{}", reply.text_or_none());
    }
}

#[test]
fn request_in_each_format_is_answered_in_each_other_that_accept_wants() {
    for &own in Format::ALL {
        for &wanted in Format::ALL {
            let reply = Scene::new().send_as(own, own.voucher_media_type(), Some(wanted.voucher_media_type()));
            assert_eq!((reply.status, reply.header("content-type")), (200, Some(wanted.voucher_media_type())), "{own:?} {wanted:?}");
        }
    }
}

#[test]
fn body_of_another_type_gets_415_with_the_right_ones() {
    let scene = Scene::new();
    let reply = scene.send_as(Format::Cms, "application/json", None);
    let expected = "the body is application/json, expected application/voucher-cms+json, application/voucher-jws+json or application/voucher+cose";
    assert_eq!((reply.status, reply.text(), scene.masa.asked()), (415, expected, 0));
}

#[test]
fn accept_without_a_voucher_type_gets_406_and_costs_the_masa_nothing() {
    let scene = Scene::new();
    let reply = scene.send_as(Format::Jws, "application/voucher-jws+json", Some("text/html, application/voucher+cose;q=0"));
    assert_eq!((reply.status, scene.masa.asked()), (406, 0));
}

#[test]
fn body_in_another_format_than_its_type_says_gets_400() {
    for (body, said) in [(Format::Cms, Format::Jws), (Format::Jws, Format::Cms), (Format::Cms, Format::Cose), (Format::Jws, Format::Cose)] {
        let scene = Scene::new();
        let reply = scene.send_as(body, said.voucher_media_type(), None);
        assert_eq!((reply.status, scene.masa.asked()), (400, 0), "{body:?} as {said:?}");
    }
}

#[test]
fn same_request_in_another_answers_format_is_asked_of_the_masa_again() {
    let scene = Scene::new();
    let request = scene.pledge.sign(&scene.request());
    let ask = |accept| scene.send_octets(&request, "application/voucher-cms+json", Some(accept)).header("content-type").map(str::to_owned);
    let (cms, jws) = (Format::Cms.voucher_media_type(), Format::Jws.voucher_media_type());
    for (accept, asked) in [(cms, 1), (cms, 1), (jws, 2), (jws, 2), (cms, 3)] {
        assert_eq!((ask(accept).as_deref(), scene.masa.asked()), (Some(accept), asked));
    }
}

#[test]
fn masa_that_answers_in_another_format_than_was_asked_for_gives_no_usable_answer() {
    let world = Arc::new(World::new());
    let (pledge, inner) = (world.pledge("JADA1"), world.clone());
    let masa = FakeMasa::new(move |request| {
        let voucher = inner.sign_voucher(&inner.voucher_for(&request.peek_unverified(Leniencies::default()).unwrap()));
        Ok(MasaAnswer::Vouched { voucher, statement: None, audit_log: Some(AuditLog::default()) })
    });
    let service = RegistrarService::new(Arc::new(world.registrar(masa.clone(), Arc::new(MemoryPledges::new()))), LIMIT);
    let scene = Scene { world, pledge, masa, service };
    assert_eq!(scene.send_as(Format::Jws, "application/voucher-jws+json", None).status, 502);
}

#[test]
fn older_cose_type_is_unknown_unless_the_manufacturer_is_granted_it() {
    let scene = Scene::new();
    let unknown = scene.send_as(Format::Cose, OLDER_COSE_TYPE, None);
    assert_eq!(unknown.status, 415);
    assert!(unknown.text().ends_with("the leniency voucher-cose-cbor would accept it"), "{}", unknown.text());
    assert_eq!(scene.send_as(Format::Cms, "application/voucher-cms+json", Some(OLDER_COSE_TYPE)).status, 406);
    assert_eq!(scene.masa.asked(), 0);
}

#[test]
fn older_cose_type_is_answered_under_that_name() {
    let scene = Scene::of_old_cose();
    let reply = scene.send_as(Format::Cose, OLDER_COSE_TYPE, None);
    assert_eq!((reply.status, reply.header("content-type")), (200, Some(OLDER_COSE_TYPE)), "{}", reply.text_or_none());
    let reply = scene.send_as(Format::Cms, "application/voucher-cms+json", Some(OLDER_COSE_TYPE));
    assert_eq!((reply.status, reply.header("content-type")), (200, Some(OLDER_COSE_TYPE)));
}

#[test]
fn leniency_of_one_manufacturer_is_not_anothers() {
    let scene = Scene::of_old_cose();
    let stranger = World::new().pledge("JADA1");
    let headers = [("content-type", OLDER_COSE_TYPE)];
    assert_eq!(send(&scene.service, "POST", REQUEST_VOUCHER, &headers, b"x", stranger.peer()).status, 415);
    assert_eq!(send(&scene.service, "POST", REQUEST_VOUCHER, &headers, b"x", PeerCertificates::default()).status, 415);
    assert_eq!(send(&scene.service, "POST", REQUEST_VOUCHER, &headers, b"x", scene.pledge.peer()).status, 400);
}

#[test]
fn masas_406_ends_an_admission_unless_another_format_than_the_pledges_own_was_asked_for() {
    for (wanted, enrolled) in [(Format::Jws, 200), (Format::Cms, 403)] {
        let world = Arc::new(World::new());
        let pledge = world.pledge("JADA1");
        let (statement, inner) = (world.statement(&pledge, KeyMethod::Avocado, 0), world.clone());
        let first = Mutex::new(true);
        let masa = FakeMasa::new(move |request| match core::mem::take(&mut *first.lock().unwrap()) {
            true => {
                let voucher = inner.sign_voucher(&inner.voucher_for(&request.peek_unverified(Leniencies::default()).unwrap()));
                Ok(MasaAnswer::Vouched { voucher, statement: Some(statement.clone()), audit_log: Some(AuditLog::default()) })
            }
            false => Ok(MasaAnswer::Refused { status: 406, sentence: "the voucher cannot be expressed so".to_owned() }),
        });
        let service = RegistrarService::new(Arc::new(world.registrar(masa.clone(), Arc::new(MemoryPledges::new()))), LIMIT);
        let scene = Scene { world, pledge, masa, service };
        assert_eq!(scene.ask(&scene.request()).status, 200);
        let again = VoucherRequest { nonce: Some(Nonce::from_bytes(&[8; 16]).unwrap()), ..scene.request() };
        let refused = scene.send_octets(&scene.pledge.sign(&again), "application/voucher-cms+json", Some(wanted.voucher_media_type()));
        assert_eq!(refused.status, 406);
        assert_eq!(scene.enroll(&scene.pledge.csr(&key()), scene.pledge.peer()).status, enrolled, "{wanted:?}");
    }
}

pub(super) const OLDER_COSE_TYPE: &str = "application/voucher-cose+cbor";
