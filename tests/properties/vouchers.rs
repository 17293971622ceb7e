//! Vouchers and voucher-requests survive their encoding, whatever their leaves.

use std::sync::LazyLock;

use brski_common::issuing::Subject;
use brski_common::time::at;
use brski_common::voucher::ProvenanceExtension;
use brski_common::{
    Assertion, Certificate, Format, KeyIdentifier, Nonce, Payload, SerialNumber, SignedBy, SigningParty, UnixTime, Verifier, Voucher, VoucherRequest,
};
use proptest::option::of;
use proptest::prelude::*;

use crate::config;
use crate::support::{Authority, NOW, block_on, new_key, template};

static CERTIFICATES: LazyLock<Vec<Certificate>> = LazyLock::new(|| {
    let certificate = |name: String| {
        let key = new_key();
        block_on(template(Subject::common_name(&name), &key).self_signed(&key)).unwrap()
    };
    (0..4).map(|i| certificate(format!("Certificate {i}"))).collect()
});

/// Signs CMS envelopes.
static SIGNER: LazyLock<SigningParty> = LazyLock::new(|| block_on(async { Authority::root("Root").await.party("signer", &[]).await }));

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

fn nonce() -> impl Strategy<Value = Nonce> {
    let own = prop::collection::vec(any::<u8>(), 8..=32).prop_map(|octets| Nonce::from_bytes(&octets).unwrap());
    prop_oneof![own, "[ -~]{1,128}".prop_map(|text| Nonce::from_text(text).unwrap())]
}

pub(crate) fn key_identifier() -> impl Strategy<Value = KeyIdentifier> {
    prop::collection::vec(any::<u8>(), 1..=64).prop_map(|octets| KeyIdentifier::new(octets).unwrap())
}

fn certificate() -> impl Strategy<Value = Certificate> {
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

fn extension() -> impl Strategy<Value = ProvenanceExtension> {
    of(octets()).prop_map(|statement| ProvenanceExtension { statement, ..ProvenanceExtension::default() })
}

prop_compose! {
    fn voucher()(
        serial_number in serial_number(),
        (assertion, created_on, domain_cert_revocation_checks) in (of(assertion()), of(time()), of(any::<bool>())),
        (expires_on, last_renewal_date) in of((time(), of(time()))).prop_map(|both| both.unzip()),
        (idevid_issuer, nonce) in (of(key_identifier()), of(nonce())),
        pins in (of(certificate()), of(public_key()), of(any::<[u8; 32]>())),
        (additional_configuration_url, est_domain) in (of(uri()), of(uri())),
        (manufacturer_proprietary, provenance) in (of(octets()), of(extension())),
    ) -> Voucher {
        let (pinned_domain_cert, pinned_domain_pubk, pinned_domain_pubk_sha256) = pins;
        let last_renewal_date = last_renewal_date.flatten();
        Voucher {
            assertion, created_on, domain_cert_revocation_checks, expires_on, idevid_issuer, last_renewal_date, nonce, pinned_domain_cert, pinned_domain_pubk,
            pinned_domain_pubk_sha256, additional_configuration_url, est_domain, manufacturer_proprietary, provenance, ..Voucher::new(serial_number)
        }
    }
}

prop_compose! {
    fn request()(
        // What requests and vouchers have in common.
        shared in voucher(),
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

/// The value that comes out of an envelope with this value in it, its signature verified.
fn through_envelope<T: Payload>(value: &T, format: Format) -> T {
    let signed = block_on(SIGNER.seal(value, format)).unwrap();
    let holder = &SIGNER.identity.chain[0];
    assert_eq!(*SIGNER.signer.public_key(), holder.public_key());
    let verified = signed.verify(&Verifier::strict(SignedBy::Holder(holder)), at(NOW)).unwrap();
    T::decode(&verified.get().encode(format).unwrap(), format, &brski_common::Reading::default()).unwrap()
}

/// A nonce's spelling, which counts although equality does not look at it.
fn spelling(nonce: &Option<Nonce>) -> Option<&str> {
    nonce.as_ref().map(Nonce::as_text)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn voucher_survives_its_encoding(voucher in voucher()) {
        let read = Voucher::decode(&voucher.encode(Format::Cms).unwrap(), Format::Cms, &brski_common::Reading::default()).unwrap();
        prop_assert_eq!(spelling(&read.nonce), spelling(&voucher.nonce));
        prop_assert_eq!(read, voucher);
    }

    #[test]
    fn request_survives_its_encoding(request in request()) {
        let read = VoucherRequest::decode(&request.encode(Format::Cms).unwrap(), Format::Cms, &brski_common::Reading::default()).unwrap();
        prop_assert_eq!(spelling(&read.nonce), spelling(&request.nonce));
        prop_assert_eq!(read, request);
    }

    #[test]
    fn voucher_survives_its_envelope(voucher in voucher()) {
        for format in [Format::Cms, Format::Jws] {
            prop_assert_eq!(&through_envelope(&voucher, format), &voucher);
        }
    }

    #[test]
    fn voucher_is_never_read_as_a_request_nor_the_reverse(voucher in voucher(), request in request()) {
        prop_assert!(VoucherRequest::decode(&voucher.encode(Format::Cms).unwrap(), Format::Cms, &brski_common::Reading::default()).is_err());
        prop_assert!(Voucher::decode(&request.encode(Format::Cms).unwrap(), Format::Cms, &brski_common::Reading::default()).is_err());
    }

    #[test]
    fn idevid_issuer_survives_its_wrapping(issuer in key_identifier()) {
        prop_assert_eq!(KeyIdentifier::from_idevid_issuer(&issuer.to_idevid_issuer()).unwrap(), issuer);
    }
}
