//! Takes one device through any registrar: [`pledge`] decides, this carries its requests over TLS and waits where it says so.
//!
//! No TLS connection of a pledge is verified while it shakes hands: the first cannot be (RFC 8995, section 5.1), and what a later one must show, the pledge itself decides before it sends anything over it.

mod error;
mod session;
mod step;
#[cfg(test)]
mod tests;

pub use error::{Cause, OnboardError};
pub use step::{Stage, Step};

use core::time::Duration;
use std::sync::Arc;

use session::Session;
use zeroize::Zeroizing;

use super::client::ClientLimits;
use super::tls::{TlsIdentity, provisional_config};
use crate::certificate::Certificate;
use crate::chain::Anchors;
use crate::pledge::{self, Enrolled, EnrollmentAsked, Imprinted, LONGEST_DEFERRAL, LONGEST_WAIT, Pledge, Prepared};
use crate::sign::{SignatureAlgorithm, SoftwareKey};
use crate::signed::Verified;
use crate::time::Clock;
use crate::voucher::{Nonce, Voucher};

/// How patient an attempt is, and which key it makes.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bounds of each connection.
    pub limits: ClientLimits,
    /// Longest pause before a request is repeated, whatever the registrar says.
    pub longest_wait: Duration,
    /// How often a request is repeated at most.
    pub repeats: u32,
    /// Time after which no request is repeated any more, counted from the start of the attempt.
    pub patience: Duration,
    /// Which key to make for the LDevID.
    pub algorithm: SignatureAlgorithm,
    /// What the pledge holds to be the time.
    pub clock: Clock,
}

impl Default for Options {
    /// As RFC 8995, section 5.6 has it: pauses of up to a minute, over up to four days.
    fn default() -> Self {
        Self {
            limits: ClientLimits::default(),
            longest_wait: LONGEST_WAIT,
            repeats: u32::MAX,
            patience: LONGEST_DEFERRAL,
            algorithm: SignatureAlgorithm::Es256,
            clock: Clock::system(),
        }
    }
}

/// A certificate of the owner's domain, and its private key.
#[derive(Clone)]
pub struct LDevId {
    /// The LDevID, then the path above it up to and including its anchor.
    pub chain: Vec<Certificate>,
    /// The private key in PKCS #8 DER.
    pub key: Zeroizing<Vec<u8>>,
}

impl core::fmt::Debug for LDevId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "LDevId({:?})", self.chain.first())
    }
}

/// A device that belongs to its owner now, on a TLS connection that it authenticates with its LDevID.
#[derive(Debug)]
pub struct Onboarded {
    /// The voucher that decided it.
    pub voucher: Verified<Voucher>,
    /// The domain's anchors: what the voucher pins, and the domain's own roots.
    pub anchors: Anchors,
    /// The LDevID; the newest after a renewal.
    pub ldevid: LDevId,
    enrolled: Box<Enrolled>,
    session: Session,
}

/// Takes `pledge` from the provisional TLS connection to the enrollment status that it reports with its LDevID (RFC 8995, sections 5.1 to 5.9).
///
/// `idevid` is the pledge's own identity once more, as TLS needs it; `registrar` is a `host` or `host:port`. Each step is told to `tell` as soon as it is done.
///
/// # Errors
/// [`OnboardError`] naming the stage. The status report that is owed to the registrar in that case has been sent, if it could be.
pub async fn onboard(
    pledge: &Pledge,
    idevid: &TlsIdentity,
    registrar: &str,
    options: &Options,
    mut tell: impl FnMut(&Step),
) -> Result<Onboarded, OnboardError> {
    let tls = provisional_config(Some(idevid)).map_err(at(Stage::Connect))?;
    let mut session = Session::open(registrar, tls, options).await.map_err(at(Stage::Connect))?;
    tell(&Step::Connected { registrar: registrar.to_owned(), certificate: session.registrar().first().cloned() });

    let imprinted = imprint(pledge, &mut session, &mut tell).await?;
    let voucher = imprinted.voucher().clone();
    let prepared = learn_domain(*imprinted, &mut session, &mut tell).await?;
    let (key, pkcs8) = SoftwareKey::generate(options.algorithm).map_err(at(Stage::Enroll))?;
    let asked = prepared.enroll(Arc::new(key)).await.map_err(at(Stage::Enroll))?;
    let enrolled = obtain(Stage::Enroll, asked, &mut session, &mut tell).await?;
    let ldevid = LDevId { chain: enrolled.chain().to_vec(), key: pkcs8 };
    tell(&Step::Enrolled { chain: ldevid.chain.clone() });

    let mut session = reconnect(registrar, &enrolled, &ldevid, options).await?;
    tell(&Step::Reconnected { certificate: session.registrar().first().cloned() });
    let answer = session.exchange(enrolled.report()).await.map_err(at(Stage::EnrollStatus))?;
    tell(&Step::EnrollStatusReported { status: answer.status });
    Ok(Onboarded { voucher, anchors: enrolled.anchors().clone(), ldevid, enrolled, session })
}

