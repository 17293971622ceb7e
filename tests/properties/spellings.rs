//! In CBOR a leaf may be keyed by the delta of its SID, by the SID itself in tag 47, or by name (RFC 9254, sections 3.2 and 3.3), in any order: it is the same leaf.

use brski_common::{Format, Payload, Voucher, VoucherRequest};
use ciborium::Value;
use proptest::prelude::*;

use crate::config;
use crate::encodings::written;
use crate::generators::{request, spelt_nonce, voucher};
use crate::vouchers::strictly;

/// SID and name of a root, and the names of its leaves by delta, from 1 on (RFC 8366bis, sections 8.5 and 9.3).
struct Root {
    sid: i128,
    name: &'static str,
    leaves: &'static [&'static str],
}

const VOUCHER: Root = Root {
    sid: 2451,
    name: "ietf-voucher:voucher",
    leaves: &[
        "assertion",
        "created-on",
        "domain-cert-revocation-checks",
        "expires-on",
        "idevid-issuer",
        "last-renewal-date",
        "nonce",
        "pinned-domain-cert",
        "pinned-domain-pubk",
        "pinned-domain-pubk-sha256",
        "serial-number",
        "additional-configuration-url",
        "est-domain",
        "manufacturer-proprietary",
        "extensions",
    ],
};

const REQUEST: Root = Root {
    sid: 2501,
    name: "ietf-voucher-request:voucher",
    leaves: &[
        "assertion",
        "created-on",
        "domain-cert-revocation-checks",
        "expires-on",
        "idevid-issuer",
        "last-renewal-date",
        "nonce",
        "pinned-domain-cert",
        "prior-signed-voucher-request",
        "proximity-registrar-cert",
        "proximity-registrar-pubk-sha256",
        "proximity-registrar-pubk",
        "serial-number",
        "agent-provided-proximity-registrar-cert",
        "agent-sign-cert",
        "agent-signed-data",
        "pinned-domain-pubk",
        "pinned-domain-pubk-sha256",
        "additional-configuration-url",
        "est-domain",
        "extensions",
        "manufacturer-proprietary",
    ],
};

/// The extension's module, its SID that of its content.
const EXTENSION: Root = Root {
    sid: 60100,
    name: "brski-key-provenance",
    leaves: &["request", "statement", "statement-type", "statement-hash", "statement-uri", "method", "transfer", "source", "protection", "evidence"],
};

/// How to spell keys: one choice after another, and again from the first.
#[derive(Clone, Debug)]
struct Taste {
    choices: Vec<usize>,
    next: usize,
}

fn taste() -> impl Strategy<Value = Taste> {
    let all_alike = (0..4_usize).prop_map(|choice| vec![choice]);
    prop_oneof![all_alike, prop::collection::vec(0..12_usize, 1..20)].prop_map(|choices| Taste { choices, next: 0 })
}

impl Taste {
    fn choose<T: Clone>(&mut self, spellings: &[T]) -> T {
        self.next += 1;
        spellings[self.choices[self.next % self.choices.len()] % spellings.len()].clone()
    }

    /// The same entries in another order.
    fn order(&self, entries: Vec<(Value, Value)>) -> Value {
        let mut entries = entries;
        let middle = self.choices[0] % entries.len().max(1);
        entries.rotate_left(middle);
        if self.choices.len().is_multiple_of(2) {
            entries.reverse();
        }
        Value::Map(entries)
    }

    /// What we wrote, spelt in this way.
    fn respell(&mut self, root: &Root, octets: &[u8]) -> Vec<u8> {
        let (sid, leaves) = only_root(octets);
        assert_eq!(sid, Value::from(sid_of(root.sid)));
        let leaves = leaves.into_iter().map(|(key, value)| self.respell_leaf(root, &key, value)).collect();
        let key = self.choose(&[sid_of(root.sid).into(), absolute(root.sid), root.name.into()]);
        written(&Value::Map(vec![(key, self.order(leaves))]))
    }

    fn respell_leaf(&mut self, root: &Root, key: &Value, value: Value) -> (Value, Value) {
        let spellings = spellings(root, key);
        let value = match (name_of(root, key), value) {
            ("extensions", value) => {
                assert_eq!(value, Value::Array(vec![sid_of(EXTENSION.sid).into()]));
                Value::Array(vec![self.choose(&[sid_of(EXTENSION.sid).into(), EXTENSION.name.into()])])
            }
            (name, Value::Map(leaves)) if name == EXTENSION.name => {
                let leaves = leaves.into_iter().map(|(key, value)| (self.choose(&self::spellings(&EXTENSION, &key)), value)).collect();
                self.order(leaves)
            }
            (_, value) => value,
        };
        (self.choose(&spellings), value)
    }
}

