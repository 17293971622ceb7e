//! Certificate revocation lists (RFC 5280, section 5): complete ones, of what one CA issued.

use const_oid::db::rfc5280;
use der::asn1::{BitString, OctetString, Uint};
use der::{Decode as _, Encode as _};
use x509_cert::Version;
use x509_cert::crl::{RevokedCert, TbsCertList};
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, CrlNumber, CrlReason};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;

use super::{extension, key_identifier, time};
use crate::asn1::{element, signature_identifier};
use crate::certificate::Certificate;
use crate::error::SignError;
use crate::sign::Signer;
use crate::time::UnixTime;

/// One certificate on a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Its serial number: the content octets of the INTEGER, as [`Certificate::certificate_serial`] has them.
    pub serial: Vec<u8>,
    /// When it was revoked.
    pub at: UnixTime,
    /// Why; none if that is not told.
    pub reason: Option<ListedReason>,
}

/// Why a certificate is on a list: those reasons of RFC 5280, section 5.3.1, that speak of an end entity's certificate which stays revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListedReason {
    /// Its key is known to others.
    KeyCompromise,
    /// Its holder belongs to somebody else or does something else.
    AffiliationChanged,
    /// Another certificate took its place.
    Superseded,
    /// Its holder is no longer in use.
    CessationOfOperation,
    /// Its holder may no longer do what it says.
    PrivilegeWithdrawn,
}

/// Signs the list of what `ca` revoked, in DER. `number` grows from list to list (RFC 5280, section 5.2.3); `next_update` is when the next one comes at the latest.
///
/// # Errors
/// [`SignError::Encode`] if it cannot be written, [`SignError::Key`] if `signer` holds another key than the CA's or does not sign.
pub async fn revocation_list(
    ca: &Certificate,
    signer: &dyn Signer,
    revoked: &[Revoked],
    number: u128,
    this_update: UnixTime,
    next_update: UnixTime,
) -> Result<Vec<u8>, SignError> {
    if *signer.public_key() != ca.public_key() {
        return Err(SignError::Key("the signer holds another key than its CA certificate".into()));
    }
    let algorithm = signature_identifier(signer.algorithm());
    let to_be_signed = || -> der::Result<Vec<u8>> {
        let key_id = ca.subject_key_id().map_or_else(|| key_identifier(&ca.public_key()), <[u8]>::to_vec);
        let authority = AuthorityKeyIdentifier { key_identifier: Some(OctetString::new(key_id)?), ..AuthorityKeyIdentifier::default() };
        let revoked = revoked.iter().map(entry).collect::<der::Result<Vec<_>>>()?;
        let list = TbsCertList {
            version: Version::V2,
            signature: algorithm.clone(),
            issuer: Name::from_der(ca.subject_der())?,
            this_update: time(this_update)?,
            next_update: Some(time(next_update)?),
            // An empty list is not written at all (RFC 5280, section 5.1.2.6).
            revoked_certificates: (!revoked.is_empty()).then_some(revoked),
            crl_extensions: Some(vec![
                extension(rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER, false, &authority)?,
                extension(rfc5280::ID_CE_CRL_NUMBER, false, &CrlNumber(Uint::new(&number.to_be_bytes())?))?,
            ]),
        };
        list.to_der()
    };
    let tbs = to_be_signed().map_err(not_encodable)?;

    let signature = signer.sign(&tbs).await?;
    let bits = signature.to_asn1().map_err(not_encodable)?;
    let assemble = || -> der::Result<Vec<u8>> { Ok(element(0x30, &[tbs, algorithm.to_der()?, BitString::from_bytes(&bits)?.to_der()?].concat())) };
    assemble().map_err(not_encodable)
}

fn entry(revoked: &Revoked) -> der::Result<RevokedCert> {
    let reason = revoked.reason.map(|reason| extension(rfc5280::ID_CE_CRL_REASONS, false, &reason.code())).transpose()?;
    Ok(RevokedCert {
        serial_number: SerialNumber::new(&revoked.serial)?,
        revocation_date: time(revoked.at)?,
        crl_entry_extensions: reason.map(|reason| vec![reason]),
    })
}

impl ListedReason {
    fn code(self) -> CrlReason {
        match self {
            Self::KeyCompromise => CrlReason::KeyCompromise,
            Self::AffiliationChanged => CrlReason::AffiliationChanged,
            Self::Superseded => CrlReason::Superseded,
            Self::CessationOfOperation => CrlReason::CessationOfOperation,
            Self::PrivilegeWithdrawn => CrlReason::PrivilegeWithdrawn,
        }
    }
}

fn not_encodable(source: impl std::error::Error + Send + Sync + 'static) -> SignError {
    SignError::Encode { artefact: "CRL", source: Box::new(source) }
}

#[cfg(test)]
mod tests {
    use x509_cert::crl::CertificateList;

    use super::*;
    use crate::test_pki::{Entity, block_on};
    use crate::time::at;

    fn list(ca: &Entity, revoked: &[Revoked], number: u128) -> CertificateList {
        let der = block_on(revocation_list(&ca.certificate, &ca.key, revoked, number, at(1_790_000_000), at(1_790_604_800))).unwrap();
        CertificateList::from_der(&der).unwrap()
    }

    #[test]
    fn list_names_what_was_revoked_and_why() {
        let ca = Entity::root("CA");
        let revoked = Revoked { serial: vec![0x40, 1, 2], at: at(1_789_000_000), reason: Some(ListedReason::KeyCompromise) };
        let list = list(&ca, &[revoked], 7).tbs_cert_list;
        let entry = &list.revoked_certificates.unwrap()[0];
        assert_eq!(entry.serial_number.as_bytes(), [0x40, 1, 2]);
        assert_eq!(entry.crl_entry_extensions.as_ref().unwrap()[0].extn_value.as_bytes(), [0x0a, 1, 1]);
    }

    #[test]
    fn list_without_entries_leaves_the_field_out() {
        assert_eq!(list(&Entity::root("CA"), &[], 7).tbs_cert_list.revoked_certificates, None);
    }

    #[test]
    fn number_is_the_shortest_positive_integer() {
        let extensions = |number| list(&Entity::root("CA"), &[], number).tbs_cert_list.crl_extensions.unwrap();
        assert_eq!(extensions(0x80)[1].extn_value.as_bytes(), [2, 2, 0, 0x80]);
        assert_eq!(extensions(1 << 70)[1].extn_value.as_bytes(), [2, 9, 0x40, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn key_of_another_ca_signs_no_list() {
        let (ca, other) = (Entity::root("CA"), Entity::root("Other"));
        let signed = block_on(revocation_list(&ca.certificate, &other.key, &[], 1, at(1), at(2)));
        assert!(matches!(signed, Err(SignError::Key(_))));
    }
}
