use super::*;
use crate::log::leaf_hash;
use crate::sign::{SignatureAlgorithm, SoftwareKey};
use crate::test_pki::{block_on, new_key};

const ORIGIN: &str = "masa.example.com/log";

/// A cosignature as the specification of witnesses shows it.
const WITNESS: &str =
    "\u{2014} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==";

fn key() -> SoftwareKey {
    new_key(SignatureAlgorithm::EdDsa)
}

fn name(text: &str) -> LogName {
    LogName::new(text).unwrap()
}

fn checkpoint() -> Checkpoint {
    Checkpoint { origin: name(ORIGIN), size: 20_852_163, root: leaf_hash(b"") }
}

fn signed(key: &SoftwareKey) -> SignedCheckpoint {
    block_on(checkpoint().sign(key)).unwrap()
}

fn verifier(key: &SoftwareKey) -> VerifierKey {
    VerifierKey::new(name(ORIGIN), key.public_key().clone()).unwrap()
}

/// A note around this text, properly signed.
fn note(text: &str, key: &SoftwareKey) -> String {
    let signature = block_on(key.sign(text.as_bytes())).unwrap();
    let line = NoteSignature::new(name(ORIGIN), verifier(key).id(), signature.fixed().to_vec()).unwrap();
    format!("{text}\n{line}\n")
}

#[test]
fn note_of_the_specification_verifies_with_its_key() {
    let log: VerifierKey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k".parse().unwrap();
    let text = "This is an example message.\n\n\u{2014} example.com/foo \
                Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    let (message, signatures) = note::split(text).unwrap();
    assert_eq!((message, signatures.len()), ("This is an example message.\n", 1));
    assert_eq!((signatures[0].name(), signatures[0].key_id()), (log.name(), log.id()));
    assert!(log.key().verifies(SignatureScheme::Ed25519, message.as_bytes(), signatures[0].signature()));
}

#[test]
fn verifier_key_survives_its_text() {
    for text in ["example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"]
    {
        assert_eq!(text.parse::<VerifierKey>().unwrap().to_string(), text);
    }
}

#[test]
fn mangled_verifier_keys_are_refused() {
    let good = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    for i in 0..good.len() {
        let mut mangled = good.as_bytes().to_vec();
        mangled[i] ^= 1;
        let mangled = String::from_utf8(mangled).unwrap();
        assert!(mangled.parse::<VerifierKey>().is_err(), "{mangled}");
        assert!(good[..i].parse::<VerifierKey>().is_err() && good[i + 1..].parse::<VerifierKey>().is_err());
    }
    // The same key as one for cosignatures.
    assert!("PeterNeumann+c74f20a3+BBpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW".parse::<VerifierKey>().is_err());
}

#[test]
fn text_is_that_of_the_specification() {
    let root = Hash::try_from(unbase64("root", "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=").unwrap().as_slice()).unwrap();
    let checkpoint = Checkpoint { origin: name("example.com/behind-the-sofa"), size: 20_852_163, root };
    assert_eq!(checkpoint.to_string(), "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n");
    assert_eq!(Checkpoint::read(&checkpoint.to_string()), Ok(checkpoint));
}

#[test]
fn signed_checkpoint_survives_its_text() {
    let key = key();
    let text = signed(&key).to_string();
    let read = SignedCheckpoint::parse(&text).unwrap();
    assert_eq!(read.verify(&verifier(&key)), Ok(&checkpoint()));
    assert_eq!(read.to_string(), text);
    assert!(text.starts_with(&format!("{}\n\u{2014} {ORIGIN} ", checkpoint())));
}

#[test]
fn cosignatures_are_kept_and_passed_over() {
    let key = key();
    let cosigned = signed(&key).with_signature(WITNESS.parse().unwrap()).unwrap();
    let text = cosigned.to_string();
    assert!(text.ends_with(&format!("\n{WITNESS}\n")));
    let read = SignedCheckpoint::parse(&text).unwrap();
    assert_eq!((read.verify(&verifier(&key)), read.signatures().len()), (Ok(&checkpoint()), 2));
    assert_eq!(read.signatures()[1].name().as_str(), "witness.example.com/w1");
    assert_eq!(read.clone().with_signature(WITNESS.parse().unwrap()).unwrap(), read);
}

