//! Records and statements survive their encoding, and nobody is told what only others may know.

use std::sync::LazyLock;

use brski_common::provenance::{
    Answers, Basis, CaArrangement, CoGeneration, Disclosure, Fact, KeyAlgorithm, KeyOrigin, Lock, Locus, ManufactureBatch, ManufactureReport, Overrides,
    Protection, Question, RowForm, SecureElementGeneration, Seed, Source, Status, Text, Transfer, to_csv,
};
use brski_common::time::at;
use brski_common::{DeviceId, Format, IDevIdCert, Method, Payload as _, ProvenanceRecord, ProvenanceStatement, Signer as _, SoftwareKey};
use brski_masa::ledger::{Made, Marked, Scope};
use brski_masa::{Entry, History};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use crate::config;
use crate::generators::{key_identifier, serial_number, time};
use crate::support::{Authority, NOW, block_on, new_key, template};

static KEYS: LazyLock<Vec<SoftwareKey>> = LazyLock::new(|| (0..3).map(|_| new_key()).collect());

static IDEVID: LazyLock<IDevIdCert> = LazyLock::new(|| {
    let subject = brski_common::issuing::Subject::serial_number(&brski_common::SerialNumber::new("A-1").unwrap());
    let chain = block_on(async { Authority::root("IDevID root").await.issue(template(subject, &KEYS[0])).await });
    IDevIdCert::new(chain[0].clone()).unwrap()
});

fn text() -> impl Strategy<Value = Text> {
    "[\\P{Cc}]{1,200}".prop_map(|text| Text::new(text).unwrap())
}

fn overrides() -> impl Strategy<Value = Overrides> {
    let fields = Fact::ALL.iter().map(|fact| (*fact).into()).chain(Question::ALL.iter().map(|question| (*question).into())).collect::<Vec<_>>();
    prop::collection::btree_map(select(fields), select(Disclosure::ALL), 0..8).prop_map(Overrides)
}

prop_compose! {
    fn answers()(
        first_stage_exposure in of(any::<u32>()),
        identity_anchor_storage in of(text()),
        identity_shared_split_extra in of(any::<u32>()),
        pki_algorithms in of(prop::collection::vec((text(), 1..=u32::MAX), 0..4)),
        pki_level in of(1..=u8::MAX),
        pki_breadth in of(any::<u64>()),
        pki_level_locked in of(any::<bool>()),
    ) -> Answers {
        let algorithm = |(algorithm, bits): (Text, u32)| KeyAlgorithm { algorithm, bits: bits.try_into().unwrap() };
        Answers {
            first_stage_exposure, identity_anchor_storage, identity_shared_split_extra, pki_breadth, pki_level_locked,
            pki_algorithms: pki_algorithms.map(|several| several.into_iter().map(algorithm).collect()),
            pki_level: pki_level.and_then(|level| level.try_into().ok()),
            ..Answers::default()
        }
    }
}

prop_compose! {
    /// Any origin, whether or not it makes sense.
    fn origin()(
        method in select(Method::ALL),
        (source, protection, locus, basis) in (select(Source::ALL), select(Protection::ALL), select(Locus::ALL), select(Basis::ALL)),
        (lock, certificate_transfer, private_transfer) in (select(Lock::ALL), select(Transfer::ALL), select(Transfer::ALL)),
        (se_generation, ca_arrangement) in (of(select(SecureElementGeneration::ALL)), of(select(CaArrangement::ALL))),
        (transfer_encrypted, key_retained) in (of(any::<bool>()), of(any::<bool>())),
        seed in of((any::<u32>(), of(text()), of(any::<bool>()))),
        co_generation in of((prop::collection::vec(text(), 2..5), 1..3_u32)),
        [silicon_vendor, site, line, station, batch] in [of(text()), of(text()), of(text()), of(text()), of(text())],
        (answers, disclosure, made_at) in (answers(), overrides(), time()),
    ) -> KeyOrigin {
        KeyOrigin {
            lock, certificate_transfer, private_transfer, se_generation, ca_arrangement, transfer_encrypted, key_retained, silicon_vendor, site, line, station, batch,
            answers, disclosure,
            seed: seed.map(|(bits, storage, copies_destroyed)| Seed { bits, storage, copies_destroyed, batch: None }),
            co_generation: co_generation.map(|(parties, threshold)| CoGeneration { parties, threshold }),
            ..KeyOrigin::new(method, source, protection, locus, basis, made_at)
        }
    }
}

