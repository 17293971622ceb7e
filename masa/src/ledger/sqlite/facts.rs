//! What an entry is filed by. Of the two kinds that make up nearly all of a ledger it is read without the rest of the entry: what else they say, their leaf hash vouches for.

use brski_common::{Certificate, DecodeError, DeviceId, IDevIdCert, KeyIdentifier, SerialNumber, SpkiDigest};

use crate::ledger::Entry;
use crate::ledger::entry::{MADE, RECORDED};

/// What an entry is filed by.
#[derive(Debug, PartialEq)]
pub(super) struct Facts {
    pub(super) device: Option<DeviceId>,
    /// The key of the device that it makes.
    pub(super) makes: Option<SpkiDigest>,
    pub(super) once: Option<Vec<u8>>,
}

impl Facts {
    /// Reads them out of an entry of this kind.
    ///
    /// # Errors
    /// [`DecodeError`] if the octets are no such entry.
    pub(super) fn of(kind: &str, octets: &[u8]) -> Result<Self, DecodeError> {
        let quickly = match kind {
            MADE => made(octets),
            RECORDED => recorded(octets),
            _ => None,
        };
        // Whatever is in doubt is read in full, which says what is wrong with it.
        quickly.map_or_else(|| Self::in_full(kind, octets), Ok)
    }

    fn in_full(kind: &str, octets: &[u8]) -> Result<Self, DecodeError> {
        let entry = Entry::from_octets(kind, octets)?;
        let makes = match &entry {
            Entry::Made(made) => Some(made.idevid.spki_digest()),
            Entry::Recorded(_) | Entry::Stated(_) | Entry::Vouched(_) | Entry::Standing(_) | Entry::Owned(_) | Entry::Marked(_) | Entry::Restored(_) => None,
        };
        Ok(Self { device: entry.device().cloned(), makes, once: entry.once().map(|(_, value)| value) })
    }
}

/// `["made", time, certificate, name of the reporting key]`.
fn made(octets: &[u8]) -> Option<Facts> {
    let mut octets = Cursor(octets);
    octets.expect(ARRAY, 4)?;
    (octets.text()? == MADE).then_some(())?;
    octets.number()?;
    let certificate = octets.bytes()?;
    octets.text()?;
    octets.end()?;
    let idevid = IDevIdCert::new(Certificate::from_der(certificate).ok()?).ok()?;
    Some(Facts { device: Some(idevid.device().clone()), makes: Some(idevid.spki_digest()), once: None })
}

/// `[1, {..., "seq": number, ..., "device": {"issuer": hex, "serial": text}, ...}]`.
fn recorded(octets: &[u8]) -> Option<Facts> {
    let mut octets = Cursor(octets);
    octets.expect(ARRAY, 2)?;
    octets.expect(NUMBER, 1)?;
    let (mut device, mut seq) = (None, None);
    octets.map(DEEPEST, &mut |key, value| match key {
        "device" => value.device().map(|found| device = Some(found)),
        "seq" => value.number().and_then(|number| u32::try_from(number).ok()).map(|found| seq = Some(found)),
        _ => value.skip(DEEPEST),
    })?;
    octets.end()?;
    Some(Facts { device: Some(device?), makes: None, once: Some(seq?.to_be_bytes().to_vec()) })
}

/// CBOR in the deterministic form (RFC 8949, section 4.2.1) that entries are written in. Anything else, and what no entry has, is `None`.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    /// Major type and argument of the next item.
    fn head(&mut self) -> Option<(u8, u64)> {
        let (first, rest) = self.0.split_first()?;
        let (major, short) = (first >> 5, first & 0x1f);
        let (argument, rest) = match short {
            ..24 => (u64::from(short), rest),
            24..28 => {
                let size = 1_usize << (short - 24);
                let (octets, rest) = rest.split_at_checked(size)?;
                let argument = octets.iter().fold(0, |number, octet| number << 8 | u64::from(*octet));
                // A number that a shorter form could hold is in the wrong one.
                let least = if size == 1 { 24 } else { 1 << (size * 4) };
                (argument >= least).then_some((argument, rest))?
            }
            28.. => return None,
        };
        self.0 = rest;
        Some((major, argument))
    }

    fn argument(&mut self, major: u8) -> Option<u64> {
        self.head().filter(|(found, _)| *found == major).map(|(_, argument)| argument)
    }

    fn expect(&mut self, major: u8, argument: u64) -> Option<()> {
        (self.head()? == (major, argument)).then_some(())
    }

    fn number(&mut self) -> Option<u64> {
        self.argument(NUMBER)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.argument(BYTES)?;
        self.take(length)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.argument(TEXT)?;
        core::str::from_utf8(self.take(length)?).ok()
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }

    /// A map whose keys are texts, each after the one before it. `each` reads the value of each.
    fn map(&mut self, depth: u8, each: &mut dyn FnMut(&'a str, &mut Self) -> Option<()>) -> Option<()> {
        depth.checked_sub(1)?;
        let mut last: Option<&str> = None;
        for _ in 0..self.argument(MAP)? {
            let key = self.text()?;
            // The encoding of a text begins with its length, so that the shorter comes first.
            last.is_none_or(|last| (last.len(), last) < (key.len(), key)).then_some(())?;
            last = Some(key);
            each(key, self)?;
        }
        Some(())
    }

    fn device(&mut self) -> Option<DeviceId> {
        let (mut issuer, mut serial) = (None, None);
        self.map(1, &mut |key, value| match key {
            // In capitals it would be another encoding of the same.
            "issuer" => Some(value.text()?).filter(|hex| !hex.bytes().any(|digit| digit.is_ascii_uppercase())).map(|hex| issuer = Some(hex)),
            "serial" => value.text().map(|text| serial = Some(text)),
            _ => None,
        })?;
        Some(DeviceId { issuer: KeyIdentifier::try_from(issuer?.to_owned()).ok()?, serial: SerialNumber::new(serial?).ok()? })
    }

    fn skip(&mut self, depth: u8) -> Option<()> {
        let deeper = depth.checked_sub(1)?;
        let mut ahead = Self(self.0);
        match ahead.head()? {
            (NUMBER | NEGATIVE, _) | (SIMPLE, 20..=22) => self.0 = ahead.0,
            (BYTES, _) => drop(self.bytes()?),
            (TEXT, _) => drop(self.text()?),
            (ARRAY, items) => {
                self.0 = ahead.0;
                for _ in 0..items {
                    self.skip(deeper)?;
                }
            }
            (MAP, _) => self.map(deeper, &mut |_, value| value.skip(deeper))?,
            _ => return None,
        }
        Some(())
    }
}

const NUMBER: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
/// `false`, `true` and `null` are 20 to 22 of these.
const SIMPLE: u8 = 7;

/// How deep maps and arrays may stand in each other.
const DEEPEST: u8 = 16;

#[cfg(test)]
mod tests;