/// The key of the root, and what is in it.
fn only_root(octets: &[u8]) -> (Value, Vec<(Value, Value)>) {
    let document: Value = ciborium::from_reader(octets).unwrap();
    let [(key, leaves)]: [(Value, Value); 1] = document.into_map().unwrap().try_into().unwrap();
    (key, leaves.into_map().unwrap())
}

/// The absolute SID of a key as we write it: a delta, or a SID in tag 47.
fn absolute_sid(root: &Root, key: &Value) -> i128 {
    let tagged = key.as_tag().filter(|(tag, _)| *tag == 47).and_then(|(_, sid)| sid.as_integer());
    tagged.map(i128::from).unwrap_or_else(|| root.sid + i128::from(key.as_integer().unwrap()))
}

fn name_of(root: &Root, key: &Value) -> &'static str {
    match absolute_sid(root, key) {
        60100 => EXTENSION.name,
        sid => root.leaves[usize::try_from(sid - root.sid - 1).unwrap()],
    }
}

/// All keys that stand for the same leaf.
fn spellings(root: &Root, key: &Value) -> Vec<Value> {
    let (sid, name) = (absolute_sid(root, key), name_of(root, key));
    let other_name = match name {
        "brski-key-provenance" => Some("extension:brski-key-provenance"),
        "manufacturer-proprietary" => Some("manufacturer-private"),
        _ => None,
    };
    let names = [name].into_iter().chain(other_name).map(Value::from);
    [sid_of(sid - root.sid).into(), absolute(sid)].into_iter().chain(names).collect()
}

fn sid_of(number: i128) -> i64 {
    i64::try_from(number).unwrap()
}

fn absolute(sid: i128) -> Value {
    Value::Tag(47, Box::new(sid_of(sid).into()))
}

/// The document with one of its leaves once more, under another key.
fn with_a_leaf_twice(root: &Root, octets: &[u8], which: prop::sample::Index, taste: &mut Taste) -> Vec<u8> {
    let (sid, mut leaves) = only_root(octets);
    let (key, value) = which.get(&leaves).clone();
    let others: Vec<Value> = spellings(root, &key).into_iter().filter(|spelling| *spelling != key).collect();
    leaves.push((taste.choose(&others), value));
    written(&Value::Map(vec![(sid, Value::Map(leaves))]))
}

/// Read from both, it is the same, and is written in the same octets again.
fn reads_the_same<T: Payload + PartialEq + std::fmt::Debug>(value: &T, root: &Root, mut taste: Taste) -> Result<(), TestCaseError> {
    let octets = value.encode(Format::Cose).unwrap();
    let read: T = strictly(&taste.respell(root, &octets), Format::Cose).unwrap();
    prop_assert_eq!(&read, value);
    prop_assert_eq!(read.encode(Format::Cose).unwrap(), octets);
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn voucher_reads_the_same_under_whatever_keys(voucher in voucher(spelt_nonce()), taste in taste()) {
        reads_the_same(&voucher, &VOUCHER, taste)?;
    }

    #[test]
    fn request_reads_the_same_under_whatever_keys(request in request(spelt_nonce()), taste in taste()) {
        reads_the_same(&request, &REQUEST, taste)?;
    }

    #[test]
    fn leaf_that_occurs_twice_under_two_keys_is_refused(
        (voucher, request) in (voucher(spelt_nonce()), request(spelt_nonce())),
        (which, mut taste) in (any::<prop::sample::Index>(), taste()),
    ) {
        let twice = with_a_leaf_twice(&VOUCHER, &voucher.encode(Format::Cose).unwrap(), which, &mut taste);
        prop_assert!(strictly::<Voucher>(&twice, Format::Cose).unwrap_err().to_string().contains(" occurs twice in the voucher"));
        let twice = with_a_leaf_twice(&REQUEST, &request.encode(Format::Cose).unwrap(), which, &mut taste);
        prop_assert!(strictly::<VoucherRequest>(&twice, Format::Cose).unwrap_err().to_string().contains(" occurs twice in the voucher-request"));
    }
}
