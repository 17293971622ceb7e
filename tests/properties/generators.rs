//! Vouchers and voucher-requests with any leaves, the whole extension included.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use brski_common::issuing::Subject;
use brski_common::provenance::{Protection, Source, Transfer};
use brski_common::time::at;
use brski_common::voucher::{ProvenanceExtension, Wanted};
use brski_common::{Assertion, Certificate, KeyIdentifier, Method, Nonce, SerialNumber, UnixTime, Voucher, VoucherRequest};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::{block_on, new_key, template};

static CERTIFICATES: LazyLock<Vec<Certificate>> = LazyLock::new(|| {
    let certificate = |name: String| {
        let key = new_key();
        block_on(template(Subject::common_name(&name), &key).self_signed(&key)).unwrap()
    };
    (0..4).map(|i| certificate(format!("Certificate {i}"))).collect()
});

pub(crate) fn serial_number() -> impl Strategy<Value = SerialNumber> {
    "[ -~]{1,64}".prop_map(|text| SerialNumber::new(text).unwrap())
}

/// From 1970 to the end of year 9999.
pub(crate) fn time() -> impl Strategy<Value = UnixTime> {
    (0..=253_402_300_799_u64).prop_map(at)
}

fn assertion() -> impl Strategy<Value = Assertion> {
    prop_oneof![Just(Assertion::Verified), Just(Assertion::Logged), Just(Assertion::Proximity), Just(Assertion::AgentProximity)]
}

/// As we write our own: in every encoding the same octets, and in JSON the same spelling.
pub(crate) fn own_nonce() -> BoxedStrategy<Nonce> {
    prop::collection::vec(any::<u8>(), 8..=32).prop_map(|octets| Nonce::from_bytes(&octets).unwrap()).boxed()
}

/// Octets that CBOR can carry, in any of the spellings that stand for them in JSON.
pub(crate) fn spelt_nonce() -> BoxedStrategy<Nonce> {
    let spelt = (prop::collection::vec(any::<u8>(), 8..=32), 0..3_usize).prop_map(|(octets, engine)| {
        let text = [&STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD][engine].encode(octets);
        Nonce::from_text(text).unwrap()
    });
    prop_oneof![own_nonce(), spelt].boxed()
}

/// Whatever may stand in JSON.
pub(crate) fn any_nonce() -> BoxedStrategy<Nonce> {
    prop_oneof![spelt_nonce(), "[ -~]{1,128}".prop_map(|text| Nonce::from_text(text).unwrap())].boxed()
}

/// What CBOR cannot carry: octets of another number, and plain words of whatever length.
pub(crate) fn nonce_for_json_alone() -> impl Strategy<Value = Nonce> {
    let count = prop_oneof![1..8_usize, 33..=96_usize];
    let octets = count.prop_flat_map(|count| prop::collection::vec(any::<u8>(), count)).prop_map(|octets| URL_SAFE_NO_PAD.encode(octets));
    // A space is in no alphabet.
    let words = "[!-~]{1,30} [!-~]{1,30}";
    prop_oneof![octets, words].prop_map(|text| Nonce::from_text(text).unwrap())
}

pub(crate) fn key_identifier() -> impl Strategy<Value = KeyIdentifier> {
    prop::collection::vec(any::<u8>(), 1..=64).prop_map(|octets| KeyIdentifier::new(octets).unwrap())
}

pub(crate) fn certificate() -> impl Strategy<Value = Certificate> {
    (0..CERTIFICATES.len()).prop_map(|i| CERTIFICATES[i].clone())
}

fn public_key() -> impl Strategy<Value = Vec<u8>> {
    certificate().prop_map(|certificate| certificate.public_key().spki().to_vec())
}

fn uri() -> impl Strategy<Value = String> {
    "[!-~]{1,200}"
}

fn octets() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..300)
}

