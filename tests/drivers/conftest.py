"""Controllers to test against: the Redfish emulator of sushy-tools, started on loopback."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bmctl.drivers.abilities import Access
from bmctl.model.secret import Secret


USER, PASSWORD = "admin", "s3cret-word"


@dataclass(frozen=True, kw_only=True)
class Emulator:
    """A running emulator and its systems, `node1` to `node4`."""

    url: str
    certificate: Path | None = None

    def access(self, number: int = 1, **changes) -> Access:
        given = {
            "address": self.url,
            "username": USER,
            "password": Secret(PASSWORD),
            "system": system_id(number),
            "verify": self.certificate or True,
        }
        return Access(**{**given, **changes})


def system_id(number: int) -> str:
    return f"11111111-0000-4000-8000-{number:012d}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def emulator(tmp_path_factory) -> Iterator[Emulator]:
    """The emulator with its fake machines, basic authentication, no TLS."""
    with run_emulator(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@contextlib.contextmanager
def run_emulator(folder: Path, *, certificate: Path | None = None, key: Path | None = None) -> Iterator[Emulator]:
    program = Path(sys.executable).with_name("sushy-emulator")
    if not program.exists():
        pytest.skip("sushy-emulator is not installed (pip install 'bmctl[lab]')")
    port = free_port()
    config = write_config(folder, port, certificate, key)
    environment = {"PATH": "/usr/bin:/bin", "TMPDIR": str(folder), "HOME": str(folder)}
    with (folder / "emulator.log").open("wb") as log:
        process = subprocess.Popen(
            [program, "--config", config], cwd=folder, env=environment, stdout=log, stderr=log
        )
        try:
            wait_for_port(port, process, folder / "emulator.log")
            yield Emulator(url=f"{'https' if certificate else 'http'}://127.0.0.1:{port}", certificate=certificate)
        finally:
            process.terminate()
            process.wait(10)
            shutil.rmtree(folder / "state", ignore_errors=True)


def write_config(folder: Path, port: int, certificate: Path | None, key: Path | None) -> Path:
    import bcrypt

    digest = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(rounds=4)).decode()
    (folder / "htpasswd").write_text(f"{USER}:{digest}\n")
    (folder / "state").mkdir()
    systems = [
        {
            "uuid": system_id(number),
            "name": f"node{number}",
            "power_state": "Off",
            "external_notifier": False,
            "nics": [{"mac": f"52:54:00:00:00:{number:02X}", "ip": f"10.0.0.{number}"}],
        }
        for number in range(1, 5)
    ]
    settings = {
        "SUSHY_EMULATOR_FAKE_DRIVER": True,
        "SUSHY_EMULATOR_LISTEN_IP": "127.0.0.1",
        "SUSHY_EMULATOR_LISTEN_PORT": port,
        "SUSHY_EMULATOR_STATE_DIR": str(folder / "state"),
        "SUSHY_EMULATOR_AUTH_FILE": str(folder / "htpasswd"),
        "SUSHY_EMULATOR_FAKE_SYSTEMS": systems,
        "SUSHY_EMULATOR_SSL_CERT": str(certificate) if certificate else None,
        "SUSHY_EMULATOR_SSL_KEY": str(key) if key else None,
    }
    config = folder / "emulator.conf"
    config.write_text("".join(f"{name} = {value!r}\n" for name, value in settings.items() if value is not None))
    return config


def wait_for_port(port: int, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    pytest.fail(f"the emulator did not start: {log.read_text()[-2000:]}")
