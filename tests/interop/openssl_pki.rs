//! Certificates, requests and EST bodies as the `openssl` command writes and reads them.

use brski_common::issuing::{Subject, Template, never};
use brski_common::time::at;
use brski_common::{Certificate, Csr, SerialNumber, SignatureAlgorithm, Signer as _, SoftwareKey, csr, est};

use crate::openssl::OpenSsl;

fn serial() -> SerialNumber {
    SerialNumber::new("JADA123456789").unwrap()
}

/// A root, a CA and a server certificate, all of one algorithm.
async fn chain(algorithm: SignatureAlgorithm) -> [Certificate; 3] {
    let yesterday = at(brski_common::UnixTime::now().as_secs() - 86_400);
    let [root_key, ca_key, leaf_key] = [(); 3].map(|()| SoftwareKey::generate(algorithm).unwrap().0);
    let root = Template::new(Subject::common_name("Root").and_organization("Example"), root_key.public_key(), [1; 16], yesterday, never());
    let root = root.ca(None).self_signed(&root_key).await.unwrap();
    let ca = Template::new(Subject::common_name("CA"), ca_key.public_key(), [2; 16], yesterday, never()).ca(Some(0));
    let ca = ca.issued_by(&root, &root_key).await.unwrap();
    let names = ["registrar.example".to_owned(), "127.0.0.1".to_owned()];
    let leaf = Template::new(Subject::serial_number(&serial()), leaf_key.public_key(), [3; 16], yesterday, never());
    let leaf = leaf.usages(&["1.3.6.1.5.5.7.3.1"]).alternative_names(&names).masa_url("masa.example").issued_by(&ca, &ca_key).await.unwrap();
    [root, ca, leaf]
}

async fn openssl_accepts_our_chain(algorithm: SignatureAlgorithm) {
    let Some(openssl) = OpenSsl::find() else { return };
    let [root, ca, leaf] = chain(algorithm).await;
    for (name, certificate) in [("root.pem", &root), ("ca.pem", &ca), ("leaf.pem", &leaf)] {
        openssl.write(name, certificate.to_pem());
    }
    let strictly = "verify -x509_strict -CAfile root.pem -untrusted ca.pem -purpose sslserver";
    openssl.run(&format!("{strictly} -verify_hostname registrar.example leaf.pem"));
    openssl.run(&format!("{strictly} -verify_ip 127.0.0.1 leaf.pem"));
}

#[tokio::test]
async fn openssl_accepts_our_p256_chain() {
    openssl_accepts_our_chain(SignatureAlgorithm::Es256).await;
}

#[tokio::test]
async fn openssl_accepts_our_p384_chain() {
    openssl_accepts_our_chain(SignatureAlgorithm::Es384).await;
}

#[tokio::test]
async fn openssl_accepts_our_ed25519_chain() {
    openssl_accepts_our_chain(SignatureAlgorithm::EdDsa).await;
}

#[tokio::test]
async fn openssl_verifies_our_request() {
    let Some(openssl) = OpenSsl::find() else { return };
    for algorithm in [SignatureAlgorithm::Es256, SignatureAlgorithm::Es384, SignatureAlgorithm::EdDsa] {
        let (key, _) = SoftwareKey::generate(algorithm).unwrap();
        openssl.write("request.der", csr::request(&Subject::serial_number(&serial()).to_der(), &key).await.unwrap());
        openssl.run("req -verify -noout -inform DER -in request.der");
    }
}

#[test]
fn keys_of_openssl_are_read() {
    let Some(openssl) = OpenSsl::find() else { return };
    let read = |name: &str| SoftwareKey::from_pem(&String::from_utf8(openssl.read(name)).unwrap()).unwrap();
    openssl.run("ecparam -name prime256v1 -genkey -noout -out sec1.pem");
    openssl.run("pkcs8 -topk8 -nocrypt -in sec1.pem -out pkcs8.pem");
    assert_eq!(read("sec1.pem").public_key(), read("pkcs8.pem").public_key());
    openssl.run("genpkey -algorithm ed25519 -out ed25519.pem");
    assert_eq!(read("ed25519.pem").algorithm(), SignatureAlgorithm::EdDsa);
    openssl.run("genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-384 -out p384.pem");
    assert_eq!(read("p384.pem").algorithm(), SignatureAlgorithm::Es384);
    openssl.run("genpkey -algorithm rsa -out rsa.pem");
    assert!(SoftwareKey::from_pem(&String::from_utf8(openssl.read("rsa.pem")).unwrap()).is_err());
}

fn request_of_openssl(key: &str, options: &str) -> Option<Csr> {
    let openssl = OpenSsl::find()?;
    openssl.run(&format!("req -new -newkey {key} -nodes -keyout key.pem -subj /serialNumber=JADA123456789/CN=Pledge -outform DER -out request.der {options}"));
    Some(Csr::from_der(&openssl.read("request.der")).unwrap())
}

#[test]
fn requests_of_openssl_are_accepted() {
    for key in ["ec -pkeyopt ec_paramgen_curve:P-256", "ec -pkeyopt ec_paramgen_curve:P-384", "ed25519", "rsa:2048"] {
        let Some(request) = request_of_openssl(key, "") else { return };
        assert_eq!(request.serial_number(), Some(serial()));
        assert!(!request.requests_ca());
    }
}

#[test]
fn request_of_openssl_for_a_ca_is_recognized() {
    let Some(request) = request_of_openssl("ec -pkeyopt ec_paramgen_curve:P-256", "-addext basicConstraints=critical,CA:TRUE") else { return };
    assert!(request.requests_ca());
}

#[tokio::test]
async fn openssl_reads_our_certs_only_body() {
    let Some(openssl) = OpenSsl::find() else { return };
    let [root, ca, _] = chain(SignatureAlgorithm::Es256).await;
    openssl.write("body", est::to_body(&est::certs_only(&[root.clone(), ca.clone()]).unwrap()));
    openssl.run("base64 -d -in body -out body.der");
    let printed = openssl.run("pkcs7 -inform DER -in body.der -print_certs");
    let read = Certificate::all_from_pem(&printed).unwrap();
    assert!(read.len() == 2 && read.contains(&root) && read.contains(&ca));
}

#[tokio::test]
async fn certs_only_of_openssl_is_read() {
    let Some(openssl) = OpenSsl::find() else { return };
    let [root, ca, _] = chain(SignatureAlgorithm::Es256).await;
    openssl.write("certs.pem", root.to_pem() + &ca.to_pem());
    openssl.run("crl2pkcs7 -nocrl -certfile certs.pem -outform DER -out certs.p7");
    assert_eq!(est::read_certs_only(&openssl.read("certs.p7")).unwrap(), [root, ca]);
}
