"""Controllers to test against, all on loopback: sushy-tools' emulator, and one of the tests' own."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import http.server
import ipaddress
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bmctl.drivers import fake, open_driver
from bmctl.drivers.abilities import Access, Driver
from bmctl.model.secret import Secret

sys.path.insert(0, str(Path(__file__).parent))  # for the controller beside this file, in any import mode
sys.path.insert(0, str(Path(__file__).parent / "mock_controller"))
from redfish_controller import HASTY, Controller, Service
from settings_controller import SettingsController

USER, PASSWORD = "admin", "s3cret-word"
# The one machine of libvirt's test driver.
LIBVIRT_MACHINE = "6695eb01-f6a4-8304-79aa-97f2502e193f"


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
            "pace": HASTY,
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
def run_emulator(
    folder: Path, *, certificate: Path | None = None, key: Path | None = None, **settings
) -> Iterator[Emulator]:
    program = Path(sys.executable).with_name("sushy-emulator")
    if not program.exists():
        pytest.skip("sushy-emulator is not installed (pip install 'bmctl[lab]')")
    port = free_port()
    config = write_config(folder, port, certificate, key, **settings)
    environment = {"PATH": "/usr/bin:/bin", "TMPDIR": str(folder), "HOME": str(folder)}
    with (folder / "emulator.log").open("wb") as log:
        process = subprocess.Popen(
            [program, "--config", config], cwd=folder, env=environment, stdout=log, stderr=log
        )
        try:
            wait_for_port(port, process, folder / "emulator.log")
            yield Emulator(
                url=f"{'https' if certificate else 'http'}://127.0.0.1:{port}", certificate=certificate
            )
        finally:
            process.terminate()
            process.wait(10)
            shutil.rmtree(folder / "state", ignore_errors=True)


def write_config(folder: Path, port: int, certificate: Path | None, key: Path | None, **more) -> Path:
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
        **more,
    }
    config = folder / "emulator.conf"
    config.write_text(
        "".join(f"{name} = {value!r}\n" for name, value in settings.items() if value is not None)
    )
    return config


def wait_for_port(port: int, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    pytest.fail(f"the emulator did not start: {log.read_text()[-2000:]}")


@pytest.fixture(scope="session")
def tls_emulator(tmp_path_factory, certificate) -> Iterator[Emulator]:
    """The emulator behind TLS, with a certificate that only its own file trusts."""
    with run_emulator(tmp_path_factory.mktemp("tls"), certificate=certificate, key=certificate) as running:
        yield running


@pytest.fixture(scope="session")
def certificate(tmp_path_factory) -> Path:
    """A self-signed certificate for 127.0.0.1 and `bmc1.example.test`, and its key, in one file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bmc")])
    now = dt.datetime.now(dt.UTC)
    address = x509.SubjectAlternativeName(
        [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("bmc1.example.test")]
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path = tmp_path_factory.mktemp("certificate") / "bmc.pem"
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(made.public_bytes(pem) + private)
    return path


@pytest.fixture(scope="session")
def image(tmp_path_factory) -> Iterator[str]:
    """The URL of a small file that a controller can fetch."""
    folder = tmp_path_factory.mktemp("www")
    (folder / "n1.iso").write_bytes(b"image" * 1000)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_args) -> None:
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/n1.iso"
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def controller() -> Iterator[Controller]:
    """A controller that does as it is told, until the test scripts it."""
    state = Controller()
    with Service(state):
        yield state


@pytest.fixture
def settings_controller() -> Iterator[SettingsController]:
    """One that has settings, volumes and firmware, too."""
    state = SettingsController()
    with Service(state):
        yield state


@pytest.fixture(scope="session")
def libvirt_emulator(tmp_path_factory) -> Iterator[Emulator]:
    """The emulator over libvirt's own test driver: its machine has a BIOS, volumes and versions."""
    pytest.importorskip("libvirt", reason="libvirt-python is not installed (pip install 'bmctl[lab]')")
    storage = {"Id": "1", "Name": "storage", "StorageControllers": [], "Drives": ["32ADF365C6C1B7BD"]}
    drive = {"Id": "32ADF365C6C1B7BD", "Name": "Drive Sample", "CapacityBytes": 899527000000}
    with run_emulator(
        tmp_path_factory.mktemp("libvirt"),
        SUSHY_EMULATOR_FAKE_DRIVER=False,
        SUSHY_EMULATOR_LIBVIRT_URI="test:///default",
        SUSHY_EMULATOR_STORAGE_POOL="default-pool",
        SUSHY_EMULATOR_STORAGE={LIBVIRT_MACHINE: [storage]},
        SUSHY_EMULATOR_DRIVES={(LIBVIRT_MACHINE, "1"): [drive]},
        SUSHY_EMULATOR_VOLUMES={(LIBVIRT_MACHINE, "1"): []},
    ) as running:
        yield running


@pytest.fixture
def access_to() -> Callable[..., Access]:
    """How to reach the tests' own controller."""

    def make(controller: Controller, **changes) -> Access:
        given = {
            "address": controller.url,
            "username": USER,
            "password": Secret(PASSWORD),
            "verify": False,
            "pace": HASTY,
        }
        return Access(**{**given, **changes})

    return make


@pytest.fixture
async def driver(controller, access_to) -> AsyncIterator[Driver]:
    """A driver that speaks to the tests' own controller."""
    async with open_driver("redfish", access_to(controller)) as opened:
        yield opened


@pytest.fixture
def fakes() -> Iterator[Callable[[str], fake.FakeMachine]]:
    """Fake machines by address; they are forgotten after the test."""
    yield fake.machine_at
    fake.forget_machines()
