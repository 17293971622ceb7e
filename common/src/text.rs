//! Words for people: text of somebody else's, and errors with what they stem from.

/// Text of somebody else's, made fit for a log, a terminal or a sentence of ours.
///
/// Control characters, line separators and characters that reorder or hide their neighbours become U+FFFD; what exceeds `limit` characters is cut off, and an ellipsis says so.
pub fn printable(text: &str, limit: usize) -> String {
    let mut characters = text.chars();
    let mut shown: String = characters.by_ref().take(limit).map(|c| if may_be_shown(c) { c } else { char::REPLACEMENT_CHARACTER }).collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// An error and its sources in one line, for a log or for a peer that should learn what was wrong with what it sent.
pub fn in_full(err: &dyn std::error::Error) -> String {
    let mut sentence = err.to_string();
    let mut source = err.source();
    while let Some(cause) = source {
        sentence.push_str(": ");
        sentence.push_str(&cause.to_string());
        source = cause.source();
    }
    sentence
}

/// Neither a control character nor one that reorders or hides its neighbours.
fn may_be_shown(c: char) -> bool {
    let hides = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{ad}' | '\u{61c}');
    !c.is_control() && !hides
}

/// Characters of a name or an explanation that somebody else wrote: enough for any honest one.
pub const LONGEST_WORDS: usize = 300;

/// Characters of a whole line that may hold somebody else's words.
pub const LONGEST_LINE: usize = 4000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_become_visible() {
        assert_eq!(printable("a\nb\x1b[31m\u{85}c\u{7f}", 20), "a\u{fffd}b\u{fffd}[31m\u{fffd}c\u{fffd}");
    }

    #[test]
    fn characters_that_reorder_hide_or_end_a_line_become_visible() {
        for c in ['\u{202e}', '\u{2066}', '\u{200f}', '\u{61c}', '\u{2028}', '\u{2029}', '\u{200b}', '\u{feff}'] {
            assert_eq!(printable(&format!("a{c}b"), 20), "a\u{fffd}b", "{c:?}");
        }
    }

    #[test]
    fn text_of_every_script_is_left_as_it_is() {
        assert_eq!(printable("Ångström, Ελλάδα, 日本 \u{5d0}", 40), "Ångström, Ελλάδα, 日本 \u{5d0}");
    }

    #[test]
    fn excess_is_cut_off_visibly() {
        assert_eq!((printable("abc", 3), printable("abcd", 3)), ("abc".to_owned(), "abc…".to_owned()));
    }

    #[test]
    fn error_is_told_with_all_it_stems_from() {
        let source = crate::DecodeError::InvalidField { field: "nonce", expected: "text" };
        let err = crate::VerifyError::Decode { artefact: "voucher", source };
        assert_eq!(in_full(&err), "the voucher cannot be decoded: nonce must be text");
    }
}
