//! What cannot be read, trusted or recorded, told at its place; the rest goes on.

use brski_common::{EnrolledKey, Signer as _, SigningParty, SoftwareKey};

use super::*;
use crate::manufacture::{Station, Withdrawal};
use crate::testing::{NOW, later, new_key};

fn of_station(change: impl FnOnce(Station) -> Station) -> Vec<String> {
    let maker = Maker::new();
    let stations = vec![change(maker.stations().remove(0))];
    let masa = Masa::new(crate::masa::MasaParts { stations, ..maker.parts(memory()) });
    let world = World { maker, masa };
    let file = [world.batch(&world.reports(&["A"]), Format::Jws), world.maker.report(&world.maker.pledge("B"), None).wire().to_vec()].join(&b'\n');
    told(&world.import(), file)
}

#[test]
fn key_that_expired_or_was_withdrawn_is_refused_with_the_setting_that_says_so() {
    let expired = "which expired on 2026-09-21T14:13:19Z; not-after under its entry of [[stations]] in the MASA's configuration says so";
    let withdrawn = "which was withdrawn on 2026-09-21T14:13:20Z (key leaked); withdrawn under its entry of [[stations]] in the MASA's configuration says so";
    let reason = Some("key leaked".parse().unwrap());
    let cases = [
        (of_station(|station| Station { not_after: Some(brski_common::time::at(NOW.as_secs() - 1)), ..station }), expired),
        (of_station(|station| Station { withdrawn: Some(Withdrawal { since: NOW, reason }), ..station }), withdrawn),
    ];
    for (told, why) in cases {
        let of = |place: &str, artefact: &str| format!("in, {place}: the manufacture {artefact} is signed with the key of 'line 1', {why}");
        assert_eq!(told, [of("line 1", "batch"), of("line 2", "report")]);
    }
}

#[test]
fn key_that_will_expire_or_be_withdrawn_still_counts() {
    let told = of_station(|station| Station { not_after: Some(NOW), withdrawn: Some(Withdrawal { since: later(1), reason: None }), ..station });
    assert_eq!(told, ["in, line 1, row 1: A", "in, line 2: B"]);
}

#[test]
fn batch_of_a_station_that_nobody_knows_is_refused_as_a_whole() {
    let world = World::new();
    let batch = ManufactureBatch::of_reports(&world.reports(&["A", "B"])).unwrap();
    let stranger = |name: &str, key: SoftwareKey| seal(&SigningParty::with_name(name, Arc::new(key)), &batch, Format::Cose).wire().to_vec();
    let file = [stranger("line 9", new_key()), stranger("line 1", new_key()), world.batch(&world.reports(&["C"]), Format::Cose)].concat();
    assert_eq!(
        told(&world.import(), file),
        [
            "in, line 1: the signer of the manufacture batch cannot be identified: no key is enrolled as 'line 9'",
            "in, line 2: the signature of the manufacture batch does not verify with the key of line 1",
            "in, line 3, row 1: C",
        ]
    );
}

#[test]
fn station_s_key_must_be_the_enrolled_one_to_sign_here() {
    let world = World::new();
    let station = SigningParty::with_name("line 1", Arc::new(new_key()));
    let told = told(&world.import().signing_as(&station), jsonl(&world.reports(&["A", "B"])));
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|told| told.contains("does not verify with the key of line 1")), "{told:?}");
}

#[test]
fn row_with_a_fault_leaves_the_others() {
    let world = World::new();
    let reports = world.reports(&["A", "B"]);
    let rows = format!("{}{{\"version\":1,\"idevid\":\"AAAA\"}}\n{}", jsonl(&reports[..1]), jsonl(&reports[1..]));
    let batch = ManufactureBatch::new(RowForm::Jsonl, rows).unwrap();
    let told = told(&world.import(), seal(&world.maker.station_party(), &batch, Format::Jws).wire());
    assert_eq!((told.len(), told[0].as_str(), told[2].as_str()), (3, "in, line 1, row 1: A", "in, line 1, row 3: B"));
    assert!(told[1].starts_with("in, line 1, row 2: idevid: "), "{told:?}");
}

