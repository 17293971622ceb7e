//! Many rows at once, signed in batches.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::path::Path;

use anyhow::Context as _;
use brski_common::provenance::{ManufactureBatch, ManufactureReport, RowError, RowReader};
use brski_common::serve::setup::read_certificates;
use brski_common::text::{LONGEST_LINE, printable};
use brski_common::{Certificate, Format, SigningParty};

use super::check;

/// What to sign.
pub(super) struct Source<'a> {
    /// The file; `-` is standard input.
    pub(super) rows: &'a Path,
    /// Folder of the certificates that it names.
    pub(super) certificates: Option<&'a Path>,
    /// Whether n-k may be published although it tells n and k.
    pub(super) reveal_split: bool,
}

/// Signs the rows of a file, so many a batch, and writes the batches to standard output. Returns how many rows had a fault; those are told and not signed.
pub(super) async fn sign(station: &SigningParty, source: &Source<'_>, format: Format, each: usize) -> anyhow::Result<u64> {
    let rows = source.rows;
    let named = |cause: &str| format!("{}: {cause}", rows.display());
    let input: Box<dyn std::io::Read> = match rows.as_os_str() == "-" {
        true => Box::new(std::io::stdin()),
        false => Box::new(File::open(rows).with_context(|| named("cannot be read"))?),
    };
    let mut out = crate::cli::out();
    let (mut lines, mut reader) = (BufReader::new(input), None);
    let (mut number, mut failed, mut batch, mut size) = (0u64, 0, Vec::with_capacity(each), 0);
    while let Some(line) = line(&mut lines).with_context(|| named("cannot be read any further"))? {
        number += 1;
        let line = match (&line, number) {
            (Ok(line), 1) => Ok(line.strip_prefix('\u{feff}').unwrap_or(line)),
            (Ok(line), _) => Ok(line.as_str()),
            (Err(fault), _) => Err(fault.clone()),
        };
        if line.as_ref().is_ok_and(|line| line.trim().is_empty()) {
            continue;
        }
        let reader = match &reader {
            Some(reader) => reader,
            None => match line.as_ref().ok().filter(|line| RowReader::is_header(line) || rows.extension().is_some_and(|extension| extension == "csv")) {
                Some(header) => {
                    let faults = |faults: Vec<RowError>| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
                    reader = Some(RowReader::csv(header).map_err(|all| anyhow::anyhow!("{}, line {number}: {}", rows.display(), faults(all)))?);
                    continue;
                }
                None => &*reader.insert(RowReader::jsonl()),
            },
        };
        let length = line.as_ref().map_or(0, |line| line.len());
        match line.and_then(|line| source.read(reader, line)) {
            Ok(report) => {
                size += report.idevid.certificate().der().len() + length;
                batch.push(report);
            }
            Err(fault) => {
                failed += 1;
                writeln!(crate::cli::err(), "{}, line {number}: {}", rows.display(), printable(&fault.to_string(), LONGEST_LINE))?;
            }
        }
        if batch.len() >= each || size >= ENOUGH {
            size = 0;
            write(&mut out, station, &core::mem::take(&mut batch), format).await?;
            if out.is_gone() {
                break;
            }
        }
    }
    if !batch.is_empty() {
        write(&mut out, station, &batch, format).await?;
    }
    Ok(failed)
}

impl Source<'_> {
    /// A row that may be signed.
    fn read(&self, reader: &RowReader, row: &str) -> Result<ManufactureReport, RowError> {
        let report = match self.certificates {
            Some(folder) => reader.read_finding(row, &|name| certificate(folder, name))?,
            None => reader.read(row)?,
        };
        match report.origin.as_ref().map(|origin| check(origin, self.reveal_split)) {
            Some(Err(refusal)) => Err(RowError::whole(refusal.to_string())),
            Some(Ok(())) | None => Ok(report),
        }
    }
}

fn certificate(folder: &Path, name: &str) -> Result<Certificate, RowError> {
    let fault = |cause: String| RowError::of("idevid-file", cause);
    let certificates = read_certificates(&folder.join(name)).map_err(|err| fault(brski_common::text::in_full(&err)))?;
    certificates.into_iter().next().ok_or_else(|| fault("the file holds no certificate".to_owned()))
}

async fn write(out: &mut impl Write, station: &SigningParty, reports: &[ManufactureReport], format: Format) -> anyhow::Result<()> {
    let signed = station.seal(&ManufactureBatch::of_reports(reports)?, format).await?;
    out.write_all(signed.wire())?;
    if format == Format::Jws {
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// The next line without its end, of bounded length.
fn line(input: &mut BufReader<Box<dyn std::io::Read>>) -> std::io::Result<Option<Result<String, RowError>>> {
    let mut line = Vec::new();
    if input.take(LONGEST_ROW + 1).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() as u64 > LONGEST_ROW {
        input.skip_until(b'\n')?;
        return Ok(Some(Err(RowError::whole(format!("the line is longer than {LONGEST_ROW} octets")))));
    }
    Ok(Some(String::from_utf8(line).map_err(|_| RowError::whole("the line is not UTF-8"))))
}

// Rows of CSV grow as JSON, but not to eight times their size.
const ENOUGH: usize = ManufactureBatch::LARGEST / 8;

// A report with an IDevID and much to say is some 4 KiB long.
const LONGEST_ROW: u64 = 64 * 1024;
