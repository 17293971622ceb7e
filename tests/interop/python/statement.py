"""Provenance statements: CWT claims (RFC 8392, RFC 9711) in COSE_Sign1, typed and with the signer's certificates."""

import hashlib
import time

import cbor2
from cryptography.hazmat.primitives import serialization
from cwt import Claims, COSEKey

import cose
from certificates import check_path, serial_number, spki
from failure import Failure

TYPE = "application/eat+cwt"
TYP = 16

# Claims (RFC 8392, RFC 8747, RFC 9711) that the library has no name for, and the one for private use.
CNF, PROFILE, PROVENANCE = 8, 265, -70001

# Member of cnf (RFC 8747, section 3.1).
COSE_KEY = 1

METHODS = ["unknown", "avocado", "bamboo", "carrot", "salak", "sapodilla"]


def checked_statement(octets, anchors, idevid):
    """The claims of a statement about this device's key, signed under one of the anchors, as a dictionary for people."""
    protected, unprotected, _, _ = cose.parts(octets)
    if protected.get(TYP) != TYPE:
        raise Failure(f"typ is {protected.get(TYP)}, not {TYPE}")
    if cose.X5CHAIN not in unprotected and cose.X5CHAIN not in protected:
        raise Failure("there is no x5chain")
    content, signer, enclosed = cose.open_signed(octets, [])
    if signer != enclosed[0]:
        raise Failure("the first certificate of x5chain is not the signer's")
    check_path("the statement's signer", signer, enclosed, anchors)
    claims = cbor2.loads(content)
    typed = Claims.new(claims)

    if typed.sub != serial_number(idevid):
        raise Failure(f"the statement is about {typed.sub}, not about {serial_number(idevid)}")
    if set(claims[CNF]) != {COSE_KEY} or public_pem(COSEKey.new(typed.cnf).key) != public_pem(idevid.public_key()):
        raise Failure("cnf is not the key of the IDevID")
    said = claims[PROVENANCE]
    if said[1] != hashlib.sha256(spki(idevid)).digest():
        raise Failure("spki-sha256 is not of the key of the IDevID")
    now = time.time()
    if not typed.iat <= now <= (typed.exp or now):
        raise Failure("the statement is not valid now")
    return {"iss": typed.iss, "sub": typed.sub, "eat_profile": claims[PROFILE], "method": METHODS[said[4]], "seq": said[3]}


def public_pem(key):
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
