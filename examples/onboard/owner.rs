//! The network's owner: its domain CA, its registrar, and which manufacturers and keys it accepts.

use std::sync::Arc;

use anyhow::Result;
use brski_common::serve::TlsIdentity;
use brski_common::{Clock, Policy};
use brski_registrar::ca::BuiltInCa;
use brski_registrar::masa_client::HttpMasaClient;
use brski_registrar::pledges::MemoryPledges;
use brski_registrar::trust::{Manufacturer as Profile, Trust};
use brski_registrar::{Registrar, RegistrarParts, Settings};

use crate::folder::Folder;
use crate::manufacturer::CertificateMaker;

/// A network owner with everything it runs.
pub(crate) struct Owner {
    pub(crate) registrar: Arc<Registrar>,
    pub(crate) pledges: Arc<MemoryPledges>,
    /// The registrar's TLS certificate path and key; the same key signs its voucher-requests.
    pub(crate) tls: TlsIdentity,
}

impl Owner {
    /// Founds it: a domain CA, and a registrar whose certificate says cmcRA, serverAuth and clientAuth.
    pub(crate) async fn found(folder: &Folder, manufacturer: &Profile, policy: Policy, clock: Clock) -> Result<Self> {
        let now = clock.now();
        let domain_ca = CertificateMaker::root(folder, "owner/domain-ca", "Orchard domain CA", brski_common::SignatureAlgorithm::Es256, now).await?;
        let usages = ["1.3.6.1.5.5.7.3.28", "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"];
        let identity = domain_ca.end_entity(folder, "owner/registrar", "Orchard registrar", &["127.0.0.1".to_owned()], &usages, now).await?;
        let tls = TlsIdentity::with_signer(&identity.identity.chain, identity.signer.clone())?;

        let pledges = Arc::new(MemoryPledges::new());
        let registrar = Arc::new(Registrar::new(RegistrarParts {
            masa: Arc::new(HttpMasaClient::new(tls.clone())),
            identity,
            trust: Trust::new([manufacturer.clone()]),
            policy,
            ca: Arc::new(BuiltInCa::new(domain_ca.chain().to_vec(), domain_ca.signer())?),
            pledges: pledges.clone(),
            settings: Settings::default(),
            clock,
        }));
        Ok(Self { registrar, pledges, tls })
    }
}
