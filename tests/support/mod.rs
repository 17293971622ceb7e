//! A manufacturer with its MASA, an owner with a registrar, and devices, all in this process: real keys and signatures, a clock with a hand, no sockets.
//!
//! ```text
//! World { maker: Manufacturer { Masa, MemoryLedger }, owner: Owner { Registrar, Pledges, MasaLink --> MasaService } }
//! Device --onboard(&owner)--> the whole of RFC 8995 through RegistrarService::respond
//! ```
#![allow(dead_code, unused_imports, unused_macros, reason = "each test crate uses its own part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where its ground gives way")]

mod device;
mod exchange;
mod manufacturer;
mod masa_link;
mod module;
mod onboard;
mod owner;
mod pinned;
mod pki;
mod pledges;
mod raw;
mod trail;

pub(crate) use device::Device;
pub(crate) use exchange::{Reply, request, to_masa, to_registrar};
pub(crate) use manufacturer::{Manufacturer, origin};
pub(crate) use masa_link::{MasaLink, Mood};
pub(crate) use module::{KEPT_INSIDE, Module};
pub(crate) use onboard::{Onboarded, carry, go_on, onboard};
pub(crate) use owner::{Owner, REGISTRAR_USAGES};
pub(crate) use pinned::assert_pinned;
pub(crate) use pki::{Authority, new_key, template, valid};
pub(crate) use pledges::Pledges;
pub(crate) use raw::{Raw, ca_request, edited, joined, p521_request, request_signed_by, rsa_request, twice_attested_request};
pub(crate) use trail::{Names, events, line};

use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use brski_common::time::at;
use brski_common::{Clock, Nonce, UnixTime};

/// Some time in 2026, at which everything that is made here is valid.
pub(crate) const NOW: u64 = 1_790_000_000;

/// One manufacturer, and one owner who accepts it.
pub(crate) struct World {
    pub(crate) hand: Hand,
    pub(crate) maker: Manufacturer,
    pub(crate) owner: Owner,
}

impl World {
    /// An owner who decides by [`POLICY`].
    pub(crate) async fn new() -> Self {
        let hand = Hand::default();
        let maker = Manufacturer::found("Fruitmaker", &hand).await;
        let owner = Owner::found("Orchard", &maker, &hand).await;
        Self { hand, maker, owner }
    }

    /// What is on record on both sides. Compare it before and after what should leave no trace.
    pub(crate) fn recorded(&self) -> Recorded {
        Recorded { ledger_entries: self.maker.ledger.octets().len(), store_writes: self.owner.pledges.writes() }
    }
}

/// How much is on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Recorded {
    pub(crate) ledger_entries: usize,
    pub(crate) store_writes: usize,
}

/// The hand of everybody's clock, at [`NOW`] to begin with. Also counts nonces, so that each is new.
#[derive(Clone)]
pub(crate) struct Hand {
    seconds: Arc<AtomicU64>,
    nonces: Arc<AtomicU64>,
}

impl Hand {
    pub(crate) fn now(&self) -> UnixTime {
        at(self.seconds.load(Ordering::SeqCst))
    }

    pub(crate) fn advance(&self, time: Duration) {
        self.seconds.fetch_add(time.as_secs(), Ordering::SeqCst);
    }

    pub(crate) fn clock(&self) -> Clock {
        let hand = self.clone();
        Clock::from_fn(move || hand.now())
    }

    pub(crate) fn nonce(&self) -> Nonce {
        let count = self.nonces.fetch_add(1, Ordering::SeqCst);
        Nonce::from_bytes(&[count.to_be_bytes(), *b"a nonce!"].concat()).unwrap()
    }
}

impl Default for Hand {
    fn default() -> Self {
        Self { seconds: Arc::new(AtomicU64::new(NOW)), nonces: Arc::default() }
    }
}

/// Accepts keys that were made inside, holds carrot, refuses the rest and pledges without a statement.
pub(crate) const POLICY: &str = r#"
version = 1

[[rule]]
name = "made-inside"
method = ["avocado", "salak"]
then = "accept"

[[rule]]
name = "ask-about-carrots"
method = ["carrot"]
then = "hold"

[[rule]]
name = "no-keys-from-the-factory"
method = ["bamboo"]
then = "refuse"

[[rule]]
name = "no-statement-no-entry"
statement = "absent"
then = "refuse"
"#;

/// The async test of this name once for each format, as `name::cms`, `name::jws` and `name::cose`.
macro_rules! in_each_format {
    ($name:ident) => {
        mod $name {
            use brski_common::Format;

            #[tokio::test]
            async fn cms() {
                super::$name(Format::Cms).await;
            }

            #[tokio::test]
            async fn jws() {
                super::$name(Format::Jws).await;
            }

            #[tokio::test]
            async fn cose() {
                super::$name(Format::Cose).await;
            }
        }
    };
}
pub(crate) use in_each_format;

/// An enum of ways to misbehave, all of which can be listed.
macro_rules! misdeeds {
    ($(#[$doc:meta])* $name:ident { $($(#[$what:meta])* $variant:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name {
            $($(#[$what])* $variant,)+
        }

        impl $name {
            /// Every one, in the order of the list.
            pub(crate) const ALL: &[Self] = &[$(Self::$variant),+];
        }
    };
}
pub(crate) use misdeeds;

/// Ends a future where no runtime is at hand: everything here answers at once.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = core::pin::pin!(future);
    match future.as_mut().poll(&mut core::task::Context::from_waker(core::task::Waker::noop())) {
        core::task::Poll::Ready(value) => value,
        core::task::Poll::Pending => panic!("everything in memory answers at once"),
    }
}
