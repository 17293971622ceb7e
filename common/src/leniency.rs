//! What a peer may do wrong and still be understood. Strict is the default; each leniency has a name, is off unless switched on, and is logged and counted when used.
//!
//! A reader that meets a departure from the specification asks [`Reading::tolerate`], which is the only way to overlook one.

use core::cell::RefCell;
use core::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::certificate::Certificate;
use crate::error::DecodeError;

/// One departure from a specification that can be tolerated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Leniency {
    /// CMS with eContentType id-data instead of id-ct-animaJSONVoucher (as in RFC 8995, appendix C).
    CmsIdData,
    /// A CMS voucher or request as base64 or PEM text instead of DER.
    Base64Body,
    /// A voucher-request whose JSON root is `ietf-voucher:voucher`.
    RequestRootVoucher,
    /// `idevid-issuer` in another form than the whole extension value of RFC 8366bis, section 6.3. Harmless, and on by default: nearly everybody differs.
    IdevidIssuerForms,
    /// The media type `application/voucher-cose+cbor` of older drafts for `application/voucher+cose`.
    VoucherCoseCbor,
    /// The JSON root `ietf-voucher-request-prm:voucher` of early BRSKI-PRM.
    PrmLegacyRoot,
}

impl Leniency {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::CmsIdData, Self::Base64Body, Self::RequestRootVoucher, Self::IdevidIssuerForms, Self::VoucherCoseCbor, Self::PrmLegacyRoot];

    /// Its name in configurations, logs and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::CmsIdData => "cms-id-data",
            Self::Base64Body => "base64-body",
            Self::RequestRootVoucher => "request-root-voucher",
            Self::IdevidIssuerForms => "idevid-issuer-forms",
            Self::VoucherCoseCbor => "voucher-cose-cbor",
            Self::PrmLegacyRoot => "prm-legacy-root",
        }
    }

    /// The one with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|leniency| leniency.name() == name)
    }

    /// How often this process has used it.
    pub fn times_used(self) -> u64 {
        USED[self as usize].load(Ordering::Relaxed)
    }

    /// Logs and counts one use, outside of a [`Reading`]: where a media type is tolerated, before there are octets to read.
    pub fn note_use(self, sentence: &str) {
        let times = USED[self as usize].fetch_add(1, Ordering::Relaxed) + 1;
        tracing::info!(leniency = self.name(), times, sentence, "leniency used");
    }
}

impl core::fmt::Display for Leniency {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

static USED: [AtomicU64; Leniency::ALL.len()] = [const { AtomicU64::new(0) }; Leniency::ALL.len()];

/// The leniencies that one listener or one manufacturer entry grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Leniencies {
    /// [`Leniency::CmsIdData`].
    pub cms_id_data: bool,
    /// [`Leniency::Base64Body`].
    pub base64_body: bool,
    /// [`Leniency::RequestRootVoucher`].
    pub request_root_voucher: bool,
    /// [`Leniency::IdevidIssuerForms`]; the only one that is on by default.
    pub idevid_issuer_forms: bool,
    /// [`Leniency::VoucherCoseCbor`].
    pub voucher_cose_cbor: bool,
    /// [`Leniency::PrmLegacyRoot`].
    pub prm_legacy_root: bool,
}

impl Leniencies {
    /// Not even what is on by default.
    pub const NONE: Self = Self {
        cms_id_data: false,
        base64_body: false,
        request_root_voucher: false,
        idevid_issuer_forms: false,
        voucher_cose_cbor: false,
        prm_legacy_root: false,
    };

    /// Every one.
    pub const ALL: Self =
        Self { cms_id_data: true, base64_body: true, request_root_voucher: true, idevid_issuer_forms: true, voucher_cose_cbor: true, prm_legacy_root: true };

    /// The default ones and these.
    pub fn with(granted: impl IntoIterator<Item = Leniency>) -> Self {
        granted.into_iter().fold(Self::default(), |mut leniencies, leniency| {
            *match leniency {
                Leniency::CmsIdData => &mut leniencies.cms_id_data,
                Leniency::Base64Body => &mut leniencies.base64_body,
                Leniency::RequestRootVoucher => &mut leniencies.request_root_voucher,
                Leniency::IdevidIssuerForms => &mut leniencies.idevid_issuer_forms,
                Leniency::VoucherCoseCbor => &mut leniencies.voucher_cose_cbor,
                Leniency::PrmLegacyRoot => &mut leniencies.prm_legacy_root,
            } = true;
            leniencies
        })
    }

    /// Whether this one is granted.
    pub fn grant(self, leniency: Leniency) -> bool {
        match leniency {
            Leniency::CmsIdData => self.cms_id_data,
            Leniency::Base64Body => self.base64_body,
            Leniency::RequestRootVoucher => self.request_root_voucher,
            Leniency::IdevidIssuerForms => self.idevid_issuer_forms,
            Leniency::VoucherCoseCbor => self.voucher_cose_cbor,
            Leniency::PrmLegacyRoot => self.prm_legacy_root,
        }
    }
}

