//! A domain whose issuing CA stands under a root: what is pinned, handed out and issued.

use std::sync::Arc;

use brski_common::issuing::Subject;
use brski_common::pledge::Enrolled;
use brski_common::{BoxFuture, Certificate, Leniencies, Method, PeerCertificates, Signed, Voucher, est};
use brski_registrar::approval::Person;
use brski_registrar::ca::FormerCa;
use brski_registrar::enroll::profile::NamePattern;
use brski_registrar::http::{CRL_PATH, DEFAULT_BODY_LIMIT, crl_path_of};
use brski_registrar::pledges::PledgeStore as _;
use brski_registrar::revocation::{Which, revoke};
use brski_registrar::trail::{CertificateId, RevocationReason};
use brski_registrar::{BuiltInCa, CertificateAuthority, IssueError, IssueOrder, Registrar, RegistrarService};

use crate::support::{Authority, Device, Onboarded, Owner, Reply, World, new_key, onboard, request, to_registrar};

/// A world whose owner has a root and an issuing CA below it, and a device.
async fn two_tiers() -> (World, Device) {
    let mut world = World::new().await;
    let ca = Authority::root("Orchard root CA").await.subordinate("Orchard domain CA").await;
    world.owner = Owner::found_under("Orchard", ca, &world.maker, &world.hand).await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    (world, device)
}

#[tokio::test]
async fn issuing_ca_is_pinned() {
    let (world, device) = two_tiers().await;
    let Onboarded::Enrolled { voucher, .. } = onboard(&device, &world.owner, &world.hand).await else { panic!("not enrolled") };
    let voucher: Signed<Voucher> = Signed::from_wire(device.format, voucher);
    let pinned = voucher.peek_unverified(Leniencies::default()).unwrap().pinned_domain_cert.unwrap();
    assert_eq!(pinned, world.owner.ca.chain[0]);
}

#[tokio::test]
async fn ldevid_leads_to_the_issuing_ca_and_renews() {
    let (world, device) = two_tiers().await;
    let member = onboard(&device, &world.owner, &world.hand).await.member();
    assert!(member.chain()[0].is_issued_by(&world.owner.ca.chain[0]));
    let again = world.owner.reenroll(&device.csr(&new_key()).await, &PeerCertificates(member.chain().to_vec())).await;
    assert_eq!(again.status, 200);
}

#[tokio::test]
async fn cacerts_hands_out_issuing_ca_and_root() {
    let (world, _) = two_tiers().await;
    let reply = to_registrar(&world.owner.service, request("GET", "/.well-known/est/cacerts", &[], "", &PeerCertificates::default())).await;
    let handed_out = est::read_certs_only(&est::from_body("reply", reply.ok(est::CERTS_ONLY)).unwrap()).unwrap();
    assert!(handed_out.len() == 2 && world.owner.ca.chain.iter().all(|ca| handed_out.contains(ca)));
}

#[tokio::test]
async fn ldevid_of_a_former_ca_is_renewed_by_the_present_one_if_the_owner_says_so() {
    let (mut world, device) = two_tiers().await;
    let member = onboard(&device, &world.owner, &world.hand).await.member();
    let former = world.owner.ca.certificate();
    let next = world.owner.ca.subordinate("Orchard domain CA 2").await;
    world.owner.parts.ca = Arc::new(BuiltInCa::new(next.chain.clone(), Arc::new(next.key.clone())).unwrap());
    world.owner.restart();
    let request = device.csr(&new_key()).await;
    let ldevid = PeerCertificates(member.chain().to_vec());
    world.owner.reenroll(&request, &ldevid).await.no(403);

    world.owner.parts.settings.former_cas = vec![former];
    world.owner.restart();
    let reply = world.owner.reenroll(&request, &ldevid).await;
    let issued = est::read_certs_only(&est::from_body("reply", reply.ok(est::CERTS_ONLY)).unwrap()).unwrap();
    assert!(issued[0].is_issued_by(&next.chain[0]));
}

#[tokio::test]
async fn csrattrs_tell_a_device_the_names_it_will_bear_and_nobody_else() {
    let (mut world, device) = two_tiers().await;
    world.owner.parts.settings.ldevid.names = vec![NamePattern::new("{serial}.devices.example").unwrap()];
    world.owner.restart();
    let mut told = Vec::new();
    for peer in [device.peer(), PeerCertificates::default()] {
        let reply = to_registrar(&world.owner.service, request("GET", "/.well-known/est/csrattrs", &[], "", &peer)).await;
        told.push(est::from_body("reply", reply.ok(est::CSR_ATTRS)).unwrap());
    }
    let names = vec!["A-1.devices.example".to_owned()];
    let expected =
        [est::CsrAttributes { names, ..est::CsrAttributes::default() }, est::CsrAttributes::default()].map(|attributes| attributes.to_der().unwrap());
    assert_eq!(told, expected);
}

/// The owner's CA from now on is another below the same root; the former one's LDevIDs can be renewed, and its key signs its list.
async fn succeed(world: &mut World, next: &Authority, ca: Arc<dyn CertificateAuthority>) {
    let owner = &mut world.owner;
    owner.parts.settings.former_cas = vec![owner.ca.certificate()];
    owner.parts.ca = ca;
    let former = FormerCa::new(owner.ca.certificate(), Arc::new(owner.ca.key.clone())).unwrap();
    owner.service = RegistrarService::new(Arc::new(Registrar::new(owner.parts.clone()).listing_for(vec![former])), DEFAULT_BODY_LIMIT);
    owner.ca = next.clone();
}

