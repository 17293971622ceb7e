//! Who may act as registrar once the voucher is there.

use super::*;

#[test]
fn registrar_outside_the_pinned_domain_is_refused() {
    let world = World::new();
    let other = Entity::root("Other domain").certificate;
    let error = rejection(world.vouch(&Voucher { pinned_domain_cert: Some(other), ..world.voucher() }));
    assert!(matches!(error, PledgeError::RegistrarUntrusted(VerifyError::NoPath { .. })));
}

/// What a domain issues to others than its registrar, whatever else it is good for.
const NO_REGISTRARS: [&[&str]; 4] = [&[], &[CLIENT_AUTH], &[SERVER_AUTH, CLIENT_AUTH], &[ANY_USAGE]];

#[test]
fn neighbour_with_an_ldevid_is_no_registrar() {
    for usages in NO_REGISTRARS {
        let mut world = World::new();
        world.registrar = world.domain.issue("Neighbour", SignatureAlgorithm::Es256, |t| t.usages(usages));
        let error = rejection(world.vouch(&world.voucher()));
        assert!(matches!(error, PledgeError::RegistrarUntrusted(VerifyError::WrongUsage { .. })), "{usages:?}");
    }
}

#[test]
fn neighbour_with_an_ldevid_is_no_registrar_on_later_connections_either() {
    let world = World::new();
    let imprinted = world.imprint();
    assert!(check_registrar(imprinted.domain(), &world.tls_chain(), now()).is_ok());
    for usages in NO_REGISTRARS {
        let neighbour = world.domain.issue("Neighbour", SignatureAlgorithm::Es256, |t| t.usages(usages)).certificate;
        let outcome = check_registrar(imprinted.domain(), &[neighbour], now());
        assert!(matches!(outcome, Err(PledgeError::RegistrarUntrusted(VerifyError::WrongUsage { .. }))), "{usages:?}");
    }
}

#[test]
fn registrar_needs_no_usage_but_that_of_a_registrar() {
    let mut world = World::new();
    world.registrar = world.domain.issue("Registrar", SignatureAlgorithm::Es256, |t| t.usages(&[crate::chain::ID_KP_CMC_RA]));
    assert!(world.vouch(&world.voucher()).is_ok());
}

#[test]
fn registrar_itself_may_be_pinned_by_certificate_or_key() {
    let world = World::new();
    let own = &world.registrar.certificate;
    let bare = Voucher { pinned_domain_cert: None, ..world.voucher() };
    let pins = [
        Voucher { pinned_domain_cert: Some(own.clone()), ..bare.clone() },
        Voucher { pinned_domain_pubk: Some(own.public_key().spki().to_vec()), ..bare.clone() },
        Voucher { pinned_domain_pubk_sha256: Some(own.spki_digest().0), ..bare },
    ];
    for voucher in pins {
        let imprinted = done(world.vouch(&voucher).unwrap());
        assert_eq!(imprinted.domain().certificates(), core::slice::from_ref(own));
    }
}