#[test]
fn checkpoint_of_an_unknown_key_is_refused() {
    let (key, other) = (key(), key());
    assert!(matches!(signed(&key).verify(&verifier(&other)), Err(VerifyError::UnknownSigner { artefact: "checkpoint", .. })));
    let only_witness = format!("{}\n{WITNESS}\n", checkpoint());
    assert!(matches!(SignedCheckpoint::parse(&only_witness).unwrap().verify(&verifier(&key)), Err(VerifyError::UnknownSigner { .. })));
}

#[test]
fn checkpoint_of_another_log_with_the_same_key_is_refused() {
    let key = key();
    let other = Checkpoint { origin: name("masa.example.com/other"), ..checkpoint() };
    let own_line = signed(&key).signatures()[0].clone();
    let renamed = SignedCheckpoint { checkpoint: other.clone(), text: other.to_string(), signatures: vec![own_line] };
    assert!(matches!(renamed.verify(&verifier(&key)), Err(VerifyError::WrongSigner { artefact: "checkpoint", .. })));
}

#[test]
fn any_signature_in_the_logs_name_must_be_its_own() {
    let key = key();
    let changed = signed(&key).to_string().replace("20852163", "20852164");
    assert!(matches!(SignedCheckpoint::parse(&changed).unwrap().verify(&verifier(&key)), Err(VerifyError::BadSignature { artefact: "checkpoint", .. })));
    for signature in [vec![0; 64], vec![0; 63], vec![1]] {
        let forged = NoteSignature::new(name(ORIGIN), verifier(&key).id(), signature).unwrap();
        assert!(matches!(signed(&key).with_signature(forged).unwrap().verify(&verifier(&key)), Err(VerifyError::BadSignature { .. })));
    }
    // The same name with another key ID is somebody else.
    let stranger = NoteSignature::new(name(ORIGIN), [0; 4], vec![0; 64]).unwrap();
    assert!(signed(&key).with_signature(stranger).unwrap().verify(&verifier(&key)).is_ok());
}

#[test]
fn extension_lines_are_part_of_what_is_signed() {
    let key = key();
    let text = format!("{}one more line\nand another\n", checkpoint());
    let read = SignedCheckpoint::parse(&note(&text, &key)).unwrap();
    assert_eq!(read.verify(&verifier(&key)), Ok(&checkpoint()));
    assert_eq!(read.to_string(), note(&text, &key));
    let changed = note(&text, &key).replace("another", "no other");
    assert!(SignedCheckpoint::parse(&changed).unwrap().verify(&verifier(&key)).is_err());
}

#[test]
fn only_ed25519_keys_sign_checkpoints() {
    for algorithm in [SignatureAlgorithm::Es256, SignatureAlgorithm::Es384] {
        let err = block_on(checkpoint().sign(&new_key(algorithm))).unwrap_err();
        assert!(crate::text::in_full(&err).contains("expected Ed25519"), "{err}");
    }
}

#[test]
fn signature_made_elsewhere_is_checked_before_it_is_attached() {
    let key = key();
    let right = block_on(key.sign(checkpoint().to_string().as_bytes())).unwrap();
    assert_eq!(checkpoint().attach(&verifier(&key), &right), Ok(signed(&key)));
    let wrong = block_on(key.sign(b"something else")).unwrap();
    assert!(checkpoint().attach(&verifier(&key), &wrong).is_err());
    let other_log = VerifierKey::new(name("masa.example.com/other"), key.public_key().clone()).unwrap();
    assert!(checkpoint().attach(&other_log, &right).is_err());
}

