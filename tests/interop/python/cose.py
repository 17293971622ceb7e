"""CBOR in COSE_Sign1 (RFC 9052; constrained BRSKI, section 9.2), signed and verified by `cwt`."""

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cwt import COSE, COSEKey, CWTError

from failure import Failure

MEDIA_TYPE = "application/voucher+cose"

ALG, KID, X5BAG, X5CHAIN = 1, 4, 32, 33
SIGN1 = 18


def sign(content, chain, key, unprotected=None):
    """Algorithm protected, no certificate: the registrar knows the pledge's from TLS (constrained BRSKI, section 9.2.2)."""
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return COSE.new(alg_auto_inclusion=True).encode(content, COSEKey.from_pem(pem), unprotected=unprotected)


def open_signed(octets, known):
    """The content, the signer's certificate, and the certificates that came along in x5bag or x5chain.

    A bag has no order and names nobody: the signer is whoever of them, or of the known ones, made the signature.
    """
    protected, unprotected, _, _ = parts(octets)
    enclosed = [x509.load_der_x509_certificate(der) for der in in_list(unprotected.get(X5BAG)) + in_list({**unprotected, **protected}.get(X5CHAIN))]
    for candidate in enclosed + known:
        try:
            return verified(octets, candidate.public_key()), candidate, enclosed
        except CWTError:
            continue
    raise Failure("the signature is nobody's among the certificates that came along and those that are known")


def parts(octets):
    """Protected and unprotected header, payload and signature, none of them verified."""
    message = cbor2.loads(octets)
    if not isinstance(message, cbor2.CBORTag) or message.tag != SIGN1:
        raise Failure("this is no tagged COSE_Sign1")
    protected, unprotected, payload, signature = message.value
    return cbor2.loads(protected) if protected else {}, unprotected, payload, signature


def verified(octets, public_key):
    """The payload, if this key signed."""
    protected, unprotected, _, _ = parts(octets)
    pem = public_key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    kid = {**unprotected, **protected}.get(KID, b"")
    return COSE.new().decode_with_headers(octets, [COSEKey.from_pem(pem, kid=kid)])[2]


def in_list(certificates):
    """COSE_X509 has one certificate as octets, several as an array (RFC 9360, section 2)."""
    if certificates is None:
        return []
    return [certificates] if isinstance(certificates, bytes) else list(certificates)