#[test]
fn idevid_of_another_manufacturer_is_refused() {
    let (world, other) = (World::new(), World::new());
    let told = told(&world.import(), world.batch(&other.reports(&["A"]), Format::Jws));
    assert!(told[0].starts_with("in, line 1, row 1: A: idevid: the certificate of serialNumber=A does not lead to a configured trust anchor"), "{told:?}");
}

#[test]
fn row_without_signature_is_refused_with_how_to_sign_it() {
    let world = World::new();
    let told = told(&world.import(), jsonl(&world.reports(&["A"])));
    assert!(told[0].starts_with("in, line 1: it bears no signature of a station: `brski-masa report --rows` signs"), "{told:?}");
}

#[test]
fn csv_without_signature_is_refused_once() {
    let world = World::new();
    let told = told(&world.import(), to_csv(&world.reports(&["A", "B"])).unwrap());
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("in, line 1: it bears no signature of a station"), "{told:?}");
}

#[test]
fn every_unknown_column_is_told_and_no_row_is_read() {
    let world = World::new();
    let station = world.maker.station_party();
    let told = told(&world.import().signing_as(&station), "idevid,methd,shares\nAAAA,avocado,5\n");
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0], "in, line 1: methd: is no column that is known here; the nearest is method");
    assert!(told[1].starts_with("in, line 1: shares: the numbers k and n of a split secret"), "{told:?}");
}

#[test]
fn column_of_files_needs_their_folder() {
    let world = World::new();
    let station = world.maker.station_party();
    let told = told(&world.import().signing_as(&station), "idevid-file\na.pem\n");
    assert_eq!(told, ["in, line 1: idevid-file: needs --certificates, the folder in which the files are"]);
}

#[test]
fn line_in_another_encoding_is_told_and_the_rest_goes_on() {
    let world = World::new();
    let station = world.maker.station_party();
    let csv = to_csv(&world.reports(&["A"])).unwrap();
    let (header, row) = csv.split_once('\n').unwrap();
    let file = [header.as_bytes(), b"Z\xfcrich", row.as_bytes()].join(&b'\n');
    assert_eq!(told(&world.import().signing_as(&station), file), ["in, line 2: the line is not UTF-8", "in, line 3: A"]);
}

#[test]
fn contradiction_and_doubled_key_are_refused_and_say_which_device_it_is() {
    let world = World::new();
    let reports = world.reports(&["A"]);
    let other = ManufactureReport { origin: Some(KeyOrigin { site: Some("Basel".parse().unwrap()), ..origin() }), ..reports[0].clone() };
    let impostor = world.reports(&["A"]).remove(0);
    let subject = brski_common::issuing::Subject::serial_number(&crate::testing::serial("B"));
    let pledge = world.maker.pledge("C");
    let same_key = world.maker.issuing.certify(subject, &pledge.0.key, |template| template);
    assert_eq!(pledge.0.key.public_key().digest(), same_key.spki_digest());
    let doubled = ManufactureReport { idevid: brski_common::IDevIdCert::new(same_key).unwrap(), origin: None };
    let first = ManufactureReport { idevid: pledge.idevid(), origin: None };
    let told = told(&world.import(), world.batch(&[reports[0].clone(), other, impostor, first, doubled], Format::Jws));
    assert_eq!((told[0].as_str(), told[3].as_str()), ("in, line 1, row 1: A", "in, line 1, row 4: C"));
    assert!(told[1].contains("the origin of the key") && told[1].contains('A'), "{told:?}");
    assert!(told[2].contains("the serial number") && told[2].contains('A'), "{told:?}");
    assert!(told[4].contains("the public key") && told[4].contains('C'), "{told:?}");
}

#[test]
fn station_that_is_enrolled_twice_under_two_names_signs_under_each() {
    let maker = Maker::new();
    let second = Station::new(EnrolledKey { name: "line 2".to_owned(), key: maker.station.public_key().clone() });
    let stations = [maker.stations(), vec![second]].concat();
    let masa = Masa::new(crate::masa::MasaParts { stations, ..maker.parts(memory()) });
    let batch = ManufactureBatch::of_reports(&World { masa: maker.masa(), maker: maker.clone() }.reports(&["A"])).unwrap();
    let file = seal(&SigningParty::with_name("line 2", Arc::new(maker.station.clone())), &batch, Format::Jws);
    assert_eq!(told(&Import::new(&masa, Want::Record), file.wire()), ["in, line 1, row 1: A"]);
}

