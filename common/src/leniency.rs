//! What a peer may do wrong and still be understood. Strict is the default; each leniency is named, off unless switched on, and logged when used.

use serde::{Deserialize, Serialize};

/// Deviations from the specifications that one listener or one manufacturer entry tolerates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Leniencies {
    /// CMS with eContentType id-data instead of id-ct-animaJSONVoucher (as in RFC 8995, appendix C).
    pub cms_id_data: bool,
    /// A CMS voucher or request as base64 or PEM text instead of DER.
    pub base64_body: bool,
}
