"""Leaves of vouchers and voucher-requests as CBOR (RFC 9254): SIDs for names, as differences to the container's; enumerations by number."""

import cbor2

from failure import Failure

# RFC 8366bis, section 8.5.
VOUCHER = 2451
VOUCHER_SIDS = {
    "assertion": 2452,
    "created-on": 2453,
    "domain-cert-revocation-checks": 2454,
    "expires-on": 2455,
    "idevid-issuer": 2456,
    "last-renewal-date": 2457,
    "nonce": 2458,
    "pinned-domain-cert": 2459,
    "pinned-domain-pubk": 2460,
    "pinned-domain-pubk-sha256": 2461,
    "serial-number": 2462,
    "additional-configuration-url": 2463,
    "est-domain": 2464,
    "manufacturer-proprietary": 2465,
    "extensions": 2466,
}

# RFC 8366bis, section 9.3.
REQUEST = 2501
REQUEST_SIDS = {
    "assertion": 2502,
    "created-on": 2503,
    "domain-cert-revocation-checks": 2504,
    "expires-on": 2505,
    "idevid-issuer": 2506,
    "last-renewal-date": 2507,
    "nonce": 2508,
    "pinned-domain-cert": 2509,
    "prior-signed-voucher-request": 2510,
    "proximity-registrar-cert": 2511,
    "proximity-registrar-pubk-sha256": 2512,
    "proximity-registrar-pubk": 2513,
    "serial-number": 2514,
    "agent-provided-proximity-registrar-cert": 2515,
    "agent-sign-cert": 2516,
    "agent-signed-data": 2517,
    "pinned-domain-pubk": 2518,
    "pinned-domain-pubk-sha256": 2519,
    "additional-configuration-url": 2520,
    "est-domain": 2521,
    "extensions": 2522,
    "manufacturer-proprietary": 2523,
}

ASSERTIONS = {"verified": 0, "logged": 1, "proximity": 2, "agent-proximity": 3}

# The extension that this project adds; its leaves are the module's SID and 1 to 10.
EXTENSION = "brski-key-provenance"
EXTENSION_SID = 60100
EXTENSION_LEAVES = ["request", "statement", "statement-type", "statement-hash", "statement-uri", "method", "transfer", "source", "protection", "evidence"]

# A SID that is no difference (RFC 9254, section 4.2).
ABSOLUTE = 47


def encode_request(leaves):
    """A voucher-request with these leaves; binary ones are octets."""
    numbered = {**leaves}
    if leaves.get("assertion") in ASSERTIONS:
        numbered["assertion"] = ASSERTIONS[leaves["assertion"]]
    return encode_as_is(numbered)


def encode_as_is(leaves):
    """The same without the translation of enumerations."""
    return cbor2.dumps({REQUEST: {REQUEST_SIDS[name] - REQUEST: value for name, value in leaves.items()}})


def decode_voucher(octets):
    return decode(VOUCHER, VOUCHER_SIDS, octets)


def decode_request(octets):
    return decode(REQUEST, REQUEST_SIDS, octets)


def decode(root, sids, octets):
    document = cbor2.loads(octets)
    if list(document) != [root]:
        raise Failure(f"the CBOR has the members {list(document)}, not {root} alone")
    names = {sid - root: name for name, sid in sids.items()}
    leaves = {}
    for key, value in document[root].items():
        if isinstance(key, cbor2.CBORTag) and (key.tag, key.value) == (ABSOLUTE, EXTENSION_SID):
            leaves[EXTENSION] = {EXTENSION_LEAVES[delta - 1]: leaf for delta, leaf in value.items()}
        elif key in names:
            leaves[names[key]] = value
        else:
            raise Failure(f"{key} is no leaf below {root}")
    if "assertion" in leaves:
        leaves["assertion"] = {number: name for name, number in ASSERTIONS.items()}[leaves["assertion"]]
    return leaves
