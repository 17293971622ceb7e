//! The spool's file: pieces one behind the other, each framed with its length and SHA-256, so that what a crash tore off is never taken for data.
//!
//! ```text
//! file:  "brski-masa spool 1 " 32 hex digits of its own "\n", then frames
//! frame: "BRSP" version(1) form(1) length of name(2) first(8) length of content(4) SHA-256(32) name content      numbers big-endian
//! ```
//! The SHA-256 is over all of the frame but itself. Each frame is flushed to disk before the next is begun, so that only the last one can be torn:
//! it is shorter than it announces then. One that has its length and not its SHA-256 was whole once, and is an error.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use aws_lc_rs::digest::{SHA256, digest};
use brski_common::files::{beside, replace, sync_folder};

use brski_masa::import::LONGEST_LINE;

use super::pieces::{Form, Piece};

/// A spool that is open.
pub(super) struct Spool {
    path: PathBuf,
    file: File,
    id: String,
    length: u64,
    torn: Option<String>,
}

impl Spool {
    /// To append to it, alone; made if it is not there. What a crash tore off at its end is moved into a file beside it.
    pub(super) fn to_append(path: &Path) -> anyhow::Result<Self> {
        let cannot = || format!("{}: cannot be used", path.display());
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).with_context(cannot)?;
        file.lock().with_context(cannot)?;
        let length = file.metadata().with_context(cannot)?.len();
        let mut spool = Self { path: path.to_owned(), file, id: String::new(), length, torn: None };
        if length < HEAD {
            spool.begin_file().with_context(cannot)?;
        } else {
            spool.read_head()?;
        }
        spool.cut().with_context(cannot)?;
        Ok(spool)
    }

    /// To read it, while others may append.
    pub(super) fn to_read(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("{}: cannot be read; `spool add` makes one", path.display()))?;
        let length = file.metadata()?.len();
        let mut spool = Self { path: path.to_owned(), file, id: String::new(), length, torn: None };
        spool.read_head()?;
        Ok(spool)
    }

    /// By which it is told from another of its name.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn octets(&self) -> u64 {
        self.length
    }

    /// What was moved away when it was opened.
    pub(super) fn torn(&self) -> Option<&str> {
        self.torn.as_deref()
    }

    /// Where its first frame begins.
    pub(super) fn begin(&self) -> u64 {
        HEAD
    }

    /// Appends a piece. It survives a crash on `Ok`; otherwise the file ends where it did, if the disk allows.
    pub(super) fn append(&mut self, piece: &Piece) -> anyhow::Result<()> {
        let frame = frame(piece)?;
        let written = (|| {
            self.file.seek(SeekFrom::Start(self.length))?;
            self.file.write_all(&frame)?;
            self.file.sync_data()
        })();
        if let Err(err) = written {
            // What is left of it otherwise is recognised as torn.
            let _ = self.file.set_len(self.length);
            return Err(err).with_context(|| format!("{}: cannot be written", self.path.display()));
        }
        self.length += frame.len() as u64;
        Ok(())
    }

    /// The piece at this place, and where the next begins; `None` at the end, and before a frame that a crash tore.
    ///
    /// A damaged frame is an error, be it the last one: it was acknowledged once.
    pub(super) fn read_at(&mut self, offset: u64) -> anyhow::Result<Option<(Piece, u64)>> {
        match self.frame_at(offset)? {
            Found::Whole(piece, next) => Ok(Some((piece, next))),
            Found::Torn if offset >= self.length || !self.another_follows(offset)? => Ok(None),
            Found::Torn => {
                anyhow::bail!("{}: what begins at octet {offset} was changed, and other pieces follow it; put it back from a copy", self.path.display())
            }
            Found::Damaged => anyhow::bail!(
                "{}: the piece at octet {offset} is damaged: it has its full length and does not fit its SHA-256; put the spool back from a copy, or move it away and add what \
                 was not forwarded to a new one",
                self.path.display()
            ),
        }
    }

    fn frame_at(&mut self, offset: u64) -> anyhow::Result<Found> {
        let Some(head) = self.octets_at(offset, FRAME)? else { return Ok(Found::Torn) };
        let Some(lengths) = Lengths::read(&head) else {
            // A file may have grown while the octets never reached the disk.
            return Ok(if self.is_empty_from(offset)? { Found::Torn } else { Found::Damaged });
        };
        let Some(rest) = self.octets_at(offset + FRAME as u64, lengths.name + lengths.content)? else { return self.shorter(offset, &head, &lengths) };
        if !fits(&head, &rest) {
            return Ok(Found::Damaged);
        }
        let (name, content) = rest.split_at(lengths.name);
        let name = String::from_utf8_lossy(name).into_owned();
        let next = offset + (FRAME + rest.len()) as u64;
        Ok(Found::Whole(Piece { form: lengths.form, name, first: lengths.first, content: content.to_vec() }, next))
    }

    /// What a frame is that ends before its announced length: torn, or whole with one of its lengths changed.
    fn shorter(&mut self, offset: u64, head: &[u8], lengths: &Lengths) -> anyhow::Result<Found> {
        let there = usize::try_from(self.length.saturating_sub(offset))?.saturating_sub(FRAME);
        let Some(rest) = self.octets_at(offset + FRAME as u64, there)? else { return Ok(Found::Torn) };
        let other_name = there.checked_sub(lengths.content).map(|name| Lengths { name, ..*lengths });
        let other_content = there.checked_sub(lengths.name).map(|content| Lengths { content, ..*lengths });
        for lengths in [other_name, other_content].into_iter().flatten() {
            if let Ok(fields) = lengths.fields()
                && fits(&[&fields, head.get(fields.len()..).unwrap_or_default()].concat(), &rest)
            {
                return Ok(Found::Damaged);
            }
        }
        Ok(Found::Torn)
    }

    /// Whether there is nothing but zeros from this place on.
    fn is_empty_from(&mut self, offset: u64) -> anyhow::Result<bool> {
        let mut from = offset;
        loop {
            let window = self.octets_up_to(from, WINDOW)?;
            match window.iter().all(|octet| *octet == 0) {
                true if window.is_empty() => return Ok(true),
                true => from += window.len() as u64,
                false => return Ok(false),
            }
        }
    }

    /// Whether a whole frame begins anywhere behind this place.
    fn another_follows(&mut self, offset: u64) -> anyhow::Result<bool> {
        let mut from = offset + 1;
        loop {
            let window = self.octets_up_to(from, WINDOW)?;
            if window.len() < MARK.len() {
                return Ok(false);
            }
            let marks: Vec<usize> = window.windows(MARK.len()).enumerate().filter(|(_, part)| part == MARK).map(|(at, _)| at).collect();
            for at in marks {
                if let Found::Whole(..) = self.frame_at(from + at as u64)? {
                    return Ok(true);
                }
            }
            from += (window.len() - (MARK.len() - 1)) as u64;
        }
    }

    fn octets_at(&mut self, offset: u64, length: usize) -> anyhow::Result<Option<Vec<u8>>> {
        let mut octets = vec![0; length];
        self.file.seek(SeekFrom::Start(offset))?;
        match self.file.read_exact(&mut octets) {
            Ok(()) => Ok(Some(octets)),
            Err(err) if err.kind() == ErrorKind::UnexpectedEof => Ok(None),
            Err(err) => Err(err).with_context(|| format!("{}: cannot be read", self.path.display())),
        }
    }

    fn octets_up_to(&mut self, offset: u64, most: u64) -> anyhow::Result<Vec<u8>> {
        let mut octets = Vec::new();
        self.file.seek(SeekFrom::Start(offset))?;
        (&self.file).take(most).read_to_end(&mut octets).with_context(|| format!("{}: cannot be read", self.path.display()))?;
        Ok(octets)
    }

    fn begin_file(&mut self) -> std::io::Result<()> {
        let mut id = [0; 16];
        aws_lc_rs::rand::fill(&mut id).map_err(|_| std::io::Error::other("the system gives no random numbers"))?;
        self.id = id.iter().map(|octet| format!("{octet:02x}")).collect();
        // Shorter than its head: whoever made it got no further.
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(format!("{NAME}{}\n", self.id).as_bytes())?;
        self.file.sync_all()?;
        self.length = HEAD;
        sync_folder(&self.path)
    }

    fn read_head(&mut self) -> anyhow::Result<()> {
        let head = self.octets_at(0, HEAD as usize)?;
        let id = head.and_then(|head| Some(String::from_utf8(head).ok()?.strip_prefix(NAME)?.strip_suffix('\n')?.to_owned()));
        self.id = id.with_context(|| format!("{}: is no spool", self.path.display()))?;
        Ok(())
    }

    /// Looks through what was not forwarded yet, and moves away what is no whole frame at the end.
    fn cut(&mut self) -> anyhow::Result<()> {
        let mut end = position(&self.path, &self.id)?.clamp(HEAD, self.length.max(HEAD));
        while let Some((_, next)) = self.read_at(end)? {
            end = next;
        }
        if end < self.length {
            let torn = self.octets_at(end, usize::try_from(self.length - end)?)?.unwrap_or_default();
            let aside = beside(&self.path, &format!(".torn-at-{end}"));
            std::fs::write(&aside, &torn).with_context(|| format!("{}: cannot be written", aside.display()))?;
            self.torn =
                Some(format!("{} octets at the end were torn off by a crash and never acknowledged; they are in {} now", self.length - end, aside.display()));
            self.file.set_len(end)?;
            self.file.sync_all()?;
            self.length = end;
        }
        Ok(())
    }
}

