//! Whether what an upstream CA issued is what the owner's certificate profile has.

use core::time::Duration;
use std::collections::BTreeSet;

use brski_common::text::{LONGEST_WORDS, printable};
use brski_common::time::to_rfc3339;
use brski_common::{Certificate, PolicyOid};

use crate::enroll::IssueOrder;

/// In which way an LDevID is not what was ordered.
///
/// Policies beside those that the order has, and distribution points where it names none, are the upstream CA's own business.
pub(super) fn difference(ldevid: &Certificate, order: &IssueOrder) -> Option<String> {
    subject(ldevid, order)
        .or_else(|| validity(ldevid, order))
        .or_else(|| usages(ldevid, order))
        .or_else(|| names(ldevid, order))
        .or_else(|| policies(ldevid, order))
        .or_else(|| crl(ldevid, order))
}

fn subject(ldevid: &Certificate, order: &IssueOrder) -> Option<String> {
    if ldevid.is_ca() {
        return Some("the LDevID is a CA's".to_owned());
    }
    let same = ldevid.subject_der() == order.subject_der();
    (!same).then(|| format!("the LDevID's subject is {}, which is not what was asked for", printable(ldevid.subject(), LONGEST_WORDS)))
}

fn validity(ldevid: &Certificate, order: &IssueOrder) -> Option<String> {
    let latest = order.not_after().as_secs().saturating_add(TOLERANCE.as_secs());
    (ldevid.not_after().as_secs() > latest).then(|| {
        let (found, expected) = (to_rfc3339(ldevid.not_after()), to_rfc3339(order.not_after()));
        format!("the LDevID is valid until {found}, longer than ordered ({expected}); lifetime-days or lifetime-hours in [ldevid] says how long it may be")
    })
}

fn usages(ldevid: &Certificate, order: &IssueOrder) -> Option<String> {
    let found: BTreeSet<&str> = ldevid.usages().iter().map(String::as_str).collect();
    let expected: BTreeSet<&str> = order.usages().iter().map(|usage| usage.oid()).collect();
    (found != expected).then(|| format!("the LDevID's extended key usages are {}, expected {} ([ldevid] usages)", listed(found), listed(expected)))
}

fn names(ldevid: &Certificate, order: &IssueOrder) -> Option<String> {
    let names = order.names();
    (!ldevid.has_alternative_names(&names.dns, &names.uris)).then(|| {
        let found = ldevid.alternative_names();
        let expected = listed(names.dns.iter().chain(&names.uris).map(String::as_str));
        format!("the LDevID's subjectAltName is {}, expected {expected} ([ldevid] names)", listed(found.iter().map(String::as_str)))
    })
}

fn policies(ldevid: &Certificate, order: &IssueOrder) -> Option<String> {
    let missing = order.policies().iter().find(|policy| !ldevid.names_policy(policy)).map(PolicyOid::to_string)?;
    let found = listed(ldevid.policies().iter().map(String::as_str));
    Some(format!("the LDevID's certificate policies are {found}, without {missing} ([ldevid] method-policies and basis-policies)"))
}

fn crl(ldevid: &Certificate, order: &IssueOrder) -> Option<String> {
    let (found, expected) = (ldevid.crl_urls(), order.crl_url()?);
    let named = found.iter().any(|url| url == expected);
    (!named).then(|| format!("the LDevID's CRL distribution points are {}, without {expected} ([ldevid] crl-url)", listed(found.iter().map(String::as_str))))
}

/// In one line: it is another's certificate.
fn listed<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    let items: Vec<&str> = items.into_iter().collect();
    if items.is_empty() { "none".to_owned() } else { printable(&items.join(", "), LONGEST_WORDS) }
}

/// A server's clock and ours need not agree to the second.
const TOLERANCE: Duration = Duration::from_secs(300);
