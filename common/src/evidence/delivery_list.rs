//! A silicon vendor's signed list of the secure elements it delivered, with their certificates (sapodilla, taxonomy section 4.1.1.5).

use serde::{Deserialize, Serialize};

use super::{Authorities, Authority, Claims, Delivered, EvidenceError, Expected, Made, Nonced};
use crate::certificate::Certificate;
use crate::chain::Usage;
use crate::codec::{base64, unbase64};
use crate::envelope::Format;
use crate::error::{DecodeError, VerifyError};
use crate::leniency::Reading;
use crate::provenance::{CaArrangement, Evidence, EvidenceType, Protection, SecureElementGeneration};
use crate::signed::{Payload, Signed, SignedBy, Typ, Verified, Verifier};
use crate::text::{LONGEST_WORDS, printable};
use crate::time::{UnixTime, rfc3339, to_rfc3339};

/// One delivery: which elements, and how the vendor made the keys in them. JSON, in a JWS of the vendor's key: an enrolled one where a station checks the list itself, one whose
/// certificate is an authority's anchor itself where the list is evidence in a report: below a vendor's CA there may be its elements, too.
///
/// All elements are under one signature, so that the record of each keeps the whole list as its evidence. A vendor of more than a list may hold
/// ([`LARGEST_EVIDENCE`](Self::LARGEST_EVIDENCE)) signs several, or [elements one by one](super::ManifestElement).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryList {
    /// The delivery's own name, as on its papers: 1 to 200 characters.
    pub delivery: String,
    /// Whether the keys were made inside the elements or injected.
    pub se_generation: SecureElementGeneration,
    /// Whose CA certified them.
    pub ca_arrangement: CaArrangement,
    /// When the keys were made or put in; if that was not at once, when the last of them was.
    pub made_at: UnixTime,
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
    /// The media type of a list as evidence.
    pub const KIND: &'static str = "application/brski-delivery-list+jws";

    /// Largest list that is evidence, in octets; some fifty elements.
    pub const LARGEST_EVIDENCE: usize = 64 * 1024;

    /// Verifies who signed a list, and that it is no larger than evidence may be.
    ///
    /// # Errors
    /// [`VerifyError::Decode`] if it cannot be read or is too large, [`VerifyError::KeyRetired`] if its signer was withdrawn, [`VerifyError::UnknownSigner`] if the signer's certificate
    /// is no authority's anchor, or what is wrong with certificate or signature.
    pub fn signed_by<'a>(list: &Signed<Self>, authorities: &'a Authorities, now: UnixTime) -> Result<(&'a Authority, Verified<Self>), VerifyError> {
        if list.wire().len() > Self::LARGEST_EVIDENCE {
            let source = DecodeError::TooLarge { what: "the delivery list's size in octets", limit: Self::LARGEST_EVIDENCE };
            return Err(VerifyError::Decode { artefact: Self::NAME, source });
        }
        verified(list, authorities, now)
    }

    /// The list as records keep it.
    ///
    /// # Errors
    /// None in fact: its kind is a constant.
    pub fn to_evidence(list: &Signed<Self>) -> Result<Evidence, DecodeError> {
        Ok(Evidence { kind: EvidenceType::new(Self::KIND)?, data: list.wire().to_vec() })
    }

    /// Whether the element with this certificate was delivered.
    pub fn holds(&self, certificate: &Certificate) -> bool {
        self.elements.iter().any(|e| e.certificate == *certificate)
    }
}

/// A list as evidence of one key in it.
pub(super) fn appraise(wire: &[u8], expected: &Expected<'_>, authorities: &Authorities, now: UnixTime) -> Result<Claims, EvidenceError> {
    let format = DeliveryList::NAME;
    let (authority, list) = DeliveryList::signed_by(&Signed::from_wire(Format::Jws, wire), authorities, now).map_err(|err| match err {
        VerifyError::Decode { source, .. } => EvidenceError::Unreadable { format, source },
        source => EvidenceError::Untrusted { format, source },
    })?;
    let DeliveryList { delivery, se_generation, ca_arrangement, made_at, elements } = list.get();
    if !elements.iter().any(|element| element.certificate.public_key() == *expected.key) {
        let found = format!("one of the {} in delivery '{}'", elements.len(), printable(delivery, LONGEST_WORDS));
        return Err(EvidenceError::OtherKey { format, found, expected: expected.key.digest().to_string() });
    }
    if list.signer().key == *expected.key {
        return Err(EvidenceError::Wrong { format, what: "is signed with the very key that it is about, which proves nothing of it".to_owned() });
    }
    let signer = list.signer().chain.first().map(|certificate| printable(certificate.subject(), LONGEST_WORDS)).unwrap_or_default();
    Ok(Claims {
        format,
        authority: authority.name.clone(),
        attester: format!("{} ({signer})", authority.name),
        basis: authority.basis,
        locus: authority.locus,
        made: Made::Delivered(Delivered { se_generation: Some(*se_generation), ca_arrangement: Some(*ca_arrangement) }),
        protection: Protection::Unknown,
        nonced: Nonced::of_none(expected),
        details: vec![("delivery".to_owned(), printable(delivery, LONGEST_WORDS)), ("made-at".to_owned(), to_rfc3339(*made_at))],
    })
}

