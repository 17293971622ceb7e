//! What a MASA says at a renewal, does not say, or said before.

use brski_registrar::desk::{self, Pick};

use super::*;

/// What is known of a key while a MASA is asked by others, or says nothing.
struct Says(Box<Word>);

type Word = dyn Fn(&MasaUrl) -> Result<Option<Signed<ProvenanceStatement>>, MasaClientError> + Send + Sync;

impl MasaClient for Says {
    fn request_voucher<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<MasaAnswer, MasaClientError>> {
        let asking = MasaClientError::Asking { url: question.url.clone(), wait: Duration::from_secs(5) };
        Box::pin(core::future::ready(Err(asking)))
    }

    fn request_statement<'a>(
        &'a self,
        _: &'a Manufacturer,
        url: &'a MasaUrl,
        _: &'a Signed<VoucherRequest>,
    ) -> BoxFuture<'a, Result<Option<Signed<ProvenanceStatement>>, MasaClientError>> {
        Box::pin(core::future::ready(self.0(url)))
    }
}

fn asking(url: &MasaUrl) -> Result<Option<Signed<ProvenanceStatement>>, MasaClientError> {
    Err(MasaClientError::Asking { url: url.clone(), wait: Duration::from_secs(5) })
}

#[tokio::test]
async fn renewal_waits_for_the_worker_and_is_in_the_trail_once() {
    let mut world = World::new().await;
    let (device, member) = enrolled(&world).await;
    world.owner.parts.masa = Arc::new(Says(Box::new(asking)));
    world.owner.restart();
    let request = device.csr(&new_key()).await;
    world.owner.reenroll(&request, &ldevid(&member)).await.refused(202, "the MASA is being asked");
    assert!(matches!(last_event(&world).await.what, What::Deferred { .. }));
    let size = world.owner.pledges.head().await.unwrap().size;
    world.owner.reenroll(&request, &ldevid(&member)).await.no(202);
    assert_eq!(world.owner.pledges.head().await.unwrap().size, size);
}

#[tokio::test]
async fn recheck_tells_what_the_worker_does_not_know_yet_from_a_no() {
    let mut world = World::new().await;
    let (device, _) = enrolled(&world).await;
    world.owner.parts.masa = Arc::new(Says(Box::new(asking)));
    let rechecked = Registrar::new(world.owner.parts.clone()).recheck(device.idevid().spki_digest()).await.unwrap().unwrap();
    assert!(matches!(rechecked.standing, Standing::NotYet(_)));
}

#[tokio::test]
async fn silence_of_a_manufacturer_that_spoke_renews_only_where_its_word_is_not_required() {
    for (demand, status) in [(Requirement::Required, 202), (Requirement::Optional, 200)] {
        let mut world = World::new().await;
        let (device, member) = enrolled(&world).await;
        world.owner.parts.masa = Arc::new(Says(Box::new(|_| Ok(None))));
        with(&mut world, |settings| settings.statement_at_renewal = demand);
        assert_eq!(renew(&world, &device, &member).await.status, status);
    }
}

#[tokio::test]
async fn masa_that_cannot_be_trusted_or_understood_renews_nobody() {
    let untrusted = |url: &MasaUrl| Err(MasaClientError::Untrusted { url: url.clone(), source: "no path to an anchor".into() });
    let nonsense = |url: &MasaUrl| Err(MasaClientError::BadAnswer { url: url.clone(), detail: "too long".to_owned(), source: None });
    for says in [Says(Box::new(untrusted)), Says(Box::new(nonsense))] {
        let mut world = World::new().await;
        let (device, member) = enrolled(&world).await;
        world.owner.parts.masa = Arc::new(says);
        world.owner.restart();
        assert_eq!(renew(&world, &device, &member).await.status, 502);
    }
}

#[tokio::test]
async fn statement_from_before_the_admission_renews_nobody() {
    let mut world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let statement = Masa::new(world.maker.parts.clone()).statement_for(device.idevid().device(), Disclosure::Public).await.unwrap().unwrap();
    mark(&world, &device, Status::Disputed).await;
    mark(&world, &device, Status::Valid).await;
    let member = onboard(&device, &world.owner, &world.hand).await.member();
    world.owner.parts.masa = Arc::new(Says(Box::new(move |_| Ok(Some(statement.clone())))));
    world.owner.restart();
    renew(&world, &device, &member).await.refused(406, "of what its manufacturer says of the key it is number 0, issued at ");
}

