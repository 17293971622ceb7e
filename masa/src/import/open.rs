//! From lines and messages to rows: batches are opened, their signature is checked once, and rows without signature are signed where the station's key is at hand.

pub(super) mod kind;

use core::ops::Range;
use std::path::{Component, Path};
use std::sync::Arc;

use brski_common::provenance::{ManufactureBatch, ManufactureReport, RowError, RowForm, RowReader};
use brski_common::text::in_full;
use brski_common::{Certificate, Format, Signed};

use super::outcome::{Failure, Place};
use super::queue::Queue;
use super::source::{Block, Item};
use super::{Delivery, Import, delivered, wait_for};
use crate::manufacture::GenuineBatch;
use kind::Kind;

/// What is to be verified, or why there is nothing.
pub(super) enum Work {
    /// A report with a signature of its own.
    Report(Signed<ManufactureReport>),
    /// A row of a batch whose signature was checked.
    Row(Arc<GenuineBatch>, Range<usize>),
    /// Nothing that could be verified.
    Failed(Failure),
}

/// A few rows, each with its place.
pub(super) type Chunk = Vec<(Place, Work)>;

/// Opens blocks until there are no more, or until nobody listens.
pub(super) struct Opener<'a> {
    pub(super) import: &'a Import<'a>,
    pub(super) name: Arc<str>,
    pub(super) chunks: &'a Queue<Chunk>,
    chunk: Chunk,
    /// Rows without signature, not yet signed, with their places.
    unsigned: Vec<(Within, String)>,
    /// Their octets.
    unsigned_size: usize,
    reader: RowReader,
    header: Option<String>,
}

/// The line, and in a delivery list the element.
type Within = (Option<u64>, Option<u64>);

/// Nothing more is to be read.
struct Stop;

impl<'a> Opener<'a> {
    pub(super) fn new(import: &'a Import<'a>, name: Arc<str>, chunks: &'a Queue<Chunk>) -> Self {
        Self { import, name, chunks, chunk: Chunk::new(), unsigned: Vec::new(), unsigned_size: 0, reader: RowReader::jsonl(), header: None }
    }

    pub(super) fn run(mut self, blocks: &Queue<Block>) {
        while let Some((_, block)) = blocks.take() {
            for (line, item) in block {
                if self.take(line, item).is_err() {
                    let _ = self.pass_on();
                    return;
                }
            }
            if self.sign().and_then(|()| self.pass_on()).is_err() {
                return;
            }
        }
    }

    fn take(&mut self, line: Option<u64>, item: Item) -> Result<(), Stop> {
        if self.import.manifests_only && !is_a_vendors(&item) {
            self.add(line, None, Work::Failed(Failure::new(NO_MANIFEST)))?;
            return Err(Stop);
        }
        let (octets, form) = match item {
            Item::Row(octets) => return self.add_unsigned((line, None), octets),
            Item::Element(octets) => return self.add_element(line, &octets),
            Item::Line(octets) if core::str::from_utf8(&octets).is_err() => return self.add(line, None, Work::Failed(Failure::new(NOT_UTF_8))),
            Item::Line(octets) => match kind::of(&octets) {
                Kind::Unsigned => return self.add_unsigned((line, None), octets),
                Kind::Delivery => return self.add_list(line, &octets),
                Kind::Report => return self.add(line, None, Work::Report(Signed::from_wire(Format::Jws, octets))),
                Kind::Batch => (octets, Format::Jws),
            },
            Item::Message(octets) => (octets, Format::Cose),
            Item::Header(header) => return self.begin(line, header),
            Item::Fault(failure) => return self.add(line, None, Work::Failed(failure)),
        };
        match self.import.masa().genuine_batch(&Signed::<ManufactureBatch>::from_wire(form, octets)) {
            Ok(batch) if batch.rows().next().is_none() => self.add(line, None, Work::Failed(Failure::new("the batch has no rows"))),
            Ok(batch) => self.add_batch(batch, |row| (line, Some(row))),
            Err(err) => self.add(line, None, Work::Failed(Failure::untrusted(&err))),
        }
    }

