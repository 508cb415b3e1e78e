"""Connects to a controller at a given address though it is called by its name.

For names that only the inventory's own name servers know. Certificates and the Host header go by
the name, as RFC 9110 (4.3.4 and 7.2) wants.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter


class AddressAdapter(HTTPAdapter):
    """Opens every connection to one address."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        """Send a request with the name it was made for in its Host header."""
        request.headers["Host"] = urlsplit(request.url or "").netloc
        return super().send(request, *arguments, **options)

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Where to connect, and the name that the certificate must bear."""
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        named = urlsplit(request.url or "").hostname
        host["host"] = self._address
        if host["scheme"] == "https":
            pool["server_hostname"] = named
        return host, pool
