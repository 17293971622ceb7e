//! Keys that were read before verify what they would verify read anew.

use super::*;

const ALGORITHMS: [SignatureAlgorithm; 3] = [SignatureAlgorithm::Es256, SignatureAlgorithm::Es384, SignatureAlgorithm::EdDsa];

#[test]
fn ca_with_a_key_of_any_kind_vouches_for_what_it_issued() {
    let root = Entity::root("Root");
    let authorities = ALGORITHMS.map(|algorithm| root.issue(algorithm.jose_name(), algorithm, |t| t.ca(None)));
    let anchors = Anchors::new(authorities.iter().map(|ca| ca.certificate.clone())).unwrap();
    for ca in authorities {
        let leaf = ca.issue("Leaf", ES256, |t| t).certificate;
        assert_eq!(anchors.verify_path(&leaf, &[], Usage::Any, now()), Ok(vec![leaf, ca.certificate]));
    }
}

#[test]
fn namesake_with_another_key_of_the_same_kind_vouches_for_nothing() {
    let root = Entity::root("Root");
    for algorithm in ALGORITHMS {
        let [ca, namesake] = ["CA", "CA"].map(|name| root.issue(name, algorithm, |t| t.ca(None)));
        assert!(is_no_path(&verify(&ca, &namesake.issue("Leaf", ES256, |t| t), &[])));
    }
}

#[test]
fn two_cas_of_one_name_vouch_each_with_its_own_key() {
    let authorities = ["CA", "CA"].map(Entity::root);
    let anchors = Anchors::new(authorities.iter().map(|ca| ca.certificate.clone())).unwrap();
    for ca in authorities {
        let leaf = ca.issue("Leaf", ES256, |t| t).certificate;
        assert_eq!(anchors.verify_path(&leaf, &[], Usage::Any, now()), Ok(vec![leaf, ca.certificate]));
    }
}