fn built_in(ca: &Authority) -> Arc<dyn CertificateAuthority> {
    Arc::new(BuiltInCa::new(ca.chain.clone(), Arc::new(ca.key.clone())).unwrap())
}

async fn renewed(world: &World, device: &Device, ldevid: &Certificate) -> Certificate {
    let reply = world.owner.reenroll(&device.csr(&new_key()).await, &PeerCertificates(vec![ldevid.clone()])).await;
    est::read_certs_only(&est::from_body("reply", reply.ok(est::CERTS_ONLY)).unwrap()).unwrap().remove(0)
}

async fn take_back(world: &World, device: &Device, ldevid: &Certificate) {
    let by = Person::new("jane", "stolen", world.hand.now());
    let which = Which::Exactly(CertificateId::of(ldevid));
    let revoked = revoke(&*world.owner.pledges, device.idevid().spki_digest(), &which, RevocationReason::KeyCompromise, &by).await.unwrap();
    assert_eq!(revoked.len(), 1);
}

async fn list(world: &World, path: &str) -> Reply {
    to_registrar(&world.owner.service, request("GET", path, &[], "", &PeerCertificates::default())).await
}

/// Which of these the list at a path names.
async fn named(world: &World, path: &str, ldevids: [&Certificate; 2]) -> [bool; 2] {
    let list = list(world, path).await.ok("application/pkix-crl").to_vec();
    ldevids.map(|ldevid| list.windows(ldevid.certificate_serial().len()).any(|octets| octets == ldevid.certificate_serial()))
}

fn member(enrolled: &Enrolled) -> Certificate {
    enrolled.chain()[0].clone()
}

#[tokio::test]
async fn list_of_each_ca_names_its_own_ldevids_alone() {
    let (mut world, device) = two_tiers().await;
    let first = member(&onboard(&device, &world.owner, &world.hand).await.member());
    let (former, next) = (world.owner.ca.certificate(), world.owner.ca.subordinate("Orchard domain CA 2").await);
    succeed(&mut world, &next, built_in(&next)).await;
    let second = renewed(&world, &device, &first).await;
    take_back(&world, &device, &first).await;
    take_back(&world, &device, &second).await;
    let both = [&first, &second];
    assert_eq!(named(&world, &crl_path_of(&former), both).await, [true, false]);
    assert_eq!(named(&world, &crl_path_of(&next.certificate()), both).await, [false, true]);
    assert_eq!(named(&world, CRL_PATH, both).await, [false, true]);
}

#[tokio::test]
async fn ca_without_a_key_here_has_no_list_here() {
    let (mut world, _) = two_tiers().await;
    let former = world.owner.ca.certificate();
    let next = world.owner.ca.subordinate("Orchard domain CA 2").await;
    world.owner.parts.ca = built_in(&next);
    world.owner.restart();
    for path in [crl_path_of(&former).as_str(), "/crl/.crl", "/crl/no-hex.crl"] {
        assert_eq!(list(&world, path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn ldevids_of_each_ca_lead_to_its_own_list() {
    let (mut world, device) = two_tiers().await;
    world.owner.parts.settings.ldevid.crl_url = Some("http://crl.example/crl/{issuer}.crl".to_owned());
    world.owner.restart();
    let first = member(&onboard(&device, &world.owner, &world.hand).await.member());
    let (former, next) = (world.owner.ca.certificate(), world.owner.ca.subordinate("Orchard domain CA 2").await);
    succeed(&mut world, &next, built_in(&next)).await;
    let second = renewed(&world, &device, &first).await;
    for (ldevid, ca) in [(first, former), (second, next.certificate())] {
        let url = format!("http://crl.example{}", crl_path_of(&ca));
        assert!(ldevid.der().windows(url.len()).any(|octets| octets == url.as_bytes()), "{url}");
        assert_eq!(list(&world, &crl_path_of(&ca)).await.status, 200);
    }
}

/// A CA that gives every certificate the number five.
struct Five(Authority);

impl CertificateAuthority for Five {
    fn issue<'a>(&'a self, order: IssueOrder) -> BoxFuture<'a, Result<Vec<Certificate>, IssueError>> {
        let subject = Subject::from_der(order.subject_der()).unwrap();
        let template = brski_common::issuing::Template::new(subject, order.public_key(), [5; 16], order.not_before(), order.not_after());
        Box::pin(async move { Ok(self.0.issue(template.usages(&["1.3.6.1.5.5.7.3.2"])).await) })
    }

    fn ca_certificates(&self) -> &[Certificate] {
        &self.0.chain
    }
}

#[tokio::test]
async fn ldevid_is_not_mistaken_for_another_cas_with_the_same_serial_number() {
    let (mut world, device) = two_tiers().await;
    world.owner.parts.ca = Arc::new(Five(world.owner.ca.clone()));
    world.owner.restart();
    let first = member(&onboard(&device, &world.owner, &world.hand).await.member());
    let next = world.owner.ca.subordinate("Orchard domain CA 2").await;
    succeed(&mut world, &next, Arc::new(Five(next.clone()))).await;
    let second = renewed(&world, &device, &first).await;
    assert_eq!(first.certificate_serial(), second.certificate_serial());
    take_back(&world, &device, &first).await;
    let refused = world.owner.reenroll(&device.csr(&new_key()).await, &PeerCertificates(vec![first])).await;
    refused.refused(403, "was revoked by its owner");
    renewed(&world, &device, &second).await;
    let file = world.owner.pledges.file(device.idevid().spki_digest()).await.unwrap().unwrap();
    assert_eq!(file.certificates.iter().map(|filed| filed.revoked.is_some()).collect::<Vec<_>>(), [true, false, false]);
}
