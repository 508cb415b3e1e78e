"""A ramdisk told to rescue: its agent goes, and the user `rescue` can log in over SSH with the password."""

from __future__ import annotations

import ipaddress
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from bmctl.model.network import Attachment, Ethernet, NetworkConfig

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("ssh") is None, reason="logging in needs the OpenSSH client"),
]

MAC = "52:54:00:aa:00:01"
ADDRESS = "192.0.2.10"
PASSWORD = """correct horse 'battery' "staple" """.strip()
NETWORK = NetworkConfig(
    links=(Ethernet(name="uplink", mac=MAC),),
    attachments=(Attachment(link="uplink", addresses=(ipaddress.ip_interface(f"{ADDRESS}/24"),), routes=()),),
)
OPTIONS = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "NumberOfPasswordPrompts=1")


def with_password(
    machine: Any, folder: Path, password: str, program: str, *words: str
) -> subprocess.CompletedProcess[str]:
    """Run ssh or scp, which asks a program of ours for the password."""
    (folder / "password").write_text(password)
    asked = folder / "ask"
    asked.write_text(f"#!/bin/sh\ncat {folder}/password\n")
    asked.chmod(0o700)
    flags = [word for option in OPTIONS for word in ("-o", option)]
    return machine.inside(
        "env", f"SSH_ASKPASS={asked}", "SSH_ASKPASS_REQUIRE=force", "timeout", "60", program, *flags, *words
    )


def listens(machine: Any) -> bool:
    """Whether anything accepts connections on the SSH port."""
    tried = machine.inside("timeout", "5", "bash", "-c", f"exec 3<>/dev/tcp/{ADDRESS}/22")
    return tried.returncode == 0


def wait_for_server(machine: Any, *, patience: float = 60.0) -> None:
    end = time.monotonic() + patience
    while not listens(machine):
        assert time.monotonic() < end, machine.console[-4000:]
        time.sleep(0.2)


def test_login_with_the_password_and_with_nothing_else(boot: Any, tmp_path: Path):
    with boot(NETWORK, "addr add 192.0.2.1/24 dev lan") as machine:
        machine.wait(ADDRESS)
        assert not listens(machine)
        told = machine.command(ADDRESS, "rescue.finalize_rescue", rescue_password=PASSWORD, hashed=False)
        assert told["command_status"] == "SUCCEEDED"
        wait_for_server(machine)
        assert machine.get(ADDRESS) is None

        who = with_password(
            machine, tmp_path, PASSWORD, "ssh", f"rescue@{ADDRESS}", "id -un; id -u; lsblk -dn"
        )
        assert who.stdout.split()[:2] == ["root", "0"], who.stderr
        assert " 5G " in who.stdout
        for user, password in (("rescue", "wrong"), ("root", PASSWORD), ("rescue", "")):
            refused = with_password(machine, tmp_path, password, "ssh", f"{user}@{ADDRESS}", "true")
            assert refused.returncode != 0
            assert "Permission denied" in refused.stderr

        (tmp_path / "note").write_text("kept")
        source, target = str(tmp_path / "note"), f"rescue@{ADDRESS}:/root/note"
        copied = with_password(machine, tmp_path, PASSWORD, "scp", source, target)
        assert copied.returncode == 0, copied.stderr
        read = with_password(machine, tmp_path, PASSWORD, "ssh", f"rescue@{ADDRESS}", "cat /root/note")
        assert read.stdout == "kept"
        assert "rescue: SSH host key SHA256:" in machine.console
        assert PASSWORD not in machine.console
