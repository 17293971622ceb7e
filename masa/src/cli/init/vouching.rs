//! The keys that sign a new manufacturer's vouchers, certified in one of five ways.

use anyhow::Context as _;
use brski_common::issuing::never;
use brski_common::time::{at, to_rfc3339};
use brski_common::{Certificate, PolicyOid, UnixTime};
use clap::ValueEnum;

use super::pki::{Party, YEAR, new};

/// How the keys that sign vouchers are certified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Mode {
    /// Devices hold the signer's certificate itself
    NoPki,
    /// Devices hold an offline CA, which certifies the signer for a while
    #[default]
    OneLevel,
    /// The same, with a CA for one product line alone
    PerProduct,
    /// The signer stands under the IDevIDs' root, and a certificate policy tells it from devices
    IdevidIntertwined,
    /// Two signers, the first for devices made within a year, the second for those made later
    Rotating,
}

/// What signs vouchers.
pub(super) enum Vouching {
    /// The signer, and nothing above it.
    NoPki(Party),
    /// A CA of its own, then the signer.
    BelowCa { authority: Party, signer: Party, mode: &'static str },
    /// A CA under the IDevIDs' root, then the signer, both under this policy.
    Intertwined { authority: Party, signer: Party, policy: PolicyOid },
    /// Two signers with nothing above them, and when the second takes over.
    Rotating { first: Party, second: Party, turn: UnixTime },
}

impl Vouching {
    pub(super) async fn make(name: &str, mode: Mode, policy: Option<&PolicyOid>, idevid_root: &Party, now: UnixTime) -> anyhow::Result<Self> {
        let soon = at(now.as_secs() + 10 * YEAR);
        let signer = |until| new(name, "voucher signer", now, until);
        let numbered = |what| new(name, what, now, never());
        Ok(match mode {
            // Devices hold this certificate for as long as they live.
            Mode::NoPki => Self::NoPki(Party::alone(signer(never())).await?),
            Mode::OneLevel | Mode::PerProduct => {
                let (words, mode) = if mode == Mode::OneLevel { ("voucher CA", "one-level") } else { ("product 1 voucher CA", "per-product") };
                let authority = Party::root(new(name, words, now, never()), 0).await?;
                let signer = Party::under(&authority, signer(soon), |t| t).await?;
                Self::BelowCa { authority, signer, mode }
            }
            Mode::IdevidIntertwined => {
                let policy = policy.context("--voucher-policy is missing")?;
                let authority = Party::under(idevid_root, new(name, "voucher CA", now, never()), |t| t.ca(Some(0)).policy(policy)).await?;
                let signer = Party::under(&authority, signer(soon), |t| t.policy(policy)).await?;
                Self::Intertwined { authority, signer, policy: policy.clone() }
            }
            Mode::Rotating => {
                let (first, second) = (Party::alone(numbered("voucher signer 1")).await?, Party::alone(numbered("voucher signer 2")).await?);
                Self::Rotating { first, second, turn: at(now.as_secs() + YEAR) }
            }
        })
    }

    /// The signer of vouchers without nonce: certified as the other is, so that pledges accept both. Another key, which is kept away from the network (RFC 8995, section 11.6.2.2).
    pub(super) async fn nonceless(&self, name: &str, now: UnixTime) -> anyhow::Result<Party> {
        let signer = |until| new(name, "nonceless voucher signer", now, until);
        let soon = at(now.as_secs() + 10 * YEAR);
        match self {
            Self::NoPki(_) | Self::Rotating { .. } => Party::alone(signer(never())).await,
            Self::BelowCa { authority, .. } => Party::under(authority, signer(soon), |t| t).await,
            Self::Intertwined { authority, policy, .. } => Party::under(authority, signer(soon), |t| t.policy(policy)).await,
        }
    }

    /// The path above a signer.
    pub(super) fn above_signer<'a>(&'a self, idevid_root: &'a Party) -> Vec<&'a Party> {
        match self {
            Self::NoPki(_) | Self::Rotating { .. } => vec![],
            Self::BelowCa { authority, .. } => vec![authority],
            Self::Intertwined { authority, .. } => vec![authority, idevid_root],
        }
    }

