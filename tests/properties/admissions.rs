//! No LDevID without the admission of the very key that asks.

use std::collections::HashMap;
use std::sync::LazyLock;

use brski_common::Verdict;
use brski_common::evidence::Authorities;
use brski_common::{Certificate, Csr, Format, Method, Signed, Signer as _, SoftwareKey, csr, est};
use brski_registrar::enroll::{AppraisedCsr, Enrollee, KeyGround, evaluate};
use brski_registrar::relay::Ground;
use brski_registrar::{Admission, Settings};
use proptest::option::of;
use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::config;
use crate::support::{Device, World, block_on, new_key, onboard};

/// Devices of one manufacturer. The last two have the same serial number, as a cloned and a genuine device would.
struct Devices {
    world: World,
    devices: Vec<Device>,
    admissions: Vec<Admission>,
}

static DEVICES: LazyLock<Devices> = LazyLock::new(|| {
    block_on(async {
        let world = World::new().await;
        let mut devices = Vec::new();
        for serial in ["A-0", "A-1", "A-2", "A-2"] {
            devices.push(world.maker.certify(serial).await);
        }
        let ground = || Ground {
            policy: [9; 32],
            rule: "made-inside".to_owned(),
            found: Some(Method::Avocado),
            trace: Vec::new(),
            verdict: Verdict::Accept,
            warned: None,
            facts: None,
            approved_by: Vec::new(),
        };
        let admitted = |device: &Device| {
            Admission::assertion(device.idevid(), Vec::new(), [4; 32], Signed::from_wire(Format::Cms, *b"voucher"), ground(), world.hand.now())
        };
        let admissions = devices.iter().map(admitted).collect();
        Devices { world, devices, admissions }
    })
});

fn any_device() -> impl Strategy<Value = usize> {
    0..4_usize
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn issue_order_takes_the_admission_of_the_key_that_asks(
        (peer, subject) in (any_device(), any_device()),
        (admission, holder) in (of(any_device()), of(any_device())),
    ) {
        let Devices { world, devices, admissions } = &*DEVICES;
        let (pledge, _) = world.owner.parts.trust.admit(&devices[peer].peer(), world.hand.now()).unwrap();
        let csr = Csr::from_der(&block_on(devices[subject].csr(&new_key()))).unwrap();
        let of = |index: Option<usize>| index.map(|index| &admissions[index]);
        let (policy, authorities) = (&world.owner.parts.policy, &Authorities::default());
        let ground = KeyGround { policy, manufacturer: None, authorities, nonce: None };
        let request = AppraisedCsr::accept(csr.clone(), &ground, world.hand.now()).unwrap();
        let order = evaluate(&request, Enrollee::Pledge(&pledge), of(admission), of(holder), &Settings::default(), world.hand.now());

        let names_itself = devices[subject].serial() == devices[peer].serial();
        let key_is_free = holder.is_none_or(|holder| holder == peer);
        prop_assert_eq!(order.is_ok(), admission == Some(peer) && names_itself && key_is_free);
        if let Ok(order) = order {
            prop_assert_eq!(order.public_key(), csr.public_key());
            prop_assert_eq!(order.device().clone(), devices[peer].idevid().device().clone());
        }
    }
}

/// One certification request at simpleenroll: who asks, in whose name, for which of the keys.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    peer: usize,
    subject: usize,
    key: usize,
}

prop_compose! {
    fn attempt()(peer in 0..3_usize, subject in 0..3_usize, key in 0..KEYS) -> Attempt {
        Attempt { peer, subject, key }
    }
}

/// Three IDevID keys, and three others.
const KEYS: usize = 6;

/// Device 2 is never admitted.
const ADMITTED: usize = 2;

/// Lets devices try one after another, and compares with what a table of keys would say.
async fn enroll_like_the_table(attempts: &[Attempt]) -> Result<(), TestCaseError> {
    let world = World::new().await;
    let mut devices = Vec::new();
    for i in 0..3 {
        devices.push(world.maker.make(&format!("A-{i}"), Method::Avocado).await);
    }
    for device in &devices[..ADMITTED] {
        onboard(device, &world.owner, &world.hand).await.succeeded();
    }
    let keys: Vec<SoftwareKey> = devices.iter().map(|device| device.key.clone()).chain((3..KEYS).map(|_| new_key())).collect();
    let mut holders: HashMap<usize, usize> = (0..ADMITTED).map(|device| (device, device)).collect();

    for Attempt { peer, subject, key } in attempts.iter().copied() {
        let request = csr::request(devices[subject].chain[0].subject_der(), &keys[key]).await.unwrap();
        let before = world.recorded();
        let reply = world.owner.enroll(&request, &devices[peer].peer()).await;
        let allowed = peer < ADMITTED && subject == peer && holders.get(&key).is_none_or(|holder| *holder == peer);
        if !allowed {
            reply.no(403);
            prop_assert_eq!(world.recorded(), before);
            continue;
        }
        let issued = est::from_body("certificates", reply.ok(est::CERTS_ONLY)).and_then(|der| est::read_certs_only(&der)).unwrap();
        let [ldevid]: [Certificate; 1] = issued.try_into().unwrap();
        prop_assert_eq!(ldevid.public_key(), keys[key].public_key().clone());
        prop_assert_eq!(ldevid.serial_number(), Some(devices[peer].serial()));
        holders.insert(key, peer);
    }
    Ok(())
}

proptest! {
    // Each case founds a world of its own.
    #![proptest_config(Config { cases: config().cases / 8, ..config() })]

    #[test]
    fn ldevids_go_to_admitted_devices_in_their_own_names_for_keys_of_nobody_else(attempts in prop::collection::vec(attempt(), 1..20)) {
        block_on(enroll_like_the_table(&attempts))?;
    }
}
