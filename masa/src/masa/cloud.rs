//! The cloud registrar's journey: a device comes itself, and is told whose it is.

use brski_common::{Format, PeerCertificates, Signed, Voucher, VoucherRequest};

use super::vouching::possible;
use super::{Masa, note, told};
use crate::error::Error;
use crate::issue::cloud::{self, CloudDecision, CloudPolicy, EstServer};
use crate::issue::{Decision, VoucherOrder};
use crate::request::PledgeRequest;

/// What a device is told that comes itself.
#[derive(Debug)]
pub enum CloudAnswer {
    /// Its owner's registrar answers here, an absolute URI.
    Redirect(String),
    /// A voucher that pins its owner and names the EST server.
    Voucher(Signed<Voucher>),
    /// Nobody knows yet whose it is.
    OwnerUnknown,
}

impl Masa {
    /// Tells a device that is our client itself, by `peer`, where its owner is (BRSKI cloud registrar); a voucher comes in the format `answer`.
    ///
    /// # Errors
    /// As for [`vouch`](Self::vouch); [`Refusal::UnknownDevice`](brski_common::Refusal::UnknownDevice) also for a client whose certificate is none of ours.
    #[tracing::instrument(skip_all, fields(serial, domain, entry))]
    pub async fn find_owner(
        &self,
        request: &Signed<VoucherRequest>,
        answer: Format,
        peer: &PeerCertificates,
        cloud: &CloudPolicy,
    ) -> Result<CloudAnswer, Error> {
        told("owner told", self.decide_for_device(request, answer, peer, cloud).await)
    }

    async fn decide_for_device(
        &self,
        request: &Signed<VoucherRequest>,
        answer: Format,
        peer: &PeerCertificates,
        cloud: &CloudPolicy,
    ) -> Result<CloudAnswer, Error> {
        let now = self.0.clock.now();
        let pledge = PledgeRequest::direct(request, peer, &self.0.idevid_anchors, self.0.lenient, now)?;
        note("serial", &pledge.idevid().device().serial);
        let mut history = self.known(pledge.idevid().device()).await?;
        let line = self.0.lines.of(history.device());
        let (decision, server) = match cloud::evaluate(&pledge, &history, &line.issue_policy, cloud, now)? {
            CloudDecision::OwnerUnknown => return Ok(CloudAnswer::OwnerUnknown),
            CloudDecision::Redirect(url) => return Ok(CloudAnswer::Redirect(format!("https://{}{}", url.authority(), url.path_of("requestvoucher")))),
            CloudDecision::Vouch(decision, server) => (decision, server),
        };
        note("domain", &server.pinned.domain_id());
        let with_server = |voucher: Voucher| telling(server, voucher);
        let party = possible(line, &history, &with_server(decision.voucher().clone()), answer)?;
        let recorded = match decision {
            Decision::Repeat(recorded) => *recorded,
            // Log first: a crash may leave an entry without a voucher, never a voucher without an entry.
            Decision::Record(order) => match self.0.ledger.append(vec![VoucherOrder::entry(&order).clone()]).await {
                Ok(appended) => {
                    note("entry", &appended.start);
                    // What came before the entry counts, and not only what was there when it was decided on.
                    order.recorded(appended, &self.known(history.device()).await?, &line.issue_policy)?
                }
                Err(err) => {
                    // Perhaps the same nonce came in twice at once.
                    history = self.known(history.device()).await?;
                    match cloud::evaluate(&pledge, &history, &line.issue_policy, cloud, now)? {
                        CloudDecision::Vouch(Decision::Repeat(recorded), _) => *recorded,
                        CloudDecision::Vouch(Decision::Record(_), _) | CloudDecision::Redirect(_) | CloudDecision::OwnerUnknown => return Err(err.into()),
                    }
                }
            },
        };
        Ok(CloudAnswer::Voucher(party.seal(&with_server(recorded.into_voucher()), answer).await?))
    }
}

/// A voucher that also tells of the EST server.
fn telling(server: &EstServer, voucher: Voucher) -> Voucher {
    let EstServer { est_domain, additional_configuration_url, .. } = server;
    Voucher { est_domain: Some(est_domain.clone()), additional_configuration_url: additional_configuration_url.clone(), ..voucher }
}