prop_compose! {
    /// Any record of the key with this number.
    fn record()(
        (issuer, serial) in (key_identifier(), serial_number()),
        (seq, salt, status) in (any::<u32>(), any::<[u8; 16]>(), select(Status::ALL)),
        (reported_by, recorded_at) in ("[ -~]{0,64}", time()),
        (key, origin) in (0..KEYS.len(), origin()),
    ) -> (ProvenanceRecord, usize) {
        let spki = KEYS[key].public_key().digest();
        (ProvenanceRecord { device: DeviceId { issuer, serial }, spki, seq, salt, status, report: None, supersedes: None, reported_by, recorded_at, origin, findings: Vec::new() }, key)
    }
}

/// An IDevID with the key of this number.
fn idevid_of(key: usize) -> IDevIdCert {
    static IDEVIDS: LazyLock<Vec<IDevIdCert>> = LazyLock::new(|| {
        let subject = |key: usize| brski_common::issuing::Subject::serial_number(&brski_common::SerialNumber::new(format!("K-{key}")).unwrap());
        let issue = |key: usize| block_on(async { Authority::root("IDevID root").await.issue(template(subject(key), &KEYS[key])).await });
        (0..KEYS.len()).map(|key| IDevIdCert::new(issue(key)[0].clone()).unwrap()).collect()
    });
    IDEVIDS[key].clone()
}

fn record_is_in(scope: &Scope, record: &ProvenanceRecord) -> bool {
    let is = |recorded: &Option<Text>, name: &String| recorded.as_ref().is_some_and(|recorded| recorded.as_str() == name);
    match scope {
        Scope::Device(device) => *device == record.device,
        Scope::Batch(name) => is(&record.origin.batch, name),
        Scope::Line(name) => is(&record.origin.line, name),
        Scope::Station(name) => record.reported_by == *name || is(&record.origin.station, name),
    }
}

fn view(record: &ProvenanceRecord, key: usize, level: Disclosure) -> ProvenanceStatement {
    ProvenanceStatement::view(record, KEYS[key].public_key(), "masa.fruitmaker.example", level, [9; 16], at(NOW)).unwrap()
}

