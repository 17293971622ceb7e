use super::*;
use brski_common::time::at;

fn told(event: Option<Event>) -> Option<(u64, String)> {
    event.map(|event| match event.what {
        What::Strangers { sentence, count } => (count, sentence),
        other => panic!("{other:?}"),
    })
}

#[test]
fn first_stranger_is_written_down_at_once() {
    assert_eq!(told(StrangerCount::default().refused("no path", at(1000))), Some((1, "no path".to_owned())));
}

#[test]
fn thousand_strangers_within_a_minute_are_one_entry_more() {
    let strangers = StrangerCount::default();
    assert_eq!(told(strangers.refused("first", at(1000))), Some((1, "first".to_owned())));
    for _ in 0..1000 {
        assert_eq!(strangers.refused("again", at(1059)), None);
    }
    assert_eq!(told(strangers.refused("last", at(1060))), Some((1001, "last".to_owned())));
}

#[test]
fn clock_that_is_set_back_does_not_silence_them() {
    let strangers = StrangerCount::default();
    strangers.refused("first", at(1000));
    assert_eq!(told(strangers.refused("second", at(10))), Some((1, "second".to_owned())));
}

#[test]
fn what_was_counted_is_told_when_the_registrar_stops() {
    let strangers = StrangerCount::default();
    strangers.refused("first", at(1000));
    assert_eq!(strangers.rest(at(1001)), None);
    strangers.refused("second", at(1002));
    assert_eq!(told(strangers.rest(at(1003))).map(|(count, _)| count), Some(1));
    assert_eq!(strangers.rest(at(1004)), None);
}
