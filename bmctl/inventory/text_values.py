"""One written value to one typed value; every refusal is a ValueError that says what to write instead."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any, TypeVar

from bmctl.model.network import Address, Interface, Prefix

Checked = TypeVar("Checked")
Choice = TypeVar("Choice", bound=StrEnum)

# Gateways and name servers repeat on every node of a network; reading them once makes big files quick.
CACHED = 1024

_ON = frozenset({"true", "yes", "on"})
_OFF = frozenset({"false", "no", "off"})


def plain_text(value: Any) -> str:
    """The text of a scalar; a list or mapping is refused."""
    if isinstance(value, str):
        return str(value)
    raise ValueError(f"must be text, not {kind_of(value)}")


def one_line(value: Any) -> str:
    """Text of one line, not empty, without blanks around it."""
    text = plain_text(value).strip()
    if not text:
        raise ValueError("is empty")
    if "\n" in text or "\r" in text:
        raise ValueError("must be one line")
    return text


def kind_of(value: Any) -> str:
    """What a person calls the shape of a value."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else "text"


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The one of `words` that is most like a word, whatever the case, where one is near."""
    known = {lower: word for word in sorted(words) if (lower := word.lower())}
    near = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return known[near[0]] if near else None


def meant(near: str | None) -> str:
    """`, did you mean "address"?`, or empty text for None."""
    return f', did you mean "{near}"?' if near else ""


def close_match(word: str, words: Iterable[str]) -> str:
    """The question whether one of `words` was meant, empty text where none is near."""
    return meant(nearest(word, words))


def choice(text: str, kind: type[Choice]) -> Choice:
    """A member of an enum by its value, whatever the case."""
    try:
        return kind(text.lower())
    except ValueError:
        known = [member.value for member in kind]
        words = ", ".join(known)
        raise ValueError(f'"{text}" is none of {words}{close_match(text, known)}') from None


def switch(value: Any) -> bool:
    """True or false, in any of YAML 1.1's words but y and n."""
    text = one_line(value)
    if text.lower() in _ON | _OFF:
        return text.lower() in _ON
    raise ValueError(f'"{text}" is neither true nor false')


def whole_number(text: str, least: int, most: int) -> int:
    """A decimal number from `least` to `most`."""
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text, re.ASCII):
        raise ValueError(f'"{text}" is not a whole number')
    if least == most != int(text):
        raise ValueError(f"{int(text)} is not {most}, the only one there is")
    if not least <= int(text) <= most:
        raise ValueError(f"{int(text)} is not between {least} and {most}")
    return int(text)


def mac(text: str) -> str:
    """A unicast MAC address in lower case with colons; dashes, dots or nothing between are read too."""
    lower = text.lower()
    if not re.fullmatch(
        r"[0-9a-f]{2}(:[0-9a-f]{2}){5}|[0-9a-f]{2}(-[0-9a-f]{2}){5}|[0-9a-f]{4}(\.[0-9a-f]{4}){2}|[0-9a-f]{12}",
        lower,
    ):
        raise ValueError(f'"{text}" is not a MAC address; write it as 52:54:00:12:34:56')
    digits = re.sub("[^0-9a-f]", "", lower)
    if digits == "0" * 12:
        raise ValueError(f'"{text}" is no machine\'s MAC address')
    if int(digits[:2], 16) & 1:
        raise ValueError(f'"{text}" is a group MAC address; a port has an individual one')
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


@lru_cache(maxsize=CACHED)
def address(text: str) -> Address:
    """An IPv4 or IPv6 address without prefix length."""
    if "/" in text:
        raise ValueError(f'"{text}" has a prefix length; only the address is wanted here')
    try:
        return ip_address(text)
    except ValueError:
        raise ValueError(f'"{text}" is not an IPv4 or IPv6 address') from None


def interface(text: str) -> Interface | Address:
    """An address with its prefix length, or the address alone where none is written."""
    if "/" not in text:
        return address(text)
    try:
        return ip_interface(text)
    except ValueError:
        raise ValueError(f'"{text}" is not an address with prefix length, such as 192.0.2.11/24') from None


@lru_cache(maxsize=CACHED)
def prefix(text: str) -> Prefix:
    """A network, without host bits."""
    if "/" not in text:
        raise ValueError(f'"{text}" has no prefix length; write a network such as 192.0.2.0/24')
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f'"{text}" is not a network such as 192.0.2.0/24') from None
    if ip_interface(text).ip != network.network_address:
        raise ValueError(f'"{text}" has host bits set; the network is {network}')
    return network


def destination(text: str) -> Prefix | str:
    """Where a route leads: a network, or `default` for all of the gateway's family."""
    return "default" if text.lower() == "default" else prefix(text)


_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"


def is_hostname(text: str) -> bool:
    """Whether a text may be a host name (RFC 1123, 2.1)."""
    return len(text) <= 253 and re.fullmatch(rf"{_LABEL}(\.{_LABEL})*\.?", text) is not None


def hostname(text: str) -> str:
    """A host name, with or without domain."""
    if not is_hostname(text):
        raise ValueError(
            f'"{text}" cannot be a host name: letters, digits and hyphens, with dots between the parts'
        )
    return text


def name(text: str) -> str:
    """A name of a node, group, image or network: it may stand in file names, URLs and command lines."""
    if not re.fullmatch(_NAME, text):
        raise ValueError(
            f'"{text}" cannot be a name: up to 63 letters, digits, dots, hyphens and underscores, '
            "with a letter or digit first"
        )
    return text


def link_name(text: str) -> str:
    """A name Linux gives a network interface: at most 15 characters (IFNAMSIZ)."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}", text):
        raise ValueError(
            f'"{text}" cannot be a link name: up to 15 letters, digits, dots, hyphens and underscores'
        )
    return text


TRAIT = r"(CUSTOM|COMPUTE|HW|MISC|OWNER|STORAGE)_[A-Z0-9_]+"


def trait(text: str) -> str:
    """A trait (placement's rule): CUSTOM_ or a standard namespace, then capitals, digits and underscores."""
    if len(text) > 255 or not re.fullmatch(TRAIT, text):
        wanted = re.sub("[^A-Z0-9_]", "_", text.upper().removeprefix("CUSTOM_")) or "NAME"
        raise ValueError(f'"{text}" is not a trait; write it as CUSTOM_{wanted[:248]}')
    return text


def priority(text: str) -> int:
    """A step's priority; 0 means that it is not run."""
    if not re.fullmatch(r"[0-9]{1,9}", text, re.ASCII):
        raise ValueError(f'"{text}" is not a priority: a whole number, 0 or more')
    return int(text)


def step_name(text: str) -> str:
    """A step's name, without its interface."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,254}", text, re.ASCII):
        raise ValueError(f'"{text}" cannot be the name of a step: letters, digits and underscores')
    return text


def step_key(text: str, interfaces: Iterable[str]) -> str:
    """A step as `interface.step`, its interface one of `interfaces`."""
    interface, dot, step = text.partition(".")
    if not dot:
        raise ValueError(f'"{text}" is not a step; write INTERFACE.STEP, such as deploy.erase_devices')
    one_of(interface, interfaces)
    step_name(step)
    return text


def one_of(text: str, words: Iterable[str]) -> str:
    """The text itself, where it is one of `words`."""
    known = tuple(words)
    if text not in known:
        raise ValueError(f'"{text}" is none of {", ".join(known)}{close_match(text, known)}')
    return text
