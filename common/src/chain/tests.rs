mod keys;
mod namesakes;
mod policies;
mod remembered;

use super::*;
use crate::issuing::{Subject, Template};
use crate::sign::{SignatureAlgorithm, Signer as _};
use crate::test_pki::{Entity, NOW, block_on, new_key, now, template};
use crate::time::at;

const ES256: SignatureAlgorithm = SignatureAlgorithm::Es256;

fn anchors(entity: &Entity) -> Anchors {
    Anchors::new([entity.certificate.clone()]).unwrap()
}

fn verify(anchor: &Entity, leaf: &Entity, pool: &[&Entity]) -> Result<Vec<Certificate>, VerifyError> {
    let pool: Vec<Certificate> = pool.iter().map(|e| e.certificate.clone()).collect();
    anchors(anchor).verify_path(&leaf.certificate, &pool, Usage::Any, now())
}

/// A certificate under `issuer` that is valid within these seconds only.
fn within(issuer: &Entity, name: &str, from: u64, until: u64, ca: bool) -> Entity {
    let key = new_key(ES256);
    let template = Template::new(Subject::common_name(name), key.public_key(), [9; 16], at(from), at(until));
    let template = if ca { template.ca(None) } else { template };
    Entity { certificate: block_on(template.issued_by(&issuer.certificate, &issuer.key)).unwrap(), key }
}

fn is_no_path(outcome: &Result<Vec<Certificate>, VerifyError>) -> bool {
    matches!(outcome, Err(VerifyError::NoPath { .. }))
}

#[test]
fn empty_anchors_trust_nothing() {
    let root = Entity::root("Root");
    assert!(is_no_path(&Anchors::default().verify_path(&root.certificate, &[], Usage::Any, now())));
}

#[test]
fn stranger_with_the_anchors_name_is_not_trusted() {
    let (root, impostor) = (Entity::root("Root"), Entity::root("Root"));
    let leaf = impostor.issue("Leaf", ES256, |t| t);
    assert!(is_no_path(&verify(&root, &leaf, &[&impostor])));
    assert!(is_no_path(&verify(&root, &impostor, &[])));
}

#[test]
fn intermediate_that_is_missing_leaves_no_path() {
    let root = Entity::root("Root");
    let ca = root.issue_ca("CA");
    assert!(is_no_path(&verify(&root, &ca.issue("Leaf", ES256, |t| t), &[])));
}

#[test]
fn path_is_returned_from_leaf_to_anchor_whatever_the_pool_holds() {
    let root = Entity::root("Root");
    let upper = root.issue_ca("Upper");
    let lower = upper.issue_ca("Lower");
    let leaf = lower.issue("Leaf", ES256, |t| t);
    let unrelated = Entity::root("Unrelated");
    let path = verify(&root, &leaf, &[&unrelated, &root, &lower, &leaf, &upper]).unwrap();
    assert_eq!(path, [leaf, lower, upper, root].map(|e| e.certificate));
}

#[test]
fn end_entity_cannot_issue() {
    let root = Entity::root("Root");
    let leaf = root.issue("Leaf", ES256, |t| t);
    assert!(is_no_path(&verify(&root, &leaf.issue("Forged", ES256, |t| t), &[&leaf])));
}

#[test]
fn ca_below_its_path_length_cannot_issue() {
    let root = Entity::root("Root");
    let last = root.issue("Last", ES256, |t| t.ca(Some(0)));
    let beyond = last.issue_ca("Beyond");
    assert!(verify(&root, &last.issue("Leaf", ES256, |t| t), &[&last]).is_ok());
    assert!(is_no_path(&verify(&root, &beyond.issue("Leaf", ES256, |t| t), &[&last, &beyond])));
}

#[test]
fn pinned_end_entity_is_trusted_as_itself() {
    let pinned = Entity::root("Root").issue("Registrar", ES256, |t| t);
    assert_eq!(verify(&pinned, &pinned, &[]).unwrap(), std::slice::from_ref(&pinned.certificate));
}