/// A member that a person refused afterwards, of an owner who revokes on what is disputed.
async fn refused() -> (World, Device, Enrolled) {
    let mut world = World::new().await;
    let (device, member) = enrolled(&world).await;
    with(&mut world, |settings| settings.revoke_on = vec![Status::Disputed]);
    let file = world.owner.pledges.file(device.idevid().spki_digest()).await.unwrap().unwrap();
    desk::refuse(&*world.owner.pledges, &Pick::of(&file), jane(&world)).await.unwrap();
    (world, device, member)
}

async fn has_lost_its_ldevids(world: &World, device: &Device) -> bool {
    let file = world.owner.pledges.file(device.idevid().spki_digest()).await.unwrap().unwrap();
    file.certificates.iter().all(|filed| filed.revoked.is_some())
}

#[tokio::test]
async fn member_that_a_person_refused_loses_its_ldevids_by_its_manufacturers_word_all_the_same() {
    let (world, device, member) = refused().await;
    renew(&world, &device, &member).await.refused(403, "its owner decided against it");
    assert!(!has_lost_its_ldevids(&world, &device).await);
    mark(&world, &device, Status::Disputed).await;
    renew(&world, &device, &member).await.refused(403, "its owner decided against it");
    assert!(has_lost_its_ldevids(&world, &device).await);
}

#[tokio::test]
async fn member_that_a_person_refused_loses_its_ldevids_at_the_door_for_idevids_as_well() {
    let (world, device, _) = refused().await;
    mark(&world, &device, Status::Disputed).await;
    let request = device.csr(&crate::support::new_key()).await;
    world.owner.enroll(&request, &device.peer()).await.refused(403, "its owner decided against it");
    assert!(has_lost_its_ldevids(&world, &device).await);
}

#[tokio::test]
async fn recheck_of_a_member_that_a_person_refused_revokes_by_its_manufacturers_word() {
    let (world, device, _) = refused().await;
    mark(&world, &device, Status::Disputed).await;
    let rechecked = Registrar::new(world.owner.parts.clone()).recheck(device.idevid().spki_digest()).await.unwrap().unwrap();
    assert!(matches!(&rechecked.standing, Standing::Declined(declined) if declined.refusal.to_string().contains("its owner decided against it")));
    assert_eq!(rechecked.revoked.len(), 1);
}

#[tokio::test]
async fn member_that_a_person_refused_is_refused_while_its_masa_is_down_and_a_recheck_says_that_it_is_not_known() {
    let (world, device, member) = refused().await;
    world.owner.masa.set(Mood::Down);
    renew(&world, &device, &member).await.refused(403, "its owner decided against it");
    let rechecked = Registrar::new(world.owner.parts.clone()).recheck(device.idevid().spki_digest()).await.unwrap().unwrap();
    assert!(matches!(rechecked.standing, Standing::Unknown(_)));
}

#[tokio::test]
async fn statement_on_record_that_cannot_be_read_is_a_damaged_store_and_renews_nobody() {
    for octets in ["no base64", "AAAA"] {
        let world = World::new().await;
        let (device, member) = enrolled(&world).await;
        let file = world.owner.pledges.file(device.idevid().spki_digest()).await.unwrap().unwrap();
        let what = What::Stated { statement: octets.to_owned(), seq: 7, issued_at: None, status: Status::Compromised };
        world.owner.pledges.note(Event { at: world.hand.now(), pledge: Some(file.pledge), what }).await.unwrap();
        assert_eq!(renew(&world, &device, &member).await.status, 500);
        let damaged = Registrar::new(world.owner.parts.clone()).recheck(device.idevid().spki_digest()).await.unwrap_err();
        let told = brski_common::text::in_full(&damaged);
        assert!(told.contains("what the manufacturer of A-1 said of its key since its admission cannot be read"), "{told}");
    }
}
