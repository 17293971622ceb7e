"""Revocation lists, as the library `cryptography` sees them."""

import datetime

from cryptography import x509

from failure import Failure


def reason_on_list(octets, issuer, certificate):
    """Why a certificate is on a list that its issuer signed and that is current; none if it is not on it."""
    found = x509.load_der_x509_crl(octets)
    if found.issuer != issuer.subject or certificate.issuer != issuer.subject:
        raise Failure(f"the list is that of {found.issuer.rfc4514_string()}, the certificate of {certificate.issuer.rfc4514_string()}")
    if not found.is_signature_valid(issuer.public_key()):
        raise Failure("the list's signature is not that of its issuer")
    if not found.last_update_utc <= datetime.datetime.now(datetime.timezone.utc) < found.next_update_utc:
        raise Failure(f"the list is for {found.last_update_utc} to {found.next_update_utc}")
    entry = found.get_revoked_certificate_by_serial_number(certificate.serial_number)
    return entry and entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value
