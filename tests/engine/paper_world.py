"""One machine with its controller, agent and disk on paper, whose bmctl can be cut off at any point.

What the machine does goes on when bmctl is dead: a started command runs to its end, as far as it gets
without the files that bmctl served.
"""
# ruff: noqa: ARG002 - what stands for a real part takes all that the real one takes

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from paper_agent import PaperAgent, write_step
from paper_cuts import Cut, Cutter, PaperJournal
from paper_machine import PaperDisk, PaperMachine
from paper_node import GIB, MAC, make_hardware, make_node

from bmctl.agent.answers import (
    AgentStep,
)
from bmctl.drivers.fake import Boot, driver_of
from bmctl.drivers.guarded import guarded
from bmctl.flows.request import Request, Verb
from bmctl.images.loaders import Loader
from bmctl.images.partitions import Partition, PartitionTable, TableKind
from bmctl.images.prepare import PreparedImage
from bmctl.media.extents import ExtentFile, Inline
from bmctl.model.firmware import BootTarget, PowerState
from bmctl.model.image import Checksum, ImageFormat, ImageSource
from bmctl.model.node import Node
from bmctl.ports import Ports
from bmctl.store.marks import RunRecord

DIGEST = "ab" * 32
OLD_MEDIUM = "http://another.example/old.iso"


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


def is_clean(world: PaperWorld) -> bool:
    """Whether a controller was left as a run that ended early must leave it."""
    started = any(
        fact.kind == "mark" and fact.fields["task"] == "deploy.boot_instance" for fact in world.journal.facts
    )
    machine = world.machine
    off = machine.power is PowerState.OFF
    return machine.image is None and machine.override is None and (off or started)
