//! Certificates and keys as `openssl req` makes them: nothing of ours is in them.
//!
//! `NAME.pem` holds a certificate, `NAME-chain.pem` its path up to and including the root, `NAME.key` its key.

use std::sync::Arc;

use brski_common::{Certificate, SigningParty, SoftwareKey};

use crate::openssl::OpenSsl;

/// What a certificate is for; the name of a section in the configuration file.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// A root or a CA below one.
    Ca,
    /// A device, whose IDevID names the MASA and ends in the year 9966.
    IDevId,
    /// A registrar at 127.0.0.1.
    Registrar,
    /// A TLS server at 127.0.0.1.
    Server,
    /// A signer of vouchers or of statements.
    Signer,
}

impl Kind {
    fn section(self) -> &'static str {
        match self {
            Self::Ca => "ca",
            Self::IDevId => "idevid",
            Self::Registrar => "registrar",
            Self::Server => "server",
            Self::Signer => "signer",
        }
    }

    fn days(self) -> u32 {
        match self {
            Self::IDevId => 2_900_000,
            Self::Ca | Self::Registrar | Self::Server | Self::Signer => 2,
        }
    }
}

/// Prepares the folder for [`certify`]; IDevIDs will name `masa`.
pub(crate) fn prepare(openssl: &OpenSsl, masa: &str) {
    openssl.write("pki.cnf", CONFIGURATION.replace("MASA", masa));
}

/// Makes `name.key` on a curve, or as `openssl req -newkey` says (`ed25519`, `rsa:2048`), and `name.pem`, under `issuer` or under itself.
pub(crate) fn certify(openssl: &OpenSsl, kind: Kind, curve: &str, name: &str, subject: &str, issuer: Option<&str>) {
    let under = issuer.map_or_else(String::new, |issuer| format!("-CA {issuer}.pem -CAkey {issuer}.key"));
    let (section, days) = (kind.section(), kind.days());
    let key = if curve.starts_with("P-") { format!("ec -pkeyopt ec_paramgen_curve:{curve}") } else { curve.to_owned() };
    openssl.run(&format!(
        "req -x509 -config pki.cnf -extensions {section} -days {days} -newkey {key} -nodes \
         -keyout {name}.key -out {name}.pem -subj {subject} {under}"
    ));
    let above = issuer.map_or_else(String::new, |issuer| openssl.text(format!("{issuer}-chain.pem")));
    openssl.write(&format!("{name}-chain.pem"), openssl.text(format!("{name}.pem")) + &above);
}

/// The holder of `name.key`, who shows the whole of `name-chain.pem`.
pub(crate) fn party(openssl: &OpenSsl, name: &str) -> SigningParty {
    let key = SoftwareKey::from_pem(&openssl.text(format!("{name}.key"))).unwrap();
    SigningParty::with_chain(openssl.certificates(format!("{name}-chain.pem")), Arc::new(key))
}

/// The one certificate in `name.pem`.
pub(crate) fn certificate(openssl: &OpenSsl, name: &str) -> Certificate {
    openssl.certificates(format!("{name}.pem")).remove(0)
}

/// The key identifier in an extension of `name.pem`, which `openssl` prints in hex.
pub(crate) fn identifier(openssl: &OpenSsl, name: &str, extension: &str) -> Vec<u8> {
    let printed = openssl.run(&format!("x509 -in {name}.pem -noout -ext {extension}"));
    let hex = printed.lines().nth(1).unwrap().trim();
    hex.split(':').map(|octet| u8::from_str_radix(octet, 16).unwrap()).collect()
}

/// The DER of `name.pem` in one line of base64.
pub(crate) fn base64_der(openssl: &OpenSsl, name: &str) -> String {
    let pem = openssl.text(format!("{name}.pem"));
    pem.lines().filter(|line| !line.starts_with("-----")).collect()
}

const CONFIGURATION: &str = "\
[req]
distinguished_name = subject
prompt = no
[subject]
CN = given on the command line
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[idevid]
basicConstraints = critical, CA:FALSE
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
1.3.6.1.5.5.7.1.32 = ASN1:IA5STRING:MASA
[registrar]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth, cmcRA
subjectAltName = IP:127.0.0.1
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
[signer]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
";
