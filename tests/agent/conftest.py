"""An agent of the tests' own: it keeps the protocol over real TLS, and can be told to misbehave."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import itertools
import shutil
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bmctl.agent.client import AgentClient
from bmctl.model.network import Attachment, Ethernet, NetworkConfig
from bmctl.model.node import Bmc, Instance, Node
from bmctl.model.secret import Secret

TOKEN = "T0ken-of-this-run/with+odd=characters-0123456789"


@dataclass(frozen=True)
class Identity:
    certificate: str
    certificate_file: Path
    key_file: Path


@pytest.fixture(scope="session")
def make_identity(tmp_path_factory) -> Callable[[], Identity]:
    """Makes a certificate for 127.0.0.1 and its key."""

    def make() -> Identity:
        directory = tmp_path_factory.mktemp("identity")
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "agent")])
        now = dt.datetime.now(dt.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=30))
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
                critical=False,
            )
            .sign(key, hashes.SHA256())
        )
        certificate_file, key_file = directory / "agent.crt", directory / "agent.key"
        certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return Identity(certificate_file.read_text(), certificate_file, key_file)

    return make


@pytest.fixture(scope="session")
def identity(make_identity) -> Identity:
    return make_identity()


Handler = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass
class FakeAgent:
    """Commands in memory. A command named in `running` never ends until `finish` is called."""

    identity: Identity
    started_at: float = 1000.5
    commands: list[dict[str, Any]] = field(default_factory=list)
    results: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    failures: dict[str, dict[str, Any]] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    received: list[dict[str, Any]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    lose_replies: int = 0
    lose_requests: int = 0
    poisoned: bool = False
    port: int = 0
    _ids: Any = field(default_factory=lambda: itertools.count(1))
    _runner: web.AppRunner | None = None

    def restart(self) -> None:
        self.started_at += 100
        self.commands.clear()

    def finish(self, index: int = -1, status: str = "SUCCEEDED", **values: Any) -> None:
        self.commands[index].update({"command_status": status, **values})

    def add(self, name: str, status: str = "RUNNING") -> dict[str, Any]:
        command = {
            "id": f"id-{next(self._ids)}",
            "command_name": name,
            "command_status": status,
            "command_result": None,
            "command_error": None,
        }
        self.commands.append(command)
        return command

    async def status(self, request: web.Request) -> web.Response:
        self.requests.append(str(request.rel_url))
        return web.json_response({"started_at": self.started_at, "version": "13.0.0"})

    def _allowed(self, request: web.Request) -> bool:
        self.requests.append(str(request.rel_url))
        return request.query.get("agent_token") == TOKEN

    async def listed(self, request: web.Request) -> web.Response:
        if not self._allowed(request):
            return fault(401, "401 Unauthorized: Token invalid.")
        if self.poisoned:
            return fault(500, "Object of type TypeError is not JSON serializable")
        return web.json_response({"commands": self.commands})

    async def one(self, request: web.Request) -> web.Response:
        if not self._allowed(request):
            return fault(401, "401 Unauthorized: Token invalid.")
        for command in self.commands:
            if command["id"] == request.match_info["id"]:
                return web.json_response(command)
        return fault(404, "Not found: Command Result with id ... not found.")

    async def run(self, request: web.Request) -> web.Response:
        if not self._allowed(request):
            return fault(401, "401 Unauthorized: Token invalid.")
        if self.lose_requests:
            self.lose_requests -= 1
            cut(request)
        body = await request.json()
        if self.commands and self.commands[-1]["command_status"] == "RUNNING":
            return fault(409, f"Agent is busy: executing command {self.commands[-1]['command_name']}")
        answer = self._execute(body)
        if self.lose_replies:
            self.lose_replies -= 1
            cut(request)
        return answer

    def _execute(self, body: dict[str, Any]) -> web.Response:
        self.received.append(body)
        extension, _, name = body["name"].partition(".")
        if extension == "nope":
            return fault(404, f"Not found: Extension with id {extension} not found.")
        if name in self.broken:
            return fault(500, "Object of type FileNotFoundError is not JSON serializable")
        command = self.add(name)
        if name in self.failures:
            command.update(command_status="FAILED", command_error=self.failures[name])
        elif name not in self.running:
            command.update(command_status="SUCCEEDED", command_result=self.results.get(name))
        return web.json_response(command)

    async def open(self) -> None:
        application = web.Application()
        application.router.add_get("/v1/status", self.status)
        application.router.add_get("/v1/commands/", self.listed)
        application.router.add_post("/v1/commands/", self.run)
        application.router.add_get("/v1/commands/{id}", self.one)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.identity.certificate_file, self.identity.key_file)
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=context)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None


def fault(code: int, text: str) -> web.Response:
    return web.json_response({"faultcode": "Client", "faultstring": text}, status=code)


def cut(request: web.Request) -> None:
    """Drop the connection, as a restarting machine does."""
    assert request.transport is not None
    request.transport.abort()


@pytest.fixture
async def agent(identity) -> AsyncIterator[FakeAgent]:
    fake = FakeAgent(identity)
    await fake.open()
    yield fake
    await fake.close()


@dataclass
class Time:
    """A clock that only sleeping moves; `then` is done after so many sleeps."""

    now: float = 0.0
    pauses: list[float] = field(default_factory=list)
    then: dict[int, Callable[[], Any]] = field(default_factory=dict)

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        action = self.then.get(len(self.pauses))
        if action is not None:
            done = action()
            if isinstance(done, Awaitable):
                await done
        await asyncio.sleep(0)


@pytest.fixture
def time_() -> Time:
    return Time()


@pytest.fixture
def connect(agent, identity, time_):
    """Opens a client to the fake agent."""

    @asynccontextmanager
    async def open_client(**changes: Any) -> AsyncIterator[AgentClient]:
        arguments: dict[str, Any] = {
            "port": agent.port,
            "token": Secret(TOKEN),
            "certificate_pem": identity.certificate,
            "clock": time_.clock,
            "sleep": time_.sleep,
            **changes,
        }
        async with AgentClient("127.0.0.1", **arguments) as client:
            yield client

    return open_client


@pytest.fixture
def node() -> Node:
    network = NetworkConfig(
        links=(Ethernet(name="nic0", mac="52:54:00:aa:bb:01"),),
        attachments=(Attachment(link="nic0", addresses=(ipaddress.ip_interface("127.0.0.1/8"),)),),
    )
    return Node(
        name="n1", bmc=Bmc(address="https://127.0.0.1"), network=network, instance=Instance(hostname="n1")
    )


@pytest.fixture
def token_forms() -> tuple[str, str]:
    """The token as it is, and as it stands in a URL."""
    return TOKEN, "T0ken-of-this-run%2Fwith%2Bodd%3Dcharacters-0123456789"


@pytest.fixture(scope="session")
def agent_environment(pytestconfig) -> Path:
    """A Python environment with the released agent, made once and kept in `.cache`."""
    missing = [
        program for program in ("lshw", "lsblk", "udevadm", "lscpu", "ip") if shutil.which(program) is None
    ]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    place = pytestconfig.rootpath / ".cache" / "agent-venv"
    requirements = pytestconfig.rootpath / "bmctl" / "ramdisk" / "agent-requirements.txt"
    if not (place / "bin/ironic-python-agent").exists():
        making = [
            [sys.executable, "-m", "venv", place],
            [place / "bin/pip", "install", "-q", "--require-hashes", "-r", requirements],
        ]
        for command in making:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip("the released agent cannot be installed here")
    return place
