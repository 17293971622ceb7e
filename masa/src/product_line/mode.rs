//! How the keys that sign vouchers are certified (draft-ietf-anima-masa-considerations, sections 2.3 to 2.7), and what each way demands of them.

mod fault;
#[cfg(test)]
mod tests;

use brski_common::issuing::never;
use brski_common::{Anchors, Certificate, PolicyOid, Usage, VerifyError};

pub use self::fault::ModeFault;
use super::signers::{Coverage, VoucherSigners};

/// How a product line's voucher keys are certified. Devices and registrars hold what follows from it: keep it as long as there are any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SigningMode {
    /// Devices hold the certificate of the signing key itself. Whoever steals that key owns every device that nobody has onboarded yet.
    NoPki,
    /// Devices hold a CA that is kept offline and certifies one signing key after another, each for a while.
    OneLevel,
    /// The same with a CA that belongs to one product line, so that the line can be sold, and its serial numbers occur elsewhere.
    PerProduct,
    /// The signing keys stand under the root of the IDevIDs. A certificate policy tells them from devices, which stand there too.
    IdevidIntertwined {
        /// That policy.
        policy: PolicyOid,
    },
    /// Several signing keys, each known to some of the devices.
    Rotating,
}

/// What is around the signers of one product line.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// What IDevIDs are verified with.
    pub idevid_anchors: Vec<Certificate>,
    /// The CAs that issue IDevIDs.
    pub idevid_issuers: Vec<Certificate>,
    /// By the names of the other product lines, the CAs above their voucher keys.
    pub others: Vec<(String, Vec<Certificate>)>,
}

impl SigningMode {
    /// Its name in the configuration.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NoPki => "no-pki",
            Self::OneLevel => "one-level",
            Self::PerProduct => "per-product",
            Self::IdevidIntertwined { .. } => "idevid-intertwined",
            Self::Rotating => "rotating",
        }
    }

    /// Whether these signers are certified so.
    ///
    /// # Errors
    /// [`ModeFault`], the first that is found.
    pub fn check(&self, signers: &VoucherSigners, around: &Surroundings) -> Result<(), ModeFault> {
        let everything = Coverage::default();
        match (self, signers.keys()) {
            (_, []) => return Err(ModeFault::NoKey),
            (Self::Rotating, keys) => apart(keys.iter().map(|key| (&key.covers, key.party.identity.chain.first())))?,
            (_, [one]) if one.covers == everything => {}
            (_, _) => return Err(ModeFault::SeveralKeys),
        }
        signers.parties().try_for_each(|party| self.check_chain(&party.identity.chain, around))
    }

    fn check_chain(&self, chain: &[Certificate], around: &Surroundings) -> Result<(), ModeFault> {
        let Some((own, authorities)) = chain.split_first() else { return Err(ModeFault::Length { found: 0, expected: "the signer's own to begin with" }) };
        let subject = || own.subject().to_owned();
        if own.is_ca() {
            return Err(ModeFault::SignerIsCa { subject: subject() });
        }
        if own.names_device() {
            return Err(ModeFault::SignerNamesDevice { subject: subject() });
        }
        match self {
            Self::NoPki => {
                exactly(chain, 1, "the signer's own and no other, since devices hold that one")?;
                around.check_bare(own)
            }
            Self::OneLevel => {
                certified_for_a_while(chain)?;
                around.check_apart(authorities)
            }
            Self::PerProduct => {
                certified_for_a_while(chain)?;
                around.check_apart(authorities)?;
                around.check_unshared(authorities)
            }
            Self::IdevidIntertwined { policy } => around.check_intertwined(own, authorities, chain, policy),
            // Each key as if it were alone, without a PKI or below a CA.
            Self::Rotating if authorities.is_empty() => around.check_bare(own),
            Self::Rotating => {
                certified_for_a_while(chain)?;
                around.check_apart(authorities)
            }
        }
    }
}

impl Surroundings {
    /// Devices hold this very certificate: nothing may certify it that certifies devices as well.
    fn check_bare(&self, own: &Certificate) -> Result<(), ModeFault> {
        let issuer = self.authorities().find(|authority| !own.is_self_issued() && authority.subject_der() == own.issuer_der());
        issuer.map_or(Ok(()), |issuer| Err(ModeFault::AboveIdevids { subject: issuer.subject().to_owned() }))
    }

