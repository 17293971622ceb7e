//! What an artefact can be.

use serde::Serialize;

/// What an artefact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// A voucher.
    Voucher,
    /// A pledge's voucher-request.
    PledgeVoucherRequest,
    /// A registrar's voucher-request.
    RegistrarVoucherRequest,
    /// A provenance statement.
    ProvenanceStatement,
    /// A log's receipt that an entry is in it.
    ReceiptOfInclusion,
    /// A log's receipt that it only grew.
    ReceiptOfConsistency,
    /// How large a log is and what its root is, signed by the log and perhaps by witnesses.
    Checkpoint,
    /// An X.509 certificate.
    Certificate,
    /// A PKCS #10 request.
    CertificationRequest,
    /// A bare public key.
    PublicKey,
    /// A private key, of which nothing is shown.
    PrivateKey,
    /// Several artefacts in one file.
    Bundle,
    /// An owner's policy.
    Policy,
    /// A manufacturer's profile.
    ManufacturerProfile,
    /// A manufacture report.
    ManufactureReport,
    /// A silicon vendor's delivery list.
    DeliveryList,
    /// A MASA's audit log of one device.
    AuditLog,
    /// What is in a bundle for a domain without network.
    BundleManifest,
    /// A pledge's status report.
    Telemetry,
    /// How a key came to be, as a station tells it before it signs a report.
    KeyOrigin,
    /// Evidence of a key's protection by PKIX key attestation.
    KeyAttestation,
    /// What attesters say of a key, as certification requests carry it.
    AttestationBundle,
    /// What a platform says of itself (RFC 9711).
    EntityAttestationToken,
    /// What a TPM says of a key in it.
    TpmCertification,
    /// What a vendor of secure elements says of those it delivered, each signed by itself.
    SecureElementManifest,
    /// What a party, a station or an auditor says of a key or of seeds.
    Testimony,
    /// The configuration of a MASA.
    MasaConfiguration,
    /// The configuration of a registrar.
    RegistrarConfiguration,
    /// None of these.
    Unknown,
}

impl Kind {
    /// What people call it.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Voucher => "voucher",
            Self::PledgeVoucherRequest => "pledge's voucher-request (PVR)",
            Self::RegistrarVoucherRequest => "registrar's voucher-request (RVR)",
            Self::ProvenanceStatement => "provenance statement",
            Self::ReceiptOfInclusion => "COSE receipt of inclusion",
            Self::ReceiptOfConsistency => "COSE receipt of consistency",
            Self::Checkpoint => "checkpoint of a log",
            Self::Certificate => "X.509 certificate",
            Self::CertificationRequest => "certification request (PKCS #10)",
            Self::PublicKey => "public key",
            Self::PrivateKey => "private key",
            Self::Bundle => "several artefacts",
            Self::Policy => "owner's policy",
            Self::ManufacturerProfile => "manufacturer's profile",
            Self::ManufactureReport => "manufacture report",
            Self::DeliveryList => "delivery list",
            Self::AuditLog => "audit log",
            Self::BundleManifest => "manifest of a bundle",
            Self::Telemetry => "telemetry",
            Self::KeyOrigin => "key origin",
            Self::KeyAttestation => "PKIX key attestation evidence",
            Self::AttestationBundle => "attestation bundle",
            Self::EntityAttestationToken => "entity attestation token (EAT)",
            Self::TpmCertification => "TPM certification of a key",
            Self::SecureElementManifest => "secure-element manifest",
            Self::Testimony => "testimony",
            Self::MasaConfiguration => "configuration of a MASA",
            Self::RegistrarConfiguration => "configuration of a registrar",
            Self::Unknown => "not recognised",
        }
    }

    /// Whether it is nothing without a signature.
    pub(super) fn must_be_signed(self) -> bool {
        match self {
            Self::Voucher
            | Self::PledgeVoucherRequest
            | Self::RegistrarVoucherRequest
            | Self::ProvenanceStatement
            | Self::ReceiptOfInclusion
            | Self::ReceiptOfConsistency
            | Self::Checkpoint
            | Self::Certificate
            | Self::CertificationRequest
            | Self::ManufactureReport
            | Self::DeliveryList
            | Self::KeyAttestation
            | Self::EntityAttestationToken
            | Self::TpmCertification
            | Self::SecureElementManifest
            | Self::Testimony => true,
            Self::PublicKey
            | Self::PrivateKey
            | Self::Bundle
            | Self::AttestationBundle
            | Self::Policy
            | Self::ManufacturerProfile
            | Self::AuditLog
            | Self::BundleManifest
            | Self::Telemetry
            | Self::KeyOrigin
            | Self::MasaConfiguration
            | Self::RegistrarConfiguration
            | Self::Unknown => false,
        }
    }
}

/// All that is recognised, in a sentence's words.
pub const UNDERSTOOD: &str = "vouchers and voucher-requests (CMS, JWS, COSE), provenance statements, COSE receipts, checkpoints, certificates, certification requests, keys, policies, \
manufacturer's profiles, manufacture reports, key origins, delivery lists, secure-element manifests, PKIX key attestation evidence, TPM certifications, attestation bundles, entity attestation tokens, testimonies, audit logs, manifests of bundles, telemetry and the configurations \
of both programs, as DER, BER, PEM, CBOR, JSON or TOML, perhaps in base64, base64url or hexadecimal digits";
