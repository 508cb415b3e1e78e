"""What the inventory's own name servers say: names of controllers, and records that disagree with it.

Nothing here fails a run because a name server is silent: that is a warning.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver
import dns.reversename

from bmctl.errors import UnreachableError
from bmctl.model.network import Address
from bmctl.model.node import Node

TIMEOUT = 3.0
"""Seconds for one question, all servers together."""

AT_ONCE = 32
"""Questions on their way at a time."""

_HINT = "write the controller's address in bmc.address"


@dataclass(frozen=True, slots=True, kw_only=True)
class NameWarning:
    """A record that disagrees with the address a node will have, or a server that did not tell."""

    node: str
    message: str


class _SilentError(Exception):
    """No name server gave an answer that counts."""


async def check_names(
    nodes: Iterable[Node], *, port: int = 53, timeout: float = TIMEOUT
) -> tuple[NameWarning, ...]:
    """Compare A, AAAA and PTR records with the addresses that will be baked in.

    Each node's own name servers (`network.dns`) are asked about its host name, where that is fully
    qualified or a search domain makes it so. A node without name servers is not checked. Every
    question ends within `timeout` seconds, and many are asked at a time.
    """
    limit = asyncio.Semaphore(AT_ONCE)
    asked = await asyncio.gather(*(_check(node, port, timeout, limit) for node in nodes))
    return tuple(warning for warnings in asked for warning in warnings)


async def resolve_controller(
    host: str, name_servers: Sequence[Address] = (), *, port: int = 53, timeout: float = TIMEOUT
) -> tuple[Address, ...]:
    """Addresses of a controller's host name, IPv4 first; an address stands for itself.

    Without name servers this host's own resolver is asked. Raises `UnreachableError` where the
    name has no address, or nobody answers.
    """
    try:
        return (ip_address(host.strip("[]")),)
    except ValueError:
        pass
    try:
        if not name_servers:
            return await _by_host(host, timeout)
        ask = _asker(name_servers, port, timeout)
        found = [address for kind in ("A", "AAAA") for address in await ask(host, kind)]
    except _SilentError as error:
        raise UnreachableError(f"the name {host} was not resolved: {error}", hint=_HINT) from error
    if not found:
        raise UnreachableError(f"the name {host} has no address", hint=_HINT)
    return tuple(ip_address(text) for text in found)


async def _by_host(host: str, timeout: float) -> tuple[Address, ...]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout):
            found = await loop.getaddrinfo(host, None)
    except TimeoutError as error:
        raise _SilentError(f"no answer in {timeout:g} s") from error
    except OSError as error:
        raise _SilentError((error.strerror or "unknown").lower()) from error
    texts = dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found)
    return tuple(sorted(map(ip_address, texts), key=lambda address: address.version))


_Ask = Callable[[str, str], Awaitable[list[str]]]


def _asker(name_servers: Sequence[Address], port: int, timeout: float) -> _Ask:
    """A function that asks these servers alone; it gives records as text, none where there are none."""
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers = [str(server) for server in name_servers]
    resolver.port = port
    resolver.timeout = max(timeout / len(name_servers), 0.1)
    resolver.lifetime = timeout

    async def ask(name: str, kind: str) -> list[str]:
        try:
            answer = await resolver.resolve(_absolute(name), kind, search=False, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return []
        except (dns.exception.DNSException, OSError) as error:
            raise _SilentError(_why(error, name_servers, timeout)) from error
        return [record.to_text() for record in answer.rrset or ()]

    return ask


def _absolute(name: str) -> dns.name.Name:
    return dns.name.from_text(name)


def _why(error: Exception, name_servers: Sequence[Address], timeout: float) -> str:
    servers = ", ".join(str(server) for server in name_servers)
    if isinstance(error, dns.exception.Timeout):
        return f"no answer from {servers} in {timeout:g} s"
    return f"{servers} gave no usable answer"


async def _check(node: Node, port: int, timeout: float, limit: asyncio.Semaphore) -> list[NameWarning]:
    network = node.instance_network
    if not network.dns or not (name := qualified(node.instance.hostname, network.search)):
        return []
    ask = _asker(network.dns, port, timeout)
    async with limit:
        try:
            messages = [*await _forward(name, node, ask), *await _backward(name, node, ask)]
        except _SilentError as error:
            messages = [f"the records of {name} were not checked: {error}"]
    return [NameWarning(node=node.name, message=message) for message in messages]


def qualified(hostname: str, search: Sequence[str]) -> str | None:
    """The full name of a host, without the last dot; None where no domain is known."""
    if "." in hostname.rstrip("."):
        return hostname.rstrip(".")
    return f"{hostname}.{search[0].rstrip('.')}" if search else None


async def _forward(name: str, node: Node, ask: _Ask) -> list[str]:
    messages: list[str] = []
    for version, kind in ((4, "A"), (6, "AAAA")):
        found = {ip_address(text) for text in await ask(name, kind)}
        baked = {address.ip for address in node.instance_network.addresses if address.version == version}
        if found and not found & baked:
            have = ", ".join(sorted(map(str, baked))) or f"no IPv{version} address"
            messages.append(
                f"{kind} of {name} is {', '.join(sorted(map(str, found)))}, the machine will have {have}"
            )
    return messages


async def _backward(name: str, node: Node, ask: _Ask) -> list[str]:
    messages: list[str] = []
    for address in node.instance_network.addresses:
        pointer = dns.reversename.from_address(str(address.ip)).to_text()
        names = [text.rstrip(".").lower() for text in await ask(pointer, "PTR")]
        if names and name.lower() not in names:
            messages.append(f"PTR of {address.ip} is {', '.join(names)}, the machine will be {name}")
    return messages
