"""The ramdisk's voice: every line goes to the log file whole, and cut short to each console; no secrets."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final, TextIO

TOKEN: Final = re.compile(r"""(agent_token['"]?\s*[=:]\s*['"]?)[^\s&'",}]+""")
PASSWORD: Final = re.compile(r"""(rescue_password['"]?\s*[=:]\s*)('[^'\n]*'|"[^"\n]*"|[^\s,&}]+)""")
HIDDEN: Final = "***"
LONGEST: Final = 500
"""Characters of a line on a console: a serial port takes some 11,000 a second, and the agent waits."""


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without the agent's token and the rescue password, wherever they stand."""
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    for pattern in (TOKEN, PASSWORD):
        text = pattern.sub(rf"\g<1>{HIDDEN}", text)
    return text


class Console(io.TextIOBase):
    """A text stream that copies to a log file and to consoles; a console that fails is ignored.

    The kernel's /dev/console is one device only; an operator may look at the serial line or at the screen.
    """

    def __init__(self, log: TextIO, devices: Iterable[Path]) -> None:
        self._log = log
        self._devices = tuple(device for device in map(_open, devices) if device is not None)
        self._secrets: tuple[str, ...] = ()

    def hide(self, secrets: Iterable[str]) -> None:
        """Never show these texts from now on."""
        self._secrets = tuple({*self._secrets, *filter(None, secrets)})

    def write(self, text: str) -> int:
        shown = redact(text, self._secrets)
        self._log.write(shown)
        self._log.flush()
        short = "\r\n".join(map(_cut, shown.split("\n"))).encode(errors="replace")
        for device in self._devices:
            try:
                os.write(device, short)
            except OSError:
                continue
        return len(text)

    def writable(self) -> bool:
        return True


def _cut(line: str) -> str:
    return line if len(line) <= LONGEST else f"{line[:LONGEST]} ..."


def _open(device: Path) -> int | None:
    try:
        return os.open(device, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return None


def active_consoles(active: Path, devices: Path) -> list[Path]:
    """The devices of all consoles the kernel writes to, from /sys/class/tty/console/active."""
    try:
        return [devices / name for name in active.read_text().split()]
    except OSError:
        return [devices / "console"]
