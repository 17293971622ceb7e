//! The one table of what there is, with method and roles, and how a path is matched with it.

use brski_common::access::Role::{self, Approver, Operator};
use brski_common::http::percent_decoded;
use http::Method;

/// One thing that can be done.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) method: Method,
    /// Segments; `{key}` stands for any.
    pub(super) path: &'static str,
    /// Who may; anybody without credential if empty.
    pub(super) roles: &'static [Role],
    pub(super) action: Action,
    /// What metrics and logs call it.
    pub(super) name: &'static str,
}

/// By whom it is done, and with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Without credential.
    Probe(Probe),
    /// With the pledge that the path names.
    OnePledge(OnePledge),
    /// With all else.
    Registrar(OfRegistrar),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    Live,
    Ready,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnePledge {
    Show,
    Approve,
    Refuse,
    Revoke,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OfRegistrar {
    Metrics,
    Pledges,
    Trust,
    Policy,
    PolicyTest,
    AuditHead,
    AuditEvents,
    Appraise,
}

/// Everything there is. All roles read everything; a POST that needs no role above auditor decides nothing: of an opinion the trail tells to whom it was given.
pub(super) const ROUTES: &[Route] = &[
    get("/livez", &[], Action::Probe(Probe::Live), "admin-livez"),
    get("/readyz", &[], Action::Probe(Probe::Ready), "admin-readyz"),
    get("/metrics", READERS, Action::Registrar(OfRegistrar::Metrics), "admin-metrics"),
    get("/pledges", READERS, Action::Registrar(OfRegistrar::Pledges), "admin-pledges"),
    get("/pledges/{key}", READERS, Action::OnePledge(OnePledge::Show), "admin-pledge"),
    post("/pledges/{key}/approve", &[Operator, Approver], Action::OnePledge(OnePledge::Approve), "admin-approve"),
    post("/pledges/{key}/refuse", &[Operator, Approver], Action::OnePledge(OnePledge::Refuse), "admin-refuse"),
    post("/pledges/{key}/revoke", &[Operator], Action::OnePledge(OnePledge::Revoke), "admin-revoke"),
    get("/trust", READERS, Action::Registrar(OfRegistrar::Trust), "admin-trust"),
    get("/policy", READERS, Action::Registrar(OfRegistrar::Policy), "admin-policy"),
    post("/policy/test", READERS, Action::Registrar(OfRegistrar::PolicyTest), "admin-policy-test"),
    get("/audit/head", READERS, Action::Registrar(OfRegistrar::AuditHead), "admin-audit-head"),
    get("/audit/events", READERS, Action::Registrar(OfRegistrar::AuditEvents), "admin-audit-events"),
    post("/appraise", READERS, Action::Registrar(OfRegistrar::Appraise), "admin-appraise"),
];

const READERS: &[Role] = Role::OF_REGISTRAR;

const fn get(path: &'static str, roles: &'static [Role], action: Action, name: &'static str) -> Route {
    Route { method: Method::GET, path, roles, action, name }
}

const fn post(path: &'static str, roles: &'static [Role], action: Action, name: &'static str) -> Route {
    Route { method: Method::POST, path, roles, action, name }
}

/// What a request is about.
#[derive(Debug)]
pub(super) enum Found {
    /// This, and what stands in the path for `{key}`, if it has one.
    Route(&'static Route, Option<String>),
    /// The path is right, the method is not: these would be.
    OtherMethods(&'static str),
    Nothing,
}

impl Found {
    pub(super) fn at(method: &Method, path: &str) -> Self {
        let mut allowed = None;
        for route in ROUTES {
            let Some(key) = matched(route.path, path) else { continue };
            if route.method == *method {
                return Self::Route(route, key);
            }
            // No path has two.
            allowed = Some(if route.method == Method::GET { "GET" } else { "POST" });
        }
        allowed.map_or(Self::Nothing, Self::OtherMethods)
    }

    /// What metrics and logs call it: one of a fixed few.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Route(route, _) => route.name,
            Self::OtherMethods(_) | Self::Nothing => "admin-other",
        }
    }
}

/// Whether a path is of this form, and what stands in it for `{key}`.
fn matched(form: &str, path: &str) -> Option<Option<String>> {
    let (mut forms, mut segments) = (form.split('/'), path.split('/'));
    let mut key = None;
    loop {
        match (forms.next(), segments.next()) {
            (None, None) => return Some(key),
            (Some("{key}"), Some(segment)) => key = Some(percent_decoded(segment).filter(|text| !text.is_empty())?),
            (Some(form), Some(segment)) if form == segment => {}
            _ => return None,
        }
    }
}
