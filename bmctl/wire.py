"""Builds the ports of a node's run from the inventory and the state; the only place that does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from bmctl import __version__
from bmctl.boot.virtual_media import VirtualMedium
from bmctl.drivers import open_driver
from bmctl.drivers.abilities import Access, Driver
from bmctl.drivers.guarded import guarded
from bmctl.errors import BmctlError
from bmctl.media.credentials import RunCredentials
from bmctl.media.extents import ExtentFile
from bmctl.model.node import DriverName, Node
from bmctl.model.secret import Secret
from bmctl.ports import Ports
from bmctl.servers.http import FileServer, Publication
from bmctl.servers.route import is_known_here, source_address
from bmctl.servers.transfer import Fetch
from bmctl.store.fetch_log import FETCHES, FetchLog, FetchNote
from bmctl.store.marks import RunRecord

if TYPE_CHECKING:
    from bmctl.images.chunks import Chunk, Extent
    from bmctl.images.prepare import PreparedImage
    from bmctl.images.progress import ImageProgress
    from bmctl.inventory import Inventory
    from bmctl.model.image import ImageSource
    from bmctl.ramdisk.record import Ramdisk


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """Where files are served: `advertise` overrides the address that is found by route."""

    host: str | None = None
    port: int = 0
    advertise: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunKeys:
    """What a run must have again when it is resumed: its secrets, and the values its media are made from.

    `path_key` is the unguessable part of the URLs of its files.
    """

    credentials: RunCredentials = field(repr=False)
    path_key: str = field(repr=False)
    publisher: str
    timestamp: int
    rescue_password: str = field(default="", repr=False)


class Wire:
    """The ports of one command; use it as an async context manager. Files are served from the first run."""

    def __init__(
        self,
        *,
        inventory: Inventory,
        cache: Path,
        environment: Mapping[str, str],
        serving: Serving | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._inventory = inventory
        self._cache = cache
        self._environment = environment
        self._serving = serving or Serving()
        self._stack = AsyncExitStack()
        self._server: FileServer | None = None
        self._clock = clock
        self._watches: dict[str, Callable[[Fetch], None]] = {}
        self.boot_files: set[Path] = set()
        """What this command's machines are booted with."""
        self._images = Images(cache / "images")

    async def __aenter__(self) -> Self:
        await self._stack.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    @property
    def server_port(self) -> int | None:
        """The port files are served on, once they are."""
        return None if self._server is None else self._server.port

    @asynccontextmanager
    async def driver(self, node: Node) -> AsyncIterator[Driver]:
        """The node's controller, logged in; its session is given back at the end."""
        access = replace(self.access(node), connect_to=await self._found_elsewhere(node))
        async with open_driver(node.bmc.driver, access) as driver:
            yield driver

    async def _found_elsewhere(self, node: Node) -> str | None:
        """The controller's address by the inventory's name servers, where this host knows none."""
        host = urlsplit(node.bmc.address).hostname
        if node.bmc.driver is DriverName.FAKE or host is None or is_known_here(host):
            return None
        servers = node.network.dns or self._inventory.name_servers
        if not servers:
            return None
        from bmctl.inventory.names import resolve_controller

        return str((await resolve_controller(host, servers))[0])

    def access(self, node: Node) -> Access:
        """How to reach the node's controller, with its password; InvalidError where that is not to be had."""
        from bmctl.inventory.secret import resolve

        bmc = node.bmc
        password = Secret("")
        if bmc.password is not None:
            password = resolve(bmc.password, environment=self._environment, base=self._inventory.base)
        return Access(
            address=bmc.address,
            username=bmc.username,
            password=password,
            system=bmc.system,
            auth=bmc.auth.value,
            verify=Path(bmc.verify) if isinstance(bmc.verify, str) else bmc.verify,
        )

    @asynccontextmanager
    async def ports(
        self,
        node: Node,
        *,
        keys: RunKeys,
        record: RunRecord,
        folder: Path,
        check: Callable[[], None],
    ) -> AsyncIterator[Ports]:
        """Everything the steps of one run may touch. `check` guards each change of the machine."""
        from bmctl.agent.client import AgentClient

        async with AsyncExitStack() as stack:
            medium = self._medium(node, keys, record)
            driver = await stack.enter_async_context(self.driver(node))
            server = await self._serve(record)
            readers = Readers(
                controller=await self._found_elsewhere(node) or urlsplit(node.bmc.address).hostname,
                node=str(node.network.address),
                advertise=self._serving.advertise,
            )
            log = stack.enter_context(FetchLog(folder / FETCHES))
            shelf = Shelf(
                server=server,
                watches=self._watches,
                key=keys.path_key,
                readers=readers,
                log=log,
                clock=self._clock,
            )
            stack.callback(shelf.withdraw_all)
            token = Secret(keys.credentials.token)
            agent = await stack.enter_async_context(
                AgentClient(
                    str(node.network.address),
                    token=token,
                    certificate_pem=keys.credentials.certificate_pem,
                )
            )
            yield Ports(
                node=node,
                driver=guarded(driver, check),
                agent=agent,
                shelf=shelf,
                medium=medium,
                images=self._images,
                record=record,
                folder=folder,
                secrets=(keys.path_key, keys.credentials.key_pem),
                rescue_password=keys.rescue_password,
            )

    def ramdisk_digest(self, node: Node) -> str | None:
        """Names the ramdisk that the node will boot by its content, None where there is none yet."""
        from bmctl.ramdisk.shelf import find_digest

        return find_digest(self._cache / "ramdisks", node.ramdisk)

    def _medium(self, node: Node, keys: RunKeys, record: RunRecord) -> VirtualMedium:
        from bmctl.media.loaders import find_loaders
        from bmctl.ramdisk.shelf import find

        ramdisk = find(self._cache / "ramdisks", node.ramdisk)
        _remember_versions(record, ramdisk)
        loader = find_loaders(node.architecture)
        self.boot_files.update((ramdisk.kernel, ramdisk.initramfs, *loader.paths))
        return VirtualMedium(
            node=node,
            kernel=ramdisk.kernel,
            initramfs=ramdisk.initramfs,
            loader=loader,
            credentials=keys.credentials,
            publisher=keys.publisher,
            timestamp=keys.timestamp,
        )

    async def _serve(self, record: RunRecord) -> FileServer:
        """The command's file server, on the port this run used before where that is free."""
        if self._server is None:
            wanted = self._serving.port or record.get("served on") or 0
            self._server = await self._start_server(wanted)
        if record.get("served on") != self._server.port:
            record.put("served on", self._server.port)
        return self._server

    async def _start_server(self, port: int) -> FileServer:
        host = self._serving.host
        try:
            return await self._stack.enter_async_context(FileServer(host=host, port=port, tell=self._fetched))
        except BmctlError:
            if self._serving.port or not port:
                raise
            return await self._stack.enter_async_context(FileServer(host=host, tell=self._fetched))

    def _fetched(self, fetch: Fetch) -> None:
        """Pass a fetch on to the run whose file it was."""
        if (watch := self._watches.get(fetch.name)) is not None:
            watch(fetch)


