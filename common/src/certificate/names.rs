//! What a certificate calls its holder beside the subject, and where its revocation can be looked up.

use std::collections::BTreeSet;

use der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{CrlDistributionPoints, SubjectAltName};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::Certificate;
use crate::issuing::subject_alt_name;

impl Certificate {
    /// Whether subjectAltName says exactly this in whatever order: these DNS names and IP addresses, and these URIs. Without any of them, whether it is absent.
    pub fn has_alternative_names(&self, names: &[String], uris: &[String]) -> bool {
        let set = |names: SubjectAltName| names.0.iter().map(|name| name.to_der().unwrap_or_default()).collect::<BTreeSet<_>>();
        let expected = subject_alt_name(names, uris).map(|names| names.map(set));
        match self.extension(SUBJECT_ALT_NAME) {
            None => expected == Ok(None),
            Some(found) => SubjectAltName::from_der(&found).is_ok_and(|found| expected == Ok(Some(set(found)))),
        }
    }

    /// What subjectAltName says of DNS names and URIs, as far as it can be read.
    pub fn alternative_names(&self) -> Vec<String> {
        let names = self.extension(SUBJECT_ALT_NAME).and_then(|found| SubjectAltName::from_der(&found).ok());
        let text = |name: &GeneralName| match name {
            GeneralName::DnsName(name) => name.to_string(),
            GeneralName::UniformResourceIdentifier(uri) => uri.to_string(),
            _ => "a name of another kind".to_owned(),
        };
        names.map(|names| names.0.iter().map(text).collect()).unwrap_or_default()
    }

    /// The URIs in its cRLDistributionPoints.
    pub fn crl_urls(&self) -> Vec<String> {
        let points = self.extension(CRL_DISTRIBUTION_POINTS).and_then(|found| CrlDistributionPoints::from_der(&found).ok());
        let names = points.into_iter().flat_map(|points| points.0).filter_map(|point| match point.distribution_point {
            Some(DistributionPointName::FullName(names)) => Some(names),
            Some(DistributionPointName::NameRelativeToCRLIssuer(_)) | None => None,
        });
        let uri = |name| match name {
            GeneralName::UniformResourceIdentifier(uri) => Some(uri.to_string()),
            _ => None,
        };
        names.flatten().filter_map(uri).collect()
    }

    /// The content of the extension with this dotted OID.
    fn extension(&self, oid: &str) -> Option<Vec<u8>> {
        let (_, certificate) = X509Certificate::from_der(self.der()).ok()?;
        let found = certificate.extensions().iter().find(|extension| extension.oid.to_id_string() == oid)?;
        Some(found.value.to_vec())
    }
}

const SUBJECT_ALT_NAME: &str = "2.5.29.17";
const CRL_DISTRIBUTION_POINTS: &str = "2.5.29.31";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issuing::{Subject, Template, never};
    use crate::sign::{SignatureAlgorithm, Signer as _, SoftwareKey};
    use crate::test_pki::block_on;
    use crate::time::at;

    fn made(change: impl FnOnce(Template) -> Template) -> Certificate {
        let (key, _) = SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap();
        let template = Template::new(Subject::common_name("device"), key.public_key(), [1; 16], at(0), never());
        block_on(change(template).self_signed(&key)).unwrap()
    }

    fn texts(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn alternative_names_are_the_same_in_any_order_and_no_others() {
        let (names, uris) = (texts(&["a.example", "b.example", "192.0.2.1"]), texts(&["urn:dev:1"]));
        let certificate = made(|template| template.alternative_names(&names).alternative_uris(&uris));
        assert!(certificate.has_alternative_names(&texts(&["192.0.2.1", "b.example", "a.example"]), &uris));
        assert!(!certificate.has_alternative_names(&names[..2], &uris));
        assert!(!certificate.has_alternative_names(&names, &[]));
        assert!(!certificate.has_alternative_names(&[], &[]));
        assert_eq!(certificate.alternative_names(), ["a.example", "b.example", "a name of another kind", "urn:dev:1"]);
    }

    #[test]
    fn certificate_without_alternative_names_has_none() {
        let certificate = made(|template| template);
        assert!(certificate.has_alternative_names(&[], &[]));
        assert!(!certificate.has_alternative_names(&texts(&["a.example"]), &[]));
    }

    #[test]
    fn crl_urls_are_those_of_its_distribution_points() {
        assert_eq!(made(|template| template.crl_distribution_point("http://crl.example/1.crl")).crl_urls(), ["http://crl.example/1.crl"]);
        assert_eq!(made(|template| template).crl_urls(), Vec::<String>::new());
    }
}
