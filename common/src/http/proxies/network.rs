//! Networks of IP addresses, as a configuration names them.

use core::fmt;
use core::str::FromStr;
use std::net::IpAddr;

use serde::Deserialize;
use serde::de::Error as _;

use crate::text::printable;

/// A network such as `10.0.0.0/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// A text that is no [`Network`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// It is something else.
    #[error("'{text}' must be an IP address such as 192.0.2.7, or a network such as 10.0.0.0/8 or 2001:db8::/32")]
    Syntax {
        /// What there is.
        text: String,
    },
    /// Bits are set after the prefix.
    #[error("{network} has bits beyond its prefix: {right} would be right")]
    HostBits {
        /// What there is.
        network: Network,
        /// The network that this address is in.
        right: Network,
    },
    /// It is the whole internet.
    #[error("{network} is everybody: a proxy is at a few addresses")]
    Everybody {
        /// What there is.
        network: Network,
    },
}

impl Network {
    /// Whether an address is in it. An IPv4 address that is written as IPv6 (::ffff:192.0.2.7) is the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(_), address @ IpAddr::V4(_)) | (IpAddr::V6(_), address @ IpAddr::V6(_)) => masked(address, self.prefix) == self.address,
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let wrong = || NetworkError::Syntax { text: printable(text, 60) };
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        // An address in the other family's clothes would never be met: peers' addresses are undressed before.
        if address.to_canonical() != address {
            return Err(wrong());
        }
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            Some(digits) if !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()) => digits.parse().map_err(|_| wrong())?,
            Some(_) => return Err(wrong()),
        };
        let network = Self { address, prefix };
        match masked(address, prefix) {
            _ if prefix > longest => Err(wrong()),
            _ if prefix == 0 => Err(NetworkError::Everybody { network }),
            right if right != address => Err(NetworkError::HostBits { network, right: Self { address: right, prefix } }),
            _ => Ok(network),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The first `prefix` bits of an address, and nothing after them.
fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    let prefix = u32::from(prefix);
    match address {
        IpAddr::V4(address) => IpAddr::V4((address.to_bits() & u32::MAX.checked_shl(32_u32.saturating_sub(prefix)).unwrap_or(0)).into()),
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & u128::MAX.checked_shl(128_u32.saturating_sub(prefix)).unwrap_or(0)).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn network_holds_its_addresses_and_no_others() {
        for (text, inside, outside) in [
            ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"], ["11.0.0.0", "9.255.255.255", "::a00:1"]),
            ("192.0.2.7", ["192.0.2.7", "192.0.2.7", "::ffff:192.0.2.7"], ["192.0.2.6", "192.0.2.8", "::1"]),
            ("10.1.128.0/17", ["10.1.128.0", "10.1.255.255", "10.1.200.1"], ["10.1.127.255", "10.2.0.0", "0.0.0.0"]),
            ("2001:db8::/32", ["2001:db8::1", "2001:db8:ffff::", "2001:db8::"], ["2001:db9::", "10.0.0.1", "::ffff:10.0.0.1"]),
            ("::1", ["::1", "::1", "::1"], ["::2", "127.0.0.1", "::"]),
        ] {
            assert_eq!(inside.map(|address| network(text).contains(address.parse().unwrap())), [true; 3], "{text}");
            assert_eq!(outside.map(|address| network(text).contains(address.parse().unwrap())), [false; 3], "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_networks() {
        for text in [
            "",
            "/",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0.0/8/8",
            "10.0.0/8",
            "2001:db8::/129",
            "localhost",
            "10.0.0.0/300",
            "::ffff:10.0.0.1",
            " 10.0.0.1",
        ] {
            assert!(matches!(text.parse::<Network>(), Err(NetworkError::Syntax { .. })), "{text}");
        }
    }

    #[test]
    fn bits_beyond_the_prefix_are_refused_with_the_network_that_was_meant() {
        let err = "10.1.2.3/8".parse::<Network>().unwrap_err();
        assert_eq!(err.to_string(), "10.1.2.3/8 has bits beyond its prefix: 10.0.0.0/8 would be right");
    }

    #[test]
    fn everybody_is_no_proxy() {
        for text in ["0.0.0.0/0", "::/0"] {
            assert!(matches!(text.parse::<Network>(), Err(NetworkError::Everybody { .. })), "{text}");
        }
    }
}
