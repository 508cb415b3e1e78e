"""Which of this host's addresses another machine sees, as the kernel's routes say."""

from __future__ import annotations

import ipaddress
import socket

from bmctl.errors import BmctlError
from bmctl.model.network import Address

# Nothing is sent: connecting a datagram socket only looks up the route. Port 9 is "discard".
ANY_PORT = 9


def source_address(towards: str) -> Address:
    """The address this host uses towards a host, given as an address or a name.

    Raises BmctlError where the name is unknown or no route leads there.
    """
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(towards, ANY_PORT, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.connect(target)
            found: str = probe.getsockname()[0]
    except OSError as error:
        raise BmctlError(
            f"no route from this host to {towards}: {error.strerror}",
            hint="check the address, or set the address that machines fetch files from",
        ) from error
    return ipaddress.ip_address(found.partition("%")[0])


def is_known_here(host: str) -> bool:
    """Whether this host's own resolver knows the name; an address stands for itself."""
    try:
        socket.getaddrinfo(host, ANY_PORT, type=socket.SOCK_DGRAM)
    except OSError:
        return False
    return True


def advertised_url(address: Address | str, port: int, path: str = "", *, scheme: str = "http") -> str:
    """A URL at this address; IPv6 gets its brackets. A host name is taken as it is."""
    text = str(address)
    host = f"[{text}]" if ":" in text else text
    return f"{scheme}://{host}:{port}/{path.lstrip('/')}"
