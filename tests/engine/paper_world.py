"""One machine with its controller, agent and disk on paper, whose bmctl can be cut off at any point.

What the machine does goes on when bmctl is dead: a started command runs to its end, as far as it gets
without the files that bmctl served.
"""
# ruff: noqa: ARG002 - what stands for a real part takes all that the real one takes

from __future__ import annotations

import asyncio
import io
import ipaddress
import itertools
import selectors
import tarfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from bmctl.agent.answers import (
    AgentStatus,
    AgentStep,
    AgentSteps,
    Command,
    CommandFailure,
    CommandResult,
    CommandStatus,
    StepKind,
)
from bmctl.agent.errors import AgentRestartedError
from bmctl.agent.evidence import Evidence, NoAnswerError
from bmctl.agent.hardware import Disk, Hardware, NetworkInterface
from bmctl.drivers.fake import Boot, FakeMachine, driver_of
from bmctl.drivers.guarded import guarded
from bmctl.errors import UnreachableError
from bmctl.flows.request import Request, Verb
from bmctl.images.loaders import Loader
from bmctl.images.partitions import Partition, PartitionTable, TableKind
from bmctl.images.prepare import PreparedImage
from bmctl.media.extents import ExtentFile, Inline
from bmctl.model.firmware import BootTarget, PowerState
from bmctl.model.image import Checksum, ImageFormat, ImageSource
from bmctl.model.network import Attachment, Ethernet, NetworkConfig
from bmctl.model.node import Bmc, DriverName, Instance, Node
from bmctl.ports import Ports
from bmctl.store.journal import Fact
from bmctl.store.marks import RunRecord

GIB = 2**30
DIGEST = "ab" * 32
OLD_MEDIUM = "http://another.example/old.iso"
MAC = "52:54:00:00:00:01"


class Killed(BaseException):
    """The process is gone from here on."""


class Cut(StrEnum):
    """How a run is cut: the process killed, Ctrl-C pressed, or a call failing."""

    KILL = "kill"
    CANCEL = "cancel"
    FAIL = "fail"


class PaperLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps to the next thing due, so that waiting takes none."""

    def __init__(self) -> None:
        self._jumped = 0.0
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        return self._jumped

    def jump(self, seconds: float) -> None:
        self._jumped += seconds


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self, loop: PaperLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if ready := super().select(0):
            return ready
        if timeout is None:
            raise RuntimeError("everything waits for what will never come")
        self._loop.jump(timeout)
        return []


def on_paper(work: Coroutine[Any, Any, Any]) -> Any:
    """The result of the work, with a clock that jumps."""
    with asyncio.Runner(loop_factory=PaperLoop) as runner:
        return runner.run(work)


def make_node(name: str = "n1", **more: Any) -> Node:
    """A node with one port and the fake controller."""
    network = NetworkConfig(
        links=(Ethernet(name="eth0", mac=MAC),),
        attachments=(Attachment(link="eth0", addresses=(ipaddress.ip_interface("10.0.0.11/24"),)),),
    )
    values = {
        "bmc": Bmc(address=f"fake:{name}", driver=DriverName.FAKE),
        "network": network,
        "instance": Instance(hostname=name),
        "image": ImageSource(name="debian", source="/images/debian.raw"),
    }
    return Node(name=name, **{**values, **more})


@dataclass
class Cutter:
    """Counts the points a process passes, and cuts it at some. `main` is who Ctrl-C reaches."""

    cuts: dict[int, Cut] = field(default_factory=dict)
    passed: int = 0
    dead: bool = False
    main: asyncio.Task[Any] | None = None
    used: list[Cut] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def point(self, name: str) -> None:
        if self.dead:
            raise Killed
        self.passed += 1
        self.names.append(name)
        cut = self.cuts.pop(self.passed, None)
        if cut is not None:
            self.used.append(cut)
        if cut is Cut.KILL:
            self.dead = True
            raise Killed
        if cut is Cut.CANCEL and self.main is not None:
            self.main.cancel()
        if cut is Cut.FAIL:
            raise UnreachableError(f"{name} was told to fail", hint="do not tell it to")


class PaperJournal:
    """A journal that outlives the processes that write it."""

    def __init__(self, cutter: Cutter) -> None:
        self._cutter = cutter
        facts = {"instance_id": "instance-1", "timestamp": 1_700_000_000}
        self.facts = [
            Fact(at=0.0, kind="fact", fields={"name": name, "value": value}) for name, value in facts.items()
        ]
        self.header: dict[str, Any] = {}

    def add(self, kind: str, /, **fields: Any) -> Fact:
        self._cutter.point(f"journal before {kind}")
        fact = Fact(at=0.0, kind=kind, fields=fields)
        self.facts.append(fact)
        self._cutter.point(f"journal after {kind}")
        return fact

    def marked(self, task: str, mark: str) -> int | None:
        """Where a mark was first written."""
        return next(
            (
                index
                for index, fact in enumerate(self.facts)
                if fact.kind == "mark" and fact.fields["task"] == task and fact.fields["mark"] == mark
            ),
            None,
        )


class PaperMachine(FakeMachine):
    """The fake driver's machine, with the points at which its callers can be cut."""

    def __init__(
        self, cutter: Cutter, *, stopped: Callable[[], None], ticked: Callable[[], None], **more: Any
    ) -> None:
        super().__init__(**more)
        self._cutter = cutter
        self._stopped = stopped
        self._ticked = ticked

    @asynccontextmanager
    async def call(self, name: str) -> AsyncIterator[None]:
        self._cutter.point(f"before {name}")
        async with super().call(name):
            yield
            self._ticked()
        self._cutter.point(f"after {name}")

    def switch_off(self) -> None:
        super().switch_off()
        self._stopped()


