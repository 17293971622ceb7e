//! What all questions share: TLS configurations, open connections, and which MASAs are left alone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use brski_common::serve::{ClientConfig, ClientError, ClientLimits, HttpsConnection, TlsError, TlsIdentity, anchored_config};
use brski_common::sign::Hash;
use brski_common::time::to_rfc3339;
use brski_common::{Anchors, MasaUrl, UnixTime};

use crate::masa_client::breaker::{Breaker, Change, LeftAlone};
use crate::masa_client::pool::{Pool, PoolKey};
use crate::masa_client::{MasaClientError, MasaClientFigures, Outcome};

#[derive(Debug)]
pub(super) struct Line {
    identity: TlsIdentity,
    tls: Mutex<HashMap<[u8; 32], Arc<ClientConfig>>>,
    pool: Pool,
    // By authority: two manufacturers may share one server.
    breakers: Mutex<HashMap<String, Breaker>>,
    pub(super) figures: MasaClientFigures,
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
    pub(super) fn new(identity: TlsIdentity) -> Self {
        Self { identity, tls: Mutex::default(), pool: Pool::default(), breakers: Mutex::default(), figures: MasaClientFigures::default() }
    }

    /// The way to the MASA at `authority` of the manufacturer with these anchors.
    pub(super) fn route(&self, authority: &str, anchors: &Anchors) -> Result<Route, TlsError> {
        let digest = digest_of(anchors);
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
        Ok(Route { key: PoolKey { authority: authority.to_ascii_lowercase(), anchors: digest }, tls })
    }

    /// A connection: one that is open already, unless `fresh`.
    pub(super) async fn connection(&self, route: &Route, limits: ClientLimits, fresh: bool) -> Result<InUse, ClientError> {
        while let (false, Some(connection)) = (fresh, self.pool.take(&route.key, Instant::now())) {
            if connection.is_open() {
                return Ok(InUse { connection, used: true });
            }
        }
        self.figures.count_connection();
        Ok(InUse { connection: HttpsConnection::open(&route.key.authority, route.tls.clone(), limits).await?, used: false })
    }

    /// Gives a connection back that has nothing to do.
    pub(super) fn give_back(&self, route: &Route, connection: HttpsConnection) {
        if connection.is_open() {
            self.pool.put(route.key.clone(), connection, Instant::now());
        }
    }

    /// Whether this MASA may be asked now.
    pub(super) fn may_ask(&self, url: &MasaUrl, now: UnixTime) -> Result<(), MasaClientError> {
        let asked = match locked(&self.breakers).get_mut(&named(url)) {
            Some(breaker) => breaker.ask(now),
            None => Ok(()),
        };
        asked.map_err(|left_alone| {
            self.figures.count(Outcome::LeftAlone);
            MasaClientError::Unreachable { url: url.clone(), source: Box::new(left_alone) }
        })
    }

    /// Notes how a question to this MASA ended.
    pub(super) fn note(&self, url: &MasaUrl, trouble: Option<&MasaClientError>, now: UnixTime) {
        let mut breakers = locked(&self.breakers);
        let breaker = breakers.entry(named(url)).or_default();
        // Who answers nonsense, or under a false name, is there: waiting changes nothing.
        let change = match trouble.is_some_and(MasaClientError::is_passing) {
            true => breaker.failed(now),
            false => breaker.answered(),
        };
        if breaker.is_at_rest() {
            breakers.remove(&named(url));
        }
        drop(breakers);
        match change {
            Some(Change::Opened(LeftAlone { until, .. })) => {
                tracing::error!(masa = %url, until = to_rfc3339(until), "the MASA does not answer, and is left alone for a while");
            }
            Some(Change::Closed { since }) => tracing::info!(masa = %url, since = to_rfc3339(since), "the MASA answers again"),
            None => {}
        }
    }
}

fn named(url: &MasaUrl) -> String {
    url.authority().to_ascii_lowercase()
}

/// Of the anchors alone: a certificate policy is not looked at in servers' certificates, but would make other anchors of them nevertheless.
fn digest_of(anchors: &Anchors) -> [u8; 32] {
    let policy = anchors.policy().map(ToString::to_string).unwrap_or_default();
    let ders = anchors.certificates().iter().map(|anchor| anchor.der().to_vec());
    let octets: Vec<u8> =
        core::iter::once(policy.into_bytes()).chain(ders).flat_map(|part| [(part.len() as u64).to_be_bytes().to_vec(), part].concat()).collect();
    Hash::Sha256.of(&octets).try_into().unwrap_or_default()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const MOST_CONFIGURATIONS: usize = 256;
