//! The five ways in which a manufacturer certifies the keys that sign its vouchers, each from the founding of its PKI to a device that believes its voucher.

use std::sync::Arc;

use brski_common::issuing::{Subject, Template, never};
use brski_common::pledge::{Answer, PledgeError};
use brski_common::time::at;
use brski_common::{Anchors, Certificate, Format, Leniencies, Method, PolicyOid, SerialNumber, SigningParty, Verified, VerifyError, Voucher};
use brski_masa::{Coverage, Serials, SigningMode, Surroundings, VoucherKey, VoucherSigners};
use brski_registrar::{Manufacturer as Profile, Trust};

use crate::support::{Authority, Device, Mood, NOW, World, in_each_format, new_key, onboard, valid};

/// A manufacturer that certifies its voucher keys in this mode, and an owner who knows it.
struct Scene {
    world: World,
    mode: SigningMode,
    /// What registrars hold.
    anchors: Anchors,
}

impl Scene {
    async fn in_mode(mode: SigningMode) -> Self {
        let mut world = World::new().await;
        let (signers, anchors) = signers(&mode, &world).await;
        let certificates = |chain: &[Certificate]| chain.to_vec();
        let plant = &world.maker.plant;
        let around = Surroundings { idevid_anchors: certificates(&plant.chain), idevid_issuers: certificates(&plant.chain[..1]), others: Vec::new() };
        assert_eq!(mode.check(&signers, &around), Ok(()));
        world.maker.parts.lines.rest_mut().vouchers = signers;
        world.maker.restart();
        world.owner.parts.trust = Trust::new([Profile { voucher_anchors: anchors.clone(), ..world.maker.profile() }]);
        world.owner.restart();
        Self { world, mode, anchors }
    }

    /// A device that was made and reported, and holds what devices of this mode hold.
    async fn make(&self, serial: &str, format: Format) -> Device {
        let device = self.world.maker.make(serial, Method::Avocado).await.speaking(format);
        let signer = self.signer(serial);
        let own = || Anchors::new([signer.clone()]).unwrap();
        let voucher_anchors = match self.mode {
            SigningMode::NoPki | SigningMode::Rotating => own(),
            SigningMode::OneLevel | SigningMode::PerProduct | SigningMode::IdevidIntertwined { .. } => self.anchors.clone(),
        };
        Device { voucher_anchors, voucher_signer: signer, ..device }
    }

    /// Who signs the vouchers of this device.
    fn signer(&self, serial: &str) -> Certificate {
        let signers = &self.world.maker.parts.lines.rest().vouchers;
        signers.of(&SerialNumber::new(serial).unwrap(), at(NOW)).unwrap().identity.chain[0].clone()
    }

    /// The voucher that the registrar keeps of this device, verified with what the device holds.
    async fn voucher(&self, device: &Device) -> Verified<Voucher> {
        let profile = Profile { voucher_anchors: self.anchors.clone(), ..self.world.maker.profile() };
        profile.verify_voucher(self.world.owner.admission(device).await.unwrap().voucher(), self.world.hand.now()).unwrap()
    }
}

/// Who signs, and what registrars hold.
async fn signers(mode: &SigningMode, world: &World) -> (VoucherSigners, Anchors) {
    let anchors = |certificates: &[Certificate]| Anchors::new(certificates.iter().cloned()).unwrap();
    match mode {
        SigningMode::NoPki => {
            let party = alone("Voucher signer").await;
            (VoucherSigners::one(party.clone()), anchors(&party.identity.chain))
        }
        SigningMode::OneLevel | SigningMode::PerProduct => {
            let authority = Authority::root("Voucher CA").await;
            (VoucherSigners::one(for_a_while(&authority, |template| template).await), anchors(&authority.chain))
        }
        SigningMode::IdevidIntertwined { policy } => {
            let root = &world.maker.root;
            let signer = for_a_while(root, |template| template.policy(policy)).await;
            (VoucherSigners::one(signer), anchors(&root.chain).demanding(policy.clone()))
        }
        SigningMode::Rotating => {
            let mut keys = Vec::new();
            for prefix in ["A-", "B-"] {
                let covers = Coverage { serials: Serials::Prefix(prefix.to_owned()), ..Coverage::default() };
                keys.push(VoucherKey { covers, party: alone(&format!("Voucher signer {prefix}")).await });
            }
            let certificates: Vec<Certificate> = keys.iter().map(|key| key.party.identity.chain[0].clone()).collect();
            (VoucherSigners::several(keys), anchors(&certificates))
        }
    }
}