/// What is at a place of the file.
enum Found {
    /// A piece, and where the next frame begins.
    Whole(Piece, u64),
    /// Nothing, or the beginning of a frame: what was being appended during a crash, which nobody was told to be kept.
    Torn,
    /// Octets that are neither.
    Damaged,
}

/// Whether a frame's head has the SHA-256 of its fields, name and content.
fn fits(head: &[u8], rest: &[u8]) -> bool {
    let Some((fields, kept)) = head.split_at_checked(FRAME - 32) else { return false };
    digest(&SHA256, &[fields, rest].concat()).as_ref() == kept
}

struct Lengths {
    form: Form,
    name: usize,
    first: u64,
    content: usize,
}

impl Lengths {
    fn read(head: &[u8]) -> Option<Self> {
        let (mark, rest) = head.split_at_checked(MARK.len())?;
        let (&[form], rest) = rest.split_first_chunk::<1>()?;
        let (name, rest) = rest.split_first_chunk::<2>()?;
        let (first, rest) = rest.split_first_chunk::<8>()?;
        let (content, _) = rest.split_first_chunk::<4>()?;
        let form = [Form::Lines, Form::Message].into_iter().find(|known| known.number() == form)?;
        let content = usize::try_from(u32::from_be_bytes(*content)).ok().filter(|content| *content <= LARGEST)?;
        (mark == MARK).then(|| Self { form, name: usize::from(u16::from_be_bytes(*name)), first: u64::from_be_bytes(*first), content })
    }

