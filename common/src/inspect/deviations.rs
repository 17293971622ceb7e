//! Where vouchers and voucher-requests deviate in ways that no reader has to mind: each rule with its section, in one table.

use base64::Engine as _;

use super::voucher::{Container, Raw, Root};
use super::{Finding, Kind, layers};
use crate::certificate::Certificate;
use crate::envelope::Format;
use crate::time::from_rfc3339;
use crate::voucher::Nonce;

/// What the rules look at.
pub(super) struct Seen<'a> {
    pub(super) kind: Kind,
    /// None if it is not signed.
    pub(super) format: Option<Format>,
    pub(super) container: &'a Container,
    pub(super) certificates: &'a [Certificate],
    /// The request within a request.
    pub(super) prior: Option<&'a Container>,
}

impl Seen<'_> {
    fn is_voucher(&self) -> bool {
        self.kind == Kind::Voucher
    }

    fn is_pvr(&self) -> bool {
        self.kind == Kind::PledgeVoucherRequest
    }

    fn is_rvr(&self) -> bool {
        self.kind == Kind::RegistrarVoucherRequest
    }

    fn has(&self, leaf: &str) -> bool {
        self.container.has(leaf)
    }

    fn lacks_all(&self, leaves: &[&str]) -> bool {
        !leaves.iter().any(|leaf| self.has(leaf))
    }
}

/// A section, and what deviates from it if something does.
type Rule = (&'static str, fn(&Seen<'_>) -> Option<String>);

/// Every deviation of this voucher or request.
pub(super) fn of(seen: &Seen<'_>) -> Vec<Finding> {
    RULES.iter().filter_map(|(section, rule)| Some(Finding::new(section, rule(seen)?))).collect()
}