#[test]
fn pinned_end_entity_is_no_ca_for_others() {
    let pinned = Entity::root("Root").issue("Registrar", ES256, |t| t);
    let forged = pinned.issue("Forged", ES256, |t| t);
    let detail = "the anchor of its issuer's name is no CA (basicConstraints)".to_owned();
    assert_eq!(verify(&pinned, &forged, &[&pinned]), Err(VerifyError::NoPath { subject: "CN=Forged".to_owned(), detail }));
}

#[test]
fn pinned_end_entity_is_trusted_within_its_validity_alone() {
    let root = Entity::root("Root");
    let outcome = |from, until| {
        let pinned = within(&root, "Registrar", from, until, false);
        verify(&pinned, &pinned, &[])
    };
    let not_current = |state| Err(VerifyError::NotCurrent { subject: "CN=Registrar".to_owned(), state, now: to_rfc3339(now()) });
    assert_eq!(outcome(NOW - 9, NOW - 1), not_current("expired"));
    assert_eq!(outcome(NOW + 1, NOW + 9), not_current("not yet valid"));
    assert!(outcome(NOW, NOW).is_ok());
}

#[test]
fn leaf_and_intermediate_must_be_current() {
    let root = Entity::root("Root");
    let not_current = |state| Err(VerifyError::NotCurrent { subject: "CN=Leaf".to_owned(), state, now: to_rfc3339(now()) });
    for (from, until, state) in [(NOW - 9, NOW - 1, "expired"), (NOW + 1, NOW + 9, "not yet valid")] {
        assert_eq!(verify(&root, &within(&root, "Leaf", from, until, false), &[]), not_current(state));
        let ca = within(&root, "CA", from, until, true);
        assert_eq!(verify(&root, &ca.issue("Leaf", ES256, |t| t), &[&ca]), not_current(state));
    }
    assert!(verify(&root, &within(&root, "Leaf", NOW, NOW, false), &[]).is_ok());
}

#[test]
fn anchor_is_trusted_beyond_its_validity() {
    let key = new_key(ES256);
    let expired = Template::new(Subject::common_name("Root"), key.public_key(), [1; 16], at(NOW - 9), at(NOW - 1)).ca(None);
    let root = Entity { certificate: block_on(expired.self_signed(&key)).unwrap(), key };
    assert!(verify(&root, &root.issue("Leaf", ES256, |t| t), &[]).is_ok());
}

#[test]
fn certificates_that_issued_each_other_lead_nowhere_and_end() {
    // Both keys sign the other's name, as cross-certificates do; no root is anywhere.
    let (a, b) = (Entity::root("A"), Entity::root("B"));
    let cross = |name: &str, of: &Entity, by: &Entity| {
        let certificate = block_on(template(Subject::common_name(name), &of.key).ca(None).issued_by(&by.certificate, &by.key)).unwrap();
        Entity { certificate, key: of.key.clone() }
    };
    let (a_by_b, b_by_a) = (cross("A", &a, &b), cross("B", &b, &a));
    let leaf = a.issue("Leaf", ES256, |t| t);
    assert!(is_no_path(&verify(&Entity::root("Elsewhere"), &leaf, &[&a_by_b, &b_by_a])));

    let pool = [a_by_b.certificate, b_by_a.certificate];
    assert!(is_no_path(&consistent_path(&leaf.certificate, &pool, Usage::Any, now())));
}