#[test]
fn batch_without_rows_is_told_once() {
    let world = World::new();
    let file = [world.batch(&[], Format::Cose), world.batch(&world.reports(&["A"]), Format::Cose)].concat();
    assert_eq!(told(&world.import(), file), ["in, line 1: the batch has no rows", "in, line 2, row 1: A"]);
}

#[test]
fn lines_of_other_spaces_than_ascii_s_do_not_shift_what_is_told_below_them() {
    let world = World::new();
    let (station, reports) = (world.maker.station_party(), world.reports(&["A"]));
    let file = format!("\u{a0}\n{{\"version\":1}}\n{}", reports[0].to_json().unwrap());
    let told = told(&world.import().signing_as(&station), file);
    assert!(told[0].starts_with("in, line 1: "), "{told:?}");
    assert_eq!(told[1..], ["in, line 2: idevid: is missing", "in, line 3: A"]);
}

/// Two MASAs of one ledger, of which the first is current for so many groups, and whether the sender may still.
struct Changing {
    masas: [Arc<Masa>; 2],
    changed: std::sync::atomic::AtomicBool,
    forbidden: std::sync::atomic::AtomicBool,
}

impl Current for Changing {
    fn masa(&self) -> Arc<Masa> {
        Arc::clone(&self.masas[usize::from(self.changed.load(std::sync::atomic::Ordering::SeqCst))])
    }

    fn may_record(&self) -> Result<(), String> {
        match self.forbidden.load(std::sync::atomic::Ordering::SeqCst) {
            true => Err("the token is not known here".to_owned()),
            false => Ok(()),
        }
    }
}

/// More than are recorded together.
const ROWS: usize = super::super::GROUP + 600;

/// What is told of a large batch if this happens once its first row was told.
fn told_while(happens: impl Fn(&Changing)) -> Vec<String> {
    let (world, ledger) = (World::new(), memory());
    let station = Station { withdrawn: Some(Withdrawal { since: NOW, reason: None }), ..world.maker.stations().remove(0) };
    let masa = |stations| Arc::new(Masa::new(crate::masa::MasaParts { stations, ..world.maker.parts(ledger.clone()) }));
    let masas = [masa(world.maker.stations()), masa(vec![station])];
    let changing = Changing { masas, changed: false.into(), forbidden: false.into() };
    let serials: Vec<String> = (0..ROWS).map(|i| format!("JADA{i}")).collect();
    let reports = world.reports(&serials.iter().map(String::as_str).collect::<Vec<_>>());
    let mut told = Vec::new();
    let input = Cursor::new(world.batch(&reports, Format::Cose));
    let _ = Import::by_current(&changing, Want::Record).run("in", input, &mut |outcome| {
        if told.is_empty() {
            happens(&changing);
        }
        told.push(outcome.result.map_or_else(|failure| failure.to_string(), |recorded| recorded.device.serial.to_string()));
        ControlFlow::Continue(())
    });
    told
}

#[test]
fn station_that_is_withdrawn_while_its_batch_is_recorded_counts_no_longer() {
    let told = told_while(|changing| changing.changed.store(true, std::sync::atomic::Ordering::SeqCst));
    assert_eq!((told.len(), told[0].as_str()), (ROWS, "JADA0"));
    assert!(told[ROWS - 1].contains("which was withdrawn on"), "{}", told[ROWS - 1]);
}

#[test]
fn import_ends_with_a_sentence_once_its_sender_may_not_record_any_more() {
    let told = told_while(|changing| changing.forbidden.store(true, std::sync::atomic::Ordering::SeqCst));
    assert!(told.len() < ROWS, "{}", told.len());
    assert_eq!(told.last().unwrap(), "the token is not known here");
}
