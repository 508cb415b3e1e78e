"""What the ramdisk shows and keeps of the agent's words."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from bmctl.ramdisk.inside.console import Console, active_consoles, redact


@pytest.mark.parametrize(
    "line",
    [
        "POST /v1/commands/?wait=true&agent_token=s3cret - 200",
        "POST /v1/commands/?agent_token=s3cret&wait=true - 200",
        "agent_token                    = s3cret",
        "{'agent_token': 's3cret', 'other': 1}",
    ],
)
def test_tokens_are_hidden_wherever_they_stand(line: str):
    assert "s3cret" not in redact(line)
    assert "***" in redact(line)


def test_a_known_secret_is_hidden_in_any_text():
    assert redact("kernel line ipa-agent-token=abc", ["abc"]) == "kernel line ipa-agent-token=***"


def test_every_console_and_the_log_get_the_text(tmp_path: Path):
    consoles = [tmp_path / "tty0", tmp_path / "ttyS0"]
    for path in consoles:
        path.touch()
    log = io.StringIO()
    console = Console(log, [*consoles, tmp_path / "gone"])
    console.hide(["abc", ""])
    print("token abc\nsecond", file=console)
    assert log.getvalue() == "token ***\nsecond\n"
    assert [path.read_bytes() for path in consoles] == [b"token ***\r\nsecond\r\n"] * 2


def test_a_long_line_is_whole_in_the_log_alone(tmp_path: Path):
    (tmp_path / "ttyS0").touch()
    log = io.StringIO()
    print("first\n" + "x" * 100_000 + "\nlast", file=Console(log, [tmp_path / "ttyS0"]))
    assert len(log.getvalue()) == 100_012
    first, cut, last, _ = (tmp_path / "ttyS0").read_text().split("\n")
    assert (first, last) == ("first", "last")
    assert cut.startswith("xxx")
    assert len(cut) < 1000


def test_all_active_consoles_are_found(tmp_path: Path):
    (tmp_path / "active").write_text("tty0 ttyS1\n")
    assert active_consoles(tmp_path / "active", Path("/dev")) == [Path("/dev/tty0"), Path("/dev/ttyS1")]
    assert active_consoles(tmp_path / "none", Path("/dev")) == [Path("/dev/console")]
