//! What becomes of an LDevID while the CA is at work.

use super::*;

/// A CA that needs time for the first request, refuses the second, and issues the third.
struct Slow {
    inner: Arc<dyn CertificateAuthority>,
    asked: Mutex<u32>,
}

impl CertificateAuthority for Slow {
    fn issue<'a>(&'a self, order: IssueOrder) -> BoxFuture<'a, Result<Vec<Certificate>, IssueError>> {
        let mut asked = self.asked.lock().unwrap();
        *asked += 1;
        match *asked {
            1 => Box::pin(core::future::ready(Err(IssueError::Later(Duration::from_secs(7))))),
            2 => Box::pin(core::future::ready(Err(IssueError::Refused("not today".to_owned())))),
            _ => self.inner.issue(order),
        }
    }

    fn ca_certificates(&self) -> &[Certificate] {
        self.inner.ca_certificates()
    }
}

#[tokio::test]
async fn ca_that_needs_time_is_waited_for_and_one_that_refuses_is_in_the_trail() {
    let mut world = World::new().await;
    let (device, member) = enrolled(&world).await;
    world.owner.parts.ca = Arc::new(Slow { inner: world.owner.parts.ca.clone(), asked: Mutex::default() });
    world.owner.restart();
    let request = device.csr(&new_key()).await;
    let waits = world.owner.reenroll(&request, &ldevid(&member)).await;
    waits.refused(202, "the certification authority has not issued yet");
    assert_eq!(waits.header("retry-after"), Some("7"));
    assert!(matches!(last_event(&world).await.what, What::Deferred { .. }));
    world.owner.reenroll(&request, &ldevid(&member)).await.refused(502, "the certification authority did not issue");
    let What::NotIssued { sentence, .. } = last_event(&world).await.what else { panic!() };
    assert_eq!(sentence, "the certification authority refused: not today");
    assert_eq!(certificate_of(&world.owner.reenroll(&request, &ldevid(&member)).await).public_key(), *Csr::from_der(&request).unwrap().public_key());
}

#[tokio::test]
async fn device_with_a_hundred_ldevids_in_use_gets_no_other_until_one_is_revoked() {
    let world = World::new().await;
    let (device, member) = enrolled(&world).await;
    for _ in 1..100 {
        renew(&world, &device, &member).await.ok(est::CERTS_ONLY);
    }
    renew(&world, &device, &member).await.refused(403, "the device has 100 LDevIDs that are neither expired nor revoked");
    let file = world.owner.pledges.file(device.idevid().spki_digest()).await.unwrap().unwrap();
    take_back(&world, &device, &Which::One(file.certificates[50].certificate.serial.clone())).await.unwrap();
    assert_eq!(renew(&world, &device, &member).await.status, 200);
}

/// A CA during whose work the owner decides against the device.
struct Overtaken {
    inner: Arc<dyn CertificateAuthority>,
    pledges: Arc<dyn PledgeStore>,
    device: SpkiDigest,
    by: Person,
    /// Whether the device is refused rather than its LDevIDs revoked.
    refuses: bool,
}

impl CertificateAuthority for Overtaken {
    fn issue<'a>(&'a self, order: IssueOrder) -> BoxFuture<'a, Result<Vec<Certificate>, IssueError>> {
        Box::pin(async move {
            let issued = self.inner.issue(order).await;
            match self.refuses {
                true => {
                    let file = self.pledges.file(self.device).await.unwrap().unwrap();
                    let what = What::Disapproved { by: self.by.clone(), question: None };
                    self.pledges.note(Event { at: self.by.at, pledge: Some(file.pledge), what }).await.unwrap();
                }
                false => drop(revoke(&*self.pledges, self.device, &Which::Current, RevocationReason::KeyCompromise, &self.by).await.unwrap()),
            }
            issued
        })
    }

    fn ca_certificates(&self) -> &[Certificate] {
        self.inner.ca_certificates()
    }
}

#[tokio::test]
async fn ldevid_that_the_owners_no_overtakes_is_withheld_and_revoked() {
    for (refuses, renews, words) in [
        (true, false, "its owner decided against it"),
        (true, true, "its owner decided against it"),
        (false, false, "request a voucher first"),
        (false, true, "was revoked by its owner"),
    ] {
        let mut world = World::new().await;
        let (device, member) = enrolled(&world).await;
        let (inner, pledges) = (world.owner.parts.ca.clone(), world.owner.parts.pledges.clone());
        world.owner.parts.ca = Arc::new(Overtaken { inner, pledges, device: device.idevid().spki_digest(), by: jane(&world), refuses });
        world.owner.restart();
        let request = device.csr(&new_key()).await;
        let reply = match renews {
            true => world.owner.reenroll(&request, &ldevid(&member)).await,
            false => world.owner.enroll(&request, &device.peer()).await,
        };
        reply.refused(403, words);
        let file = world.owner.pledges.file(device.idevid().spki_digest()).await.unwrap().unwrap();
        let revoked: Vec<_> = file.certificates.iter().map(|filed| filed.revoked.is_some()).collect();
        assert_eq!(revoked, [!refuses, true]);
    }
}
