//! Signs the audit trail while the server runs: at start, hourly if it grew, and at stop.

use core::time::Duration;
use std::sync::Arc;

use brski_registrar::SqlitePledges;
use brski_registrar::trail::Notary;
use tokio::task::JoinHandle;

use crate::config::Configuration;

/// The signing of a trail that goes on until its end.
pub(super) struct Signing {
    signed: Option<(Arc<SqlitePledges>, Notary)>,
    hourly: Option<JoinHandle<()>>,
}

impl Signing {
    /// Signs the trail as it is, unless the configuration names no key, and again every hour.
    pub(super) async fn begin(configuration: &Configuration) -> anyhow::Result<Self> {
        let Some(notary) = configuration.notary()? else { return Ok(Self { signed: None, hourly: None }) };
        let store = configuration.pledges()?;
        notary.sign_if_grown(&store).await;
        let signed = (Arc::clone(&store), notary.clone());
        let hourly = tokio::spawn(async move {
            loop {
                tokio::time::sleep(HOUR).await;
                notary.sign_if_grown(&store).await;
            }
        });
        Ok(Self { signed: Some(signed), hourly: Some(hourly) })
    }

    /// Signs what came since.
    pub(super) async fn end(mut self) {
        if let Some(hourly) = self.hourly.take() {
            hourly.abort();
        }
        if let Some((store, notary)) = &self.signed {
            notary.sign_if_grown(store).await;
        }
    }
}

impl Drop for Signing {
    fn drop(&mut self) {
        if let Some(hourly) = &self.hourly {
            hourly.abort();
        }
    }
}

const HOUR: Duration = Duration::from_secs(3600);
