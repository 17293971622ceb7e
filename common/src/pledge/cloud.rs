//! The pledge's way when it finds no registrar nearby: its manufacturer's cloud registrar tells where its owner is.
//!
//! The connection to a cloud registrar is never provisional: before a pledge sends anything, it has verified the server's certificate and name under anchors that it was made with. For the one
//! redirect that it gets there, and for nothing else that a server says, it then begins anew at another authority, where the connection is provisional as in any network.

use core::time::Duration;

use crate::certificate::{Certificate, MasaUrl};
use crate::chain::Anchors;
use crate::pledge::{Answer, Imprinted, LONGEST_DEFERRAL, Pledge, PledgeError, VoucherAsked, check_registrar};
use crate::signed::Verified;
use crate::time::UnixTime;
use crate::voucher::Voucher;

/// What the answer of a cloud registrar led to.
#[derive(Debug)]
#[must_use]
pub enum CloudStep {
    /// The owner has a registrar.
    Registrar(RegistrarFound),
    /// The owner has an EST server, and the voucher is here already.
    EstServer(Box<EstServerFound>),
    /// Nobody knows the owner yet, or the server is busy: wait this long, then send the same request again.
    Wait(Duration, Box<VoucherAsked>),
}

/// Where the owner's registrar is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrarFound {
    authority: String,
}

impl RegistrarFound {
    /// Its host, and its port if that is not 443: connect there, provisionally, and begin with [`Pledge::ask_for_voucher`] and a new nonce. It is followed no further: what that registrar
    /// answers goes to [`VoucherAsked::answered`], for which a redirect is an error.
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

/// An EST server that the manufacturer's voucher names.
#[derive(Debug)]
pub struct EstServerFound {
    pledge: Pledge,
    voucher: Verified<Voucher>,
    est_domain: String,
    domain: Anchors,
}

impl EstServerFound {
    /// Where it is.
    pub fn est_domain(&self) -> &str {
        &self.est_domain
    }

    /// What the voucher pins: the one anchor for the TLS connection to the EST server, which is never provisional.
    pub fn domain(&self) -> &Anchors {
        &self.domain
    }

    /// The voucher, which may hold a link to more configuration.
    pub fn voucher(&self) -> &Verified<Voucher> {
        &self.voucher
    }

    /// Goes on at the EST server whose TLS certificates these are, its own first. That they are for the host of [`est_domain`](Self::est_domain) is for the TLS connection to have checked,
    /// unless what is pinned is that certificate itself.
    ///
    /// # Errors
    /// [`PledgeError::RegistrarUntrusted`] if it does not stand under what the voucher pins.
    pub fn connected(self, server: &[Certificate], now: UnixTime) -> Result<Imprinted, PledgeError> {
        check_registrar(&self.domain, server, now)?;
        Ok(Imprinted::new(self.pledge, server.to_vec(), self.voucher, self.domain))
    }
}

impl VoucherAsked {
    /// Takes the answer of a cloud registrar, whose TLS certificate was verified before anything was sent. `visited` are the authorities that this attempt led to so far, the cloud
    /// registrar's first: a redirect back to one of them would go round in a circle.
    ///
    /// # Errors
    /// [`PledgeError`]: it refused, redirects where nobody can follow, or the voucher is not for this pledge or tells too little.
    pub fn answered_by_cloud(self, answer: &Answer, visited: &[&str], now: UnixTime) -> Result<CloudStep, PledgeError> {
        match answer.status {
            307 => redirected(answer.location.as_deref().unwrap_or_default(), visited).map(CloudStep::Registrar),
            202 | 401 | 503 => {
                let waited = now.as_secs().saturating_sub(self.first_asked.as_secs());
                match waited <= LONGEST_DEFERRAL.as_secs() {
                    true => Ok(CloudStep::Wait(answer.pause(), Box::new(self))),
                    false => Err(PledgeError::WaitedTooLong { resource: "requestvoucher" }),
                }
            }
            _ => {
                let voucher = self.check_voucher(self.pledge.voucher_in(answer)?, now)?;
                // A nonceless voucher that somebody kept could take the device to an earlier owner; in the cloud there is no reason for one.
                if voucher.get().nonce.is_none() {
                    return Err(PledgeError::VoucherMismatch { leaf: "nonce" });
                }
                let est_domain = voucher.get().est_domain.clone().ok_or(PledgeError::NoEstDomain)?;
                let pinned = voucher.get().pinned_domain_cert.clone().ok_or(PledgeError::NothingPinned)?;
                let domain = Anchors::new([pinned]).map_err(PledgeError::PinUnusable)?;
                Ok(CloudStep::EstServer(Box::new(EstServerFound { pledge: self.pledge, voucher, est_domain, domain })))
            }
        }
    }
}

impl Answer {
    /// How long to wait for an owner to become known: what Retry-After says in seconds, within bounds.
    fn pause(&self) -> Duration {
        let seconds = self.retry_after.as_deref().and_then(|text| text.trim().parse().ok());
        seconds.map_or(USUAL_PAUSE, Duration::from_secs).clamp(Duration::from_secs(1), LONGEST_PAUSE)
    }
}

fn redirected(location: &str, visited: &[&str]) -> Result<RegistrarFound, PledgeError> {
    let unusable = |problem| PledgeError::RedirectUnusable { location: crate::text::printable(location, 200), problem };
    if !location.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://")) {
        return Err(unusable("which is no https URL"));
    }
    let url = MasaUrl::new(location).map_err(|_| unusable("which is no URL of a registrar"))?;
    if url.path_of("") != "/.well-known/brski/requestvoucher/" && url.path_of("") != "/.well-known/brski/" {
        return Err(unusable("which is not where a registrar gives vouchers"));
    }
    let authority = url.authority().trim_end_matches(":443").to_ascii_lowercase();
    match visited.iter().any(|earlier| earlier.trim_end_matches(":443").eq_ignore_ascii_case(&authority)) {
        true => Err(unusable("where this attempt was before")),
        false => Ok(RegistrarFound { authority }),
    }
}

/// Where a server gives no number.
const USUAL_PAUSE: Duration = Duration::from_secs(3600);

/// A pledge that nobody comes to fetch asks once a day at least.
const LONGEST_PAUSE: Duration = Duration::from_secs(86_400);
