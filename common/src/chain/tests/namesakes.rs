//! How many paths are looked for where many certificates have one subject name.

use super::*;

/// CAs of one name, each of which is certified by the next one.
fn ring(count: usize) -> (Vec<Entity>, Vec<Certificate>) {
    let cas: Vec<Entity> = (0..count).map(|_| Entity::root("N")).collect();
    let crossed = |(ca, next): (&Entity, &Entity)| {
        let template = template(Subject::common_name("N"), &ca.key).ca(None);
        block_on(template.issued_by(&next.certificate, &next.key)).unwrap()
    };
    let certificates = cas.iter().zip(cas.iter().cycle().skip(1)).map(crossed).collect();
    (cas, certificates)
}

#[test]
fn of_many_cas_with_one_name_three_are_looked_at() {
    let (cas, ring) = ring(28);
    let leaf = cas[0].issue("Leaf", ES256, |t| t).certificate;
    assert_eq!(above(&leaf, &ring).len(), 3);
}

#[test]
fn three_of_each_name_are_looked_at_however_often_they_come() {
    let top: Vec<Entity> = (0..5).map(|_| Entity::root("Top")).collect();
    let middle: Vec<Entity> = top.iter().map(|t| t.issue_ca("Middle")).collect();
    let leaf = middle[0].issue("Leaf", ES256, |t| t).certificate;
    let pool: Vec<Certificate> = [&top, &middle, &top].into_iter().flatten().map(|e| e.certificate.clone()).collect();
    let names: Vec<String> = above(&leaf, &pool).iter().map(|c| c.subject().to_owned()).collect();
    assert_eq!(names, ["CN=Middle", "CN=Middle", "CN=Middle", "CN=Top", "CN=Top", "CN=Top"]);
}

#[test]
fn path_through_more_than_three_cas_of_one_name_is_not_looked_for() {
    let (cas, ring) = ring(8);
    let leaf = cas[0].issue("Leaf", ES256, |t| t).certificate;
    let length_to = |anchor: &Entity| anchors(anchor).verify_path(&leaf, &ring, Usage::Any, now()).map(|path| path.len());
    assert_eq!(length_to(&cas[3]), Ok(5));
    assert!(matches!(length_to(&cas[4]), Err(VerifyError::NoPath { .. })));
}

#[test]
fn issuer_whose_key_identifier_is_named_is_not_crowded_out_by_its_namesakes() {
    let root = Entity::root("Root");
    let generations: Vec<Entity> = (0..6).map(|_| root.issue_ca("CA")).collect();
    let pool: Vec<&Entity> = generations.iter().collect();
    for ca in &generations {
        let leaf = ca.issue("Leaf", ES256, |t| t);
        assert_eq!(verify(&root, &leaf, &pool).unwrap(), [&leaf, ca, &root].map(|e| e.certificate.clone()));
    }
}