impl Onboarded {
    /// Renews the LDevID for a new key (simplereenroll; RFC 7030, section 4.2.2), over the connection that the present LDevID authenticates.
    ///
    /// # Errors
    /// [`OnboardError`]; the present LDevID stays what it is.
    pub async fn renew(&mut self, mut tell: impl FnMut(&Step)) -> Result<(), OnboardError> {
        let (key, pkcs8) = SoftwareKey::generate(self.session.options().algorithm).map_err(at(Stage::Reenroll))?;
        let asked = self.enrolled.reenroll(Arc::new(key)).await.map_err(at(Stage::Reenroll))?;
        self.enrolled = obtain(Stage::Reenroll, asked, &mut self.session, &mut tell).await?;
        self.ldevid = LDevId { chain: self.enrolled.chain().to_vec(), key: pkcs8 };
        tell(&Step::Renewed { chain: self.ldevid.chain.clone() });
        Ok(())
    }
}

/// Voucher-request, voucher, and the report on it.
async fn imprint(pledge: &Pledge, session: &mut Session, tell: &mut impl FnMut(&Step)) -> Result<Box<Imprinted>, OnboardError> {
    let nonce = new_nonce().map_err(at(Stage::Voucher))?;
    let mut asked = pledge.ask_for_voucher(session.registrar(), nonce, session.now()).await.map_err(at(Stage::Voucher))?;
    let mut repeats = 0;
    let imprinted = loop {
        let answer = session.exchange(asked.ask()).await.map_err(at(Stage::Voucher))?;
        match asked.answered(&answer, session.now()) {
            Ok(pledge::Step::Done(imprinted)) => break imprinted,
            Ok(pledge::Step::Wait(wait, same)) => {
                asked = same;
                session.wait(Stage::Voucher, &mut repeats, wait, &answer, tell).await?;
            }
            Err(failed) => return Err(session.fail(Stage::Voucher, failed).await),
        }
    };
    tell(&Step::VoucherAccepted { voucher: Box::new(imprinted.voucher().clone()) });
    let answer = session.exchange(imprinted.report()).await.map_err(at(Stage::VoucherStatus))?;
    tell(&Step::VoucherStatusReported { status: answer.status });
    Ok(imprinted)
}

/// CA certificates and the CA's wishes.
async fn learn_domain(imprinted: Imprinted, session: &mut Session, tell: &mut impl FnMut(&Step)) -> Result<Prepared, OnboardError> {
    let answer = session.patiently(Stage::CaCertificates, imprinted.ask(), tell).await?;
    let trusting = match imprinted.answered(&answer, session.now()) {
        Ok(trusting) => trusting,
        Err(failed) => return Err(session.fail(Stage::CaCertificates, failed).await),
    };
    tell(&Step::CaCertificatesTrusted { anchors: trusting.anchors().certificates().to_vec() });

    let answer = session.patiently(Stage::CsrAttributes, trusting.ask(), tell).await?;
    let prepared = match trusting.answered(&answer) {
        Ok(prepared) => prepared,
        Err(failed) => return Err(session.fail(Stage::CsrAttributes, failed).await),
    };
    tell(&Step::CsrAttributesKnown { octets: prepared.csr_attributes().map(<[u8]>::len) });
    Ok(prepared)
}

/// A certificate for the key in a certification request.
async fn obtain(stage: Stage, mut asked: EnrollmentAsked, session: &mut Session, tell: &mut impl FnMut(&Step)) -> Result<Box<Enrolled>, OnboardError> {
    let mut repeats = 0;
    loop {
        let answer = session.exchange(asked.ask()).await.map_err(at(stage))?;
        match asked.answered(&answer, session.now()) {
            Ok(pledge::Step::Done(enrolled)) => return Ok(enrolled),
            Ok(pledge::Step::Wait(wait, same)) => {
                asked = same;
                session.wait(stage, &mut repeats, wait, &answer, tell).await?;
            }
            Err(failed) => return Err(session.fail(stage, failed).await),
        }
    }
}

/// A new TLS connection on which the device is who its LDevID says, and the registrar is shown to belong to the domain before anything is sent.
async fn reconnect(registrar: &str, enrolled: &Enrolled, ldevid: &LDevId, options: &Options) -> Result<Session, OnboardError> {
    let identity = TlsIdentity::new(&ldevid.chain, &ldevid.key).map_err(at(Stage::Reconnect))?;
    let tls = provisional_config(Some(&identity)).map_err(at(Stage::Reconnect))?;
    let session = Session::open(registrar, tls, options).await.map_err(at(Stage::Reconnect))?;
    enrolled.check_registrar(session.registrar(), session.now()).map_err(at(Stage::Reconnect))?;
    Ok(session)
}

fn new_nonce() -> Result<Nonce, Cause> {
    let mut octets = [0; 16];
    aws_lc_rs::rand::fill(&mut octets).map_err(|err| Cause::Sign(crate::SignError::Key(err.into())))?;
    Nonce::from_bytes(&octets).map_err(|err| Cause::Sign(crate::SignError::Key(err.into())))
}

fn at<E: Into<Cause>>(stage: Stage) -> impl FnOnce(E) -> OnboardError {
    move |cause| OnboardError { stage, cause: cause.into() }
}
