//! `[domain-ca]` and `[ca]`: who issues LDevIDs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use brski_common::serve::setup::{ConfigFile, KeyFiles, KeyPair, SetupError};
use brski_common::serve::{TlsIdentity, anchored_config};
use brski_common::{Certificate, Clock};
use brski_registrar::metrics::{KeyUse, measured_signer};
use brski_registrar::{BuiltInCa, CertificateAuthority, EstCa, EstServer};
use http::HeaderValue;
use serde::Deserialize;
use zeroize::Zeroizing;

/// A CA elsewhere, in place of one whose key is here.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub(super) enum Ca {
    /// An EST server.
    Est {
        /// `https://` and where it is.
        url: String,
        /// Which of its CAs, if it has several.
        label: Option<String>,
        /// PEM: who may be its TLS server.
        anchors: Vec<PathBuf>,
        /// PEM: the path of the CA that issues, itself first; `ca fetch` writes it.
        certificates: PathBuf,
        /// What the registrar shows it; its own certificate, without this.
        identity: Option<KeyFiles>,
        /// A file with `name:password`.
        credentials: Option<PathBuf>,
    },
}

impl Ca {
    /// The EST server, and the file that has its CA certificates. `registrar` is what a registrar shows if nothing else is named.
    pub(super) fn server(&self, file: &ConfigFile, registrar: &KeyFiles) -> Result<(EstServer, &Path), SetupError> {
        let Self::Est { url, label, anchors, certificates, identity, credentials } = self;
        let authority = url.strip_prefix("https://").map(|rest| rest.trim_end_matches('/')).filter(|rest| !rest.is_empty() && !rest.contains('/'));
        let authority =
            authority.ok_or_else(|| file.error("ca.url", "must be https:// with a host and nothing behind it, such as https://est.example.net:8443"))?;
        if let Some(label) = label.as_ref().filter(|label| !is_label(label)) {
            return Err(
                file.error("ca.label", format!("'{label}' must be letters, digits and -._~ alone, and none of EST's own resources (RFC 7030, section 3.2.2)"))
            );
        }
        let anchors = file.anchors("ca.anchors", anchors)?;
        if anchors.certificates().is_empty() {
            return Err(file.error("ca.anchors", "must name at least one certificate: the web's public CAs are not asked"));
        }
        let (field, files) = identity.as_ref().map_or(("identity", registrar), |files| ("ca.identity", files));
        let pair = file.key_pair(field, files)?;
        let identity = TlsIdentity::with_signer(&pair.chain, pair.key).map_err(|err| file.error(field, "cannot be used for TLS").because(err))?;
        let tls = anchored_config(&anchors, Some(&identity)).map_err(|err| file.error("ca", "cannot be used for TLS").because(err))?;
        let server = EstServer::new(authority, label.clone(), tls);
        let server = match credentials {
            Some(path) => server.authorized(basic(file, path)?),
            None => server,
        };
        Ok((server, certificates))
    }
}

/// Who issues: the EST server of `[ca]`, or the CA whose key `[domain-ca]` names.
pub(super) fn authority(
    file: &ConfigFile,
    ca: Option<&Ca>,
    domain_ca: Option<&KeyFiles>,
    registrar: &KeyFiles,
) -> Result<Arc<dyn CertificateAuthority>, SetupError> {
    match (ca, domain_ca) {
        (Some(_), Some(_)) => Err(file.error("ca", "names one CA and [domain-ca] another; one of the two has to go")),
        (None, None) => Err(file.error("domain-ca", "is missing: it names the CA that issues LDevIDs, unless [ca] says that an EST server does")),
        (None, Some(files)) => {
            let KeyPair { chain, key } = file.key_pair("domain-ca", files)?;
            Ok(Arc::new(BuiltInCa::new(chain, measured_signer(key, KeyUse::DomainCa)).map_err(|err| file.error("domain-ca", "cannot be used").because(err))?))
        }
        (Some(ca), None) => {
            let (server, certificates) = ca.server(file, registrar)?;
            let chain = file.certificates("ca.certificates", certificates)?;
            Ok(Arc::new(EstCa::new(server, chain, Clock::system()).map_err(|err| file.error("ca.certificates", "cannot be used").because(err))?))
        }
    }
}

/// What `config check` and `ca list` show of the CA: the field, and its path.
pub(super) fn chain(file: &ConfigFile, ca: Option<&Ca>, domain_ca: Option<&KeyFiles>) -> Result<(&'static str, Vec<Certificate>), SetupError> {
    match (ca, domain_ca) {
        (Some(Ca::Est { certificates, .. }), _) => Ok(("ca.certificates", file.certificates("ca.certificates", certificates)?)),
        (None, Some(files)) => Ok(("domain-ca", file.certificates("domain-ca.certificate", &files.certificate)?)),
        (None, None) => Err(file.error("domain-ca", "is missing")),
    }
}

fn basic(file: &ConfigFile, path: &Path) -> Result<HeaderValue, SetupError> {
    let text = file.text("ca.credentials", path)?;
    let credentials = text.trim_end_matches(['\r', '\n']);
    if !credentials.contains(':') || credentials.contains(['\r', '\n']) {
        return Err(file.error("ca.credentials", format!("{} must hold name:password in its only line", file.resolve(path).display())));
    }
    let header = Zeroizing::new(format!("Basic {}", STANDARD.encode(credentials)));
    HeaderValue::from_str(&header).map_err(|err| file.error("ca.credentials", "cannot be sent").because(err))
}

fn is_label(label: &str) -> bool {
    let resources = ["cacerts", "simpleenroll", "simplereenroll", "fullcmc", "serverkeygen", "csrattrs"];
    !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)) && !resources.contains(&label)
}
