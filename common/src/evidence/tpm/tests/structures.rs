//! What cannot be read.

use super::*;
use crate::asn1::element;

fn unreadable(found: Result<Claims, EvidenceError>) -> String {
    match found.unwrap_err() {
        EvidenceError::Unreadable { format: FORMAT, source } => source.to_string(),
        other => panic!("{other:?}"),
    }
}

/// The three structures of an honest statement.
fn parts(world: &World) -> [Vec<u8>; 3] {
    let public = public(world.key.public_key(), HONEST);
    let attest = attest(0x8017, &name(&public), NONCE);
    [attest.clone(), signature(&world.ak.key, &attest), public]
}

#[test]
fn each_structure_cut_short_or_followed_by_octets_is_refused() {
    let world = World::new();
    for index in 0..3 {
        for length in 0..parts(&world)[index].len() {
            let mut parts = parts(&world);
            parts[index].truncate(length);
            if index == 0 {
                parts[1] = signature(&world.ak.key, &parts[0]);
            }
            let [attest, signature, public] = &parts;
            assert!(unreadable(world.appraise(&statement(&[attest, signature, public]))).contains("cut short"), "part {index}, {length} octets");
        }
        let mut parts = parts(&world);
        parts[index].push(0);
        let [attest, signature, public] = &parts;
        assert!(unreadable(world.appraise(&statement(&[attest, signature, public]))).contains("1 octets follow its end"), "part {index}");
    }
}

#[test]
fn statement_is_der_of_two_or_three_octet_strings() {
    let world = World::new();
    let good = world.statement(HONEST);
    let inner = element(0x04, &[]);
    for bad in
        [&good[..good.len() - 1], &[&good[..], &[0]].concat(), &element(0x30, &inner), &element(0x30, &inner.repeat(4)), &element(0x31, &inner.repeat(3))]
    {
        assert!(unreadable(world.appraise(bad)).contains("DER"));
    }
    assert!(unreadable(world.appraise(&[0; 5000])).contains("4096"));
}

#[test]
fn number_of_octets_before_a_structure_is_not_part_of_it() {
    let world = World::new();
    let [attest, signature, public] = parts(&world);
    let sized = [&u16::try_from(public.len()).unwrap().to_be_bytes()[..], &public].concat();
    assert!(world.appraise(&statement(&[&attest, &signature, &sized])).is_err());
}

#[test]
fn what_no_tpm_made_up_and_what_is_said_of_other_things_is_refused_with_its_name() {
    let world = World::new();
    let [attest, signature, public] = parts(&world);
    let with_head = |head: [u8; 6]| [&head[..], &attest[6..]].concat();
    for (head, named) in [
        ([0, 0x54, 0x43, 0x47, 0x80, 0x17], "TPM_GENERATED"),
        ([0xff, 0x54, 0x43, 0x47, 0x80, 0x18], "a quote (0x8018)"),
        ([0xff, 0x54, 0x43, 0x47, 0x12, 0x34], "not known (0x1234)"),
    ] {
        let found = world.appraise(&statement(&[&with_head(head), &signature, &public]));
        assert!(matches!(found, Err(EvidenceError::Wrong { what, .. }) if what.contains(named)), "{named}");
    }
}

#[test]
fn signatures_that_are_not_verified_here_are_named() {
    let world = World::new();
    let [attest, _, public] = parts(&world);
    for (head, named) in [([0, 0x16, 0, 0x0b], "RSAPSS (0x0016)"), ([0, 0x18, 0, 4], "the hash 0x0004"), ([0, 0x1a, 0, 0x0b], "the signature algorithm 0x001a")]
    {
        let found = world.appraise(&statement(&[&attest, &[&head[..], &[0; 8]].concat(), &public]));
        assert_eq!(untrusted_by(found), VerifyError::UnsupportedAlgorithm { artefact: FORMAT, found: named.to_owned() });
    }
}

#[test]
fn objects_that_are_no_keys_of_ours_are_named() {
    let good = public(new_key(SignatureAlgorithm::Es256).public_key(), HONEST);
    let with = |at: usize, value: [u8; 2]| {
        let mut changed = good.clone();
        changed[at..at + 2].copy_from_slice(&value);
        PublicArea::from_octets(&changed).unwrap_err().to_string()
    };
    assert!(with(0, [0, 8]).contains("type of the TPM object is 0x0008"));
    assert!(with(2, [0, 4]).contains("nameAlg of the TPM object is 0x0004"));
    assert!(with(14, [0, 5]).contains("curve of the TPM object is 0x0005"));
}

#[test]
fn coordinates_without_their_leading_zeros_are_the_same_key() {
    let key = loop {
        let key = new_key(SignatureAlgorithm::Es256);
        if key.public_key().raw()[1] == 0 {
            break key;
        }
    };
    let whole = public(key.public_key(), HONEST);
    let mut short = whole.clone();
    assert_eq!(short[18..21], [0, 32, 0]);
    short[19] = 31;
    short.remove(20);
    let [whole, short] = [whole, short].map(|octets| PublicArea::from_octets(&octets).unwrap());
    assert_eq!(whole.key(), short.key());
    assert_ne!(whole.name(), short.name());
}

#[test]
fn rsa_public_area_is_the_key_of_its_modulus_and_exponent() {
    let modulus = [&[0xc0][..], &[7; 255]].concat();
    let area = |exponent: [u8; 4], bits: [u8; 2]| {
        let head = [&[0, 1, 0, 0x0b][..], &HONEST.to_be_bytes(), &[0, 0, 0, 0x10, 0, 0x14, 0, 0x0b]].concat();
        PublicArea::from_octets(&[&head[..], &bits, &exponent, &[1, 0], &modulus].concat())
    };
    let encoded = element(0x30, &[element(2, &[&[0][..], &modulus].concat()), element(2, &[1, 0, 1])].concat());
    for exponent in [[0, 0, 0, 0], [0, 1, 0, 1]] {
        assert_eq!(area(exponent, [8, 0]).unwrap().key().raw(), encoded);
    }
    assert!(area([0; 4], [16, 0]).is_err());
}

#[test]
fn no_octets_panic() {
    // A generator of no quality is enough: each structure is changed where it is read.
    let world = World::new();
    let good = world.statement(HONEST);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..20_000 {
        let mut changed = good.clone();
        for _ in 0..3 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let at = state as usize % changed.len();
            changed[at] = (state >> 32) as u8;
        }
        let Ok(parts) = Parts::from_der(&changed) else { continue };
        let _ = (Attest::from_octets(parts.attest), parts.public.map(PublicArea::from_octets));
        let _ = Signature::from_octets(parts.signature);
    }
}
