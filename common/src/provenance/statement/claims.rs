//! The statement as CWT claims (RFC 8392) with integer keys, and the key-provenance map in one of them.

use ciborium::Value;

use super::{PROFILE, ProvenanceStatement, Quorum, confirmation};
use crate::codec;
use crate::error::DecodeError;
use crate::identity::{DeviceId, KeyIdentifier, SerialNumber, SpkiDigest};
use crate::provenance::{
    Answers, Basis, FindingResult, Lock, Locus, Method, Protection, Question, RecordDigest, SecureElementGeneration, Source, Status, Text, Transfer,
};
use crate::time::{UnixTime, at, from_rfc3339};

pub(super) fn encode(said: &ProvenanceStatement) -> Result<Vec<u8>, DecodeError> {
    if said.public_key.as_ref().is_some_and(|key| key.digest() != said.spki) {
        return Err(DecodeError::InvalidField { field: "cnf", expected: "the key whose SubjectPublicKeyInfo has the digest spki-sha256" });
    }
    let claims = [
        (ISS, Some(Value::Text(authority(said.issuer.clone())?))),
        (SUB, Some(Value::Text(said.device.serial.to_string()))),
        (EXP, said.expires_at.map(seconds)),
        (IAT, Some(seconds(said.issued_at))),
        (CTI, Some(Value::Bytes(identifier(said.id.clone())?))),
        (CNF, Some(confirmation::encode(said.spki, said.public_key.as_ref()))),
        (EAT_PROFILE, Some(Value::Text(PROFILE.to_owned()))),
        (KEY_PROVENANCE, Some(key_provenance(said)?)),
    ];
    let octets = codec::to_deterministic_cbor(STATEMENT, &map(claims))?;
    within_limit(&octets)?;
    Ok(octets)
}

fn key_provenance(said: &ProvenanceStatement) -> Result<Value, DecodeError> {
    let number = |number: u8| Some(Value::from(number));
    let text = |text: &Option<Text>| text.as_ref().map(|t| Value::Text(t.to_string()));
    let quorum = |q: &Quorum| map([(PARTIES, Some(q.parties.into()))]);
    Ok(map([
        (1, Some(Value::Bytes(said.spki.0.to_vec()))),
        (2, Some(Value::Bytes(said.device.issuer.as_bytes().to_vec()))),
        (3, Some(said.seq.into())),
        (4, number(said.method.number())),
        (5, number(said.source.number())),
        (6, number(said.protection.number())),
        (7, number(said.locus.number())),
        (8, said.certificate_transfer.and_then(|t| number(t.number()))),
        (9, said.private_transfer.and_then(|t| number(t.number()))),
        (10, said.se_generation.and_then(|g| number(g.number()))),
        (11, said.lock.and_then(|l| number(l.number()))),
        (12, number(said.basis.number())),
        (13, said.made_at.map(|time| Value::Tag(EPOCH_TIME, Box::new(seconds(time))))),
        (14, answers(&said.answers)?),
        (15, said.key_retained.map(Value::Bool)),
        (17, number(said.status.number())),
        (18, Some(Value::Bytes(said.record.0.to_vec()))),
        (19, said.co_generation.as_ref().map(quorum)),
        (20, text(&said.site)),
        (21, text(&said.line)),
        (22, text(&said.station)),
        (23, text(&said.batch)),
        // 16 is left to evidence itself.
        (24, said.evidence.and_then(|result| number(result.number()))),
        (25, said.seed_copies_destroyed.map(Value::Bool)),
        // The record that an auditor signed for, which the one of 18 follows: who has the countersignature finds it there.
        (26, said.audited.map(|record| Value::Bytes(record.0.to_vec()))),
    ]))
}

/// The answers with the taxonomy's numbers for keys; none if nothing is answered.
fn answers(answers: &Answers) -> Result<Option<Value>, DecodeError> {
    if answers.is_empty() {
        return Ok(None);
    }
    let Ok(Value::Map(entries)) = Value::serialized(answers) else {
        return Err(DecodeError::InvalidField { field: "answers", expected: "a map" });
    };
    let number = |name: &Value| name.as_text().and_then(Question::from_name).map(|q| Value::from(q.number()));
    let entries: Vec<_> = entries.into_iter().filter_map(|(name, answer)| Some((number(&name)?, answer))).collect();
    Ok(Some(Value::Map(entries)))
}

