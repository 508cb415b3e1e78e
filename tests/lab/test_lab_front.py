"""The front before the real emulator, with the real client."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import bcrypt
import pytest

from bmctl.lab.emulator import listens
from bmctl.lab.front import FrontSettings, serve

pytestmark = pytest.mark.peer
UUID = "11111111-0000-4000-8000-000000000001"
SYSTEM = f"/redfish/v1/Systems/{UUID}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(happened, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"nothing after {seconds} s"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    directory = tmp_path_factory.mktemp("emulator")
    port = free_port()
    (directory / "htpasswd").write_text(f"lab:{bcrypt.hashpw(b'right', bcrypt.gensalt(4)).decode()}\n")
    nics = [{"mac": "52:54:00:00:00:01", "ip": "10.0.0.1"}]
    system = {"uuid": UUID, "name": "n1", "power_state": "Off", "external_notifier": False, "nics": nics}
    settings = {
        "SUSHY_EMULATOR_FAKE_DRIVER": True,
        "SUSHY_EMULATOR_LISTEN_IP": "127.0.0.1",
        "SUSHY_EMULATOR_LISTEN_PORT": port,
        "SUSHY_EMULATOR_STATE_DIR": str(directory),
        "SUSHY_EMULATOR_AUTH_FILE": str(directory / "htpasswd"),
        "SUSHY_EMULATOR_FAKE_SYSTEMS": [system],
    }
    config = directory / "emulator.conf"
    config.write_text("".join(f"{key} = {value!r}\n" for key, value in settings.items()))
    command = [sys.executable, "-m", "sushy_tools.emulator.main", "--config", str(config)]
    with (directory / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            deadline = time.monotonic() + 30
            while not listens("127.0.0.1", port):
                assert process.poll() is None, (directory / "log").read_text()
                assert time.monotonic() < deadline, "the emulator did not start"
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


class Bench:
    """A front on loopback and a client of it."""

    def __init__(self, url: str, client: aiohttp.ClientSession, directory: Path) -> None:
        self.url, self.client, self.directory = url, client, directory

    async def ask(self, method: str, path: str, **more):
        async with self.client.request(method, self.url + path, **more) as reply:
            text = await reply.text()
            return reply.status, (json.loads(text) if text else None), reply.headers

    def fail(self, *rules) -> None:
        (self.directory / "faults.json").write_text(json.dumps(rules))

    def log(self) -> list[dict]:
        return [json.loads(line) for line in (self.directory / "requests.jsonl").read_text().splitlines()]


@pytest.fixture
async def bench(emulator, tmp_path):
    port = free_port()
    settings = FrontSettings(
        upstream=emulator,
        username="lab",
        password="right",
        log=tmp_path / "requests.jsonl",
        faults=tmp_path / "faults.json",
        names={UUID: "n1"},
    )
    task = asyncio.create_task(serve(settings, ("127.0.0.1",), port, None))
    try:
        await asyncio.to_thread(wait_for, lambda: listens("127.0.0.1", port), 10)
        async with aiohttp.ClientSession() as client:
            yield Bench(f"http://127.0.0.1:{port}", client, tmp_path)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def basic(password: str) -> dict[str, str]:
    return {"Authorization": aiohttp.encode_basic_auth("lab", password)}


LOGIN = {"UserName": "lab", "Password": "right"}
SESSIONS = "/redfish/v1/SessionService/Sessions"


async def test_a_session_opens_works_and_ends(bench):
    status, root, _ = await bench.ask("GET", "/redfish/v1/")
    assert status == 200
    assert root["Links"]["Sessions"]["@odata.id"] == SESSIONS
    status, _, headers = await bench.ask("POST", SESSIONS, json=LOGIN)
    assert status == 201
    token = {"X-Auth-Token": headers["X-Auth-Token"]}
    status, system, _ = await bench.ask("GET", SYSTEM, headers=token)
    assert (status, system["Name"]) == (200, "n1")
    assert (await bench.ask("DELETE", headers["Location"], headers=token))[0] == 204
    assert (await bench.ask("GET", SYSTEM, headers=token))[0] == 401


async def test_wrong_passwords_are_refused(bench):
    assert (await bench.ask("GET", SYSTEM))[0] == 401
    assert (await bench.ask("GET", SYSTEM, headers=basic("wrong")))[0] == 401
    assert (await bench.ask("POST", SESSIONS, json={**LOGIN, "Password": "wrong"}))[0] == 401
    assert (await bench.ask("POST", SESSIONS, json=[]))[0] == 400
    assert (await bench.ask("GET", SYSTEM, headers=basic("right")))[0] == 200


async def test_a_machine_is_found_by_name_through_a_redirect(bench):
    status, system, _ = await bench.ask("GET", "/redfish/v1/Systems/n1", headers=basic("right"))
    assert (status, system["UUID"]) == (200, UUID)


async def test_every_request_is_logged_with_its_machine(bench):
    await bench.ask("GET", SYSTEM, headers=basic("right"))
    await bench.ask("GET", SYSTEM)
    found = [(line["node"], line["method"], line["status"], line["login"]) for line in bench.log()]
    assert found == [("n1", "GET", 200, "basic"), ("n1", "GET", 401, "")]


async def test_a_fault_is_answered_and_then_over(bench):
    bench.fail({"match": "GET .*Systems/", "status": 503, "retry_after": 2, "times": 1})
    status, body, headers = await bench.ask("GET", SYSTEM, headers=basic("right"))
    assert (status, headers["Retry-After"]) == (503, "2")
    assert body["error"]["message"] == "the lab was told to fail here"
    assert (await bench.ask("GET", SYSTEM, headers=basic("right")))[0] == 200


async def test_a_controller_can_lie(bench):
    eject = f"{SYSTEM}/VirtualMedia/Cd/Actions/VirtualMedia.EjectMedia"
    bench.fail(
        {"match": "EjectMedia", "status": 204}, {"match": "GET .*/Systems/", "change": {"PowerState": "On"}}
    )
    assert (await bench.ask("POST", eject, json={}))[0] == 204
    _, system, _ = await bench.ask("GET", SYSTEM, headers=basic("right"))
    assert system["PowerState"] == "On"


async def test_a_controller_can_hang_up(bench):
    bench.fail({"match": "GET", "drop": True})
    with pytest.raises(aiohttp.ClientError):
        async with bench.client.get(bench.url + SYSTEM, timeout=aiohttp.ClientTimeout(total=5)):
            pass


async def test_a_real_client_logs_in_and_out(bench):
    def talk() -> str:
        import sushy

        auth = sushy.auth.SessionAuth("lab", "right")
        service = sushy.Sushy(f"{bench.url}/redfish/v1", auth=auth, verify=False)
        try:
            return service.get_system(SYSTEM).name
        finally:
            auth.close()

    assert await asyncio.to_thread(talk) == "n1"
    assert [line["login"] for line in bench.log()][-2:] == ["session", "session"]
