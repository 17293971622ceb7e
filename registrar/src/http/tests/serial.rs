//! A manufacturer that knows its devices by a part of the subject's serialNumber, from the voucher-request to the renewal.

use brski_common::SerialSource;
use brski_common::issuing::{Subject, Template, never};
use brski_common::time::at;
use brski_common::{IDevIdCert, SerialNumber, Signer as _};

use super::*;
use crate::testing::{NOW, now};
use crate::{Manufacturer, PledgeStore, Trust};

const SUBJECT: &str = "PID:C9300 SN:FOC1234";

/// A pledge whose subject says more than its serial number, as its manufacturer reads it.
fn pledge(world: &World) -> Pledge {
    let key = key();
    let subject = Subject::serial_number(&SerialNumber::new(SUBJECT).unwrap());
    let template = Template::new(subject, key.public_key(), [3; 16], at(NOW - 9), never()).masa_url("masa.example.com");
    Pledge { idevid: IDevIdCert::with_serial_from(world.idevid_ca.issue(template), SerialSource::SnOfPid).unwrap(), key }
}

fn scene(source: SerialSource, store: Arc<dyn PledgeStore>) -> Scene {
    let world = Arc::new(World::new());
    let pledge = pledge(&world);
    let (inner, statement) = (world.clone(), world.statement(&pledge, KeyMethod::Avocado, 0));
    let masa = FakeMasa::new(move |request| {
        let request = request.peek_unverified(Leniencies::default()).unwrap();
        let voucher = inner.sign_voucher(&inner.voucher_for(&request));
        Ok(MasaAnswer::Vouched { voucher, statement: Some(statement.clone()), audit_log: Some(AuditLog::default()) })
    });
    let trust = Trust::new([Manufacturer { serial_source: source, ..world.manufacturer() }]);
    let registrar = world.registrar_trusting(trust, masa.clone(), store);
    Scene { service: RegistrarService::new(Arc::new(registrar), LIMIT), world, pledge, masa }
}

#[test]
fn pledge_known_by_a_part_of_its_subject_is_enrolled_and_renewed_under_the_whole() {
    let store = Arc::new(MemoryPledges::new());
    let scene = scene(SerialSource::SnOfPid, store.clone());
    assert_eq!(scene.request().serial_number.as_str(), "FOC1234");
    let voucher = scene.ask(&scene.request());
    assert_eq!(voucher.status, 200, "{}", voucher.text_or_none());
    let admission = block_on(store.find(scene.pledge.idevid.spki_digest())).unwrap().unwrap();
    assert_eq!(admission.device().serial.as_str(), "FOC1234");

    let enrolled = scene.enroll(&scene.pledge.csr(&key()), scene.pledge.peer());
    assert_eq!(enrolled.status, 200, "{}", enrolled.text_or_none());
    let ldevid = certificates(&enrolled);
    assert_eq!(ldevid[0].serial_number(), Some(SerialNumber::new(SUBJECT).unwrap()));
    let body = est::to_body(&scene.pledge.csr(&key()));
    let renewed = send(&scene.service, "POST", "/.well-known/est/simplereenroll", &[CSR], &body, PeerCertificates(ldevid));
    assert_eq!(renewed.status, 200, "{}", renewed.text_or_none());
}

#[test]
fn request_under_the_whole_subject_is_told_the_serial_number_that_the_masa_knows() {
    let scene = scene(SerialSource::SnOfPid, Arc::new(MemoryPledges::new()));
    let request = VoucherRequest { serial_number: SerialNumber::new(SUBJECT).unwrap(), ..scene.request() };
    let reply = scene.ask(&request);
    assert_eq!((reply.status, reply.text().contains("FOC1234")), (403, true), "{}", reply.text());
    assert_eq!(scene.masa.asked(), 0);
}

#[test]
fn without_the_profiles_word_the_whole_subject_is_the_serial_number() {
    let scene = scene(SerialSource::SerialNumber, Arc::new(MemoryPledges::new()));
    assert_eq!(scene.ask(&scene.request()).status, 403);
}

#[test]
fn subject_of_another_form_is_no_idevid_of_such_a_manufacturer() {
    let world = World::new();
    for serial in ["FOC1234", "PID: SN:FOC1234", "PID:C9300 SN:", "PID:C9300 SN:A SN:B", "SN:FOC1234 PID:C9300"] {
        let certificate = world.pledge(serial).idevid.certificate().clone();
        assert!(IDevIdCert::with_serial_from(certificate, SerialSource::SnOfPid).is_err(), "{serial}");
    }
}

#[cfg(feature = "sqlite")]
#[test]
fn store_on_disk_reads_the_serial_number_back_as_it_was() {
    let scratch = crate::pledges::Scratch::new();
    let store = Arc::new(crate::SqlitePledges::open(scratch.file()).unwrap());
    let scene = scene(SerialSource::SnOfPid, store.clone());
    assert_eq!(scene.ask(&scene.request()).status, 200);
    let admission = block_on(store.find(scene.pledge.idevid.spki_digest())).unwrap().unwrap();
    assert_eq!(admission.device(), scene.pledge.idevid.device());
    assert_eq!(admission.admitted_at(), now());
}
