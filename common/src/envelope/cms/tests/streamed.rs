//! CMS as senders that stream write it, and CMS that leaves its signer's certificate out.

use super::*;

/// The same element in BER: nothing constructed says its length, and octet strings come in pieces.
fn streamed(der: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = der;
    while let [tag, after @ ..] = rest {
        let (length, head) = match after {
            [short @ 0..=0x7f, ..] => (usize::from(*short), 1),
            [long, octets @ ..] => {
                let count = usize::from(long & 0x7f);
                (octets[..count].iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet)), 1 + count)
            }
            [] => panic!("an element is cut short"),
        };
        let content = &after[head..head + length];
        match tag {
            constructed if constructed & 0x20 != 0 => {
                out.extend([&[*constructed, 0x80][..], &streamed(content), &[0, 0]].concat());
            }
            &OCTET_STRING => {
                let pieces: Vec<u8> = content.chunks(7).flat_map(|piece| element(OCTET_STRING, piece)).collect();
                out.extend([&[OCTET_STRING | 0x20, 0x80][..], &pieces, &[0, 0]].concat());
            }
            primitive => out.extend(element(*primitive, content)),
        }
        rest = &after[head + length..];
    }
    out
}

#[test]
fn streamed_envelope_opens_and_verifies() {
    let (root, leaf) = signer(SignatureAlgorithm::Es256);
    let wire = streamed(&sealed(&root, &leaf));
    assert_eq!(wire[..2], [SEQUENCE, 0x80]);
    let opened = open("voucher", &wire, STRICT).unwrap();
    assert_eq!(opened.payload, PAYLOAD);
    assert_eq!(opened.signatures[0].candidates(&[]), [&leaf.certificate]);
    opened.signatures[0].check_signature("voucher", &leaf.certificate.public_key(), "leaf").unwrap();
}

#[test]
fn streamed_envelope_with_another_content_does_not_verify() {
    let (root, leaf) = signer(SignatureAlgorithm::Es256);
    let mut wire = streamed(&sealed(&root, &leaf));
    let at = wire.windows(5).position(|w| w == &PAYLOAD[..5]).unwrap();
    wire[at] ^= 1;
    assert!(matches!(open("voucher", &wire, STRICT), Err(VerifyError::BadSignature { .. })));
}

#[test]
fn signer_that_is_not_enclosed_may_be_known() {
    let (_, leaf) = signer(SignatureAlgorithm::Es384);
    let draft = draft(CmsContent::Voucher, PAYLOAD.to_vec(), &leaf.party(&[]).identity).unwrap();
    let signature = block_on(leaf.key.sign(draft.to_be_signed())).unwrap();
    let full = draft.attach(signature).unwrap();
    let opened = open("voucher", &without_certificates(&full, &leaf.certificate), STRICT).unwrap();
    let block = &opened.signatures[0];
    assert_eq!(block.certificates, []);
    assert!(block.candidates(&[]).is_empty());
    assert_eq!(block.candidates(&[Entity::root("Root").certificate, leaf.certificate.clone()]), [&leaf.certificate]);
    block.check_signature("voucher", &leaf.certificate.public_key(), "leaf").unwrap();
}

/// The envelope without the field that holds this one certificate.
fn without_certificates(wire: &[u8], certificate: &Certificate) -> Vec<u8> {
    let field = certificate_set(core::slice::from_ref(certificate));
    let at = wire.windows(field.len()).position(|w| w == field).unwrap();
    let cut = [&wire[..at], &wire[at + field.len()..]].concat();
    // ContentInfo, its type, [0], SignedData: the lengths above the field have four octets each.
    let inner = AnyRef::from_der(wire).unwrap().value();
    let head = wire.len() - inner.len() + element(OBJECT_IDENTIFIER, const_oid::db::rfc5911::ID_SIGNED_DATA.as_bytes()).len();
    content_info(&cut[head + 8..])
}

#[test]
fn certificate_that_is_enclosed_and_known_is_one_candidate() {
    let (root, leaf) = signer(SignatureAlgorithm::Es256);
    let opened = open("voucher", &sealed(&root, &leaf), STRICT).unwrap();
    assert_eq!(opened.signatures[0].candidates(core::slice::from_ref(&leaf.certificate)), [&leaf.certificate]);
}