#[test]
fn consistent_path_leads_to_the_topmost_certificate_that_fits() {
    let root = Entity::root("Root");
    let namesake = Entity::root("Root");
    let ca = root.issue_ca("CA");
    let leaf = ca.issue("Leaf", ES256, |t| t);
    let path = |pool: &[&Entity]| {
        let pool: Vec<Certificate> = pool.iter().map(|e| e.certificate.clone()).collect();
        consistent_path(&leaf.certificate, &pool, Usage::Any, now())
    };
    assert_eq!(path(&[]).unwrap(), std::slice::from_ref(&leaf.certificate));
    assert_eq!(path(&[&leaf]).unwrap(), std::slice::from_ref(&leaf.certificate));
    // Nobody at hand signed the CA, so that nothing is said of it.
    assert_eq!(path(&[&leaf, &ca]).unwrap(), std::slice::from_ref(&leaf.certificate));
    assert_eq!(path(&[&leaf, &ca, &root]).unwrap(), [&leaf, &ca, &root].map(|e| e.certificate.clone()));
    assert_eq!(path(&[&namesake, &ca, &root]).unwrap(), [&leaf, &ca, &root].map(|e| e.certificate.clone()));
    assert!(is_no_path(&path(&[&ca, &namesake])));
}

#[test]
fn certificates_of_others_in_the_pool_are_neither_part_of_a_consistent_path_nor_in_its_way() {
    let root = Entity::root("Root");
    let ca = root.issue_ca("CA");
    let leaf = ca.issue("Registrar", ES256, |t| t);
    let (maker, stranger) = (Entity::root("Maker"), Entity::root("Stranger"));
    let maker_ca = maker.issue_ca("Maker CA");
    let pledge = maker_ca.issue("Pledge", ES256, |t| t);
    // A self-signed one that is no CA, one whose issuer is not there, and one that did not sign itself.
    let alone = template(Subject::common_name("Alone"), &pledge.key);
    let alone = block_on(alone.self_signed(&pledge.key)).unwrap();
    let others = [pledge.certificate, maker_ca.certificate, altered(&maker.certificate), stranger.issue_ca("Orphan").certificate, alone];

    let own = [&leaf, &ca, &root].map(|e| e.certificate.clone());
    for at in 0..=others.len() {
        let pool = [&others[..at], &own[..], &others[at..]].concat();
        assert_eq!(consistent_path(&leaf.certificate, &pool, Usage::Any, now()).unwrap(), own);
    }
    assert_eq!(consistent_path(&leaf.certificate, &others, Usage::Any, now()).unwrap(), own[..1]);
    assert_eq!(above(&leaf.certificate, &[&own[..], &others].concat()), own[1..]);
}

/// The certificate with one more second of validity, under the signature of the old.
fn altered(certificate: &Certificate) -> Certificate {
    use der::{Decode as _, Encode as _};
    let mut parsed = x509_cert::Certificate::from_der(certificate.der()).unwrap();
    parsed.tbs_certificate.validity.not_before =
        x509_cert::time::Time::GeneralTime(der::asn1::GeneralizedTime::from_unix_duration(core::time::Duration::from_secs(NOW - 86_401)).unwrap());
    Certificate::from_der(&parsed.to_der().unwrap()).unwrap()
}

#[test]
fn altered_ca_is_never_part_of_a_consistent_path() {
    let root = Entity::root("Root");
    let ca = root.issue_ca("CA");
    let (below_root, below_ca) = (root.issue("Leaf", ES256, |t| t).certificate, ca.issue("Leaf", ES256, |t| t).certificate);
    let path = |leaf: &Certificate, pool: &[Certificate]| consistent_path(leaf, pool, Usage::Any, now());
    let [false_root, false_ca] = [&root, &ca].map(|e| altered(&e.certificate));

    assert!(is_no_path(&path(&below_root, core::slice::from_ref(&false_root))));
    assert!(is_no_path(&path(&below_ca, &[ca.certificate.clone(), false_root])));
    assert!(is_no_path(&path(&below_ca, &[false_ca.clone(), root.certificate.clone()])));
    assert_eq!(path(&below_ca, &[false_ca]).unwrap(), [below_ca]);
}

