"""A member of a domain renews its LDevID with what pledge.py kept, and keeps the new one in place of the old."""

import argparse
import os

import enrollment
from certificates import load_all, to_der, to_pem
from connection import Connection
from failure import ends_with_a_sentence
from pledge import keep


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--registrar", metavar="HOST:PORT", required=True)
    parser.add_argument("--anchor", metavar="FILE", required=True, help="what the voucher pinned, in PEM")
    parser.add_argument("--out", metavar="DIR", required=True, help="where renewed.pem and renewed.key are")
    arguments = parser.parse_args()
    certificate_file, key_file = (os.path.join(arguments.out, name) for name in ("renewed.pem", "renewed.key"))
    domain = load_all(arguments.anchor)
    member = Connection(arguments.registrar, certificate_file, key_file, [to_der(anchor) for anchor in domain])
    known = enrollment.ca_certificates(member)
    subject = load_all(certificate_file)[0].subject
    key, path = enrollment.enroll(member, "/.well-known/est/simplereenroll", subject, domain, known)
    keep(arguments, "renewed.pem", to_pem(path))
    keep(arguments, "renewed.key", enrollment.key_to_pem(key))


if __name__ == "__main__":
    ends_with_a_sentence("renew.py", main)
