//! What vouchers tell of keys.

use brski_common::voucher::{ProvenanceExtension, Wanted};

use super::*;
use crate::testing::{Pledge, seal};

/// A request in this format that asks for so much.
fn asking(owner: &Owner, pledge: &Pledge, format: Format, wanted: Wanted) -> Signed<VoucherRequest> {
    let asked = ProvenanceExtension::asking_for(wanted);
    let leaves = owner.leaves_in(format, pledge, &pledge.leaves(owner, nonce(1)));
    seal(&owner.party(), &VoucherRequest { provenance: Some(asked), ..leaves }, format)
}

const FULL: Wanted = Wanted { full: true, summary: false };
const SUMMARY: Wanted = Wanted { full: false, summary: true };

/// What the voucher tells that this MASA gives.
fn told(maker: &Maker, masa: &Masa, request: &Signed<VoucherRequest>) -> Option<ProvenanceExtension> {
    let voucher = block_on(masa.vouch(request, request.format(), &PeerCertificates::default())).unwrap();
    read_voucher(maker, &voucher).provenance
}

#[test]
fn voucher_tells_what_its_registrar_asks_for_in_every_format() {
    let (maker, owner) = (Maker::new(), Owner::new("owner"));
    for &format in Format::ALL {
        let (masa, pledge) = (maker.masa(), maker.pledge("JADA123"));
        let statement = block_on(masa.record(&maker.report(&pledge, Some(origin())))).unwrap().statement.unwrap();
        let full = told(&maker, &masa, &asking(&owner, &pledge, format, FULL));
        assert_eq!(full, Some(ProvenanceExtension::with_statement(stored(&statement))));
        let summary = told(&maker, &masa, &asking(&owner, &pledge, format, SUMMARY)).unwrap();
        assert_eq!(
            (summary.statement, summary.statement_hash),
            (None, Some(Signed::<ProvenanceStatement>::from_wire(Format::Cose, stored(&statement)).digest()))
        );
        assert_eq!((summary.method, summary.transfer), (Some(origin().method), Some(origin().private_transfer)));
    }
}

#[test]
fn statement_in_the_voucher_is_the_one_that_provenance_tells() {
    let (maker, owner) = (Maker::new(), Owner::new("owner"));
    let (masa, pledge) = (maker.masa(), maker.pledge("JADA123"));
    block_on(masa.record(&maker.report(&pledge, Some(origin())))).unwrap();
    let request = asking(&owner, &pledge, Format::Jws, FULL);
    let told = told(&maker, &masa, &request).and_then(|extension| extension.statement);
    assert_eq!(told, block_on(masa.provenance(&request)).unwrap().as_ref().map(stored));
}

#[test]
fn voucher_that_was_not_asked_tells_nothing() {
    let (maker, owner) = (Maker::new(), Owner::new("owner"));
    let (masa, pledge) = (maker.masa(), maker.pledge("JADA123"));
    block_on(masa.record(&maker.report(&pledge, Some(origin())))).unwrap();
    assert_eq!(told(&maker, &masa, &owner.request(&pledge, nonce(1))), None);
}

#[test]
fn voucher_tells_nothing_where_the_policy_forbids_it_or_nothing_is_on_record() {
    let (maker, owner) = (Maker::new(), Owner::new("owner"));
    for (statement_in_voucher, origin) in [(false, Some(origin())), (true, None)] {
        let mut parts = maker.parts(memory());
        parts.lines.rest_mut().issue_policy.statement_in_voucher = statement_in_voucher;
        let (masa, pledge) = (Masa::new(parts), maker.pledge("JADA123"));
        block_on(masa.record(&maker.report(&pledge, origin))).unwrap();
        assert_eq!(told(&maker, &masa, &asking(&owner, &pledge, Format::Cms, FULL)), None);
    }
}

#[test]
fn statement_that_was_lost_in_a_crash_is_told_all_the_same() {
    let (maker, owner, ledger) = (Maker::new(), Owner::new("owner"), memory());
    let pledge = maker.pledge("JADA123");
    let mut parts = maker.parts(ledger.clone());
    parts.lines.rest_mut().provenance = SigningParty::with_chain(vec![maker.provenance.certificate.clone()], Arc::new(Broken(maker.provenance.key.clone())));
    assert!(block_on(Masa::new(parts).record(&maker.report(&pledge, Some(origin())))).is_err());
    let masa = Masa::new(maker.parts(ledger));
    assert!(told(&maker, &masa, &asking(&owner, &pledge, Format::Cms, FULL)).is_some());
}
