"""HTTPS to a registrar: one connection for as long as it serves one step of trust, and plain answers."""

import http.client
import ssl

from cryptography import x509

from failure import Failure, Later


class Connection:
    """A connection on which the client shows a certificate. Without anchors the server is believed provisionally (RFC 8995, section 5.1)."""

    def __init__(self, authority, certificate_file, key_file, anchors=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # A registrar is known by what the voucher pins, not by a name (RFC 8995, section 5.6.2).
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if anchors is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            # What is pinned need not be a root.
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            context.load_verify_locations(cadata=b"".join(anchors))
        context.load_cert_chain(certificate_file, key_file)
        host, _, port = authority.rpartition(":")
        self.http = http.client.HTTPSConnection(host, int(port), timeout=30, context=context)
        self.http.connect()

    def shown(self):
        """The certificates that the server showed, its own first. Python before 3.13 tells no other."""
        every = getattr(self.http.sock, "get_unverified_chain", None)
        ders = every() if every else [self.http.sock.getpeercert(binary_form=True)]
        return [x509.load_der_x509_certificate(der) for der in ders]

    def get(self, path, accept):
        """The body of the answer, which must have the type that is asked for."""
        return self._ask("GET", path, None, {"Accept": accept}, accept)

    def post(self, path, content_type, body, accept=None):
        """The body of the answer, which must have the type that is asked for, if any."""
        headers = {"Content-Type": content_type} | ({"Accept": accept} if accept else {})
        return self._ask("POST", path, body, headers, accept)

    def _ask(self, method, path, body, headers, accept):
        self.http.request(method, path, body, headers)
        answer = self.http.getresponse()
        content = answer.read(1 << 20)
        if answer.status != 200:
            said = content.decode("utf-8", "replace") if answer.status >= 400 else f"Retry-After: {answer.headers.get('Retry-After')}"
            sentence, wait = f"{path} was answered {answer.status}: {said}", answer.headers.get("Retry-After", "")
            raise Later(sentence, int(wait)) if answer.status == 202 and wait.isdecimal() else Failure(sentence)
        found = answer.headers.get_content_type()
        if accept and found != accept:
            raise Failure(f"{path} was answered with {found}, not with {accept}")
        return content
