//! Every fault of every mode, and what is in order beside it.

use std::sync::Arc;

use brski_common::SigningParty;
use brski_common::issuing::{Subject, Template};

use super::super::signers::{Serials, VoucherKey};
use super::*;
use crate::testing::{Entity, later, new_key, serial};

/// An IDevID PKI of two levels, and beside it a voucher CA with a signer.
struct World {
    root: Entity,
    issuing: Entity,
    authority: Entity,
    signer: Entity,
}

impl World {
    fn new() -> Self {
        let root = Entity::root("IDevID root");
        let issuing = root.issue(Subject::common_name("IDevID issuing"), |t| t.ca(None));
        let authority = Entity::root("Voucher CA");
        let signer = certified(&authority, |t| t);
        Self { root, issuing, authority, signer }
    }

    fn around(&self) -> Surroundings {
        let certificate = |entity: &Entity| entity.certificate.clone();
        let anchors = vec![certificate(&self.root), certificate(&self.issuing)];
        Surroundings { idevid_anchors: anchors, idevid_issuers: vec![certificate(&self.issuing)], others: Vec::new() }
    }

    fn check(&self, mode: &SigningMode, chain: &[&Entity]) -> Result<(), ModeFault> {
        mode.check(&VoucherSigners::one(party(chain)), &self.around())
    }
}

fn party(chain: &[&Entity]) -> SigningParty {
    let certificates = chain.iter().map(|entity| entity.certificate.clone()).collect();
    SigningParty::with_chain(certificates, Arc::new(chain.first().map_or_else(new_key, |own| own.key.clone())))
}

fn template(name: &str, key: &brski_common::SoftwareKey) -> Template {
    use brski_common::Signer as _;
    Template::new(Subject::common_name(name), key.public_key(), [9; 16], brski_common::time::at(later(0).as_secs() - 86_400), later(86_400))
}

/// A signer for a day.
fn certified(authority: &Entity, shape: impl FnOnce(Template) -> Template) -> Entity {
    let key = new_key();
    let certificate = crate::testing::block_on(shape(template("Signer", &key)).issued_by(&authority.certificate, &authority.key)).unwrap();
    Entity { certificate, key }
}

/// A certificate that signed itself, of no CA.
fn alone() -> Entity {
    let key = new_key();
    let certificate = crate::testing::block_on(template("Alone", &key).self_signed(&key)).unwrap();
    Entity { certificate, key }
}

fn policy() -> PolicyOid {
    PolicyOid::new("1.3.6.1.4.1.32473.1").unwrap()
}

fn intertwined() -> SigningMode {
    SigningMode::IdevidIntertwined { policy: policy() }
}

fn below_a_ca() -> [SigningMode; 2] {
    [SigningMode::OneLevel, SigningMode::PerProduct]
}

fn every_mode() -> [SigningMode; 5] {
    [SigningMode::NoPki, SigningMode::OneLevel, SigningMode::PerProduct, intertwined(), SigningMode::Rotating]
}

/// Of which kind, for faults whose words do not matter.
fn kind(outcome: Result<(), ModeFault>) -> &'static str {
    match outcome.map_err(|fault| format!("{fault:?}")) {
        Ok(()) => "ok",
        Err(text) => ["NotIntertwined", "NoPath", "Length"].into_iter().find(|kind| text.starts_with(kind)).unwrap_or("another"),
    }
}

#[test]
fn signer_below_a_ca_of_its_own_is_in_order() {
    let world = World::new();
    for mode in below_a_ca() {
        assert_eq!(world.check(&mode, &[&world.signer, &world.authority]), Ok(()), "{mode:?}");
    }
}

#[test]
fn signer_without_its_ca_or_with_more_than_that_is_refused_below_a_ca() {
    let world = World::new();
    let middle = world.authority.issue(Subject::common_name("Middle"), |t| t.ca(None));
    let below = certified(&middle, |t| t);
    for mode in below_a_ca() {
        assert_eq!(kind(world.check(&mode, &[&world.signer])), "Length");
        assert_eq!(kind(world.check(&mode, &[&below, &middle, &world.authority])), "Length");
    }
}

#[test]
fn ca_that_did_not_certify_the_signer_is_refused() {
    let (world, other) = (World::new(), Entity::root("Voucher CA"));
    for mode in below_a_ca() {
        assert_eq!(kind(world.check(&mode, &[&world.signer, &other])), "NoPath");
    }
}

