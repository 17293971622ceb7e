use brski_common::time::at;
use brski_common::{SigningParty, SpkiDigest};

use super::*;
use crate::testing::{NOW, World, now};
use crate::trust::tests::{profile, signed_profile};

const TOLERANCE: Duration = Duration::from_secs(300);

fn dated(secs: u64) -> String {
    format!("issued-at = \"{}\"\n", to_rfc3339(at(secs)))
}

/// A line of a profile that names this party's key for the next one.
fn naming(party: &SigningParty) -> String {
    format!("profile-signers = [\"{}\"]\n", party.signer.public_key().digest())
}

/// The present profile: of yesterday, naming the provenance key for the next.
fn accepted(world: &World) -> String {
    let anchor = world.provenance.identity.chain[1].to_pem();
    profile(world, &format!("provenance-anchors = '''{anchor}'''\n{}{}", naming(&world.provenance), dated(NOW - 86_400)))
}

fn offered(world: &World, by: &SigningParty, more: &str) -> Verified<ProfileText> {
    world.manufacturer().verify_profile(&signed_profile(world, by, more), now()).unwrap()
}

fn outcome(world: &World, more: &str, older: bool) -> Result<Update, ProfileError> {
    update(&accepted(world), &offered(world, &world.provenance, more), older, now(), TOLERANCE)
}

#[test]
fn newer_profile_signed_by_the_key_that_the_accepted_one_names_needs_no_fingerprint() {
    let world = World::new();
    let more = naming(&world.provenance) + &dated(NOW - 60);
    assert!(outcome(&world, &more, false).unwrap().signer_is_named());
}

#[test]
fn voucher_key_takes_no_anchors_place_without_a_fingerprint() {
    let world = World::new();
    let offered = offered(&world, &world.voucher, &(naming(&world.voucher) + &dated(NOW - 60)));
    assert!(!update(&accepted(&world), &offered, false, now(), TOLERANCE).unwrap().signer_is_named());
}

#[test]
fn profile_that_names_no_signer_leaves_the_next_one_to_a_person() {
    let world = World::new();
    let offered = offered(&world, &world.provenance, &dated(NOW - 60));
    assert!(!update(&profile(&world, ""), &offered, false, now(), TOLERANCE).unwrap().signer_is_named());
}

#[test]
fn key_that_the_accepted_profile_names_as_its_next_signs_the_next_one() {
    let world = World::new();
    let next = world.voucher.signer.public_key().digest();
    let present = accepted(&world).replace("profile-signers = [", &format!("profile-signers = [\"{next}\", "));
    let offered = offered(&world, &world.voucher, &dated(NOW - 60));
    assert!(update(&present, &offered, false, now(), TOLERANCE).unwrap().signer_is_named());
}

#[test]
fn update_tells_what_changes_line_by_line() {
    let world = World::new();
    let more = format!("masa-url = \"new.example.com\"\nignore-idevid-expiry = true\n{}{}", naming(&world.provenance), dated(NOW - 60));
    let update = outcome(&world, &more, false).unwrap();
    let lines = [
        "- MASA: as each IDevID says\n+ MASA: https://new.example.com/.well-known/brski".to_owned(),
        "- expired IDevIDs: refused\n+ expired IDevIDs: accepted".to_owned(),
        format!("- issued-at: {}\n+ issued-at: {}", to_rfc3339(at(NOW - 86_400)), to_rfc3339(at(NOW - 60))),
    ];
    assert_eq!(update.changes().iter().map(ToString::to_string).collect::<Vec<_>>(), lines);
    assert!(!update.changes_only_the_date());
}

#[test]
fn update_tells_anchors_that_come_and_go_by_fingerprint() {
    let world = World::new();
    let tls = world.domain.certificate.clone();
    let more = format!("masa-tls-anchors = '''{}'''\n{}{}", tls.to_pem(), naming(&world.provenance), dated(NOW - 60));
    let come = Change { what: "anchor of the MASA's TLS server", before: None, after: Some(format!("SHA-256 {}, {}", tls.fingerprint(), tls.subject())) };
    assert_eq!(outcome(&world, &more, false).unwrap().changes()[0], come);
    let present = accepted(&world) + &format!("masa-tls-anchors = '''{}'''\n", tls.to_pem());
    let gone = Change { before: come.after.clone(), after: None, ..come };
    let offered = offered(&world, &world.provenance, &(naming(&world.provenance) + &dated(NOW - 60)));
    assert_eq!(update(&present, &offered, false, now(), TOLERANCE).unwrap().changes()[0], gone);
}

#[test]
fn another_key_for_the_next_profile_is_a_change() {
    let world = World::new();
    let update = outcome(&world, &(naming(&world.voucher) + &dated(NOW - 60)), false).unwrap();
    let digest = |party: &SigningParty| Some(party.signer.public_key().digest().to_string());
    let what = "key that may sign the next profile, SHA-256";
    assert_eq!(update.changes()[0], Change { what, before: digest(&world.provenance), after: digest(&world.voucher) });
}

#[test]
fn profile_of_which_only_the_date_is_new_leaves_nothing_to_decide() {
    let world = World::new();
    assert!(outcome(&world, &(naming(&world.provenance) + &dated(NOW - 60)), false).unwrap().changes_only_the_date());
}

#[test]
fn profile_from_the_future_is_refused_even_where_older_ones_are_taken() {
    let world = World::new();
    let tolerated = dated(NOW + TOLERANCE.as_secs());
    assert!(outcome(&world, &tolerated, false).is_ok());
    let later = dated(NOW + TOLERANCE.as_secs() + 1);
    assert!(matches!(outcome(&world, &later, true), Err(ProfileError::Future { .. })));
    assert!(matches!(check_date(&profile(&world, &later), now(), TOLERANCE), Err(ProfileError::Future { .. })));
}

#[test]
fn profile_that_is_no_newer_is_no_update_unless_the_owner_says_so() {
    let world = World::new();
    for secs in [NOW - 86_401, NOW - 86_400] {
        assert!(matches!(outcome(&world, &dated(secs), false), Err(ProfileError::NotNewer { .. })));
        assert!(outcome(&world, &dated(secs), true).is_ok());
    }
    assert!(matches!(outcome(&world, "", false), Err(ProfileError::Field { field: "issued-at", .. })));
}

#[test]
fn profile_of_another_name_is_no_update() {
    let world = World::new();
    let other = accepted(&world).replace("\"Maker\"", "\"Other\"");
    let offered = offered(&world, &world.provenance, &dated(NOW - 60));
    assert!(matches!(update(&other, &offered, true, now(), TOLERANCE), Err(ProfileError::OtherManufacturer { .. })));
}

#[test]
fn profile_names_its_next_signers_by_the_digest_of_their_keys() {
    let world = World::new();
    assert_eq!(Manufacturer::profile_signers(&accepted(&world)).unwrap(), [world.provenance.signer.public_key().digest()]);
    assert_eq!(Manufacturer::profile_signers(&profile(&world, "")).unwrap(), [SpkiDigest([0; 32]); 0]);
    assert!(matches!(Manufacturer::from_profile(&profile(&world, "profile-signers = [\"abc\"]\n")), Err(ProfileError::Syntax(_))));
}
