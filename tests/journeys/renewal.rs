//! An LDevID is renewed on what its manufacturer says today, under the policy of today, or not at all.

mod authority;
mod words;

use core::time::Duration;
use std::sync::{Arc, Mutex};

use brski_common::issuing::Subject;
use brski_common::pledge::Enrolled;
use brski_common::provenance::{Disclosure, Status, Text};
use brski_common::{BoxFuture, Certificate, Csr, MasaUrl, Method, PeerCertificates, Policy, ProvenanceStatement, Signed, SpkiDigest, VoucherRequest, est};
use brski_masa::Masa;
use brski_masa::ledger::Scope;
use brski_registrar::approval::Person;
use brski_registrar::masa_client::Question;
use brski_registrar::registrar::Standing;
use brski_registrar::revocation::{RevocationError, Which, revoke};
use brski_registrar::trail::{Event, IssuedCertificate, RevocationReason, State, What};
use brski_registrar::trust::Manufacturer;
use brski_registrar::{CertificateAuthority, IssueError, IssueOrder, MasaAnswer, MasaClient, MasaClientError, PledgeStore, Registrar, Requirement, Settings};

use crate::support::{Device, Mood, Reply, World, new_key, onboard, request, to_registrar};

/// A device that was admitted and enrolled.
async fn enrolled(world: &World) -> (Device, Enrolled) {
    let device = world.maker.make("A-1", Method::Avocado).await;
    let member = onboard(&device, &world.owner, &world.hand).await.member();
    (device, member)
}

fn ldevid(member: &Enrolled) -> PeerCertificates {
    PeerCertificates(member.chain().to_vec())
}

async fn renew(world: &World, device: &Device, member: &Enrolled) -> Reply {
    world.owner.reenroll(&device.csr(&new_key()).await, &ldevid(member)).await
}

async fn mark(world: &World, device: &Device, status: Status) {
    let text = |text| Text::new(text).unwrap();
    let scope = Scope::Device(device.idevid().device().clone());
    Masa::new(world.maker.parts.clone()).mark(scope, status, text("its key was copied"), text("jane")).await.unwrap();
}

/// A registrar with other settings over the same store.
fn with(world: &mut World, change: impl FnOnce(&mut Settings)) {
    change(&mut world.owner.parts.settings);
    world.owner.restart();
}

fn jane(world: &World) -> Person {
    Person::new("jane", "stolen", world.hand.now())
}

async fn take_back(world: &World, device: &Device, which: &Which) -> Result<Vec<String>, RevocationError> {
    let revoked = revoke(&*world.owner.pledges, device.idevid().spki_digest(), which, RevocationReason::KeyCompromise, &jane(world)).await;
    Ok(revoked?.into_iter().map(|certificate| certificate.serial).collect())
}

async fn last_event(world: &World) -> Event {
    let size = world.owner.pledges.head().await.unwrap().size;
    serde_json::from_slice(&world.owner.pledges.events(size - 1, 1).await.unwrap()[0]).unwrap()
}

async fn state(world: &World, device: &Device) -> State {
    world.owner.pledges.file(device.idevid().spki_digest()).await.unwrap().unwrap().state
}

fn certificate_of(reply: &Reply) -> Certificate {
    est::read_certs_only(&est::from_body("reply", reply.ok(est::CERTS_ONLY)).unwrap()).unwrap().remove(0)
}

#[tokio::test]
async fn device_whose_manufacturer_stands_by_it_is_renewed() {
    let world = World::new().await;
    let (device, member) = enrolled(&world).await;
    assert_eq!(certificate_of(&renew(&world, &device, &member).await).serial_number(), Some(device.serial()));
    assert!(matches!(last_event(&world).await.what, What::Issued { renewal: true, decision: Some(_), .. }));
}

#[tokio::test]
async fn device_that_its_manufacturer_takes_back_is_not_renewed_and_hears_why() {
    for (status, words) in [(Status::Disputed, "its manufacturer disputes the record behind it"), (Status::Compromised, "marked the key as compromised")] {
        let world = World::new().await;
        let (device, member) = enrolled(&world).await;
        mark(&world, &device, status).await;
        renew(&world, &device, &member).await.refused(406, words);
        assert!(matches!(last_event(&world).await.what, What::NotIssued { renewal: true, .. }));
        assert_eq!(state(&world, &device).await, State::Enrolled);
    }
}

#[tokio::test]
async fn policy_that_changed_since_decides_about_the_renewal() {
    let mut world = World::new().await;
    let (device, member) = enrolled(&world).await;
    world.owner.parts.policy = Policy::from_toml("version = 1\n[[rule]]\nname = \"elements-alone\"\nmethod = [\"salak\"]\nthen = \"accept\"\n").unwrap();
    world.owner.restart();
    renew(&world, &device, &member).await.refused(406, "accepted: salak");
}

