//! `pledges approve` and `pledges refuse`.

use core::fmt;

use brski_common::SpkiDigest;
use brski_registrar::desk;
use brski_registrar::trail::{PledgeFile, State};
use clap::Args;
use serde::Serialize;

use super::Common;
use super::question::Asked;
use crate::cli::person::By;

/// Say yes to a held pledge, or take back that it is refused
///
/// The yes is to the question that was looked at: this key, this policy and its rule, this record of how the key came to be, this word of the MASA. If any of them is another
/// by now, nothing is approved; if any is another when the pledge comes again, it is held anew.
/// It counts for four days, as long as a pledge repeats its request; the pledge itself need not be touched, nor the server be told.
/// Where the configuration demands two persons, two names have to say so, also to take a refusal back, unless it was their own; here names are what whoever runs this says
/// they are.
#[derive(Debug, Args)]
#[command(after_help = APPROVE)]
pub(crate) struct Approve {
    /// Its serial number, or the first eight or more digits of its key's SHA-256
    #[arg(value_name = "SERIAL|KEY")]
    pledge: String,
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    common: Common,
}

/// Say no to a pledge, wherever it stands
///
/// It gets no voucher and no LDevID from now on, whatever the policy says, until somebody approves it. LDevIDs that it has stay valid until they expire or are revoked.
#[derive(Debug, Args)]
#[command(after_help = REFUSE)]
pub(crate) struct Refuse {
    /// Its serial number, or the first eight or more digits of its key's SHA-256
    #[arg(value_name = "SERIAL|KEY")]
    pledge: String,
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    common: Common,
}

/// What came of it.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Decided {
    serial: String,
    manufacturer: String,
    key: SpkiDigest,
    state: State,
    approvals: usize,
    needed: usize,
    sentence: String,
}

pub(super) async fn approve(arguments: &Approve) -> anyhow::Result<()> {
    let configuration = arguments.common.configuration()?;
    let (store, needed) = (configuration.existing_pledges()?, configuration.approvers());
    let file = desk::pick(&*store, &arguments.pledge).await?;
    let pick = arguments.asked.pick(file, "approve", &configuration)?;
    let approved = desk::approve(&*store, &pick, arguments.by.person()?, needed).await?;
    let sentence = approved.in_words(needed);
    arguments.common.output.print(&Decided::new(approved.file, approved.persons, needed, sentence))
}

pub(super) async fn refuse(arguments: &Refuse) -> anyhow::Result<()> {
    let configuration = arguments.common.configuration()?;
    let (store, needed) = (configuration.existing_pledges()?, configuration.approvers());
    let file = desk::pick(&*store, &arguments.pledge).await?;
    let pick = arguments.asked.pick(file, "refuse", &configuration)?;
    let file = desk::refuse(&*store, &pick, arguments.by.person()?).await?;
    let sentence = desk::refused_in_words(&file);
    arguments.common.output.print(&Decided::new(file, 0, needed, sentence))
}

impl Decided {
    fn new(file: PledgeFile, approvals: usize, needed: usize, sentence: String) -> Self {
        let PledgeFile { pledge, state, .. } = file;
        Self { serial: pledge.serial.to_string(), manufacturer: pledge.manufacturer, key: pledge.key, state, approvals, needed, sentence }
    }
}

impl fmt::Display for Decided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

const APPROVE: &str = "\
Examples:
  brski-registrar pledges approve JADA123456789 --why 'order 4711, checked with the plant'
  brski-registrar pledges approve 3f9a01bc --by alice --why 'spare part' \\
    --question 6b1d09c2f4a87e35c0d2118fa9936e47";

const REFUSE: &str = "\
Examples:
  brski-registrar pledges refuse JADA123456789 --why 'never ordered'
  brski-registrar pledges refuse JADA123456789 --unseen --why 'the whole delivery was stolen'";