    fn check_apart(&self, authorities: &[Certificate]) -> Result<(), ModeFault> {
        let mixed = authorities.iter().find(|own| self.authorities().any(|known| same_key(known, own)));
        mixed.map_or(Ok(()), |mixed| Err(ModeFault::AboveIdevids { subject: mixed.subject().to_owned() }))
    }

    fn check_unshared(&self, authorities: &[Certificate]) -> Result<(), ModeFault> {
        for (line, theirs) in &self.others {
            if let Some(shared) = authorities.iter().find(|own| theirs.iter().any(|other| same_key(other, own))) {
                return Err(ModeFault::Shared { line: line.clone(), subject: shared.subject().to_owned() });
            }
        }
        Ok(())
    }

    fn check_intertwined(&self, own: &Certificate, authorities: &[Certificate], chain: &[Certificate], policy: &PolicyOid) -> Result<(), ModeFault> {
        let Some(root) = authorities.last() else {
            return Err(ModeFault::Length { found: chain.len(), expected: "the signer's own, then those of the CAs above it up to the IDevIDs' root" });
        };
        leads_to_its_end(chain)?;
        expires(own)?;
        if !self.idevid_anchors.iter().any(|anchor| same_key(anchor, root)) {
            return Err(ModeFault::NotIntertwined { subject: root.subject().to_owned() });
        }
        if let Some(issuer) = authorities.iter().find(|own| self.idevid_issuers.iter().any(|issuer| same_key(issuer, own))) {
            return Err(ModeFault::IssuesIdevids { subject: issuer.subject().to_owned() });
        }
        let lacks = policy.first_without(chain);
        lacks.map_or(Ok(()), |lacks| Err(ModeFault::LacksPolicy { subject: lacks.subject().to_owned(), policy: policy.clone() }))
    }

    fn authorities(&self) -> impl Iterator<Item = &Certificate> {
        self.idevid_anchors.iter().chain(&self.idevid_issuers)
    }
}

fn apart<'a>(keys: impl Iterator<Item = (&'a Coverage, Option<&'a Certificate>)> + Clone) -> Result<(), ModeFault> {
    for (index, (covers, one)) in keys.clone().enumerate() {
        if let Some((_, other)) = keys.clone().skip(index + 1).find(|(others, _)| covers.meets(others)) {
            let name = |certificate: Option<&Certificate>| certificate.map_or_else(String::new, |certificate| certificate.subject().to_owned());
            return Err(ModeFault::Overlap { first: name(one), second: name(other) });
        }
    }
    Ok(())
}

/// One CA above the signer, and an end.
fn certified_for_a_while(chain: &[Certificate]) -> Result<(), ModeFault> {
    exactly(chain, 2, "the signer's own, then that of its CA, which is its own root")?;
    leads_to_its_end(chain)?;
    chain.first().map_or(Ok(()), expires)
}

fn exactly(chain: &[Certificate], count: usize, expected: &'static str) -> Result<(), ModeFault> {
    match chain.len() == count {
        true => Ok(()),
        false => Err(ModeFault::Length { found: chain.len(), expected }),
    }
}

fn leads_to_its_end(chain: &[Certificate]) -> Result<(), ModeFault> {
    let (Some(own), Some(top)) = (chain.first(), chain.last()) else { return Ok(()) };
    // Whether one of them has expired since is told elsewhere.
    let when = chain.iter().map(Certificate::not_before).max().unwrap_or(own.not_before());
    let unusable = |source| VerifyError::Decode { artefact: "certificate", source };
    let anchors = Anchors::new([top.clone()]).map_err(|err| ModeFault::NoPath(unusable(err)))?;
    anchors.verify_path(own, chain, Usage::Any, when).map(drop).map_err(ModeFault::NoPath)
}

fn expires(own: &Certificate) -> Result<(), ModeFault> {
    match own.not_after() < never() {
        true => Ok(()),
        false => Err(ModeFault::NeverExpires { subject: own.subject().to_owned() }),
    }
}

fn same_key(one: &Certificate, other: &Certificate) -> bool {
    one.spki_digest() == other.spki_digest()
}
