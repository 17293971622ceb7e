"""EST (RFC 7030, RFC 8951) from the domain's certificates to an LDevID."""

import base64

from asn1crypto import core
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7

from certificates import check_path, spki
from failure import Failure

CERTIFICATES = "application/pkcs7-mime"
EC_PUBLIC_KEY = "1.2.840.10045.2.1"


def ca_certificates(connection):
    """What cacerts gives; nothing in it is trusted because of that."""
    return certs_only(connection.get("/.well-known/est/cacerts", CERTIFICATES))


def check_attributes(connection):
    """What the CA wishes to find in a request must be something that this pledge can do: a key on an elliptic curve."""
    body = connection.get("/.well-known/est/csrattrs", "application/csrattrs")
    wishes = core.SequenceOf.load(base64.b64decode(body), spec=core.Any, strict=True)
    named = set()
    for wish in wishes:
        parsed = wish.parse()
        named.add(parsed.dotted if isinstance(parsed, core.ObjectIdentifier) else core.Sequence.load(wish.dump())[0].dotted)
    if EC_PUBLIC_KEY not in named:
        raise Failure(f"csrattrs asks for {sorted(named)}, which is no key on an elliptic curve")


def enroll(connection, path, subject, domain, others):
    """A new key, and the LDevID for it, which must lead to the domain."""
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    body = base64.encodebytes(request.public_bytes(serialization.Encoding.DER))
    issued = certs_only(connection.post(path, "application/pkcs10", body, CERTIFICATES))
    ours = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    ldevid = next((certificate for certificate in issued if spki(certificate) == ours), None)
    if ldevid is None:
        raise Failure(f"none of {len(issued)} certificates from {path} is for the new key")
    if ldevid.subject != subject:
        raise Failure(f"the LDevID is for {ldevid.subject.rfc4514_string()}, not for {subject.rfc4514_string()}")
    return key, check_path("the LDevID", ldevid, others + issued, domain)


def key_to_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def certs_only(body):
    return pkcs7.load_der_pkcs7_certificates(base64.b64decode(body))
