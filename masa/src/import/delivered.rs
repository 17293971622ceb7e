//! Secure elements that a vendor signed for as reports: sapodilla, on the vendor's word, with what it signed as evidence: an element of a manifest, or a whole delivery list.

use brski_common::evidence::{DeliveryList, ElementKey, ManifestElement, SecureElement};
use brski_common::provenance::{Basis, CaArrangement, Evidence, Locus, ManufactureReport, Method, Protection, SecureElementGeneration, Source, Text};
use brski_common::text::in_full;
use brski_common::{Certificate, Format, IDevIdCert, KeyOrigin, Signed, UnixTime, VerifyError};

use super::outcome::Failure;

/// What a manifest does not say of its elements, and somebody has to: here, or in the defaults of the product line. Nothing is guessed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Whether the elements made their keys or were given them.
    pub se_generation: Option<SecureElementGeneration>,
    /// Whose CA certified them.
    pub ca_arrangement: Option<CaArrangement>,
    /// The slot whose certificate is the IDevID; needed where several have one.
    pub slot: Option<Text>,
}

/// The report of one element, once `verify` found its signature good.
pub(super) fn report(
    octets: &[u8],
    delivery: &Delivery,
    verify: impl FnOnce(&ManifestElement) -> Result<(), VerifyError>,
) -> Result<ManufactureReport, Failure> {
    let element = ManifestElement::from_json(octets).map_err(|err| Failure::new(format!("the element cannot be read: {}", in_full(&err))))?;
    let content = element.content();
    let named = |cause: String| Failure::new(format!("element {}: {cause}", content.unique_id));
    verify(&element).map_err(|err| named(in_full(&err)))?;
    let held = idevid_of(content, delivery.slot.as_ref()).map_err(named)?;
    let made_at = content.provisioned_at.ok_or_else(|| named("provisioningTimestamp is missing, so that nobody says when its keys were made".to_owned()))?;
    let idevid = idevid(held.certificates.first(), named)?;
    let evidence = element.to_evidence().map_err(|err| named(in_full(&err)))?;
    let known = origin(delivery.se_generation, delivery.ca_arrangement, evidence, made_at);
    let origin = KeyOrigin { silicon_vendor: content.manufacturer.clone(), batch: content.group.clone(), ..known };
    Ok(ManufactureReport { idevid, origin: Some(origin) })
}

/// The report of each element of a delivery list, once `verify` found its signature good.
pub(super) fn reports(
    octets: &[u8],
    delivery: &Delivery,
    verify: impl FnOnce(&Signed<DeliveryList>) -> Result<DeliveryList, VerifyError>,
) -> Result<Vec<Result<ManufactureReport, Failure>>, Failure> {
    let limit = DeliveryList::LARGEST_EVIDENCE;
    if octets.len() > limit {
        return Err(Failure::new(format!(
            "the delivery list is of {} octets, and at most {limit} are taken, because the record of each element keeps all of it: its vendor has to sign it in parts, or element by \
             element as a manifest",
            octets.len()
        )));
    }
    let signed = Signed::from_wire(Format::Jws, octets);
    let DeliveryList { delivery: name, se_generation, ca_arrangement, made_at, elements } = verify(&signed).map_err(|err| Failure::untrusted(&err))?;
    let contradicted = |option: &str, told: &str, said: &str| Failure::new(format!("--{option} is {told}, but delivery '{name}' says {said}"));
    if let Some(told) = delivery.se_generation.filter(|told| *told != se_generation) {
        return Err(contradicted("se-generation", told.name(), se_generation.name()));
    }
    if let Some(told) = delivery.ca_arrangement.filter(|told| *told != ca_arrangement) {
        return Err(contradicted("ca-arrangement", told.name(), ca_arrangement.name()));
    }
    if elements.is_empty() {
        return Err(Failure::new(format!("delivery '{name}' has no elements")));
    }
    let evidence = DeliveryList::to_evidence(&signed).map_err(|err| Failure::new(in_full(&err)))?;
    let batch = Text::new(name.clone()).map_err(|err| Failure::new(in_full(&err)))?;
    let report = |element: &Certificate| {
        let idevid = idevid(Some(element), |cause| Failure::new(format!("delivery '{name}': {cause}")))?;
        let known = origin(Some(se_generation), Some(ca_arrangement), evidence.clone(), made_at);
        Ok(ManufactureReport { idevid, origin: Some(KeyOrigin { batch: Some(batch.clone()), ..known }) })
    };
    Ok(elements.iter().map(|element| report(&element.certificate)).collect())
}

fn idevid(certificate: Option<&Certificate>, named: impl Fn(String) -> Failure) -> Result<IDevIdCert, Failure> {
    match certificate.cloned().map(IDevIdCert::new) {
        Some(Ok(idevid)) => Ok(idevid),
        Some(Err(err)) => Err(Failure { field: Some("idevid".to_owned()), ..named(in_full(&err)) }),
        None => Err(named(NO_CERTIFICATE.to_owned())),
    }
}

/// What follows from how keys came into the elements.
fn origin(generation: Option<SecureElementGeneration>, arrangement: Option<CaArrangement>, evidence: Evidence, made_at: UnixTime) -> KeyOrigin {
    let (source, locus) = match generation {
        Some(SecureElementGeneration::Internal) => (Source::GeneratedOnDevice, Locus::SecureElement),
        Some(SecureElementGeneration::Injected) => (Source::Loaded, Locus::SiliconFactory),
        Some(_) | None => (Source::Unknown, Locus::Unknown),
    };
    KeyOrigin {
        se_generation: generation,
        ca_arrangement: arrangement,
        evidence: vec![evidence],
        ..KeyOrigin::new(Method::Sapodilla, source, Protection::Unknown, locus, Basis::SeVendorAttested, made_at)
    }
}

/// The key whose certificate is the IDevID.
fn idevid_of<'a>(content: &'a SecureElement, slot: Option<&Text>) -> Result<&'a ElementKey, String> {
    let certified: Vec<&ElementKey> = content.keys.iter().filter(|key| !key.certificates.is_empty()).collect();
    let slots = || certified.iter().map(|key| key.slot.as_str()).collect::<Vec<_>>().join(", ");
    match (slot, certified.as_slice()) {
        (_, []) => Err(NO_CERTIFICATE.to_owned()),
        (None, [one]) => Ok(one),
        (None, _) => Err(format!("there are certificates in the slots {}, and --slot has to say which of them is the IDevID", slots())),
        (Some(slot), _) => {
            let found = certified.iter().find(|key| key.slot == *slot);
            found.copied().ok_or_else(|| format!("there is no certificate in slot {slot}, only in {}", slots()))
        }
    }
}

const NO_CERTIFICATE: &str = "there is no certificate in it, so that no IDevID could be recorded; a manifest in the full form has them, and where the CA is the manufacturer's own, \
                              its station reports the device with this element as evidence";

#[cfg(test)]
mod tests;
