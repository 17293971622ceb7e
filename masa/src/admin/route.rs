//! The one table of what there is, with method and roles, and how a path is matched with it.

use brski_common::SerialNumber;
use brski_common::access::Role::{self, Auditor, Operator, Station};
use brski_common::http::percent_decoded;
use http::Method;

/// One thing that can be done.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) method: Method,
    /// Segments; `{serial}` stands for any.
    pub(super) path: &'static str,
    /// Who may; anybody without credential if empty.
    pub(super) roles: &'static [Role],
    pub(super) action: Action,
    /// What metrics and logs call it.
    pub(super) name: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Live,
    Ready,
    Metrics,
    Record,
    Device,
    Block,
    Unblock,
    Sale,
    Release,
    Statement,
    AuditLog,
    AuditLink,
    Mark,
    Affected,
    Checkpoint,
    Prove,
    Consistency,
}

/// Everything there is. Operators read whatever auditors read; auditors change nothing.
pub(super) const ROUTES: &[Route] = &[
    get("/livez", &[], Action::Live, "admin-livez"),
    get("/readyz", &[], Action::Ready, "admin-readyz"),
    get("/metrics", Role::OF_MASA, Action::Metrics, "admin-metrics"),
    post("/records", &[Station, Operator], Action::Record, "admin-records"),
    get("/devices/{serial}", &[Auditor, Operator], Action::Device, "admin-device"),
    post("/devices/{serial}/block", &[Operator], Action::Block, "admin-block"),
    post("/devices/{serial}/unblock", &[Operator], Action::Unblock, "admin-unblock"),
    post("/devices/{serial}/sale", &[Operator], Action::Sale, "admin-sale"),
    post("/devices/{serial}/release", &[Operator], Action::Release, "admin-release"),
    get("/devices/{serial}/statement", &[Auditor, Operator], Action::Statement, "admin-statement"),
    get("/devices/{serial}/audit-log", &[Auditor, Operator], Action::AuditLog, "admin-audit-log"),
    post("/devices/{serial}/audit-link", &[Operator], Action::AuditLink, "admin-audit-link"),
    post("/marks", &[Operator], Action::Mark, "admin-marks"),
    get("/affected", &[Auditor, Operator], Action::Affected, "admin-affected"),
    get("/log/checkpoint", &[Auditor, Operator], Action::Checkpoint, "admin-checkpoint"),
    get("/log/prove/{serial}", &[Auditor, Operator], Action::Prove, "admin-prove"),
    get("/log/consistency", &[Auditor, Operator], Action::Consistency, "admin-consistency"),
];

const fn get(path: &'static str, roles: &'static [Role], action: Action, name: &'static str) -> Route {
    Route { method: Method::GET, path, roles, action, name }
}

const fn post(path: &'static str, roles: &'static [Role], action: Action, name: &'static str) -> Route {
    Route { method: Method::POST, path, roles, action, name }
}

/// What a request is about.
#[derive(Debug)]
pub(super) enum Found {
    /// This, and the serial number in the path, if it has one.
    Route(&'static Route, Option<SerialNumber>),
    /// The path is right, the method is not: these would be.
    OtherMethods(&'static str),
    Nothing,
}

impl Found {
    pub(super) fn at(method: &Method, path: &str) -> Self {
        let mut allowed = None;
        for route in ROUTES {
            let Some(serial) = matched(route.path, path) else { continue };
            if route.method == *method {
                return Self::Route(route, serial);
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

/// Whether a path is of this form, and the serial number in it.
fn matched(form: &str, path: &str) -> Option<Option<SerialNumber>> {
    let (mut forms, mut segments) = (form.split('/'), path.split('/'));
    let mut serial = None;
    loop {
        match (forms.next(), segments.next()) {
            (None, None) => return Some(serial),
            (Some("{serial}"), Some(segment)) => serial = Some(SerialNumber::new(percent_decoded(segment)?).ok()?),
            (Some(form), Some(segment)) if form == segment => {}
            _ => return None,
        }
    }
}
