//! What a server looks up anew for each request or connection, so that it can be exchanged while connections stand.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;

/// A value that can be exchanged as a whole. Clones share it.
///
/// Whoever works with one goes on with that one to the end: nobody sees half of the old and half of the new.
#[derive(Debug)]
pub struct Reloadable<T>(Arc<RwLock<Arc<T>>>);

impl<T> Reloadable<T> {
    /// Begins with this value.
    pub fn new(value: T) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(value))))
    }

    /// The value as it is now.
    pub fn current(&self) -> Arc<T> {
        // What is under the lock is replaced as a whole.
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Exchanges it.
    pub fn replace(&self, value: T) {
        let old = core::mem::replace(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner), Arc::new(value));
        // Outside of the lock: it may hold much.
        drop(old);
    }
}

impl<T> Clone for Reloadable<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Where a listener gets the TLS configuration of a new connection from.
pub struct TlsSource(Box<dyn Fn() -> Arc<ServerConfig> + Send + Sync>);

impl TlsSource {
    /// Asks this function for each connection.
    pub fn from_fn(current: impl Fn() -> Arc<ServerConfig> + Send + Sync + 'static) -> Self {
        Self(Box::new(current))
    }

    pub(super) fn current(&self) -> Arc<ServerConfig> {
        (self.0)()
    }
}

impl From<Arc<ServerConfig>> for TlsSource {
    /// Always the same.
    fn from(tls: Arc<ServerConfig>) -> Self {
        Self::from_fn(move || Arc::clone(&tls))
    }
}

impl core::fmt::Debug for TlsSource {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("TlsSource")
    }
}