#[test]
fn self_issued_registrar_alone_must_have_signed_itself() {
    let key = new_key(ES256);
    let alone = block_on(template(Subject::common_name("Registrar"), &key).self_signed(&key)).unwrap();
    let path = |leaf: &Certificate| consistent_path(leaf, &[], Usage::Any, now());
    assert_eq!(path(&alone).unwrap(), core::slice::from_ref(&alone));
    assert!(is_no_path(&path(&altered(&alone))));
}

#[test]
fn usage_must_be_allowed() {
    let root = Entity::root("Root");
    let with = |usages: &[&str]| root.issue("Leaf", ES256, |t| t.usages(usages));
    let allows = |leaf: &Entity, usage| anchors(&root).verify_path(&leaf.certificate, &[], usage, now()).is_ok();
    let unrestricted = with(&[]);
    assert!(allows(&unrestricted, Usage::Any) && allows(&unrestricted, Usage::TlsClient) && allows(&unrestricted, Usage::TlsServer));
    let server = with(&["1.3.6.1.5.5.7.3.1"]);
    assert!(allows(&server, Usage::Any) && allows(&server, Usage::TlsServer) && !allows(&server, Usage::TlsClient));
    let client = with(&["1.3.6.1.5.5.7.3.2"]);
    assert!(allows(&client, Usage::TlsClient) && !allows(&client, Usage::TlsServer));
    let any = with(&["2.5.29.37.0"]);
    assert!(allows(&any, Usage::TlsClient) && allows(&any, Usage::TlsServer));
}

#[test]
fn registrar_must_say_so() {
    let root = Entity::root("Root");
    let outcome = |usages: &[&str]| {
        let leaf = root.issue("Leaf", ES256, |t| t.usages(usages));
        anchors(&root).verify_path(&leaf.certificate, &[], Usage::CmcRa, now())
    };
    let wrong = Err(VerifyError::WrongUsage { subject: "CN=Leaf".to_owned(), usage: "id-kp-cmcRA (1.3.6.1.5.5.7.3.28)" });
    assert_eq!(outcome(&[]), wrong);
    assert_eq!(outcome(&["1.3.6.1.5.5.7.3.1"]), wrong);
    assert_eq!(outcome(&["2.5.29.37.0"]), wrong);
    assert!(outcome(&[ID_KP_CMC_RA]).is_ok());
}

#[test]
fn certificate_of_version_1_is_trusted_as_itself_alone() {
    let v3 = Entity::root("Old");
    let v1 = v3.reissued(|tbs| (tbs.version, tbs.extensions) = (x509_cert::Version::V1, None));
    let root = Entity { certificate: v1, key: v3.key };
    let leaf = root.issue("Leaf", ES256, |t| t);
    assert_eq!(verify(&root, &root, &[]).unwrap(), std::slice::from_ref(&root.certificate));
    assert!(is_no_path(&verify(&root, &leaf, &[])));
}

/// A root whose certificate was signed anew after `change` of the extension with this OID; without it if that is `None`.
fn root_with(oid: &str, change: impl Fn(&mut x509_cert::ext::Extension) -> bool) -> Entity {
    let root = Entity::root("Root");
    let certificate = root.reissued(|tbs| {
        let extensions = tbs.extensions.as_mut().unwrap();
        extensions.retain_mut(|e| e.extn_id.to_string() != oid || change(e));
    });
    Entity { certificate, key: root.key }
}

const KEY_USAGE: &str = "2.5.29.15";

/// keyUsage with cRLSign alone, in DER.
const CRL_SIGN: [u8; 4] = [3, 2, 1, 2];

fn only_crl_sign(extension: &mut x509_cert::ext::Extension) -> bool {
    extension.extn_value = der::asn1::OctetString::new(CRL_SIGN).unwrap();
    true
}

