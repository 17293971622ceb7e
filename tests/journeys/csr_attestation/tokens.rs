//! Entity attestation tokens (RFC 9711) in a conceptual message wrapper, through the same door.

use brski_common::leniency::Reading;
use brski_common::{CoseCertificates, DecodeError, Format, Payload, Signer as _, SigningParty, Typ};
use ciborium::Value;

use super::*;

/// Claims in CBOR.
struct Token(Vec<u8>);

impl Payload for Token {
    const NAME: &'static str = "token";
    const COSE_CERTIFICATES: CoseCertificates = CoseCertificates::Bag;

    fn typ(_: Format) -> Option<Typ> {
        Some(Typ::Optional("application/eat+cwt"))
    }

    fn encode(&self, _: Format) -> Result<Vec<u8>, DecodeError> {
        Ok(self.0.clone())
    }

    fn decode(octets: &[u8], _: Format, _: &Reading) -> Result<Self, DecodeError> {
        Ok(Self(octets.to_vec()))
    }
}

fn cbor(value: &Value) -> Vec<u8> {
    let mut octets = Vec::new();
    ciborium::into_writer(value, &mut octets).unwrap();
    octets
}

fn map<const N: usize>(entries: [(i64, Value); N]) -> Value {
    Value::Map(entries.map(|(label, value)| (label.into(), value)).into())
}

/// What this attester says of the platform that holds `key`, in answer to a nonce.
async fn attest(attester: &SigningParty, key: &SoftwareKey, nonce: &[u8]) -> AttestationStatement {
    let octets = |octets: &[u8]| Value::Bytes(octets.to_vec());
    // The last octets of a SubjectPublicKeyInfo on P-256 are the point.
    let (x, y) = key.public_key().spki().last_chunk::<64>().unwrap().split_at(32);
    let cose_key = map([(1, 2.into()), (-1, 1.into()), (-2, octets(x)), (-3, octets(y))]);
    let claims = map([(8, map([(1, cose_key)])), (10, octets(nonce)), (263, 3.into())]);
    let token = attester.seal(&Token(cbor(&claims)), Format::Cose).await.unwrap();
    let wrapped = cbor(&Value::Array(vec![Value::Text("application/eat+cwt".to_owned()), octets(token.wire())]));
    let length = u16::try_from(wrapped.len()).unwrap().to_be_bytes();
    AttestationStatement { kind: EvidenceType::new("1.3.6.1.5.5.7.1.35").unwrap(), der: [&[0x04, 0x82][..], &length, &wrapped].concat() }
}

#[tokio::test]
async fn token_about_the_key_in_answer_to_the_nonce_is_evidence_enough_where_no_more_is_demanded() {
    let scene = Scene::demanding(IN_ANSWER).await;
    let (attester, key) = (scene.module.vendor.party("TEE 7", &[]).await, new_key());
    let ldevid = issued(&scene.ask(&key, &[attest(&attester, &key, &scene.nonce().await).await]).await);
    let file = scene.world.owner.pledges.file(scene.device.idevid().spki_digest()).await.unwrap().unwrap();
    let attested = file.attested.unwrap();
    assert_eq!((attested.key, attested.findings[0].result, attested.findings[0].fresh), (ldevid.spki_digest(), KeyResult::Holds, true));
}

#[tokio::test]
async fn token_that_is_stale_or_about_another_key_is_refused() {
    let scene = Scene::demanding(IN_ANSWER).await;
    let (attester, key) = (scene.module.vendor.party("TEE 7", &[]).await, new_key());
    let stale = attest(&attester, &key, &scene.nonce().await).await;
    scene.nonce().await;
    scene.refused(&scene.device.attested_csr(&key, &[stale]).await, "so that it may be an old one").await;
    let of_another = attest(&attester, &new_key(), &scene.nonce().await).await;
    scene.refused(&scene.device.attested_csr(&key, &[of_another]).await, "is about another key").await;
}

#[tokio::test]
async fn token_does_not_say_that_a_key_was_made_inside() {
    let scene = Scene::demanding(MADE_INSIDE).await;
    let (attester, key) = (scene.module.vendor.party("TEE 7", &[]).await, new_key());
    let told = attest(&attester, &key, &[7; 32]).await;
    scene.refused(&scene.device.attested_csr(&key, &[told]).await, "does not say that the key was made inside, as this owner demands").await;
}