pub(super) fn decode(octets: &[u8]) -> Result<ProvenanceStatement, DecodeError> {
    within_limit(octets)?;
    let mut claims = Map::new(STATEMENT, codec::from_cbor(STATEMENT, octets)?)?;
    let profile = text("eat_profile", claims.demand(EAT_PROFILE, "eat_profile")?)?;
    if profile != PROFILE {
        let found = profile.chars().take(100).collect();
        return Err(DecodeError::Unexpected { what: "eat_profile", found, expected: PROFILE });
    }

    let mut map = Map::new("key-provenance claim", claims.demand(KEY_PROVENANCE, "key-provenance")?)?;
    let spki = SpkiDigest(digest("spki-sha256", map.demand(1, "spki-sha256")?)?);
    let issuer = KeyIdentifier::new(self::octets("idevid-issuer", map.demand(2, "idevid-issuer")?)?)?;
    let serial = SerialNumber::new(text("sub", claims.demand(SUB, "sub")?)?)?;
    Ok(ProvenanceStatement {
        issuer: authority(text("iss", claims.demand(ISS, "iss")?)?)?,
        device: DeviceId { issuer, serial },
        spki,
        public_key: confirmation::decode(claims.demand(CNF, "cnf")?, spki)?,
        issued_at: at(unsigned("iat", claims.demand(IAT, "iat")?)?),
        expires_at: claims.take(EXP).map(|v| unsigned("exp", v)).transpose()?.map(at),
        id: identifier(self::octets("cti", claims.demand(CTI, "cti")?)?)?,
        seq: small("seq", map.demand(3, "seq")?)?,
        status: map.take(17).map(|v| word("status", v, Status::from_number)).transpose()?.unwrap_or(Status::Valid),
        record: RecordDigest(digest("record", map.demand(18, "record")?)?),
        audited: map.take(26).map(|v| digest("audited", v)).transpose()?.map(RecordDigest),
        method: word("method", map.demand(4, "method")?, Method::from_number)?,
        source: word("source", map.demand(5, "source")?, Source::from_number)?,
        protection: word("protection", map.demand(6, "protection")?, Protection::from_number)?,
        locus: word("locus", map.demand(7, "locus")?, Locus::from_number)?,
        certificate_transfer: map.take(8).map(|v| word("certificate-transfer", v, Transfer::from_number)).transpose()?,
        private_transfer: map.take(9).map(|v| word("private-transfer", v, Transfer::from_number)).transpose()?,
        se_generation: map.take(10).map(|v| word("se-generation", v, SecureElementGeneration::from_number)).transpose()?,
        lock: map.take(11).map(|v| word("lock", v, Lock::from_number)).transpose()?,
        basis: word("basis", map.demand(12, "basis")?, Basis::from_number)?,
        evidence: map.take(24).map(|v| word("evidence", v, FindingResult::from_number)).transpose()?,
        made_at: map.take(13).map(date).transpose()?,
        key_retained: map.take(15).map(|v| boolean("key-retained", v)).transpose()?,
        seed_copies_destroyed: map.take(25).map(|v| boolean("seed-copies-destroyed", v)).transpose()?,
        co_generation: map.take(19).map(quorum).transpose()?,
        site: map.take(20).map(|v| Text::new(text("site", v)?)).transpose()?,
        line: map.take(21).map(|v| Text::new(text("line", v)?)).transpose()?,
        station: map.take(22).map(|v| Text::new(text("station", v)?)).transpose()?,
        batch: map.take(23).map(|v| Text::new(text("batch", v)?)).transpose()?,
        answers: map.take(14).map(answered).transpose()?.unwrap_or_default(),
    })
}

fn within_limit(octets: &[u8]) -> Result<(), DecodeError> {
    match octets.len() <= LARGEST {
        true => Ok(()),
        false => Err(DecodeError::TooLarge { what: "the provenance statement's size in octets", limit: LARGEST }),
    }
}

fn quorum(value: Value) -> Result<Quorum, DecodeError> {
    let mut map = Map::new("co-generation", value)?;
    let parties = small("parties", map.demand(PARTIES, "parties")?)?;
    Ok(Quorum { parties })
}

fn answered(value: Value) -> Result<Answers, DecodeError> {
    let mut map = Map::new("answers", value)?;
    let answer = |question: &Question| Some((Value::Text(question.name().to_owned()), map.take(question.number().into())?));
    let named = Value::Map(Question::ALL.iter().filter_map(answer).collect());
    named.deserialized().map_err(|err| DecodeError::syntax("answer to an evaluation question", "CBOR", err))
}

/// A CBOR map with integer keys. What is not taken from it is ignored, so that later versions can say more.
pub(super) struct Map {
    name: &'static str,
    entries: Vec<(Value, Value)>,
}

