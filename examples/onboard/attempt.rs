//! One pledge's way through the registrar, and what became of it.

use anyhow::{Context as _, Result, ensure};
use brski_common::pledge::Pledge;
use brski_common::provenance::Basis;
use brski_common::serve::TlsIdentity;
use brski_common::serve::onboard::{OnboardError, Onboarded, Options, onboard};
use brski_common::{Clock, IDevIdCert, Method, Policy, ProvenanceStatement, Signed, Verified, appraise};
use brski_registrar::pledges::PledgeStore as _;
use brski_registrar::trust::Manufacturer as Profile;

use crate::factory::Device;
use crate::folder::Folder;
use crate::owner::Owner;
use crate::table::Outcome;

/// Everything one attempt needs.
pub(crate) struct Attempt<'a> {
    pub(crate) device: &'a Device,
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
        let mut pledge = Pledge::new(device.chain.clone(), device.signer.clone(), self.profile.voucher_anchors.clone())?;
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

    async fn enrolled(&self, mut onboarded: Onboarded, owner: &Owner) -> Result<Outcome> {
        let first = onboarded.ldevid.chain[0].clone();
        onboarded.renew(|_| ()).await.context("simplereenroll")?;
        ensure!(onboarded.ldevid.chain[0] != first, "the renewed LDevID is the old one");
        self.keep(&onboarded)?;

        let admission = owner.pledges.find(self.device.chain[0].spki_digest()).await?.context("the pledge is enrolled without admission")?;
        Ok(Outcome {
            pledge: self.device.name.to_owned(),
            provenance: self.provenance()?,
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
        let rule = match appraise(self.policy, &idevid, self.statement()?.as_ref(), self.clock.now()) {
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
        self.folder.write(name("voucher.vcj"), onboarded.voucher.signed().wire())?;
        self.folder.write_chain(name("ldevid.pem"), &onboarded.ldevid.chain)?;
        self.folder.write_key(name("ldevid-key.pem"), &onboarded.ldevid.key)
    }
}
