//! An input cut into pieces of moderate size, each of which can be read by itself.

use std::io::Read;

use brski_masa::import::{SignedItem, signed_items};

/// How a piece is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A report or a batch in each line.
    Lines,
    /// A COSE message.
    Message,
}

impl Form {
    /// By which a spool's file knows it.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Lines => 1,
            Self::Message => 2,
        }
    }
}

/// Some lines or one message, octet for octet as they came.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Piece {
    pub(super) form: Form,
    /// Name of the file they came from.
    pub(super) name: String,
    /// Number in that file, from 1, of the first line, or of the message.
    pub(super) first: u64,
    pub(super) content: Vec<u8>,
}

impl Piece {
    /// The number in the file that it came from, for a line of this piece.
    pub(super) fn line(&self, within: u64) -> u64 {
        self.first.saturating_add(within.saturating_sub(1))
    }
}

/// Reads an input to its end, gives it away in pieces, and says how many items there were. What cannot be read or bears no signature is told with its line.
pub(super) fn read(name: &str, input: impl Read, give: &mut dyn FnMut(Piece) -> anyhow::Result<()>, fault: &mut dyn FnMut(u64, &str)) -> anyhow::Result<u64> {
    let begin = |form, first| Piece { form, name: name.to_owned(), first, content: Vec::new() };
    let mut lines: Option<(Piece, u64)> = None;
    let mut items = 0;
    for (number, item) in signed_items(input) {
        match item {
            Ok(SignedItem::Line(line)) => {
                // Lines of a piece are side by side, so that one that is refused later is told with its own number.
                if let Some((piece, _)) = lines.take_if(|(piece, next)| *next != number || piece.content.len() + line.len() >= PIECE) {
                    give(piece)?;
                }
                let (piece, next) = lines.get_or_insert_with(|| (begin(Form::Lines, number), number));
                piece.content.extend_from_slice(&line);
                piece.content.push(b'\n');
                *next += 1;
                items += 1;
            }
            Ok(SignedItem::Message(content)) => {
                give(Piece { content, ..begin(Form::Message, number) })?;
                items += 1;
            }
            Err(failure) => fault(number, &failure.cause),
        }
    }
    lines.map_or(Ok(()), |(piece, _)| give(piece))?;
    Ok(items)
}

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

    const LINE: &[u8] = b"{\"payload\":\"\",\"signatures\":[]}\n";

    #[test]
    fn lines_stay_together_as_they_are() {
        let (pieces, faults, items) = pieces(&LINE.repeat(2));
        assert_eq!((pieces, faults, items.unwrap()), (vec![piece(Form::Lines, 1, &LINE.repeat(2))], vec![], 2));
    }

    #[test]
    fn line_that_cannot_be_read_is_told_and_the_others_keep_their_numbers() {
        let (pieces, faults, _) = pieces(&[LINE, b"not a report\n\n", LINE, b"{\"idevid\":\"\"}\n"].concat());
        assert_eq!((pieces, faults), (vec![piece(Form::Lines, 1, LINE), piece(Form::Lines, 4, LINE)], vec![2, 5]));
    }

    #[test]
    fn blank_line_does_not_move_the_numbers_of_those_behind_it() {
        let (pieces, _, _) = pieces(&[LINE, b"\n", LINE].concat());
        assert_eq!(pieces, [piece(Form::Lines, 1, LINE), piece(Form::Lines, 3, LINE)]);
    }

    #[test]
    fn long_input_is_cut_between_lines() {
        let long = [&b"{\"payload\":\""[..], &b"x".repeat(200_000), b"\",\"signatures\":[]}\n"].concat();
        let (pieces, _, _) = pieces(&long.repeat(2));
        assert_eq!(pieces, [piece(Form::Lines, 1, &long), piece(Form::Lines, 2, &long)]);
    }

    #[test]
    fn messages_are_told_apart() {
        let message = b"\xd2\x84\x40\xa0\x41\x00\x40";
        let (pieces, _, items) = pieces(&message.repeat(2));
        assert_eq!((pieces, items.unwrap()), (vec![piece(Form::Message, 1, message), piece(Form::Message, 2, message)], 2));
    }
}
