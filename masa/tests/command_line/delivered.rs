//! `record` with a secure-element vendor's manifest.

use brski_common::evidence::{ElementKey, ManifestElement, SecureElement};
use brski_common::issuing::{Subject, Template, never};
use brski_common::provenance::Text;
use brski_common::time::from_rfc3339;
use brski_common::{Certificate, SignatureAlgorithm, Signer as _, SoftwareKey};
use serde_json::{Value, json};

use super::manufacture::idevid;
use super::support::{Finished, Folder};
use super::{manufacturer, masa};

/// Who signs manifests.
pub(super) struct Logistics {
    key: SoftwareKey,
    pub(super) certificate: Certificate,
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn text(text: &str) -> Text {
    Text::new(text).unwrap()
}

impl Logistics {
    pub(super) fn new() -> Self {
        let (key, _) = SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap();
        let since = from_rfc3339("time", "2026-01-01T00:00:00Z").unwrap();
        let template = Template::new(Subject::common_name("Logistics 1"), key.public_key(), [7; 16], since, never());
        Self { certificate: run(template.self_signed(&key)).unwrap(), key }
    }

    pub(super) fn element(&self, id: &str, certificate: &Certificate) -> Vec<u8> {
        let content = SecureElement {
            unique_id: text(id),
            model: text("SE-1"),
            part_number: None,
            manufacturer: Some(text("Silicon Ltd")),
            provisioner: None,
            group: Some(text("reel-7")),
            provisioned_at: Some(from_rfc3339("time", "2026-01-31T12:00:00Z").unwrap()),
            keys: vec![ElementKey { slot: text("0"), key: Some(certificate.public_key()), certificates: vec![certificate.clone()] }],
        };
        run(ManifestElement::make(&content, &self.certificate, &self.key)).unwrap().octets().to_vec()
    }
}

fn array(elements: &[&[u8]]) -> Vec<u8> {
    [&b"["[..], &elements.join(&b','), b"]"].concat()
}

/// A manufacturer whose station may claim the word of the vendor, which is an authority with these settings beside.
fn buyer(logistics: &Logistics, settings: &str) -> Folder {
    let folder = manufacturer();
    folder.write("masa/certificates/logistics.pem", logistics.certificate.to_pem());
    folder.edit("masa/masa.toml", r#"bases = ["self-declared", "station-signed"]"#, r#"bases = ["station-signed", "se-vendor-attested"]"#);
    let authority = format!("[[evidence]]\nname = \"Silicon Ltd\"\nanchors = [\"certificates/logistics.pem\"]\nbasis = \"se-vendor-attested\"\n{settings}\n");
    let configuration = folder.read("masa/masa.toml");
    folder.write("masa/masa.toml", format!("{configuration}\n{authority}"));
    folder
}

fn record(folder: &Folder, options: &[&str]) -> Finished {
    let station = ["record", "-o", "json", "--station-key", "masa/keys/station-1.pem", "--station", "station-1"];
    masa(folder, &[&station, options, &["manifest.json"]].concat())
}

const ARRANGEMENT: [&str; 2] = ["--ca-arrangement", "silicon-generic"];

/// Place, then serial number or what is wrong.
fn outcomes(told: &str) -> Vec<Value> {
    let brief = |told: Value| json!([told["line"], told.get("error").unwrap_or(&told["device"]["serial"])]);
    told.lines().map(|line| brief(serde_json::from_str(line).unwrap())).collect()
}

#[test]
fn manifest_is_recorded_and_what_is_wrong_with_an_element_is_in_the_file_of_errors() {
    let (logistics, stranger) = (Logistics::new(), Logistics::new());
    let folder = buyer(&logistics, "");
    let (one, two) = (idevid(&folder, "JADA1"), idevid(&folder, "JADA2"));
    folder.write("manifest.json", array(&[&logistics.element("01", &one), &stranger.element("02", &two), &logistics.element("03", &two)]));
    let recorded = record(&folder, &ARRANGEMENT);
    let needed = format!(
        "element 02: the signer of the secure-element manifest cannot be identified: it needs the certificate with the SHA-256 thumbprint {} among the anchors of an \
         authority for evidence, and none of them has it",
        stranger.certificate.fingerprint()
    );
    assert_eq!(outcomes(&recorded.stdout), [json!([1, "JADA1"]), json!([2, needed]), json!([3, "JADA2"])]);
    assert_eq!(recorded.code, Some(1));
    assert!(folder.read("errors.jsonl").contains("element 02"), "{}", folder.read("errors.jsonl"));

    let device: Value = serde_json::from_str(&masa(&folder, &["device", "-o", "json", "JADA2"]).ok()).unwrap();
    let text = device.to_string();
    assert!(["sapodilla", "se-vendor-attested", "reel-7"].iter().all(|fact| text.contains(fact)), "{text}");
}

#[test]
fn manufacturer_that_does_not_say_whose_ca_it_was_is_asked() {
    let logistics = Logistics::new();
    let folder = buyer(&logistics, "");
    folder.write("manifest.json", array(&[&logistics.element("01", &idevid(&folder, "JADA1"))]));
    let told = record(&folder, &[]).stdout;
    assert!(told.contains("ca-arrangement must say whose CA certified the element"), "{told}");
    let told = record(&folder, &["--se-generation", "perhaps"]);
    assert!(told.code == Some(2) && told.stderr.contains("must be internal or injected"), "{told:?}");
}

#[test]
fn withdrawn_key_of_a_vendor_is_refused_by_name() {
    let logistics = Logistics::new();
    let withdrawn = r#"withdrawn = [{certificate = "certificates/logistics.pem", since = "2026-02-01T00:00:00Z", reason = "stolen"}]"#;
    let folder = buyer(&logistics, withdrawn);
    folder.write("manifest.json", array(&[&logistics.element("01", &idevid(&folder, "JADA1"))]));
    let expected = "element 01: the secure-element manifest is signed with the key of 'CN=Logistics 1', which was withdrawn on 2026-02-01T00:00:00Z (stolen)";
    assert_eq!(outcomes(&record(&folder, &ARRANGEMENT).stdout), [json!([1, expected])]);
}
