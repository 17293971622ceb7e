//! Inputs of every form, whole and broken.

use super::*;

fn items(input: &[u8], expected: Option<Form>) -> Vec<(u64, Item)> {
    let queue = Queue::new(1000);
    read(input, expected, &queue);
    queue.close();
    core::iter::from_fn(|| queue.take()).flat_map(|(_, block)| block).map(|(line, item)| (line.unwrap(), item)).collect()
}

fn line(text: &str) -> Item {
    Item::Line(text.as_bytes().to_vec())
}

fn fault(item: &Item) -> &str {
    let Item::Fault(failure) = item else { panic!("{item:?}") };
    &failure.cause
}

#[test]
fn lines_are_counted_with_the_blank_ones() {
    assert_eq!(items(b"\n{}\n \n{\"a\":1}", None), [(2, line("{}")), (4, line("{\"a\":1}"))]);
}

#[test]
fn line_after_one_that_is_too_long_is_read() {
    let mut input = vec![b'x'; LONGEST_LINE + 1];
    input.extend_from_slice(b"\nshort");
    let items = items(&input, None);
    assert_eq!(fault(&items[0].1), format!("the line is longer than {LONGEST_LINE} octets"));
    assert_eq!(items[1..], [(2, line("short"))]);
}

#[test]
fn longest_line_is_read_whole() {
    let mut input = vec![b'x'; LONGEST_LINE];
    input.push(b'\n');
    assert_eq!(items(&input, None), [(1, Item::Line(input[..LONGEST_LINE].to_vec()))]);
}

#[test]
fn line_that_names_the_certificate_s_column_begins_a_csv() {
    let expected = [(1, Item::Header("idevid;lock\r".to_owned())), (2, Item::Row(b"a;b".to_vec()))];
    assert_eq!(items(b"\xef\xbb\xbfidevid;lock\r\na;b", None), expected);
}

#[test]
fn file_that_is_said_to_be_csv_is_one_unless_it_begins_like_json() {
    assert_eq!(items(b"serial,lock\n", Some(Form::Csv)), [(1, Item::Header("serial,lock".to_owned()))]);
    assert_eq!(items(b"{}\n", Some(Form::Csv)), [(1, line("{}"))]);
}

#[test]
fn messages_follow_each_other_without_separator() {
    let (one, two) = (b"\xd2\x84\x40\xa0\x41\x00\x40", b"\xd2\x9f\x40\xbf\x01\x5f\x41\x00\xff\xff\xf6\x40\xff");
    let items = items(&[&one[..], &two[..]].concat(), None);
    assert_eq!(items, [(1, Item::Message(one.to_vec())), (2, Item::Message(two.to_vec()))]);
}

#[test]
fn message_that_breaks_off_is_told_after_those_before_it() {
    let items = items(b"\xd2\x84\x40\xa0\x41\x00\x40\xd2\x84\x40\xa0\x59\x01\x00ab", None);
    assert_eq!((items.len(), items[1].0, fault(&items[1].1)), (2, 2, "the batch ends too early; it and what follows it were not read"));
}

#[test]
fn message_that_claims_to_be_huge_reserves_no_room() {
    let items = items(b"\xd2\x84\x40\xa0\x5b\x7f\xff\xff\xff\xff\xff\xff\xff", None);
    assert_eq!(fault(&items[0].1), format!("the batch is longer than {LONGEST_LINE} octets; it and what follows it were not read"));
}

#[test]
fn octets_after_messages_that_are_no_cbor_are_told() {
    for broken in [&b"\xd2\x84\x40\xa0\x41\x00\x40\xfc"[..], b"\xd2\x84\x40\xa0\x41\x00\x40\xdf", b"\xd2\x84\x40\xff"] {
        let items = items(broken, None);
        assert!(fault(&items.last().unwrap().1).starts_with("what stands here is no CBOR"), "{items:?}");
    }
    let deep = [&[0xd2][..], &[0x81; 40]].concat();
    assert!(fault(&items(&deep, None)[0].1).starts_with("what stands here is no CBOR"));
}

#[test]
fn text_in_utf_16_is_told_as_such() {
    let items = items(b"\xff\xfe{\0}\0\n\0", None);
    assert_eq!((items.len(), fault(&items[0].1)), (1, "the input is in UTF-16, expected UTF-8"));
}

#[test]
fn message_among_lines_ends_the_file() {
    let items = items(b"{}\n\xd2\x84\x40\xa0\x41\x00\x40\n{}\n", None);
    assert_eq!((items.len(), items[1].0), (2, 2));
    assert!(fault(&items[1].1).starts_with("a COSE message stands among lines of text"), "{items:?}");
}

#[test]
fn input_that_breaks_off_is_told_with_what_the_system_said() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("unplugged"))
        }
    }
    let queue = Queue::new(10);
    read(Broken, None, &queue);
    let (_, block) = queue.take().unwrap();
    assert_eq!(fault(&block[0].1), "the input cannot be read any further: unplugged");
}
