//! The part of journey 2 behind the registrar: its own request, the MASA's answer, and what the owner makes of that.

use core::time::Duration;

use brski_common::pledge::LONGEST_WAIT;
use brski_common::refusal::RefusalKind;
use brski_common::text::{LONGEST_WORDS, in_full, printable};
use brski_common::{MasaUrl, Refusal, Verified, Voucher};

use super::stop::{Asked, NoVoucher};
use super::{Registrar, statement_in, trusted};
use crate::error::Error;
use crate::masa_client::{AnswerKey, MasaAnswer, MasaClientError, Question};
use crate::relay::{Admission, MasaWord, Owner, RelayOrder};
use crate::trust::Manufacturer;

impl Registrar {
    /// Has the MASA asked, unless its answer to the same request is remembered, and judges the answer, whichever it is, anew.
    pub(super) async fn ask_masa(&self, order: RelayOrder, asked: Asked<'_>, owner: &Owner<'_>, manufacturer: &Manufacturer) -> Result<Admission, NoVoucher> {
        let url = manufacturer.masa_url_of(order.idevid())?;
        let key = AnswerKey::new(*order.request_digest(), manufacturer, &url, asked.answer);
        let recalled = self.answers.recall(key, asked.now).await.unwrap_or_else(|err| {
            tracing::warn!(reason = in_full(&*err), "what the MASA answered earlier cannot be looked up, so that it is asked again");
            None
        });
        let (answer, remembered) = match recalled {
            Some(answer) => (answer, true),
            None => (self.question(&order, asked, manufacturer, &url).await?, false),
        };
        let judged = self.judge_answer(order, &answer, asked, owner, manufacturer).await;
        let kept = match (is_worth_keeping(&judged), remembered) {
            (true, true) => Ok(()),
            (true, false) => self.answers.remember(key, answer, asked.now).await,
            (false, _) => self.answers.forget(key).await,
        };
        if let Err(err) = kept {
            tracing::warn!(reason = in_full(&*err), "what the MASA answers cannot be remembered, so that each retry asks it again");
        }
        judged
    }

    async fn question(&self, order: &RelayOrder, asked: Asked<'_>, manufacturer: &Manufacturer, url: &MasaUrl) -> Result<MasaAnswer, NoVoucher> {
        // A pledge's COSE request names nobody, so that ours brings its certificates along (constrained BRSKI, section 9.2.2).
        let signing = self.parts.identity.clone().enclosing(order.pledge_chain().to_vec());
        let request = signing.seal(&order.request(), order.format()).await.map_err(Error::Sign)?;
        let question = Question { manufacturer, url, request: &request, pledge_request: *order.request_digest(), answer: asked.answer };
        Ok(self.parts.masa.request_voucher(question).await.map_err(Error::from)?)
    }

    async fn judge_answer(
        &self,
        order: RelayOrder,
        answer: &MasaAnswer,
        asked: Asked<'_>,
        owner: &Owner<'_>,
        manufacturer: &Manufacturer,
    ) -> Result<Admission, NoVoucher> {
        let Asked { now, .. } = asked;
        let (voucher, statement, audit_log) = match answer {
            MasaAnswer::Vouched { voucher, statement, audit_log } => (voucher, statement, audit_log),
            // Longer is of no use: a pledge asks again after a minute at most (RFC 8995, section 5.6).
            MasaAnswer::Later(wait) => {
                let wait = (*wait).clamp(Duration::from_secs(1), LONGEST_WAIT);
                return Err(Refusal::Pending { reason: "the MASA has not decided".to_owned(), wait }.into());
            }
            MasaAnswer::Refused { status, sentence } => {
                return Err(Error::MasaRefused { status: *status, sentence: printable(sentence, LONGEST_WORDS) }.into());
            }
        };
        if voucher.format() != asked.answer {
            let (url, detail) = (manufacturer.masa_url_of(order.idevid())?, "the voucher is of another format than was asked for".to_owned());
            return Err(Error::from(MasaClientError::BadAnswer { url, detail, source: None }).into());
        }

        let voucher: Verified<Voucher> = manufacturer.verify_voucher(voucher, now).map_err(Error::BadVoucher)?;
        let enclosed = statement_in(&voucher.get().provenance);
        let statements: Result<Vec<_>, Refusal> = statement.iter().chain(&enclosed).map(|statement| trusted(statement, manufacturer, now)).collect();
        let word = MasaWord { voucher: &voucher, statements: &statements?, audit_log: audit_log.as_ref() };
        self.report_history(&order, word.audit_log);
        Ok(order.accept(word, owner, now)?)
    }
}

/// Whether the same answer would be of use if the pledge came again: persons or the owner's policy may decide otherwise about it. What the pledge has, what cannot be
/// trusted, and what the MASA may take back at any time is asked for anew.
fn is_worth_keeping(judged: &Result<Admission, NoVoucher>) -> bool {
    match judged {
        Err(NoVoucher::Declined(declined)) => declined.decision.is_some() && declined.refusal.kind() != RefusalKind::WrongVoucher,
        Ok(_) | Err(NoVoucher::NotYet(_) | NoVoucher::Other(_)) => false,
    }
}
