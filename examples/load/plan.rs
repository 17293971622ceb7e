//! What is asked of the servers: one kind of request or several side by side, on the command line or in a file.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use brski_common::Format;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// What one request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Journey {
    /// The MASA's requestvoucher, asked as a registrar would.
    Voucher,
    /// The registrar's simpleenroll, of a pledge that was admitted before.
    Enrol,
    /// The whole of RFC 8995 from the first TLS handshake to enrollstatus.
    Onboard,
}

/// Whether requests share TLS connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Connections {
    /// A connection is used again where the same party asks the same server.
    KeepAlive,
    /// Each request has a connection of its own.
    Fresh,
}

/// In which format vouchers are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Encoding {
    /// JSON in CMS.
    Cms,
    /// JSON in JWS.
    #[serde(alias = "json-jws")]
    #[value(alias = "json-jws")]
    Jws,
    /// CBOR in COSE.
    Cose,
}

impl From<Encoding> for Format {
    fn from(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Cms => Self::Cms,
            Encoding::Jws => Self::Jws,
            Encoding::Cose => Self::Cose,
        }
    }
}

/// When the next request begins.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Pace {
    /// Closed loop: so many clients, each of which asks again as soon as it is answered.
    Clients(usize),
    /// Open loop: so many requests a second, whether or not the earlier ones are answered.
    Rate(f64),
}

/// One kind of request, asked over and over.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Load {
    pub(crate) journey: Journey,
    #[serde(flatten)]
    pub(crate) pace: Pace,
    pub(crate) connections: Connections,
    pub(crate) format: Encoding,
}

/// Everything that is asked, side by side.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) duration: Duration,
    pub(crate) loads: Vec<Load>,
}

/// What somebody said of a load; the rest is usual.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Wish {
    pub(crate) journey: Journey,
    pub(crate) clients: Option<usize>,
    pub(crate) rate: Option<f64>,
    pub(crate) connections: Option<Connections>,
    pub(crate) format: Option<Encoding>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    #[serde(rename = "for")]
    duration: String,
    load: Vec<Wish>,
}

impl Wish {
    /// The load that is meant.
    pub(crate) fn load(self) -> Result<Load> {
        let pace = match (self.clients, self.rate) {
            (Some(_), Some(_)) => anyhow::bail!("a load has either clients (closed loop) or a rate (open loop), not both"),
            (None, Some(rate)) => {
                ensure!(rate.is_finite() && rate > 0.0 && rate <= MOST_A_SECOND, "rate = {rate} is no rate, expected requests a second up to {MOST_A_SECOND}");
                Pace::Rate(rate)
            }
            (clients, None) => {
                let clients = clients.unwrap_or(USUAL_CLIENTS);
                ensure!((1..=MOST_CLIENTS).contains(&clients), "clients = {clients} cannot be, expected 1 to {MOST_CLIENTS}");
                Pace::Clients(clients)
            }
        };
        let usual = match self.journey {
            // A registrar keeps its connection to a MASA; a pledge comes once.
            Journey::Voucher => Connections::KeepAlive,
            Journey::Enrol | Journey::Onboard => Connections::Fresh,
        };
        let connections = self.connections.unwrap_or(usual);
        ensure!(
            (self.journey, connections) != (Journey::Onboard, Connections::KeepAlive),
            "onboarding opens its two connections itself (one with the IDevID, one with the LDevID), so that connections = keep-alive has no meaning there"
        );
        Ok(Load { journey: self.journey, pace, connections, format: self.format.unwrap_or(Encoding::Cms) })
    }
}

impl Plan {
    /// Reads a plan: `for = "30s"`, and a table `[[load]]` for each load.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let named = || format!("the plan {}", path.display());
        let text = std::fs::read_to_string(path).with_context(named)?;
        Self::parse(&text).with_context(named)
    }

    fn parse(text: &str) -> Result<Self> {
        let file: File = toml::from_str(text)?;
        ensure!(!file.load.is_empty(), "no [[load]] stands in it");
        let duration = duration(&file.duration).map_err(anyhow::Error::msg)?;
        Ok(Self { duration, loads: file.load.into_iter().map(Wish::load).collect::<Result<_>>()? })
    }

    /// How many pledges are needed at once.
    pub(crate) fn least_pledges(&self) -> usize {
        self.loads.iter().map(Load::least_pledges).max().unwrap_or(1) * self.loads.len()
    }
}

impl Load {
    /// Each client has a pledge of its own while it asks.
    fn least_pledges(&self) -> usize {
        match self.pace {
            Pace::Clients(clients) => clients,
            Pace::Rate(_) => 1,
        }
    }
}

/// Reads `500ms`, `30s`, `2m` or `1h`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("'{text}' is no duration, expected one such as 500ms, 30s, 2m or 1h, up to a day");
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let milliseconds = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => None,
    };
    milliseconds.filter(|ms| (1..=86_400_000).contains(ms)).map(Duration::from_millis).ok_or_else(wrong)
}

const USUAL_CLIENTS: usize = 8;
const MOST_CLIENTS: usize = 10_000;
const MOST_A_SECOND: f64 = 1_000_000.0;
