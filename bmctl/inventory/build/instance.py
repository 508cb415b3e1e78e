"""What the deployed system is told."""

from __future__ import annotations

import re
from pathlib import Path

from bmctl.inventory.build.claims import Claims
from bmctl.inventory.build.files import text_of
from bmctl.inventory.build.network import build_network, claim
from bmctl.inventory.keys.node import InstanceKeys
from bmctl.inventory.report import Notes
from bmctl.inventory.text_values import is_hostname
from bmctl.model.node import Instance

# OpenSSH's names of key types (sshd(8), AUTHORIZED_KEYS FILE FORMAT), options before them allowed.
_PUBLIC_KEY = re.compile(
    r"(.*\s)?(ssh-(ed25519|rsa|dss)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)"
    r"\s+[A-Za-z0-9+/]{16,}={0,3}(\s.*)?"
)


def build_instance(keys: InstanceKeys, name: str, base: Path, claims: Claims, notes: Notes) -> Instance:
    """The config drive's content; parts that are wrong are left out and noted."""
    if keys.network:
        claim(keys.network, claims, name, notes.within("network"))
    data = None if keys.user_data is None else text_of(keys.user_data, base, notes, "user_data")
    return Instance(
        hostname=keys.hostname or _hostname(name, notes),
        ssh_keys=_public_keys(keys.ssh_keys, base, notes),
        user_data=data,
        network=build_network(keys.network, notes.within("network")) if keys.network else None,
        meta=dict(keys.meta),
        config_drive=keys.config_drive,
        traits=tuple(dict.fromkeys(keys.traits)),
    )


def _hostname(name: str, notes: Notes) -> str:
    if not is_hostname(name):
        notes.missing("hostname", message=f'is needed, since "{name}" cannot be a host name')
    return name


def _public_keys(written: tuple[str, ...], base: Path, notes: Notes) -> tuple[str, ...]:
    found: list[str] = []
    for position, value in enumerate(written):
        text = text_of(value, base, notes, "ssh_keys", position) or ""
        lines = [line.strip() for line in text.splitlines()]
        for line in lines:
            if "PRIVATE KEY" in line:
                notes.wrong("ssh_keys", position, message="is a private key; name the public one (.pub)")
                break
            if line and not line.startswith("#"):
                _add_key(line, found, notes, position)
    return tuple(found)


def _add_key(line: str, found: list[str], notes: Notes, position: int) -> None:
    if not _PUBLIC_KEY.fullmatch(line):
        notes.wrong("ssh_keys", position, message="is not an SSH public key, such as ssh-ed25519 AAAA...")
    elif line not in found:
        found.append(line)