impl Map {
    pub(super) fn new(name: &'static str, value: Value) -> Result<Self, DecodeError> {
        let entries = value.into_map().map_err(|_| DecodeError::InvalidField { field: name, expected: "a map" })?;
        Ok(Self { name, entries })
    }

    pub(super) fn take(&mut self, key: i64) -> Option<Value> {
        let key = Value::from(key);
        let index = self.entries.iter().position(|(k, _)| *k == key)?;
        Some(self.entries.swap_remove(index).1)
    }

    pub(super) fn demand(&mut self, key: i64, field: &'static str) -> Result<Value, DecodeError> {
        self.take(key).ok_or(DecodeError::MissingField { field, artefact: self.name })
    }
}

pub(super) fn octets(field: &'static str, value: Value) -> Result<Vec<u8>, DecodeError> {
    value.into_bytes().map_err(|_| DecodeError::InvalidField { field, expected: "an octet string" })
}

fn text(field: &'static str, value: Value) -> Result<String, DecodeError> {
    value.into_text().map_err(|_| DecodeError::InvalidField { field, expected: "a text string" })
}

fn unsigned(field: &'static str, value: Value) -> Result<u64, DecodeError> {
    let number = value.as_integer().and_then(|i| u64::try_from(i).ok());
    number.ok_or(DecodeError::InvalidField { field, expected: "an unsigned integer" })
}

fn small(field: &'static str, value: Value) -> Result<u32, DecodeError> {
    u32::try_from(unsigned(field, value)?).map_err(|_| DecodeError::InvalidField { field, expected: "an unsigned integer of at most 32 bits" })
}

fn boolean(field: &'static str, value: Value) -> Result<bool, DecodeError> {
    value.as_bool().ok_or(DecodeError::InvalidField { field, expected: "true or false" })
}

fn word<T>(field: &'static str, value: Value, from_number: fn(u64) -> Option<T>) -> Result<T, DecodeError> {
    from_number(unsigned(field, value)?).ok_or(DecodeError::InvalidField { field, expected: "a number that its enumeration has" })
}

fn digest(field: &'static str, value: Value) -> Result<[u8; 32], DecodeError> {
    octets(field, value)?.try_into().map_err(|_| DecodeError::InvalidField { field, expected: "32 octets" })
}

fn date(value: Value) -> Result<UnixTime, DecodeError> {
    match value {
        Value::Tag(EPOCH_TIME, inner) => unsigned("made-at", *inner).map(at),
        Value::Tag(DATE_TIME, inner) => from_rfc3339("made-at", &text("made-at", *inner)?),
        _ => Err(DecodeError::InvalidField { field: "made-at", expected: "a date-and-time with tag 0 or 1" }),
    }
}

fn seconds(time: UnixTime) -> Value {
    time.as_secs().into()
}

fn authority(iss: String) -> Result<String, DecodeError> {
    match (1..=255).contains(&iss.len()) && !iss.chars().any(char::is_control) {
        true => Ok(iss),
        false => Err(DecodeError::InvalidField { field: "iss", expected: "1 to 255 octets of text without control characters" }),
    }
}

fn identifier(cti: Vec<u8>) -> Result<Vec<u8>, DecodeError> {
    match (1..=64).contains(&cti.len()) {
        true => Ok(cti),
        false => Err(DecodeError::InvalidField { field: "cti", expected: "1 to 64 octets" }),
    }
}

fn map<const N: usize>(entries: [(i64, Option<Value>); N]) -> Value {
    Value::Map(entries.into_iter().filter_map(|(key, value)| Some((key.into(), value?))).collect())
}

const STATEMENT: &str = "provenance statement";

const LARGEST: usize = 64 * 1024;

// CWT (RFC 8392, RFC 8747) and EAT (RFC 9711) claims.
const ISS: i64 = 1;
const SUB: i64 = 2;
const EXP: i64 = 4;
const IAT: i64 = 6;
const CTI: i64 = 7;
const CNF: i64 = 8;
const EAT_PROFILE: i64 = 265;

// Private use (RFC 8392, section 9.1). The keys inside it are written out where they are used, side by side with their fields.
const KEY_PROVENANCE: i64 = -70_001;

// Member of co-generation. 2 was how many parties could make the key again, which is said no more.
const PARTIES: i64 = 1;

// Tags for date and time (RFC 8949, section 3.4).
const DATE_TIME: u64 = 0;
const EPOCH_TIME: u64 = 1;