    /// The octets before the SHA-256.
    fn fields(&self) -> anyhow::Result<Vec<u8>> {
        let (name, content) = (u16::try_from(self.name)?, u32::try_from(self.content)?);
        Ok([&MARK[..], &[self.form.number()], &name.to_be_bytes(), &self.first.to_be_bytes(), &content.to_be_bytes()].concat())
    }
}

fn frame(piece: &Piece) -> anyhow::Result<Vec<u8>> {
    let name: String = piece.name.chars().take(1000).collect();
    anyhow::ensure!(piece.content.len() <= LARGEST, "a piece is longer than {LARGEST} octets");
    let fields = Lengths { form: piece.form, name: name.len(), first: piece.first, content: piece.content.len() }.fields()?;
    let kept = digest(&SHA256, &[&fields, name.as_bytes(), &piece.content].concat());
    Ok([&fields, kept.as_ref(), name.as_bytes(), &piece.content].concat())
}

/// How far this spool was forwarded: the place behind the last piece that was acknowledged. A position of another spool of this name is none.
pub(super) fn position(spool: &Path, id: &str) -> anyhow::Result<u64> {
    let path = beside(spool, POSITION);
    let text = match std::fs::read_to_string(&path) {
        Err(err) if err.kind() == ErrorKind::NotFound => return Ok(0),
        read => read.with_context(|| format!("{}: cannot be read", path.display()))?,
    };
    let read = text.trim_end().split_once(' ').and_then(|(of, position)| Some((of, position.parse::<u64>().ok()?)));
    let (of, position) =
        read.with_context(|| format!("{}: is not the position of a spool; without it all is forwarded again, which does no harm", path.display()))?;
    Ok(if of == id { position } else { 0 })
}

/// Notes how far it was forwarded. The note is replaced as a whole, and survives a crash.
pub(super) fn set_position(spool: &Path, id: &str, position: u64) -> anyhow::Result<()> {
    let path = beside(spool, POSITION);
    replace(&path, format!("{id} {position}\n").as_bytes()).with_context(|| format!("{}: cannot be written", path.display()))
}

const NAME: &str = "brski-masa spool 1 ";

/// Octets before the first frame.
const HEAD: u64 = NAME.len() as u64 + 32 + 1;

/// With the version.
const MARK: &[u8; 5] = b"BRSP\x01";

/// Octets of a frame before its name.
const FRAME: usize = MARK.len() + 1 + 2 + 8 + 4 + 32;

/// Largest content of a frame: one line with its end.
const LARGEST: usize = LONGEST_LINE + 1;

const WINDOW: u64 = 1024 * 1024;

const POSITION: &str = ".position";

#[cfg(test)]
mod tests;