#[tokio::test]
async fn device_is_renewed_on_the_statement_kept_while_its_masa_is_down() {
    let world = World::new().await;
    let (device, member) = enrolled(&world).await;
    world.owner.masa.set(Mood::Down);
    assert_eq!(renew(&world, &device, &member).await.status, 200);
}

#[tokio::test]
async fn what_its_manufacturer_took_back_is_not_forgotten_while_its_masa_is_down() {
    for (status, words) in [(Status::Disputed, "disputes the record"), (Status::Compromised, "as compromised")] {
        let world = World::new().await;
        let (device, member) = enrolled(&world).await;
        mark(&world, &device, status).await;
        renew(&world, &device, &member).await.refused(406, words);
        world.owner.masa.set(Mood::Down);
        renew(&world, &device, &member).await.refused(406, words);
        // The IDevID does not get round it.
        let peer = PeerCertificates(device.chain.clone());
        world.owner.enroll(&device.csr(&new_key()).await, &peer).await.refused(406, words);
    }
}

#[tokio::test]
async fn what_a_recheck_heard_counts_while_the_masa_is_down_even_if_nothing_was_to_be_revoked() {
    let world = World::new().await;
    let (device, member) = enrolled(&world).await;
    mark(&world, &device, Status::Disputed).await;
    let registrar = Registrar::new(world.owner.parts.clone());
    for _ in 0..2 {
        assert!(matches!(registrar.recheck(device.idevid().spki_digest()).await.unwrap().unwrap().standing, Standing::Declined(_)));
    }
    assert!(matches!(last_event(&world).await.what, What::Stated { status: Status::Disputed, .. }));
    let size = world.owner.pledges.head().await.unwrap().size;
    world.owner.masa.set(Mood::Down);
    renew(&world, &device, &member).await.refused(406, "disputes the record");
    // Twice the same is nothing new: one more event is the refusal.
    assert_eq!(world.owner.pledges.head().await.unwrap().size, size + 1);
    let told = world.owner.pledges.history(device.idevid().spki_digest(), 100).await.unwrap();
    assert_eq!(told.iter().filter(|(_, event)| matches!(event.what, What::Stated { .. })).count(), 1);
}

#[tokio::test]
async fn device_that_its_manufacturer_stands_by_again_is_renewed_while_its_masa_is_down() {
    let world = World::new().await;
    let (device, member) = enrolled(&world).await;
    for (status, expected) in [(Status::Disputed, 406), (Status::Valid, 200)] {
        mark(&world, &device, status).await;
        assert_eq!(renew(&world, &device, &member).await.status, expected);
    }
    world.owner.masa.set(Mood::Down);
    assert_eq!(renew(&world, &device, &member).await.status, 200);
}

#[tokio::test]
async fn device_waits_for_its_masa_where_todays_statement_is_required() {
    let mut world = World::new().await;
    let (device, member) = enrolled(&world).await;
    with(&mut world, |settings| settings.statement_at_renewal = Requirement::Required);
    let request = device.csr(&new_key()).await;
    for mood in [Mood::Down, Mood::Silent] {
        world.owner.masa.set(mood);
        let reply = world.owner.reenroll(&request, &ldevid(&member)).await;
        reply.refused(202, "the device's MASA cannot be asked at the moment");
        assert_eq!(reply.header("retry-after"), Some("60"));
    }
    world.owner.masa.set(Mood::Up);
    assert_eq!(world.owner.reenroll(&request, &ldevid(&member)).await.status, 200);
}

#[tokio::test]
async fn renewal_that_waits_is_in_the_trail_once() {
    let mut world = World::new().await;
    let (device, member) = enrolled(&world).await;
    with(&mut world, |settings| settings.statement_at_renewal = Requirement::Required);
    world.owner.masa.set(Mood::Down);
    let request = device.csr(&new_key()).await;
    world.owner.reenroll(&request, &ldevid(&member)).await.no(202);
    let size = world.owner.pledges.head().await.unwrap().size;
    world.owner.reenroll(&request, &ldevid(&member)).await.no(202);
    assert_eq!(world.owner.pledges.head().await.unwrap().size, size);
}

#[tokio::test]
async fn renewal_that_the_policy_holds_is_issued_once_somebody_approves() {
    let mut world = World::new().await;
    let (device, member) = enrolled(&world).await;
    world.owner.parts.policy = Policy::from_toml("version = 1\n[[rule]]\nname = \"ask\"\nmethod = [\"avocado\"]\nthen = \"hold\"\n").unwrap();
    world.owner.restart();
    let request = device.csr(&new_key()).await;
    world.owner.reenroll(&request, &ldevid(&member)).await.no(202);
    let key = device.idevid().spki_digest();
    let file = world.owner.pledges.file(key).await.unwrap().unwrap();
    assert_eq!(file.state, State::Held);
    let what = What::Approved { held: file.held.unwrap(), by: jane(&world), needed: None, question: None };
    world.owner.pledges.note(Event { at: world.hand.now(), pledge: Some(file.pledge), what }).await.unwrap();
    assert_eq!(world.owner.reenroll(&request, &ldevid(&member)).await.status, 200);
}

