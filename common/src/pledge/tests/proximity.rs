//! By which leaf the registrar is named, and which pin then counts.

use super::ProximityLeaf::{Certificate as ByCertificate, Key, KeyHash};
use super::*;

const KINDS: [ProximityLeaf; 3] = [ByCertificate, Key, KeyHash];

impl World {
    fn naming_by(kind: ProximityLeaf) -> Self {
        Self::new().with(|pledge| pledge.with_proximity(kind))
    }

    /// A voucher that pins nothing yet.
    fn bare(&self) -> Voucher {
        Voucher { pinned_domain_cert: None, ..self.voucher() }
    }

    fn own(&self) -> &Certificate {
        &self.registrar.certificate
    }
}

/// The voucher, with one more pin: of this certificate.
fn pinning(kind: ProximityLeaf, certificate: &Certificate, voucher: Voucher) -> Voucher {
    match kind {
        ByCertificate => Voucher { pinned_domain_cert: Some(certificate.clone()), ..voucher },
        Key => Voucher { pinned_domain_pubk: Some(certificate.public_key().spki().to_vec()), ..voucher },
        KeyHash => Voucher { pinned_domain_pubk_sha256: Some(certificate.spki_digest().0), ..voucher },
    }
}

#[test]
fn request_names_the_registrar_by_the_chosen_leaf_alone() {
    for kind in KINDS {
        let world = World::naming_by(kind);
        let request = Signed::<VoucherRequest>::from_wire(Format::Cms, world.ask().ask().body.clone()).peek_unverified(Leniencies::default()).unwrap();
        let expected = match kind {
            ByCertificate => (Some(world.own().clone()), None, None),
            Key => (None, Some(world.own().public_key().spki().to_vec()), None),
            KeyHash => (None, None, Some(world.own().spki_digest().0)),
        };
        assert_eq!((request.proximity_registrar_cert, request.proximity_registrar_pubk, request.proximity_registrar_pubk_sha256), expected);
    }
}

#[test]
fn pin_of_any_kind_is_understood_whichever_was_asked_for() {
    for asked in KINDS {
        for pinned in KINDS {
            for nonce in [Some(nonce(1)), None] {
                let world = World::naming_by(asked);
                let voucher = pinning(pinned, world.own(), Voucher { nonce, ..world.bare() });
                let imprinted = done(world.vouch(&voucher).unwrap());
                assert_eq!(imprinted.domain().certificates(), core::slice::from_ref(world.own()), "asked by {asked:?}, pinned by {pinned:?}");
            }
        }
    }
}

#[test]
fn pin_of_another_registrar_is_refused_whichever_was_asked_for() {
    let stranger = Entity::root("Other domain").certificate;
    for asked in KINDS {
        for pinned in KINDS {
            let world = World::naming_by(asked);
            let error = rejection(world.vouch(&pinning(pinned, &stranger, world.bare())));
            match pinned {
                ByCertificate => assert!(matches!(error, PledgeError::RegistrarUntrusted(_)), "{error:?}"),
                Key | KeyHash => assert!(matches!(error, PledgeError::RegistrarKeyMismatch), "{error:?}"),
            }
        }
    }
}

#[test]
fn key_of_the_domains_ca_is_no_key_of_the_registrar() {
    for pinned in [Key, KeyHash] {
        let world = World::naming_by(pinned);
        let error = rejection(world.vouch(&pinning(pinned, &world.domain.certificate, world.bare())));
        assert!(matches!(error, PledgeError::RegistrarKeyMismatch));
    }
}

#[test]
fn nonced_voucher_is_taken_by_the_kind_that_the_request_used() {
    let stranger = Entity::root("Other domain").certificate;
    for asked in KINDS {
        let world = World::naming_by(asked);
        let several = |of_asked: &Certificate, of_others: &Certificate| {
            let voucher = KINDS.into_iter().fold(world.bare(), |voucher, kind| pinning(kind, of_others, voucher));
            pinning(asked, of_asked, voucher)
        };
        assert!(world.vouch(&several(world.own(), &stranger)).is_ok(), "{asked:?}");
        rejection(world.vouch(&several(&stranger, world.own())));
    }
}

#[test]
fn nonced_voucher_without_that_kind_is_taken_by_hash_then_key_then_certificate() {
    let stranger = Entity::root("Other domain").certificate;
    for (asked, first, second) in [(ByCertificate, KeyHash, Key), (Key, KeyHash, ByCertificate), (KeyHash, Key, ByCertificate)] {
        let world = World::naming_by(asked);
        assert!(world.vouch(&pinning(second, &stranger, pinning(first, world.own(), world.bare()))).is_ok(), "{asked:?}");
        rejection(world.vouch(&pinning(second, world.own(), pinning(first, &stranger, world.bare()))));
    }
}

#[test]
fn voucher_without_nonce_is_taken_by_hash_then_key_then_certificate() {
    let stranger = Entity::root("Other domain").certificate;
    for asked in KINDS {
        let world = World::naming_by(asked);
        let nonceless = Voucher { nonce: None, ..world.bare() };
        for (first, second) in [(KeyHash, Key), (KeyHash, ByCertificate), (Key, ByCertificate)] {
            assert!(world.vouch(&pinning(second, &stranger, pinning(first, world.own(), nonceless.clone()))).is_ok(), "{asked:?}");
            rejection(world.vouch(&pinning(second, world.own(), pinning(first, &stranger, nonceless.clone()))));
        }
    }
}

#[test]
fn pinned_key_leads_over_cacerts_to_the_domains_root() {
    for kind in [Key, KeyHash] {
        let world = World::naming_by(kind);
        let imprinted = done(world.vouch(&pinning(kind, world.own(), world.bare())).unwrap());
        let successor = world.domain.issue("Registrar", SignatureAlgorithm::Es256, |t| t.usages(&[crate::chain::ID_KP_CMC_RA])).certificate;
        assert!(check_registrar(imprinted.domain(), core::slice::from_ref(&successor), now()).is_err());

        let trusting = imprinted.answered(&certificates(&[&world.domain.certificate]), now()).unwrap();
        assert_eq!(trusting.anchors().certificates(), [world.own().clone(), world.domain.certificate.clone()]);
        assert!(check_registrar(trusting.anchors(), &[successor], now()).is_ok());
    }
}
