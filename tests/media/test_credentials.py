"""Credentials of a run: a client that trusts only this certificate reaches only this agent."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import ssl
import threading
from ipaddress import ip_address

import pytest

from bmctl.media.credentials import RunCredentials, make_credentials

LOOPBACK = ip_address("127.0.0.1")


def handshake(credentials, trusted, directory):
    """Peer certificate's digest, after a TLS handshake over loopback by a strict client."""
    (directory / "crt").write_text(credentials.certificate_pem)
    (directory / "key").write_text(credentials.key_pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(directory / "crt", directory / "key")
    client = ssl.create_default_context(cadata=trusted.certificate_pem)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _ = listener.accept()
            # A client that refuses is what some of these tests want.
            with connection, contextlib.suppress(OSError):
                server.wrap_socket(connection, server_side=True).close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with (
                socket.create_connection(listener.getsockname(), timeout=5) as plain,
                client.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
            ):
                return hashlib.sha256(secure.getpeercert(binary_form=True)).hexdigest()
        finally:
            thread.join(5)


def test_certificate_is_good_for_the_nodes_address(tmp_path):
    credentials = make_credentials([LOOPBACK, ip_address("::1"), LOOPBACK], name="n1" * 60)
    assert handshake(credentials, credentials, tmp_path) == credentials.fingerprint


def test_another_runs_certificate_is_refused(tmp_path):
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(make_credentials([LOOPBACK], name="n1"), make_credentials([LOOPBACK], name="n1"), tmp_path)


def test_another_address_is_refused(tmp_path):
    credentials = make_credentials([ip_address("192.0.2.1")], name="n1")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(credentials, credentials, tmp_path)


def test_secrets_do_not_show_and_come_back():
    credentials = make_credentials([LOOPBACK], name="n1")
    assert credentials.token not in repr(credentials)
    assert "PRIVATE" not in repr(credentials)
    assert RunCredentials.from_dict(credentials.to_dict()) == credentials
    assert len(credentials.token) >= 43


def test_every_run_has_its_own():
    first, second = (make_credentials([LOOPBACK], name="n1") for _ in range(2))
    assert first.token != second.token
    assert first.fingerprint != second.fingerprint
