//! One fact in the ledger, and its octets.

use brski_common::time::at;
use brski_common::{
    Assertion, Certificate, DecodeError, DeviceId, DomainId, Format, IDevIdCert, KeyIdentifier, Nonce, ProvenanceRecord, ProvenanceStatement, SerialNumber,
    Signed, SpkiDigest, UnixTime,
};
use ciborium::Value;

use super::Unique;

/// One fact. Its octets are deterministic CBOR: a provenance record's own, else an array that begins with the kind.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Entry {
    /// A device was made: from now on it is known.
    Made(Made),
    /// How a device's key came to be.
    Recorded(Box<ProvenanceRecord>),
    /// What was signed about a record for others to read.
    Stated(Stated),
    /// A voucher was decided on. It may never have been signed, if the process ended in between.
    Vouched(Vouched),
    /// A device was blocked, or is no longer.
    Standing(Standing),
}

/// A device and its IDevID.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// When it was appended.
    pub at: UnixTime,
    /// The device's certificate, whose path to the manufacturer's anchors was verified.
    pub idevid: IDevIdCert,
    /// Name of the enrolled key that reported it.
    pub reported_by: String,
}

/// A signed provenance statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Stated {
    /// Whose.
    pub device: DeviceId,
    /// Sequence number of the record it is a view of.
    pub seq: u32,
    /// The statement, octet for octet as it was given away.
    pub statement: Signed<ProvenanceStatement>,
}

/// A voucher, as the audit log must remember it (RFC 8995, section 5.8.1).
#[derive(Clone, Debug, PartialEq)]
pub struct Vouched {
    /// Whose.
    pub device: DeviceId,
    /// When.
    pub at: UnixTime,
    /// The domain it gives the device to, as audit logs name it.
    pub domain: DomainId,
    /// Digest of the pinned key. A domainID may be chosen freely by whoever makes a certificate, this may not.
    pub pin: SpkiDigest,
    /// Digest of the key that signed the registrar's request.
    pub registrar: SpkiDigest,
    /// The nonce, with the text it came in; `None` for a nonceless voucher.
    pub nonce: Option<Nonce>,
    /// What the voucher asserts.
    pub assertion: Assertion,
    /// When the voucher expires, if it does.
    pub expires_on: Option<UnixTime>,
}

/// Whether a device may be vouched for; the newest entry of a device counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Whose.
    pub device: DeviceId,
    /// Since when.
    pub at: UnixTime,
    /// Why it is blocked; `None` if it is blocked no longer.
    pub blocked: Option<String>,
}

impl Entry {
    /// Of which device it speaks.
    pub fn device(&self) -> &DeviceId {
        match self {
            Self::Made(made) => made.idevid.device(),
            Self::Recorded(record) => &record.device,
            Self::Stated(stated) => &stated.device,
            Self::Vouched(vouched) => &vouched.device,
            Self::Standing(standing) => &standing.device,
        }
    }

