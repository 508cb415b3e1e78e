"""A machine's controller and the reference to its password."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from bmctl.inventory.build.files import absolute
from bmctl.inventory.keys.bmc import BmcKeys
from bmctl.inventory.report import Notes
from bmctl.inventory.secret import readable_by_all, secret_file
from bmctl.inventory.text_values import close_match, is_hostname
from bmctl.model.node import Bmc, DriverName
from bmctl.model.secret import SecretKind, SecretReference

_SCHEMES = ("https", "http")


def build_bmc(keys: BmcKeys, base: Path, notes: Notes) -> Bmc | None:
    """The controller; None where it has no usable address."""
    if keys.address is None:
        notes.missing("address", message="is missing: where is the machine's controller?")
        return None
    address = keys.address
    if keys.driver is DriverName.REDFISH:
        try:
            address = redfish_url(address)
        except ValueError as error:
            notes.wrong("address", message=str(error))
            return None
    verify = keys.verify if isinstance(keys.verify, bool) else absolute(keys.verify, base)
    return Bmc(
        address=address,
        driver=keys.driver,
        username=keys.username,
        password=_password(keys, base, notes),
        system=keys.system,
        auth=keys.auth,
        verify=verify,
    )


def redfish_url(text: str) -> str:
    """`https://host[:port]` of a Redfish service, from a URL or a host; ValueError says what is wrong."""
    url = text if "://" in text else f"https://{_bracketed(text)}"
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES:
        raise ValueError(
            f'"{parts.scheme}://" is not a way to a Redfish service{close_match(parts.scheme, _SCHEMES)}'
        )
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user name or password; write them as bmc.username and bmc.password")
    if parts.query or parts.fragment or not re.fullmatch(r"/*(redfish/*(v1/*)?)?", parts.path):
        raise ValueError(
            f'must end after host and port; write the system\'s path "{parts.path}" as bmc.system'
        )
    return f"{parts.scheme}://{_host_and_port(parts, text)}"


def _bracketed(text: str) -> str:
    return f"[{text}]" if re.fullmatch(r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*", text) else text


def _host_and_port(parts: SplitResult, text: str) -> str:
    try:
        port = parts.port
    except ValueError:
        raise ValueError(f'"{text}" has a port that is no number from 1 to 65535') from None
    host = parts.hostname or ""
    if ":" not in host and not is_hostname(host):
        raise ValueError(f'"{text}" names no host; write it as https://10.0.0.11')
    named = f"[{host}]" if ":" in host else host
    return f"{named}:{port}" if port else named


def _password(keys: BmcKeys, base: Path, notes: Notes) -> SecretReference | None:
    if keys.password is None:
        return None
    place = notes.report.place(notes.mark("password"))
    reference = reference_to(keys.password, place)
    if reference.kind is SecretKind.LITERAL:
        notes.doubtful(
            "password", message="a password stands in the inventory; use env:NAME, file:PATH or cmd:COMMAND"
        )
    elif not reference.text:
        notes.wrong("password", message=f"nothing follows {reference.kind}:")
    elif reference.kind is SecretKind.FILE and readable_by_all(file := secret_file(reference, base)):
        notes.doubtful("password", message=f"{file} may be read by everybody; run: chmod o-r {file}")
    return reference


def reference_to(text: str, place: str) -> SecretReference:
    """What a written secret refers to; text with no known prefix is the secret itself."""
    prefix, colon, rest = text.partition(":")
    kinds = {kind.value: kind for kind in SecretKind if kind is not SecretKind.LITERAL}
    if colon and prefix in kinds:
        return SecretReference(kinds[prefix], rest.strip(), place)
    return SecretReference(SecretKind.LITERAL, text, place)
