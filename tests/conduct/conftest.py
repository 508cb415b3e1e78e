"""A conductor with a real store and journal, over machines on paper."""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))  # for the machines on paper
sys.path.insert(0, str(Path(__file__).parent))  # for what asks for runs, beside this file
from paper_node import make_node
from paper_world import PaperWorld

from bmctl.conduct.conductor import Conductor, Options
from bmctl.conduct.story import Outcome
from bmctl.errors import BmctlError
from bmctl.flows.request import Request, Verb
from bmctl.inventory.selection import Inventory
from bmctl.model.event import RunEvent
from bmctl.model.node import Node
from bmctl.model.steps import DeployTemplate, Runbook
from bmctl.store.filestore import FileStore, open_store
from bmctl.store.owner import this_process
from bmctl.store.record import NodeRecord, get_node


class Site:
    """Some machines, and bmctl's memory of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store: FileStore = open_store(folder / "state")
        self.worlds: dict[str, PaperWorld] = {}
        self.unreachable: dict[str, BmctlError] = {}
        self.events: list[RunEvent] = []
        self.states: dict[str, list[str]] = {}
        self.opened = 0
        self.templates: tuple[DeployTemplate, ...] = ()
        self.runbooks: tuple[Runbook, ...] = ()

    def world(self, name: str = "n1", **more: Any) -> PaperWorld:
        self.worlds[name] = PaperWorld(self.folder, node=make_node(name, **more))
        return self.worlds[name]

    def nodes(self, *names: str) -> tuple[Node, ...]:
        return tuple(self.worlds[name].node for name in names or self.worlds)

    def record(self, name: str = "n1") -> NodeRecord:
        found = get_node(self.store, name)
        assert found is not None
        return found.record

    def run_folder(self, name: str = "n1") -> Path:
        run_id = self.record(name).run_id
        assert run_id is not None
        return self.store.directory.run(run_id)

    @asynccontextmanager
    async def ports(
        self, node: Node, *, record: Any, folder: Path, check: Any, **_: Any
    ) -> AsyncIterator[Any]:
        if (error := self.unreachable.get(node.name)) is not None:
            raise error
        self.opened += 1
        try:
            ports = self.worlds[node.name].ports(record, check)
            ports.folder = folder
            yield ports
        finally:
            self.opened -= 1

    def ramdisk_digest(self, _node: Node) -> str | None:
        return "digest-of-the-ramdisk"

    def tell(self, event: RunEvent) -> None:
        self.events.append(event)
        found = get_node(self.store, event.node)
        state = str(found.record.provision_state) if found is not None else "unknown"
        seen = self.states.setdefault(event.node, [])
        if not seen or seen[-1] != state:
            seen.append(state)

    def conductor(self, **options: Any) -> Conductor:
        return Conductor(
            wire=self,
            store=self.store,
            directory=self.store.directory,
            owner=this_process("bmctl deploy", since=time.time()),
            tell=self.tell,
            inventory=Inventory(
                source=self.folder / "inventory.yaml",
                nodes=self.nodes(),
                templates=self.templates,
                runbooks=self.runbooks,
            ),
            options=Options(**options),
            wall_clock=time.time,
            clock=time.monotonic,
        )

    async def run(
        self, verb: str, *names: str, request: dict[str, Any] | None = None, **options: Any
    ) -> tuple[Outcome, ...]:
        asked = Request(verb=Verb(verb), **(request or {}))
        return await self.conductor(**options).run(self.nodes(*names), asked)

    async def deploy(self, *names: str, rebuild: bool = False, **options: Any) -> tuple[Outcome, ...]:
        return await self.run("deploy", *names, request={"rebuild": rebuild}, **options)

    async def resume(self, *names: str, **options: Any) -> tuple[Outcome, ...]:
        return await self.conductor(**options).resume(self.nodes(*names))

    def told(self, kind: str, name: str = "n1") -> list[str]:
        return [event.task for event in self.events if event.kind == kind and event.node == name]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)