#[tokio::test]
async fn renewal_that_nobody_decides_about_ends_after_four_days() {
    let mut world = World::new().await;
    let (device, member) = enrolled(&world).await;
    world.owner.parts.policy = Policy::from_toml("version = 1\n[[rule]]\nname = \"ask\"\nmethod = [\"avocado\"]\nthen = \"hold\"\n").unwrap();
    world.owner.restart();
    let request = device.csr(&new_key()).await;
    world.owner.reenroll(&request, &ldevid(&member)).await.no(202);
    world.hand.advance(Duration::from_secs(4 * 86_400));
    world.owner.reenroll(&request, &ldevid(&member)).await.refused(403, "nobody decided within four days");
    let size = world.owner.pledges.head().await.unwrap().size;
    world.owner.reenroll(&request, &ldevid(&member)).await.refused(403, "nobody decided within four days");
    assert_eq!(world.owner.pledges.head().await.unwrap().size, size);
}

#[tokio::test]
async fn revoked_ldevid_neither_renews_nor_reports() {
    let world = World::new().await;
    let (device, member) = enrolled(&world).await;
    let revoked = take_back(&world, &device, &Which::Current).await.unwrap();
    let words = format!("the LDevID with serial number {} was revoked by its owner", revoked[0]);
    renew(&world, &device, &member).await.refused(403, &words);
    let report = br#"{"version":1,"status":true}"#.to_vec();
    world.owner.post("brski/enrollstatus", "application/json", report, &ldevid(&member)).await.refused(403, &words);
    assert_eq!(state(&world, &device).await, State::Revoked);
}

#[tokio::test]
async fn device_whose_ldevid_was_revoked_enrolls_anew_with_its_idevid() {
    let world = World::new().await;
    let (device, _) = enrolled(&world).await;
    take_back(&world, &device, &Which::Current).await.unwrap();
    onboard(&device, &world.owner, &world.hand).await.succeeded();
    assert_eq!(state(&world, &device).await, State::Enrolled);
}

#[tokio::test]
async fn device_whose_ldevid_was_revoked_does_not_enroll_on_its_old_admission() {
    let world = World::new().await;
    let (device, _) = enrolled(&world).await;
    take_back(&world, &device, &Which::Current).await.unwrap();
    world.owner.enroll(&device.csr(&new_key()).await, &device.peer()).await.refused(403, "request a voucher first");
    assert_eq!(state(&world, &device).await, State::Revoked);
}

#[tokio::test]
async fn device_that_lost_one_of_two_ldevids_does_not_enroll_on_its_old_admission() {
    let world = World::new().await;
    let (device, member) = enrolled(&world).await;
    let other = certificate_of(&renew(&world, &device, &member).await);
    world.hand.advance(Duration::from_secs(1));
    take_back(&world, &device, &Which::One(IssuedCertificate::of(&other).serial)).await.unwrap();
    world.owner.enroll(&device.csr(&new_key()).await, &device.peer()).await.refused(403, "request a voucher first");
    assert_eq!(renew(&world, &device, &member).await.status, 200);
}

#[tokio::test]
async fn device_that_its_manufacturer_takes_back_does_not_get_round_that_with_its_idevid() {
    let world = World::new().await;
    let (device, _) = enrolled(&world).await;
    mark(&world, &device, Status::Compromised).await;
    world.hand.advance(Duration::from_secs(86_400));
    world.owner.enroll(&device.csr(&new_key()).await, &device.peer()).await.refused(406, "marked the key as compromised");
}

#[tokio::test]
async fn device_enrolls_again_with_its_idevid_while_its_manufacturer_stands_by_it() {
    let world = World::new().await;
    let (device, _) = enrolled(&world).await;
    world.hand.advance(Duration::from_secs(86_400));
    assert_eq!(world.owner.enroll(&device.csr(&new_key()).await, &device.peer()).await.status, 200);
    assert!(matches!(last_event(&world).await.what, What::Issued { renewal: false, decision: Some(_), .. }));
}

#[tokio::test]
async fn ldevid_is_revoked_by_its_serial_number_in_whatever_spelling() {
    let world = World::new().await;
    let (device, member) = enrolled(&world).await;
    let serial: Vec<String> = member.chain()[0].certificate_serial().iter().map(|octet| format!("{octet:02X}")).collect();
    assert_eq!(take_back(&world, &device, &Which::One(serial.join(":"))).await.unwrap(), [serial.concat().to_ascii_lowercase()]);
}

