"""The agent on paper, with the rules of the real one."""
# ruff: noqa: ARG002 - what stands for a real part takes all that the real one takes

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from paper_node import disk_logs

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
from bmctl.agent.hardware import Hardware

if TYPE_CHECKING:
    from paper_world import PaperWorld


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


def write_step() -> AgentStep:
    return AgentStep(name="write_image", interface="deploy", priority=0, manager="paper")


def own_step(name: str, priority: int, *, interface: str = "deploy", reboot: bool = False) -> AgentStep:
    return AgentStep(
        name=name, interface=interface, priority=priority, manager="paper", reboot_requested=reboot
    )
