//! The one place where an honest request becomes a misdeed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use brski_common::provenance::Status;
use brski_common::time::at;
use brski_common::{Assertion, Format, Method, PeerCertificates, Signer as _, VoucherRequest, est};
use brski_registrar::http::DEFAULT_BODY_LIMIT;
use serde_json::{Map, Value, json};

use super::misdeed::Misdeed;
use super::stage::Stage;
use crate::support::{
    Device, REGISTRAR_USAGES, Raw, Reply, ca_request, edited, new_key, onboard, p521_request, request, request_signed_by, rsa_request, to_registrar,
};

/// A request as the pledge sends it.
pub(super) struct Act {
    resource: &'static str,
    content_type: &'static str,
    accept: Option<&'static str>,
    body: Vec<u8>,
    peer: PeerCertificates,
    /// How often it is sent, without a pause.
    times: usize,
}

impl Act {
    /// What the pledge of this stage does.
    #[expect(clippy::too_many_lines, reason = "one place for all misdeeds, one after the other")]
    pub(super) async fn of(misdeed: Misdeed, stage: &Stage) -> Self {
        let hostile = &stage.hostile;
        let asks = |change: fn(&Stage, &mut VoucherRequest)| async move {
            let mut request = stage.hostile.request(&stage.world.owner, &stage.world.hand);
            change(stage, &mut request);
            Self::asking(&stage.hostile, &request).await
        };
        let edits = |edit: fn(&mut Map<String, Value>)| async move {
            let raw = edited(&stage.hostile.request(&stage.world.owner, &stage.world.hand), edit);
            Self::sending(&stage.hostile, stage.hostile.party().seal(&raw, Format::Cms).await.unwrap().wire().to_vec())
        };
        match misdeed {
            Misdeed::ShowsNoCertificate => Self { peer: PeerCertificates::default(), ..asks(|_, _| {}).await },
            Misdeed::IsOfAForeignManufacturer => Self::honest(&stage.foreign, stage).await,
            Misdeed::ShowsASelfSignedIdevid => Self::honest(&stage.self_made().await, stage).await,
            Misdeed::ShowsAnExpiredIdevid => Self::honest(&stage.expired().await, stage).await,
            Misdeed::ActsAsItsMakersCa => {
                let plant = &stage.world.maker.plant;
                let request = hostile.request(&stage.world.owner, &stage.world.hand);
                Self::asking(&Device { chain: plant.chain.clone(), key: plant.key.clone(), ..hostile.clone() }, &request).await
            }
            Misdeed::AsksWithAnLdevid => Self::honest(&stage.member, stage).await,
            Misdeed::SignsWithAnotherKey => Self::honest(&Device { key: new_key(), ..hostile.clone() }, stage).await,
            Misdeed::SignsWithAnLdevid => Self { peer: hostile.peer(), ..Self::honest(&stage.member, stage).await },
            Misdeed::HasAStrangerSignAsWell => {
                let mut stranger = Value::Null;
                Self::jws(&stage.foreign, stage, |jws| stranger = jws["signatures"][0].clone()).await;
                Self::jws(hostile, stage, |jws| jws["signatures"].as_array_mut().unwrap().insert(0, stranger)).await
            }
            Misdeed::SignsNineTimes => Self::jws(hostile, stage, |jws| jws["signatures"] = vec![jws["signatures"][0].clone(); 9].into()).await,
            Misdeed::SignsWithAlgorithmNone => {
                Self::jws(hostile, stage, |jws| {
                    rename_algorithm(jws, "none");
                    jws["signatures"][0]["signature"] = json!("");
                })
                .await
            }
            Misdeed::SignsWithAMacUnderItsPublicKey => {
                let secret = hostile.key.public_key().spki().to_vec();
                Self::jws(hostile, stage, |jws| {
                    rename_algorithm(jws, "HS256");
                    let input = format!("{}.{}", jws["signatures"][0]["protected"].as_str().unwrap(), jws["payload"].as_str().unwrap());
                    let tag = aws_lc_rs::hmac::sign(&aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &secret), input.as_bytes());
                    jws["signatures"][0]["signature"] = json!(URL_SAFE_NO_PAD.encode(tag.as_ref()));
                })
                .await
            }
            Misdeed::NamesAnotherDevice => asks(|stage, request| request.serial_number = stage.honest.serial()).await,
            Misdeed::NamesAnotherIssuer => {
                let other = stage.foreign.idevid().device().issuer.clone();
                let request = VoucherRequest { idevid_issuer: Some(other), ..hostile.request(&stage.world.owner, &stage.world.hand) };
                Self::asking(hostile, &request).await
            }
            Misdeed::SendsNoNonce => asks(|_, request| request.nonce = None).await,
            Misdeed::SendsAShortNonce => edits(|leaves| drop(leaves.insert("nonce".to_owned(), json!("AAAAAAAAAA==")))).await,
            Misdeed::SendsAnEmptyNonce => edits(|leaves| drop(leaves.insert("nonce".to_owned(), json!("")))).await,
            Misdeed::AssertsLogged => asks(|_, request| request.assertion = Some(Assertion::Logged)).await,
            Misdeed::AssertsVerified => asks(|_, request| request.assertion = Some(Assertion::Verified)).await,
            Misdeed::AssertsNothing => asks(|_, request| request.assertion = None).await,
            Misdeed::NamesAnotherRegistrar => {
                let other = stage.world.owner.ca.party("another registrar", &REGISTRAR_USAGES).await.identity.chain.first().cloned();
                let request = VoucherRequest { proximity_registrar_cert: other, ..hostile.request(&stage.world.owner, &stage.world.hand) };
                Self::asking(hostile, &request).await
            }
            Misdeed::NamesNoRegistrar => asks(|_, request| request.proximity_registrar_cert = None).await,
            Misdeed::DatesItsRequestBack => asks(|stage, request| request.created_on = Some(at(stage.world.hand.now().as_secs() - FOUR_DAYS - 1))).await,
            Misdeed::DatesItsRequestAhead => asks(|stage, request| request.created_on = Some(at(stage.world.hand.now().as_secs() + 86_400))).await,
            Misdeed::EnclosesARequest => asks(|_, request| request.prior_signed_voucher_request = Some(vec![0x30, 0])).await,
            Misdeed::AddsAnUnknownLeaf => edits(|leaves| drop(leaves.insert("please".to_owned(), json!(true)))).await,
            Misdeed::RepeatsALeaf => {
                let text = edited(&hostile.request(&stage.world.owner, &stage.world.hand), |_| {}).0;
                let twice = String::from_utf8(text).unwrap().replacen("\"nonce\":", "\"nonce\":\"AAAAAAAAAAA=\",\"nonce\":", 1);
                let raw = Raw(twice.into_bytes());
                Self::sending(hostile, hostile.party().seal(&raw, Format::Cms).await.unwrap().wire().to_vec())
            }
            Misdeed::MislabelsItsRequest => Self { content_type: "application/octet-stream", ..asks(|_, _| {}).await },
            Misdeed::SendsNothing => Self::sending(hostile, Vec::new()),
            Misdeed::SendsTooMuch => Self::sending(hostile, vec![0x30; DEFAULT_BODY_LIMIT + 1]),
            Misdeed::CutsItsRequestOff => {
                let mut act = asks(|_, _| {}).await;
                act.body.pop();
                act
            }
            Misdeed::ShowsTheStatementOfAnother => Self::honest(&hostile.clone().carrying(stage.honest.statement.clone()), stage).await,
            Misdeed::ForgesItsStatement => {
                let forged = hostile.party().seal(&stage.claim(|_| {}), Format::Cose).await.unwrap();
                Self::honest(&hostile.clone().carrying(Some(forged)), stage).await
            }
            Misdeed::ShowsThatItIsCompromised => {
                let statement = stage.restated(|said| said.status = Status::Compromised).await;
                Self::honest(&hostile.clone().carrying(Some(statement)), stage).await
            }
            Misdeed::ShowsThatItIsDisputed => {
                let statement = stage.restated(|said| said.status = Status::Disputed).await;
                Self::honest(&hostile.clone().carrying(Some(statement)), stage).await
            }
            Misdeed::ShowsAnOutdatedStatement => {
                let outdated = stage.restated(|said| said.method = Method::Avocado).await;
                stage.doubted_and_confirmed().await;
                Self::honest(&hostile.clone().carrying(Some(outdated)), stage).await
            }
            Misdeed::HasAKeyOfTheFactory => asks(|_, _| {}).await,
            Misdeed::AsksAgainAtOnce => Self { times: 20, ..asks(|_, _| {}).await },
            Misdeed::ReplaysTheRequestOfAnother => Self { peer: hostile.peer(), ..Self::honest(&stage.honest, stage).await },
            Misdeed::AsksForAnotherFormat => Self { accept: Some(Format::Jws.voucher_media_type()), ..Self::sending(hostile, stage.vouched().await) },
            Misdeed::EnrollsWithoutAVoucher => Self::enrolling(hostile, &hostile.csr(&new_key()).await),
            Misdeed::EnrollsInAnothersName => {
                stage.vouched().await;
                Self::enrolling(hostile, &stage.honest.csr(&new_key()).await)
            }
            Misdeed::EnrollsAsACa => {
                stage.vouched().await;
                Self::enrolling(hostile, &ca_request(hostile.chain[0].subject_der(), &new_key()).await)
            }
            Misdeed::EnrollsAnothersKey => {
                stage.vouched().await;
                let taken = new_key();
                onboard(&stage.honest, &stage.world.owner, &stage.world.hand).await.succeeded();
                stage.world.owner.enroll(&stage.honest.csr(&taken).await, &stage.honest.peer()).await.ok(est::CERTS_ONLY);
                // Whoever holds the other's key could sign so; what is tested is that it helps neither of them.
                Self::enrolling(hostile, &hostile.csr(&taken).await)
            }
            Misdeed::EnrollsAnRsaKey => {
                stage.vouched().await;
                Self::enrolling(hostile, &rsa_request(hostile.chain[0].subject_der()))
            }
            Misdeed::EnrollsAKeyOnP521 => {
                stage.vouched().await;
                Self::enrolling(hostile, &p521_request(hostile.chain[0].subject_der()))
            }
            Misdeed::EnrollsAKeyItDoesNotHave => {
                stage.vouched().await;
                Self::enrolling(hostile, &request_signed_by(&new_key(), hostile.chain[0].subject_der(), new_key().public_key(), &[]).await)
            }
            Misdeed::RenewsWithItsIdevid => {
                stage.vouched().await;
                Self { resource: "est/simplereenroll", ..Self::enrolling(hostile, &hostile.csr(&new_key()).await) }
            }
            Misdeed::ReportsAVoucherItDoesNotHave => Self::reporting(hostile, json!({ "version": 1, "status": true })),
            Misdeed::ReportsWithControlCharacters => {
                stage.vouched().await;
                Self::reporting(hostile, json!({ "version": 1, "status": false, "reason": "\u{1b}[2J\r\n\u{202e}all is well" }))
            }
        }
    }

    /// Sends it, as often as the pledge does; the last answer counts.
    pub(super) async fn perform(self, stage: &Stage) -> Reply {
        let headers: Vec<_> = [("content-type", self.content_type)].into_iter().chain(self.accept.map(|accept| ("accept", accept))).collect();
        let path = format!("/.well-known/{}", self.resource);
        let ask = || to_registrar(&stage.world.owner.service, request("POST", &path, &headers, self.body.clone(), &self.peer));
        for _ in 1..self.times {
            ask().await;
        }
        ask().await
    }

    /// What this device would honestly ask for.
    async fn honest(device: &Device, stage: &Stage) -> Self {
        Self::asking(device, &device.request(&stage.world.owner, &stage.world.hand)).await
    }

    async fn asking(device: &Device, request: &VoucherRequest) -> Self {
        Self::sending(device, device.sign(request).await.wire().to_vec())
    }

    /// An honest request in JWS, which `change` makes another.
    async fn jws(device: &Device, stage: &Stage, change: impl FnOnce(&mut Value)) -> Self {
        let device = device.clone().speaking(Format::Jws);
        let signed = device.sign(&device.request(&stage.world.owner, &stage.world.hand)).await;
        let mut jws = serde_json::from_slice(signed.wire()).unwrap();
        change(&mut jws);
        Self { content_type: Format::Jws.voucher_media_type(), ..Self::sending(&device, jws.to_string().into_bytes()) }
    }

    fn sending(device: &Device, body: Vec<u8>) -> Self {
        let content_type = device.format.voucher_media_type();
        Self { resource: "brski/requestvoucher", content_type, accept: None, body, peer: device.peer(), times: 1 }
    }

    fn enrolling(device: &Device, csr: &[u8]) -> Self {
        Self { resource: "est/simpleenroll", content_type: est::PKCS10, ..Self::sending(device, est::to_body(csr)) }
    }

    fn reporting(device: &Device, report: Value) -> Self {
        Self { resource: "brski/voucher_status", content_type: "application/json", ..Self::sending(device, report.to_string().into_bytes()) }
    }
}

fn rename_algorithm(jws: &mut Value, name: &str) {
    let block = &mut jws["signatures"][0];
    let mut header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(block["protected"].as_str().unwrap()).unwrap()).unwrap();
    header["alg"] = json!(name);
    block["protected"] = json!(URL_SAFE_NO_PAD.encode(header.to_string()));
}

const FOUR_DAYS: u64 = 4 * 86_400;