/// A signer whose certificate nothing stands above.
async fn alone(name: &str) -> SigningParty {
    let key = new_key();
    let certificate = valid(NOW - 99, never().as_secs(), Subject::common_name(name), &key).self_signed(&key).await.unwrap();
    SigningParty::with_chain(vec![certificate], Arc::new(key))
}

/// A signer that this CA certifies for a day.
async fn for_a_while(authority: &Authority, shape: impl FnOnce(Template) -> Template) -> SigningParty {
    let key = new_key();
    let template = shape(valid(NOW - 99, NOW + 86_400, Subject::common_name("Voucher signer"), &key));
    SigningParty::with_chain(authority.issue(template).await, Arc::new(key))
}

fn policy() -> PolicyOid {
    PolicyOid::new("1.3.6.1.4.1.32473.1").unwrap()
}

fn intertwined() -> SigningMode {
    SigningMode::IdevidIntertwined { policy: policy() }
}

in_each_format!(device_gets_in_without_a_pki);
async fn device_gets_in_without_a_pki(format: Format) {
    gets_in(SigningMode::NoPki, format).await;
}

in_each_format!(device_gets_in_with_one_level);
async fn device_gets_in_with_one_level(format: Format) {
    gets_in(SigningMode::OneLevel, format).await;
}

in_each_format!(device_gets_in_with_a_ca_for_its_product);
async fn device_gets_in_with_a_ca_for_its_product(format: Format) {
    gets_in(SigningMode::PerProduct, format).await;
}

in_each_format!(device_gets_in_where_one_root_stands_above_everything);
async fn device_gets_in_where_one_root_stands_above_everything(format: Format) {
    gets_in(intertwined(), format).await;
}

in_each_format!(device_gets_in_by_the_key_that_it_knows);
async fn device_gets_in_by_the_key_that_it_knows(format: Format) {
    gets_in(SigningMode::Rotating, format).await;
}

async fn gets_in(mode: SigningMode, format: Format) {
    let scene = Scene::in_mode(mode).await;
    for serial in ["A-1", "B-1"] {
        let device = scene.make(serial, format).await;
        onboard(&device, &scene.world.owner, &scene.world.hand).await.succeeded();
        let voucher = scene.voucher(&device).await;
        assert_eq!(voucher.signer().chain[0], scene.signer(serial));
    }
}

/// The same voucher, signed by somebody else.
fn signed_by(party: SigningParty, format: Format) -> Mood {
    Mood::Altering(Box::new(move |voucher| {
        let content = brski_common::Signed::<Voucher>::from_wire(format, voucher).peek_unverified(Leniencies::default()).unwrap();
        crate::support::block_on(party.seal(&content, format)).unwrap().wire().to_vec()
    }))
}

/// Two who stand under the IDevIDs' root as well: a device, and something of the same plant that is not called a device.
async fn neighbours(scene: &Scene) -> [SigningParty; 2] {
    let other = scene.make("B-2", Format::Cms).await;
    let key = new_key();
    let unnamed = scene.world.maker.plant.issue(valid(NOW - 99, NOW + 86_400, Subject::common_name("Router"), &key)).await;
    [other.party(), SigningParty::with_chain(unnamed, Arc::new(key))]
}

in_each_format!(registrar_takes_no_voucher_of_an_idevid_key_where_one_root_stands_above_everything);
async fn registrar_takes_no_voucher_of_an_idevid_key_where_one_root_stands_above_everything(format: Format) {
    let scene = Scene::in_mode(intertwined()).await;
    let device = scene.make("A-1", format).await;
    for forger in neighbours(&scene).await {
        scene.world.owner.masa.set(signed_by(forger, format));
        let request = device.sign(&device.request(&scene.world.owner, &scene.world.hand)).await;
        scene.world.owner.submit(&request, &device.peer()).await.no(502);
        assert!(scene.world.owner.admission(&device).await.is_none());
    }
    scene.world.owner.masa.set(Mood::Up);
    onboard(&device, &scene.world.owner, &scene.world.hand).await.succeeded();
}

