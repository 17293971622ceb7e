"""A pledge (RFC 8995) that shares no code with the servers it speaks to: voucher, LDevID, renewal, and the reports on them."""

import argparse
import datetime
import hashlib
import json
import os
import secrets
import time

from cryptography import x509

import enrollment
from certificates import check_path, key_identifier_extension, load_all, load_key, serial_number, spki, to_der, to_pem
from connection import Connection
from failure import Failure, Later, ends_with_a_sentence
from formats import FORMATS
from variants import VARIANTS

PROXIMITY = {
    "cert": ("proximity-registrar-cert", to_der),
    "pubk": ("proximity-registrar-pubk", spki),
    "pubk-sha256": ("proximity-registrar-pubk-sha256", lambda registrar: hashlib.sha256(spki(registrar)).digest()),
}
SUCCESS = json.dumps({"version": 1, "status": True}).encode()


def main():
    arguments = parse_arguments()
    chain, key, anchors = load_all(arguments.idevid), load_key(arguments.key), load_all(arguments.anchor)
    os.makedirs(arguments.out, exist_ok=True)

    provisional = Connection(arguments.registrar, arguments.idevid, arguments.key)
    registrar = provisional.shown()
    nonce = secrets.token_bytes(16)
    body = signed_request(arguments, request_leaves(chain[0], registrar[0], nonce, arguments.proximity), chain, key)
    media_type = FORMATS[arguments.format][0].MEDIA_TYPE
    keep(arguments, "request", body)
    provisional, answer = ask_for_voucher(arguments, provisional, media_type, body)
    keep(arguments, "voucher", answer)
    try:
        voucher = checked_voucher(arguments.format, answer, anchors, chain[0], nonce)
        pinned = pinned_certificate(voucher, arguments.proximity, registrar[0])
        check_path("the registrar's certificate", registrar[0], registrar, [pinned])
    except Failure as failure:
        report(provisional, "voucher_status", json.dumps({"version": 1, "status": False, "reason": str(failure)}).encode())
        raise
    report(provisional, "voucher_status", SUCCESS)
    keep(arguments, "leaves.json", readable(voucher))

    known = enrollment.ca_certificates(provisional)
    # The self-issued ones become anchors beside what the voucher pins (RFC 7030, section 4.1.3): the server that gave them has been verified.
    domain = [pinned] + [certificate for certificate in known if certificate.issuer == certificate.subject]
    enrollment.check_attributes(provisional)
    ldevid_key, path = enrollment.enroll(provisional, "/.well-known/est/simpleenroll", chain[0].subject, domain, known)
    certificate_file, key_file = keep(arguments, "ldevid.pem", to_pem(path)), keep(arguments, "ldevid.key", enrollment.key_to_pem(ldevid_key))

    member = Connection(arguments.registrar, certificate_file, key_file, [to_der(anchor) for anchor in domain])
    report(member, "enrollstatus", SUCCESS)
    renewed_key, renewed = enrollment.enroll(member, "/.well-known/est/simplereenroll", path[0].subject, domain, known)
    keep(arguments, "renewed.pem", to_pem(renewed))
    keep(arguments, "renewed.key", enrollment.key_to_pem(renewed_key))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--format", choices=FORMATS, required=True)
    parser.add_argument("--registrar", metavar="HOST:PORT", required=True)
    parser.add_argument("--idevid", metavar="FILE", required=True, help="the IDevID and the certificates above it, in PEM")
    parser.add_argument("--key", metavar="FILE", required=True, help="its key, in PEM")
    parser.add_argument("--anchor", metavar="FILE", required=True, help="under which certificates a voucher must be signed, in PEM")
    parser.add_argument("--out", metavar="DIR", required=True)
    parser.add_argument("--proximity", choices=PROXIMITY, default="cert", help="how the request names the registrar")
    parser.add_argument("--variant", choices=VARIANTS, help="another way to write the request, right or wrong")
    parser.add_argument("--patience", metavar="SECONDS", type=int, default=0, help="for how long to come again when the registrar says so")
    return parser.parse_args()


def request_leaves(idevid, registrar, nonce, proximity):
    leaf, of = PROXIMITY[proximity]
    return {"assertion": "proximity", "created-on": now(), "nonce": nonce, "serial-number": serial_number(idevid), leaf: of(registrar)}


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def signed_request(arguments, leaves, chain, key):
    if arguments.variant:
        return VARIANTS[arguments.variant](leaves, chain, key)
    envelope, encoding = FORMATS[arguments.format]
    return envelope.sign(encoding.encode_request(leaves), chain, key)


def ask_for_voucher(arguments, provisional, media_type, body):
    """The answer and the connection on which it came. The same request is repeated for as long as patience lasts (RFC 8995, section 5.6)."""
    registrar, end = provisional.shown()[0], time.monotonic() + arguments.patience
    while True:
        try:
            return provisional, provisional.post("/.well-known/brski/requestvoucher", media_type, body, media_type)
        except Later as later:
            if time.monotonic() + later.seconds > end:
                raise
            time.sleep(later.seconds)
        provisional = Connection(arguments.registrar, arguments.idevid, arguments.key)
        if provisional.shown()[0] != registrar:
            raise Failure("another registrar answers than before")


def checked_voucher(format, octets, anchors, idevid, nonce):
    """The leaves of a voucher that the manufacturer signed for this device and this request."""
    envelope, encoding = FORMATS[format]
    content, signer, enclosed = envelope.open_signed(octets, anchors)
    check_path("the voucher's signer", signer, enclosed, anchors)
    voucher = encoding.decode_voucher(content)
    expected = {"serial-number": serial_number(idevid), "nonce": nonce}
    for leaf, value in expected.items():
        if voucher.get(leaf) != value:
            raise Failure(f"the voucher's {leaf} is {voucher.get(leaf)!r}, not {value!r}")
    if voucher.get("idevid-issuer") not in (None, key_identifier_extension(idevid)):
        raise Failure("the voucher is for a device of another issuer")
    return voucher


def pinned_certificate(voucher, proximity, registrar):
    """The anchor that the voucher pins, which is the registrar itself where it pins a key.

    Of several pins that of the kind which the request used counts (RFC 8366bis, section 8).
    """
    pins = {
        "cert": ("pinned-domain-cert", lambda pin: x509.load_der_x509_certificate(pin)),
        "pubk": ("pinned-domain-pubk", lambda pin: registrar if pin == spki(registrar) else None),
        "pubk-sha256": ("pinned-domain-pubk-sha256", lambda pin: registrar if pin == hashlib.sha256(spki(registrar)).digest() else None),
    }
    for kind in [proximity, "cert", "pubk", "pubk-sha256"]:
        leaf, anchor = pins[kind]
        if leaf in voucher:
            found = anchor(voucher[leaf])
            if found is None:
                raise Failure(f"the voucher's {leaf} is not the registrar's")
            return found
    raise Failure("the voucher pins nothing")


def report(connection, resource, status):
    connection.post(f"/.well-known/brski/{resource}", "application/json", status)


def keep(arguments, name, content):
    path = os.path.join(arguments.out, name)
    with open(path, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(content)
    return path


def readable(leaves):
    """Leaves as JSON for a test to read: octets in hex."""
    return json.dumps(leaves, default=lambda octets: octets.hex()).encode()


if __name__ == "__main__":
    ends_with_a_sentence("pledge.py", main)
