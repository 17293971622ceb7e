"""A registrar, and the pledge behind it, that ask a MASA for a voucher (RFC 8995, section 5.5) without any code of the MASA's."""

import argparse
import secrets

import cbor2

import cose
import voucher_cbor
import voucher_json
from certificates import check_path, key_identifier_extension, load_all, load_key, serial_number, to_der
from connection import Connection
from failure import Failure, ends_with_a_sentence
from formats import FORMATS
from pledge import PROXIMITY, now, request_leaves


def main():
    arguments = parse_arguments()
    chain, key, idevid = load_all(arguments.chain), load_key(arguments.key), load_all(arguments.idevid)
    anchors = load_all(arguments.anchor)
    nonce = secrets.token_bytes(16)
    envelope, encoding = FORMATS[arguments.format]
    prior = envelope.sign(encoding.encode_request(request_leaves(idevid[0], chain[0], nonce, arguments.proximity)), idevid, load_key(arguments.pledge_key))

    leaves = {
        "assertion": "proximity",
        "created-on": now(),
        "idevid-issuer": key_identifier_extension(idevid[0]),
        "nonce": nonce,
        "prior-signed-voucher-request": prior,
        "serial-number": serial_number(idevid[0]),
    }
    wrong = {"other-nonce": {"nonce": b"another nonce"}, "other-serial": {"serial-number": "JADA0"}}
    content = encoding.encode_request(leaves | wrong.get(arguments.variant, {}))
    if arguments.variant == "names":
        content = cbor2.dumps({voucher_json.REQUEST: leaves | {"assertion": voucher_cbor.ASSERTIONS[leaves["assertion"]]}})
    request = signed_request(arguments, envelope, content, chain, key, idevid)

    masa = Connection(arguments.masa, arguments.chain, arguments.key, [to_der(anchor) for anchor in anchors])
    answer = masa.post("/.well-known/brski/requestvoucher", envelope.MEDIA_TYPE, request, FORMATS[arguments.accept or arguments.format][0].MEDIA_TYPE)
    check_voucher(*FORMATS[arguments.accept or arguments.format], answer, anchors, leaves)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--format", choices=FORMATS, required=True)
    parser.add_argument("--accept", choices=FORMATS, help="the voucher's format, if it is to be another one")
    parser.add_argument("--masa", metavar="HOST:PORT", required=True)
    parser.add_argument("--chain", metavar="FILE", required=True, help="the registrar's certificate and those above it, in PEM")
    parser.add_argument("--key", metavar="FILE", required=True, help="its key, in PEM")
    parser.add_argument("--idevid", metavar="FILE", required=True, help="the pledge's IDevID and the certificates above it, in PEM")
    parser.add_argument("--pledge-key", metavar="FILE", required=True, help="its key, in PEM")
    parser.add_argument("--anchor", metavar="FILE", required=True, help="above the MASA and its vouchers, in PEM")
    parser.add_argument("--proximity", choices=PROXIMITY, default="cert", help="how the pledge's request names the registrar")
    parser.add_argument("--variant", choices=["names", "other-nonce", "other-serial", "empty-bag"], help="another way to write the request, right or wrong")
    return parser.parse_args()


def signed_request(arguments, envelope, content, chain, key, idevid):
    if arguments.format != "cose":
        return envelope.sign(content, chain, key)
    # The registrar's path, and the pledge's whole one (constrained BRSKI, section 9.2.1).
    bag = [] if arguments.variant == "empty-bag" else [to_der(certificate) for certificate in chain + idevid]
    return cose.sign(content, chain, key, {cose.X5BAG: bag} if bag else None)


def check_voucher(envelope, encoding, octets, anchors, leaves):
    """The signer's certificate comes along, and its path leads to the anchor (constrained BRSKI, section 9.2.3)."""
    content, signer, enclosed = envelope.open_signed(octets, [])
    check_path("the voucher's signer", signer, enclosed, anchors)
    voucher = encoding.decode_voucher(content)
    for leaf in ["assertion", "nonce", "serial-number"]:
        if voucher.get(leaf) != leaves[leaf]:
            raise Failure(f"the voucher's {leaf} is {voucher.get(leaf)!r}, not {leaves[leaf]!r}")


if __name__ == "__main__":
    ends_with_a_sentence("registrar.py", main)
