use super::*;

fn open() -> Breaker {
    let mut breaker = Breaker::default();
    for _ in 0..MOST_FAILURES {
        breaker.failed(at(100));
    }
    breaker
}

#[test]
fn masa_is_asked_until_it_failed_five_times_in_a_row() {
    let mut breaker = Breaker::default();
    for _ in 1..MOST_FAILURES {
        assert_eq!((breaker.failed(at(100)), breaker.ask(at(100))), (None, Ok(())));
    }
    let left = LeftAlone { since: at(100), until: at(110) };
    assert_eq!(breaker.failed(at(100)), Some(Change::Opened(left)));
    assert_eq!(breaker.ask(at(109)), Err(left));
}

#[test]
fn answer_in_between_begins_the_count_anew() {
    let mut breaker = Breaker::default();
    for _ in 1..MOST_FAILURES {
        breaker.failed(at(100));
    }
    assert_eq!((breaker.answered(), breaker.is_at_rest()), (None, true));
    assert_eq!(breaker.failed(at(100)), None);
}

#[test]
fn one_question_goes_out_once_the_rest_is_over() {
    let mut breaker = open();
    assert_eq!(breaker.ask(at(110)), Ok(()));
    assert_eq!(breaker.ask(at(110)), Err(LeftAlone { since: at(100), until: at(230) }));
}

#[test]
fn masa_that_answers_the_trial_is_asked_by_everybody_again() {
    let mut breaker = open();
    breaker.ask(at(110)).unwrap();
    assert_eq!(breaker.answered(), Some(Change::Closed { since: at(100) }));
    assert_eq!((breaker.ask(at(110)), breaker.ask(at(110))), (Ok(()), Ok(())));
}

#[test]
fn each_failed_trial_doubles_the_rest_up_to_five_minutes_and_is_no_news() {
    let mut breaker = open();
    let (mut now, mut rests) = (110, Vec::new());
    for _ in 0..7 {
        breaker.ask(at(now)).unwrap();
        assert_eq!(breaker.failed(at(now)), None);
        let LeftAlone { since, until } = breaker.ask(at(now)).unwrap_err();
        assert_eq!(since, at(100));
        rests.push(until.as_secs() - now);
        now = until.as_secs();
    }
    assert_eq!(rests, [20, 40, 80, 160, 300, 300, 300]);
}

#[test]
fn trial_of_which_nothing_is_heard_gives_way_to_another() {
    let mut breaker = open();
    breaker.ask(at(110)).unwrap();
    assert!(breaker.ask(at(229)).is_err());
    assert_eq!(breaker.ask(at(230)), Ok(()));
}

#[test]
fn late_failure_of_an_early_question_does_not_prolong_the_rest() {
    let mut breaker = open();
    assert_eq!(breaker.failed(at(109)), None);
    assert_eq!(breaker.ask(at(110)), Ok(()));
}

#[test]
fn sentence_says_since_when_and_until_when() {
    let left = LeftAlone { since: at(0), until: at(10) };
    assert_eq!(left.to_string(), "it has not answered since 1970-01-01T00:00:00Z, and is not asked again before 1970-01-01T00:00:10Z");
}
