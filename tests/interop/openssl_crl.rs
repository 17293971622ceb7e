//! Revocation lists and profiles of LDevIDs as the `openssl` command reads them.

use brski_common::issuing::{ListedReason, Revoked, Subject, Template, never, revocation_list};
use brski_common::time::at;
use brski_common::{Certificate, SerialNumber, SignatureAlgorithm, Signer as _, SoftwareKey, UnixTime};

use crate::openssl::OpenSsl;

/// A CA with two devices, and the list on which the first of them is, all of one algorithm and in the folder.
async fn lists(algorithm: SignatureAlgorithm) -> Option<OpenSsl> {
    let openssl = OpenSsl::find()?;
    let now = UnixTime::now();
    let yesterday = at(now.as_secs() - 86_400);
    let (ca_key, key) = (SoftwareKey::generate(algorithm).unwrap().0, SoftwareKey::generate(algorithm).unwrap().0);
    let ca = Template::new(Subject::common_name("CA"), ca_key.public_key(), [1; 16], yesterday, never()).ca(Some(0)).self_signed(&ca_key).await.unwrap();
    let device = |serial: &str, number: u8| {
        let subject = Subject::serial_number(&SerialNumber::new(serial).unwrap());
        Template::new(subject, key.public_key(), [number; 16], yesterday, never()).usages(&["1.3.6.1.5.5.7.3.2"])
    };
    let revoked: Certificate = device("A-1", 2).issued_by(&ca, &ca_key).await.unwrap();
    let current = device("A-2", 3).issued_by(&ca, &ca_key).await.unwrap();
    let entry = Revoked { serial: revoked.certificate_serial().to_vec(), at: yesterday, reason: Some(ListedReason::CessationOfOperation) };
    let list = revocation_list(&ca, &ca_key, &[entry], 1 << 64, now, at(now.as_secs() + 86_400)).await.unwrap();
    for (name, certificate) in [("ca.pem", &ca), ("revoked.pem", &revoked), ("current.pem", &current)] {
        openssl.write(name, certificate.to_pem());
    }
    openssl.write("list.der", list);
    openssl.run("crl -inform DER -in list.der -out list.pem");
    Some(openssl)
}

const CHECK: &str = "verify -x509_strict -crl_check -CAfile ca.pem -CRLfile list.pem";

#[tokio::test]
async fn openssl_verifies_our_list_of_every_algorithm() {
    for algorithm in [SignatureAlgorithm::Es256, SignatureAlgorithm::Es384, SignatureAlgorithm::EdDsa] {
        let Some(openssl) = lists(algorithm).await else { return };
        assert!(openssl.run("crl -in list.pem -CAfile ca.pem -noout").contains("verify OK"));
    }
}

#[tokio::test]
async fn openssl_refuses_what_is_on_the_list_and_nothing_else() {
    let Some(openssl) = lists(SignatureAlgorithm::Es256).await else { return };
    openssl.run(&format!("{CHECK} current.pem"));
    let refused = openssl.output(&format!("{CHECK} revoked.pem"), b"");
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("certificate revoked"));
}

#[tokio::test]
async fn openssl_reads_number_authority_and_reason() {
    let Some(openssl) = lists(SignatureAlgorithm::Es256).await else { return };
    let printed = openssl.run("crl -in list.pem -noout -text -crlnumber").replace("0x", "");
    for expected in ["Version 2", "X509v3 Authority Key Identifier", "10000000000000000", "Cessation Of Operation"] {
        assert!(printed.contains(expected), "{expected}: {printed}");
    }
}

#[tokio::test]
async fn openssl_reads_names_policy_and_no_revocation_in_an_ldevid() {
    let Some(openssl) = OpenSsl::find() else { return };
    let key = SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap().0;
    let template = Template::new(Subject::common_name("device"), key.public_key(), [1; 16], UnixTime::now(), never()).usages(&["1.3.6.1.5.5.7.3.2"]);
    let template = template.alternative_names(&["a.example".to_owned()]).alternative_uris(&["urn:example:a".to_owned()]).without_revocation();
    let template = template.policy(&"1.3.6.1.4.1.32473.1.1".parse().unwrap());
    openssl.write("device.pem", template.self_signed(&key).await.unwrap().to_pem());
    let printed = openssl.run("x509 -in device.pem -noout -text");
    for expected in ["DNS:a.example, URI:urn:example:a", "Policy: 1.3.6.1.4.1.32473.1.1"] {
        assert!(printed.contains(expected), "{expected}: {printed}");
    }
    // Versions before 3.4 have no name for noRevAvail.
    assert!(printed.contains("2.5.29.56") || printed.contains("No Revocation Available"), "{printed}");
}
