//! A silicon vendor's signed list of the secure elements it delivered, with their certificates (sapodilla, taxonomy section 4.1.1.5).

use serde::{Deserialize, Serialize};

use crate::certificate::Certificate;
use crate::codec::{base64, unbase64};
use crate::envelope::Format;
use crate::error::DecodeError;
use crate::leniency::Reading;
use crate::provenance::{CaArrangement, SecureElementGeneration};
use crate::signed::{Payload, Typ};

/// One delivery: which elements, and how the vendor made the keys in them. JSON, in a JWS of the vendor's enrolled key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryList {
    /// The delivery's own name, as on its papers: 1 to 200 characters.
    pub delivery: String,
    /// Whether the keys were made inside the elements or injected.
    pub se_generation: SecureElementGeneration,
    /// Whose CA certified them.
    pub ca_arrangement: CaArrangement,
    /// The elements, each once.
    pub elements: Vec<DeliveredElement>,
}

/// One element of a [`DeliveryList`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveredElement {
    /// The certificate that the vendor put into the element.
    pub certificate: Certificate,
}

impl DeliveryList {
    /// Whether the element with this certificate was delivered.
    pub fn holds(&self, certificate: &Certificate) -> bool {
        self.elements.iter().any(|e| e.certificate == *certificate)
    }
}

impl Payload for DeliveryList {
    const NAME: &'static str = "delivery list";

    fn typ(_: Format) -> Option<Typ> {
        Some(Typ::Required("brski-delivery-list+jws"))
    }

    fn encode(&self, _: Format) -> Result<Vec<u8>, DecodeError> {
        let wire = Wire {
            version: 1,
            delivery: self.delivery.clone(),
            se_generation: self.se_generation,
            ca_arrangement: self.ca_arrangement,
            certificates: self.elements.iter().map(|e| base64(e.certificate.der())).collect(),
        };
        serde_json::to_vec(&wire).map_err(|err| DecodeError::syntax(Self::NAME, "JSON", err))
    }

    fn decode(octets: &[u8], _: Format, _: &Reading) -> Result<Self, DecodeError> {
        let wire: Wire = serde_json::from_slice(octets).map_err(|err| DecodeError::syntax(Self::NAME, "JSON", err))?;
        if wire.version != 1 {
            return Err(DecodeError::Unexpected { what: "version of the delivery list", found: wire.version.to_string(), expected: "1" });
        }
        if !(1..=200).contains(&wire.delivery.chars().count()) || wire.delivery.chars().any(char::is_control) {
            return Err(DecodeError::InvalidField { field: "delivery", expected: "1 to 200 characters without control characters" });
        }
        let element = |text: &String| Certificate::from_der(&unbase64("certificates", text)?).map(|certificate| DeliveredElement { certificate });
        let elements: Vec<DeliveredElement> = wire.certificates.iter().map(element).collect::<Result<_, _>>()?;
        let mut keys = std::collections::HashSet::new();
        if let Some(again) = elements.iter().find(|e| !keys.insert(e.certificate.spki_digest())) {
            return Err(DecodeError::DuplicateField { field: format!("public key {}", again.certificate.spki_digest()), artefact: Self::NAME });
        }
        Ok(Self { delivery: wire.delivery, se_generation: wire.se_generation, ca_arrangement: wire.ca_arrangement, elements })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Wire {
    version: u32,
    delivery: String,
    se_generation: SecureElementGeneration,
    ca_arrangement: CaArrangement,
    certificates: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::SignatureAlgorithm;
    use crate::signed::{EnrolledKey, SignedBy, SigningParty, Verifier};
    use crate::test_pki::{Entity, NOW, block_on, new_key};
    use crate::time::at;

    fn list() -> DeliveryList {
        let ca = Entity::root("silicon vendor");
        let element = |name| DeliveredElement { certificate: ca.issue(name, SignatureAlgorithm::Es256, |template| template).certificate };
        DeliveryList {
            delivery: "reel 7".to_owned(),
            se_generation: SecureElementGeneration::Internal,
            ca_arrangement: CaArrangement::SiliconOperatesForOem,
            elements: vec![element("one"), element("two")],
        }
    }

    #[test]
    fn signed_list_is_read_back_as_it_was_under_the_vendors_enrolled_key() {
        let (list, key) = (list(), new_key(SignatureAlgorithm::Es256));
        let enrolled = [EnrolledKey { name: "logistics".to_owned(), key: crate::Signer::public_key(&key).clone() }];
        let signed = block_on(SigningParty::with_name("logistics", std::sync::Arc::new(key)).seal(&list, Format::Jws)).unwrap();
        let verified = signed.verify(&Verifier::strict(SignedBy::Enrolled(&enrolled)), at(NOW)).unwrap();
        assert_eq!(*verified.get(), list);
    }

    #[test]
    fn list_signed_by_another_than_the_enrolled_key_is_not_trusted() {
        let (vendor, stranger) = (new_key(SignatureAlgorithm::Es256), new_key(SignatureAlgorithm::Es256));
        let enrolled = [EnrolledKey { name: "logistics".to_owned(), key: crate::Signer::public_key(&vendor).clone() }];
        let signed = block_on(SigningParty::with_name("logistics", std::sync::Arc::new(stranger)).seal(&list(), Format::Jws)).unwrap();
        assert!(signed.verify(&Verifier::strict(SignedBy::Enrolled(&enrolled)), at(NOW)).is_err());
    }

    #[test]
    fn only_delivered_certificates_are_held() {
        let (delivered, other) = (list(), list());
        assert!(delivered.holds(&delivered.elements[1].certificate));
        assert!(!delivered.holds(&other.elements[1].certificate));
    }

    #[test]
    fn element_that_is_listed_twice_is_refused() {
        let mut list = list();
        list.elements.push(list.elements[0].clone());
        let octets = list.encode(Format::Jws).unwrap();
        assert!(matches!(DeliveryList::decode(&octets, Format::Jws, &crate::leniency::Reading::default()), Err(DecodeError::DuplicateField { .. })));
    }

    #[test]
    fn list_of_another_version_is_refused() {
        let text = String::from_utf8(list().encode(Format::Jws).unwrap()).unwrap().replace("\"version\":1", "\"version\":2");
        assert!(matches!(DeliveryList::decode(text.as_bytes(), Format::Jws, &crate::leniency::Reading::default()), Err(DecodeError::Unexpected { .. })));
    }
}
