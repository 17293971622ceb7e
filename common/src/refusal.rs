//! Policy's "no", each with its ground as a value and one sentence a person can act on. Trouble with bytes or trust is an [error](crate::error) instead.

mod kind;
#[cfg(test)]
pub(crate) mod sentences;
mod testimony;

use core::time::Duration;

use crate::error::VerifyError;
use crate::evidence::EvidenceError;
use crate::identity::{DeviceId, SerialNumber, SpkiDigest};
use crate::provenance::{Basis, EvidenceType, Method};

pub use self::{kind::RefusalKind, testimony::TestimonyFault};

/// Why something that was understood and authentic is nevertheless not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Not yet; ask again after this long. Becomes 202 with Retry-After at the registrar.
    #[error("not decided yet: {reason}; ask again in {} s", .wait.as_secs())]
    Pending {
        /// What is being waited for.
        reason: String,
        /// How long the peer should wait.
        wait: Duration,
    },

    // What a registrar or a MASA finds in a voucher-request.
    /// The pledge named another registrar than the one that asks, by certificate or by key (RFC 8995, section 5.2). At the registrar: 401 and close.
    #[error("the pledge names another registrar than the one that asks (RFC 8995, section 5.2)")]
    ProximityMismatch,
    /// The request's assertion is not what this situation demands.
    #[error("assertion is {found}, expected proximity (RFC 8995, section 5.2)")]
    AssertionUnacceptable {
        /// What the request says.
        found: String,
    },
    /// A leaf that this situation demands is absent.
    #[error("{leaf} is missing from the voucher-request ({section})")]
    LeafMissing {
        /// The leaf's name.
        leaf: &'static str,
        /// Which section demands it.
        section: &'static str,
    },
    /// A leaf that this situation forbids is present.
    #[error("{leaf} must not be in this voucher-request ({section})")]
    LeafForbidden {
        /// The leaf's name.
        leaf: &'static str,
        /// Which section forbids it.
        section: &'static str,
    },
    /// The serial number in a request is not the one of the certificate that signed it.
    #[error("serial-number is {found}, but the certificate that signed names {expected}")]
    SerialMismatch {
        /// In the request.
        found: SerialNumber,
        /// In the certificate.
        expected: SerialNumber,
    },
    /// Another key than that of the pledge's IDevID signed its voucher-request.
    #[error("the voucher-request is not signed with the key of the IDevID of {0}, as RFC 8995 section 5.2 demands")]
    ForeignSigner(SerialNumber),
    /// idevid-issuer names another CA than the pledge's IDevID does.
    #[error("idevid-issuer names {found}, but the IDevID was issued by {expected}")]
    IssuerMismatch {
        /// In the request.
        found: String,
        /// In the certificate.
        expected: String,
    },
    /// The registrar's request and the pledge's request inside it have different nonces.
    #[error("the nonce differs between the registrar's request and the pledge's request inside it (RFC 8995, section 5.5.6)")]
    NonceMismatch,
    /// The request is too old, or from the future.
    #[error("created-on is {created_on}, more than {limit} s away from {now}")]
    NotFresh {
        /// RFC 3339.
        created_on: String,
        /// RFC 3339.
        now: String,
        /// Tolerance in seconds.
        limit: u64,
    },
    /// This nonce was used before, in a way that forbids using it again.
    #[error("the nonce was already used for a voucher of this device {how}")]
    Replayed {
        /// `to another domain`, `more than four days ago`, ...
        how: &'static str,
    },
    /// A voucher where the pledge's request belongs asks for the renewal of that voucher (RFC 8366bis, section 10.1), which it does not get.
    #[error("the voucher that was issued before is not issued again: {0}")]
    NotRenewed(&'static str),
    /// A request without nonce from somebody who may not have such vouchers (RFC 8995, section 5.5.2).
    #[error(
        "no vouchers without nonce for the domain whose CA's key has SHA-256 digest {ca_key}; a sale of the device to that key, or nonceless.domains in the MASA's configuration, would allow them"
    )]
    NoncelessNotAuthorized {
        /// SHA-256 of the CA's SubjectPublicKeyInfo, as the list names it.
        ca_key: SpkiDigest,
    },
    /// Revocation of the domain's certificate cannot be checked from here.
    #[error(
        "the certificate of {subject} names revocation sources, which are not consulted; revocation.unchecked = \"accept\" in the MASA's configuration would allow it"
    )]
    RevocationUnchecked {
        /// Its subject.
        subject: String,
    },

    // What a MASA knows.
    /// This MASA never made the device: 404.
    #[error("no device with serial-number {serial} and IDevID issuer {issuer} is on record here; its manufacture has not been recorded, or another manufacturer made it", serial = .0.serial, issuer = .0.issuer)]
    UnknownDevice(DeviceId),
    /// The device is known, but with another key.
    #[error("the request is signed with another key than the one recorded at the manufacture of {0}")]
    KeyMismatch(SerialNumber),
    /// The manufacturer has blocked the device.
    #[error("device {0} is blocked by its manufacturer: {1}")]
    DeviceBlocked(SerialNumber, String),
    /// The device got as many vouchers as its manufacturer gives within a day.
    #[error("{serial} got {limit} vouchers within 24 hours, which is the limit; requests.vouchers-per-day in the MASA's configuration sets it")]
    TooManyVouchers {
        /// The device.
        serial: SerialNumber,
        /// The limit.
        limit: usize,
    },
    /// The device is sold, and not to whoever asks. Says nothing of the buyer.
    #[error(
        "{serial} is sold, and no key in this registrar's certificate path is on record for its buyer (the key of its CA has SHA-256 digest {ca_key}); if you bought it, have your seller or its manufacturer record that digest with the sale"
    )]
    SoldElsewhere {
        /// The device.
        serial: SerialNumber,
        /// SHA-256 of the SubjectPublicKeyInfo of the CA that issued the registrar's certificate.
        ca_key: SpkiDigest,
    },
    /// Its manufacturer vouches for sold devices only, and it is not.
    #[error(
        "{serial} is {state} as far as its manufacturer knows, which vouches only for devices that are sold; if you bought it, have the sale recorded there"
    )]
    NotSold {
        /// The device.
        serial: SerialNumber,
        /// `not sold yet`, ...
        state: &'static str,
    },
    /// It is sold, but no key of the buyer is known, without which its manufacturer vouches for nobody.
    #[error(
        "{serial} is sold, but its manufacturer has no key on record for the buyer, and vouches for nobody else; if you bought it, have the digest {ca_key} of your CA's key recorded with the sale"
    )]
    BuyerUnknown {
        /// The device.
        serial: SerialNumber,
        /// SHA-256 of the SubjectPublicKeyInfo of the CA that issued the registrar's certificate.
        ca_key: SpkiDigest,
    },
    /// Another domain has the device, and has not given it up. Says nothing of that domain.
    #[error(
        "{0} was given to another domain and has not been released; its last owner can have the manufacturer record the release or the resale, and the pledge asks again then"
    )]
    NotReleased(SerialNumber),
    /// Vouchers without nonce are signed with a key of their own, which is not here.
    #[error(
        "vouchers without nonce are not signed here: the key for them, nonceless.signer in the MASA's configuration, is kept elsewhere; ask the manufacturer for a bundle, or send the request of a pledge that is online"
    )]
    NoncelessNotSigned,
    /// A certificate that an operator names cannot be what a voucher for a place without network relies on.
    #[error("the certificate of {subject} {why}")]
    OfflineUnfit {
        /// Its subject.
        subject: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// None of the keys that sign vouchers is the one that this device knows.
    #[error(
        "no voucher key covers serial-number {serial}, made at {made_at}; [[voucher-signing.keys]] in the MASA's configuration says which devices know which key"
    )]
    NoVoucherKey {
        /// The device.
        serial: SerialNumber,
        /// RFC 3339.
        made_at: String,
    },
    /// The requester never got a voucher for this device: 404.
    #[error("domain {domain} was never given a voucher for {serial}")]
    NeverOwner {
        /// domainID, base64.
        domain: String,
        /// The device.
        serial: SerialNumber,
    },
    /// The same device, serial or key is already on record with different facts.
    #[error("{what} is already on record for {device}, with different facts")]
    Contradiction {
        /// `the serial number` or `the public key`.
        what: &'static str,
        /// Whose record.
        device: DeviceId,
    },
    /// How this device's key came to be is on record, and the report says otherwise: the facts that differ, by their names in a report, not by what they say.
    #[error(
        "the origin of the key is already on record for {0}, with another {1}; `record --supersede REASON` puts the report in its place, if the record is wrong"
    )]
    OtherOrigin(DeviceId, String),
    /// Publishing n-k of a root key's shares would tell n and k, and the manufacturer did not say that it wants that.
    #[error(
        "the report lets identity-shared-split-extra (n-k) be published although n = 2k-1, so that everybody learns n and k; --reveal-split says that this is wanted"
    )]
    SplitRevealed,
    /// A link to an audit log that would work for no time, or for longer than links do.
    #[error("a link to an audit log works for a second at least and {} days at most", .longest.as_secs() / 86_400)]
    LinkLifetime {
        /// Longest time for which one works.
        longest: core::time::Duration,
    },
    /// A statement at a level that is for nobody outside.
    #[error("what is disclosed at level internal stays with the manufacturer; statements are signed for public, customer or auditor")]
    StaysWithManufacturer,
    /// A station claims more for its word than it may.
    #[error("station '{station}' may not claim basis {basis}; bases under its entry of [[stations]] in the MASA's configuration lists what it may claim")]
    BasisNotAllowed {
        /// Name of the enrolled key that signed the report.
        station: String,
        /// What it claims.
        basis: Basis,
    },
    /// A report claims a basis that somebody's evidence would have to ground, and brings none that does.
    #[error(
        "basis {basis} is claimed, but no evidence of the report grounds it: it takes evidence that tells how this key came to be, from an authority of [[evidence]] in the MASA's configuration that has this basis; without-evidence = true under station '{station}' would take the station's own word"
    )]
    BasisNotGrounded {
        /// Name of the enrolled key that signed the report.
        station: String,
        /// What it claims.
        basis: Basis,
    },
    /// A piece of evidence is of a known kind, and does not count: it is unreadable, forged, or about another key.
    #[error("item {item} of the report's evidence ({}) does not count", .kind.as_str())]
    EvidenceUnfit {
        /// Which item, from 1.
        item: usize,
        /// What it is.
        kind: EvidenceType,
        /// Why.
        #[source]
        source: Box<EvidenceError>,
    },
    /// A piece of genuine evidence says something else than the report.
    #[error("item {item} of the report's evidence contradicts it: {how}")]
    EvidenceContradicts {
        /// Which item, from 1.
        item: usize,
        /// What it says, and what the report says.
        how: String,
    },
    /// What people, stations or auditors signed does not show what is claimed.
    #[error(transparent)]
    Testimony(Box<TestimonyFault>),
    /// A provenance record contradicts itself.
    #[error("the record contradicts itself: {0}")]
    Inconsistent(String),

    // What a registrar finds.
    /// Its owner does not accept this manufacturer.
    #[error("no accepted manufacturer issued the certificate of {subject}, whose issuer is {issuer}{}", gap(missing.as_deref()))]
    UnknownManufacturer {
        /// Subject of the pledge's certificate.
        subject: String,
        /// Its issuer, by its own word.
        issuer: String,
        /// Which CA's certificate is neither an anchor nor among those that the pledge sent, so that nobody can tell whether the manufacturer is accepted: its subject and key identifier.
        missing: Option<String>,
    },
    /// The owner has withdrawn its trust in the manufacturer of a device that it had admitted.
    #[error("the manufacturer of {0} is no longer accepted here, so that its LDevID is not renewed")]
    ManufacturerWithdrawn(SerialNumber),
    /// Neither the IDevID nor its manufacturer's entry says where the MASA is.
    #[error("the IDevID of {0} names no MASA, and its manufacturer's entry does not either")]
    NoMasa(SerialNumber),
    /// The voucher is for another device, domain or request.
    #[error("the voucher's {leaf} is not what was asked for")]
    VoucherMismatch {
        /// Which leaf.
        leaf: &'static str,
    },
    /// The statement is authentic but speaks of another device or key.
    #[error("the provenance statement belongs to another {what}: it names {found}, the pledge has {expected}", found = recognizable(.what, .found), expected = recognizable(.what, .expected))]
    StatementMismatch {
        /// `key`, `serial-number` or `idevid-issuer`.
        what: &'static str,
        /// In the statement.
        found: String,
        /// In the pledge's IDevID.
        expected: String,
    },
    /// The statement does not verify.
    #[error("the provenance statement is not trusted")]
    StatementUntrusted(#[source] VerifyError),
    /// The statement is authentic but no longer counts.
    #[error("the provenance statement does not count: {0}")]
    StatementVoid(String),
    /// The owner's policy refuses how the key came to be.
    #[error("rule '{rule}' does not accept {found}{why}{hint}", found = Method::in_words(.found), why = beside_the_method(.because), hint = accepted_instead(.accepted))]
    ProvenanceUnacceptable {
        /// The rule that decided.
        rule: String,
        /// The method found; `None` if there is no statement.
        found: Option<Method>,
        /// Which of the rule's conditions met it beside that on the method; empty if none.
        because: String,
        /// What the policy would accept, in words.
        accepted: String,
    },
    /// The device's history with others is not what the owner accepts.
    #[error("the audit log shows {0}")]
    AuditLogUnacceptable(String),
    /// The MASA showed no audit log, without which this owner admits nobody.
    #[error("the MASA discloses no audit log of {0}, which this owner requires; audit-log = \"optional\" in the registrar's [audit] would do without")]
    AuditLogMissing(SerialNumber),
    /// No voucher was accepted for the key this peer authenticated with.
    #[error("no admission is on record for this key: request a voucher first")]
    NotAdmitted,
    /// The CSR asks for what its sender may not have.
    #[error("the certification request is refused: {0}")]
    CsrUnacceptable(String),
    /// Nobody decided about a held pledge in time, or somebody decided against it.
    #[error("{serial} is not admitted: {why}")]
    NotApproved {
        /// Which pledge.
        serial: SerialNumber,
        /// Who decided, or that nobody did; as its peer may know it.
        why: String,
    },
    /// The certificate that shows membership, or the pledge's own, was revoked here.
    #[error("the LDevID with serial number {0} was revoked by its owner; the pledge has to request a voucher again")]
    LDevIdRevoked(String),
    /// No client certificate where one is needed.
    #[error("this resource needs a TLS client certificate: {0}")]
    ClientCertificateRequired(&'static str),
}

/// What else could be the matter with a path that ends before an anchor.
fn gap(missing: Option<&str>) -> String {
    let sentence = |ca| {
        format!(
            "; the path ends there: the certificate of {ca} was not sent along and is no anchor. If that is an intermediate CA of an accepted manufacturer, add it to the certificates that the \
             pledge shows, behind its own, or to idevid-anchors of the manufacturer's profile"
        )
    };
    missing.map(sentence).unwrap_or_default()
}

/// A digest as far as a person compares it; a serial number may differ in its last character alone.
fn recognizable(what: &str, text: &str) -> String {
    match text.get(..COMPARED) {
        Some(start) if what != "serial-number" && start != text => format!("{start}…"),
        Some(_) | None => text.to_owned(),
    }
}

const COMPARED: usize = 16;

fn beside_the_method(because: &str) -> String {
    match because {
        "" => String::new(),
        because => format!(" where {because}"),
    }
}

fn accepted_instead(accepted: &str) -> String {
    match accepted {
        "" => String::new(),
        accepted => format!("; accepted: {accepted}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_told_by_their_first_digits() {
        let refusal = Refusal::StatementMismatch { what: "key", found: "a".repeat(64), expected: "b".repeat(64) };
        let (a, b) = ("a".repeat(16), "b".repeat(16));
        assert_eq!(refusal.to_string(), format!("the provenance statement belongs to another key: it names {a}…, the pledge has {b}…"));
    }

    #[test]
    fn serial_numbers_are_told_in_full() {
        let (found, expected) = ("JADA-2026-000000001".to_owned(), "JADA-2026-000000002".to_owned());
        let words = Refusal::StatementMismatch { what: "serial-number", found: found.clone(), expected: expected.clone() }.to_string();
        assert!(words.contains(&found) && words.contains(&expected) && !words.contains("..."));
    }
}