#[test]
fn ca_signs_no_vouchers() {
    let world = World::new();
    for mode in every_mode() {
        let refused = Err(ModeFault::SignerIsCa { subject: "CN=Voucher CA".to_owned() });
        assert_eq!(world.check(&mode, &[&world.authority]), refused, "{mode:?}");
    }
}

#[test]
fn device_signs_no_vouchers() {
    let world = World::new();
    let device = world.issuing.issue(Subject::serial_number(&serial("JADA1")), |t| t);
    for mode in every_mode() {
        assert!(matches!(world.check(&mode, &[&device, &world.issuing]), Err(ModeFault::SignerNamesDevice { .. })), "{mode:?}");
    }
}

#[test]
fn signer_that_never_expires_is_refused_below_a_ca() {
    let world = World::new();
    let refused = Err(ModeFault::NeverExpires { subject: "CN=Forever".to_owned() });
    let forever = world.authority.issue(Subject::common_name("Forever"), |t| t);
    for mode in below_a_ca() {
        assert_eq!(world.check(&mode, &[&forever, &world.authority]), refused);
    }
    let forever = world.root.issue(Subject::common_name("Forever"), |t| t.policy(&policy()));
    assert_eq!(world.check(&intertwined(), &[&forever, &world.root]), refused);
}

#[test]
fn ca_of_idevids_is_refused_where_they_are_to_be_apart() {
    let world = World::new();
    let refused = Err(ModeFault::AboveIdevids { subject: "CN=IDevID root".to_owned() });
    for mode in [SigningMode::OneLevel, SigningMode::PerProduct, SigningMode::Rotating] {
        assert_eq!(world.check(&mode, &[&certified(&world.root, |t| t), &world.root]), refused, "{mode:?}");
    }
    for mode in [SigningMode::NoPki, SigningMode::Rotating] {
        assert_eq!(world.check(&mode, &[&certified(&world.root, |t| t)]), refused, "{mode:?}");
    }
}

#[test]
fn product_line_shares_its_ca_with_no_other() {
    let world = World::new();
    let others = vec![("pumps".to_owned(), vec![world.authority.certificate.clone()])];
    let around = Surroundings { others, ..world.around() };
    let signers = VoucherSigners::one(party(&[&world.signer, &world.authority]));
    let refused = Err(ModeFault::Shared { line: "pumps".to_owned(), subject: "CN=Voucher CA".to_owned() });
    assert_eq!(SigningMode::PerProduct.check(&signers, &around), refused);
    assert_eq!(SigningMode::OneLevel.check(&signers, &around), Ok(()));
}

#[test]
fn new_certificate_of_a_shared_ca_s_key_is_no_way_around() {
    let world = World::new();
    let again = crate::testing::block_on(template("Other name", &world.authority.key).ca(None).self_signed(&world.authority.key)).unwrap();
    let around = Surroundings { others: vec![("pumps".to_owned(), vec![again])], ..world.around() };
    let signers = VoucherSigners::one(party(&[&world.signer, &world.authority]));
    assert!(matches!(SigningMode::PerProduct.check(&signers, &around), Err(ModeFault::Shared { .. })));
}

#[test]
fn certificate_that_devices_hold_themselves_is_in_order_without_a_pki() {
    let world = World::new();
    assert_eq!(world.check(&SigningMode::NoPki, &[&alone()]), Ok(()));
    // A CA that nobody knows may have issued it.
    assert_eq!(world.check(&SigningMode::NoPki, &[&world.signer]), Ok(()));
    assert_eq!(kind(world.check(&SigningMode::NoPki, &[&world.signer, &world.authority])), "Length");
}

#[test]
fn signer_under_the_idevid_root_and_the_policy_is_in_order() {
    let world = World::new();
    let direct = certified(&world.root, |t| t.policy(&policy()));
    assert_eq!(world.check(&intertwined(), &[&direct, &world.root]), Ok(()));
    let authority = world.root.issue(Subject::common_name("Voucher CA"), |t| t.ca(None).policy(&policy()));
    assert_eq!(world.check(&intertwined(), &[&certified(&authority, |t| t.policy(&policy())), &authority, &world.root]), Ok(()));
}