class Images:
    """Prepared images of one command: each source is made ready once, however many machines take it."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._digesting = asyncio.Lock()

    async def prepare(self, image: ImageSource, tell: Callable[[ImageProgress], None]) -> PreparedImage:
        """The image as the agent will stream it; see `bmctl.images.prepare`."""
        from bmctl.images.prepare import prepare

        return await prepare(image, cache=self._cache, progress=tell)

    async def chunks(self, path: Path, sha256: str, extents: Sequence[Extent]) -> tuple[Chunk, ...]:
        """Digests of parts of a raw image, made once for all machines; see `bmctl.images.chunks`."""
        from bmctl.images.chunks import known_chunks

        async with self._digesting:
            return await known_chunks(path, sha256, extents, cache=self._cache)

    async def digest(self, path: Path) -> str:
        """The SHA-256 of a raw image as it is now."""
        from bmctl.images.chunks import digest_file

        return await digest_file(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """Who fetches a run's files; `advertise` is the address all of them are told, None to go by route."""

    controller: str | None
    node: str
    advertise: str | None

    def address(self, *, of_controller: bool) -> str:
        """The address of this host as the reader sees it."""
        if self.advertise is not None:
            return self.advertise
        return str(source_address((of_controller and self.controller) or self.node))


class Shelf:
    """The files of one run on the command's file server, under the run's own path.

    Names start with the node's, so that a fetch tells whose file it was.
    """

    def __init__(
        self,
        *,
        server: FileServer,
        watches: dict[str, Callable[[Fetch], None]],
        key: str,
        readers: Readers,
        log: FetchLog,
        clock: Callable[[], float],
    ) -> None:
        self._server = server
        self._watches = watches
        self._key = key
        self._readers = readers
        self._log = log
        self._clock = clock
        self._offered: dict[str, Publication] = {}

    def offer(
        self,
        name: str,
        content: ExtentFile | Path,
        *,
        to_controller: bool,
        watch: Callable[[Fetch], None],
    ) -> str:
        """Serve a file and return its URL, the same in every process of the run."""
        publication = self._server.publish(content, name, key=self._key)
        self._offered[name] = publication
        kind = _kind(content, to_controller=to_controller)
        who = "controller" if to_controller else "machine"

        def fetched(fetch: Fetch) -> None:
            self._log.note(_note(fetch, who=who, kind=kind, now=self._clock()))
            watch(fetch)

        self._watches[name] = fetched
        return self._server.url(publication, self._readers.address(of_controller=to_controller))

    def withdraw(self, name: str) -> None:
        """Stop serving a file."""
        if (publication := self._offered.pop(name, None)) is not None:
            self._server.withdraw(publication)
            self._watches.pop(name, None)

    def withdraw_all(self) -> None:
        """Stop serving everything of this run."""
        for name in tuple(self._offered):
            self.withdraw(name)


def _remember_versions(record: RunRecord, ramdisk: Ramdisk) -> None:
    """Write down what this process makes the run with: its first fact, which tells it from the next one."""
    known = {
        "name": ramdisk.name,
        "digest": ramdisk.digest,
        "kernel": ramdisk.kernel_version,
        "agent": ramdisk.agent_version,
    }
    record.put("versions", {"bmctl": __version__, "ramdisk": known})


def _kind(content: ExtentFile | Path, *, to_controller: bool) -> str:
    """What is served: a boot medium is laid out for the node, an image is a file that machines stream."""
    if isinstance(content, ExtentFile):
        return "boot medium"
    return "file" if to_controller else "image"


def _note(fetch: Fetch, *, who: str, kind: str, now: float) -> FetchNote:
    return FetchNote(
        who=who,
        kind=kind,
        name=fetch.name,
        client=fetch.client,
        method=fetch.method,
        status=fetch.status,
        outcome=fetch.outcome.value,
        began=now - fetch.seconds,
        seconds=fetch.seconds,
        offset=fetch.offset,
        length=fetch.length,
        sent=fetch.sent,
        parts=fetch.parts,
        number=fetch.number,
    )
