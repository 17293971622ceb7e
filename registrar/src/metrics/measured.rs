//! A store, a way to MASAs, a certification authority and keys that count what goes through them, and are otherwise what they were.
//!
//! Each forwards every method of its joint, those with a default included.

use std::sync::Arc;
use std::time::Instant;

use brski_common::metric::program;
use brski_common::{BoxFuture, Certificate, Leniencies, MasaUrl, Method, ProvenanceStatement, Signed, Signer, SpkiDigest, UnixTime, VoucherRequest};

use super::{CA_SECONDS, COMMIT_SECONDS, DECISIONS, EVENTS, LDEVIDS, MASA_QUESTIONS, MASA_SECONDS};
use crate::ca::{CertificateAuthority, IssueError, RevocationList};
use crate::enroll::IssueOrder;
use crate::masa_client::breaker::LeftAlone;
use crate::masa_client::{MasaAnswer, MasaClient, MasaClientError, Question};
use crate::pledges::{PledgeStore, Query, Revocation, StoreError, TrailHead};
use crate::relay::Admission;
use crate::trail::{CertificateId, Decision, Event, PledgeFile, What};
use crate::trust::Manufacturer;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// TLS handshakes and voucher-requests, which have the same key.
    Registrar,
    /// LDevIDs.
    DomainCa,
    /// TLS handshakes of the admin interface.
    Admin,
}

impl KeyUse {
    fn name(self) -> &'static str {
        match self {
            Self::Registrar => "registrar",
            Self::DomainCa => "domain-ca",
            Self::Admin => "admin",
        }
    }
}

/// The same key, measured.
pub fn measured_signer(signer: Arc<dyn Signer>, key: KeyUse) -> Arc<dyn Signer> {
    program::measured_signer(signer, key.name())
}

/// The same store, measured.
pub fn measured_pledges(pledges: Arc<dyn PledgeStore>) -> Arc<dyn PledgeStore> {
    Arc::new(MeasuredPledges(pledges))
}

/// The same way to MASAs, measured.
pub fn measured_masa(masa: Arc<dyn MasaClient>) -> Arc<dyn MasaClient> {
    Arc::new(MeasuredMasa(masa))
}

/// The same certification authority, measured.
pub fn measured_ca(ca: Arc<dyn CertificateAuthority>) -> Arc<dyn CertificateAuthority> {
    Arc::new(MeasuredCa(ca))
}

struct MeasuredPledges(Arc<dyn PledgeStore>);

impl MeasuredPledges {
    /// Counts what the event tells once it is durable.
    async fn committed<'a>(&'a self, event: Event, change: impl FnOnce(Event) -> BoxFuture<'a, Result<(), StoreError>>) -> Result<(), StoreError> {
        let (counts, began) = (Counts::of(&event), Instant::now());
        let done = change(event).await;
        metrics::histogram!(COMMIT_SECONDS).record(began.elapsed().as_secs_f64());
        if done.is_ok() {
            counts.count();
        }
        done
    }
}

impl PledgeStore for MeasuredPledges {
    fn admit(&self, admission: Admission, event: Event) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.committed(event, |event| self.0.admit(admission, event)))
    }

    fn withdraw(&self, admitted: SpkiDigest, event: Event) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.committed(event, move |event| self.0.withdraw(admitted, event)))
    }

    fn find(&self, key: SpkiDigest) -> BoxFuture<'_, Result<Option<Admission>, StoreError>> {
        self.0.find(key)
    }

    fn enrolled(&self, ldevid: SpkiDigest, admitted: SpkiDigest, event: Event) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            // Whether there is an event the store alone knows: a key that is bound already has had its own.
            let began = Instant::now();
            let done = self.0.enrolled(ldevid, admitted, event).await;
            metrics::histogram!(COMMIT_SECONDS).record(began.elapsed().as_secs_f64());
            done
        })
    }

    fn note(&self, event: Event) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.committed(event, |event| self.0.note(event)))
    }

    fn file(&self, pledge: SpkiDigest) -> BoxFuture<'_, Result<Option<PledgeFile>, StoreError>> {
        self.0.file(pledge)
    }

    fn files(&self, query: Query) -> BoxFuture<'_, Result<Vec<PledgeFile>, StoreError>> {
        self.0.files(query)
    }

    fn is_revoked(&self, certificate: CertificateId) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.0.is_revoked(certificate)
    }

    fn revocations(&self, now: UnixTime) -> BoxFuture<'_, Result<Vec<Revocation>, StoreError>> {
        self.0.revocations(now)
    }

    fn head(&self) -> BoxFuture<'_, Result<TrailHead, StoreError>> {
        self.0.head()
    }

    fn history(&self, pledge: SpkiDigest, limit: u32) -> BoxFuture<'_, Result<Vec<(u64, Event)>, StoreError>> {
        self.0.history(pledge, limit)
    }

    fn events(&self, from: u64, limit: u32) -> BoxFuture<'_, Result<Vec<Vec<u8>>, StoreError>> {
        self.0.events(from, limit)
    }
}

/// What there is to count of an event.
struct Counts {
    event: &'static str,
    ldevid: Option<&'static str>,
    decided: Option<Decided>,
}

struct Decided {
    verdict: &'static str,
    rule: String,
    method: &'static str,
    manufacturer: String,
}

