//! A file of sales: CSV, a row a line, read with little memory however long it or a line of it is.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use brski_common::text::in_full;
use brski_common::{DeviceId, KeyIdentifier, SerialNumber, SpkiDigest};
use brski_masa::Masa;
use brski_masa::ledger::Customer;
use serde::Serialize;

use super::name;
use crate::cli::errors::{Errors, RefusedRow};
use crate::cli::{Output, block};

/// What became of a file.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Tally {
    sold: u64,
    repeated: u64,
    failed: u64,
}

/// What is wrong with a row.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    line: u64,
    /// Empty if it is about the row as a whole.
    field: &'static str,
    cause: String,
}

/// One row that can be read.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    line: u64,
    serial: SerialNumber,
    idevid_issuer: Option<KeyIdentifier>,
    customer: Customer,
}

/// Writes down every sale in the file.
pub(super) async fn sell(masa: &Masa, path: &Path, errors: Errors, by: &str, output: Output) -> anyhow::Result<ExitCode> {
    let cannot = || format!("{}: cannot be read", path.display());
    let input: Box<dyn BufRead> = match path.to_str() {
        Some("-") => Box::new(BufReader::new(io::stdin())),
        _ => Box::new(BufReader::new(File::open(path).with_context(cannot)?)),
    };
    let mut rows = Rows::open(input).with_context(cannot)?;
    let (mut tally, mut faults) = (Tally::default(), Faults { file: path.display().to_string(), errors });
    loop {
        let (mut lines, mut sales) = (Vec::new(), Vec::new());
        let mut is_last = true;
        while let Some(row) = rows.next().with_context(cannot)? {
            match find(masa, row).await {
                Ok((line, device, customer)) => {
                    lines.push(line);
                    sales.push((device, customer));
                }
                Err(fault) => faults.tell(&mut tally, &fault)?,
            }
            if sales.len() == AT_ONCE {
                is_last = false;
                break;
            }
        }
        let outcomes = masa.sell_all(sales, by).await.with_context(|| format!("{}: line {} and after", path.display(), lines.first().unwrap_or(&0)))?;
        for (line, outcome) in lines.into_iter().zip(outcomes) {
            match outcome {
                Ok(true) => tally.sold += 1,
                Ok(false) => tally.repeated += 1,
                Err(err) => faults.tell(&mut tally, &Fault { line, field: "serial", cause: in_full(&err) })?,
            }
        }
        if is_last {
            break;
        }
    }
    output.print(&tally)?;
    Ok(if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The device that a row is about.
async fn find(masa: &Masa, row: Result<Row, Fault>) -> Result<(u64, DeviceId, Customer), Fault> {
    let Row { line, serial, idevid_issuer, customer } = row?;
    let device = block::find(masa, &serial, idevid_issuer.as_ref()).await;
    device.map(|device| (line, device, customer)).map_err(|err| Fault { line, field: "serial", cause: format!("{err:#}") })
}

/// Where faults go.
struct Faults {
    file: String,
    errors: Errors,
}

impl Faults {
    fn tell(&mut self, tally: &mut Tally, fault: &Fault) -> anyhow::Result<()> {
        let (Self { file, errors }, Fault { line, field, cause }) = (self, fault);
        let is_first = errors.path().is_none();
        let named = (!field.is_empty()).then_some(*field);
        let errors = errors.write(&RefusedRow { file, line: Some(*line), row: None, serial: None, field: named, cause })?;
        if is_first {
            let what = named.map(|field| format!("{field}: ")).unwrap_or_default();
            writeln!(crate::cli::err(), "{file}, line {line}: {what}{cause}; this and further errors are in {}", errors.display())?;
        }
        tally.failed += 1;
        Ok(())
    }
}

/// The rows of a file of sales.
struct Rows<R> {
    input: R,
    line: u64,
    /// What separates the cells: what the header is written with.
    delimiter: u8,
    columns: Vec<Column>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Serial,
    IdevidIssuer,
    Customer,
    Key,
}

impl Column {
    fn named(name: &str) -> Option<Self> {
        match name.trim() {
            "serial" => Some(Self::Serial),
            "idevid-issuer" => Some(Self::IdevidIssuer),
            "customer" => Some(Self::Customer),
            "key" => Some(Self::Key),
            _ => None,
        }
    }
}

impl<R: BufRead> Rows<R> {
    fn open(input: R) -> anyhow::Result<Self> {
        let mut rows = Self { input, line: 0, delimiter: b',', columns: Vec::new() };
        let header = rows.fields()?.context("it is empty; a header belongs there, such as serial,customer,key")?;
        let header = header.map_err(|fault| anyhow::anyhow!("line {}: {}", fault.line, fault.cause))?;
        for name in header.iter() {
            let column =
                Column::named(name).with_context(|| format!("column '{}' is not known; serial, idevid-issuer, customer and key are", name.escape_default()))?;
            anyhow::ensure!(!rows.columns.contains(&column), "column '{}' occurs twice", name.trim());
            rows.columns.push(column);
        }
        for (column, name) in [(Column::Serial, "serial"), (Column::Customer, "customer")] {
            anyhow::ensure!(rows.columns.contains(&column), "column '{name}' is missing");
        }
        Ok(rows)
    }

    /// The next row that is not blank, or what is wrong with it.
    fn next(&mut self) -> anyhow::Result<Option<Result<Row, Fault>>> {
        let Some(fields) = self.fields()? else { return Ok(None) };
        Ok(Some(fields.and_then(|fields| self.row(&fields))))
    }

    fn row(&self, fields: &csv::StringRecord) -> Result<Row, Fault> {
        let line = self.line;
        let fault = |field, cause: String| Fault { line, field, cause };
        if fields.len() != self.columns.len() {
            return Err(fault("", format!("{} fields, expected {} as in the header", fields.len(), self.columns.len())));
        }
        let field = |column| self.columns.iter().position(|known| *known == column).and_then(|place| fields.get(place)).map(str::trim).unwrap_or_default();
        let serial = SerialNumber::new(field(Column::Serial)).map_err(|err| fault("serial", in_full(&err)))?;
        let idevid_issuer = match field(Column::IdevidIssuer) {
            "" => None,
            hex => Some(KeyIdentifier::try_from(hex.to_owned()).map_err(|err| fault("idevid-issuer", in_full(&err)))?),
        };
        let keys = field(Column::Key).split_whitespace().map(|hex| SpkiDigest::try_from(hex.to_owned())).collect::<Result<_, _>>();
        let keys = keys.map_err(|err| fault("key", in_full(&err)))?;
        let name = name(field(Column::Customer)).map_err(|err| fault("customer", in_full(&err)))?;
        Ok(Row { line, serial, idevid_issuer, customer: Customer { name, keys } })
    }

    /// The fields of the next line that is not blank.
    fn fields(&mut self) -> io::Result<Option<Result<csv::StringRecord, Fault>>> {
        loop {
            let mut octets = Vec::new();
            if self.input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut octets)? == 0 {
                return Ok(None);
            }
            self.line += 1;
            let line = self.line;
            let fault = |cause: &str| Some(Err(Fault { line, field: "", cause: cause.to_owned() }));
            if !octets.ends_with(b"\n") && octets.len() as u64 == LONGEST_LINE {
                self.input.skip_until(b'\n')?;
                return Ok(fault("longer than 64 KiB, which no sale is"));
            }
            let octets = octets.strip_prefix("\u{feff}".as_bytes()).filter(|_| line == 1).unwrap_or(&octets);
            if octets.trim_ascii().is_empty() {
                continue;
            }
            let content = octets.strip_suffix(b"\n").unwrap_or(octets);
            if content.strip_suffix(b"\r").unwrap_or(content).contains(&b'\r') {
                // CSV would take what follows for a row of its own, of which nobody would be told.
                return Ok(fault("a carriage return within the line; each row ends with a line feed, or with both"));
            }
            if self.columns.is_empty() {
                self.delimiter = delimiter(octets);
            }
            let mut record = csv::StringRecord::new();
            let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(self.delimiter).from_reader(octets);
            return Ok(match reader.read_record(&mut record) {
                Ok(true) => Some(Ok(record)),
                Ok(false) => fault("no CSV"),
                Err(err) if matches!(err.kind(), csv::ErrorKind::Utf8 { .. }) => fault("not in UTF-8"),
                Err(_) => fault("no CSV"),
            });
        }
    }
}

/// What separates the cells of this header: a comma, unless the column of serial numbers stands out with another.
fn delimiter(header: &[u8]) -> u8 {
    let named = |cell: &[u8]| matches!(cell.trim_ascii(), b"serial" | b"\"serial\"");
    b",;\t".iter().copied().find(|delimiter| header.split(|octet| octet == delimiter).any(named)).unwrap_or(b',')
}

impl core::fmt::Display for Tally {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} sold, {} known already, {} not understood", self.sold, self.repeated, self.failed)
    }
}

