//! The outer shape of SignedData (RFC 5652, section 5.1), read without disturbing its octets.

use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{DigestAlgorithmIdentifiers, EncapsulatedContentInfo};
use const_oid::db::rfc5911::ID_SIGNED_DATA;
use der::{Decode as _, DecodeValue, FixedTag, Header, Reader, Tag, TagMode, TagNumber};

use crate::asn1::element;
use crate::certificate::Certificate;
use crate::envelope::ber;
use crate::error::DecodeError;

/// Most certificates that are read from one envelope.
const MAX_CERTIFICATES: usize = 32;

/// CMS ContentInfo around the content octets of a SignedData.
pub(crate) fn content_info(signed_data: &[u8]) -> Vec<u8> {
    let content = element(CONTEXT_0, &element(SEQUENCE, signed_data));
    element(SEQUENCE, &[element(OBJECT_IDENTIFIER, ID_SIGNED_DATA.as_bytes()), content].concat())
}

/// The field `certificates` of a SignedData: each once, in the ascending order that DER wants of a SET OF.
pub(crate) fn certificate_set(certificates: &[Certificate]) -> Vec<u8> {
    let mut ders: Vec<&[u8]> = certificates.iter().map(Certificate::der).collect();
    ders.sort_unstable();
    ders.dedup();
    element(CONTEXT_0, &ders.concat())
}

/// A SignedData whose sets are left in the octets and the order in which they came.
pub(crate) struct SignedData {
    pub(crate) content: EncapsulatedContentInfo,
    pub(crate) certificates: Vec<Vec<u8>>,
    pub(crate) signer_infos: Vec<Vec<u8>>,
}

impl SignedData {
    /// Reads a ContentInfo in DER or, if it is none, in BER.
    pub(crate) fn from_ber(input: &[u8]) -> Result<Self, DecodeError> {
        match Self::from_der(input) {
            Err(DecodeError::Syntax { .. }) => Self::from_der(&ber::to_der(input)?),
            other => other,
        }
    }

    fn from_der(der: &[u8]) -> Result<Self, DecodeError> {
        let outer = ContentInfo::from_der(der).map_err(syntax)?;
        match outer.content_type {
            ID_SIGNED_DATA => outer.content.decode_as().map_err(syntax),
            other => Err(DecodeError::Unexpected { what: "CMS contentType", found: other.to_string(), expected: "id-signedData (1.2.840.113549.1.7.2)" }),
        }
    }
}

impl FixedTag for SignedData {
    const TAG: Tag = Tag::Sequence;
}

impl<'a> DecodeValue<'a> for SignedData {
    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        reader.read_nested(header.length, |reader| {
            // Any version: senders disagree, and nothing that is read here depends on it.
            CmsVersion::decode(reader)?;
            DigestAlgorithmIdentifiers::decode(reader)?;
            let content = EncapsulatedContentInfo::decode(reader)?;
            let certificates: Option<Elements> = reader.context_specific(TagNumber::N0, TagMode::Implicit)?;
            let _revocation: Option<Elements> = reader.context_specific(TagNumber::N1, TagMode::Implicit)?;
            let signer_infos = Elements::decode(reader)?;
            Ok(Self { content, certificates: certificates.map(|c| c.0).unwrap_or_default(), signer_infos: signer_infos.0 })
        })
    }
}

/// The elements of a SET OF, each in its own octets.
struct Elements(Vec<Vec<u8>>);

impl FixedTag for Elements {
    const TAG: Tag = Tag::Set;
}

impl<'a> DecodeValue<'a> for Elements {
    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        reader.read_nested(header.length, |reader| {
            let mut elements = Vec::new();
            while !reader.is_finished() {
                if elements.len() == MAX_CERTIFICATES {
                    return Err(der::ErrorKind::Overlength.into());
                }
                elements.push(reader.tlv_bytes()?.to_vec());
            }
            Ok(Self(elements))
        })
    }
}

pub(super) fn syntax(err: der::Error) -> DecodeError {
    DecodeError::syntax("CMS", "DER", err)
}

pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
pub(super) const CONTEXT_0: u8 = 0xa0;