#[tokio::test]
async fn what_is_revoked_already_cannot_be_revoked_again() {
    let world = World::new().await;
    let (device, _) = enrolled(&world).await;
    take_back(&world, &device, &Which::Current).await.unwrap();
    assert!(matches!(take_back(&world, &device, &Which::Current).await, Err(RevocationError::NothingToRevoke(serial)) if serial == "A-1"));
}

#[tokio::test]
async fn word_of_a_manufacturer_revokes_only_where_the_owner_wants_it() {
    for (revoke_on, expected) in [(Vec::new(), State::Enrolled), (vec![Status::Disputed], State::Revoked)] {
        let mut world = World::new().await;
        let (device, member) = enrolled(&world).await;
        with(&mut world, |settings| settings.revoke_on = revoke_on);
        mark(&world, &device, Status::Disputed).await;
        renew(&world, &device, &member).await.refused(406, "disputes");
        assert_eq!(state(&world, &device).await, expected);
    }
}

#[tokio::test]
async fn recheck_tells_who_would_not_be_renewed_and_revokes_if_that_is_wanted() {
    let mut world = World::new().await;
    let (device, _) = enrolled(&world).await;
    world.owner.parts.settings.revoke_on = vec![Status::Compromised];
    let registrar = Registrar::new(world.owner.parts.clone());
    let key = device.idevid().spki_digest();
    assert!(matches!(registrar.recheck(key).await.unwrap().unwrap().standing, Standing::Accepted(reappraised) if reappraised.decision().rule == "made-inside"));
    mark(&world, &device, Status::Compromised).await;
    let rechecked = registrar.recheck(key).await.unwrap().unwrap();
    assert!(matches!(&rechecked.standing, Standing::Declined(declined) if declined.refusal.to_string().contains("compromised")));
    assert_eq!((rechecked.revoked.len(), state(&world, &device).await), (1, State::Revoked));
}

#[tokio::test]
async fn recheck_does_not_take_silence_for_a_yes() {
    let world = World::new().await;
    let (device, _) = enrolled(&world).await;
    world.owner.masa.set(Mood::Down);
    let rechecked = Registrar::new(world.owner.parts.clone()).recheck(device.idevid().spki_digest()).await.unwrap().unwrap();
    assert!(matches!(rechecked.standing, Standing::Unknown(_)));
}

async fn crl(world: &World) -> Vec<u8> {
    let anonymous = PeerCertificates::default();
    to_registrar(&world.owner.service, request("GET", "/crl/ldevid.crl", &[], "", &anonymous)).await.ok("application/pkix-crl").to_vec()
}

fn names(crl: &[u8], certificate: &str) -> bool {
    crl.iter().map(|octet| format!("{octet:02x}")).collect::<String>().contains(certificate)
}

#[tokio::test]
async fn crl_is_for_everybody_and_names_a_revoked_ldevid_at_once() {
    let world = World::new().await;
    let (device, _) = enrolled(&world).await;
    let before = crl(&world).await;
    let revoked = take_back(&world, &device, &Which::Current).await.unwrap();
    let after = crl(&world).await;
    assert!(!names(&before, &revoked[0]) && names(&after, &revoked[0]));
}

#[tokio::test]
async fn crl_is_made_anew_only_when_something_changes_or_half_its_time_is_over() {
    let world = World::new().await;
    let first = crl(&world).await;
    drop(enrolled(&world).await);
    world.hand.advance(Duration::from_secs(3 * 86_400));
    assert_eq!(crl(&world).await, first);
    world.hand.advance(Duration::from_secs(86_400));
    assert_ne!(crl(&world).await, first);
}

#[tokio::test]
async fn request_named_otherwise_is_certified_in_the_name_of_the_idevid() {
    let world = World::new().await;
    let (device, member) = enrolled(&world).await;
    let key = new_key();
    let subject = Subject::serial_number(&device.serial()).and_common_name("core");
    let request = brski_common::csr::request(&subject.to_der(), &key).await.unwrap();
    let issued = certificate_of(&world.owner.reenroll(&request, &ldevid(&member)).await);
    assert_eq!(issued.subject_der(), device.chain[0].subject_der());
}

#[tokio::test]
async fn server_side_key_generation_is_refused_with_the_way_that_is_open() {
    let world = World::new().await;
    let (_, member) = enrolled(&world).await;
    let reply = world.owner.post("est/serverkeygen", est::PKCS10, Vec::new(), &ldevid(&member)).await;
    reply.refused(501, "a pledge makes its own and sends a certification request to simpleenroll");
}
