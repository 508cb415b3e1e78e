"""Who may log in to a ramdisk that was told to rescue, and that nobody may before."""

from __future__ import annotations

import stat
from pathlib import Path

from bmctl.ramdisk.inside.console import redact
from bmctl.ramdisk.inside.rescue import add_user

HASH = "$5$salt$hash"


def etc(folder: Path) -> Path:
    (folder / "passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n"
    )
    return folder


def test_only_the_rescue_user_has_a_password_and_is_root(tmp_path: Path):
    add_user(etc(tmp_path), HASH)
    assert (tmp_path / "shadow").read_text() == f"rescue:{HASH}:::::::\n"
    users = {line.split(":")[0]: line.split(":") for line in (tmp_path / "passwd").read_text().splitlines()}
    assert set(users) == {"root", "nobody", "rescue"}
    assert users["rescue"][1:4] == ["x", "0", "0"]
    assert stat.S_IMODE((tmp_path / "shadow").stat().st_mode) == 0o600


def test_a_server_started_again_finds_the_same_user(tmp_path: Path):
    add_user(etc(tmp_path), "older")
    add_user(tmp_path, HASH)
    assert (tmp_path / "shadow").read_text().count("rescue:") == 1
    assert HASH in (tmp_path / "shadow").read_text()
    assert (tmp_path / "passwd").read_text().count("rescue:x:0:0:") == 1


def test_the_password_is_not_shown_by_an_agent_that_logs_its_commands():
    line = """args: {'rescue_password': 'four words, no "quotes"', 'hashed': False}"""
    assert redact(line) == "args: {'rescue_password': ***, 'hashed': False}"
