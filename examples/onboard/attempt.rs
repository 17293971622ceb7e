//! One pledge's way through the registrar, and what became of it.

use anyhow::{Context as _, Result, ensure};
use brski_common::appraise::{Case, ReceiptFinding};
use brski_common::pledge::Pledge;
use brski_common::provenance::Basis;
use brski_common::serve::TlsIdentity;
use brski_common::serve::onboard::{OnboardError, Onboarded, Options, onboard};
use brski_common::{Anchors, Certificate, Clock, Format, IDevIdCert, Method, Policy, ProvenanceStatement, Signed, Verified, appraise};
use brski_registrar::pledges::PledgeStore as _;
use brski_registrar::trust::Manufacturer as Profile;

use crate::factory::Device;
use crate::folder::Folder;
use crate::owner::Owner;
use crate::speech::{self, Speech};
use crate::table::Outcome;

/// Everything one attempt needs.
pub(crate) struct Attempt<'a> {
    pub(crate) device: &'a Device,
    pub(crate) speech: Speech,
    /// The certificate with which the MASA signs vouchers.
    pub(crate) voucher_signer: &'a Certificate,
    /// Host and port of the registrar.
    pub(crate) registrar: &'a str,
    pub(crate) profile: &'a Profile,
    pub(crate) policy: &'a Policy,
    pub(crate) clock: &'a Clock,
    pub(crate) folder: &'a Folder,
}

impl Attempt<'_> {
    /// Takes the pledge through the whole of RFC 8995, and reads from the registrar's store or from the refusal what became of it.
    pub(crate) async fn run(&self, owner: &Owner) -> Result<Outcome> {
        let device = self.device;
        let tls = TlsIdentity::with_signer(&device.chain, device.signer.clone())?;
        let pledge = Pledge::new(device.chain.clone(), device.signer.clone(), self.voucher_anchors()?)?;
        let mut pledge = pledge.with_format(self.speech.format).with_proximity(self.speech.proximity);
        if let Some(statement) = device.statement.clone().filter(|_| device.carries_statement) {
            pledge = pledge.with_statement(statement);
        }
        // A held pledge would ask for days. Here it asks once.
        let options = Options { repeats: 0, clock: self.clock.clone(), ..Options::default() };
        match onboard(&pledge, &tls, self.registrar, &options, |_| ()).await {
            Ok(onboarded) => self.enrolled(onboarded, owner).await,
            Err(err) => self.not_enrolled(err),
        }
    }

    /// What the factory installed in the pledge for the day on which it gets a voucher.
    fn voucher_anchors(&self) -> Result<Anchors> {
        let roots = self.profile.voucher_anchors.certificates().iter();
        // A COSE voucher comes without certificates.
        let signer = (self.speech.format == Format::Cose).then_some(self.voucher_signer);
        Ok(Anchors::new(roots.chain(signer).cloned())?)
    }

    async fn enrolled(&self, mut onboarded: Onboarded, owner: &Owner) -> Result<Outcome> {
        let first = onboarded.ldevid.chain[0].clone();
        onboarded.renew(|_| ()).await.context("simplereenroll")?;
        ensure!(onboarded.ldevid.chain[0] != first, "the renewed LDevID is the old one");
        self.keep(&onboarded)?;

        let admission = owner.pledges.find(self.device.chain[0].spki_digest()).await?.context("the pledge is enrolled without admission")?;
        Ok(Outcome {
            pledge: self.device.name.to_owned(),
            provenance: self.provenance()?,
            speech: self.speech,
            pin: speech::pin(onboarded.voucher.get()),
            verdict: "accept",
            rule: Some(admission.ground().rule.clone()),
            ldevid: Some(onboarded.ldevid.chain[0].subject().to_owned()),
            reason: None,
        })
    }

    /// The registrar's own sentence, and the rule that decided, as anybody who has statement and policy can find it again.
    fn not_enrolled(&self, err: OnboardError) -> Result<Outcome> {
        let Some((status, sentence)) = err.refusal() else { return Err(err.into()) };
        let idevid = IDevIdCert::new(self.device.chain[0].clone())?;
        let statement = self.statement()?;
        let case = Case {
            idevid: &idevid,
            manufacturer: &self.profile.name,
            statement: statement.as_ref(),
            receipt: statement.as_ref().map_or(ReceiptFinding::Missing, |statement| self.profile.receipt_of(statement)),
            word: None,
        };
        let rule = match appraise(self.policy, &case, self.clock.now()) {
            Ok(appraisal) => {
                ensure!(sentence.contains(appraisal.rule()), "the registrar did not decide by rule '{}': {sentence}", appraisal.rule());
                Some(appraisal.rule().to_owned())
            }
            // The statement is another key's: no rule was asked.
            Err(_) => None,
        };
        Ok(Outcome {
            pledge: self.device.name.to_owned(),
            provenance: self.provenance()?,
            speech: self.speech,
            pin: None,
            verdict: if status == 202 { "hold" } else { "refuse" },
            rule,
            ldevid: None,
            reason: Some(format!("{sentence} ({status})")),
        })
    }

    fn statement(&self) -> Result<Option<Verified<ProvenanceStatement>>> {
        let verify = |statement: &Signed<ProvenanceStatement>| self.profile.verify_statement(statement, self.clock.now());
        Ok(self.device.statement.as_ref().map(verify).transpose()?)
    }

    fn provenance(&self) -> Result<Option<(Method, Basis)>> {
        Ok(self.statement()?.map(|statement| (statement.get().method, statement.get().basis)))
    }

    /// What a device would have at the end.
    fn keep(&self, onboarded: &Onboarded) -> Result<()> {
        let name = |file: &str| format!("pledges/{}/{file}", self.device.name);
        let voucher = format!("voucher.{}", self.speech.format.voucher_file_extension());
        self.folder.write(name(&voucher), onboarded.voucher.signed().wire())?;
        self.folder.write_chain(name("ldevid.pem"), &onboarded.ldevid.chain)?;
        self.folder.write_key(name("ldevid-key.pem"), &onboarded.ldevid.key)
    }
}