impl Counts {
    fn of(event: &Event) -> Self {
        let (name, ldevid, decision) = match &event.what {
            What::Admitted { decision, .. } => ("admitted", None, decision.as_deref()),
            What::Held { decision, .. } => ("held", None, decision.as_deref()),
            What::Deferred { .. } => ("deferred", None, None),
            What::Refused { decision, .. } => ("refused", None, decision.as_deref()),
            What::Approved { .. } => ("approved", None, None),
            What::Disapproved { .. } => ("disapproved", None, None),
            What::Attested { .. } => ("attested", None, None),
            What::Bound { .. } => ("bound", None, None),
            What::Issued { renewal, decision, .. } => ("issued", Some(if *renewal { "renewed" } else { "issued" }), decision.as_deref()),
            What::NotIssued { decision, .. } => ("not-issued", None, decision.as_deref()),
            What::Revoked { .. } => ("revoked", Some("revoked"), None),
            What::Ended { .. } => ("ended", None, None),
            What::Told { .. } => ("told", None, None),
            What::Opinion { .. } => ("opinion", None, None),
            What::Stated { .. } => ("stated", None, None),
            What::Strangers { .. } => ("strangers", None, None),
            What::Configured { .. } => ("configured", None, None),
            What::Rechecked { .. } => ("rechecked", None, None),
            What::Restored { .. } => ("restored", None, None),
        };
        Self { event: name, ldevid, decided: decision.map(Decided::of) }
    }

    fn count(self) {
        metrics::counter!(EVENTS, "event" => self.event).increment(1);
        if let Some(what) = self.ldevid {
            metrics::counter!(LDEVIDS, "event" => what).increment(1);
        }
        if let Some(Decided { verdict, rule, method, manufacturer }) = self.decided {
            metrics::counter!(DECISIONS, "verdict" => verdict, "rule" => rule, "method" => method, "manufacturer" => manufacturer).increment(1);
        }
    }
}

impl Decided {
    fn of(decision: &Decision) -> Self {
        let statement = decision.facts.statement().ok().flatten();
        let statement: Option<ProvenanceStatement> = statement.and_then(|statement| statement.peek_unverified(Leniencies::default()).ok());
        Self {
            verdict: decision.verdict.name(),
            rule: decision.rule.clone(),
            method: statement.map_or("none-stated", |statement| Method::name(statement.method)),
            manufacturer: decision.facts.manufacturer.clone(),
        }
    }
}

struct MeasuredMasa(Arc<dyn MasaClient>);

impl MasaClient for MeasuredMasa {
    fn request_voucher<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<MasaAnswer, MasaClientError>> {
        Box::pin(async move {
            let began = Instant::now();
            let answer = self.0.request_voucher(question).await;
            let outcome = match &answer {
                Ok(MasaAnswer::Vouched { .. }) => "vouched",
                Ok(MasaAnswer::Later(_)) => "later",
                Ok(MasaAnswer::Refused { .. }) => "refused",
                Err(err) => trouble(err),
            };
            count_question("voucher", outcome, began);
            answer
        })
    }

    fn request_statement<'a>(
        &'a self,
        manufacturer: &'a Manufacturer,
        url: &'a MasaUrl,
        request: &'a Signed<VoucherRequest>,
    ) -> BoxFuture<'a, Result<Option<Signed<ProvenanceStatement>>, MasaClientError>> {
        Box::pin(async move {
            let began = Instant::now();
            let answer = self.0.request_statement(manufacturer, url, request).await;
            let outcome = match &answer {
                Ok(Some(_)) => "stated",
                Ok(None) => "nothing-stated",
                Err(err) => trouble(err),
            };
            count_question("statement", outcome, began);
            answer
        })
    }
}

pub(super) fn trouble(err: &MasaClientError) -> &'static str {
    match err {
        // It was not even tried.
        MasaClientError::Unreachable { source, .. } if source.is::<LeftAlone>() => "left-alone",
        MasaClientError::Unreachable { .. } => "unreachable",
        MasaClientError::TimedOut { .. } => "timed-out",
        MasaClientError::Untrusted { .. } => "untrusted",
        MasaClientError::Asking { .. } => "asking",
        MasaClientError::Crowded { .. } => "crowded",
        MasaClientError::Full { .. } => "full",
        MasaClientError::BadAnswer { .. } => "bad-answer",
    }
}

fn count_question(what: &'static str, outcome: &'static str, began: Instant) {
    metrics::counter!(MASA_QUESTIONS, "what" => what, "outcome" => outcome).increment(1);
    metrics::histogram!(MASA_SECONDS, "what" => what).record(began.elapsed().as_secs_f64());
}

struct MeasuredCa(Arc<dyn CertificateAuthority>);

impl CertificateAuthority for MeasuredCa {
    fn issue<'a>(&'a self, order: IssueOrder) -> BoxFuture<'a, Result<Vec<Certificate>, IssueError>> {
        Box::pin(async move {
            let began = Instant::now();
            let issued = self.0.issue(order).await;
            let outcome = match &issued {
                Ok(_) => "issued",
                Err(IssueError::Later(_)) => "later",
                Err(IssueError::Refused { .. } | IssueError::Unsuitable(_)) => "refused",
                Err(_) => "failed",
            };
            metrics::histogram!(CA_SECONDS, "outcome" => outcome).record(began.elapsed().as_secs_f64());
            issued
        })
    }

    fn ca_certificates(&self) -> &[Certificate] {
        self.0.ca_certificates()
    }

    fn revocation_list<'a>(&'a self, revoked: &'a [Revocation], number: u128, now: UnixTime) -> BoxFuture<'a, Result<Option<RevocationList>, IssueError>> {
        self.0.revocation_list(revoked, number, now)
    }

    fn makes_revocation_lists(&self) -> bool {
        self.0.makes_revocation_lists()
    }

    fn ready(&self, now: UnixTime) -> BoxFuture<'_, Result<(), IssueError>> {
        self.0.ready(now)
    }
}
