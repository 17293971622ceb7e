"""Leaves of vouchers and voucher-requests as JSON (RFC 7951): binary in base64, enumerations by name."""

import base64
import json

from failure import Failure

VOUCHER = "ietf-voucher:voucher"
REQUEST = "ietf-voucher-request:voucher"

BINARY = {
    "idevid-issuer", "nonce", "pinned-domain-cert", "pinned-domain-pubk", "pinned-domain-pubk-sha256", "prior-signed-voucher-request",
    "proximity-registrar-cert", "proximity-registrar-pubk", "proximity-registrar-pubk-sha256",
}
EXTENSION = "brski-key-provenance"
EXTENSION_BINARY = {"statement", "statement-hash"}


def encode_request(leaves):
    """A voucher-request with these leaves; binary ones are octets."""
    text = {name: base64.b64encode(value).decode() if name in BINARY else value for name, value in leaves.items()}
    return json.dumps({REQUEST: text}).encode()


def decode_voucher(octets):
    return decode(VOUCHER, octets)


def decode_request(octets):
    return decode(REQUEST, octets)


def decode(root, octets):
    document = json.loads(octets)
    if list(document) != [root]:
        raise Failure(f"the JSON has the members {sorted(document)}, not {root} alone")
    leaves = {name: base64.b64decode(value, validate=True) if name in BINARY else value for name, value in document[root].items()}
    content = leaves.pop(f"extension:{EXTENSION}", None)
    if content is not None:
        leaves[EXTENSION] = {name: base64.b64decode(value) if name in EXTENSION_BINARY else value for name, value in content.items()}
    return leaves
