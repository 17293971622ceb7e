//! Trust anchors that a device leaves the factory with (taxonomy, section 3).

use serde::{Deserialize, Serialize};

use super::pki::Answers;
use super::quantity::Text;
use super::word::vocabulary;

/// One public key that the device was built to trust.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TrustAnchorRecord {
    /// What it is for.
    pub kind: TrustAnchorKind,
    /// Which one, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// Whether it can be exchanged for another one after manufacture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaceable: Option<bool>,
    /// Whether further ones can be put beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addable: Option<bool>,
    /// Whether it can be taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removable: Option<bool>,
    /// How its private key is kept, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_key_kept: Option<Text>,
    /// Answers to questions 12 to 18 for this anchor, where they differ from those for the device.
    #[serde(default, skip_serializing_if = "Answers::is_empty")]
    pub answers: Answers,
}

vocabulary! {
    /// What a trust anchor is for.
    pub enum TrustAnchorKind {
        /// Nobody said.
        Unknown = 0, "unknown", "for an unknown use";
        /// To check the first boot stage.
        SecuredFirstBoot = 1, "secured-first-boot", "to check the first boot stage";
        /// To check software updates.
        SoftwareUpdate = 2, "software-update", "to check software updates";
        /// To authenticate a trusted application manager.
        Tam = 3, "tam", "to authenticate a trusted application manager";
        /// The public Web's PKI.
        Webpki = 4, "webpki", "the public Web's PKI";
        /// The root of DNSSEC.
        DnssecRoot = 5, "dnssec-root", "the root of DNSSEC";
        /// A cloud service's own PKI.
        PrivateCloudPki = 6, "private-cloud-pki", "a cloud service's own PKI";
        /// To check vouchers.
        Onboarding = 7, "onboarding", "to check vouchers";
        /// To authenticate peers on the local network.
        NetworkLocal = 8, "network-local", "to authenticate peers on the local network";
    }
}