#[test]
fn signer_without_the_policy_is_refused_under_the_idevid_root() {
    let world = World::new();
    let lacks = |subject: &str| Err(ModeFault::LacksPolicy { subject: subject.to_owned(), policy: policy() });
    assert_eq!(world.check(&intertwined(), &[&certified(&world.root, |t| t), &world.root]), lacks("CN=Signer"));
    let other = PolicyOid::new("1.3.6.1.4.1.32473.2").unwrap();
    assert_eq!(world.check(&intertwined(), &[&certified(&world.root, |t| t.policy(&other)), &world.root]), lacks("CN=Signer"));
    let authority = world.root.issue(Subject::common_name("Voucher CA"), |t| t.ca(None));
    let signer = certified(&authority, |t| t.policy(&policy()));
    assert_eq!(world.check(&intertwined(), &[&signer, &authority, &world.root]), lacks("CN=Voucher CA"));
}

#[test]
fn issuer_of_idevids_stands_above_no_voucher_signer() {
    let world = World::new();
    let refused = Err(ModeFault::IssuesIdevids { subject: "CN=IDevID issuing".to_owned() });
    let signer = certified(&world.issuing, |t| t.policy(&policy()));
    assert_eq!(world.check(&intertwined(), &[&signer, &world.issuing, &world.root]), refused);
    let authority = world.issuing.issue(Subject::common_name("Voucher CA"), |t| t.ca(None).policy(&policy()));
    let signer = certified(&authority, |t| t.policy(&policy()));
    assert_eq!(world.check(&intertwined(), &[&signer, &authority, &world.issuing, &world.root]), refused);
}

#[test]
fn signer_outside_of_the_idevid_root_is_refused_where_it_should_be_under_it() {
    let world = World::new();
    let signer = certified(&world.authority, |t| t.policy(&policy()));
    assert_eq!(kind(world.check(&intertwined(), &[&signer, &world.authority])), "NotIntertwined");
    assert_eq!(kind(world.check(&intertwined(), &[&signer])), "Length");
}

fn key(prefix: &str, chain: &[&Entity]) -> VoucherKey {
    VoucherKey { covers: Coverage { serials: Serials::Prefix(prefix.to_owned()), ..Coverage::default() }, party: party(chain) }
}

#[test]
fn rotating_keys_may_be_bare_or_below_cas() {
    let world = World::new();
    let keys = vec![key("A", &[&alone()]), key("B", &[&world.signer, &world.authority])];
    assert_eq!(SigningMode::Rotating.check(&VoucherSigners::several(keys), &world.around()), Ok(()));
}

#[test]
fn rotating_keys_that_could_both_be_meant_are_refused() {
    let world = World::new();
    let keys = vec![key("B", &[&alone()]), key("A", &[&world.signer, &world.authority]), key("AB", &[&alone()])];
    let overlap = ModeFault::Overlap { first: "CN=Signer".to_owned(), second: "CN=Alone".to_owned() };
    assert_eq!(SigningMode::Rotating.check(&VoucherSigners::several(keys), &world.around()), Err(overlap));
}

#[test]
fn several_keys_or_none_are_refused_in_other_modes() {
    let world = World::new();
    for mode in every_mode() {
        let none = mode.check(&VoucherSigners::several(Vec::new()), &world.around());
        assert_eq!(none, Err(ModeFault::NoKey));
    }
    for mode in [SigningMode::NoPki, SigningMode::OneLevel, SigningMode::PerProduct, intertwined()] {
        let keys = vec![key("A", &[&world.signer, &world.authority]), key("B", &[&world.signer, &world.authority])];
        assert_eq!(mode.check(&VoucherSigners::several(keys), &world.around()), Err(ModeFault::SeveralKeys));
        let some = vec![key("A", &[&world.signer, &world.authority])];
        assert_eq!(mode.check(&VoucherSigners::several(some), &world.around()), Err(ModeFault::SeveralKeys));
    }
}

#[test]
fn key_for_vouchers_without_nonce_is_held_to_the_same() {
    let world = World::new();
    let signers = VoucherSigners::one(party(&[&world.signer, &world.authority])).and_nonceless(party(&[&alone()]));
    assert_eq!(kind(SigningMode::OneLevel.check(&signers, &world.around())), "Length");
}
