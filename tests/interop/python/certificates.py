"""Certificates and paths, as the library `cryptography` sees them."""

import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509 import verification

from failure import Failure


def load_all(file):
    """The certificates in a PEM file, in its order."""
    with open(file, "rb") as pem:
        return x509.load_pem_x509_certificates(pem.read())


def load_key(file):
    """The private key in a PEM file."""
    with open(file, "rb") as pem:
        return serialization.load_pem_private_key(pem.read(), None)


def to_der(certificate):
    return certificate.public_bytes(serialization.Encoding.DER)


def to_pem(certificates):
    return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in certificates)


def spki(certificate):
    """SubjectPublicKeyInfo in DER, as it stands in the certificate."""
    key = certificate.public_key()
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def serial_number(idevid):
    """The X520SerialNumber of a subject (RFC 8995, section 2.3.1)."""
    found = idevid.subject.get_attributes_for_oid(x509.NameOID.SERIAL_NUMBER)
    if len(found) != 1:
        raise Failure(f"{idevid.subject.rfc4514_string()} has {len(found)} serial numbers, not one")
    return found[0].value


def key_identifier_extension(idevid):
    """The authority key identifier as the extension's whole OCTET STRING (RFC 8366bis, section 6.3)."""
    value = idevid.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.public_bytes()
    return bytes([0x04, len(value)]) + value


def check_path(what, certificate, others, anchors):
    """The path from a certificate to one of the anchors, which may be that certificate itself."""
    anyone = verification.ExtensionPolicy.permit_all()
    ca = anyone.require_present(x509.BasicConstraints, verification.Criticality.AGNOSTIC, None)
    policy = verification.PolicyBuilder().store(verification.Store(anchors)).time(datetime.datetime.now(datetime.timezone.utc))
    verifier = policy.extension_policies(ca_policy=ca, ee_policy=anyone).build_client_verifier()
    try:
        return verifier.verify(certificate, others).chain
    except verification.VerificationError as error:
        raise Failure(f"{what} {certificate.subject.rfc4514_string()} does not lead to an anchor: {error}") from error


def hash_for(key):
    """The hash that goes with a key: that of its JOSE and COSE algorithm (RFC 7518, section 3.4), SHA-512 for Ed25519 (RFC 8419, section 3.1)."""
    if isinstance(key, (ed25519.Ed25519PrivateKey, ed25519.Ed25519PublicKey)):
        return hashes.SHA512()
    size = key.curve.key_size if isinstance(key, (ec.EllipticCurvePrivateKey, ec.EllipticCurvePublicKey)) else 256
    return {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[size]


def sign_der(key, octets):
    """A signature as X.509 and CMS carry it."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(octets)
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(octets, padding.PKCS1v15(), hash_for(key))
    return key.sign(octets, ec.ECDSA(hash_for(key)))


def verify_der(key, signature, octets, digest):
    """Checks a signature as X.509 and CMS carry it."""
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, octets)
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, octets, padding.PKCS1v15(), digest)
        else:
            key.verify(signature, octets, ec.ECDSA(digest))
    except InvalidSignature as error:
        raise Failure("the signature is not the signer's") from error
