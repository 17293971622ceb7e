//! A device's way through RFC 8995 in front of one registrar, with the library's own pledge.

use core::time::Duration;
use std::sync::Arc;

use brski_common::pledge::{Answer, Ask, Enrolled, Failed, PledgeError, Step, VoucherAsked};
use brski_common::{PeerCertificates, UnixTime};

use super::exchange::{request, to_registrar};
use super::{Device, Hand, Owner, new_key};

/// How an attempt to onboard ended.
#[derive(Debug)]
pub(crate) enum Onboarded {
    /// With an LDevID. The voucher is as it came over the wire.
    Enrolled { voucher: Vec<u8>, member: Box<Enrolled> },
    /// The registrar wants to be asked again after this time.
    Waits(Duration, Box<VoucherAsked>),
    /// Somebody said no, and why.
    Failed(Box<PledgeError>),
}

impl Onboarded {
    /// That it ended well.
    #[track_caller]
    pub(crate) fn succeeded(self) {
        drop(self.member());
    }

    /// The device as a member of the domain.
    #[track_caller]
    pub(crate) fn member(self) -> Enrolled {
        match self {
            Self::Enrolled { member, .. } => *member,
            other => panic!("{other:?}"),
        }
    }

    /// Status and sentence of the registrar's "no".
    #[track_caller]
    pub(crate) fn refusal(self) -> (u16, String) {
        match self {
            Self::Failed(error) => match *error {
                PledgeError::Refused { status, sentence, .. } => (status, sentence),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }
}

/// Lets a device do all of it: voucher, its check, status, CA certificates, attributes, enrolment, status.
pub(crate) async fn onboard(device: &Device, owner: &Owner, hand: &Hand) -> Onboarded {
    let asked = device.pledge().ask_for_voucher(owner.chain(), hand.nonce(), hand.now()).await.unwrap();
    go_on(asked, device, owner, hand.now()).await
}

/// Sends a voucher-request, perhaps not for the first time, and goes on from there.
pub(crate) async fn go_on(asked: VoucherAsked, device: &Device, owner: &Owner, now: UnixTime) -> Onboarded {
    let peer = device.peer();
    let answer = carry(asked.ask(), owner, &peer).await;
    let imprinted = match asked.answered(&answer, now) {
        Ok(Step::Done(imprinted)) => imprinted,
        Ok(Step::Wait(wait, asked)) => return Onboarded::Waits(wait, Box::new(asked)),
        Err(failed) => return given_up(failed, owner, &peer).await,
    };
    carry(imprinted.report(), owner, &peer).await;
    let cacerts = carry(imprinted.ask(), owner, &peer).await;
    let trusting = match imprinted.answered(&cacerts, now) {
        Ok(trusting) => trusting,
        Err(failed) => return given_up(failed, owner, &peer).await,
    };
    let attributes = carry(trusting.ask(), owner, &peer).await;
    let prepared = match trusting.answered(&attributes) {
        Ok(prepared) => prepared,
        Err(failed) => return given_up(failed, owner, &peer).await,
    };
    let enrolling = prepared.enroll(Arc::new(new_key())).await.unwrap();
    let issued = carry(enrolling.ask(), owner, &peer).await;
    let member = match enrolling.answered(&issued, now) {
        Ok(Step::Done(member)) => member,
        Ok(Step::Wait(wait, _)) => panic!("this registrar puts nobody off at simpleenroll, but asks for {wait:?}"),
        Err(failed) => return given_up(failed, owner, &peer).await,
    };
    // A new connection, with the LDevID.
    carry(member.report(), owner, &PeerCertificates(member.chain().to_vec())).await;
    Onboarded::Enrolled { voucher: answer.body, member }
}

/// Sends one request of a pledge to the registrar over a connection with this peer.
pub(crate) async fn carry(ask: &Ask, owner: &Owner, peer: &PeerCertificates) -> Answer {
    let types = [("content-type", ask.content_type), ("accept", ask.accept)];
    let headers: Vec<(&str, &str)> = types.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    to_registrar(&owner.service, request(ask.method, ask.path, &headers, ask.body.clone(), peer)).await.answer()
}

/// Sends the report that is owed, which the registrar must take.
async fn given_up(failed: Failed, owner: &Owner, peer: &PeerCertificates) -> Onboarded {
    if let Some(report) = &failed.report {
        assert_eq!(carry(report, owner, peer).await.status, 200);
    }
    Onboarded::Failed(failed.error)
}
