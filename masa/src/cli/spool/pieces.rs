//! An input cut into pieces of moderate size, each of which can be read by itself.

use std::io::{BufRead, Read};

use anyhow::Context as _;
use brski_common::provenance::{ManufactureBatch, RowReader};
use ciborium::Value;

/// How a piece is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A report or a batch in each line.
    Lines,
    /// A header, then a report in each line.
    Csv,
    /// A COSE message.
    Message,
}

impl Form {
    /// By which a spool's file knows it.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Lines => 1,
            Self::Csv => 2,
            Self::Message => 3,
        }
    }
}

/// Some lines or one message, octet for octet as they came; a CSV's header is repeated in each.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Piece {
    pub(super) form: Form,
    /// Name of the file they came from.
    pub(super) name: String,
    /// Number in that file, from 1, of the first line after the header, or of the message.
    pub(super) first: u64,
    pub(super) content: Vec<u8>,
}

impl Piece {
    /// The number in the file that it came from, for a line of this piece.
    pub(super) fn line(&self, within: u64) -> u64 {
        match self.form {
            Form::Lines | Form::Message => self.first.saturating_add(within.saturating_sub(1)),
            Form::Csv => {
                if within <= 1 {
                    1
                } else {
                    self.first.saturating_add(within - 2)
                }
            }
        }
    }
}

/// Reads an input to its end, gives it away in pieces, and says how many items there were. What cannot be read is told with its line.
pub(super) fn read(
    name: &str,
    mut input: impl BufRead,
    give: &mut dyn FnMut(Piece) -> anyhow::Result<()>,
    fault: &mut dyn FnMut(u64, &str),
) -> anyhow::Result<u64> {
    match input.fill_buf().context("cannot be read")?.first() {
        // Tags 18 and 61, and the array that lacks them.
        Some(0xd2 | 0xd8 | 0x84) => messages(name, input, give),
        Some(_) | None => Lines { name, header: None, piece: None, items: 0, give, fault }.read(input),
    }
}

struct Lines<'a> {
    name: &'a str,
    /// With its end.
    header: Option<Vec<u8>>,
    piece: Option<Piece>,
    items: u64,
    give: &'a mut dyn FnMut(Piece) -> anyhow::Result<()>,
    fault: &'a mut dyn FnMut(u64, &str),
}

impl Lines<'_> {
    fn read(mut self, mut input: impl BufRead) -> anyhow::Result<u64> {
        let mut begun = false;
        for number in 1.. {
            let mut line = Vec::new();
            let read = (&mut input).take(LONGEST as u64 + 1).read_until(b'\n', &mut line).context("cannot be read any further")?;
            if read == 0 {
                break;
            }
            if line.len() > LONGEST && line.last() != Some(&b'\n') {
                drop(line);
                input.skip_until(b'\n').context("cannot be read any further")?;
                self.refuse(number, &format!("the line is longer than {LONGEST} octets"))?;
                continue;
            }
            if line.trim_ascii().is_empty() {
                self.flush()?;
                continue;
            }
            if line.last() != Some(&b'\n') {
                line.push(b'\n');
            }
            if !begun && is_header(&line) {
                self.header = Some(line);
            } else if let Some(problem) = self.problem(&line) {
                self.refuse(number, problem)?;
            } else {
                self.keep(number, &line)?;
            }
            begun = true;
        }
        self.flush()?;
        Ok(self.items)
    }

    fn problem(&self, line: &[u8]) -> Option<&'static str> {
        let json = || serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok() && line.trim_ascii_start().first() == Some(&b'{');
        match &self.header {
            _ if core::str::from_utf8(line).is_err() => Some("is not UTF-8"),
            Some(_) => None,
            None if json() => None,
            None => Some("is neither a JWS nor a report as JSON, nor the header of a CSV"),
        }
    }

    fn refuse(&mut self, number: u64, problem: &str) -> anyhow::Result<()> {
        (self.fault)(number, problem);
        // Lines of a piece are side by side, so that one that is refused later is told with its own number.
        self.flush()
    }

    fn keep(&mut self, number: u64, line: &[u8]) -> anyhow::Result<()> {
        if self.piece.as_ref().is_some_and(|piece| piece.content.len() + line.len() > PIECE) {
            self.flush()?;
        }
        let (form, header) = self.header.as_deref().map_or((Form::Lines, &[][..]), |header| (Form::Csv, header));
        let begin = || Piece { form, name: self.name.to_owned(), first: number, content: header.to_vec() };
        self.piece.get_or_insert_with(begin).content.extend_from_slice(line);
        self.items += 1;
        Ok(())
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        self.piece.take().map_or(Ok(()), |piece| (self.give)(piece))
    }
}

