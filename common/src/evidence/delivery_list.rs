//! A silicon vendor's signed list of the secure elements it delivered, with their certificates (sapodilla, taxonomy section 4.1.1.5).

use serde::{Deserialize, Serialize};

use crate::certificate::Certificate;
use crate::codec::{base64, unbase64};
use crate::envelope::Format;
use crate::error::DecodeError;
use crate::provenance::{CaArrangement, SecureElementGeneration};
use crate::signed::Payload;

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

    fn typ(_: Format) -> &'static str {
        "brski-delivery-list+jws"
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

    fn decode(octets: &[u8], _: Format) -> Result<Self, DecodeError> {
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