    /// Every certificate and key, with the name of its files and the path above it: auditors and pledges find the whole path in each voucher (RFC 8366bis, section 7.1).
    pub(super) fn parties<'a>(&'a self, idevid_root: &'a Party) -> Vec<(&'static str, &'a Party, Vec<&'a Party>)> {
        match self {
            Self::NoPki(signer) => vec![(SIGNER, signer, vec![])],
            Self::BelowCa { authority, signer, .. } => vec![(AUTHORITY, authority, vec![]), (SIGNER, signer, vec![authority])],
            Self::Intertwined { authority, signer, .. } => {
                vec![(AUTHORITY, authority, vec![idevid_root]), (SIGNER, signer, vec![authority, idevid_root])]
            }
            Self::Rotating { first, second, .. } => vec![(FIRST, first, vec![]), (SECOND, second, vec![])],
        }
    }

    /// What others will trust besides the IDevIDs' root, with the names of the files.
    pub(super) fn own_anchors(&self) -> Vec<(&'static str, &Party)> {
        match self {
            Self::NoPki(signer) => vec![(SIGNER, signer)],
            Self::BelowCa { authority, .. } => vec![(AUTHORITY, authority)],
            Self::Intertwined { .. } => vec![],
            Self::Rotating { first, second, .. } => vec![(FIRST, first), (SECOND, second)],
        }
    }

    /// Under which vouchers are verified.
    pub(super) fn anchors<'a>(&'a self, idevid_root: &'a Party) -> Vec<&'a Certificate> {
        match self {
            Self::Intertwined { .. } => vec![&idevid_root.certificate],
            Self::NoPki(_) | Self::BelowCa { .. } | Self::Rotating { .. } => self.own_anchors().into_iter().map(|(_, party)| &party.certificate).collect(),
        }
    }

    /// Without which registrars accept no voucher; `None` if they need no policy.
    pub(super) fn policy(&self) -> Option<&PolicyOid> {
        match self {
            Self::Intertwined { policy, .. } => Some(policy),
            Self::NoPki(_) | Self::BelowCa { .. } | Self::Rotating { .. } => None,
        }
    }

    /// The configuration for it, made of that for `one-level`.
    pub(super) fn configure(&self, config: &str) -> anyhow::Result<String> {
        let signing = match self {
            Self::NoPki(_) => "mode = \"no-pki\"\n".to_owned(),
            Self::BelowCa { mode, .. } => format!("mode = \"{mode}\"\n"),
            Self::Intertwined { policy, .. } => format!("mode = \"idevid-intertwined\"\npolicy = \"{policy}\"\n"),
            Self::Rotating { turn, .. } => {
                let key = |name: &str, when: &str| {
                    let signer = format!("signer = {{certificate = \"certificates/{name}.pem\", key = \"keys/{name}.pem\"}}");
                    format!("\n[[voucher-signing.keys]]\n{signer}\n{when} = {}\n", to_rfc3339(*turn))
                };
                format!("mode = \"rotating\"\n{}{}", key(FIRST, "made-until"), key(SECOND, "made-from"))
            }
        };
        let config = replace_once(config, "mode = \"one-level\"\n", &signing)?;
        match self {
            Self::Rotating { .. } => replace_once(&config, ONE_SIGNER, ""),
            Self::NoPki(_) | Self::BelowCa { .. } | Self::Intertwined { .. } => Ok(config),
        }
    }
}

fn replace_once(text: &str, from: &str, to: &str) -> anyhow::Result<String> {
    anyhow::ensure!(text.matches(from).count() == 1, "the configuration's template does not hold {from:?} once");
    Ok(text.replace(from, to))
}

const AUTHORITY: &str = "voucher-ca";
const SIGNER: &str = "voucher-signer";
const FIRST: &str = "voucher-signer-1";
const SECOND: &str = "voucher-signer-2";

/// As it stands in the template.
const ONE_SIGNER: &str = "[voucher-signer]
certificate = \"certificates/voucher-signer.pem\"
key = \"keys/voucher-signer.pem\"
";
