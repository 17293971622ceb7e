//! How one party reaches MASAs: TLS configurations of its own, over lines that may outlive it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use brski_common::Anchors;
use brski_common::serve::{ClientConfig, ClientError, ClientLimits, HttpsConnection, TlsError, TlsIdentity, anchored_config};

use crate::masa_client::digest::of_anchors;
use crate::masa_client::lines::Lines;
use crate::masa_client::pool::PoolKey;
use crate::metrics;

#[derive(Debug)]
pub(super) struct Line {
    identity: TlsIdentity,
    fingerprint: [u8; 32],
    tls: Mutex<HashMap<[u8; 32], Arc<ClientConfig>>>,
    pub(super) lines: Lines,
}

/// How to reach one MASA.
#[derive(Clone, Debug)]
pub(super) struct Route {
    key: PoolKey,
    tls: Arc<ClientConfig>,
}

/// A connection in use.
#[derive(Debug)]
pub(super) struct InUse {
    pub(super) connection: HttpsConnection,
    /// Whether it was used before, so that the server may have closed it in the meantime.
    pub(super) used: bool,
}

impl Line {
    pub(super) fn new(identity: TlsIdentity, lines: Lines) -> Self {
        Self { fingerprint: identity.fingerprint(), identity, tls: Mutex::default(), lines }
    }

    /// The same party over other lines.
    pub(super) fn over(&self, lines: Lines) -> Self {
        Self::new(self.identity.clone(), lines)
    }

    /// The way to the MASA at `authority` of the manufacturer with these anchors.
    pub(super) fn route(&self, authority: &str, anchors: &Anchors) -> Result<Route, TlsError> {
        let digest = of_anchors(anchors);
        let known = locked(&self.tls).get(&digest).cloned();
        let tls = match known {
            Some(tls) => tls,
            None => {
                let made = anchored_config(anchors, Some(&self.identity))?;
                let mut configurations = locked(&self.tls);
                // Manufacturers that were given other anchors leave theirs behind.
                if configurations.len() >= MOST_CONFIGURATIONS {
                    configurations.clear();
                }
                configurations.insert(digest, made.clone());
                made
            }
        };
        Ok(Route { key: PoolKey { authority: authority.to_ascii_lowercase(), anchors: digest, shown: self.fingerprint }, tls })
    }

    /// A connection: one that is open already, unless `fresh`.
    pub(super) async fn connection(&self, route: &Route, limits: ClientLimits, fresh: bool) -> Result<InUse, ClientError> {
        while let (false, Some(connection)) = (fresh, self.lines.pool().take(&route.key, Instant::now())) {
            if connection.is_open() {
                return Ok(InUse { connection, used: true });
            }
        }
        metrics::count_masa_connection();
        Ok(InUse { connection: HttpsConnection::open(&route.key.authority, route.tls.clone(), limits).await?, used: false })
    }

    /// Gives a connection back that has nothing to do.
    pub(super) fn give_back(&self, route: &Route, connection: HttpsConnection) {
        if connection.is_open() {
            self.lines.pool().put(route.key.clone(), connection, Instant::now());
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const MOST_CONFIGURATIONS: usize = 256;
