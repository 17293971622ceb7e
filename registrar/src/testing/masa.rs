//! A MASA that answers as a test wants, and a registrar in front of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use brski_common::{AuditLog, BoxFuture, Clock, Format, Leniencies, MasaUrl, Method, ProvenanceStatement, Signed, VoucherRequest};

use super::{Pledge, World, now, policy};
use crate::{
    BuiltInCa, Manufacturer, MasaAnswer, MasaClient, MasaClientError, MemoryPledges, PledgeStore, Question, Registrar, RegistrarParts, Settings, Trust,
};

impl World {
    pub(crate) fn registrar(&self, masa: Arc<FakeMasa>, pledges: Arc<dyn PledgeStore>) -> Registrar {
        self.registrar_trusting(self.trust(), masa, pledges)
    }

    pub(crate) fn registrar_trusting(&self, trust: Trust, masa: Arc<FakeMasa>, pledges: Arc<dyn PledgeStore>) -> Registrar {
        Registrar::new(self.parts(trust, masa, pledges))
    }

    pub(crate) fn parts(&self, trust: Trust, masa: Arc<FakeMasa>, pledges: Arc<dyn PledgeStore>) -> RegistrarParts {
        RegistrarParts {
            identity: self.registrar.clone(),
            trust,
            policy: policy(),
            masa,
            ca: Arc::new(BuiltInCa::new(vec![self.domain.certificate.clone()], self.domain.key.clone()).unwrap()),
            pledges,
            settings: Settings::default(),
            clock: Clock::from_fn(now),
        }
    }

    /// A registrar whose MASA vouches for everybody, and says of this pledge's key that it was made so.
    pub(crate) fn willing(self: &Arc<Self>, pledge: &Pledge, method: Method) -> (Registrar, Arc<FakeMasa>) {
        let statement = self.statement(pledge, method, 0);
        let world = self.clone();
        let masa = FakeMasa::speaking(move |request, answer| {
            let request = request.peek_unverified(Leniencies::default()).unwrap();
            let voucher = world.sign_voucher_as(&world.voucher_for(&request), answer);
            Ok(MasaAnswer::Vouched { voucher, statement: Some(statement.clone()), audit_log: Some(AuditLog::default()) })
        });
        (self.registrar(masa.clone(), Arc::new(MemoryPledges::new())), masa)
    }
}

type Answer = dyn Fn(&Signed<VoucherRequest>, Format) -> Result<MasaAnswer, MasaClientError> + Send + Sync;

/// A MASA that answers as the test wants, and counts.
pub(crate) struct FakeMasa {
    answer: Box<Answer>,
    asked: AtomicUsize,
}

impl FakeMasa {
    pub(crate) fn new(answer: impl Fn(&Signed<VoucherRequest>) -> Result<MasaAnswer, MasaClientError> + Send + Sync + 'static) -> Arc<Self> {
        Self::speaking(move |request, _| answer(request))
    }

    /// One that heeds in which format it shall answer.
    pub(crate) fn speaking(answer: impl Fn(&Signed<VoucherRequest>, Format) -> Result<MasaAnswer, MasaClientError> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { answer: Box::new(answer), asked: AtomicUsize::new(0) })
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl MasaClient for FakeMasa {
    fn request_voucher<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<MasaAnswer, MasaClientError>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Box::pin(core::future::ready((self.answer)(question.request, question.answer)))
    }

    fn request_statement<'a>(
        &'a self,
        _: &'a Manufacturer,
        _: &'a MasaUrl,
        _: &'a Signed<VoucherRequest>,
    ) -> BoxFuture<'a, Result<Option<Signed<ProvenanceStatement>>, MasaClientError>> {
        Box::pin(core::future::ready(Ok(None)))
    }
}
