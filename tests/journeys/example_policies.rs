//! What the policies that are shipped as examples make of each method, in the forms in which it is met.

use brski_common::appraise::{Case, Mode, ReceiptFinding};
use brski_common::provenance::{Basis, Disclosure, FindingResult, KeyOrigin, Locus, Protection, Quorum, SecureElementGeneration, Source, Status, Transfer};
use brski_common::time::at;
use brski_common::{Format, Method, Policy, ProvenanceRecord, ProvenanceStatement, SignedBy, Signer as _, Verifier, appraise};

use crate::support::{Authority, Device, Hand, Manufacturer, NOW, block_on};

const ANY_RECORDED: &str = include_str!("../../registrar/policies/any-recorded.toml");
const HARDWARE_ONLY: &str = include_str!("../../registrar/policies/hardware-only.toml");
const NO_SHARED_SECRET: &str = include_str!("../../registrar/policies/no-shared-secret.toml");
const FACTORY_BLIND: &str = include_str!("../../registrar/policies/factory-blind.toml");

/// A statement in a form that is met.
type Form = fn(Method, &mut ProvenanceStatement);

const FORMS: [(&str, Form); 7] = [
    ("station", |_, _| ()),
    ("attested", |method, said| {
        claimed(method, said);
        said.evidence = Some(FindingResult::Supports);
    }),
    ("claimed", claimed),
    ("kept", |_, said| said.key_retained = Some(true)),
    ("soft", |_, said| said.protection = Protection::NoneSoftware),
    ("loaded", |_, said| (said.se_generation, said.private_transfer) = (Some(SecureElementGeneration::Injected), Some(Transfer::MechanicallyTransferred))),
    ("together", |_, said| said.co_generation = Some(Quorum { parties: 3 })),
];

/// Attested by somebody, as the station says.
fn claimed(method: Method, said: &mut ProvenanceStatement) {
    said.basis = match method {
        Method::Salak | Method::Sapodilla => Basis::SeVendorAttested,
        _ => Basis::KeyAttestation,
    };
}

struct Table {
    device: Device,
    maker: brski_common::SigningParty,
}

impl Table {
    fn new() -> Self {
        block_on(async {
            let device = Manufacturer::found("Fruitmaker", &Hand::default()).await.certify("A-1").await;
            Self { device, maker: Authority::root("Provenance").await.party("provenance", &[]).await }
        })
    }

    fn stated(&self, method: Method) -> ProvenanceStatement {
        let (source, locus, transfer) = match method {
            Method::Bamboo => (Source::Loaded, Locus::Factory, Transfer::MechanicallyInstalled),
            Method::Carrot => (Source::Kdf, Locus::MainCpu, Transfer::NetworkTransferred),
            Method::Avocado => (Source::GeneratedOnDevice, Locus::MainCpu, Transfer::None),
            _ => (Source::GeneratedOnDevice, Locus::SecureElement, Transfer::None),
        };
        let origin = KeyOrigin {
            private_transfer: transfer,
            se_generation: (method == Method::Sapodilla).then_some(SecureElementGeneration::Internal),
            ..KeyOrigin::new(method, source, Protection::NonExtractable, locus, Basis::StationSigned, at(NOW))
        };
        let idevid = self.device.idevid();
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
            origin,
        };
        ProvenanceStatement::view(&record, self.device.key.public_key(), "masa", Disclosure::Internal, [9; 16], at(NOW)).unwrap()
    }

    /// The verdict, by its first letter.
    fn verdict(&self, policy: &Policy, statement: Option<&ProvenanceStatement>) -> char {
        let verified = statement.map(|statement| {
            let signed = block_on(self.maker.seal(statement, Format::Cose)).unwrap();
            signed.verify(&Verifier::strict(SignedBy::Holder(&self.maker.identity.chain[0])), at(NOW)).unwrap()
        });
        let idevid = self.device.idevid();
        let case = Case { idevid: &idevid, manufacturer: "Fruitmaker", statement: verified.as_ref(), receipt: ReceiptFinding::Missing, word: None };
        appraise(policy, &case, at(NOW)).unwrap().verdict().name().chars().next().unwrap()
    }

    /// A line for each form: its name, then the verdicts over avocado, bamboo, carrot, salak and sapodilla. The last is that of a device of which nothing is said.
    fn of(&self, policy: &str) -> Vec<String> {
        let policy = Policy::from_toml(policy).unwrap();
        assert_eq!(policy.mode(), Mode::Enforce);
        let methods = [Method::Avocado, Method::Bamboo, Method::Carrot, Method::Salak, Method::Sapodilla];
        let line = |(name, form): &(&str, Form)| {
            let verdict = |method: &Method| {
                let mut statement = self.stated(*method);
                form(*method, &mut statement);
                self.verdict(&policy, Some(&statement))
            };
            format!("{name} {}", methods.iter().map(verdict).collect::<String>())
        };
        FORMS.iter().map(line).chain([format!("silence {}", self.verdict(&policy, None))]).collect()
    }
}

#[test]
fn any_recorded_accepts_every_method_that_is_stated() {
    let expected = ["station aaaaa", "attested aaaaa", "claimed aaaaa", "kept aaaaa", "soft aaaaa", "loaded aaaaa", "together aaaaa", "silence r"];
    assert_eq!(Table::new().of(ANY_RECORDED), expected);
    let table = Table::new();
    assert_eq!(table.verdict(&Policy::from_toml(ANY_RECORDED).unwrap(), Some(&table.stated(Method::Unknown))), 'h');
}

#[test]
fn hardware_only_accepts_elements_that_do_not_let_the_key_go() {
    let expected = ["station rrraa", "attested rrraa", "claimed rrraa", "kept rrraa", "soft rrrrr", "loaded rrrah", "together rrraa", "silence r"];
    assert_eq!(Table::new().of(HARDWARE_ONLY), expected);
}

#[test]
fn no_shared_secret_refuses_what_somebody_else_had() {
    let expected = ["station arraa", "attested arraa", "claimed arraa", "kept rrrrr", "soft arraa", "loaded rrrrr", "together arhaa", "silence r"];
    assert_eq!(Table::new().of(NO_SHARED_SECRET), expected);
}

#[test]
fn factory_blind_accepts_on_others_word_and_asks_a_person_about_the_factorys() {
    let expected = ["station hrrhh", "attested arraa", "claimed hrrhh", "kept rrrrr", "soft hrrhh", "loaded rrrrr", "together hrrhh", "silence r"];
    assert_eq!(Table::new().of(FACTORY_BLIND), expected);
}
