//! An entry's octets: deterministic CBOR, a provenance record's own or else an array that begins with the kind.

use brski_common::log::Hash;
use brski_common::provenance::{Disclosure, Status};
use brski_common::time::at;
use brski_common::{
    Assertion, Certificate, DecodeError, DeviceId, DomainId, Format, IDevIdCert, KeyIdentifier, Nonce, ProvenanceRecord, SerialNumber, Signed, SpkiDigest,
    UnixTime,
};
use ciborium::Value;

use super::*;

impl Entry {
    /// The entry's octets, the same for the same entry.
    ///
    /// # Errors
    /// [`DecodeError`] if it is a record that is too large.
    pub fn to_octets(&self) -> Result<Vec<u8>, DecodeError> {
        match self {
            Self::Made(made) => encode(MADE, [time(made.at), bytes(made.idevid.certificate().der()), text(&made.reported_by)]),
            Self::Recorded(record) => record.to_cbor(),
            Self::Stated(stated) => {
                let [issuer, serial] = device(&stated.device);
                let fields = [issuer, serial, Value::from(stated.seq), bytes(stated.statement.wire())];
                encode(STATED, fields.into_iter().chain(stated.level.map(|level| text(level.name()))))
            }
            Self::Vouched(vouched) => {
                let [issuer, serial] = device(&vouched.device);
                let nonce = vouched.nonce.as_ref().map_or(Value::Null, |n| text(n.as_text()));
                let expires_on = vouched.expires_on.map_or(Value::Null, time);
                let (domain, pin, registrar) = (bytes(vouched.domain.as_bytes()), bytes(&vouched.pin.0), bytes(&vouched.registrar.0));
                let fields = [issuer, serial, time(vouched.at), domain, pin, registrar, nonce, text(vouched.assertion.name()), expires_on];
                let content = vouched.content.as_ref().map(content).or(vouched.by.is_some().then_some(Value::Null));
                encode(VOUCHED, fields.into_iter().chain(content).chain(vouched.by.as_deref().map(text)))
            }
            Self::Standing(standing) => {
                let [issuer, serial] = device(&standing.device);
                let fields = [issuer, serial, time(standing.at), standing.blocked.as_deref().map_or(Value::Null, text)];
                encode(STANDING, fields.into_iter().chain(standing.by.as_deref().map(text)))
            }
            Self::Owned(owned) => {
                let [issuer, serial] = device(&owned.device);
                let change = match &owned.change {
                    OwnerChange::SoldTo(customer) => {
                        Value::Array(core::iter::once(text(&customer.name)).chain(customer.keys.iter().map(|key| bytes(&key.0))).collect())
                    }
                    OwnerChange::Released => Value::Null,
                };
                encode(OWNED, [issuer, serial, time(owned.at), text(&owned.by), change])
            }
            Self::Marked(marked) => {
                let scope = scope(&marked.scope);
                encode(MARKED, [scope, time(marked.at), text(&marked.by), text(marked.status.name()), text(&marked.reason)])
            }
            Self::Restored(restored) => {
                let lost = match restored.lost {
                    Lost::Nothing => Value::Null,
                    Lost::Unknown => text(UNKNOWN),
                    Lost::Signed(head) => Value::Array(vec![Value::from(head.size), bytes(head.root.as_bytes())]),
                };
                encode(RESTORED, [time(restored.at), text(&restored.by), text(&restored.reason), lost])
            }
        }
    }

