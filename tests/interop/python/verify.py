"""Verifies one artefact of ours with libraries that are not, and prints what it says as JSON with octets in hex.

    verify.py voucher|request --format cms|jws|cose --anchor FILE ARTEFACT      signature, path, leaves
    verify.py statement --anchor FILE --idevid FILE [--log FILE] ARTEFACT       signature, path, claims, cnf; receipts under the log's key
    verify.py crl --anchor FILE --certificate FILE ARTEFACT                     signature by the anchor, times; why it revokes the certificate
"""

import argparse
import json

from certificates import check_path, load_all, to_der
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from failure import ends_with_a_sentence
from formats import FORMATS
from receipts import checked_receipts
from revocation import reason_on_list
from statement import checked_statement


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["voucher", "request", "statement", "crl"])
    parser.add_argument("--format", choices=FORMATS)
    parser.add_argument("--anchor", metavar="FILE", required=True, help="under which certificates it must be signed, in PEM")
    parser.add_argument("--known", metavar="FILE", help="certificates that do not come along, in PEM")
    parser.add_argument("--idevid", metavar="FILE", help="the device that a statement must be about, in PEM")
    parser.add_argument("--log", metavar="FILE", help="the public key of the log that a statement's record must be in, in PEM")
    parser.add_argument("--certificate", metavar="FILE", help="the certificate that a list is asked about, in PEM")
    parser.add_argument("artefact")
    arguments = parser.parse_args()
    with open(arguments.artefact, "rb") as file:
        octets = file.read()
    anchors = load_all(arguments.anchor)
    if arguments.kind == "statement":
        found = checked_statement(octets, anchors, load_all(arguments.idevid)[0])
        if arguments.log:
            with open(arguments.log, "rb") as file:
                found["receipts"] = checked_receipts(octets, load_pem_public_key(file.read()))
    elif arguments.kind == "crl":
        found = {"revoked": reason_on_list(octets, anchors[0], load_all(arguments.certificate)[0])}
    else:
        known = load_all(arguments.known) if arguments.known else []
        found = verified(arguments.kind, *FORMATS[arguments.format], octets, anchors, known)
    print(json.dumps(found, default=lambda octets: octets.hex()))


def verified(kind, envelope, encoding, octets, anchors, known):
    content, signer, enclosed = envelope.open_signed(octets, known)
    check_path("the signer", signer, enclosed + known, anchors)
    leaves = encoding.decode_voucher(content) if kind == "voucher" else encoding.decode_request(content)
    return {"leaves": leaves, "signer": to_der(signer), "enclosed": [to_der(certificate) for certificate in enclosed]}


if __name__ == "__main__":
    ends_with_a_sentence("verify.py", main)
