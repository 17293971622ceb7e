//! Voucher-requests of foreign make: JSON text, written here by hand, in CMS by `openssl cms`; and vouchers, read by it.

use brski_common::time::{from_rfc3339, to_rfc3339};
use brski_common::{Certificate, UnixTime};
use serde_json::{Map, Value, json};

use crate::openssl::OpenSsl;
use crate::pki::{base64_der, identifier};

/// Nonce of the pledge JADA1.
pub(crate) const NONCE: &str = "cGxlZGdlJ3Mgbm9uY2U=";

/// The one member of a voucher-request.
pub(crate) const REQUEST: &str = "ietf-voucher-request:voucher";

/// The one member of a voucher.
pub(crate) const VOUCHER: &str = "ietf-voucher:voucher";

/// The JSON of a pledge's request to the registrar whose certificate is `registrar.pem`.
pub(crate) fn pledges_json(openssl: &OpenSsl, serial: &str, nonce: &str) -> String {
    let (now, registrar) = (to_rfc3339(UnixTime::now()), base64_der(openssl, "registrar"));
    format!(
        r#"{{"ietf-voucher-request:voucher": {{"assertion": "proximity", "created-on": "{now}", "serial-number": "{serial}", "nonce": "{nonce}",
            "proximity-registrar-cert": "{registrar}"}}}}"#
    )
}

/// The JSON of a registrar's request on behalf of the pledge whose IDevID is `serial.pem`, with the pledge's own request inside.
pub(crate) fn registrars_json(openssl: &OpenSsl, serial: &str, nonce: &str, prior: &[u8]) -> String {
    let (now, issuer, prior) = (to_rfc3339(UnixTime::now()), idevid_issuer(openssl, serial), base64(openssl, prior));
    format!(
        r#"{{"ietf-voucher-request:voucher": {{"created-on": "{now}", "serial-number": "{serial}", "idevid-issuer": "{issuer}", "nonce": "{nonce}",
            "prior-signed-voucher-request": "{prior}"}}}}"#
    )
}

/// Signs with `signer.key`, encloses `signer.pem` and the certificates above it, `issuer-chain.pem`. `options` are added to the command.
pub(crate) fn sign(openssl: &OpenSsl, json: &str, signer: &str, issuer: &str, options: &str) -> Vec<u8> {
    openssl.write("to-be-signed.json", json);
    openssl.run(&format!(
        "cms -sign -binary -nodetach -econtent_type 1.2.840.113549.1.9.16.1.40 -signer {signer}.pem -inkey {signer}.key -certfile {issuer}-chain.pem \
         -in to-be-signed.json -outform DER -out signed.der {options}"
    ));
    openssl.read("signed.der")
}

/// The leaves in an envelope, after `openssl` accepted its signature and its path to `anchor.pem`, and the certificates that it encloses.
///
/// `created-on` is checked to be of this minute and taken out.
pub(crate) fn verified(openssl: &OpenSsl, envelope: &[u8], anchor: &str, root: &str) -> (Value, Vec<Certificate>) {
    openssl.write("envelope.der", envelope);
    openssl.run(&format!("cms -verify -binary -inform DER -in envelope.der -CAfile {anchor}.pem -purpose any -out content.json -certsout enclosed.pem"));
    let mut content: Map<String, Value> = serde_json::from_slice(&openssl.read("content.json")).unwrap();
    let Some(Value::Object(mut leaves)) = content.remove(root) else { panic!("there is no {root}") };
    assert!(content.is_empty());

    let created_on = leaves.remove("created-on").unwrap();
    let created_on = from_rfc3339("created-on", created_on.as_str().unwrap()).unwrap();
    assert!(created_on.as_secs().abs_diff(UnixTime::now().as_secs()) < 60);
    (leaves.into(), openssl.certificates("enclosed.pem"))
}

/// The leaves of the voucher for the pledge JADA1 and [`NONCE`], without `created-on`.
pub(crate) fn expected_voucher(openssl: &OpenSsl) -> Value {
    json!({
        "assertion": "proximity",
        "domain-cert-revocation-checks": false,
        "nonce": NONCE,
        "pinned-domain-cert": base64_der(openssl, "domain-ca"),
        "serial-number": "JADA1",
    })
}

/// The authority key identifier of `serial.pem` as the extension's whole OCTET STRING (RFC 8366bis, section 6.3).
pub(crate) fn idevid_issuer(openssl: &OpenSsl, serial: &str) -> String {
    let identifier = identifier(openssl, serial, "authorityKeyIdentifier");
    base64(openssl, &[&[0x04, 0x18, 0x30, 0x16, 0x80, 0x14], &identifier[..]].concat())
}

/// Base64 in one line.
pub(crate) fn base64(openssl: &OpenSsl, octets: &[u8]) -> String {
    String::from_utf8(openssl.output("base64 -A", octets).stdout).unwrap()
}
