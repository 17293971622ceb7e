//! Two product lines of one manufacturer, with CAs and keys of their own, whose devices have the same serial numbers.

use brski_common::provenance::{Disclosure, Lock};
use brski_common::{Anchors, Method, SigningParty, Verified, Voucher};
use brski_masa::{Devices, Levels, OriginDefaults, ProductLine, ProductLines, VoucherSigners};
use brski_registrar::{Manufacturer as Profile, Trust};

use crate::support::{Authority, Device, Onboarded, World, new_key, onboard, origin};

/// The manufacturer's other devices come from its `plant`; pumps have a plant of their own.
struct Scene {
    world: World,
    pumps: Authority,
    profiles: [Profile; 2],
}

impl Scene {
    async fn new() -> Self {
        let mut world = World::new().await;
        let pumps = Authority::root("Pump IDevID root").await.subordinate("Pump plant").await;
        let voucher = Authority::root("Pump voucher CA").await.party("Pump voucher signer", &[]).await;
        let provenance = Authority::root("Pump provenance CA").await.party("Pump provenance signer", &[]).await;
        let issuer = brski_common::KeyIdentifier::new(pumps.certificate().subject_key_id().unwrap()).unwrap();
        let mut defaults = OriginDefaults::default();
        defaults.lock = Some(Lock::Fuse);
        let line = ProductLine {
            devices: Devices { issuers: vec![issuer], serial_prefix: String::new() },
            defaults,
            disclosure: Levels { line: Disclosure::Customer, owner: Disclosure::Customer },
            ..ProductLine::new("pumps", VoucherSigners::one(voucher.clone()), provenance.clone())
        };
        let of_all = world.maker.profile();
        let parts = &mut world.maker.parts;
        parts.lines = ProductLines::new(vec![line], parts.lines.rest().clone());
        parts.idevid_anchors = Anchors::new(parts.idevid_anchors.certificates().iter().chain(&pumps.chain).cloned()).unwrap();
        world.maker.restart();

        let top = |party: &SigningParty| Anchors::new(party.identity.chain.last().cloned()).unwrap();
        let of_pumps = Profile {
            name: "Fruitmaker pumps".to_owned(),
            idevid_anchors: Anchors::new([pumps.anchor()]).unwrap(),
            voucher_anchors: top(&voucher),
            provenance_anchors: top(&provenance),
            ..of_all.clone()
        };
        let profiles = [of_all, of_pumps];
        world.owner.parts.trust = Trust::new(profiles.clone());
        world.owner.restart();
        Self { world, pumps, profiles }
    }

    /// A device of each line with this serial number; each holds its own line's voucher CA.
    async fn twins(&self, serial: &str) -> [Device; 2] {
        let maker = &self.world.maker;
        let first = maker.make(serial, Method::Avocado).await;
        let key = new_key();
        let chain = self.pumps.issue(maker.idevid(serial, &key)).await;
        let second = Device { chain, key, voucher_anchors: self.profiles[1].voucher_anchors.clone(), ..maker.certify(serial).await };
        let statement = maker.report(&second, Some(origin(Method::Avocado))).await.statement;
        [first, Device { statement, ..second }]
    }

    async fn voucher(&self, device: &Device, profile: &Profile) -> Verified<Voucher> {
        profile.verify_voucher(self.world.owner.admission(device).await.unwrap().voucher(), self.world.hand.now()).unwrap()
    }
}

#[tokio::test]
async fn twins_of_two_lines_get_vouchers_of_their_own_line_that_name_their_issuer() {
    let scene = Scene::new().await;
    let twins = scene.twins("A-1").await;
    for (device, profile) in twins.iter().zip(&scene.profiles) {
        onboard(device, &scene.world.owner, &scene.world.hand).await.succeeded();
        let voucher = scene.voucher(device, profile).await;
        assert_eq!(voucher.get().idevid_issuer.as_ref(), Some(&device.idevid().device().issuer));
    }
    assert_ne!(twins[0].idevid().device().issuer, twins[1].idevid().device().issuer);
}

#[tokio::test]
async fn neither_twin_believes_a_voucher_that_the_other_line_signed() {
    let scene = Scene::new().await;
    let twins = scene.twins("A-1").await;
    for (device, other) in twins.iter().zip(scene.profiles.iter().rev()) {
        let device = Device { voucher_anchors: other.voucher_anchors.clone(), ..device.clone() };
        let Onboarded::Failed(_) = onboard(&device, &scene.world.owner, &scene.world.hand).await else { panic!("it believed a foreign key") };
        let kept = scene.world.owner.admission(&device).await.unwrap();
        assert!(other.verify_voucher(kept.voucher(), scene.world.hand.now()).is_err());
    }
}

#[tokio::test]
async fn registrar_takes_one_line_s_word_only_for_that_line_s_devices() {
    let mut scene = Scene::new().await;
    let [_, pump] = scene.twins("A-1").await;
    // The two lines' profiles with their voucher anchors exchanged.
    let [all, pumps] = scene.profiles.clone();
    let exchanged =
        [Profile { voucher_anchors: pumps.voucher_anchors.clone(), ..all.clone() }, Profile { voucher_anchors: all.voucher_anchors.clone(), ..pumps }];
    scene.world.owner.parts.trust = Trust::new(exchanged);
    scene.world.owner.restart();
    let request = pump.sign(&pump.request(&scene.world.owner, &scene.world.hand)).await;
    scene.world.owner.submit(&request, &pump.peer()).await.no(502);
    assert!(scene.world.owner.admission(&pump).await.is_none());
}

#[tokio::test]
async fn each_line_records_its_own_defaults_and_signs_with_its_own_key() {
    let scene = Scene::new().await;
    let twins = scene.twins("A-1").await;
    let mut told = Vec::new();
    for (device, profile) in twins.iter().zip(&scene.profiles) {
        let statement = profile.verify_statement(device.statement.as_ref().unwrap(), scene.world.hand.now()).unwrap();
        told.push(statement.get().lock);
    }
    assert_eq!(told, [Some(Lock::Unknown), Some(Lock::Fuse)]);
}
