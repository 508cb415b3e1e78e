"""The installed `bmctl` among the real machines of a virtual lab, run as an operator runs it."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from bmctl.errors import BmctlError
from bmctl.lab import machines
from bmctl.lab.inside import inside_command
from bmctl.lab.record import Lab, LabNode, load
from bmctl.lab.requirements import find_program, require_image, require_lab
from bmctl.model.firmware import BootMode, PowerState

BMCTL = Path(sys.executable).with_name("bmctl")
REPOSITORY = Path(__file__).parents[2]
DEPLOY_SECONDS = 900.0
SHORT_SECONDS = 180.0
POLL_SECONDS = 0.02
LOOK_SECONDS = 0.5
PROGRAMS = ("ssh", "nft")
ASK = """
import base64, json, ssl, sys, urllib.request
asked = json.load(sys.stdin)
tls = ssl.create_default_context(cafile=asked["ca"])
request = urllib.request.Request(asked["url"], headers={"Authorization": asked["login"]})
print(urllib.request.urlopen(request, context=tls, timeout=20).read().decode())
"""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ended:
    """A command that has ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """The JSON lines on stdout; every line must be one."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Running:
    """A command that runs; its stdout and stderr go to files."""

    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    def said(self) -> str:
        """Stdout so far."""
        return self.out.read_text()

    def wait_for(self, happened: Callable[[], bool], seconds: float = 300.0) -> None:
        """Return as soon as something has happened; the command must be running until then."""
        deadline = time.monotonic() + seconds
        while not happened():
            assert self.process.poll() is None, f"the command ended: {self.err.read_text()}"
            assert time.monotonic() < deadline, f"nothing after {seconds:.0f} s: {self.err.read_text()}"
            time.sleep(POLL_SECONDS)

    def kill(self) -> None:
        """End the command so that it can tidy nothing up."""
        self.process.kill()
        self.process.wait()

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def end(self, seconds: float = DEPLOY_SECONDS) -> Ended:
        """Wait until the command ends."""
        code = self.process.wait(timeout=seconds)
        return Ended(code, self.out.read_text(), self.err.read_text())


@dataclass
class Site:
    """An operator's directory with its own state, among the machines of a lab."""

    lab: Lab
    path: Path
    cache: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        return self.path / "state"

    @property
    def inventory(self) -> Path:
        return self.path / "inventory.yaml"

    def write_inventory(self, change: Callable[[dict[str, Any]], None] | None = None) -> None:
        """The lab's own inventory, changed as a plain document."""
        document = yaml.safe_load(self.lab.inventory.read_text())
        if change is not None:
            change(document)
        self.inventory.write_text(yaml.safe_dump(document))

    def words(self, *arguments: str) -> tuple[str, ...]:
        """The command line of `bmctl`, inside the lab's network where the host has no link to it."""
        return self.among(str(BMCTL), *arguments)

    def among(self, *words: str) -> tuple[str, ...]:
        """A command line for a command that talks to machines."""
        return words if self.lab.network.interface else inside_command(self.lab, words)

    def all_environment(self) -> dict[str, str]:
        """The environment of commands: nothing of the tester's own bmctl is in it."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("BMCTL_")}
        own = {"BMCTL_STATE": str(self.state), "BMCTL_CACHE": str(self.cache), "HOME": str(self.path)}
        return {**clean, **own, **self.environment}

    @contextmanager
    def start(self, *arguments: str, stderr: int | None = None) -> Iterator[Running]:
        """Run `bmctl` in the background; what still runs at the end of the block is killed."""
        number = len(list(self.path.glob("said-*.out")))
        out, err = (self.path / f"said-{number}.{kind}" for kind in ("out", "err"))
        with out.open("wb") as stdout, err.open("wb") as file:
            process = subprocess.Popen(
                self.words(*arguments),
                cwd=self.path,
                env=self.all_environment(),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=file if stderr is None else stderr,
            )
        try:
            yield Running(process, out, err)
        finally:
            process.kill()
            process.wait()

    def run(self, *arguments: str, seconds: float = SHORT_SECONDS) -> Ended:
        """Run `bmctl` to its end."""
        with self.start(*arguments) as running:
            ended = running.end(seconds)
        log.info("bmctl %s: %s\n%s", " ".join(arguments), ended.code, ended.err)
        return ended

    def kill_when(self, task: str, mark: str, *arguments: str, seconds: float = 600.0) -> None:
        """Run `bmctl` and kill it as soon as the journal has this new mark of a task."""
        journals = set(self.state.glob("runs/*/journal.jsonl"))
        seen = len(self.facts())

        def marked() -> bool:
            begun = set(self.state.glob("runs/*/journal.jsonl")) - journals
            return self.marked(task, mark, after=0 if begun else seen)

        with self.start(*arguments) as running:
            running.wait_for(marked, seconds)
            running.kill()

    # -- what bmctl keeps

    def facts(self, run: str | None = None) -> list[dict[str, Any]]:
        """The journal of a run, the latest where none is named; empty where there is none yet."""
        journals = sorted(self.state.glob(f"runs/{run or '*'}/journal.jsonl"))
        if not journals:
            return []
        lines = journals[-1].read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def marked(self, task: str, mark: str, *, after: int = 0) -> bool:
        """Whether the latest run's journal has this mark among its facts from number `after` on."""
        return any(fact.get("task") == task and fact.get("mark") == mark for fact in self.facts()[after:])

    def done(self) -> list[str]:
        """The tasks of the latest run that are done, in their order."""
        return [fact["task"] for fact in self.facts() if fact.get("mark") == "done"]

    def learnt(self, name: str) -> list[Any]:
        """Every value that the latest run wrote down under a name, oldest first."""
        return [fact["value"] for fact in self.facts() if fact.get("name") == name]

    def node(self, name: str) -> dict[str, Any]:
        """What `bmctl node show` tells."""
        ended = self.run("node", "show", name, "--json")
        assert ended.code == 0, ended.err
        found: dict[str, Any] = json.loads(ended.out)
        return found

    # -- the machines, past bmctl

    def requests(self) -> list[dict[str, Any]]:
        """What the controllers were asked so far."""
        if not self.lab.request_log.exists():
            return []
        return [json.loads(line) for line in self.lab.request_log.read_text().splitlines()]

    def set_faults(self, *rules: dict[str, Any]) -> None:
        """What the controllers will do wrong from now on."""
        fresh = self.lab.faults.with_suffix(".new")
        fresh.write_text(json.dumps(rules))
        fresh.replace(self.lab.faults)

    def power(self, name: str) -> PowerState:
        """A machine's power as libvirt knows it."""
        return machines.power_state(self.lab, self.lab.node(name))

    def medium(self, name: str) -> str | None:
        """What lies in a machine's virtual drive as libvirt knows it."""
        listing = machines.run_inside(self.lab, (*machines.VIRSH, "domblklist", name, "--details"))
        # The emulator takes an empty drive away, and puts a new one in with an image.
        drives = [line.split()[-1] for line in listing.splitlines() if "cdrom" in line]
        return next((drive for drive in drives if drive != "-"), None)

    def controller(self, name: str) -> dict[str, Any]:
        """What a machine's controller says of it."""
        import base64

        login = f"{self.lab.username}:{self.lab.password_file.read_text().strip()}"
        asked = {
            "url": f"{self.lab.controller_url}/redfish/v1/Systems/{self.lab.node(name).uuid}",
            "ca": str(self.lab.ca_file),
            "login": f"Basic {base64.b64encode(login.encode()).decode()}",
        }
        command = (sys.executable, "-c", ASK)
        found: dict[str, Any] = json.loads(machines.run_inside(self.lab, command, text=json.dumps(asked)))
        return found

    def ssh(self, address: str, command: str, seconds: float = 60.0) -> str:
        """What a command says on a deployed system, which must let in the inventory's key."""
        options = ("BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null")
        words = ["ssh", "-q", "-i", str(self.lab.ssh_key), "-o", f"ConnectTimeout={seconds:.0f}"]
        words += [word for option in options for word in ("-o", option)]
        done = subprocess.run(
            self.among(*words, f"debian@{address}", command),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout.strip()

    def assert_released(self, name: str) -> None:
        """Nothing of a machine is inserted, running or locked."""
        assert self.medium(name) is None
        assert self.power(name) is PowerState.OFF
        assert self.node(name)["held_by"] is None

    def switch_off(self) -> None:
        """Leave every machine of the lab off and its drive empty, past its controller."""
        for node in self.lab.nodes:
            switch_off(self.lab, node)


def switch_off(lab: Lab, node: LabNode) -> None:
    for words in (("destroy", node.name), ("change-media", node.name, "sda", "--eject", "--force")):
        with suppress(BmctlError):
            machines.run_inside(lab, (*machines.VIRSH, *words))


def lacking() -> str | None:
    """What this host cannot do, in a sentence."""
    try:
        require_lab(BootMode.UEFI)
        require_image()
    except BmctlError as error:
        return f"{error.message}; {error.hint}"
    absent = [name for name in PROGRAMS if find_program(name) is None]
    return f"not installed: {', '.join(absent)}" if absent else None


@pytest.fixture(scope="session", autouse=True)
def heed_interrupts() -> None:
    """Ctrl-C reaches what tests start; all children of a shell's background job ignore it otherwise."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def cache() -> Path:
    """bmctl's cache with a ramdisk and the lab's image in it; both are made once."""
    if (reason := lacking()) is not None:
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    path = Path(os.environ.get("BMCTL_CACHE") or REPOSITORY / ".cache" / "test").absolute()
    for verb in (("ramdisk", "build"), ("lab", "image")):
        began = time.monotonic()
        done = subprocess.run(
            (BMCTL, *verb),
            env={**os.environ, "BMCTL_CACHE": str(path)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        log.info("bmctl %s: %.0f s\n%s", " ".join(verb), time.monotonic() - began, done.stderr)
        assert done.returncode == 0, done.stderr
    return path


@pytest.fixture(scope="session")
def make_lab(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Lab]]:
    """Brings labs up by `bmctl lab up`; all go down at the end, and nothing may be left of them."""
    made: list[tuple[str, Path, Lab]] = []

    def call(base: Path, *arguments: str) -> Ended:
        done = subprocess.run(
            (BMCTL, "lab", *arguments),
            cwd=base,
            env={**os.environ, "BMCTL_CACHE": str(cache), "BMCTL_STATE": str(base / "state")},
            capture_output=True,
            text=True,
            timeout=SHORT_SECONDS,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def make(name: str, *options: str) -> Lab:
        base = tmp_path_factory.mktemp(f"lab-{name}")
        ended = call(base, "up", "--name", name, *options)
        assert ended.code == 0, ended.err
        lab = load(base / "bmctl-labs" / name)
        assert lab is not None
        made.append((name, base, lab))
        return lab

    yield make
    for name, base, lab in made:
        ended = call(base, "down", "--name", name)
        assert ended.code == 0, ended.err
        assert not Path(lab.directory).exists()
        assert not Path("/proc", str(lab.pid)).exists()
        assert not (lab.network.interface and Path("/sys/class/net", lab.network.interface).exists())


@pytest.fixture(scope="session")
def lab(make_lab: Callable[..., Lab]) -> Lab:
    """Two machines with UEFI firmware and two disks, behind a controller with TLS and sessions."""
    return make_lab("e2e", "2", "--disks", "2")


@pytest.fixture(scope="module")
def make_site(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Lab], Site]]:
    """Makes sites with empty state; the machines are off and empty when it is made and in the end."""
    made: list[Site] = []

    def make(lab: Lab) -> Site:
        path = tmp_path_factory.mktemp("site")
        site = Site(lab, path, cache)
        site.write_inventory()
        site.switch_off()
        made.append(site)
        return site

    yield make
    for site in made:
        site.lab.faults.unlink(missing_ok=True)
        site.switch_off()
        # What is of use after a failure is in the log; run folders and screens are small, copies are not.
        for copy in site.path.glob("*.raw"):
            copy.unlink()
        shutil.rmtree(site.path / "state" / "staging", ignore_errors=True)
