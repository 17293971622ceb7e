"""Receipts of inclusion (RFC 9942) over the tree of RFC 9162 with SHA-256, which come in the unprotected header of a provenance statement."""

import hashlib

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

import cose
from failure import Failure
from statement import PROVENANCE

RECEIPTS, VDS, VDP = 394, 395, 396
RFC9162_SHA256 = 1
INCLUSION = -1
EDDSA = -8

# Member of the provenance claim: the leaf hash of the record.
RECORD = 18


def checked_receipts(octets, log_key):
    """That the record of a statement is in the log: a dictionary for each receipt, of which there must be one at least.

    The log signs the root alone. Tree size and leaf index, which stand in the unprotected header, are as the sender says (RFC 9942).
    """
    if not isinstance(log_key, Ed25519PublicKey):
        raise Failure("the log's key is no Ed25519 key")
    _, unprotected, payload, _ = cose.parts(octets)
    leaf = cbor2.loads(payload)[PROVENANCE][RECORD]
    receipts = unprotected.get(RECEIPTS, [])
    if not receipts:
        raise Failure("the statement carries no receipt")
    return [checked_receipt(receipt, leaf, log_key) for receipt in receipts]


def checked_receipt(receipt, leaf, log_key):
    protected_octets, unprotected, payload, signature = cbor2.loads(receipt).value
    protected = cbor2.loads(protected_octets)
    if protected.get(VDS) != RFC9162_SHA256 or protected.get(cose.ALG) != EDDSA:
        raise Failure("the receipt is not over RFC9162_SHA256, signed with EdDSA")
    if payload is not None:
        raise Failure("the root is attached")
    (proof,) = unprotected[VDP][INCLUSION]
    size, index, path = cbor2.loads(proof)
    root = root_of(leaf, index, size, path)
    try:
        log_key.verify(signature, cbor2.dumps(["Signature1", protected_octets, b"", root]))
    except InvalidSignature:
        raise Failure("the log has not signed the root to which the receipt leads") from None
    # Verified is the root; size and index are as the sender says.
    return {"tree-size": size, "leaf-index": index, "root": root}


def root_of(leaf, index, size, path):
    """RFC 9162, section 2.1.3.2."""
    if index >= size:
        raise Failure("the leaf lies beyond the tree")
    fn, sn, root = index, size - 1, leaf
    for sibling in path:
        if sn == 0:
            raise Failure("the path is too long")
        if fn & 1 or fn == sn:
            root = node(sibling, root)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            root = node(root, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise Failure("the path is too short")
    return root


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()