    /// One word for its kind; [`from_octets`](Self::from_octets) wants it back.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Made(_) => MADE,
            Self::Recorded(_) => RECORDED,
            Self::Stated(_) => STATED,
            Self::Vouched(_) => VOUCHED,
            Self::Standing(_) => STANDING,
        }
    }

    /// What of it may occur only once for its device, besides the making of the device itself.
    pub(super) fn once(&self) -> Option<(Unique, Vec<u8>)> {
        match self {
            Self::Made(_) | Self::Standing(_) => None,
            Self::Recorded(record) => Some((Unique::Record, record.seq.to_be_bytes().to_vec())),
            Self::Stated(stated) => Some((Unique::Statement, stated.seq.to_be_bytes().to_vec())),
            Self::Vouched(vouched) => vouched.nonce.as_ref().map(|nonce| (Unique::Nonce, nonce.octets())),
        }
    }

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
                encode(STATED, [issuer, serial, Value::from(stated.seq), bytes(stated.statement.wire())])
            }
            Self::Vouched(vouched) => {
                let [issuer, serial] = device(&vouched.device);
                let nonce = vouched.nonce.as_ref().map_or(Value::Null, |n| text(n.as_text()));
                let expires_on = vouched.expires_on.map_or(Value::Null, time);
                let (domain, pin, registrar) = (bytes(vouched.domain.as_bytes()), bytes(&vouched.pin.0), bytes(&vouched.registrar.0));
                encode(VOUCHED, [issuer, serial, time(vouched.at), domain, pin, registrar, nonce, text(vouched.assertion.name()), expires_on])
            }
            Self::Standing(standing) => {
                let [issuer, serial] = device(&standing.device);
                encode(STANDING, [issuer, serial, time(standing.at), standing.blocked.as_deref().map_or(Value::Null, text)])
            }
        }
    }

    /// Reads an entry's octets back.
    ///
    /// # Errors
    /// [`DecodeError`] if they are not an entry of this kind.
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
                Self::Stated(Stated { device, seq, statement: Signed::from_wire(Format::Cose, fields.bytes()?) })
            }
            VOUCHED => Self::Vouched(Vouched {
                device: fields.device()?,
                at: fields.time()?,
                domain: DomainId::new(fields.bytes()?)?,
                pin: fields.digest()?,
                registrar: fields.digest()?,
                nonce: fields.optional()?.map(|n| n.into_text().map_err(|_| unfit("a nonce as text")).and_then(Nonce::from_text)).transpose()?,
                assertion: Assertion::from_name(&fields.text()?).ok_or_else(|| unfit("the name of an assertion"))?,
                expires_on: fields.optional()?.map(seconds).transpose()?,
            }),
            STANDING => Self::Standing(Standing {
                device: fields.device()?,
                at: fields.time()?,
                blocked: fields.optional()?.map(|b| b.into_text().map_err(|_| unfit("a reason as text"))).transpose()?,
            }),
            _ => return Err(unfit("of a known kind")),
        };
        fields.close()?;
        Ok(entry)
    }
}

/// Octets of entry 0: which log this is and since when.
pub(super) fn genesis(log: &str, now: UnixTime) -> Result<Vec<u8>, DecodeError> {
    encode(GENESIS, [text(log), time(now)])
}

/// The log's name in the octets of entry 0.
#[cfg(feature = "sqlite")]
pub(super) fn log_name(octets: &[u8]) -> Result<String, DecodeError> {
    let mut fields = Fields::open(GENESIS, octets)?;
    let (name, _) = (fields.text()?, fields.time()?);
    fields.close().map(|()| name)
}

pub(super) const GENESIS: &str = "genesis";
pub(super) const MADE: &str = "made";
pub(super) const RECORDED: &str = "recorded";
pub(super) const STATED: &str = "stated";
pub(super) const VOUCHED: &str = "vouched";
pub(super) const STANDING: &str = "standing";

fn encode<const N: usize>(kind: &str, fields: [Value; N]) -> Result<Vec<u8>, DecodeError> {
    let array = Value::Array(core::iter::once(text(kind)).chain(fields).collect());
    let mut octets = Vec::new();
    // Arrays, texts and integers: ciborium writes them in the one shortest form, which is RFC 8949's deterministic one.
    ciborium::into_writer(&array, &mut octets).map_err(|err| DecodeError::syntax("ledger entry", "CBOR", err))?;
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

fn seconds(value: Value) -> Result<UnixTime, DecodeError> {
    value.as_integer().and_then(|i| u64::try_from(i).ok()).map(at).ok_or_else(|| unfit("seconds since 1970"))
}

fn unfit(expected: &'static str) -> DecodeError {
    DecodeError::InvalidField { field: "a ledger entry", expected }
}

/// The rest of an array, field by field.
struct Fields(std::vec::IntoIter<Value>);

impl Fields {
    fn open(kind: &str, octets: &[u8]) -> Result<Self, DecodeError> {
        let mut rest = octets;
        let value: Value = ciborium::from_reader(&mut rest).map_err(|err| DecodeError::syntax("ledger entry", "CBOR", err))?;
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
