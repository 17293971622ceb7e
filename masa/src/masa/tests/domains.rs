//! Whose a device becomes, however the certificates that come with a request are changed on its way: they stand unsigned in CMS and in COSE.

use brski_common::Certificate;
use brski_common::issuing::Subject;

use super::*;
use crate::testing::{CMC_RA, Pledge, by_key, by_key_hash, seal};

/// A device on record, its owner, and somebody through whose hands the owner's requests go.
struct Scene {
    maker: Maker,
    masa: Masa,
    pledge: Pledge,
    owner: Owner,
    thief: Owner,
}

impl Scene {
    fn new() -> Self {
        let maker = Maker::new();
        let (masa, pledge) = (maker.masa(), maker.pledge("JADA123"));
        block_on(masa.record(&maker.report(&pledge, Some(origin())))).unwrap();
        Self { maker, masa, pledge, owner: Owner::new("owner"), thief: Owner::new("thief") }
    }

    /// The owner's genuine request.
    fn genuine(&self, format: Format) -> Signed<VoucherRequest> {
        self.owner.request_in(format, &self.pledge, &self.pledge.leaves(&self.owner, nonce(1)))
    }

    /// The same, signed with the same key, but with these certificates.
    fn with_certificates(&self, format: Format, chain: Vec<Certificate>) -> Signed<VoucherRequest> {
        let party = SigningParty::with_chain(chain, Arc::new(self.owner.registrar.key.clone()));
        seal(&party, &self.owner.leaves_in(format, &self.pledge, &self.pledge.leaves(&self.owner, nonce(1))), format)
    }

    /// A path to the thief's root that is longer than the owner's own: its lowest CA certified the public key of the owner's registrar.
    fn decoy(&self) -> Vec<Certificate> {
        let lowest = self.thief.authority.issue(Subject::common_name("thief's lowest"), |template| template.ca(None));
        let registrar = lowest.certify(Subject::common_name("decoy"), &self.owner.registrar.key, |template| template.usages(&[CMC_RA]));
        vec![registrar, lowest.certificate, self.thief.authority.certificate.clone(), self.thief.root.certificate.clone()]
    }

    fn vouch(&self, request: &Signed<VoucherRequest>) -> Result<Voucher, Error> {
        let voucher = block_on(self.masa.vouch(request, request.format(), &self.owner.peer()))?;
        Ok(read_voucher(&self.maker, &voucher))
    }

    /// How many vouchers the log tells.
    fn log(&self, request: &Signed<VoucherRequest>) -> Result<usize, Error> {
        let told = block_on(self.masa.audit_log(request)).map(|log| log.events.len());
        assert_eq!(told.is_ok(), block_on(self.masa.provenance(request)).is_ok());
        told
    }
}

/// In which others than the signer can change the certificates.
const UNSIGNED: [Format; 2] = [Format::Cms, Format::Cose];

#[test]
fn chain_that_was_put_in_the_place_of_the_registrars_pins_nothing_and_spends_no_nonce() {
    for format in UNSIGNED {
        let scene = Scene::new();
        let forged = scene.with_certificates(format, scene.decoy());
        assert_eq!(refusal(scene.vouch(&forged)), Refusal::ProximityMismatch);
        let voucher = scene.vouch(&scene.genuine(format)).unwrap();
        assert_eq!(voucher.pinned_domain_cert.as_ref(), Some(&scene.owner.authority.certificate));
    }
}

#[test]
fn longer_chain_beside_the_registrars_own_changes_nothing() {
    let scene = Scene::new();
    let own = scene.owner.party().identity.chain;
    for chain in [[own.clone(), scene.decoy()].concat(), [scene.decoy(), own].concat()] {
        let request = scene.with_certificates(Format::Cose, chain);
        assert_eq!(scene.vouch(&request).unwrap().pinned_domain_cert.as_ref(), Some(&scene.owner.authority.certificate));
        assert_eq!(scene.log(&request).unwrap(), 1);
    }
    assert_eq!(scene.log(&scene.genuine(Format::Cose)).unwrap(), 1);
}

#[test]
fn registrar_whose_certificates_were_left_out_still_gets_the_voucher_for_its_nonce() {
    for format in UNSIGNED {
        let scene = Scene::new();
        let registrar = &scene.owner.registrar.certificate;
        let stripped = scene.with_certificates(format, vec![registrar.clone()]);
        assert_eq!(scene.vouch(&stripped).unwrap().pinned_domain_cert.as_ref(), Some(registrar));
        assert_eq!(scene.vouch(&scene.genuine(format)).unwrap().pinned_domain_cert.as_ref(), Some(registrar));
        assert_eq!(scene.log(&scene.genuine(format)).unwrap(), 1);
    }
}

