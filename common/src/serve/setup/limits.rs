//! The table `[limits]`: how much of the server one client, and all of them, may take.

use serde::Deserialize;

use super::{ConfigFile, SetupError};
use crate::http::{Door, Proxies, Rate, Rates};
use crate::peer::PeerCertificates;
use crate::serve::Limits;

/// The table `[limits]` of a configuration; what is absent is as the program has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct LimitValues {
    connections: Option<usize>,
    connections_per_address: Option<usize>,
    requests_per_minute: Option<u32>,
    requests_per_minute_per_address: Option<u32>,
}

impl LimitValues {
    /// Bounds of the listener that clients use.
    pub fn limits(&self) -> Limits {
        let default = Limits::default();
        Limits {
            connections: self.connections.unwrap_or(default.connections),
            connections_per_address: self.connections_per_address.unwrap_or(default.connections_per_address),
            ..default
        }
    }

    /// The door in front of a service: behind `proxies`, at these limits, where `otherwise` holds what is absent here. `is_known` is as [`Door::new`] takes it.
    pub fn door(&self, proxies: Proxies, otherwise: Rates, is_known: impl Fn(&PeerCertificates) -> bool + Send + Sync + 'static) -> Door {
        Door::new(proxies, self.rates(otherwise), is_known)
    }

    /// How often one client may ask; `otherwise` holds what is absent here. A burst stays as many seconds' worth as it is there.
    pub fn rates(&self, otherwise: Rates) -> Rates {
        Rates { certificate: at(otherwise.certificate, self.requests_per_minute), address: at(otherwise.address, self.requests_per_minute_per_address) }
    }
}

fn at(default: Rate, configured: Option<u32>) -> Rate {
    let Some(per_minute) = configured else { return default };
    let burst = u64::from(per_minute) * u64::from(default.burst) / u64::from(default.per_minute.max(1));
    Rate { per_minute, burst: u32::try_from(burst).unwrap_or(u32::MAX).max(LEAST_BURST) }
}

/// One onboarding, from cacerts to the report of its end, asks nine times.
const LEAST_BURST: u32 = 10;

impl ConfigFile {
    /// Whether such limits can be kept.
    ///
    /// # Errors
    /// [`SetupError`] if nobody could connect.
    pub fn check_limits(&self, values: &LimitValues) -> Result<(), SetupError> {
        for (field, value) in [("limits.connections", values.connections), ("limits.connections-per-address", values.connections_per_address)] {
            if value.is_some_and(|value| !(1..=MOST).contains(&value)) {
                return Err(self.error(field, format!("must be between 1 and {MOST}")));
            }
        }
        Ok(())
    }
}

/// More than a process may have open on most systems.
const MOST: usize = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: Rates = Rates { certificate: Rate { per_minute: 60, burst: 30 }, address: Rate { per_minute: 6000, burst: 600 } };

    fn values(text: &str) -> LimitValues {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn what_is_absent_is_as_the_program_has_it() {
        assert_eq!((values("").limits(), values("").rates(DEFAULT)), (Limits::default(), DEFAULT));
    }

    #[test]
    fn burst_grows_with_the_rate_and_leaves_room_for_one_onboarding() {
        let rates = values("requests-per-minute = 600\nrequests-per-minute-per-address = 6").rates(DEFAULT);
        assert_eq!((rates.certificate.burst, rates.address.burst), (300, 10));
    }

    #[test]
    fn zero_connections_are_refused_by_field() {
        let (file, values): (ConfigFile, LimitValues) = ConfigFile::read_as("x.toml".as_ref(), "connections = 0").unwrap();
        assert!(file.check_limits(&values).unwrap_err().to_string().contains("limits.connections: must be between 1 and"));
    }
}