    /// Reads an entry's octets back.
    ///
    /// # Errors
    /// [`DecodeError`] if they are not exactly what [`to_octets`](Self::to_octets) makes of an entry of this kind.
    pub fn from_octets(kind: &str, octets: &[u8]) -> Result<Self, DecodeError> {
        if kind == RECORDED {
            return ProvenanceRecord::from_cbor(octets).map(|record| Self::Recorded(Box::new(record)));
        }
        let mut fields = Fields::open(kind, octets)?;
        let entry = match kind {
            MADE => {
                let (at, der, reported_by) = (fields.time()?, fields.bytes()?, fields.text()?);
                Self::Made(Made { at, idevid: IDevIdCert::new(Certificate::from_der(&der)?)?, reported_by })
            }
            STATED => {
                let (device, seq) = (fields.device()?, fields.number()?);
                let seq = u32::try_from(seq).map_err(|_| unfit("a 32-bit sequence number"))?;
                let statement = Signed::from_wire(Format::Cose, fields.bytes()?);
                let level = fields.0.next().map(|level| level.into_text().ok().and_then(|name| Disclosure::from_name(&name)).ok_or_else(|| unfit("a level")));
                Self::Stated(Stated { device, seq, level: level.transpose()?, statement })
            }
            VOUCHED => {
                let vouched = Vouched {
                    device: fields.device()?,
                    at: fields.time()?,
                    domain: DomainId::new(fields.bytes()?)?,
                    pin: fields.digest()?,
                    registrar: fields.digest()?,
                    nonce: fields.optional()?.map(|n| n.into_text().map_err(|_| unfit("a nonce as text")).and_then(Nonce::from_text)).transpose()?,
                    assertion: Assertion::from_name(&fields.text()?).ok_or_else(|| unfit("the name of an assertion"))?,
                    expires_on: fields.optional()?.map(seconds).transpose()?,
                    content: None,
                    by: None,
                };
                let content = fields.0.next();
                let by = fields.0.next().map(|by| by.into_text().map_err(|_| unfit("a name as text"))).transpose()?;
                let content = match content {
                    // Nothing holds its place unless something follows.
                    Some(Value::Null) if by.is_some() => None,
                    content => content.map(read_content).transpose()?,
                };
                Self::Vouched(Vouched { content, by, ..vouched })
            }
            STANDING => Self::Standing(Standing {
                device: fields.device()?,
                at: fields.time()?,
                blocked: fields.optional()?.map(|b| b.into_text().map_err(|_| unfit("a reason as text"))).transpose()?,
                by: fields.0.next().map(|by| by.into_text().map_err(|_| unfit("a name as text"))).transpose()?,
            }),
            OWNED => {
                let (device, at, by) = (fields.device()?, fields.time()?, fields.text()?);
                let change = fields.optional()?.map_or(Ok(OwnerChange::Released), |sold| customer(sold).map(OwnerChange::SoldTo))?;
                Self::Owned(Owned { device, at, by, change })
            }
            MARKED => {
                let scope = read_scope(fields.next()?)?;
                let (at, by) = (fields.time()?, fields.text()?);
                let status = Status::from_name(&fields.text()?).ok_or_else(|| unfit("the name of a status"))?;
                Self::Marked(Marked { at, by, scope, status, reason: fields.text()? })
            }
            RESTORED => Self::Restored(Restored {
                at: fields.time()?,
                by: fields.text()?,
                reason: fields.text()?,
                lost: fields.optional()?.map_or(Ok(Lost::Nothing), lost)?,
            }),
            _ => return Err(unfit("of a known kind")),
        };
        fields.close()?;
        Ok(entry)
    }
}

/// Octets of entry 0: which log this is and since when.
pub(in crate::ledger) fn genesis(log: &str, now: UnixTime) -> Result<Vec<u8>, DecodeError> {
    encode(GENESIS, [text(log), time(now)])
}

/// The log's name in the octets of entry 0.
#[cfg(feature = "sqlite")]
pub(in crate::ledger) fn log_name(octets: &[u8]) -> Result<String, DecodeError> {
    let mut fields = Fields::open(GENESIS, octets)?;
    let (name, _) = (fields.text()?, fields.time()?);
    fields.close().map(|()| name)
}

fn encode(kind: &str, fields: impl IntoIterator<Item = Value>) -> Result<Vec<u8>, DecodeError> {
    written(&Value::Array(core::iter::once(text(kind)).chain(fields).collect()))
}

