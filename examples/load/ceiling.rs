//! How many requests a second of a server's CPU time could be enough for, if it did nothing but what its journey cannot do without.
//!
//! Counted is what has to be done anew for each request by whoever believes no word unverified and loses nothing that it acknowledged. Not counted is what could be
//! remembered from one request to the next, whether or not it is: links between certificates that recur (those above an IDevID, the registrar's and the signers' own), the same
//! voucher-request that comes to three resources of the MASA, the log's signature under a receipt. Nor are durable appends, which several requests share; so are reading, writing, hashing and encryption. The share that is reached is therefore
//! never 100 %.

use serde::Serialize;

use crate::plan::{Connections, Journey, Load};
use crate::primitives::Primitives;

/// What one request cannot do without, on both servers together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Needs {
    pub(crate) verifications: u32,
    pub(crate) signatures: u32,
    pub(crate) handshakes: u32,
    pub(crate) appends: u32,
    /// Which they are, in words.
    pub(crate) which: &'static [&'static str],
}

impl Needs {
    /// Of one request of this load.
    pub(crate) fn of(load: &Load) -> Self {
        match (load.journey, load.connections) {
            (Journey::Voucher, connections) => Self {
                // The registrar's request, the pledge's inside, the IDevID under its issuer.
                verifications: 3,
                signatures: 1,
                handshakes: u32::from(connections == Connections::Fresh),
                appends: 1,
                which: &["verified: registrar's request, pledge's request, IDevID", "signed: voucher", "appended: voucher"],
            },
            (Journey::Enrol, connections) => Self {
                // Who has shown an IDevID on a connection has shown it once.
                verifications: if connections == Connections::Fresh { 2 } else { 1 },
                signatures: 1,
                handshakes: u32::from(connections == Connections::Fresh),
                appends: 1,
                which: &["verified: certification request, and the IDevID on each new connection", "signed: LDevID", "appended: LDevID"],
            },
            (Journey::Onboard, _) => Self {
                verifications: 9,
                signatures: 3,
                handshakes: 2,
                appends: 5,
                which: &[
                    "verified by the registrar: IDevID, pledge's request, voucher, statement, receipt, certification request",
                    "verified by the MASA: registrar's request, pledge's request, IDevID",
                    "signed: registrar's request, voucher, LDevID",
                    "handshakes: with the IDevID, with the LDevID",
                    "appended by the MASA: voucher",
                    "appended by the registrar: admission, voucher_status, LDevID, enrollstatus",
                ],
            },
        }
    }

    /// CPU milliseconds for it. The signatures in a handshake are part of that; durable appends are not: several requests share one, so that nobody knows what each needs of it.
    pub(crate) fn cpu_ms(&self, primitives: &Primitives) -> f64 {
        f64::from(self.verifications) * primitives.verify_cpu_ms
            + f64::from(self.signatures) * primitives.sign_cpu_ms
            + f64::from(self.handshakes) * primitives.handshake_cpu_ms
    }
}

impl core::fmt::Display for Needs {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { verifications, signatures, handshakes, .. } = self;
        let each = [(verifications, "verification"), (signatures, "signature"), (handshakes, "TLS handshake")];
        let each = each.iter().map(|(count, what)| format!("{count} {what}{}", if **count == 1 { "" } else { "s" }));
        f.write_str(&each.collect::<Vec<_>>().join(", "))
    }
}
