//! Peers that connect and then say nothing, nor ever close.

use anyhow::Result;
use brski_common::serve::{ServerName, provisional_config};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Connections that stand as long as this lives.
pub(super) struct Silent {
    /// Without a word.
    mute: Vec<TcpStream>,
    /// Silent after the TLS handshake.
    shaken: Vec<TlsStream<TcpStream>>,
}

impl Silent {
    /// Of each kind so many to each server.
    pub(super) async fn begin(addresses: &[String]) -> Result<Self> {
        let tls = TlsConnector::from(provisional_config(None)?);
        let (mut silent, mut shaking) = (Self { mute: Vec::new(), shaken: Vec::new() }, JoinSet::new());
        for address in addresses {
            for _ in 0..EACH {
                silent.mute.push(TcpStream::connect(address).await?);
                let (tls, stream) = (tls.clone(), TcpStream::connect(address).await?);
                let name = ServerName::try_from("localhost")?;
                shaking.spawn(async move { tls.connect(name, stream).await });
            }
        }
        silent.shaken = shaking.join_all().await.into_iter().collect::<std::io::Result<_>>()?;
        Ok(silent)
    }

    pub(super) fn told(self) -> String {
        format!("{} connections without a word, {} silent after the TLS handshake", self.mute.len(), self.shaken.len())
    }
}

const EACH: usize = 100;