prop_compose! {
    fn extension()(
        request in of(any::<(bool, bool)>()),
        (statement, statement_type, statement_hash, statement_uri) in (of(octets()), of("[!-~]{1,128}"), of(any::<[u8; 32]>()), of(uri())),
        (method, transfer) in (of(select(Method::ALL)), of(select(Transfer::ALL))),
        (source, protection) in (of(select(Source::ALL)), of(select(Protection::ALL))),
        evidence in prop::collection::vec(octets(), 0..=8),
    ) -> ProvenanceExtension {
        let request = request.map(|(full, summary)| Wanted { full, summary });
        leaves(|of| {
            (of.request, of.statement, of.statement_type, of.statement_hash, of.statement_uri) = (request, statement, statement_type, statement_hash, statement_uri);
            (of.method, of.transfer, of.source, of.protection, of.evidence) = (method, transfer, source, protection, evidence);
        })
    }
}

prop_compose! {
    pub(crate) fn voucher(nonce: BoxedStrategy<Nonce>)(
        serial_number in serial_number(),
        (assertion, created_on, domain_cert_revocation_checks) in (of(assertion()), of(time()), of(any::<bool>())),
        (expires_on, last_renewal_date) in of((time(), of(time()))).prop_map(|both| both.unzip()),
        (idevid_issuer, nonce) in (of(key_identifier()), of(nonce)),
        pins in (of(certificate()), of(public_key()), of(any::<[u8; 32]>())),
        (additional_configuration_url, est_domain) in (of(uri()), of(uri())),
        (manufacturer_proprietary, provenance) in (of(octets()), of(extension())),
    ) -> Voucher {
        let (pinned_domain_cert, pinned_domain_pubk, pinned_domain_pubk_sha256) = pins;
        let last_renewal_date = last_renewal_date.flatten();
        Voucher {
            serial_number, assertion, created_on, domain_cert_revocation_checks, expires_on, idevid_issuer, last_renewal_date, nonce, pinned_domain_cert,
            pinned_domain_pubk, pinned_domain_pubk_sha256, additional_configuration_url, est_domain, manufacturer_proprietary, provenance,
        }
    }
}

prop_compose! {
    pub(crate) fn request(nonce: BoxedStrategy<Nonce>)(
        // What requests and vouchers have in common.
        shared in voucher(nonce),
        last_renewal_date in of(time()),
        prior_signed_voucher_request in of(octets()),
        proximity in (of(certificate()), of(public_key()), of(any::<[u8; 32]>())),
        agent in (of(certificate()), of(prop::collection::vec(octets(), 0..=10)), of(octets())),
    ) -> VoucherRequest {
        VoucherRequest {
            serial_number: shared.serial_number,
            assertion: shared.assertion,
            created_on: shared.created_on,
            domain_cert_revocation_checks: shared.domain_cert_revocation_checks,
            expires_on: shared.expires_on,
            idevid_issuer: shared.idevid_issuer,
            last_renewal_date,
            nonce: shared.nonce,
            pinned_domain_cert: shared.pinned_domain_cert,
            pinned_domain_pubk: shared.pinned_domain_pubk,
            pinned_domain_pubk_sha256: shared.pinned_domain_pubk_sha256,
            additional_configuration_url: shared.additional_configuration_url,
            est_domain: shared.est_domain,
            manufacturer_proprietary: shared.manufacturer_proprietary,
            prior_signed_voucher_request,
            proximity_registrar_cert: proximity.0,
            proximity_registrar_pubk: proximity.1,
            proximity_registrar_pubk_sha256: proximity.2,
            agent_provided_proximity_registrar_cert: agent.0,
            agent_sign_cert: agent.1,
            agent_signed_data: agent.2,
            provenance: shared.provenance,
        }
    }
}

/// The extension with these leaves.
pub(crate) fn leaves(edit: impl FnOnce(&mut ProvenanceExtension)) -> ProvenanceExtension {
    let mut extension = ProvenanceExtension::default();
    edit(&mut extension);
    extension
}
