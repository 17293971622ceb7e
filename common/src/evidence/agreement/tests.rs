//! The matrix: every method with evidence that supports it, contradicts it, says nothing or is not understood, and the cases that people ask about. Pinned in `matrix.txt`.

use std::path::Path;

use super::*;
use crate::evidence::{
    Appraised, AppraisedItem, Authorities, Authority, Claim, Element, ElementKey, ElementKind, Expected, KeyAttestation, ManifestElement, Nonced, Outcome,
    Platform, SecureElement, SeedDestruction, SeedEvent, SeedNotice, Testimony, Value, WithdrawnSigner, Word, appraise, findings,
};
use crate::provenance::testing::origin;
use crate::provenance::{Evidence, EvidenceType, FindingResult, Pkcs11Attributes, Source, TpmaObject};
use crate::refusal::sentences::pinned::assert_pinned;
use crate::sign::{SignatureAlgorithm, Signer as _};
use crate::test_pki::{Entity, block_on, new_key, now};
use crate::text::in_full;

/// What a device's own module says of a key that it made and holds well.
fn made_inside() -> Claims {
    Claims {
        format: "TPM certification",
        authority: "Vendor".to_owned(),
        attester: "Vendor (CN=AK)".to_owned(),
        basis: Basis::KeyAttestation,
        locus: None,
        made: Made::Inside,
        protection: Protection::NonExtractable,
        nonced: Nonced::Unasked,
        details: Vec::new(),
    }
}

fn put_in() -> Claims {
    Claims { made: Made::Outside, ..made_inside() }
}

fn unsaid() -> Claims {
    Claims { made: Made::Unsaid, ..made_inside() }
}

fn holds(claims: Claims) -> Outcome {
    Outcome::Holds(Box::new(claims))
}

/// What becomes of evidence that a module signs of a key, with these attributes, under an authority for this basis.
fn attested(basis: Basis, flags: &[(&str, bool)]) -> Outcome {
    let vendor = Entity::root("HSM vendor");
    let module = vendor.issue("AK", SignatureAlgorithm::Es256, |template| template.usages(&[KeyAttestation::ATTESTATION_KEY_USAGE]));
    let key = new_key(SignatureAlgorithm::Es256);
    let claim = |name: &str, value| Claim { name: name.to_owned(), value };
    let about = [claim("identifier", Value::Text("idevid".to_owned())), claim("spki", Value::Octets(key.public_key().spki().to_vec()))];
    let claims = about.into_iter().chain(flags.iter().map(|(name, flag)| claim(name, Value::Boolean(*flag)))).collect();
    let element = Element { kind: ElementKind::Key, claims };
    let made = block_on(KeyAttestation::make(&[element], core::slice::from_ref(&module.certificate), &module.key)).unwrap();
    let anchors = crate::chain::Anchors::new([vendor.certificate]).unwrap();
    let authorities = Authorities::new([Authority { name: "HSM".to_owned(), anchors, basis, locus: None, unmarked_attestation_keys: false }]);
    let evidence = made.to_evidence().unwrap();
    appraise(&evidence, &Expected { key: key.public_key(), nonce: None }, &authorities, now()).remove(0).outcome
}

/// Of a key that the factory's module made, and lets go or never let go.
fn factory_made(extractable: bool) -> Outcome {
    attested(Basis::HsmAttested, &[("local", true), ("sensitive", true), ("extractable", extractable), ("never-extractable", !extractable)])
}

/// What becomes of a vendor's element that was signed with a key which was withdrawn.
fn withdrawn() -> Outcome {
    let signer = Entity::root("vendor").issue("Logistics 1", SignatureAlgorithm::Es256, |template| template);
    let key = new_key(SignatureAlgorithm::Es256);
    let text = |text: &str| crate::provenance::Text::new(text).unwrap();
    let content = SecureElement {
        unique_id: text("01"),
        model: text("SE-1"),
        part_number: None,
        manufacturer: None,
        provisioner: None,
        group: None,
        provisioned_at: None,
        keys: vec![ElementKey { slot: text("0"), key: Some(key.public_key().clone()), certificates: Vec::new() }],
    };
    let element = block_on(ManifestElement::make(&content, &signer.certificate, &signer.key)).unwrap();
    let anchors = crate::chain::Anchors::new([signer.certificate.clone()]).unwrap();
    let authority = Authority { name: "vendor".to_owned(), anchors, basis: Basis::SeVendorAttested, locus: None, unmarked_attestation_keys: false };
    let authorities = Authorities::new([authority]).withdrawing([WithdrawnSigner { certificate: signer.certificate, since: now(), reason: None }]);
    appraise(&element.to_evidence().unwrap(), &Expected { key: key.public_key(), nonce: None }, &authorities, now()).remove(0).outcome
}