/// Whether a line names the columns of a CSV.
fn is_header(line: &[u8]) -> bool {
    let text = core::str::from_utf8(line).unwrap_or_default().trim_end();
    RowReader::is_header(text.trim_start_matches('\u{feff}'))
}

/// A CBOR sequence (RFC 8742) of COSE messages.
fn messages(name: &str, mut input: impl BufRead, give: &mut dyn FnMut(Piece) -> anyhow::Result<()>) -> anyhow::Result<u64> {
    for number in 1.. {
        if input.fill_buf().context("cannot be read any further")?.is_empty() {
            return Ok(number - 1);
        }
        let mut copy = Copying { input: (&mut input).take(LONGEST as u64), copied: Vec::new() };
        let read: Result<Value, _> = ciborium::from_reader(&mut copy);
        if let Err(err) = read {
            anyhow::bail!("message {number}: is no COSE message of at most {LONGEST} octets ({err}); it and what follows it was not added");
        }
        give(Piece { form: Form::Message, name: name.to_owned(), first: number, content: copy.copied })?;
    }
    Ok(0)
}

/// Keeps what is read of it.
struct Copying<R> {
    input: R,
    copied: Vec<u8>,
}

impl<R: Read> Read for Copying<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.copied.extend_from_slice(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

/// The largest batch in base64url and in a JWS, with room for the signature around it: in octets.
pub(super) const LONGEST: usize = ManufactureBatch::LARGEST / 3 * 4 + 64 * 1024;

/// How much goes into one piece, unless a line alone is larger: in octets.
const PIECE: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(input: &[u8]) -> (Vec<Piece>, Vec<u64>, anyhow::Result<u64>) {
        let (mut pieces, mut faults) = (Vec::new(), Vec::new());
        let give = &mut |piece| {
            pieces.push(piece);
            Ok(())
        };
        let items = read("in", input, give, &mut |number, _| faults.push(number));
        (pieces, faults, items)
    }

    fn piece(form: Form, first: u64, content: &[u8]) -> Piece {
        Piece { form, name: "in".to_owned(), first, content: content.to_vec() }
    }

    #[test]
    fn lines_stay_together_as_they_are() {
        let (pieces, faults, items) = pieces(b"{\"a\":1}\n{\"b\": 2}");
        assert_eq!((pieces, faults, items.unwrap()), (vec![piece(Form::Lines, 1, b"{\"a\":1}\n{\"b\": 2}\n")], vec![], 2));
    }

    #[test]
    fn line_that_cannot_be_read_is_told_and_the_others_keep_their_numbers() {
        let (pieces, faults, _) = pieces(b"{}\nnot a report\n\n{}\n\xff\n");
        assert_eq!((pieces, faults), (vec![piece(Form::Lines, 1, b"{}\n"), piece(Form::Lines, 4, b"{}\n")], vec![2, 5]));
    }

    #[test]
    fn line_that_is_too_long_is_told_and_the_next_one_is_read() {
        let mut input = vec![b'x'; LONGEST + 2];
        input.extend_from_slice(b"\n{}\n");
        let (pieces, faults, _) = pieces(&input);
        assert_eq!((pieces, faults), (vec![piece(Form::Lines, 2, b"{}\n")], vec![1]));
    }

    #[test]
    fn each_piece_of_a_csv_has_its_header_and_knows_its_lines() {
        let row = format!("{}\n", "x".repeat(200_000));
        let (pieces, _, items) = pieces(format!("idevid,lock\n{row}{row}").as_bytes());
        assert_eq!(items.unwrap(), 2);
        assert!(pieces.iter().all(|piece| piece.form == Form::Csv && piece.content.starts_with(b"idevid,lock\nx")));
        assert_eq!(pieces.iter().map(|piece| (piece.line(1), piece.line(2))).collect::<Vec<_>>(), [(1, 2), (1, 3)]);
    }

    #[test]
    fn messages_are_told_apart() {
        let message = b"\xd2\x84\x40\xa0\x41\x00\x40";
        let (pieces, _, items) = pieces(&message.repeat(2));
        assert_eq!((pieces, items.unwrap()), (vec![piece(Form::Message, 1, message), piece(Form::Message, 2, message)], 2));
    }

    #[test]
    fn message_that_ends_too_early_is_not_added() {
        let (pieces, _, items) = pieces(b"\xd2\x84\x40\xa0\x41\x00\x40\xd2\x84\x40");
        assert_eq!((pieces.len(), items.is_err()), (1, true));
    }
}
