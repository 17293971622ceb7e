"""JSON in a JWS in general JSON serialization (RFC 7515, section 7.2.1), signed and verified by `jwcrypto`."""

import base64
import json

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from jwcrypto import jwk
from jwcrypto import jws as jose
from jwcrypto.common import JWException

from certificates import hash_for, to_der
from failure import Failure

MEDIA_TYPE = "application/voucher-jws+json"
TYPE = "voucher-jws+json"


def sign(content, chain, key, typ=TYPE):
    """One signature, everything protected, the whole chain in x5c."""
    flat = flattened(content, chain, key, typ)
    block = {"protected": flat["protected"], "signature": flat["signature"]}
    return json.dumps({"payload": flat["payload"], "signatures": [block]}).encode()


def flattened(content, chain, key, typ=TYPE):
    """The flattened serialization, which is what `jwcrypto` makes of one signature."""
    algorithm = f"ES{hash_for(key).digest_size * 8}" if isinstance(key, ec.EllipticCurvePrivateKey) else "EdDSA"
    header = {"alg": algorithm, "x5c": [base64.b64encode(to_der(certificate)).decode() for certificate in chain]} | ({"typ": typ} if typ else {})
    token = jose.JWS(content)
    token.add_signature(jwk.JWK.from_pyca(key), None, json.dumps(header), None)
    return json.loads(token.serialize(compact=False))


def open_signed(octets, known):
    """The content, the signer's certificate (the first in x5c), and the certificates that came along. `known` is of no use: a JWS names nobody else."""
    envelope = json.loads(octets)
    if set(envelope) != {"payload", "signatures"} or len(envelope["signatures"]) != 1:
        raise Failure("this is no general JSON serialization with one signature")
    padded = envelope["signatures"][0]["protected"] + "=="
    header = json.loads(base64.urlsafe_b64decode(padded))
    if header.get("typ", TYPE) != TYPE:
        raise Failure(f"typ is {header['typ']}, not {TYPE}")
    enclosed = [x509.load_der_x509_certificate(base64.b64decode(certificate, validate=True)) for certificate in header["x5c"]]
    token = jose.JWS()
    try:
        token.deserialize(octets.decode(), jwk.JWK.from_pyca(enclosed[0].public_key()))
    except JWException as error:
        raise Failure(f"the signature is not the signer's: {error}") from error
    return token.payload, enclosed[0], enclosed
