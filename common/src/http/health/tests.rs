//! Who finds out, and what the others are told.
#![allow(clippy::panic, reason = "tests")]

use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};

use super::*;
use crate::time::at;

const NOW: u64 = 1_790_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct KeyIsSilent;

type OfKey = Health<KeyIsSilent>;

fn later(seconds: u64) -> UnixTime {
    at(NOW + seconds)
}

fn poll<T>(future: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn found_out(health: &OfKey, now: UnixTime) -> FindingOut<KeyIsSilent> {
    match health.turn(now) {
        Turn::FindOut(turn) => turn,
        Turn::Known(_) | Turn::Wait(_) => panic!("somebody else finds out"),
    }
}

#[test]
fn one_finds_out_and_the_others_get_the_old_answer() {
    let health = OfKey::default();
    assert_eq!(found_out(&health, later(0)).end(later(0), Ok(())), Ok(()));
    assert!(matches!(health.turn(later(4)), Turn::Known(Ok(()))));
    let turn = found_out(&health, later(5));
    assert!((0..100).all(|_| matches!(health.turn(later(5)), Turn::Known(Ok(())))));
    assert_eq!(turn.end(later(5), Err(KeyIsSilent)), Err(KeyIsSilent));
    assert!(matches!(health.turn(later(5)), Turn::Known(Err(KeyIsSilent))));
}

#[test]
fn those_without_an_old_answer_wait_for_the_new_one() {
    let health = OfKey::default();
    let turn = found_out(&health, later(0));
    let Turn::Wait(waiting) = health.turn(later(0)) else { panic!("two find out") };
    let mut waiting = pin!(waiting);
    assert_eq!(poll(waiting.as_mut()), Poll::Pending);
    assert_eq!(turn.end(later(0), Ok(())), Ok(()));
    assert_eq!(poll(waiting.as_mut()), Poll::Ready(Ok(Ok(()))));
}

#[test]
fn answer_that_is_too_old_is_not_given_while_a_key_keeps_silent() {
    let health = OfKey::default();
    let _ = found_out(&health, later(0)).end(later(0), Ok(()));
    let _silent = found_out(&health, later(10));
    assert!(matches!(health.turn(later(29)), Turn::Known(Ok(()))));
    assert!(matches!(health.turn(later(30)), Turn::Wait(_)));
}

#[test]
fn whoever_leaves_before_the_end_leaves_the_turn_to_another() {
    let health = OfKey::default();
    drop(found_out(&health, later(0)));
    let _ = found_out(&health, later(0));
}