impl Default for Leniencies {
    fn default() -> Self {
        Self { idevid_issuer_forms: true, ..Self::NONE }
    }
}

/// A departure from a specification that a leniency covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// What was found, and what would be right: one clause.
    pub sentence: String,
    /// Where that is written.
    pub section: &'static str,
    /// What tolerates it.
    pub leniency: Leniency,
}

impl core::fmt::Display for Deviation {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} ({}); the leniency {} would accept it", self.sentence, self.section, self.leniency)
    }
}

/// One reading of foreign octets: what may be overlooked in them, what was, and what the reader has read before.
#[derive(Debug)]
pub struct Reading {
    granted: Leniencies,
    known: Vec<Certificate>,
    overlooked: RefCell<Vec<Deviation>>,
}

impl Default for Reading {
    /// A strict one: what is on by default is overlooked, and nothing else.
    fn default() -> Self {
        Self::new(Leniencies::default())
    }
}

impl Reading {
    /// A reading that overlooks what these leniencies cover.
    pub fn new(granted: Leniencies) -> Self {
        Self { granted, known: Vec::new(), overlooked: RefCell::default() }
    }

    /// The same reading by somebody who has these certificates. They are not trusted for that: an envelope usually repeats some that its reader holds, and reading is what costs.
    pub(crate) fn knowing(self, known: Vec<Certificate>) -> Self {
        Self { known, ..self }
    }

    /// Reads a certificate, unless its very octets have been read before.
    ///
    /// # Errors
    /// Those of [`Certificate::from_der`].
    pub(crate) fn certificate(&self, der: &[u8]) -> Result<Certificate, DecodeError> {
        self.known.iter().find(|known| known.der() == der).map_or_else(|| Certificate::from_der(der), |known| Ok(known.clone()))
    }

    /// Overlooks a deviation, once it is logged and counted, if its leniency is granted.
    ///
    /// # Errors
    /// [`DecodeError::Deviation`] if not.
    pub fn tolerate(&self, leniency: Leniency, section: &'static str, sentence: impl Into<String>) -> Result<(), DecodeError> {
        let deviation = Deviation { sentence: sentence.into(), section, leniency };
        match self.granted.grant(leniency) {
            true => {
                leniency.note_use(&deviation.sentence);
                self.overlooked.borrow_mut().push(deviation);
                Ok(())
            }
            false => Err(DecodeError::Deviation(deviation)),
        }
    }

    /// What was overlooked, in the order in which it was met.
    pub fn overlooked(self) -> Vec<Deviation> {
        self.overlooked.into_inner()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_granted_is_an_error_that_names_its_leniency() {
        let reading = Reading::new(Leniencies::default());
        let refused = reading.tolerate(Leniency::CmsIdData, "RFC 8366bis, section 7.1", "eContentType is id-data").unwrap_err();
        assert_eq!(refused.to_string(), "eContentType is id-data (RFC 8366bis, section 7.1); the leniency cms-id-data would accept it");
        assert_eq!(reading.overlooked(), []);
    }

    #[test]
    fn what_is_granted_is_overlooked_noted_and_counted() {
        let before = Leniency::PrmLegacyRoot.times_used();
        let reading = Reading::new(Leniencies::with([Leniency::PrmLegacyRoot]));
        reading.tolerate(Leniency::PrmLegacyRoot, "BRSKI-PRM, section 7.1", "an old root").unwrap();
        assert_eq!(reading.overlooked().len(), 1);
        assert!(Leniency::PrmLegacyRoot.times_used() > before);
    }

    #[test]
    fn certificate_that_differs_from_a_known_one_in_an_octet_is_read() {
        let known = crate::test_pki::Entity::root("Root").certificate;
        let reading = Reading::default().knowing(vec![known.clone()]);
        assert_eq!(reading.certificate(known.der()), Ok(known.clone()));
        let mut altered = known.der().to_vec();
        altered.iter_mut().rev().take(1).for_each(|octet| *octet ^= 1);
        assert_eq!(reading.certificate(&altered).unwrap().der(), altered);
        assert!(reading.certificate(&altered[1..]).is_err());
    }

    #[test]
    fn names_are_those_of_the_configuration() {
        for leniency in Leniency::ALL {
            assert_eq!(Leniency::from_name(leniency.name()), Some(leniency));
            let table: Leniencies = toml::from_str(&format!("{leniency} = true")).unwrap();
            assert_eq!(table, Leniencies::with([leniency]));
            assert!(table.grant(leniency));
        }
    }

    #[test]
    fn only_the_harmless_one_is_on_by_default() {
        let granted = Leniency::ALL.into_iter().filter(|leniency| Leniencies::default().grant(*leniency));
        assert_eq!(granted.collect::<Vec<_>>(), [Leniency::IdevidIssuerForms]);
    }
}