#[test]
fn anchor_without_key_cert_sign_cannot_issue() {
    let root = root_with(KEY_USAGE, only_crl_sign);
    let leaf = root.issue("Leaf", ES256, |t| t);
    assert!(root.certificate.is_ca() && !root.certificate.may_issue());
    let detail = "a certificate above it may not issue others (basicConstraints, keyUsage)".to_owned();
    assert_eq!(verify(&root, &leaf, &[]), Err(VerifyError::NoPath { subject: "CN=Leaf".to_owned(), detail }));
}

#[test]
fn anchor_without_key_usage_may_issue() {
    let root = root_with(KEY_USAGE, |_| false);
    assert!(verify(&root, &root.issue("Leaf", ES256, |t| t), &[]).is_ok());
}

#[test]
fn intermediate_without_key_cert_sign_cannot_issue() {
    // The intermediate crosses from one root to another, so that a certificate for its name and key exists in both forms.
    let (top, root) = (Entity::root("Top"), Entity::root("Root"));
    let crossed = |change: fn(&mut x509_cert::ext::Extension) -> bool| {
        use der::{Decode as _, Encode as _};
        let good = block_on(template(Subject::common_name("Root"), &root.key).ca(None).issued_by(&top.certificate, &top.key)).unwrap();
        let mut certificate = x509_cert::Certificate::from_der(good.der()).unwrap();
        let extensions = certificate.tbs_certificate.extensions.as_mut().unwrap();
        extensions.retain_mut(|e| e.extn_id.to_string() != KEY_USAGE || change(e));
        let signature = block_on(top.key.sign(&certificate.tbs_certificate.to_der().unwrap())).unwrap();
        certificate.signature = der::asn1::BitString::from_bytes(&signature.to_asn1().unwrap()).unwrap();
        Entity { certificate: Certificate::from_der(&certificate.to_der().unwrap()).unwrap(), key: root.key.clone() }
    };
    let leaf = root.issue("Leaf", ES256, |t| t);
    let (for_crls, for_all) = (crossed(only_crl_sign), crossed(|_| true));
    assert!(is_no_path(&verify(&top, &leaf, &[&for_crls])));
    // The path through the other one is still found.
    assert_eq!(verify(&top, &leaf, &[&for_crls, &for_all]).unwrap(), [leaf, for_all, top].map(|e| e.certificate));
}

#[test]
fn path_length_of_the_anchor_counts() {
    let key = new_key(ES256);
    let certificate = block_on(template(Subject::common_name("Root"), &key).ca(Some(0)).self_signed(&key)).unwrap();
    let root = Entity { certificate, key };
    let ca = root.issue_ca("CA");
    assert!(verify(&root, &root.issue("Leaf", ES256, |t| t), &[]).is_ok());
    assert!(is_no_path(&verify(&root, &ca.issue("Leaf", ES256, |t| t), &[&ca])));
}

#[test]
fn anchor_with_an_unknown_critical_extension_is_not_relied_on() {
    const SUBJECT_KEY_ID: &str = "2.5.29.14";
    let renamed = |critical| {
        root_with(SUBJECT_KEY_ID, move |e| {
            (e.extn_id, e.critical) = (der::asn1::ObjectIdentifier::new("1.3.6.1.4.1.55738.666.1").unwrap(), critical);
            true
        })
    };
    let (known, unknown) = (renamed(false), renamed(true));
    assert!(verify(&known, &known.issue("Leaf", ES256, |t| t), &[]).is_ok());
    assert!(is_no_path(&verify(&unknown, &unknown.issue("Leaf", ES256, |t| t), &[])));
    assert!(verify(&known, &known, &[]).is_ok());
    assert!(is_no_path(&verify(&unknown, &unknown, &[])));
}

#[test]
fn nameless_anchor_cannot_issue() {
    let named = Entity::root("Root");
    let certificate = named.reissued(|tbs| (tbs.subject, tbs.issuer) = Default::default());
    let root = Entity { certificate, key: named.key };
    assert!(is_no_path(&verify(&root, &root.issue("Leaf", ES256, |t| t), &[])));
}