/// Whose list it is: the first authority that has its signer's certificate among its anchors, as long as that is not withdrawn.
fn verified<'a>(list: &Signed<DeliveryList>, authorities: &'a Authorities, now: UnixTime) -> Result<(&'a Authority, Verified<DeliveryList>), VerifyError> {
    let artefact = DeliveryList::NAME;
    let mut refused = VerifyError::UnknownSigner { artefact, detail: "no authority for evidence is configured".to_owned() };
    // Whether it can be read at all depends on nobody.
    list.peek_unverified(crate::leniency::Leniencies::NONE)?;
    for authority in authorities.of_modules() {
        let by = SignedBy::Anchored { anchors: &authority.anchors, usage: Usage::Any, known: &[] };
        match list.verify(&Verifier::strict(by), now) {
            Ok(verified) => {
                let Some(signer) = verified.signer().chain.first() else { continue };
                match authorities.withdrawal(signer, now) {
                    Some(detail) => refused = VerifyError::KeyRetired { artefact, name: signer.subject().to_owned(), detail },
                    None if authority.anchors.certificates().contains(signer) => return Ok((authority, verified)),
                    None => {
                        let detail = format!("the certificate of {} has to be an anchor itself, and is below one", signer.subject());
                        refused = VerifyError::UnknownSigner { artefact, detail };
                    }
                }
            }
            Err(err) => refused = err,
        }
    }
    Err(refused)
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
            made_at: self.made_at,
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
        Ok(Self { delivery: wire.delivery, se_generation: wire.se_generation, ca_arrangement: wire.ca_arrangement, made_at: wire.made_at, elements })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Wire {
    version: u32,
    delivery: String,
    se_generation: SecureElementGeneration,
    ca_arrangement: CaArrangement,
    #[serde(with = "rfc3339")]
    made_at: UnixTime,
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
            made_at: at(NOW),
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

    mod as_evidence {
        use super::*;
        use crate::chain::Anchors;
        use crate::evidence::{Agreement, Appraised, Outcome, WithdrawnSigner, agree, appraise as appraise_any};
        use crate::provenance::{Basis, Evidence, EvidenceType, KeyOrigin, Locus, Method, Source};
        use crate::sign::PublicKey;

        fn authorities(vendor: &Entity) -> Authorities {
            let anchors = Anchors::new([vendor.certificate.clone()]).unwrap();
            Authorities::new([Authority {
                name: "silicon vendor".to_owned(),
                anchors,
                basis: Basis::SeVendorAttested,
                locus: None,
                unmarked_attestation_keys: false,
            }])
        }

        fn appraised(list: &DeliveryList, signer: &SigningParty, key: &PublicKey, authorities: &Authorities) -> Result<Claims, String> {
            let data = block_on(signer.seal(list, Format::Jws)).unwrap().wire().to_vec();
            let evidence = Evidence { kind: EvidenceType::new(DeliveryList::KIND).unwrap(), data };
            match appraise_any(&evidence, &Expected { key, nonce: None }, authorities, at(NOW)).swap_remove(0) {
                Appraised { outcome: Outcome::Holds(claims), .. } => Ok(*claims),
                Appraised { outcome: Outcome::Refused(err), .. } => Err(crate::text::in_full(&err)),
                other => panic!("{other:?}"),
            }
        }

        #[test]
        fn list_supports_what_it_says_of_generation_and_arrangement_and_contradicts_all_else() {
            let (list, vendor) = (list(), Entity::root("Silicon vendor CA"));
            let signer = vendor.issue("Logistics 1", SignatureAlgorithm::Es256, |template| template);
            let key = list.elements[1].certificate.public_key();
            let claims = appraised(&list, &signer.party(&[&vendor]), &key, &authorities(&signer)).unwrap();
            assert_eq!(claims.attester, "silicon vendor (CN=Logistics 1)");
            let reported = KeyOrigin {
                se_generation: Some(SecureElementGeneration::Internal),
                ca_arrangement: Some(CaArrangement::SiliconOperatesForOem),
                ..KeyOrigin::new(Method::Sapodilla, Source::Unknown, Protection::Unknown, Locus::Unknown, Basis::SeVendorAttested, at(NOW))
            };
            assert_eq!(agree(&reported, &claims), Agreement::Supports);
            let injected = KeyOrigin { se_generation: Some(SecureElementGeneration::Injected), ..reported };
            let said = "the delivery list of silicon vendor (CN=Logistics 1) says that the key was made inside the element, but se-generation is injected";
            assert_eq!(agree(&injected, &claims), Agreement::Contradicts(said.to_owned()));
        }

        #[test]
        fn list_of_a_stranger_or_of_a_withdrawn_signer_or_about_other_keys_does_not_count() {
            let (list, vendor, stranger) = (list(), Entity::root("Silicon vendor CA"), Entity::root("Stranger"));
            let signer = vendor.issue("Logistics 1", SignatureAlgorithm::Es256, |template| template);
            let (party, key, trusted) = (signer.party(&[&vendor]), list.elements[1].certificate.public_key(), authorities(&signer));
            let foreign = appraised(&list, &stranger.party(&[]), &key, &trusted).unwrap_err();
            assert!(foreign.starts_with("the delivery list is not to be trusted: "), "{foreign}");
            let withdrawn = WithdrawnSigner { certificate: signer.certificate.clone(), since: at(NOW), reason: None };
            let retired = appraised(&list, &party, &key, &trusted.clone().withdrawing([withdrawn])).unwrap_err();
            let expected = "the delivery list is not to be trusted: the delivery list is signed with the key of 'CN=Logistics 1', which was withdrawn on 2026-09-21T14:13:20Z";
            assert_eq!(retired, expected);
            let below = appraised(&list, &party, &key, &authorities(&vendor)).unwrap_err();
            assert!(below.ends_with("the certificate of CN=Logistics 1 has to be an anchor itself, and is below one"), "{below}");
            let other = stranger.certificate.public_key();
            let elsewhere = appraised(&list, &party, &other, &trusted).unwrap_err();
            assert_eq!(elsewhere, format!("the delivery list is about another key: one of the 2 in delivery 'reel 7', not {}", other.digest()));
        }
    }
}
