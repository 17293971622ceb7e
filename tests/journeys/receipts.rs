//! Whether a statement is known to be in its manufacturer's log, by the keys of the log that the owner has.

use brski_common::Method;
use brski_common::appraise::ReceiptFinding;
use brski_registrar::{Manufacturer, Trust};

use crate::support::{World, onboard};

/// What the admission of a new device keeps of its statement's receipt.
async fn kept(world: &World, serial: &str) -> ReceiptFinding {
    let device = world.maker.make(serial, Method::Avocado).await;
    onboard(&device, &world.owner, &world.hand).await.succeeded();
    world.owner.admission(&device).await.unwrap().ground().facts.as_ref().unwrap().receipt
}

#[tokio::test]
async fn receipt_is_checked_under_the_log_key_of_the_profile() {
    assert_eq!(kept(&World::new().await, "A-1").await, ReceiptFinding::Checked);
}

#[tokio::test]
async fn receipt_of_a_log_that_the_owner_does_not_know_stays_unchecked() {
    let mut world = World::new().await;
    let foreign = World::new().await.maker.profile().log_keys;
    for (serial, log_keys) in [("A-1", Vec::new()), ("A-2", foreign)] {
        world.owner.parts.trust = Trust::new([Manufacturer { log_keys, ..world.maker.profile() }]);
        world.owner.restart();
        assert_eq!(kept(&world, serial).await, ReceiptFinding::Unchecked);
    }
}
