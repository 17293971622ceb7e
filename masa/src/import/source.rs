//! From octets to lines, COSE messages and elements of manifests of bounded size, in blocks of as many as are at hand.

mod element;
mod message;

use std::io::{BufRead as _, BufReader, Read};

use brski_common::evidence::ManifestElement;
use brski_common::provenance::{ManufactureBatch, RowReader};

use super::Form;
use super::outcome::Failure;
use super::queue::Queue;
use element::Next;

/// A piece of the input.
#[derive(Debug, PartialEq)]
pub(super) enum Item {
    /// A line that is not blank: a JWS, or a report as JSON.
    Line(Vec<u8>),
    /// The header of a CSV.
    Header(String),
    /// A line below it.
    Row(Vec<u8>),
    /// A COSE message.
    Message(Vec<u8>),
    /// An element of a secure-element vendor's manifest.
    Element(Vec<u8>),
    /// Nothing that could be read.
    Fault(Failure),
}

/// Pieces that are at hand together, each with its line or, in a sequence of messages or in a manifest, its place.
pub(super) type Block = Vec<(Option<u64>, Item)>;

/// Reads an input to its end, or until nobody listens any more.
pub(super) fn read(input: impl Read, expected: Option<Form>, queue: &Queue<Block>) {
    let mut source = Source::new(input, expected);
    let (mut block, mut size) = (Block::new(), 0);
    while let Some(item) = source.next() {
        size += item.1.size();
        block.push(item);
        if (block.len() >= MOST_ITEMS || size >= BUFFER || !source.more_at_hand()) && !queue.put(core::mem::take(&mut block)) {
            return;
        }
        if block.is_empty() {
            size = 0;
        }
    }
    if !block.is_empty() {
        queue.put(block);
    }
}

/// The pieces of an input one by one, each with its line or place.
pub(super) fn items(input: impl Read) -> impl Iterator<Item = (u64, Item)> {
    let mut source = Source::new(input, None);
    core::iter::from_fn(move || source.next()).map(|(number, item)| (number.unwrap_or_default(), item))
}

struct Source<R> {
    input: BufReader<R>,
    /// Once its first octets are known.
    form: Option<Form>,
    expected: Option<Form>,
    number: u64,
    /// Whether nothing more can be made of the input.
    ended: bool,
}

impl<R: Read> Source<R> {
    fn new(input: R, expected: Option<Form>) -> Self {
        Self { input: BufReader::with_capacity(BUFFER, input), form: None, expected, number: 0, ended: false }
    }

    /// Whether the next item is likely to be here already. Nobody should wait for a pipe that stays silent.
    fn more_at_hand(&self) -> bool {
        let end = if self.form == Some(Form::Manifest) { b'}' } else { b'\n' };
        self.input.buffer().contains(&end)
    }

    fn next(&mut self) -> Option<(Option<u64>, Item)> {
        if self.ended {
            return None;
        }
        let read = match self.form {
            None => self.begin(),
            Some(Form::Messages) => self.message(),
            Some(Form::Manifest) => self.element(),
            Some(Form::Lines | Form::Csv) => self.line(),
        };
        let item = read.unwrap_or_else(|err| Some(self.end_with(format!("the input cannot be read any further: {err}"))));
        item.map(|item| (Some(self.number), item))
    }

