//! EST bodies (RFC 7030, RFC 8951): certificates in a CMS without signature, base64 in lines, and what a request should hold.

use const_oid::db::rfc5911::ID_DATA;
use const_oid::db::{rfc4519, rfc5280, rfc5912};
use der::Encode as _;
use x509_cert::ext::pkix::ExtendedKeyUsage;

use crate::asn1::element;
use crate::certificate::Certificate;
use crate::codec::{base64, unbase64};
use crate::envelope::cms::{SignedData, certificate_set, content_info};
use crate::error::DecodeError;
use crate::issuing::subject_alt_name;

/// Content type of issued certificates. Clients compare it as a whole, so that nothing may be added.
pub const CERTS_ONLY: &str = "application/pkcs7-mime; smime-type=certs-only";

/// Content type of requests.
pub const PKCS10: &str = "application/pkcs10";

/// Content type of [`CsrAttributes`].
pub const CSR_ATTRS: &str = "application/csrattrs";

/// A "certs-only" SignedData in DER (RFC 7030, section 4.1.3). Its certificates have no order.
///
/// # Errors
/// [`DecodeError::MissingField`] if there is no certificate.
pub fn certs_only(certs: &[Certificate]) -> Result<Vec<u8>, DecodeError> {
    if certs.is_empty() {
        return Err(NO_CERTIFICATE);
    }
    let parts = [element(0x02, &[1]), element(0x31, &[]), element(0x30, &element(0x06, ID_DATA.as_bytes())), certificate_set(certs), element(0x31, &[])];
    Ok(content_info(&parts.concat()))
}

/// Reads a "certs-only" SignedData in DER or BER: 1 to 32 certificates, no content and no signature. Nothing vouches for them.
///
/// # Errors
/// [`DecodeError`] if it is anything else.
pub fn read_certs_only(der: &[u8]) -> Result<Vec<Certificate>, DecodeError> {
    let data = SignedData::from_ber(der)?;
    if !data.signer_infos.is_empty() || data.content.econtent.is_some() || data.content.econtent_type != ID_DATA {
        return Err(DecodeError::InvalidField { field: "SignedData", expected: "certificates only, without content and signature (RFC 7030, section 4.1.3)" });
    }
    match data.certificates.as_slice() {
        [] => Err(NO_CERTIFICATE),
        ders => ders.iter().map(|der| Certificate::from_der(der)).collect(),
    }
}

/// Base64 in lines of 64 columns, each ended by a line feed: clients built on OpenSSL cannot read one long line.
pub fn to_body(der: &[u8]) -> Vec<u8> {
    let text = base64(der);
    text.as_bytes().chunks(64).flat_map(|line| line.iter().copied().chain([b'\n'])).collect()
}

/// Reads base64 with white space anywhere; `what` is named in the error.
///
/// # Errors
/// [`DecodeError::Syntax`] if it is no base64, or padded wrongly.
pub fn from_body(what: &'static str, body: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let text = core::str::from_utf8(body).map_err(|err| DecodeError::syntax(what, "base64", err))?;
    if text.trim_start().starts_with("-----BEGIN") {
        return Err(DecodeError::syntax(what, "base64", "it is PEM; expected the base64 of DER without PEM lines"));
    }
    unbase64(what, &text.split_ascii_whitespace().collect::<String>())
}

/// What a request should hold beyond a key and a serialNumber: what the domain's certificates say that its sender may not know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CsrAttributes {
    /// DNS names and IP addresses for subjectAltName.
    pub names: Vec<String>,
    /// URIs for subjectAltName.
    pub uris: Vec<String>,
    /// Extended key usages, as dotted OIDs; empty if nothing need be asked for.
    pub usages: Vec<String>,
    /// Whether it should hold evidence about its key, in the attribute id-aa-attestation (draft-ietf-lamps-csr-attestation).
    pub attestation: bool,
}

impl CsrAttributes {
    /// As CsrAttrs in DER (RFC 7030, section 4.5.2): a key on P-256, signed with ecdsa-with-SHA256, a serialNumber in the subject, and an extensionRequest with these values
    /// (RFC 9908, section 3), which is left out where there are none. Of an attestation its attribute's identifier alone tells: what is in it is for the device to say.
    ///
    /// # Errors
    /// [`DecodeError::InvalidField`] if a name or usage cannot stand in a certificate.
    pub fn to_der(&self) -> Result<Vec<u8>, DecodeError> {
        let oid = |oid: const_oid::ObjectIdentifier| element(0x06, oid.as_bytes());
        let key = [oid(rfc5912::ID_EC_PUBLIC_KEY), element(0x31, &oid(rfc5912::SECP_256_R_1))];
        let extensions =
            self.extensions().map_err(|_| DecodeError::InvalidField { field: "CsrAttrs", expected: "names of ASCII characters and dotted OIDs" })?;
        let request = match extensions.as_slice() {
            [] => Vec::new(),
            some => element(0x30, &[oid(rfc5912::ID_EXTENSION_REQ), element(0x31, &element(0x30, &some.concat()))].concat()),
        };
        let attestation = if self.attestation { oid(ID_AA_ATTESTATION) } else { Vec::new() };
        Ok(element(0x30, &[element(0x30, &key.concat()), oid(rfc5912::ECDSA_WITH_SHA_256), oid(rfc4519::SERIAL_NUMBER), request, attestation].concat()))
    }

