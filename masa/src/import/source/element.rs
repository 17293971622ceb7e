//! One object out of a JSON array, without reading the array: a manifest may be larger than memory.

use std::io::BufRead;

/// What comes next in an array of objects.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// An object, octet for octet. Whether it is JSON is for whoever reads it to say.
    Element(Vec<u8>),
    /// One that is longer than the limit. It was passed over.
    TooLong,
    /// The array has ended, and nothing follows.
    End,
}

/// Copies the next object; `first` at the array's opening bracket. An error of the input itself comes back as it is, any other as what is wrong with the array.
pub(super) fn read(input: &mut impl BufRead, first: bool, limit: usize) -> Result<Next, std::io::Result<String>> {
    let before = if first { b'[' } else { b',' };
    match past_space(input)? {
        Some(octet) if octet == before => input.consume(1),
        Some(b']') if !first => return end(input),
        Some(_) => return Err(Ok("the array of elements has no comma where one should be".to_owned())),
        None => return Err(Ok(BREAKS_OFF.to_owned())),
    }
    match past_space(input)? {
        Some(b'{') => copy(input, limit),
        Some(b']') if first => end(input),
        Some(_) => Err(Ok("what stands here is no object, expected the elements of a manifest".to_owned())),
        None => Err(Ok(BREAKS_OFF.to_owned())),
    }
}

/// At the closing bracket.
fn end(input: &mut impl BufRead) -> Result<Next, std::io::Result<String>> {
    input.consume(1);
    match past_space(input)? {
        None => Ok(Next::End),
        Some(_) => Err(Ok("something follows the end of the manifest's array".to_owned())),
    }
}

/// The next octet that is no white space, which is not consumed; none at the end.
fn past_space(input: &mut impl BufRead) -> Result<Option<u8>, std::io::Result<String>> {
    loop {
        let buffer = input.fill_buf().map_err(Err)?;
        if buffer.is_empty() {
            return Ok(None);
        }
        match buffer.iter().position(|octet| !octet.is_ascii_whitespace()) {
            Some(place) => {
                let octet = buffer.get(place).copied();
                input.consume(place);
                return Ok(octet);
            }
            None => {
                let spaces = buffer.len();
                input.consume(spaces);
            }
        }
    }
}

/// Copies an object to its closing brace, and no more than `limit` octets of it.
fn copy(input: &mut impl BufRead, limit: usize) -> Result<Next, std::io::Result<String>> {
    let (mut element, mut length, mut scan) = (Vec::new(), 0, Scan::default());
    loop {
        let buffer = input.fill_buf().map_err(Err)?;
        if buffer.is_empty() {
            return Err(Ok(BREAKS_OFF.to_owned()));
        }
        let end = buffer.iter().position(|octet| scan.closes(*octet));
        let taken = end.map_or(buffer.len(), |last| last + 1);
        length += taken as u64;
        if length <= limit as u64 {
            element.extend(buffer.iter().take(taken));
        } else {
            // Nothing of it is kept.
            element = Vec::new();
        }
        input.consume(taken);
        if end.is_some() {
            return Ok(if length <= limit as u64 { Next::Element(element) } else { Next::TooLong });
        }
    }
}

/// Where in an object an octet stands: as much of JSON as it takes to find its end.
#[derive(Default)]
struct Scan {
    depth: u64,
    in_string: bool,
    escaped: bool,
}

impl Scan {
    /// Whether this octet closes the object.
    fn closes(&mut self, octet: u8) -> bool {
        match (self.in_string, octet) {
            (true, _) if self.escaped => self.escaped = false,
            (true, b'\\') => self.escaped = true,
            (true, b'"') => self.in_string = false,
            (true, _) => {}
            (false, b'"') => self.in_string = true,
            (false, b'{' | b'[') => self.depth += 1,
            (false, b'}' | b']') => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            (false, _) => {}
        }
        false
    }
}

const BREAKS_OFF: &str = "the manifest breaks off before its array ends";

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufReader, Read};

    /// Everything that is read with this limit and a buffer of so many octets, to the end or to the fault.
    fn all(text: &str, limit: usize, buffer: usize) -> (Vec<Option<String>>, Option<String>) {
        let (mut input, mut found) = (BufReader::with_capacity(buffer, text.as_bytes()), Vec::new());
        loop {
            match read(&mut input, found.is_empty(), limit) {
                Ok(Next::Element(element)) => found.push(Some(String::from_utf8(element).unwrap())),
                Ok(Next::TooLong) => found.push(None),
                Ok(Next::End) => return (found, None),
                Err(fault) => return (found, Some(fault.unwrap())),
            }
        }
    }

    fn owned(texts: &[Option<&str>]) -> Vec<Option<String>> {
        texts.iter().map(|text| text.map(str::to_owned)).collect()
    }

    #[test]
    fn objects_come_one_by_one_whatever_stands_in_them_and_however_the_input_is_cut() {
        let text = "[ {\"a\": \"}]\\\"{\\\\\"},\n\t{\"b\":[{},{\"c\":[1]}]} , {}\r\n]\n";
        for buffer in 1..40 {
            let expected = owned(&[Some("{\"a\": \"}]\\\"{\\\\\"}"), Some("{\"b\":[{},{\"c\":[1]}]}"), Some("{}")]);
            assert_eq!(all(text, 100, buffer), (expected, None), "{buffer}");
        }
    }

    #[test]
    fn array_may_be_empty() {
        assert_eq!(all("[ ]", 100, 8), (vec![], None));
    }

    #[test]
    fn object_that_is_too_long_is_passed_over_and_the_next_is_read() {
        let expected = owned(&[Some("{\"a\":1234}"), None, Some("{}")]);
        assert_eq!(all("[{\"a\":1234},{\"a\":12345},{}]", 10, 4), (expected, None));
    }

    #[test]
    fn what_is_no_array_of_objects_is_told() {
        for (text, read, fault) in [
            ("[{}", 1, BREAKS_OFF),
            ("[{},", 1, BREAKS_OFF),
            ("[{\"a\":\"}", 0, BREAKS_OFF),
            ("[", 0, BREAKS_OFF),
            ("[{} {}]", 1, "the array of elements has no comma where one should be"),
            ("[{},]", 1, "what stands here is no object, expected the elements of a manifest"),
            ("[1]", 0, "what stands here is no object, expected the elements of a manifest"),
            ("[{}][{}]", 1, "something follows the end of the manifest's array"),
        ] {
            let (found, told) = all(text, 100, 3);
            assert_eq!((found.len(), told.as_deref()), (read, Some(fault)), "{text}");
        }
    }

    #[test]
    fn object_without_end_takes_no_more_room_than_the_limit() {
        let mut input = BufReader::with_capacity(64, std::io::repeat(b'{').take(10_000_000));
        let mut bracket = BufReader::new(b"[".as_slice()).chain(&mut input);
        assert_eq!(read(&mut bracket, true, 1000).map_err(Result::unwrap), Err(BREAKS_OFF.to_owned()));
    }
}
