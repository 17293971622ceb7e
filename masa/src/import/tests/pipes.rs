//! A station at the other end of a pipe.

use std::io::Write as _;

use super::*;

#[test]
fn station_at_a_pipe_hears_of_each_row_before_it_sends_the_next() {
    let world = World::new();
    let mut lines = ["A", "B", "C"].map(|serial| world.maker.report(&world.maker.pledge(serial), None).wire().to_vec()).into_iter();
    let (input, mut station) = std::io::pipe().unwrap();
    let mut send = move || lines.next().map(|line| station.write_all(&[line, b"\n".to_vec()].concat()).unwrap());
    send();
    let mut heard = Vec::new();
    let mut send = Some(send);
    let _ = world.import().run("pipe", input, &mut |outcome| {
        heard.push(outcome.result.unwrap().device.serial.to_string());
        // Once there is no more to send, the pipe is closed.
        send = send.take().filter(|_| true).and_then(|mut next| next().map(|()| next));
        ControlFlow::Continue(())
    });
    assert_eq!(heard, ["A", "B", "C"]);
}

#[test]
fn who_no_longer_listens_does_not_wait_for_a_silent_pipe() {
    let world = World::new();
    let (input, mut station) = std::io::pipe().unwrap();
    let line = world.maker.report(&world.maker.pledge("A"), None).wire().to_vec();
    station.write_all(&[line, b"\n".to_vec()].concat()).unwrap();
    let flow = world.import().run("pipe", input, &mut |_| ControlFlow::Break(()));
    assert_eq!(flow, ControlFlow::Break(()));
    drop(station);
}