@dataclass
class PaperDisk:
    """What is on the disk. Until it is flushed, what was written is lost with the power."""

    image: str | None = None
    config_drive: str | None = None
    boot_entry: bool = False
    flushed: bool = True

    def lose_power(self) -> None:
        if not self.flushed:
            self.image, self.config_drive, self.flushed = None, None, True


@dataclass
class PaperCommand:
    id: str
    name: str
    work: int
    finish: Callable[[], None]
    reads: str | None = None
    status: CommandStatus = CommandStatus.RUNNING
    told: str | None = None

    def result(self) -> CommandResult:
        failure = None
        if self.status is CommandStatus.FAILED:
            failure = CommandFailure(kind="E", code=500, message="", details=self.told or "broke off")
        return CommandResult(
            id=self.id,
            name=self.name,
            status=self.status,
            result={f"{self.name.split('_')[1]}_result": {"result": "ok"}} if "_step" in self.name else {},
            failure=failure,
        )


class PaperAgent:
    """The agent in the ramdisk: it keeps the rules of the real one, and lives while its machine is on."""

    def __init__(self, world: PaperWorld) -> None:
        self._world = world
        self._numbers = itertools.count(1)
        self.started_at: float | None = None
        self.asks_left = 0
        self.knows_node = False
        self.listed: list[PaperCommand] = []

    # -- its life --------------------------------------------------------------------------------

    def start_up(self, *, after_asks: int) -> None:
        self.started_at = 1000.0 + next(self._numbers)
        self.asks_left, self.knows_node, self.listed = after_asks, False, []

    def stop(self) -> None:
        self.started_at = None

    def tick(self) -> None:
        """A moment passes in the machine."""
        self.asks_left = max(0, self.asks_left - 1)
        for command in self.listed:
            if command.status is CommandStatus.RUNNING and self.started_at is not None:
                self._work_on(command)

    def _work_on(self, command: PaperCommand) -> None:
        command.work -= 1
        if command.work <= 0:
            command.status = CommandStatus.SUCCEEDED
            command.finish()
        elif command.reads is not None and command.reads not in self._world.shelf.offered.values():
            command.status, command.told = CommandStatus.FAILED, "the image is not served any more"

    # -- what the client of the agent can ask ----------------------------------------------------

    @asynccontextmanager
    async def _asked(self, name: str) -> AsyncIterator[None]:
        self._world.cutter.point(f"before agent {name}")
        await asyncio.sleep(0)
        self.tick()
        if self.started_at is None or self.asks_left > 0:
            evidence = Evidence.NO_ROUTE if self.started_at is None else Evidence.PORT_CLOSED
            raise NoAnswerError(f"the agent: {evidence}", evidence=evidence, sent=False)
        yield
        self._world.cutter.point(f"after agent {name}")

    async def status(self, *, timeout: float = 60.0) -> AgentStatus:
        async with self._asked("status"):
            assert self.started_at is not None
            return AgentStatus(started_at=self.started_at, version="11.5.0")

    async def wait_ready(
        self,
        *,
        timeout: float,
        told: Callable[[Evidence], None] | None = None,
        other_than: float | None = None,
    ) -> AgentStatus:
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout
        while True:
            try:
                return await self.status()
            except NoAnswerError as error:
                if told is not None:
                    told(error.evidence)
                if loop.time() >= end:
                    raise
            await asyncio.sleep(1.0)

    async def hardware(self) -> Hardware:
        async with self._asked("hardware"):
            return self._world.hardware

    async def steps(
        self, kind: StepKind, node: Mapping[str, Any], ports: tuple[Mapping[str, Any], ...] = ()
    ) -> AgentSteps:
        async with self._asked("steps"):
            self.knows_node = True
            return AgentSteps(
                kind=kind, steps=tuple(self._world.offered), versions={"paper": self._world.version}
            )

    async def collect_logs(self, *, secrets: tuple[str, ...] = ()) -> bytes:
        async with self._asked("collect_logs"):
            return disk_logs(self._world.hardware)

    async def call(
        self, name: str, parameters: Mapping[str, Any], *, timeout: float = 60.0
    ) -> dict[str, Any]:
        async with self._asked(name):
            if name == "rescue.finalize_rescue":
                self._world.rescue_password = parameters["rescue_password"]
                self.stop()
                return {}
            assert name == "standby.sync"
            self._world.disk.flushed = True
            return {}

    async def start(self, name: str, parameters: Mapping[str, Any], *, timeout: float = 60.0) -> Command:
        async with self._asked(f"start {name}"):
            assert all(command.status is not CommandStatus.RUNNING for command in self.listed), "busy"
            command = self._command(name, parameters)
            self.listed.append(command)
            return Command(id=command.id, name=command.name)

    async def commands(self) -> tuple[CommandResult, ...]:
        async with self._asked("commands"):
            return tuple(command.result() for command in self.listed)

    async def adopt(self, name: str) -> Command | None:
        async with self._asked("adopt"):
            last = self.listed[-1] if self.listed else None
            if last is None or last.name != name.rpartition(".")[2]:
                return None
            return Command(id=last.id, name=last.name)

    async def wait(
        self, command_id: str, *, timeout: float, started_at: float | None = None, progress: Any = None
    ) -> CommandResult:
        while True:
            async with self._asked("wait"):
                found = next((command for command in self.listed if command.id == command_id), None)
                if found is None or (started_at is not None and started_at != self.started_at):
                    raise AgentRestartedError("the agent started anew in the middle of a command")
                if found.status is not CommandStatus.RUNNING:
                    return found.result()
            await asyncio.sleep(0.5)

    # -- what its commands do --------------------------------------------------------------------

    def _command(self, name: str, parameters: Mapping[str, Any]) -> PaperCommand:
        world = self._world
        number = f"c{next(self._numbers)}"
        short = name.rpartition(".")[2]
        if name == "standby.power_off":
            return PaperCommand(number, short, 2, world.stop_by_itself)
        if name == "image.install_bootloader":
            return PaperCommand(number, short, 2, world.write_boot_entry)
        kind = name.partition(".")[0]
        assert name == f"{kind}.execute_{kind}_step", name
        assert self.knows_node, "an agent that knows no node would choose the disk by itself"
        if parameters[f"{kind}_version"] != {"paper": world.version}:
            return PaperCommand(number, short, 0, lambda: None, status=CommandStatus.VERSION_MISMATCH)
        step = parameters["step"]
        if step["step"] != "write_image":
            return PaperCommand(number, short, 2, lambda: world.ran.append(step["step"]))
        return self._write(number, short, step["args"])

    def _write(self, number: str, short: str, args: Mapping[str, Any]) -> PaperCommand:
        world = self._world
        image = args["image_info"]
        world.writes_started += 1
        world.disk.image, world.disk.config_drive, world.disk.flushed = "half of it", None, False

        def finish() -> None:
            world.writes_finished += 1
            world.disk.image, world.disk.config_drive = image["os_hash_value"], args.get("configdrive")
            world.disk.flushed = False

        return PaperCommand(number, short, world.write_work, finish, reads=image["urls"][0])


