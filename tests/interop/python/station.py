"""A station at the assembly line: signs a batch of rows, with libraries that are not ours.

    station.py --format jws|cose --key station.key --name NAME --rows devices.csv --form csv|jsonl --out FILE
"""

import argparse
import json
import pathlib

import cbor2
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from jwcrypto import jwk
from jwcrypto import jws as jose

ALG, KID, TYP = 1, 4, 16
ES256 = -7


def as_jws(payload, name, key):
    header = {"alg": "ES256", "typ": "manufacture-batch+jws", "kid": name}
    token = jose.JWS(payload)
    token.add_signature(jwk.JWK.from_pyca(key), None, json.dumps(header), None)
    flat = json.loads(token.serialize(compact=False))
    block = {"protected": flat["protected"], "signature": flat["signature"]}
    return json.dumps({"payload": flat["payload"], "signatures": [block]}).encode() + b"\n"


def as_cose(payload, name, key):
    protected = cbor2.dumps({ALG: ES256, TYP: "application/manufacture-batch+cose"})
    to_be_signed = cbor2.dumps(["Signature1", protected, b"", payload])
    r, s = utils.decode_dss_signature(key.sign(to_be_signed, ec.ECDSA(hashes.SHA256())))
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return cbor2.dumps(cbor2.CBORTag(18, [protected, {KID: name.encode()}, payload, signature]))


def main():
    parser = argparse.ArgumentParser()
    for option in ("--format", "--key", "--name", "--rows", "--form", "--out"):
        parser.add_argument(option, required=True)
    arguments = parser.parse_args()
    key = serialization.load_pem_private_key(pathlib.Path(arguments.key).read_bytes(), None)
    head = json.dumps({"version": 1, "rows": arguments.form}).encode()
    payload = head + b"\n" + pathlib.Path(arguments.rows).read_bytes()
    seal = {"jws": as_jws, "cose": as_cose}[arguments.format]
    pathlib.Path(arguments.out).write_bytes(seal(payload, arguments.name, key))


if __name__ == "__main__":
    main()
