//! Anchors that demand a certificate policy of whoever stands below them.

use super::*;

fn policy(dotted: &str) -> PolicyOid {
    PolicyOid::new(dotted).unwrap()
}

/// What signs vouchers, in the examples of this file.
fn vouching() -> PolicyOid {
    policy("1.3.6.1.4.1.32473.1")
}

fn demanding(anchor: &Entity, leaf: &Entity, pool: &[&Entity]) -> Result<(), VerifyError> {
    let pool: Vec<Certificate> = pool.iter().map(|e| e.certificate.clone()).collect();
    anchors(anchor).demanding(vouching()).verify_path(&leaf.certificate, &pool, Usage::Any, now()).map(drop)
}

fn lacks(subject: &str) -> Result<(), VerifyError> {
    Err(VerifyError::WrongPolicy { subject: subject.to_owned(), policy: vouching() })
}

#[test]
fn signer_under_the_policy_is_accepted_and_its_neighbour_is_not() {
    let root = Entity::root("Root");
    let signer = root.issue("Signer", ES256, |t| t.policy(&policy("1.2.3")).policy(&vouching()));
    assert_eq!(demanding(&root, &signer, &[]), Ok(()));
    assert_eq!(demanding(&root, &root.issue("Device", ES256, |t| t), &[]), lacks("CN=Device"));
    assert_eq!(demanding(&root, &root.issue("Device", ES256, |t| t.policy(&policy("1.3.6.1.4.1.32473.11"))), &[]), lacks("CN=Device"));
}

#[test]
fn without_demand_no_policy_is_needed() {
    let root = Entity::root("Root");
    assert!(verify(&root, &root.issue("Device", ES256, |t| t), &[]).is_ok());
}

#[test]
fn ca_that_is_not_under_the_policy_cannot_pass_it_on() {
    let root = Entity::root("Root");
    let plant = root.issue_ca("Plant");
    let signer = plant.issue("Signer", ES256, |t| t.policy(&vouching()));
    assert_eq!(demanding(&root, &signer, &[&plant]), lacks("CN=Plant"));
    let office = root.issue("Office", ES256, |t| t.ca(None).policy(&vouching()));
    assert_eq!(demanding(&root, &office.issue("Signer", ES256, |t| t.policy(&vouching())), &[&office]), Ok(()));
    assert_eq!(demanding(&root, &office.issue("Other", ES256, |t| t), &[&office]), lacks("CN=Other"));
}

/// A certificate with this policy, which a template cannot express.
fn under_any_policy(entity: &Entity, issuer: &Entity) -> Entity {
    use der::{Decode as _, Encode as _};
    let mut certificate = x509_cert::Certificate::from_der(entity.certificate.der()).unwrap();
    let found = certificate.tbs_certificate.extensions.as_mut().unwrap().iter_mut().find(|e| e.extn_id == const_oid::db::rfc5280::ID_CE_CERTIFICATE_POLICIES);
    let information = x509_cert::ext::pkix::certpolicy::PolicyInformation { policy_identifier: const_oid::db::rfc5280::ANY_POLICY, policy_qualifiers: None };
    let policies = x509_cert::ext::pkix::CertificatePolicies(vec![information]);
    found.unwrap().extn_value = der::asn1::OctetString::new(policies.to_der().unwrap()).unwrap();
    let signature = block_on(issuer.key.sign(&certificate.tbs_certificate.to_der().unwrap())).unwrap();
    certificate.signature = der::asn1::BitString::from_bytes(&signature.to_asn1().unwrap()).unwrap();
    Entity { certificate: Certificate::from_der(&certificate.to_der().unwrap()).unwrap(), key: entity.key.clone() }
}

#[test]
fn any_policy_will_do_for_a_ca_and_not_for_a_signer() {
    let root = Entity::root("Root");
    let authority = under_any_policy(&root.issue("CA", ES256, |t| t.ca(None).policy(&vouching())), &root);
    assert_eq!(demanding(&root, &authority.issue("Signer", ES256, |t| t.policy(&vouching())), &[&authority]), Ok(()));
    let signer = under_any_policy(&root.issue("Signer", ES256, |t| t.policy(&vouching())), &root);
    assert_eq!(demanding(&root, &signer, &[]), lacks("CN=Signer"));
}

#[test]
fn signer_that_is_an_anchor_itself_has_to_be_under_the_policy_too() {
    let signer = Entity::root("Signer");
    assert_eq!(demanding(&signer, &signer, &[]), lacks("CN=Signer"));
}

#[test]
fn policy_is_one_object_identifier_and_not_any_policy() {
    for wrong in ["", "1", "1.2.", "2.5.29.32.0", "1.3.6.1.4.1.32473.1 ", "voucher"] {
        assert!(PolicyOid::new(wrong).is_err(), "{wrong:?}");
    }
    assert_eq!(vouching().to_string(), "1.3.6.1.4.1.32473.1");
}
