//! Who signs, and one signed artefact of each kind in each format and algorithm.

use std::sync::LazyLock;

use brski_common::issuing::Subject;
use brski_common::provenance::{Disclosure, Status};
use brski_common::time::at;
use brski_common::voucher::{ProvenanceExtension, Wanted};
use brski_common::{
    Anchors, Assertion, Format, IDevIdCert, Leniencies, ManufactureReport, Method, Nonce, Payload, ProvenanceRecord, ProvenanceStatement, SerialNumber,
    SignatureAlgorithm, Signed, SignedBy, SigningParty, SoftwareKey, Usage, Verifier, VerifyError, Voucher, VoucherRequest,
};
use proptest::prelude::*;

use crate::generators::leaves;
use crate::support::{Authority, NOW, block_on, new_key, origin, template};

/// Everybody's root.
pub(crate) static ROOT: LazyLock<Authority> = LazyLock::new(|| block_on(Authority::root("Root")));

/// One signer for each algorithm, all under [`ROOT`].
pub(crate) static PARTIES: LazyLock<Vec<SigningParty>> = LazyLock::new(|| {
    let party = |algorithm| {
        let (key, _) = SoftwareKey::generate(algorithm).unwrap();
        let chain = block_on(ROOT.issue(template(Subject::common_name("Signer"), &key)));
        SigningParty::with_chain(chain, std::sync::Arc::new(key))
    };
    [SignatureAlgorithm::Es256, SignatureAlgorithm::Es384, SignatureAlgorithm::EdDsa].into_iter().map(party).collect()
});

pub(crate) fn any_party() -> impl Strategy<Value = SigningParty> {
    (0..PARTIES.len()).prop_map(|i| PARTIES[i].clone())
}

/// How the signer is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum By {
    Holder,
    Anchored,
}

impl By {
    pub(crate) const ALL: [Self; 2] = [Self::Holder, Self::Anchored];
}

/// A signed artefact.
pub(crate) struct Artefact {
    pub(crate) name: String,
    pub(crate) format: Format,
    pub(crate) wire: Vec<u8>,
    verify: Box<Verify>,
}

/// Whether value and signer are what they were.
type Verify = dyn Fn(&[u8], By) -> Result<bool, VerifyError> + Send + Sync;

impl Artefact {
    fn new<T: Payload + PartialEq + Send + Sync + 'static>(value: T, format: Format, party: &SigningParty) -> Self {
        let wire = block_on(party.seal(&value, format)).unwrap().wire().to_vec();
        let (holder, anchors) = (party.identity.chain[0].clone(), Anchors::new(ROOT.chain.clone()).unwrap());
        let name = format!("{} in {} with {}", T::NAME, format.name(), party.identity.algorithm.jose_name());
        let verify = move |wire: &[u8], by| {
            let by = match by {
                By::Holder => SignedBy::Holder(&holder),
                By::Anchored => SignedBy::Anchored { anchors: &anchors, usage: Usage::Any, known: &[] },
            };
            // As leniently as can be: no leniency may open a way around the signature.
            let verified = Signed::<T>::from_wire(format, wire).verify(&Verifier { by, lenient: Leniencies::ALL }, at(NOW))?;
            Ok(*verified.get() == value && verified.signer().chain.first() == Some(&holder))
        };
        Self { name, format, wire, verify: Box::new(verify) }
    }

    /// Verifies other octets in place of its own, and says whether value and signer are what they were.
    pub(crate) fn is_read_unchanged_from(&self, wire: &[u8], by: By) -> Result<bool, VerifyError> {
        (self.verify)(wire, by)
    }
}

/// Every kind in each format that it has; of each, one for each algorithm.
pub(crate) static ARTEFACTS: LazyLock<Vec<Vec<Artefact>>> = LazyLock::new(|| {
    let of_each = |format: Format| {
        [
            PARTIES.iter().map(|party| Artefact::new(voucher(), format, party)).collect(),
            PARTIES.iter().map(|party| Artefact::new(request(), format, party)).collect::<Vec<_>>(),
        ]
    };
    let others = [
        PARTIES.iter().map(|party| Artefact::new(statement(), Format::Cose, party)).collect(),
        PARTIES.iter().map(|party| Artefact::new(report(), Format::Jws, party)).collect(),
    ];
    Format::ALL.iter().copied().flat_map(of_each).chain(others).collect()
});

static DEVICE: LazyLock<IDevIdCert> = LazyLock::new(|| {
    let key = new_key();
    let chain = block_on(ROOT.issue(template(Subject::serial_number(&serial_number()), &key)));
    IDevIdCert::new(chain[0].clone()).unwrap()
});

fn serial_number() -> SerialNumber {
    SerialNumber::new("A-1").unwrap()
}

fn voucher() -> Voucher {
    Voucher {
        assertion: Some(Assertion::Proximity),
        created_on: Some(at(NOW)),
        nonce: Some(Nonce::from_bytes(b"a nonce!").unwrap()),
        pinned_domain_pubk_sha256: Some([7; 32]),
        provenance: Some(leaves(|of| (of.method, of.statement) = (Some(Method::Salak), Some(vec![1, 2, 3])))),
        ..Voucher::new(serial_number())
    }
}

fn request() -> VoucherRequest {
    VoucherRequest {
        assertion: Some(Assertion::Proximity),
        created_on: Some(at(NOW)),
        idevid_issuer: Some(DEVICE.device().issuer.clone()),
        nonce: Some(Nonce::from_bytes(b"a nonce!").unwrap()),
        proximity_registrar_pubk_sha256: Some([7; 32]),
        provenance: Some(ProvenanceExtension::asking_for(Wanted { full: true, summary: false })),
        ..VoucherRequest::new(serial_number())
    }
}

fn statement() -> ProvenanceStatement {
    let idevid = &*DEVICE;
    let record = ProvenanceRecord {
        device: idevid.device().clone(),
        spki: idevid.spki_digest(),
        seq: 0,
        salt: [5; 16],
        status: Status::Valid,
        report: None,
        supersedes: None,
        reported_by: "station-7".to_owned(),
        recorded_at: at(NOW),
        findings: Vec::new(),
        origin: origin(Method::Avocado),
    };
    ProvenanceStatement::view(&record, &idevid.certificate().public_key(), "masa.fruitmaker.example", Disclosure::Customer, [9; 16], at(NOW)).unwrap()
}

fn report() -> ManufactureReport {
    ManufactureReport { idevid: DEVICE.clone(), origin: Some(origin(Method::Carrot)) }
}