#[test]
fn pin_of_a_nonce_does_not_change_when_certificates_are_left_out_afterwards() {
    let scene = Scene::new();
    scene.vouch(&scene.genuine(Format::Cose)).unwrap();
    let stripped = scene.with_certificates(Format::Cose, vec![scene.owner.registrar.certificate.clone()]);
    assert_eq!(refusal(scene.vouch(&stripped)), Refusal::Replayed { how: "to another domain" });
}

#[test]
fn thief_with_a_key_of_its_own_reads_nothing_with_whatever_certificates() {
    let scene = Scene::new();
    scene.vouch(&scene.genuine(Format::Cose)).unwrap();
    let leaves = scene.thief.nonceless(&scene.pledge);
    let [authority, root, registrar] = [&scene.owner.authority, &scene.owner.root, &scene.owner.registrar].map(|entity| entity.certificate.clone());
    let bare = scene.thief.registrar.party(&[]);
    for party in [bare.clone(), scene.thief.party(), bare.enclosing(vec![authority, root, registrar])] {
        assert!(matches!(refusal(scene.log(&seal(&party, &leaves, Format::Cose))), Refusal::NeverOwner { .. }));
    }
}

#[test]
fn thief_that_borrows_the_name_of_the_owners_ca_reads_nothing() {
    let scene = Scene::new();
    scene.vouch(&scene.genuine(Format::Cose)).unwrap();
    let namesake = scene.thief.root.issue(Subject::common_name("owner issuing"), |template| template.ca(None));
    let registrar = namesake.issue(Subject::common_name("thief"), |template| template.usages(&[CMC_RA]));
    let leaves = scene.owner.nonceless(&scene.pledge);
    for chain in [vec![&scene.owner.authority, &scene.owner.root], vec![&scene.owner.authority, &namesake, &scene.owner.root, &scene.thief.root]] {
        assert!(scene.log(&seal(&registrar.party(&chain), &leaves, Format::Cose)).is_err());
    }
}

#[test]
fn listed_ca_that_merely_comes_along_brings_no_voucher_without_nonce() {
    let mut scene = Scene::new();
    let mut parts = scene.maker.parts(memory());
    parts.lines.rest_mut().issue_policy.nonceless.domains = vec![scene.owner.authority.certificate.spki_digest()];
    scene.masa = Masa::new(parts);
    block_on(scene.masa.record(&scene.maker.report(&scene.pledge, Some(origin())))).unwrap();

    let along = scene.thief.party().enclosing(vec![scene.owner.authority.certificate.clone(), scene.owner.root.certificate.clone()]);
    let request = |owner: &Owner, party: &SigningParty| seal(party, &owner.nonceless(&scene.pledge), Format::Cose);
    let outcome = block_on(scene.masa.vouch(&request(&scene.thief, &along), Format::Cose, &scene.thief.peer()));
    assert!(matches!(refusal(outcome), Refusal::NoncelessNotAuthorized { .. }));
    assert!(scene.vouch(&request(&scene.owner, &scene.owner.party())).is_ok());
}

/// How a pledge may name its registrar.
const NAMES: [fn(VoucherRequest) -> VoucherRequest; 3] = [core::convert::identity, by_key, by_key_hash];

#[test]
fn nonce_is_repeated_in_every_format_for_the_same_pin_and_refused_for_another() {
    for (first, name) in NAMES.iter().enumerate() {
        let scene = Scene::new();
        let request = |format, name: &dyn Fn(VoucherRequest) -> VoucherRequest| {
            scene.owner.request_in(format, &scene.pledge, &name(scene.pledge.leaves(&scene.owner, nonce(1))))
        };
        let pinned =
            |voucher: Voucher| [voucher.pinned_domain_cert.is_some(), voucher.pinned_domain_pubk.is_some(), voucher.pinned_domain_pubk_sha256.is_some()];
        for &format in Format::ALL {
            let found = pinned(scene.vouch(&request(format, name)).unwrap());
            assert_eq!(found, [first == 0, first == 1, first == 2], "{format:?}");
            // A key and its hash are the same pin, also where the voucher then says it the other way; a certificate is never the same as either.
            for same in [1, 2].into_iter().filter(|same| first != 0 && *same != first) {
                assert_eq!(pinned(scene.vouch(&request(format, &NAMES[same])).unwrap()), [false, same == 1, same == 2]);
            }
            for other in [0, 1, 2].into_iter().filter(|other| (*other == 0) != (first == 0)) {
                assert_eq!(refusal(scene.vouch(&request(format, &NAMES[other]))), Refusal::Replayed { how: "to another domain" });
            }
        }
        assert_eq!(scene.log(&request(Format::Cms, name)).unwrap(), 1);
    }
}
