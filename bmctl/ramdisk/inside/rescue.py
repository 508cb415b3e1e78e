"""Rescue: once the agent has stored a password and ended, an SSH server takes its place.

Nothing listens, no host key and no user `rescue` are there before. The agent never comes back: whoever has
the password has the machine.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

PASSWORD: Final = Path("/etc/ipa-rescue-config/ipa-rescue-password")
"""Where the agent's `rescue.finalize_rescue` writes the password's hash; it does not make the directory."""
ETC: Final = Path("/etc")
HOST_KEY: Final = Path("/etc/dropbear/host-key")
USER: Final = "rescue"
SERVER: Final = (
    *("/usr/sbin/dropbear", "-F", "-E", "-r", str(HOST_KEY)),
    *("-P", "/run/dropbear.pid", "-K", "60"),
)
"""In the foreground, its words on stderr, with this one key; a silent client is asked every 60 s."""
GREETING: Final = """
This is bmctl's rescue system, in the machine's memory. No disk is mounted: lsblk shows them.
To end it, run on the operator's host: bmctl unrescue

"""


def make_ready() -> None:
    """Let the agent store a password."""
    PASSWORD.parent.mkdir(mode=0o700, exist_ok=True)


def asked_for() -> bool:
    """Whether the agent was given a password, by this process or by one before it."""
    return PASSWORD.exists()


def become_server(say: Callable[[str], None]) -> NoReturn:
    """Replace this process with an SSH server that lets in the user `rescue`, who is root."""
    add_user(ETC, PASSWORD.read_text().strip())
    if not HOST_KEY.exists():
        say(f"rescue: SSH host key {make_host_key(HOST_KEY)}")
    say("rescue: waiting for SSH connections of the user rescue")
    os.execv(SERVER[0], SERVER)  # noqa: S606 # no shell is wanted


def add_user(etc: Path, password_hash: str) -> None:
    """Leave a user with root's rights and this password below `etc`; nobody else gets one."""
    _put(etc / "passwd", USER, f"{USER}:x:0:0:{USER}:/root:/bin/sh", mode=0o644)
    _put(etc / "shadow", USER, f"{USER}:{password_hash}:::::::", mode=0o600)
    (etc / "motd").write_text(GREETING)


def _put(path: Path, name: str, line: str, *, mode: int) -> None:
    """Leave this line as the only one of this name."""
    lines = path.read_text().splitlines() if path.exists() else []
    others = [each for each in lines if not each.startswith(f"{name}:")]
    path.touch(mode=mode)
    path.chmod(mode)
    path.write_text("".join(f"{each}\n" for each in [*others, line]))


def make_host_key(path: Path) -> str:
    """Make a key for this boot and return its fingerprint as SSH clients show it."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    made = subprocess.run(
        ["dropbearkey", "-t", "ed25519", "-f", path], check=True, stdout=subprocess.PIPE, text=True
    )
    words = (line.partition("Fingerprint: ")[2] for line in made.stdout.splitlines())
    return next(filter(None, words), "of unknown fingerprint")
