//! Links between CAs that were verified before accept nothing that they would not accept the first time.

use super::*;

/// A root, a CA below it, anchors of the root, and a leaf that made them know the CA.
fn known() -> (Entity, Anchors) {
    let root = Entity::root("Root");
    let (ca, anchors) = (root.issue_ca("CA"), anchors(&root));
    let leaf = ca.issue("First", ES256, |t| t).certificate;
    anchors.verify_path(&leaf, core::slice::from_ref(&ca.certificate), Usage::Any, now()).unwrap();
    assert_eq!(anchors.links.to(leaf.issuer_der()).len(), 1);
    (ca, anchors)
}

#[test]
fn next_leaf_has_the_path_that_it_would_have_had_first() {
    let (ca, known) = known();
    let (leaf, pool) = (ca.issue("Second", ES256, |t| t).certificate, [ca.certificate]);
    let fresh = Anchors::new(known.certificates().to_vec()).unwrap();
    assert_eq!(known.verify_path(&leaf, &pool, Usage::Any, now()), fresh.verify_path(&leaf, &pool, Usage::Any, now()));
    assert_eq!(known.verify_path(&leaf, &pool, Usage::Any, now()).unwrap().len(), 3);
}

#[test]
fn known_ca_that_nobody_presents_is_no_issuer() {
    let (ca, known) = known();
    assert!(is_no_path(&known.verify_path(&ca.issue("Second", ES256, |t| t).certificate, &[], Usage::Any, now())));
}

#[test]
fn known_ca_must_be_current_each_time() {
    let root = Entity::root("Root");
    let (ca, anchors) = (within(&root, "CA", NOW - 9, NOW + 9, true), anchors(&root));
    let (leaf, pool) = (within(&ca, "Leaf", NOW - 99, NOW + 99, false).certificate, [ca.certificate]);
    let current = |at_: u64| anchors.verify_path(&leaf, &pool, Usage::Any, at(at_)).is_ok();
    assert_eq!([NOW, NOW - 10, NOW - 9, NOW + 9, NOW + 10].map(current), [true, false, true, true, false]);
}

#[test]
fn leaf_must_be_current_and_usable_under_a_known_ca_too() {
    let (ca, known) = known();
    let (expired, pool) = (within(&ca, "Leaf", NOW - 9, NOW - 1, false).certificate, [ca.certificate.clone()]);
    assert!(matches!(known.verify_path(&expired, &pool, Usage::Any, now()), Err(VerifyError::NotCurrent { .. })));
    let leaf = ca.issue("Second", ES256, |t| t).certificate;
    assert!(matches!(known.verify_path(&leaf, &pool, Usage::CmcRa, now()), Err(VerifyError::WrongUsage { .. })));
}

#[test]
fn impostor_with_the_name_of_a_known_ca_is_not_trusted() {
    let (ca, known) = known();
    let impostor = Entity::root("CA");
    let (leaf, pool) = (impostor.issue("Second", ES256, |t| t).certificate, [ca.certificate, impostor.certificate]);
    assert!(is_no_path(&known.verify_path(&leaf, &pool, Usage::Any, now())));
}

#[test]
fn known_ca_at_the_end_of_its_path_length_has_no_cas_below() {
    let root = Entity::root("Root");
    let (last, anchors) = (root.issue("Last", ES256, |t| t.ca(Some(0))), anchors(&root));
    let pool = |more: &[&Entity]| [&last].into_iter().chain(more.iter().copied()).map(|e| e.certificate.clone()).collect::<Vec<_>>();
    anchors.verify_path(&last.issue("Leaf", ES256, |t| t).certificate, &pool(&[]), Usage::Any, now()).unwrap();
    let beyond = last.issue_ca("Beyond");
    assert!(is_no_path(&anchors.verify_path(&beyond.issue("Leaf", ES256, |t| t).certificate, &pool(&[&beyond]), Usage::Any, now())));
}

#[test]
fn ca_whose_path_constrains_names_is_not_remembered() {
    use der::Encode as _;
    use x509_cert::ext::pkix::constraints::name::{GeneralSubtree, NameConstraints};
    let root = Entity::root("Root");
    let base = x509_cert::ext::pkix::name::GeneralName::DnsName(der::asn1::Ia5String::new("example.org").unwrap());
    let constraints = NameConstraints { permitted_subtrees: None, excluded_subtrees: Some(vec![GeneralSubtree { base, minimum: 0, maximum: None }]) };
    let constrained = root.reissued(|tbs| {
        let extn_value = der::asn1::OctetString::new(constraints.to_der().unwrap()).unwrap();
        let extension = x509_cert::ext::Extension { extn_id: const_oid::db::rfc5280::ID_CE_NAME_CONSTRAINTS, critical: true, extn_value };
        tbs.extensions.as_mut().unwrap().push(extension);
    });
    let ca = root.issue_ca("CA");
    let (leaf, anchors) = (ca.issue("Leaf", ES256, |t| t).certificate, Anchors::new([constrained]).unwrap());
    for _ in 0..2 {
        anchors.verify_path(&leaf, core::slice::from_ref(&ca.certificate), Usage::Any, now()).unwrap();
        assert!(anchors.links.to(leaf.issuer_der()).is_empty());
    }
    let excluded = ca.issue("Excluded", ES256, |t| t.alternative_names(&["a.example.org".to_owned()])).certificate;
    assert!(is_no_path(&anchors.verify_path(&excluded, &[ca.certificate], Usage::Any, now())));
}

#[test]
fn of_many_cas_only_so_many_are_remembered() {
    let root = Entity::root("Root");
    let anchors = anchors(&root);
    let cas: Vec<Entity> = (0..70).map(|_| root.issue_ca("CA")).collect();
    for ca in &cas {
        let leaf = ca.issue("Leaf", ES256, |t| t).certificate;
        anchors.verify_path(&leaf, core::slice::from_ref(&ca.certificate), Usage::Any, now()).unwrap();
    }
    assert_eq!(anchors.links.to(cas[0].certificate.subject_der()).len(), 64);
}
