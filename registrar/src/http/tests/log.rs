//! What the log says of a leniency's use: for whom it was.

use tracing_subscriber::fmt::MakeWriter;

use super::formats::OLDER_COSE_TYPE;
use super::*;

/// A log in memory.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Memory {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Memory {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// The lines of the log that tell of a leniency's use while `done` is done.
fn leniencies_used(done: impl Fn()) -> Vec<String> {
    // Whether a line of code has a listener is remembered; while there is one listener, a first use on the thread of another test would settle it for all.
    // Therefore the first use is here, before there is any.
    done();
    let memory = Memory::default();
    let log = tracing_subscriber::fmt().with_writer(memory.clone()).with_ansi(false).finish();
    tracing::subscriber::with_default(log, done);
    let text = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
    text.lines().filter(|line| line.contains("leniency used")).map(str::to_owned).collect()
}

#[test]
fn use_of_a_media_type_names_the_pledge() {
    let scene = Scene::granting(Leniencies::with([Leniency::VoucherCoseCbor]));
    let lines = leniencies_used(|| assert_eq!(scene.send_as(Format::Cose, OLDER_COSE_TYPE, None).status, 200));
    assert!(!lines.is_empty() && lines.iter().all(|line| line.contains("serial=\"JADA1\"")), "{lines:?}");
}

#[test]
fn use_in_a_request_names_the_pledge_and_its_manufacturer() {
    let scene = Scene::granting(Leniencies::with([Leniency::Base64Body]));
    let text = est::to_body(scene.pledge.sign(&scene.request()).wire());
    let request = Signed::from_wire(Format::Cms, text);
    let lines = leniencies_used(|| assert_eq!(scene.post(&request).status, 200));
    let name = &scene.world.manufacturer().name;
    assert!(!lines.is_empty() && lines.iter().all(|line| line.contains("serial=\"JADA1\"") && line.contains(name)), "{lines:?}");
}
