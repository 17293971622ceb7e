use super::*;
use crate::chain::Anchors;
use crate::evidence::{Authority, Description, Outcome, SeedEvent, SeedReceipt, WithdrawnSigner, appraise as appraise_evidence};
use crate::provenance::{ContentDigest, Evidence, EvidenceType, RecordDigest, Text};
use crate::sign::{SignatureAlgorithm, Signer as _, SoftwareKey};
use crate::test_pki::{Entity, NOW, block_on, new_key, now};
use crate::text::in_full;
use crate::time::at;

fn text(text: &str) -> Text {
    text.parse().unwrap()
}

fn ceremony(key: &SoftwareKey) -> CeremonySignature {
    CeremonySignature { key: key.public_key().digest(), ceremony: text("minutes 7"), at: at(NOW) }
}

fn countersignature(key: &SoftwareKey) -> Countersignature {
    let description = Description { title: text("How keys are made in plant 3"), digest: ContentDigest::of(b"description") };
    Countersignature { key: key.public_key().digest(), record: RecordDigest([9; 32]), description, at: at(NOW) }
}

fn receipt() -> SeedNotice {
    let receipt = SeedReceipt { courier: text("van 12"), received_by: text("goods-in"), count: 100, list: ContentDigest::of(b"list") };
    SeedNotice { batch: text("seeds 7"), at: at(NOW), event: SeedEvent::Received(receipt) }
}

fn sealed<T: Content>(content: &T, by: &Entity) -> Evidence {
    let signed = block_on(by.party(&[]).seal(content, Format::Cose)).unwrap();
    Evidence { kind: EvidenceType::new(T::typ(Format::Cose).unwrap().name()).unwrap(), data: signed.wire().to_vec() }
}

fn authority(name: &str, of: &Entity, basis: Basis) -> Authority {
    Authority { name: name.to_owned(), anchors: Anchors::new([of.certificate.clone()]).unwrap(), basis, locus: None, unmarked_attestation_keys: false }
}

fn outcome(evidence: &Evidence, key: &SoftwareKey, authorities: impl IntoIterator<Item = Authority>) -> Outcome {
    let expected = Expected { key: key.public_key(), nonce: None };
    appraise_evidence(evidence, &expected, &Authorities::new(authorities), now()).remove(0).outcome
}

fn refusal(outcome: Outcome) -> String {
    match outcome {
        Outcome::Refused(err) => in_full(&err),
        other => panic!("{other:?}"),
    }
}

#[test]
fn word_of_a_party_a_station_and_an_auditor_is_read_as_they_said_it() {
    let (signer, key) = (Entity::root("Alice"), new_key(SignatureAlgorithm::Es256));
    let testified = |evidence: Evidence, basis| match outcome(&evidence, &key, [authority("alice", &signer, basis)]) {
        Outcome::Testified(testimony) => *testimony,
        other => panic!("{other:?}"),
    };
    let said = |word| Testimony { by: "alice".to_owned(), signer: signer.certificate.subject().to_owned(), word };
    assert_eq!(testified(sealed(&ceremony(&key), &signer), Basis::WitnessedCeremony), said(Word::Ceremony(ceremony(&key))));
    assert_eq!(testified(sealed(&receipt(), &signer), Basis::WitnessedCeremony), said(Word::Seeds(receipt())));
    assert_eq!(testified(sealed(&countersignature(&key), &signer), Basis::ThirdPartyAudit), said(Word::Audit(countersignature(&key))));
}

#[test]
fn word_of_somebody_unknown_is_not_to_be_trusted() {
    let (signer, stranger, key) = (Entity::root("Alice"), Entity::root("Mallory"), new_key(SignatureAlgorithm::Es256));
    let outcome = outcome(&sealed(&ceremony(&key), &stranger), &key, [authority("alice", &signer, Basis::WitnessedCeremony)]);
    assert!(matches!(outcome, Outcome::Refused(EvidenceError::Untrusted { .. })), "{outcome:?}");
}

#[test]
fn whoever_a_party_certified_is_somebody_else() {
    let (party, key) = (Entity::root("Alice"), new_key(SignatureAlgorithm::Es256));
    let below = party.issue("Bob", SignatureAlgorithm::Es256, |template| template);
    let told = refusal(outcome(&sealed(&ceremony(&key), &below), &key, [authority("alice", &party, Basis::WitnessedCeremony)]));
    assert!(told.contains("the certificate of CN=Bob has to be an anchor itself"), "{told}");
}