class PaperShelf:
    def __init__(self) -> None:
        self.offered: dict[str, str] = {}

    def offer(self, name: str, content: Any, *, to_controller: bool, watch: Any) -> str:
        self.offered[name] = f"http://10.0.0.1/{name}"
        return self.offered[name]

    def withdraw(self, name: str) -> None:
        self.offered.pop(name, None)


class PaperMedium:
    name = "n1.iso"

    def build(self) -> ExtentFile:
        return ExtentFile((Inline(data=b"medium", label="kernel"),))


class PaperImages:
    def __init__(self, world: PaperWorld) -> None:
        self._world = world

    async def prepare(self, image: ImageSource, tell: Any) -> PreparedImage:
        self._world.cutter.point("before image")
        await asyncio.sleep(0)
        if self._world.image_fault is not None:
            raise self._world.image_fault
        esp = Partition(number=1, offset=2**20, size=2**27, kind="esp", esp=True)
        checksum = Checksum(algorithm="sha256", value=self._world.digest)
        return PreparedImage(
            name=image.name,
            path=Path(image.source),
            size=self._world.image_size,
            checksum=checksum,
            source_checksum=checksum,
            verified=True,
            format=ImageFormat.RAW,
            compression=None,
            partitions=PartitionTable(kind=TableKind.GPT, sector=512, partitions=(esp,)),
            loaders=(Loader(path="EFI/BOOT/BOOTX64.EFI", machine="x86_64"),),
        )