    /// Finds the form, and reads the first item.
    fn begin(&mut self) -> std::io::Result<Option<Item>> {
        let before = self.input.fill_buf()?;
        let text = before.strip_prefix(b"\xef\xbb\xbf").unwrap_or(before).trim_ascii_start();
        if text.first() == Some(&b'[') {
            let skipped = before.len() - text.len();
            self.input.consume(skipped);
            self.form = Some(Form::Manifest);
            return self.element();
        }
        match self.input.fill_buf()?.first() {
            None => Ok(None),
            // Tags 18 and 61, and the array that lacks them.
            Some(0xd2 | 0xd8 | 0x84) => {
                self.form = Some(Form::Messages);
                self.message()
            }
            // A byte order mark of UTF-16; no UTF-8 begins so.
            Some(0xfe | 0xff) => {
                self.number = 1;
                Ok(Some(self.end_with("the input is in UTF-16, expected UTF-8")))
            }
            Some(_) => {
                let Some(first) = self.line()? else { return Ok(None) };
                let Item::Line(octets) = first else {
                    self.form = Some(Form::Lines);
                    return Ok(Some(first));
                };
                let octets = octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&octets);
                let header =
                    core::str::from_utf8(octets).ok().filter(|line| RowReader::is_header(line) || self.expected == Some(Form::Csv) && !line.starts_with('{'));
                self.form = Some(if header.is_some() { Form::Csv } else { Form::Lines });
                Ok(Some(header.map_or_else(|| Item::Line(octets.to_vec()), |header| Item::Header(header.to_owned()))))
            }
        }
    }

    /// The next line that is not blank, without its end.
    fn line(&mut self) -> std::io::Result<Option<Item>> {
        loop {
            self.number += 1;
            let mut line = Vec::new();
            if (&mut self.input).take(LONGEST_LINE as u64 + 1).read_until(b'\n', &mut line)? == 0 {
                return Ok(None);
            }
            if line.last() == Some(&b'\n') {
                line.pop();
            } else if line.len() > LONGEST_LINE {
                drop(line);
                self.input.skip_until(b'\n')?;
                return Ok(Some(Item::Fault(Failure::new(format!("the line is longer than {LONGEST_LINE} octets")))));
            }
            return Ok(Some(match (self.form, line.first()) {
                _ if RowReader::is_blank(&line) => continue,
                (_, Some(0xd2 | 0xd8 | 0x84)) if core::str::from_utf8(&line).is_err() => {
                    self.end_with("a COSE message stands among lines of text, expected one form a file; it and what follows it were not read")
                }
                (Some(Form::Csv), _) => Item::Row(line),
                (Some(Form::Lines | Form::Messages | Form::Manifest) | None, _) => Item::Line(line),
            }));
        }
    }

    /// The next message of a CBOR sequence (RFC 8742).
    fn message(&mut self) -> std::io::Result<Option<Item>> {
        if self.input.fill_buf()?.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        Ok(Some(match message::read(&mut self.input, LONGEST_LINE) {
            Ok(message) => Item::Message(message),
            Err(err) => self.end_with(format!("{}; it and what follows it were not read", err?)),
        }))
    }

    /// The next element of a manifest's array.
    fn element(&mut self) -> std::io::Result<Option<Item>> {
        let first = self.number == 0;
        self.number += 1;
        Ok(match element::read(&mut self.input, first, ManifestElement::LARGEST) {
            Ok(Next::Element(element)) => Some(Item::Element(element)),
            Ok(Next::TooLong) => Some(Item::Fault(Failure::new(format!("the element is longer than {} octets", ManifestElement::LARGEST)))),
            Ok(Next::End) => {
                self.ended = true;
                None
            }
            Err(err) => Some(self.end_with(format!("{}; it and what follows it were not read", err?))),
        })
    }

    fn end_with(&mut self, cause: impl Into<String>) -> Item {
        self.ended = true;
        Item::Fault(Failure::new(cause))
    }
}

impl Item {
    fn size(&self) -> usize {
        match self {
            Self::Line(octets) | Self::Row(octets) | Self::Message(octets) | Self::Element(octets) => octets.len(),
            Self::Header(text) => text.len(),
            Self::Fault(_) => 0,
        }
    }
}

/// In octets: the largest batch in base64url and in a JWS, with room for the signature around it.
pub const LONGEST_LINE: usize = ManufactureBatch::LARGEST / 3 * 4 + 64 * 1024;

const BUFFER: usize = 256 * 1024;

const MOST_ITEMS: usize = 256;

#[cfg(test)]
mod tests;