/// What a record of this origin would say of such evidence, or why there would be none.
fn verdict(origin: &KeyOrigin, outcome: Outcome) -> String {
    if let Err(refusal) = origin.check() {
        return format!("refused: {}", in_full(&refusal));
    }
    let appraised = Appraised { kind: EvidenceType::new("2.23.133.20.1").unwrap(), outcome };
    match findings(origin, &[AppraisedItem { item: 1, appraised }]) {
        Ok(found) => found[0].result.name().to_owned(),
        Err(refusal) => format!("refused: {}", in_full(&refusal)),
    }
}

#[test]
fn every_method_meets_every_kind_of_word_as_it_is_pinned() {
    let mut text = String::new();
    for method in Method::ALL {
        let sapodilla_injected = KeyOrigin { source: Source::Loaded, se_generation: Some(SecureElementGeneration::Injected), ..origin(Method::Sapodilla) };
        let forms = match method {
            Method::Sapodilla => vec![("sapodilla, internal", origin(*method)), ("sapodilla, injected", sapodilla_injected)],
            _ => vec![(method.name(), origin(*method))],
        };
        for (name, origin) in forms {
            text.push_str(&format!("{name}\n"));
            for (word, outcome) in
                [("made inside", holds(made_inside())), ("put in", holds(put_in())), ("nothing", holds(unsaid())), ("unknown kind", Outcome::Unknown)]
            {
                text.push_str(&format!("  {word}: {}\n", verdict(&origin, outcome)));
            }
        }
    }
    text.push_str("cases\n");
    for (name, origin, outcome) in cases() {
        text.push_str(&format!("  {name}: {}\n", verdict(&origin, outcome)));
    }
    assert_pinned(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/evidence/agreement/matrix.txt"), &text);
}

fn cases() -> Vec<(&'static str, KeyOrigin, Outcome)> {
    let salak = || KeyOrigin { locus: Locus::DiscreteTpm, ..origin(Method::Salak) };
    let attributes = |pkcs11| Some(Pkcs11Attributes { ..pkcs11 });
    let none = Pkcs11Attributes::default;
    let migratable = Claims { protection: Protection::ExtractableMigratable, ..made_inside() };
    let firmware = Claims { locus: Some(Locus::FirmwareTpm), ..made_inside() };
    let no_place = KeyOrigin { source: Source::Unknown, locus: Locus::Unknown, ..origin(Method::Sapodilla) };
    vec![
        ("imported TPM key declared salak", salak(), holds(put_in())),
        ("imported TPM key declared salak of unknown source", KeyOrigin { source: Source::Unknown, ..salak() }, holds(put_in())),
        ("firmware TPM declared salak", salak(), holds(firmware.clone())),
        ("firmware TPM declared sapodilla in an unknown place", no_place.clone(), holds(firmware.clone())),
        ("discrete TPM declared sapodilla in an unknown place", no_place, holds(Claims { locus: Some(Locus::DiscreteTpm), ..made_inside() })),
        ("firmware TPM declared avocado in it", KeyOrigin { locus: Locus::FirmwareTpm, ..origin(Method::Avocado) }, holds(firmware)),
        ("bamboo put into a discrete TPM", origin(Method::Bamboo), holds(Claims { locus: Some(Locus::DiscreteTpm), ..put_in() })),
        ("extractable key declared non-extractable", salak(), holds(migratable)),
        ("carrot that is device-derived, certified by its TPM", KeyOrigin { source: Source::DeviceDerived, ..origin(Method::Carrot) }, holds(made_inside())),
        ("bamboo made in the factory's module, which lets it go", origin(Method::Bamboo), factory_made(true)),
        ("bamboo made in the factory's module, which never lets it go", origin(Method::Bamboo), factory_made(false)),
        ("bamboo put into the factory's module", origin(Method::Bamboo), attested(Basis::HsmAttested, &[("local", false), ("extractable", true)])),
        ("salak whose key the factory's module holds", salak(), factory_made(false)),
        ("module's key that is extractable, and not said to be sensitive, declared non-extractable", salak(), {
            attested(Basis::KeyAttestation, &[("local", true), ("extractable", true), ("never-extractable", false)])
        }),
        ("sapodilla by an element whose signer was withdrawn", origin(Method::Sapodilla), withdrawn()),
        (
            "token: CKA_LOCAL true declared bamboo",
            KeyOrigin { pkcs11: attributes(Pkcs11Attributes { local: Some(true), ..none() }), locus: Locus::Unknown, ..origin(Method::Bamboo) },
            Outcome::Unknown,
        ),
        (
            "token of the factory: CKA_LOCAL and CKA_EXTRACTABLE true declared bamboo",
            KeyOrigin { pkcs11: attributes(Pkcs11Attributes { local: Some(true), extractable: Some(true), ..none() }), ..origin(Method::Bamboo) },
            Outcome::Unknown,
        ),
        (
            "token of the factory: CKA_LOCAL true declared bamboo",
            KeyOrigin { pkcs11: attributes(Pkcs11Attributes { local: Some(true), ..none() }), ..origin(Method::Bamboo) },
            Outcome::Unknown,
        ),
        (
            "token: CKA_NEVER_EXTRACTABLE true declared bamboo",
            KeyOrigin { pkcs11: attributes(Pkcs11Attributes { never_extractable: Some(true), ..none() }), ..origin(Method::Bamboo) },
            Outcome::Unknown,
        ),
        (
            "token: CKA_KEY_GEN_MECHANISM unavailable declared salak",
            KeyOrigin { pkcs11: attributes(Pkcs11Attributes { key_gen_mechanism: Some(u64::MAX), ..none() }), ..salak() },
            Outcome::Unknown,
        ),
        (
            "token: CKA_NEVER_EXTRACTABLE false declared non-extractable",
            KeyOrigin { pkcs11: attributes(Pkcs11Attributes { never_extractable: Some(false), ..none() }), ..salak() },
            Outcome::Unknown,
        ),
        ("TPM: sensitiveDataOrigin clear declared salak", KeyOrigin { tpma_object: Some(TpmaObject(1 << 1 | 1 << 4)), ..salak() }, Outcome::Unknown),
        (
            "TPM: sensitiveDataOrigin, fixedTPM and fixedParent declared bamboo",
            KeyOrigin { tpma_object: Some(TpmaObject(1 << 1 | 1 << 4 | 1 << 5)), ..origin(Method::Bamboo) },
            Outcome::Unknown,
        ),
    ]
}

#[test]
fn no_finding_but_of_supporting_evidence_grounds_a_basis() {
    let kind = EvidenceType::new("2.23.133.20.1").unwrap();
    let grounds = |outcome: Outcome| {
        let item = AppraisedItem { item: 1, appraised: Appraised { kind: kind.clone(), outcome } };
        let found = findings(&origin(Method::Salak), &[item]).unwrap().remove(0);
        Basis::ALL.iter().copied().filter(|basis| found.grounds(*basis)).collect::<Vec<_>>()
    };
    assert_eq!(grounds(holds(made_inside())), [Basis::KeyAttestation]);
    assert_eq!(grounds(holds(unsaid())), []);
    assert_eq!(grounds(Outcome::Unknown), []);
    let platform = Platform { format: "PKIX key attestation", attester: "Vendor (CN=AK)".to_owned(), details: Vec::new() };
    assert_eq!(grounds(Outcome::OfPlatform(platform)), []);
    let destroyed = SeedEvent::Destroyed(SeedDestruction { destroyed_by: "line 1".parse().unwrap() });
    let word = Word::Seeds(SeedNotice { batch: "7".parse().unwrap(), at: now(), event: destroyed });
    let testimony = Testimony { by: "line 1".to_owned(), signer: "CN=line 1".to_owned(), word };
    assert_eq!(grounds(Outcome::Testified(Box::new(testimony))), []);
}

#[test]
fn without_any_authority_nobodys_evidence_is_not_understood_but_an_unreadable_one_is_refused() {
    use crate::evidence::appraise_all;
    let key = new_key(SignatureAlgorithm::Es256);
    let evidence = |data: &[u8]| [Evidence { kind: EvidenceType::new(KeyAttestation::KIND).unwrap(), data: data.to_vec() }];
    let made = |data: &[u8]| {
        let expected = Expected { key: key.public_key(), nonce: None };
        findings(&origin(Method::Salak), &appraise_all(&evidence(data), &expected, &Authorities::default(), crate::time::at(crate::test_pki::NOW)))
    };
    let attester = crate::test_pki::new_key(SignatureAlgorithm::Es256);
    let name = crate::evidence::Claim { name: "identifier".to_owned(), value: crate::evidence::Value::Text("idevid".to_owned()) };
    let spki = crate::evidence::Claim { name: "spki".to_owned(), value: crate::evidence::Value::Octets(key.public_key().spki().to_vec()) };
    let element = crate::evidence::Element { kind: crate::evidence::ElementKind::Key, claims: vec![name, spki] };
    let genuine = crate::test_pki::block_on(KeyAttestation::make(&[element], &[], &attester)).unwrap();
    assert_eq!(made(genuine.der()).unwrap()[0].result, FindingResult::NotUnderstood);
    assert!(matches!(made(&[0x30]), Err(crate::Refusal::EvidenceUnfit { item: 1, .. })));
}