class PaperWorld:
    """Everything outside of bmctl. `process` makes what one process of bmctl holds in its hands."""

    def __init__(
        self, folder: Path, *, cuts: Mapping[int, Cut] | None = None, node: Node | None = None
    ) -> None:
        self.node = node or make_node()
        self.folder = folder
        self.cutter = Cutter(cuts=dict(cuts or {}))
        self.journal = PaperJournal(self.cutter)
        self.agent = PaperAgent(self)
        self.machine = PaperMachine(
            self.cutter,
            stopped=self._stopped,
            ticked=self.agent.tick,
            name=self.node.name,
            macs=(MAC,),
            booted=self._booted,
        )
        self.shelf = PaperShelf()
        self.disk = PaperDisk()
        self.offered: list[AgentStep] = [write_step()]
        self.version = "1"
        self.boot_asks = 1
        self.write_work = 3
        self.writes_started = 0
        self.writes_finished = 0
        self.ran: list[str] = []
        self.digest = DIGEST
        self.image_size = 2 * GIB
        self.image_fault: Exception | None = None
        self.hardware = make_hardware(disk=20 * GIB)
        self.warnings: list[str] = []
        self.rescue_password: str | None = None
        self.request = Request(verb=Verb.DEPLOY)

    def ports(self, record: RunRecord, check: Callable[[], None] = lambda: None) -> Ports:
        return Ports(
            node=self.node,
            driver=guarded(driver_of(self.machine), check),
            agent=self.agent,  # type: ignore[arg-type]
            shelf=self.shelf,
            medium=PaperMedium(),
            images=PaperImages(self),
            record=record,
            folder=self.folder,
        )

    def idle(self, moments: int) -> None:
        """Time passes with no bmctl: nothing is served, and the machine goes on."""
        self.shelf.offered.clear()
        for _ in range(moments):
            self.agent.tick()

    def state(self) -> dict[str, Any]:
        """What counts in the end."""
        machine = self.machine
        return {
            "power": machine.power,
            "image": machine.image,
            "override": machine.override,
            "booted": machine.boots[-1].target if machine.boots else None,
            "disk": (self.disk.image, self.disk.config_drive, self.disk.boot_entry),
            "served": dict(self.shelf.offered),
        }

    def write_boot_entry(self) -> None:
        self.disk.boot_entry = True

    def stop_by_itself(self) -> None:
        self.disk.flushed = True
        self.machine.switch_off()

    def _booted(self, boot: Boot) -> None:
        if boot.target is BootTarget.CD and boot.image not in {None, OLD_MEDIUM}:
            self.agent.start_up(after_asks=self.boot_asks)

    def _stopped(self) -> None:
        self.agent.stop()
        self.disk.lose_power()


def write_step() -> AgentStep:
    return AgentStep(name="write_image", interface="deploy", priority=0, manager="paper")


def own_step(name: str, priority: int, *, interface: str = "deploy", reboot: bool = False) -> AgentStep:
    return AgentStep(
        name=name, interface=interface, priority=priority, manager="paper", reboot_requested=reboot
    )


def disk_logs(hardware: Hardware) -> bytes:
    """The agent's logs, as far as they tell what is on the disks: nothing."""
    text = "".join(
        f'NAME="{disk.name[5:]}" PATH="{disk.name}" TYPE="disk" SIZE="{disk.size}"\n'
        for disk in hardware.disks
    )
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("lsblk-full")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def make_hardware(*, disk: int, macs: Iterable[str] = (MAC,)) -> Hardware:
    return Hardware(
        interfaces=tuple(NetworkInterface(name=f"eth{n}", mac=mac) for n, mac in enumerate(macs)),
        disks=(Disk(name="/dev/vda", size=disk),),
        cpus=2,
        cpu_model=None,
        architecture="x86_64",
        memory=2 * GIB,
        manufacturer=None,
        product=None,
        serial=None,
        boot_mode="uefi",
        raw={},
    )


def is_clean(world: PaperWorld) -> bool:
    """Whether a controller was left as a run that ended early must leave it."""
    started = any(
        fact.kind == "mark" and fact.fields["task"] == "deploy.boot_instance" for fact in world.journal.facts
    )
    machine = world.machine
    off = machine.power is PowerState.OFF
    return machine.image is None and machine.override is None and (off or started)