    /// The header of a CSV. Whatever is wrong with it is told; the rows below it would be misread.
    fn begin(&mut self, line: Option<u64>, header: String) -> Result<(), Stop> {
        let faults = match RowReader::csv(&header) {
            Ok(_) if self.import.sign_as.is_none() => vec![unsigned()],
            Ok(reader) if reader.names_files() && self.import.certificates.is_none() => {
                vec![RowError::of("idevid-file", "needs --certificates, the folder in which the files are").into()]
            }
            Ok(reader) => {
                (self.reader, self.header) = (reader, Some(header));
                return Ok(());
            }
            Err(faults) => faults.into_iter().map(Failure::from).collect(),
        };
        for fault in faults {
            self.add(line, None, Work::Failed(fault))?;
        }
        Err(Stop)
    }

    /// An element of a manifest, as a row that the station signs.
    fn add_element(&mut self, line: Option<u64>, octets: &[u8]) -> Result<(), Stop> {
        let nothing_said = Delivery::default();
        let masa = self.import.masa();
        let report = delivered::report(octets, self.import.delivery.unwrap_or(&nothing_said), |element| masa.delivered(element));
        match report.and_then(|report| report.to_json().map_err(|err| Failure::new(in_full(&err)))) {
            Ok(row) => self.add_unsigned((line, None), row.into_bytes()),
            Err(failure) => self.add(line, None, Work::Failed(failure)),
        }
    }

    /// The elements of a delivery list, likewise.
    fn add_list(&mut self, line: Option<u64>, octets: &[u8]) -> Result<(), Stop> {
        let nothing_said = Delivery::default();
        let masa = self.import.masa();
        let reports = match delivered::reports(octets, self.import.delivery.unwrap_or(&nothing_said), |list| masa.delivery(list)) {
            Ok(reports) => reports,
            Err(failure) => return self.add(line, None, Work::Failed(failure)),
        };
        for (element, report) in (1..).zip(reports) {
            match report.and_then(|report| report.to_json().map_err(|err| Failure::new(in_full(&err)))) {
                Ok(row) => self.add_unsigned((line, Some(element)), row.into_bytes())?,
                Err(failure) => self.add(line, Some(element), Work::Failed(failure))?,
            }
        }
        Ok(())
    }

    fn add_unsigned(&mut self, place: Within, octets: Vec<u8>) -> Result<(), Stop> {
        let failure = match (String::from_utf8(octets), self.import.sign_as) {
            (Err(_), _) => Failure::new(NOT_UTF_8),
            (Ok(_), None) => unsigned(),
            (Ok(row), Some(_)) if row.len() > LONGEST_ROW => Failure::new(format!("the row is longer than {LONGEST_ROW} octets")),
            (Ok(row), Some(_)) => match self.inlined(row) {
                Ok(row) => {
                    self.unsigned_size += row.len();
                    self.unsigned.push((place, row));
                    return if self.unsigned.len() >= MOST_ROWS || self.unsigned_size >= MOST_UNSIGNED { self.sign() } else { Ok(()) };
                }
                Err(err) => err.into(),
            },
        };
        self.add(place.0, place.1, Work::Failed(failure))
    }

    /// The row with its certificate in it, so that the signature covers that.
    fn inlined(&self, row: String) -> Result<String, RowError> {
        match self.import.certificates {
            Some(folder) if self.reader.names_files() => {
                let report = self.reader.read_finding(&row, &|name| certificate(folder, name))?;
                report.to_json().map_err(|err| RowError::of_idevid(&err))
            }
            Some(_) | None => Ok(row),
        }
    }

