"""Two machines deploy side by side in one command, then one of them again while its controller misbehaves."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import socket
import struct
import termios
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bmctl.lab import machines, traffic

pytestmark = pytest.mark.e2e
MOST_REQUESTS = 25
SMALL_FILE = 8 * 1024**2
WATCH_SECONDS = 0.5
NAMES = ("n1", "n2")
COUNT_DHCP = """
add table bridge seen
delete table bridge seen
table bridge seen {
  counter dhcp { }
  chain arriving { type filter hook prerouting priority -400; udp dport { 67, 547 } counter name dhcp; }
}
"""
ASK_SYSTEM = (
    "hostname; sudo cloud-init query instance_id; ip -json address show;"
    " sudo ss -Hlun 'sport = :68 or sport = :546'"
)


@dataclass(frozen=True)
class System:
    """What a deployed system says of itself."""

    hostname: str
    instance_id: str
    addresses: frozenset[str]
    dynamic: frozenset[str]
    dhcp_sockets: str


@dataclass(frozen=True)
class Deployed:
    """Two machines that were deployed by one command, and all that was seen meanwhile."""

    site: Any
    ended: Any
    systems: dict[str, System]
    requests: list[dict[str, Any]]
    traffic: traffic.Traffic
    dhcp: int
    secrets: frozenset[str]
    command_lines: frozenset[str]
    modes: dict[Path, int]
    media: dict[str, str | None]
    nodes: dict[str, dict[str, Any]]


def free_port(address: str) -> int:
    with socket.socket() as listener:
        listener.bind((address, 0))
        return listener.getsockname()[1]


def ask_system(site, address: str) -> System:
    hostname, instance_id, links, *sockets = site.ssh(address, ASK_SYSTEM).splitlines()
    infos = [info for link in json.loads(links) for info in link["addr_info"] if info["scope"] == "global"]
    return System(
        hostname=hostname,
        instance_id=instance_id,
        addresses=frozenset(info["local"] for info in infos),
        dynamic=frozenset(info["local"] for info in infos if info.get("dynamic")),
        dhcp_sockets="\n".join(sockets),
    )


def telling_parts(secrets: dict[str, str]) -> Iterator[str]:
    """One line of each secret that gives it away; the certificate and its fingerprint are none."""
    for name in ("token", "key_pem", "path_key"):
        yield max(secrets[name].splitlines(), key=len)


class Spy(threading.Thread):
    """Notes the command lines of all processes, the modes of what bmctl keeps, and the runs' secrets."""

    def __init__(self, site) -> None:
        super().__init__(daemon=True)
        self.site = site
        self.command_lines: set[str] = set()
        self.modes: dict[Path, int] = {}
        self.secrets: set[str] = set()
        self._enough = threading.Event()

    def run(self) -> None:
        while not self._enough.wait(WATCH_SECONDS):
            self._look()

    def stop(self) -> None:
        self._enough.set()
        self.join()

    def _look(self) -> None:
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                self.command_lines.add(entry.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except OSError:
                continue
        for path in (self.site.state, *self.site.state.rglob("*")):
            try:
                self.modes[path] = path.stat().st_mode
                if path.name == "secrets.json":
                    self.secrets.update(telling_parts(json.loads(path.read_text())))
            except FileNotFoundError:
                continue


@contextmanager
def spied(site):
    spy = Spy(site)
    spy.start()
    try:
        yield spy
    finally:
        spy.stop()


@pytest.fixture(scope="module")
def deployed(make_site, lab) -> Deployed:
    """The machines can reach the operator's host on the one port files are served on, and nowhere else."""
    site = make_site(lab)
    port = free_port(lab.network.operator) if lab.network.interface else 8765
    enrolled = site.run("enroll")
    assert enrolled.code == 0, enrolled.err
    before = len(site.requests())
    machines.run_inside(lab, ("nft", "-f", "-"), text=COUNT_DHCP)
    traffic.restrict(lab, (port, port))
    with spied(site) as spy, site.start("deploy", *NAMES, "--json", "--listen-port", str(port)) as running:
        ended = running.end()
    assert ended.code == 0, ended.err + ended.out[-4000:]
    systems = {node.name: ask_system(site, node.address) for node in lab.nodes}
    counted = traffic.counters(lab)
    listing = json.loads(
        machines.run_inside(lab, ("nft", "-j", "list", "counters", "table", "bridge", "seen"))
    )
    dhcp = next(entry["counter"]["packets"] for entry in listing["nftables"] if "counter" in entry)
    traffic.unrestrict(lab)
    return Deployed(
        site=site,
        ended=ended,
        systems=systems,
        requests=site.requests()[before:],
        traffic=counted,
        dhcp=dhcp,
        secrets=frozenset(spy.secrets),
        command_lines=frozenset(spy.command_lines),
        modes=spy.modes,
        media={name: site.medium(name) for name in NAMES},
        nodes={name: site.node(name) for name in NAMES},
    )


def test_each_machine_has_its_own_name_and_addresses(deployed):
    for node in deployed.site.lab.nodes:
        system = deployed.systems[node.name]
        assert system.hostname == node.name
        assert system.addresses == {node.address, node.address6} - {None}
        assert deployed.nodes[node.name]["provision_state"] == "active"


def test_each_system_is_the_instance_that_was_told(deployed):
    outcomes = {event["node"]: event for event in deployed.ended.events if event["kind"] == "outcome"}
    for name in NAMES:
        assert outcomes[name]["ok"]
        assert deployed.systems[name].instance_id == outcomes[name]["instance_id"]
        assert deployed.nodes[name]["instance_id"] == outcomes[name]["instance_id"]
    assert len({system.instance_id for system in deployed.systems.values()}) == len(NAMES)


def test_what_was_written_was_read_back_from_each_disk(deployed):
    runs = [deployed.site.facts(path.name) for path in deployed.site.state.glob("runs/*")]
    told = [fact["value"] for facts in runs for fact in facts if fact.get("name") == "read back"]
    assert len(told) >= len(NAMES)
    for each in told:
        assert (each["outcome"], each["device"], each["direct"]) == ("same", "/dev/vda", True)


def test_nobody_asked_for_an_address(deployed):
    assert deployed.dhcp == 0
    for system in deployed.systems.values():
        assert system.dynamic == frozenset()
        assert system.dhcp_sockets == ""


def test_machines_opened_connections_for_served_files_only(deployed):
    assert deployed.traffic.opened_other == 0
    assert deployed.traffic.packets_other == 0
    assert 1 <= deployed.traffic.opened_allowed <= 4 * len(NAMES)


def test_controllers_were_asked_little_and_given_their_sessions_back(deployed):
    assert len(deployed.requests) <= MOST_REQUESTS * len(NAMES)
    of_node = Counter(line["node"] for line in deployed.requests)
    assert all(of_node[name] <= MOST_REQUESTS for name in NAMES)
    opened = [line for line in deployed.requests if line["method"] == "POST" and line["status"] == 201]
    closed = [line for line in deployed.requests if line["method"] == "DELETE" and line["status"] == 204]
    assert len(opened) == len(closed) == len(NAMES)
    assert {line["login"] for line in deployed.requests if line["node"]} == {"session"}
    assert {line["status"] for line in deployed.requests if line["node"]} <= {200, 202, 204}


def test_nothing_stays_inserted_or_overridden(deployed):
    assert set(deployed.media.values()) == {None}
    assert {node["held_by"] for node in deployed.nodes.values()} == {None}


def test_every_line_on_stdout_is_an_event(deployed):
    kinds = Counter((event.get("node"), event["kind"]) for event in deployed.ended.events)
    for name in NAMES:
        assert kinds[name, "planned"] == 1
        assert kinds[name, "outcome"] == 1
        assert kinds[name, "progress"] > 0
        assert kinds[name, "started"] == kinds[name, "done"] > 10
    written = [event for event in deployed.ended.events if event.get("task") == "deploy.write_image"]
    done = [event["done"] for event in written if event["kind"] == "progress" and event.get("done")]
    assert max(done) == max(event["total"] for event in written if event.get("total"))


def test_secrets_are_in_no_command_line_file_or_output(deployed):
    site = deployed.site
    secrets = {*deployed.secrets, site.lab.password_file.read_text().strip()}
    assert len(secrets) == 3 * len(NAMES) + 1
    files = [path for folder in (site.path, site.cache / "images") for path in folder.rglob("*")]
    texts = {str(path): path.read_bytes() for path in files if path.is_file() and is_small(path)}
    texts["command lines"] = "\n".join(deployed.command_lines).encode()
    for secret in secrets:
        assert [name for name, text in texts.items() if secret.encode() in text] == []


def is_small(path: Path) -> bool:
    return path.stat().st_size < SMALL_FILE


def test_what_bmctl_keeps_is_for_its_owner_and_secrets_are_removed(deployed):
    assert any(path.name == "secrets.json" for path in deployed.modes)
    for path, mode in deployed.modes.items():
        assert mode & 0o077 == 0, f"{path} has mode {mode:o}"
    assert list(deployed.site.state.rglob("secrets.json")) == []


def test_an_active_machine_is_not_deployed_again_by_mistake(deployed):
    before = len(deployed.site.requests())
    ended = deployed.site.run("deploy", "n2")
    assert ended.code == 3, ended.err
    assert "--rebuild" in ended.err
    assert deployed.site.node("n2")["provision_state"] == "active"
    asked = deployed.site.requests()[before:]
    assert {line["method"] for line in asked if line["node"]} <= {"GET"}


FAULTS = (
    {"match": "POST .*ComputerSystem.Reset", "status": 503, "retry_after": 2, "times": 1},
    {"match": "POST .*EjectMedia", "status": 204, "times": 1},
    {"match": "POST .*InsertMedia", "delay": 4},
    {"match": "GET /redfish/v1/Systems/", "drop": True, "skip": 2, "times": 1},
    {"match": "PATCH /redfish/v1/Systems/", "status": 409, "times": 1},
)


def hit_by(fault: dict[str, Any], request: dict[str, Any]) -> bool:
    return re.search(fault["match"], f"{request['method']} {request['path']}") is not None


def in_terminal(site, *arguments: str) -> tuple[Any, str]:
    """Run bmctl with a terminal of 120 columns as its stderr; what the terminal was told comes second."""
    shown: list[bytes] = []
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    site.environment["TERM"] = "xterm-256color"

    def read() -> None:
        try:
            while data := os.read(ours, 65536):
                shown.append(data)
        except OSError:  # the last writer is gone
            return

    reader = threading.Thread(target=read)
    with site.start(*arguments, stderr=theirs) as running:
        os.close(theirs)
        reader.start()
        ended = running.end()
    reader.join()
    os.close(ours)
    return ended, b"".join(shown).decode()


def test_a_rebuild_gets_through_the_faults_of_its_controller(deployed):
    """The disk holds the old system with its config drive; the screen is a live one."""
    site = deployed.site
    site.set_faults(*FAULTS)
    before = len(site.requests())
    ended, screen = in_terminal(site, "deploy", "n1", "--rebuild")
    site.set_faults()
    assert ended.code == 0, screen[-4000:]
    requests = site.requests()[before:]
    for fault in FAULTS:
        assert any(hit_by(fault, line) for line in requests if line["fault"]), fault
    system = ask_system(site, site.lab.node("n1").address)
    assert system.hostname == "n1"
    assert system.instance_id == site.node("n1")["instance_id"] != deployed.systems["n1"].instance_id
    assert site.medium("n1") is None
    assert re.search(r"\d+:\d\d left", screen)
    assert "━" in screen
    assert re.search(r"of \d+ MB \(\d+ %\)", screen)
    assert ended.out.startswith("n1: deployed in ")
    assert system.instance_id in ended.out
