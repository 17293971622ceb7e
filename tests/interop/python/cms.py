"""JSON in CMS SignedData (RFC 5652; RFC 8366bis, section 7.1), built and read with `asn1crypto`."""

import datetime

from asn1crypto import cms
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from certificates import hash_for, sign_der, to_der, verify_der
from failure import Failure

MEDIA_TYPE = "application/voucher-cms+json"

# id-ct-animaJSONVoucher
CONTENT_TYPE = "1.2.840.113549.1.9.16.1.40"

HASHES = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}


def sign(content, chain, key):
    """SignedData around the content, with signed attributes and the whole chain, the signer's certificate first."""
    digest = hash_for(key)
    signer = asn1_x509.Certificate.load(to_der(chain[0]))
    attributes = cms.CMSAttributes([
        {"type": "content_type", "values": [CONTENT_TYPE]},
        {"type": "signing_time", "values": [cms.Time({"utc_time": datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)})]},
        {"type": "message_digest", "values": [digested(digest, content)]},
    ])
    info = cms.SignerInfo({
        "version": "v1",
        "sid": cms.SignerIdentifier({"issuer_and_serial_number": {"issuer": signer.issuer, "serial_number": signer.serial_number}}),
        "digest_algorithm": {"algorithm": digest.name},
        "signed_attrs": attributes,
        "signature_algorithm": {"algorithm": signature_algorithm(signer.public_key.algorithm, digest)},
        "signature": sign_der(key, attributes.dump()),
    })
    signed = cms.SignedData({
        "version": "v3",
        "digest_algorithms": [{"algorithm": digest.name}],
        "encap_content_info": {"content_type": CONTENT_TYPE, "content": content},
        "certificates": [asn1_x509.Certificate.load(to_der(certificate)) for certificate in chain],
        "signer_infos": [info],
    })
    return cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump()


def open_signed(octets, known):
    """The content, the signer's certificate, and the certificates that came along. The signer is looked for among those and the known ones."""
    outer = cms.ContentInfo.load(octets, strict=True)
    if outer["content_type"].native != "signed_data":
        raise Failure(f"the CMS content is {outer['content_type'].native}, not SignedData")
    signed = outer["content"]
    inner = signed["encap_content_info"]
    if inner["content_type"].dotted != CONTENT_TYPE:
        raise Failure(f"eContentType is {inner['content_type'].dotted}, not {CONTENT_TYPE}")
    if len(signed["signer_infos"]) != 1:
        raise Failure(f"the SignedData has {len(signed['signer_infos'])} signers, not one")
    content, info = bytes(inner["content"]), signed["signer_infos"][0]

    enclosed = [x509.load_der_x509_certificate(choice.chosen.dump()) for choice in signed["certificates"] or []]
    signer = named(info["sid"], enclosed + known)
    digest = HASHES[info["digest_algorithm"]["algorithm"].native]
    attributes = {attribute["type"].native: attribute["values"].native for attribute in info["signed_attrs"]}
    if attributes.get("content_type") != [CONTENT_TYPE]:
        raise Failure("the signed attribute content-type does not name the content")
    if attributes.get("message_digest") != [digested(digest, content)]:
        raise Failure("the signed attribute message-digest is not that of the content")
    # Signed as a SET, carried as [0] (RFC 5652, section 5.4).
    signed_octets = b"\x31" + info["signed_attrs"].dump()[1:]
    verify_der(signer.public_key(), info["signature"].native, signed_octets, digest)
    return content, signer, enclosed


def named(sid, candidates):
    for candidate in candidates:
        parsed = asn1_x509.Certificate.load(to_der(candidate))
        if sid.name == "issuer_and_serial_number":
            wanted = sid.chosen["issuer"].dump(), sid.chosen["serial_number"].native
            if (parsed.issuer.dump(), parsed.serial_number) == wanted:
                return candidate
        elif parsed.key_identifier == sid.chosen.native:
            return candidate
    raise Failure("the signer's certificate is neither enclosed nor known")


def signature_algorithm(kind, digest):
    return {"ec": f"{digest.name}_ecdsa", "rsa": f"{digest.name}_rsa", "ed25519": "ed25519"}[kind]


def digested(digest, content):
    computed = hashes.Hash(digest)
    computed.update(content)
    return computed.finalize()