/// Whether nothing that `less` tells is missing from `more` or told otherwise there.
fn tells_at_least<T: PartialEq>(more: &Option<T>, less: &Option<T>) -> bool {
    less.is_none() || more == less
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn record_survives_its_encoding((record, _) in record()) {
        let octets = record.to_cbor().unwrap();
        let read = ProvenanceRecord::from_cbor(&octets).unwrap();
        prop_assert_eq!(read.to_cbor().unwrap(), octets);
        prop_assert_eq!(read, record);
    }

    #[test]
    fn same_record_with_another_salt_is_another_leaf((record, _) in record(), salt in any::<[u8; 16]>()) {
        let salted = ProvenanceRecord { salt, ..record.clone() };
        prop_assert_eq!(salted.digest().unwrap() == record.digest().unwrap(), salted == record);
    }

    #[test]
    fn statement_survives_its_encoding((record, key) in record(), level in select(Disclosure::ALL)) {
        let statement = view(&record, key, level);
        prop_assert_eq!(ProvenanceStatement::decode(&statement.encode(Format::Cose).unwrap(), Format::Cose, &brski_common::Reading::default()).unwrap(), statement);
    }

    #[test]
    fn report_survives_its_encoding(origin in of(origin())) {
        let report = ManufactureReport { idevid: IDEVID.clone(), origin };
        prop_assert_eq!(ManufactureReport::decode(&report.encode(Format::Jws).unwrap(), Format::Jws, &brski_common::Reading::default()).unwrap(), report);
    }

    #[test]
    fn batch_is_read_as_it_was_written(origins in prop::collection::vec(of(origin()), 0..5), format in select(&[Format::Jws, Format::Cose][..])) {
        let reports: Vec<ManufactureReport> = origins.into_iter().map(|origin| ManufactureReport { idevid: IDEVID.clone(), origin }).collect();
        let batch = ManufactureBatch::of_reports(&reports).unwrap();
        let read = ManufactureBatch::decode(&batch.encode(format).unwrap(), format, &brski_common::Reading::default()).unwrap();
        prop_assert_eq!(read.rows().map(|(_, row)| read.reader().read(&read.text()[row]).unwrap()).collect::<Vec<_>>(), reports);
    }

    #[test]
    fn csv_is_read_as_it_was_written_or_names_what_has_no_column(origins in prop::collection::vec(of(origin()), 1..4)) {
        let cut = |origin: KeyOrigin| {
            let answers = Answers { pki_algorithms: None, ..origin.answers };
            KeyOrigin { co_generation: None, disclosure: Overrides::default(), answers, ..origin }
        };
        let reports = |origins: Vec<Option<KeyOrigin>>| -> Vec<ManufactureReport> {
            origins.into_iter().map(|origin| ManufactureReport { idevid: IDEVID.clone(), origin }).collect()
        };
        let (whole, cut) = (reports(origins.clone()), reports(origins.into_iter().map(|origin| origin.map(cut)).collect()));
        for reports in [whole, cut] {
            match to_csv(&reports) {
                Ok(csv) => {
                    let batch = ManufactureBatch::new(RowForm::Csv, csv).unwrap();
                    prop_assert_eq!(batch.rows().map(|(_, row)| batch.reader().read(&batch.text()[row]).unwrap()).collect::<Vec<_>>(), reports);
                }
                Err(fault) => prop_assert!(fault.field.is_some(), "{fault}"),
            }
        }
    }

    #[test]
    fn whoever_may_see_more_is_told_at_least_as_much((record, key) in record(), levels in (select(Disclosure::ALL), select(Disclosure::ALL))) {
        let (less, more) = (view(&record, key, levels.0.min(levels.1)), view(&record, key, levels.0.max(levels.1)));
        prop_assert!(tells_at_least(&more.certificate_transfer, &less.certificate_transfer));
        prop_assert!(tells_at_least(&more.private_transfer, &less.private_transfer));
        prop_assert!(tells_at_least(&more.se_generation, &less.se_generation));
        prop_assert!(tells_at_least(&more.lock, &less.lock));
        prop_assert!(tells_at_least(&more.made_at, &less.made_at));
        prop_assert!(tells_at_least(&more.key_retained, &less.key_retained));
        prop_assert!(tells_at_least(&more.seed_copies_destroyed, &less.seed_copies_destroyed));
        prop_assert!(tells_at_least(&more.co_generation, &less.co_generation));
        for (more, less) in [(&more.site, &less.site), (&more.line, &less.line), (&more.station, &less.station), (&more.batch, &less.batch)] {
            prop_assert!(tells_at_least(more, less));
        }
        prop_assert!(Question::ALL.iter().all(|question| more.answers.has(*question) || !less.answers.has(*question)));
    }

    #[test]
    fn statement_never_tells_what_the_record_keeps_from_its_reader((record, key) in record(), level in select(Disclosure::ALL)) {
        let (statement, kept_back) = (view(&record, key, level), |field| record.origin.disclosure.of(field) > level);
        for question in Question::ALL {
            prop_assert!(!(kept_back((*question).into()) && statement.answers.has(*question)), "{question}");
        }
        for (fact, told) in [(Fact::Site, &statement.site), (Fact::Line, &statement.line), (Fact::Station, &statement.station), (Fact::Batch, &statement.batch)] {
            prop_assert!(!(kept_back(fact.into()) && told.is_some()), "{fact}");
        }
    }

    #[test]
    fn every_field_is_told_to_exactly_those_who_may_see_it((record, key) in record(), level in select(Disclosure::ALL)) {
        let (statement, origin) = (view(&record, key, level), &record.origin);
        let open = |field| origin.disclosure.of(field) <= level;
        for fact in Fact::ALL.iter().copied() {
            let open = open(fact.into());
            let told = match fact {
                Fact::CertificateTransfer => statement.certificate_transfer == open.then_some(origin.certificate_transfer),
                Fact::PrivateTransfer => statement.private_transfer == open.then_some(origin.private_transfer),
                Fact::SeGeneration => statement.se_generation == origin.se_generation.filter(|_| open),
                Fact::Lock => statement.lock == open.then_some(origin.lock),
                Fact::MadeAt => statement.made_at == open.then_some(origin.made_at),
                Fact::KeyRetained => statement.key_retained == origin.key_retained.filter(|_| open),
                Fact::CoGeneration => statement.co_generation.map(|quorum| quorum.parties as usize) == origin.co_generation.as_ref().filter(|_| open).map(|made| made.parties.len()),
                Fact::Site => statement.site == origin.site.clone().filter(|_| open),
                Fact::Line => statement.line == origin.line.clone().filter(|_| open),
                Fact::Station => statement.station == origin.station.clone().filter(|_| open),
                Fact::Batch => statement.batch == origin.batch.clone().filter(|_| open),
                Fact::SeedCopiesDestroyed => {
                    statement.seed_copies_destroyed == origin.seed.as_ref().and_then(|seed| seed.copies_destroyed).filter(|_| open)
                }
                other => panic!("{other} is not looked at"),
            };
            prop_assert!(told, "{fact}");
        }
        for question in Question::ALL.iter().copied() {
            let split = question == Question::IdentitySharedSplitExtra && level < Disclosure::Internal && !origin.split.may_leave();
            let expected = open(question.into()) && !split && origin.answers.has(question);
            prop_assert_eq!(statement.answers.has(question), expected, "{}", question);
        }
    }

    #[test]
    fn whatever_marks_come_the_statement_says_the_worst_that_stands(
        (record, key) in record(),
        marks in prop::collection::vec((0..4_usize, select(Status::ALL)), 0..12),
        asked_after in any::<u16>(),
        level in select(&Disclosure::ALL[..3]),
    ) {
        let of_key = idevid_of(key);
        let record = ProvenanceRecord { device: of_key.device().clone(), seq: 0, status: Status::Valid, ..record };
        let scopes = [
            Scope::Device(record.device.clone()),
            Scope::Batch(record.origin.batch.as_ref().map_or("elsewhere".to_owned(), |batch| batch.to_string())),
            Scope::Line(record.origin.line.as_ref().map_or("elsewhere".to_owned(), |line| line.to_string())),
            Scope::Station(record.reported_by.clone()),
        ];
        let made = Entry::Made(Made { at: at(NOW), idevid: of_key.clone(), reported_by: record.reported_by.clone() });
        let (mut own, mut others) = (vec![made, Entry::Recorded(Box::new(record.clone()))], Vec::new());
        let history = |own: &[Entry], others: &[Entry]| History::build((1..).zip(own.iter().cloned()), others, false).unwrap();
        let mut newest = [Status::Valid; 4];
        for (i, (scope, status)) in marks.into_iter().enumerate() {
            let marked = Marked { at: at(NOW + 1), by: "jane".to_owned(), scope: scopes[scope].clone(), status, reason: "why".to_owned() };
            if scope == 0 { own.push(Entry::Marked(marked)) } else { others.push(Entry::Marked(marked)) }
            let holds = record_is_in(&scopes[scope], &record);
            newest[scope] = if holds { status } else { Status::Valid };
            // Somebody asks now and then, so that the record is followed by another.
            if asked_after >> (i % 16) & 1 == 1 && let Some(next) = brski_masa::marks::restated(&history(&own, &others), [7; 16], at(NOW + 2)).unwrap() {
                own.push(Entry::Recorded(Box::new(next)));
            }
        }
        if let Some(next) = brski_masa::marks::restated(&history(&own, &others), [8; 16], at(NOW + 3)).unwrap() {
            own.push(Entry::Recorded(Box::new(next)));
        }
        let after = history(&own, &others);
        let worst = newest.into_iter().max_by_key(|status| status.number()).unwrap();
        let said = view(after.record().unwrap(), key, level);
        prop_assert_eq!((after.status(), said.status), (worst, worst));
        prop_assert_eq!(after.blocked().is_some(), worst != Status::Valid);
        // A mark says nothing of how the key came to be, to nobody.
        let unmarked = view(&record, key, level);
        prop_assert_eq!(ProvenanceStatement { status: unmarked.status, seq: unmarked.seq, record: unmarked.record, ..said }, unmarked);
    }

    #[test]
    fn statement_about_one_key_is_bound_to_no_other((record, key) in record()) {
        let record = ProvenanceRecord { device: IDEVID.device().clone(), ..record };
        prop_assert_eq!(view(&record, key, Disclosure::Customer).check_binding(&IDEVID).is_ok(), key == 0);
    }

    #[test]
    fn origin_is_consistent_or_refused_with_a_reason(origin in origin()) {
        if let Err(refusal) = origin.check() {
            prop_assert!(refusal.to_string().starts_with("the record contradicts itself: "));
        }
    }
}