/// How many sales become durable together.
const AT_ONCE: usize = 256;

const LONGEST_LINE: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> anyhow::Result<Vec<Result<Row, Fault>>> {
        let mut rows = Rows::open(text)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(row);
        }
        Ok(found)
    }

    fn row(line: u64, serial: &str, customer: &str, keys: Vec<SpkiDigest>) -> Row {
        let customer = Customer { name: customer.to_owned(), keys };
        Row { line, serial: SerialNumber::new(serial).unwrap(), idevid_issuer: None, customer }
    }

    #[test]
    fn columns_may_stand_in_any_order_and_lines_end_as_they_like() {
        let digest = SpkiDigest([0xab; 32]);
        let text = format!("\u{feff}customer,key,serial\r\n\"Fruit, Inc.\",{digest} {digest},J1\r\n\r\nOrchard,,J2");
        let rows = read(text.as_bytes()).unwrap();
        assert_eq!(rows, [Ok(row(2, "J1", "Fruit, Inc.", vec![digest, digest])), Ok(row(4, "J2", "Orchard", Vec::new()))]);
    }

    #[test]
    fn semicolons_or_tabs_may_separate_the_cells() {
        for delimiter in [";", "\t"] {
            let text = "\u{feff}\"customer\";\"serial\";key\r\n\"Fruit, Inc.\";J1;\r\n".replace(';', delimiter);
            assert_eq!(read(text.as_bytes()).unwrap(), [Ok(row(2, "J1", "Fruit, Inc.", Vec::new()))], "{delimiter:?}");
        }
    }

    #[test]
    fn each_fault_names_line_and_field_and_the_rest_goes_on() {
        let long = "x".repeat(70_000);
        let text = format!("serial,customer,key\n,a,\nJ1,,\nJ2,a,12\nJ3,a\n{long}\nJ4,a,\n");
        let found = read(text.as_bytes()).unwrap();
        let faults: Vec<_> = found.iter().filter_map(|row| row.as_ref().err().map(|fault| (fault.line, fault.field))).collect();
        assert_eq!(faults, [(2, "serial"), (3, "customer"), (4, "key"), (5, ""), (6, "")]);
        assert_eq!(found.last(), Some(&Ok(row(7, "J4", "a", Vec::new()))));
    }

    #[test]
    fn row_that_only_a_carriage_return_ends_is_refused_with_the_one_behind_it() {
        let found = read(b"serial,customer\r\nJ1,a\rJ2,b\r\nJ3,\"a\rb\"\nJ4,a\r\n").unwrap();
        let lines: Vec<_> = found.iter().map(|row| row.as_ref().map(|row| row.line).map_err(|fault| fault.line)).collect();
        assert_eq!(lines, [Err(2), Err(3), Ok(4)]);
        assert!(format!("{:#}", read(b"serial,customer\rJ1,a\r").unwrap_err()).contains("carriage return"));
    }

    #[test]
    fn other_encodings_than_utf_8_are_refused_line_by_line() {
        let found = read(b"serial,customer\nJ1,B\xe4cker\nJ2,a\n").unwrap();
        assert!(matches!(found.as_slice(), [Err(Fault { line: 2, .. }), Ok(_)]));
    }

    #[test]
    fn unknown_repeated_and_missing_columns_are_named() {
        for (text, named) in [("serial,owner\n", "'owner'"), ("serial,serial\n", "twice"), ("serial,key\n", "'customer' is missing"), ("", "empty")] {
            assert!(format!("{:#}", read(text.as_bytes()).unwrap_err()).contains(named), "{text}");
        }
    }
}
