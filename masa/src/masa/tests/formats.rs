//! Requests and vouchers in every format, and registrars that pledges name by their keys.

use brski_common::DomainId;

use super::*;
use crate::testing::{Pledge, by_key, by_key_hash, seal};

fn recorded(maker: &Maker) -> (Masa, Pledge) {
    let (masa, pledge) = (maker.masa(), maker.pledge("JADA123"));
    block_on(masa.record(&maker.report(&pledge, Some(origin())))).unwrap();
    (masa, pledge)
}

fn vouch(masa: &Masa, request: &Signed<VoucherRequest>, answer: Format) -> Result<Signed<Voucher>, Error> {
    block_on(masa.vouch(request, answer, &PeerCertificates::default()))
}

#[test]
fn repeated_request_gets_the_same_voucher_in_whichever_format() {
    let (maker, owner) = (Maker::new(), Owner::new("owner"));
    for &asked in Format::ALL {
        let (masa, pledge) = recorded(&maker);
        let request = owner.request_in(asked, &pledge, &pledge.leaves(&owner, nonce(1)));
        let vouchers = [Format::Cms, Format::Jws, Format::Cose].map(|answer| read_voucher(&maker, &vouch(&masa, &request, answer).unwrap()));
        assert!(vouchers.iter().all(|voucher| *voucher == vouchers[0]), "{asked:?}");
        assert_eq!(block_on(masa.audit_log(&request)).unwrap().events.len(), 1);
    }
}

#[test]
fn pledge_that_sends_no_certificate_is_known_by_the_recorded_one() {
    let (maker, owner) = (Maker::new(), Owner::new("owner"));
    let (masa, pledge) = recorded(&maker);
    let impostor = Pledge(Entity { certificate: pledge.0.certificate.clone(), key: crate::testing::new_key() });
    let request = |pledge: &Pledge| owner.request_in(Format::Cose, pledge, &pledge.leaves(&owner, nonce(1)));
    let outcome = vouch(&masa, &request(&impostor), Format::Cose);
    assert!(matches!(outcome, Err(Error::Untrusted(VerifyError::BadSignature { .. } | VerifyError::UnknownSigner { .. }))), "{outcome:?}");
    assert!(vouch(&masa, &request(&pledge), Format::Cose).is_ok());
}

#[test]
fn registrar_of_a_cose_request_is_its_signer_wherever_its_certificate_stands() {
    let (maker, owner) = (Maker::new(), Owner::new("owner"));
    let (masa, pledge) = recorded(&maker);
    let party = owner.party().enclosing(vec![pledge.0.certificate.clone(), maker.issuing.certificate.clone(), maker.root.certificate.clone()]);
    let request = seal(&party, &owner.leaves_in(Format::Cose, &pledge, &pledge.leaves(&owner, nonce(1))), Format::Cose);
    let voucher = read_voucher(&maker, &vouch(&masa, &request, Format::Cose).unwrap());
    assert_eq!(voucher.pinned_domain_cert, Some(owner.authority.certificate));
}

#[test]
fn owner_by_raw_key_reads_the_log_in_which_it_is_called_by_that_key() {
    let (maker, owner) = (Maker::new(), Owner::new("owner"));
    let key = owner.registrar.certificate.public_key();
    for (format, named) in Format::ALL.iter().flat_map(|format| [by_key, by_key_hash].map(|named| (*format, named))) {
        let (masa, pledge) = recorded(&maker);
        let request = owner.request_in(format, &pledge, &named(pledge.leaves(&owner, nonce(1))));
        let voucher = read_voucher(&maker, &vouch(&masa, &request, format).unwrap());
        assert_eq!((voucher.pinned_domain_cert.is_some(), voucher.assertion), (false, Some(Assertion::Proximity)));
        let log = block_on(masa.audit_log(&request)).unwrap();
        assert_eq!(log.events.iter().map(|event| event.domain_id.clone()).collect::<Vec<_>>(), [DomainId::from(key.digest())]);
        assert!(block_on(masa.provenance(&request)).unwrap().is_some());
    }
}

#[test]
fn registrar_beside_the_owner_by_raw_key_reads_nothing() {
    let (maker, owner) = (Maker::new(), Owner::new("owner"));
    let (masa, pledge) = recorded(&maker);
    let request = owner.request_in(Format::Cms, &pledge, &by_key(pledge.leaves(&owner, nonce(1))));
    vouch(&masa, &request, Format::Cms).unwrap();
    let subject = brski_common::issuing::Subject::common_name("second registrar");
    let second = Owner { registrar: owner.authority.issue(subject, |template| template.usages(&[crate::testing::CMC_RA])), ..owner };
    assert!(matches!(refusal(block_on(masa.audit_log(&second.request(&pledge, nonce(2))))), Refusal::NeverOwner { .. }));
}

#[test]
fn voucher_without_a_form_in_the_wanted_format_is_refused_and_leaves_no_entry() {
    let (maker, owner, ledger) = (Maker::new(), Owner::new("owner"), memory());
    let (masa, pledge) = (Masa::new(maker.parts(ledger.clone())), maker.pledge("JADA123"));
    block_on(masa.record(&maker.report(&pledge, Some(origin())))).unwrap();
    // Plain words for a nonce have no place in CBOR.
    let request = owner.request(&pledge, brski_common::Nonce::from_text("plain words!").unwrap());
    let refused = vouch(&masa, &request, Format::Cose).unwrap_err();
    let expected = "the voucher cannot be expressed in cose: nonce must be base64 of 8 to 32 octets, which are what CBOR carries";
    assert_eq!(in_full(&refused), expected);
    assert_eq!(block_on(ledger.history(&pledge.device())).unwrap().unwrap().vouched(), []);
    // In its own format it is given, and recorded; after that the other format is refused as before.
    assert!(vouch(&masa, &request, Format::Cms).is_ok());
    assert!(matches!(vouch(&masa, &request, Format::Cose), Err(Error::Inexpressible { format: Format::Cose, .. })));
}