in_each_format!(pledge_takes_no_voucher_of_an_idevid_key_where_one_root_stands_above_everything);
async fn pledge_takes_no_voucher_of_an_idevid_key_where_one_root_stands_above_everything(format: Format) {
    let scene = Scene::in_mode(intertwined()).await;
    let (owner, hand) = (&scene.world.owner, &scene.world.hand);
    let made = scene.make("A-1", format).await;
    for forger in neighbours(&scene).await {
        // In COSE it knows the forger's certificate only if it was configured with it.
        let device = Device { voucher_signer: forger.identity.chain[0].clone(), ..made.clone() };
        let asked = device.pledge().ask_for_voucher(owner.chain(), hand.nonce(), hand.now()).await.unwrap();
        let request = brski_common::Signed::<brski_common::VoucherRequest>::from_wire(format, asked.ask().body.clone());
        let nonce = request.peek_unverified(Leniencies::default()).unwrap().nonce;
        let pinned_domain_cert = Some(owner.ca.certificate());
        let voucher = Voucher { nonce, pinned_domain_cert, assertion: Some(brski_common::Assertion::Proximity), ..Voucher::new(device.serial()) };
        let body = forger.seal(&voucher, format).await.unwrap().wire().to_vec();
        let answer = Answer { status: 200, content_type: Some(format.voucher_media_type().to_owned()), body, ..Answer::default() };
        let failed = asked.answered(&answer, hand.now()).unwrap_err();
        assert!(matches!(*failed.error, PledgeError::VoucherUntrusted(VerifyError::WrongPolicy { .. })), "{failed:?}");
    }
}

in_each_format!(device_takes_no_voucher_of_a_key_that_others_know);
async fn device_takes_no_voucher_of_a_key_that_others_know(format: Format) {
    let scene = Scene::in_mode(SigningMode::Rotating).await;
    let device = scene.make("A-1", format).await;
    let of_others = scene.signer("B-1");
    let device = Device { voucher_anchors: Anchors::new([of_others.clone()]).unwrap(), voucher_signer: of_others, ..device };
    match onboard(&device, &scene.world.owner, &scene.world.hand).await {
        crate::support::Onboarded::Failed(error) => assert!(matches!(*error, PledgeError::VoucherUntrusted(_)), "{error:?}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn device_that_no_key_covers_is_refused_before_anything_is_recorded() {
    let scene = Scene::in_mode(SigningMode::Rotating).await;
    let device = scene.world.maker.make("C-1", Method::Avocado).await;
    let request = device.sign(&device.request(&scene.world.owner, &scene.world.hand)).await;
    let rvr = scene.world.owner.sign(&scene.world.owner.request(&device, &request)).await;
    let before = scene.world.recorded();
    scene.world.maker.vouch(&rvr).await.refused(403, "no voucher key covers serial-number C-1");
    assert_eq!(scene.world.recorded(), before);
}

#[tokio::test]
async fn key_follows_from_when_a_device_was_made() {
    let mut scene = Scene::in_mode(SigningMode::Rotating).await;
    let [old, new] = [alone("Old").await, alone("New").await];
    // Devices that the support makes have a key from NOW - 1000.
    let turn = Some(at(NOW - 500));
    let keys = [(Coverage { until: turn, ..Coverage::default() }, &old), (Coverage { from: turn, ..Coverage::default() }, &new)];
    let keys = keys.map(|(covers, party)| VoucherKey { covers, party: party.clone() });
    scene.anchors = Anchors::new([&old, &new].map(|party| party.identity.chain[0].clone())).unwrap();
    scene.world.maker.parts.lines.rest_mut().vouchers = VoucherSigners::several(keys.into());
    scene.world.maker.restart();
    scene.world.owner.parts.trust = Trust::new([Profile { voucher_anchors: scene.anchors.clone(), ..scene.world.maker.profile() }]);
    scene.world.owner.restart();

    let (maker, owner) = (&scene.world.maker, &scene.world.owner);
    let later = brski_common::KeyOrigin { made_at: at(NOW), ..crate::support::origin(Method::Avocado) };
    for (device, signer) in [(maker.make("A-1", Method::Avocado).await, &old), (maker.make_as("A-2", Some(later)).await, &new)] {
        let device = Device { voucher_anchors: Anchors::new([signer.identity.chain[0].clone()]).unwrap(), ..device };
        onboard(&device, owner, &scene.world.hand).await.succeeded();
        assert_eq!(scene.voucher(&device).await.signer().chain[0], signer.identity.chain[0]);
    }
}