fn written(array: &Value) -> Result<Vec<u8>, DecodeError> {
    let mut octets = Vec::with_capacity(USUAL);
    // Arrays, texts and integers: ciborium writes them in the one shortest form, which is RFC 8949's deterministic one.
    ciborium::into_writer(array, &mut octets).map_err(|err| DecodeError::syntax("ledger entry", "CBOR", err))?;
    Ok(octets)
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn bytes(octets: &[u8]) -> Value {
    Value::Bytes(octets.to_vec())
}

fn time(time: UnixTime) -> Value {
    Value::from(time.as_secs())
}

fn device(device: &DeviceId) -> [Value; 2] {
    [bytes(device.issuer.as_bytes()), text(device.serial.as_str())]
}

fn scope(scope: &Scope) -> Value {
    let [what, of] = match scope {
        Scope::Device(id) => return Value::Array(core::iter::once(text("device")).chain(device(id)).collect()),
        Scope::Batch(name) => ["batch", name.as_str()],
        Scope::Station(name) => ["station", name.as_str()],
        Scope::Line(name) => ["line", name.as_str()],
    };
    Value::Array(vec![text(what), text(of)])
}

fn read_scope(value: Value) -> Result<Scope, DecodeError> {
    let mut fields = Fields::of(value)?;
    let scope = match fields.text()?.as_str() {
        "device" => Scope::Device(fields.device()?),
        "batch" => Scope::Batch(fields.text()?),
        "station" => Scope::Station(fields.text()?),
        "line" => Scope::Line(fields.text()?),
        _ => return Err(unfit("a device, a batch, a station or a line")),
    };
    fields.close()?;
    Ok(scope)
}

fn content(content: &VoucherContent) -> Value {
    let (kind, pinned) = match &content.pinned {
        Pinned::Certificate(certificate) => ("certificate", bytes(certificate.der())),
        Pinned::Key(spki) => ("key", bytes(spki)),
        Pinned::KeyHash => ("key-hash", Value::Null),
    };
    Value::Array(vec![text(kind), pinned, Value::Bool(content.names_issuer)])
}

fn read_content(value: Value) -> Result<VoucherContent, DecodeError> {
    let mut fields = Fields::of(value)?;
    let pinned = match fields.text()?.as_str() {
        "certificate" => Pinned::Certificate(Certificate::from_der(&fields.bytes()?)?),
        "key" => Pinned::Key(fields.bytes()?),
        "key-hash" if fields.optional()?.is_none() => Pinned::KeyHash,
        _ => return Err(unfit("a certificate, a key or the hash of one")),
    };
    let names_issuer = fields.next()?.as_bool().ok_or_else(|| unfit("true or false"))?;
    fields.close()?;
    Ok(VoucherContent { pinned, names_issuer })
}

fn customer(value: Value) -> Result<Customer, DecodeError> {
    let mut fields = Fields::of(value)?;
    let name = fields.text()?;
    let keys = fields.0.map(|key| key.into_bytes().ok().and_then(|key| key.try_into().ok()).map(SpkiDigest).ok_or_else(|| unfit("a digest of 32 octets")));
    Ok(Customer { name, keys: keys.collect::<Result<_, _>>()? })
}

fn lost(value: Value) -> Result<Lost, DecodeError> {
    match value.as_text() {
        Some(UNKNOWN) => Ok(Lost::Unknown),
        Some(_) => Err(unfit("a signed state, 'unknown' or nothing")),
        None => head(value).map(Lost::Signed),
    }
}

fn head(value: Value) -> Result<TreeHead, DecodeError> {
    let mut fields = Fields::of(value)?;
    let head = TreeHead { size: fields.number()?, root: Hash::from(fields.digest()?.0) };
    fields.close()?;
    Ok(head)
}

fn seconds(value: Value) -> Result<UnixTime, DecodeError> {
    value.as_integer().and_then(|i| u64::try_from(i).ok()).map(at).ok_or_else(|| unfit("seconds since 1970"))
}

/// What was lost, if nobody knows.
const UNKNOWN: &str = "unknown";

/// Room for an entry with a certificate in it.
const USUAL: usize = 768;

fn unfit(expected: &'static str) -> DecodeError {
    DecodeError::InvalidField { field: "a ledger entry", expected }
}

/// The rest of an array, field by field.
struct Fields(std::vec::IntoIter<Value>);

impl Fields {
    fn open(kind: &str, octets: &[u8]) -> Result<Self, DecodeError> {
        let mut rest = octets;
        let value: Value = ciborium::from_reader(&mut rest).map_err(|err| DecodeError::syntax("ledger entry", "CBOR", err))?;
        // Two encodings of one entry would be two leaves of the log.
        if written(&value)? != octets {
            return Err(unfit("in the one form that it is written in"));
        }
        match value {
            Value::Array(fields) if rest.is_empty() => {
                let mut fields = Self(fields.into_iter());
                match fields.text()? == kind {
                    true => Ok(fields),
                    false => Err(unfit("of the kind it is filed under")),
                }
            }
            _ => Err(unfit("one CBOR array")),
        }
    }

    fn of(value: Value) -> Result<Self, DecodeError> {
        value.into_array().map(|fields| Self(fields.into_iter())).map_err(|_| unfit("an array where one belongs"))
    }

    fn next(&mut self) -> Result<Value, DecodeError> {
        self.0.next().ok_or_else(|| unfit("complete"))
    }

    fn optional(&mut self) -> Result<Option<Value>, DecodeError> {
        self.next().map(|value| (!value.is_null()).then_some(value))
    }

    fn text(&mut self) -> Result<String, DecodeError> {
        self.next()?.into_text().map_err(|_| unfit("a text where one belongs"))
    }

    fn bytes(&mut self) -> Result<Vec<u8>, DecodeError> {
        self.next()?.into_bytes().map_err(|_| unfit("octets where they belong"))
    }

    fn number(&mut self) -> Result<u64, DecodeError> {
        self.next()?.as_integer().and_then(|i| u64::try_from(i).ok()).ok_or_else(|| unfit("a number where one belongs"))
    }

    fn time(&mut self) -> Result<UnixTime, DecodeError> {
        self.number().map(at)
    }

    fn digest(&mut self) -> Result<SpkiDigest, DecodeError> {
        self.bytes()?.try_into().map(SpkiDigest).map_err(|_| unfit("a digest of 32 octets"))
    }

    fn device(&mut self) -> Result<DeviceId, DecodeError> {
        Ok(DeviceId { issuer: KeyIdentifier::new(self.bytes()?)?, serial: SerialNumber::new(self.text()?)? })
    }

    fn close(mut self) -> Result<(), DecodeError> {
        match self.0.next() {
            None => Ok(()),
            Some(_) => Err(unfit("without further fields")),
        }
    }
}
