"""Secrets come from where they are said to be, and never show."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bmctl.errors import InvalidError
from bmctl.inventory.secret import resolve
from bmctl.model.secret import SecretKind, SecretReference

ENVIRONMENT = {"PASSWORD": "s3cret", "EMPTY": "", "PATH": "/usr/bin:/bin"}


def reveal(kind: SecretKind, text: str, base: Path, timeout: float = 10.0) -> str:
    reference = SecretReference(kind, text, "inventory.yaml:3:5")
    return resolve(reference, environment=ENVIRONMENT, base=base, timeout=timeout).reveal()


def refusal(kind: SecretKind, text: str, base: Path, timeout: float = 10.0) -> str:
    with pytest.raises(InvalidError) as caught:
        reveal(kind, text, base, timeout)
    assert "s3cret" not in f"{caught.value} {caught.value.hint}"
    return caught.value.message.removeprefix("inventory.yaml:3:5: no secret: ")


def test_each_kind_gives_its_value(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret\r\nsecond line\n")
    assert reveal(SecretKind.LITERAL, "s3cret", tmp_path) == "s3cret"
    assert reveal(SecretKind.ENV, "PASSWORD", tmp_path) == "s3cret"
    assert reveal(SecretKind.FILE, "password", tmp_path) == "s3cret"
    assert reveal(SecretKind.CMD, "cat password", tmp_path) == "s3cret"
    assert reveal(SecretKind.CMD, "echo 'two words; $HOME'", tmp_path) == "two words; $HOME"


def test_each_kind_says_why_there_is_none(tmp_path: Path) -> None:
    nowhere = " cannot be read: no such file or directory"
    (tmp_path / "empty").write_text("\ns3cret\n")
    (tmp_path / "binary").write_bytes(b"s3cret\xff")
    assert refusal(SecretKind.ENV, "NOPE", tmp_path) == "the environment variable NOPE is not set"
    assert refusal(SecretKind.ENV, "EMPTY", tmp_path) == "the environment variable EMPTY is empty"
    assert refusal(SecretKind.FILE, "nope", tmp_path) == f"{tmp_path}/nope{nowhere}"
    assert refusal(SecretKind.FILE, "empty", tmp_path) == f"{tmp_path}/empty gave an empty first line"
    assert refusal(SecretKind.FILE, "binary", tmp_path) == f"what {tmp_path}/binary gave is not UTF-8 text"
    assert refusal(SecretKind.CMD, "false", tmp_path) == "false ended with 1"
    assert refusal(SecretKind.CMD, "no-such-command s3cret", tmp_path).startswith(
        "no-such-command cannot be run"
    )
    assert refusal(SecretKind.CMD, "echo 's3cret", tmp_path) == "the command has a quote that is never closed"
    assert refusal(SecretKind.CMD, " ", tmp_path) == "nothing follows cmd:"


def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    script = "sh -c 'sleep 60 & echo $! > child; wait'"
    assert refusal(SecretKind.CMD, script, tmp_path, timeout=2) == "sh gave no answer in 2 s"
    child = (tmp_path / "child").read_text().strip()
    deadline = time.monotonic() + 10
    while _runs(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _runs(child)


def _runs(process: str) -> bool:
    """Whether a process still runs; one that was killed may take a moment to go."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