    /// Signs the rows that wait for it, in the station's name.
    fn sign(&mut self) -> Result<(), Stop> {
        let rows = core::mem::take(&mut self.unsigned);
        self.unsigned_size = 0;
        let (Some(station), false) = (self.import.sign_as, rows.is_empty()) else { return Ok(()) };
        let (places, texts): (Vec<Within>, Vec<String>) = rows.into_iter().unzip();
        let rows = texts.join("\n");
        let batch = match &self.header {
            Some(header) if !self.reader.names_files() => ManufactureBatch::new(RowForm::Csv, format!("{header}\n{rows}")),
            Some(_) | None => ManufactureBatch::new(RowForm::Jsonl, rows),
        };
        let signed = batch.map_err(|err| in_full(&err)).and_then(|batch| wait_for(station.seal(&batch, Format::Cose)).map_err(|err| in_full(&err)));
        let genuine = signed.and_then(|signed| self.import.masa().genuine_batch(&signed).map_err(|err| in_full(&err)));
        match genuine {
            Ok(batch) => {
                let place = |row: u64| usize::try_from(row - 1).ok().and_then(|row| places.get(row).copied());
                self.add_batch(batch, |row| place(row).unwrap_or_default())
            }
            // Every row should be told of.
            Err(cause) => places.into_iter().try_for_each(|(line, row)| self.add(line, row, Work::Failed(Failure::new(cause.clone())))),
        }
    }

    fn add_batch(&mut self, batch: GenuineBatch, place: impl Fn(u64) -> Within) -> Result<(), Stop> {
        let batch = Arc::new(batch);
        for (number, row) in batch.rows() {
            let (line, row_number) = place(number);
            self.add_in_order(line, row_number, Work::Row(Arc::clone(&batch), row))?;
        }
        Ok(())
    }

    /// Adds work after the rows that wait for their signature.
    fn add(&mut self, line: Option<u64>, row: Option<u64>, work: Work) -> Result<(), Stop> {
        self.sign()?;
        self.add_in_order(line, row, work)
    }

    fn add_in_order(&mut self, line: Option<u64>, row: Option<u64>, work: Work) -> Result<(), Stop> {
        self.chunk.push((Place { file: Arc::clone(&self.name), line, row }, work));
        if self.chunk.len() >= MOST_ROWS { self.pass_on() } else { Ok(()) }
    }

    fn pass_on(&mut self) -> Result<(), Stop> {
        let chunk = core::mem::take(&mut self.chunk);
        if chunk.is_empty() || self.chunks.put(chunk) { Ok(()) } else { Err(Stop) }
    }
}

/// Whether it may be what a vendor signed of its elements.
fn is_a_vendors(item: &Item) -> bool {
    match item {
        Item::Element(_) | Item::Fault(_) => true,
        Item::Line(octets) => kind::of(octets) == Kind::Delivery,
        Item::Row(_) | Item::Message(_) | Item::Header(_) => false,
    }
}

fn unsigned() -> Failure {
    Failure::new(
        "it bears no signature of a station: `brski-masa report --rows` signs rows where the station's key is, \
         and `brski-masa record` with --station-key and --station signs them in the station's name",
    )
}

/// The first certificate of a PEM file below the folder.
fn certificate(folder: &Path, name: &str) -> Result<Certificate, RowError> {
    let fault = |cause: &str| RowError::of("idevid-file", cause);
    let name = Path::new(name);
    if !name.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(fault("must be a path below the folder of --certificates, without .."));
    }
    let text = std::fs::read_to_string(folder.join(name)).map_err(|err| fault(&format!("the file cannot be read: {err}")))?;
    let certificates = Certificate::all_from_pem(&text).map_err(|err| fault(&in_full(&err)))?;
    certificates.into_iter().next().ok_or_else(|| fault("the file holds no certificate"))
}

const NOT_UTF_8: &str = "the line is not UTF-8";

const MOST_ROWS: usize = 256;

// A report with an IDevID and much to say is some 4 KiB long; one with the largest delivery list as its evidence, in base64, some 90.
const LONGEST_ROW: usize = 128 * 1024;

// So that the rows signed together, the longest one as the last included, always fit a batch.
const MOST_UNSIGNED: usize = ManufactureBatch::LARGEST / 2;

const NO_MANIFEST: &str =
    "what stands here is neither a manifest nor a delivery list of secure elements, which --manifest demands; it and what follows it were not read";