/// What the decoders refuse is not repeated here: they tell it in their own words.
const RULES: [Rule; 20] = [
    ("RFC 8366bis, section 8 (YANG, nonce)", |seen| {
        // In CBOR the decoder looks at that.
        let nonce = json_nonce(seen)?;
        let octets = [layers::STANDARD, layers::URL_SAFE].iter().find_map(|engine| engine.decode(nonce.as_text()).ok())?.len();
        let fits = (8..=32).contains(&octets);
        (!fits).then(|| format!("the nonce stands for {octets} octets, but must have 8 to 32"))
    }),
    ("RFC 7951, section 6.6", |seen| {
        let nonce = json_nonce(seen).filter(|nonce| crate::codec::unbase64("nonce", nonce.as_text()).is_err())?;
        let text = nonce.as_text();
        let is_base64 = [layers::STANDARD, layers::URL_SAFE].iter().any(|engine| engine.decode(text).is_ok());
        Some(match is_base64 {
            true => "the nonce lacks its padding or is base64url; in JSON octets are padded base64".to_owned(),
            false => "the nonce is plain text; in JSON octets are padded base64".to_owned(),
        })
    }),
    ("RFC 8366, section 5.3 (YANG, nonce)", |seen| {
        said(seen.is_voucher() && seen.has("nonce") && seen.has("expires-on"), "nonce and expires-on are both there, but are alternatives")
    }),
    ("RFC 8366bis, section 8", |seen| {
        let pinless = seen.is_voucher() && is_current(seen) && seen.lacks_all(&["pinned-domain-cert", "pinned-domain-pubk", "pinned-domain-pubk-sha256"]);
        said(pinless, "the voucher pins no domain: neither certificate, key nor hash")
    }),
    ("RFC 8366bis, section 8 (YANG, expires-on)", |seen| {
        let expires = seen.container.text("expires-on").and_then(|text| from_rfc3339("expires-on", text).ok())?;
        let pinned = Certificate::from_der(seen.container.octets("pinned-domain-cert")?).ok()?;
        said(seen.is_voucher() && expires > pinned.not_after(), "the voucher outlives the certificate that it pins")
    }),
    ("RFC 8995, section 5.2", |seen| said(seen.is_pvr() && is_current(seen) && !seen.has("nonce"), "a pledge's request must have a nonce")),
    ("RFC 8995, section 5.2", |seen| {
        said(seen.is_pvr() && is_current(seen) && seen.lacks_all(&PROXIMITY), "the pledge does not name the registrar that it speaks to")
    }),
    ("RFC 8995, section 5.2", |seen| said(seen.is_pvr() && is_current(seen) && !seen.has("assertion"), "a pledge's request must ask for an assertion")),
    ("RFC 8366bis, section 6.1", |seen| said(seen.is_rvr() && !seen.has("idevid-issuer"), "a registrar's request must have idevid-issuer")),
    ("RFC 8995, section 5.5", |seen| {
        let leaf = PROXIMITY.iter().filter(|leaf| !leaf.starts_with("agent")).find(|leaf| seen.is_rvr() && seen.has(leaf))?;
        Some(format!("{leaf} belongs in a pledge's request, not in a registrar's"))
    }),
    ("RFC 8995, section 5.5", |seen| {
        said(seen.is_rvr() && !seen.has("prior-signed-voucher-request"), "the pledge's own request (prior-signed-voucher-request) is not enclosed")
    }),
    ("RFC 8995, section 5.5", |seen| said(seen.is_rvr() && !seen.has("created-on"), "a registrar's request should have created-on")),
    ("RFC 8995, section 5.5", |seen| {
        let (own, prior) = (seen.container.text("serial-number")?, seen.prior?.text("serial-number")?);
        said(own != prior, "its serial-number differs from that of the pledge's request within")
    }),
    ("RFC 8995, section 5.5.6", |seen| {
        let (own, prior) = (seen.container.nonce(), seen.prior?.nonce());
        said(own.is_some() && own != prior, "its nonce differs from that of the pledge's request within")
    }),
    ("constrained BRSKI, section 7.1", |seen| {
        let is_cbor = |format| format == Format::Cose;
        said(is_cbor(seen.prior?.format) != is_cbor(seen.container.format), "the request within is in another format")
    }),
    ("constrained BRSKI, section 9.2.2", |seen| {
        let serial = seen.container.text("serial-number")?;
        let in_bag = seen.certificates.iter().any(|certificate| certificate.serial_number().is_some_and(|found| found.as_str() == serial));
        said(seen.is_rvr() && seen.format == Some(Format::Cose) && !in_bag, "the x5bag lacks the pledge's certificates")
    }),
    ("constrained BRSKI, section 9.2.2", |seen| {
        let brings = seen.is_pvr() && seen.format == Some(Format::Cose) && !seen.certificates.is_empty();
        said(brings, "a pledge's request should carry no certificates (x5bag or x5chain): the TLS handshake told them")
    }),
    ("JWS vouchers, section 3.2.2", |seen| {
        let [only] = seen.certificates else { return None };
        said(seen.format == Some(Format::Jws) && !only.is_self_issued(), "x5c holds only the signer's certificate, not the chain above it")
    }),
    ("RFC 8366bis, section 8.7", |seen| said(seen.has("manufacturer-private"), "manufacturer-private is called manufacturer-proprietary now")),
    ("RFC 8366bis, section 8.5", |seen| {
        let at_17 = seen.container.get("key 17").or_else(|| seen.container.get("pinned-domain-pubk"));
        let is_list = seen.container.format == Format::Cose && matches!(at_17, Some(Raw::List(_)));
        said(is_list, "extensions is at key 17, as in an example of the draft, instead of 15 in a voucher or 21 in a request")
    }),
];

const PROXIMITY: [&str; 5] = [
    "proximity-registrar-cert",
    "proximity-registrar-pubk",
    "proximity-registrar-pubk-sha256",
    "agent-provided-proximity-registrar-cert",
    "agent-provided-proximity-registrar-certificate",
];

/// A nonce in JSON that the decoder accepts: it takes what others send for one.
fn json_nonce(seen: &Seen<'_>) -> Option<Nonce> {
    let text = seen.container.text("nonce").filter(|_| seen.container.format != Format::Cose)?;
    Nonce::from_text(text).ok()
}

/// Whether its leaves can be told by name.
fn is_current(seen: &Seen<'_>) -> bool {
    match seen.container.root {
        Root::Voucher | Root::Request | Root::PrmRequest => true,
        Root::OldVoucher | Root::OldRequest => false,
    }
}

fn said(deviates: bool, sentence: &str) -> Option<String> {
    deviates.then(|| sentence.to_owned())
}