#[test]
fn malformed_checkpoints_are_refused() {
    let key = key();
    let root = base64(leaf_hash(b"").as_bytes());
    assert!(SignedCheckpoint::parse(&note(&format!("{ORIGIN}\n1\n{root}\n"), &key)).is_ok());
    let empty = base64(Hash::of_empty_tree().as_bytes());
    assert!(SignedCheckpoint::parse(&note(&format!("{ORIGIN}\n0\n{empty}\n"), &key)).is_ok());
    let unpadded = root.trim_end_matches('=');
    // 32 octets leave two bits of the last character over, which must be zero: E is 000100, F is 000101.
    let (spare_bits, no_bits) = (format!("{}F=", "A".repeat(42)), format!("{}E=", "A".repeat(42)));
    assert!(SignedCheckpoint::parse(&note(&format!("{ORIGIN}\n1\n{no_bits}\n"), &key)).is_ok());
    for text in [
        format!("{ORIGIN}\n0\n{root}\n"),
        format!("{ORIGIN}\n01\n{root}\n"),
        format!("{ORIGIN}\n+1\n{root}\n"),
        format!("{ORIGIN}\n-1\n{root}\n"),
        format!("{ORIGIN}\n\n{root}\n"),
        format!("{ORIGIN}\n18446744073709551616\n{root}\n"),
        format!("{ORIGIN}\n1\n{unpadded}\n"),
        format!("{ORIGIN}\n1\n{spare_bits}\n"),
        format!("{ORIGIN}\n1\n{root}AAAA\n"),
        format!("{ORIGIN}\n1\n"),
        format!("{ORIGIN}\n"),
        format!("\n1\n{root}\n"),
        format!("two words\n1\n{root}\n"),
        format!("{ORIGIN}\n1\n{root}\n\nmore\n"),
        format!("{ORIGIN}\n1\n{root}\na\tb\n"),
        format!("{ORIGIN}\r\n1\r\n{root}\r\n"),
    ] {
        assert!(SignedCheckpoint::parse(&note(&text, &key)).is_err(), "{text}");
    }
}

#[test]
fn malformed_notes_are_refused() {
    let good = signed(&key()).to_string();
    let line = good.rsplit_once("\n\n").unwrap().1;
    assert!(SignedCheckpoint::parse(&good).is_ok());
    for note in [
        String::new(),
        "\n\n".to_owned(),
        checkpoint().to_string(),
        format!("{}\n", checkpoint()),
        good.trim_end().to_owned(),
        format!("{good}\n"),
        format!("{good}something\n"),
        good.replace("\n\n", "\n"),
        good.replace('\u{2014}', "-"),
        good.replace("\u{2014} ", "\u{2014}"),
        good.replace(ORIGIN, "masa.example.com/a+b"),
        good.replace(line, "\u{2014} masa.example.com/log AAAA\n"),
        good.replace(line, "\u{2014} masa.example.com/log AAAAAA==\n"),
        good.replace(line, "\u{2014} masa.example.com/log\n"),
        good.replace(line, &format!("\u{2014} masa.example.com/log {}\n", "A".repeat(12_000))),
    ] {
        assert!(SignedCheckpoint::parse(&note).is_err(), "{note}");
    }
}

#[test]
fn number_of_signatures_and_length_are_bounded() {
    let line = |i: u8| NoteSignature::new(name("witness.example.com"), [i; 4], vec![i; 64]).unwrap();
    let mut full = signed(&key());
    for i in 1..64 {
        full = full.with_signature(line(i)).unwrap();
    }
    assert!(SignedCheckpoint::parse(&full.to_string()).is_ok());
    let limit = DecodeError::TooLarge { what: "number of signatures of the note", limit: 64 };
    assert_eq!(SignedCheckpoint::parse(&format!("{full}{}\n", line(64))), Err(limit.clone()));
    assert_eq!(full.with_signature(line(64)), Err(limit));
    let long = DecodeError::TooLarge { what: "length of the note in octets", limit: 256 * 1024 };
    assert_eq!(SignedCheckpoint::parse(&"a".repeat(256 * 1024 + 1)), Err(long));
}

#[test]
fn names_that_could_be_mistaken_are_refused() {
    for bad in ["", "a b", "a+b", "a\u{2003}b", "a\nb", "a\u{7f}", &"a".repeat(256)] {
        assert!(LogName::new(bad).is_err(), "{bad}");
    }
    assert!(LogName::new("a".repeat(255)).is_ok());
}
