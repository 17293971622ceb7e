//! Ten hostile clients in front of a registrar at work, over real TLS. After each of them an honest pledge that was made in the meantime still gets its LDevID.

mod certificates;
mod client;
mod crowd;
mod framing;
mod half_closed;
mod names;
mod pipelined;
mod records;
mod slow;

use std::sync::Arc;

use brski_common::pledge::Pledge;
use brski_common::serve::TlsIdentity;
use brski_common::serve::onboard::{Onboarded, Options, onboard};
use brski_common::{Anchors, SoftwareKey};

use crate::pki::certificate;
use crate::world::World;

/// A device that is made now asks for a voucher, enrols, and is a member: whatever went before has left the registrar able to do all of it.
async fn honest_pledge_gets_in(world: &World, serial: &str) {
    world.manufacture(serial).await;
    let chain = world.openssl.certificates(format!("{serial}-chain.pem"));
    let key = Arc::new(SoftwareKey::from_pem(&world.openssl.text(format!("{serial}.key"))).unwrap());
    let identity = TlsIdentity::with_signer(&chain, key.clone()).unwrap();
    let pledge = Pledge::new(chain, key, Anchors::new([certificate(&world.openssl, "services")]).unwrap()).unwrap();
    let registrar = world.registrar_address.to_string();
    let Onboarded { ldevid, .. } = onboard(&pledge, &identity, &registrar, &Options::default(), |_| {}).await.unwrap();
    assert_eq!(ldevid.chain[0].serial_number().unwrap().as_str(), serial);
    assert!(ldevid.chain[0].is_issued_by(&certificate(&world.openssl, "domain-ca")));
}