#[test]
fn party_whose_key_was_withdrawn_is_not_believed() {
    let (party, key) = (Entity::root("Alice"), new_key(SignatureAlgorithm::Es256));
    let withdrawn = WithdrawnSigner { certificate: party.certificate.clone(), since: now(), reason: None };
    let authorities = Authorities::new([authority("alice", &party, Basis::WitnessedCeremony)]).withdrawing([withdrawn]);
    let expected = Expected { key: key.public_key(), nonce: None };
    let told = refusal(appraise_evidence(&sealed(&ceremony(&key), &party), &expected, &authorities, now()).remove(0).outcome);
    assert!(told.contains("signed with the key of 'CN=Alice', which was withdrawn on"), "{told}");
}

#[test]
fn attestation_key_signs_no_testimony() {
    let key = new_key(SignatureAlgorithm::Es256);
    let ak = Entity::root("TPM vendor").issue("AK", SignatureAlgorithm::Es256, |template| template.usages(&["2.23.133.8.3"]));
    let told = refusal(outcome(&sealed(&ceremony(&key), &ak), &key, [authority("ak", &ak, Basis::WitnessedCeremony)]));
    assert!(told.contains("certified to attest keys (tcg-kp-AIKCertificate)"), "{told}");
}

#[test]
fn maker_of_modules_speaks_for_no_people() {
    let (signer, key) = (Entity::root("TPM vendor"), new_key(SignatureAlgorithm::Es256));
    let told = refusal(outcome(&sealed(&ceremony(&key), &signer), &key, [authority("vendor", &signer, Basis::KeyAttestation)]));
    assert!(told.contains("no authority for evidence with basis witnessed-ceremony is configured"), "{told}");
}

#[test]
fn party_of_a_ceremony_is_no_auditor() {
    let (signer, key) = (Entity::root("Alice"), new_key(SignatureAlgorithm::Es256));
    let outcome = outcome(&sealed(&countersignature(&key), &signer), &key, [authority("alice", &signer, Basis::WitnessedCeremony)]);
    assert!(matches!(outcome, Outcome::Refused(EvidenceError::Untrusted { .. })), "{outcome:?}");
}

#[test]
fn word_on_another_key_is_refused_with_both_keys() {
    let (signer, key, other) = (Entity::root("Alice"), new_key(SignatureAlgorithm::Es256), new_key(SignatureAlgorithm::Es256));
    let outcome = outcome(&sealed(&ceremony(&other), &signer), &key, [authority("alice", &signer, Basis::WitnessedCeremony)]);
    let (found, expected) = (other.public_key().digest().to_string(), key.public_key().digest().to_string());
    assert_eq!(outcome, Outcome::Refused(EvidenceError::OtherKey { format: "ceremony signature", found, expected }));
}

#[test]
fn key_does_not_speak_for_itself() {
    let itself = Entity::root("device");
    let told = refusal(outcome(&sealed(&ceremony(&itself.key), &itself), &itself.key, [authority("device", &itself, Basis::WitnessedCeremony)]));
    assert!(told.contains("is signed with the very key that it is about"), "{told}");
}

#[test]
fn word_of_one_kind_passes_for_no_other() {
    let (signer, key) = (Entity::root("Alice"), new_key(SignatureAlgorithm::Es256));
    let disguised = Evidence { kind: EvidenceType::new(CeremonySignature::KIND).unwrap(), ..sealed(&countersignature(&key), &signer) };
    let outcome = outcome(&disguised, &key, [authority("alice", &signer, Basis::WitnessedCeremony)]);
    assert!(matches!(outcome, Outcome::Refused(EvidenceError::Unreadable { .. })), "{outcome:?}");
}

#[test]
fn changed_word_is_refused() {
    let (signer, key) = (Entity::root("Alice"), new_key(SignatureAlgorithm::Es256));
    let mut evidence = sealed(&ceremony(&key), &signer);
    let place = evidence.data.windows(9).position(|octets| octets == b"minutes 7").unwrap();
    evidence.data[place + 8] = b'8';
    let outcome = outcome(&evidence, &key, [authority("alice", &signer, Basis::WitnessedCeremony)]);
    assert!(matches!(outcome, Outcome::Refused(EvidenceError::Untrusted { .. })), "{outcome:?}");
}

#[test]
fn what_is_too_large_unknown_or_of_another_envelope_cannot_be_read() {
    let octets = encode(&receipt(), Format::Cose).unwrap();
    assert_eq!(decode::<SeedNotice>(&octets, Format::Cose), Ok(receipt()));
    assert!(decode::<SeedNotice>(&octets, Format::Jws).is_err());
    assert!(decode::<CeremonySignature>(&octets, Format::Cose).is_err());
    assert!(matches!(decode::<SeedNotice>(&[0; 9 * 1024], Format::Cose), Err(DecodeError::TooLarge { .. })));
    assert!(decode::<SeedNotice>(&[octets, vec![0]].concat(), Format::Cose).is_err());
}
