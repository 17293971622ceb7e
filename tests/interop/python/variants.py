"""Voucher-requests that differ from what the pledge sends by default: right ones that few write, and wrong ones that other implementations wrote."""

import base64
import json

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec

import cose
import jws
import voucher_cbor
import voucher_json
from certificates import hash_for, to_der


def names(leaves, chain, key):
    """CBOR with names for keys, which RFC 9254 section 3.3 allows as well as SIDs."""
    numbered = {**leaves, "assertion": voucher_cbor.ASSERTIONS[leaves["assertion"]]}
    return cose.sign(cbor2.dumps({voucher_json.REQUEST: numbered}), chain, key)


def absolute_sids(leaves, chain, key):
    """CBOR with whole SIDs for keys, in tag 47 (RFC 9254, section 4.2)."""
    numbered = {**leaves, "assertion": voucher_cbor.ASSERTIONS[leaves["assertion"]]}
    tagged = {cbor2.CBORTag(voucher_cbor.ABSOLUTE, voucher_cbor.REQUEST_SIDS[name]): value for name, value in numbered.items()}
    return cose.sign(cbor2.dumps({voucher_cbor.REQUEST: tagged}), chain, key)


def certificates_along(leaves, chain, key):
    """COSE with the pledge's path in x5bag, which it need not carry (constrained BRSKI, section 9.2.2)."""
    bag = {cose.X5BAG: [to_der(certificate) for certificate in chain]}
    return cose.sign(voucher_cbor.encode_request(leaves), chain, key, bag)


def lone_certificate(leaves, chain, key):
    """JWS with the pledge's own certificate and nothing above it, as in the examples of the JWS vouchers document."""
    return jws.sign(voucher_json.encode_request(leaves), chain[:1], key)


def without_type(leaves, chain, key):
    """JWS without typ, which is optional (JWS vouchers, section 3.2)."""
    return jws.sign(voucher_json.encode_request(leaves), chain, key, typ=None)


def escaped_slashes(leaves, chain, key):
    """JSON within JSON within which every slash is escaped, as some libraries write it."""
    content = voucher_json.encode_request(leaves).replace(b"/", b"\\/")
    return jws.sign(content, chain, key).replace(b"/", b"\\/")


def unknown_leaf(leaves, chain, key):
    """JSON with a leaf that nobody knows, which must be ignored (RFC 8995, section 5.6.1)."""
    return jws.sign(voucher_json.encode_request({**leaves, "colour": {"of": ["no", "interest"]}}), chain, key)


def der_signature(leaves, chain, key):
    """COSE with an ECDSA signature in DER, where RFC 9053 section 2.1 has r and s side by side."""
    return hand_made(leaves, key, lambda octets: key.sign(octets, ec.ECDSA(hash_for(key))))


def text_enumerations(leaves, chain, key):
    """CBOR with the name of an enumeration's value, where RFC 9254 section 6.6 has its number."""
    return cose.sign(voucher_cbor.encode_as_is(leaves), chain, key)


def text_octets(leaves, chain, key):
    """CBOR with base64 text for octets, where RFC 9254 section 6.9 has a byte string."""
    text = {name: base64.b64encode(value).decode() if isinstance(value, bytes) else value for name, value in leaves.items()}
    return cose.sign(voucher_cbor.encode_request(text), chain, key)


def untagged(leaves, chain, key):
    """COSE_Sign1 without its tag."""
    return cbor2.dumps(cbor2.loads(cose.sign(voucher_cbor.encode_request(leaves), chain, key)).value)


def unprotected_algorithm(leaves, chain, key):
    """COSE whose algorithm anybody could have written there."""
    return hand_made(leaves, key, lambda octets: b"\0" * 64, {}, {cose.ALG: -7})


def request_as_voucher(leaves, chain, key):
    """A request under the root of vouchers."""
    return jws.sign(voucher_json.encode_request(leaves).replace(voucher_json.REQUEST.encode(), voucher_json.VOUCHER.encode()), chain, key)


def unsigned(leaves, chain, key):
    """JWS with algorithm none."""
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "x5c": [base64.b64encode(to_der(chain[0])).decode()]}).encode()).rstrip(b"=").decode()
    payload = base64.urlsafe_b64encode(voucher_json.encode_request(leaves)).rstrip(b"=").decode()
    return json.dumps({"payload": payload, "signatures": [{"protected": header, "signature": ""}]}).encode()


def compact(leaves, chain, key):
    """JWS in compact serialization."""
    flat = jws.flattened(voucher_json.encode_request(leaves), chain, key)
    return ".".join(flat[part] for part in ("protected", "payload", "signature")).encode()


def flattened(leaves, chain, key):
    """JWS in flattened JSON serialization."""
    return json.dumps(jws.flattened(voucher_json.encode_request(leaves), chain, key)).encode()


def hand_made(leaves, key, sign, protected=None, unprotected=None):
    """A COSE_Sign1 that the library would not make."""
    header, content = cbor2.dumps({cose.ALG: -7} if protected is None else protected), voucher_cbor.encode_request(leaves)
    signature = sign(cbor2.dumps(["Signature1", header, b"", content]))
    return cbor2.dumps(cbor2.CBORTag(cose.SIGN1, [header, unprotected or {}, content, signature]))


VARIANTS = {
    variant.__name__.replace("_", "-"): variant
    for variant in [
        names, absolute_sids, certificates_along, lone_certificate, without_type, escaped_slashes, unknown_leaf,
        der_signature, text_enumerations, text_octets, untagged, unprotected_algorithm, request_as_voucher, unsigned, compact, flattened,
    ]
}