    fn extensions(&self) -> der::Result<Vec<Vec<u8>>> {
        let extension = |oid: const_oid::ObjectIdentifier, value: Vec<u8>| element(0x30, &[element(0x06, oid.as_bytes()), element(0x04, &value)].concat());
        let mut extensions = Vec::new();
        if !self.usages.is_empty() {
            let usages: Result<Vec<_>, _> = self.usages.iter().map(|usage| const_oid::ObjectIdentifier::new(usage)).collect();
            extensions.push(extension(rfc5280::ID_CE_EXT_KEY_USAGE, ExtendedKeyUsage(usages?).to_der()?));
        }
        if let Some(names) = subject_alt_name(&self.names, &self.uris)? {
            extensions.push(extension(rfc5280::ID_CE_SUBJECT_ALT_NAME, names.to_der()?));
        }
        Ok(extensions)
    }
}

/// The type of [`AttestationBundle`](crate::evidence::AttestationBundle).
const ID_AA_ATTESTATION: const_oid::ObjectIdentifier = const_oid::ObjectIdentifier::new_unwrap(crate::evidence::AttestationBundle::KIND);

const NO_CERTIFICATE: DecodeError = DecodeError::MissingField { field: "certificate", artefact: "certs-only SignedData" };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_pki::Entity;

    #[test]
    fn certificates_come_back() {
        let root = Entity::root("Root");
        let ca = root.issue_ca("CA");
        let sent = [ca.certificate, root.certificate];
        let read = read_certs_only(&certs_only(&sent).unwrap()).unwrap();
        assert_eq!(read.len(), 2);
        assert!(sent.iter().all(|c| read.contains(c)));
    }

    #[test]
    fn nothing_to_send_is_an_error() {
        assert_eq!(certs_only(&[]), Err(NO_CERTIFICATE));
    }

    #[test]
    fn signed_message_is_not_certs_only() {
        let root = Entity::root("Root");
        let identity = root.party(&[]).identity;
        let draft = crate::envelope::draft::<crate::Voucher>(crate::Format::Cms, b"{}".to_vec(), &identity).unwrap();
        let signature = crate::test_pki::block_on(crate::sign::Signer::sign(&root.key, draft.to_be_signed())).unwrap();
        let signed = draft.attach(signature).unwrap();
        assert!(matches!(read_certs_only(&signed), Err(DecodeError::InvalidField { field: "SignedData", .. })));
    }

    #[test]
    fn body_has_lines_of_64_columns_and_comes_back() {
        let der: Vec<u8> = (0..=255).collect();
        let body = to_body(&der);
        let lines: Vec<&[u8]> = body.split(|b| *b == b'\n').collect();
        let (last, full) = lines[..lines.len() - 1].split_last().unwrap();
        assert!(full.iter().all(|line| line.len() == 64) && last.len() <= 64);
        assert_eq!(from_body("certificates", &body).unwrap(), der);
    }

    #[test]
    fn body_with_carriage_returns_or_in_one_line_is_read() {
        assert_eq!(from_body("request", b" AQID\r\nBAUG\r\n").unwrap(), [1, 2, 3, 4, 5, 6]);
        assert_eq!(from_body("request", b"AQIDBAUG").unwrap(), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn body_that_is_no_base64_is_refused() {
        for body in [&b"AQ*D"[..], b"AQID\xff", b"AQ", b"-----BEGIN"] {
            assert!(matches!(from_body("request", body), Err(DecodeError::Syntax { what: "request", .. })));
        }
    }

    #[test]
    fn pem_is_refused_by_its_name() {
        let pem = b"-----BEGIN CERTIFICATE REQUEST-----\nAQID\n-----END CERTIFICATE REQUEST-----\n";
        let expected = DecodeError::syntax("request", "base64", "it is PEM; expected the base64 of DER without PEM lines");
        assert_eq!(from_body("request", pem), Err(expected));
    }

    #[test]
    fn csr_attributes_are_an_attribute_and_two_identifiers() {
        let expected = [
            &[0x30, 0x26, 0x30, 0x15][..],
            &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01],                   // id-ecPublicKey
            &[0x31, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07], // secp256r1
            &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],             // ecdsa-with-SHA256
            &[0x06, 0x03, 0x55, 0x04, 0x05],                                           // serialNumber
        ];
        assert_eq!(CsrAttributes::default().to_der().unwrap(), expected.concat());
    }

    #[test]
    fn values_that_a_certificate_bears_are_an_extension_request() {
        let names = CsrAttributes { names: vec!["a.example".to_owned()], uris: vec!["urn:a".to_owned()], ..CsrAttributes::default() };
        let expected = [
            &[0x30, 0x2c, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e, 0x31, 0x1f, 0x30, 0x1d][..], // extensionRequest
            &[0x30, 0x1b, 0x06, 0x03, 0x55, 0x1d, 0x11, 0x04, 0x14, 0x30, 0x12],                                         // subjectAltName
            &[0x82, 0x09],
            b"a.example",
            &[0x86, 0x05],
            b"urn:a",
        ];
        assert!(names.to_der().unwrap().ends_with(&expected.concat()));
    }

    #[test]
    fn evidence_is_asked_for_by_the_identifier_of_its_attribute() {
        let asked = CsrAttributes { attestation: true, ..CsrAttributes::default() }.to_der().unwrap();
        let identifier = [0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x02, 0x3b];
        assert_eq!(asked[2..], [&CsrAttributes::default().to_der().unwrap()[2..], &identifier].concat());
    }

    #[test]
    fn name_that_no_certificate_can_bear_is_no_attribute() {
        let names = CsrAttributes { names: vec!["\u{e4}.example".to_owned()], ..CsrAttributes::default() };
        assert!(matches!(names.to_der(), Err(DecodeError::InvalidField { field: "CsrAttrs", .. })));
    }
}
