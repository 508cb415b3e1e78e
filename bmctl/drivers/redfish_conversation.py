"""A login at one controller and its one machine; every call to it goes through a thread."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import sushy
import sushy.exceptions
from sushy import auth as sushy_auth

from bmctl.drivers.abilities import Access
from bmctl.drivers.pool import call_in_thread
from bmctl.drivers.redfish_connector import AutoAuth, PatientConnector, StrictSessionAuth, origin_of
from bmctl.drivers.redfish_errors import Verdict, translate, verdict
from bmctl.drivers.redfish_system import KeptReader, find_system
from bmctl.errors import BmctlError, InvalidError, RefusedError

Result = TypeVar("Result")

# A GET has three tries of up to 70 s and pauses; then something is badly wrong.
CALL_DEADLINE = 240.0
_GOODBYE_DEADLINE = 8.0
# A reading this young still tells the truth: nobody else switches the machine meanwhile.
_FRESH = 2.0
# An iLO in its self test, or an iDRAC that still ends a job, is ready within a minute.
_TRIES = {Verdict.NOT_NOW: 8, Verdict.UNKNOWN: 3, Verdict.REFUSED: 1}
_LOGINS = 3
_LONGEST_REST = 30.0

# What sushy makes of a service root that is none.
_NOT_REDFISH = (
    sushy.exceptions.ResourceNotFoundError,
    sushy.exceptions.MissingAttributeError,
    sushy.exceptions.MalformedAttributeError,
    AttributeError,
    TypeError,
    ValueError,
)
_AUTH = {"auto": AutoAuth, "session": StrictSessionAuth, "basic": sushy_auth.BasicAuth}


class Conversation:
    """The session with a controller: awaited calls, errors in words, and a goodbye.

    `system` is sushy's view of the machine; it is read and written inside calls only.
    """

    def __init__(self, access: Access) -> None:
        self.origin = origin(access.address)
        self.address = access.address.rstrip("/")
        self.pace = access.pace
        self._access = access
        self._connector = PatientConnector(
            self.origin,
            verify=_existing(access.verify),
            pauses=access.pace.read_again,
            connect_to=access.connect_to,
        )
        self._auth = self._new_auth()
        self._goodbye = threading.Lock()
        self._read_at = float("-inf")
        self.root: Any = None
        self.system: Any = None

    @property
    def requests(self) -> int:
        """How many requests the controller has been sent so far."""
        return self._connector.requests

    async def open(self) -> None:
        """Log in and find the machine; the first read proves the password."""
        for number in range(_LOGINS):
            try:
                return await self.call("answer", self._open)
            except BmctlError as error:
                if verdict(error) is not Verdict.NOT_NOW or number + 1 == _LOGINS:
                    raise
            await asyncio.sleep(self._rest(Verdict.NOT_NOW, number))
        return None

    async def call(
        self, doing: str, work: Callable[[], Result], *, deadline: float = CALL_DEADLINE, reading: float = 0.0
    ) -> Result:
        """Do blocking work with the controller; `doing` names it in errors ("read the power state").

        `reading` is how many seconds an answer may take, where that is longer than usual.
        """

        def guarded() -> Result:
            try:
                if not reading:
                    return work()
                with self._connector.reading_for(reading):
                    return work()
            finally:
                if self._connector.stopped:
                    self._give_back()

        try:
            return await call_in_thread(self.origin, guarded, deadline=deadline + reading)
        except Exception as error:
            raise self.explain(error, doing) from error

    def explain(self, error: BaseException, doing: str) -> BmctlError:
        """What a person is told of an error that this controller gave."""
        secret = self._access.password.reveal()
        return translate(error, address=self.address, doing=doing, secret=secret)

    async def change(
        self, doing: str, send: Callable[[], None], *, done: Callable[[], bool], reading: float = 0.0
    ) -> None:
        """Ask for a change. Where the answer is lost, or is "not now", look before asking again.

        Raises the last error when the change was refused, or enough tries were made, and the
        machine is not as wanted.
        """
        for number in itertools.count():
            try:
                return await self.call(doing, send, reading=reading)
            except BmctlError as error:
                judgement = verdict(error)
                last = number + 1 >= _TRIES[judgement]
                if not last:
                    await asyncio.sleep(self._rest(judgement, number))
                if await self.call(doing, done):
                    return None
                if last:
                    raise
        return None

    async def rest(self, judgement: Verdict, number: int) -> None:
        """Leave the controller alone after so many tries."""
        await asyncio.sleep(self._rest(judgement, number))

    def _rest(self, judgement: Verdict, number: int) -> float:
        """How long to leave the controller alone after so many tries, in seconds."""
        if judgement is Verdict.UNKNOWN:
            return self.pace.ask_again[0]
        usual = self.pace.ask_again[min(number, len(self.pace.ask_again) - 1)]
        return min(self._connector.retry_after or usual, _LONGEST_REST)

    def look(self, *, fresh: float = 0.0) -> Any:
        """The machine as it is now, or was at most `fresh` seconds ago. Blocks: one request.

        Sushy's forced refresh would read again every part that was ever touched.
        """
        if time.monotonic() - self._read_at >= fresh:
            self._reader.forget()
            self.system.invalidate()
            self.system.refresh(force=False)
            self._read_at = time.monotonic()
        return self.system

    def document(self, path: str) -> dict[str, Any]:
        """A resource as the controller sends it. Blocks: one request."""
        document: dict[str, Any] = self._connector.get(path).json()
        return document

    def part(self, path: str | None) -> dict[str, Any] | None:
        """A resource that a controller may lack, or keep behind a licence; None then. Blocks.

        One try unless the controller is busy: a part that fails within counts as lacking.
        """
        if path is None:
            return None
        try:
            with self._connector.impatient():
                return self.document(path)
        except (sushy.exceptions.AccessError, sushy.exceptions.ResourceNotFoundError):
            return None
        except sushy.exceptions.ServerSideError as error:
            if verdict(error) is Verdict.NOT_NOW:
                raise
            return None

    def get(self, path: str) -> Any:
        """The answer to a read of a resource, with its headers. Blocks."""
        return self._connector.get(path)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Ask for something to be made or done, once; the answer. Blocks."""
        return self._connector.post(path, data=dict(body))

    def patch(self, path: str, body: Mapping[str, Any], *, etag: str | None = None) -> Any:
        """Change a resource, if it still is the one with that ETag; the answer. Blocks."""
        return self._connector.patch(path, data=dict(body), etag=etag)

    def delete(self, path: str) -> Any:
        """Delete a resource; the answer. Blocks."""
        return self._connector.delete(path)

    def look_lately(self) -> Any:
        """The machine as it was a moment ago at most. Blocks: no request, or one."""
        return self.look(fresh=_FRESH)

    def changed(self) -> None:
        """Say that the machine is no longer as it was read."""
        self._read_at = float("-inf")
        self._reader.forget()

    async def close(self) -> None:
        """Give the session back, at most a few seconds late; safe to call twice, and never raises."""
        self._connector.stop()
        # A call that hangs keeps its turn. Sessions are few, so the goodbye does not wait for it for ever.
        for turn, patience in (
            (self.origin, self.pace.goodbye),
            (f"{self.origin} goodbye", _GOODBYE_DEADLINE),
        ):
            with suppress(Exception):  # a controller that is gone takes its sessions with it
                async with asyncio.timeout(patience):
                    return await call_in_thread(turn, self._give_back, deadline=patience)
        return None

    def _new_auth(self) -> Any:
        return _AUTH[self._access.auth](self._access.username, self._access.password.reveal())

    def _open(self) -> None:
        # Sushy ends the session of its auth once it is collected: what is left of a try must not share ours.
        self._auth = self._new_auth()
        try:
            self.root = sushy.Sushy(self.origin, auth=self._auth, connector=self._connector)
        except _NOT_REDFISH as error:
            if self._auth._root_resource is not None:  # noqa: SLF001  nothing public tells how far it came
                raise
            message = f"the service at {self.address} is not a Redfish controller"
            raise RefusedError(message, hint="check host and port of bmc.address") from error
        self.system = find_system(self.root, self._access.system, address=self.address)
        answer = self._connector.last_read
        self._reader = KeptReader(self.system, answer.headers if answer is not None else None)
        self._read_at = time.monotonic()

    def _give_back(self) -> None:
        """Delete the session if there is one; the thread of an abandoned login does it too."""
        with self._goodbye:
            resource = getattr(self._auth, "_session_resource_id", None)
            if resource is not None:
                self._auth._session_resource_id = None  # noqa: SLF001  sushy would log in again to delete an expired one
                with suppress(Exception):
                    self._connector.forget(resource)
            self._connector.close()


def link(document: Mapping[str, Any] | None, *names: str) -> str | None:
    """Where a document links to under these names, one inside the other; None where it does not."""
    found: Any = document
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    path = found.get("@odata.id") if isinstance(found, Mapping) else None
    return str(path) if path else None


def action(document: Mapping[str, Any] | None, name: str) -> dict[str, Any]:
    """An action that a document offers, with its `target` and allowed values; empty where it does not."""
    found = ((document or {}).get("Actions") or {}).get(f"#{name}") or {}
    return found if found.get("target") else {}


def origin(address: str) -> str:
    """Scheme, host and port of a controller's address; raises `InvalidError` where that is no URL."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError as error:
        raise InvalidError(f"{address} is not an address ({error})", hint="write https://10.0.0.11") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidError(
            f"{address} is not the address of a Redfish controller", hint="write https://10.0.0.11"
        )
    if parts.path.rstrip("/") not in {"", "/redfish", "/redfish/v1"}:
        hint = f"set bmc.address: {origin_of(address)} and bmc.system: {parts.path}"
        raise InvalidError(f"{address} names more than a controller", hint=hint)
    return origin_of(address)


def _existing(verify: bool | Path) -> bool | Path:
    if isinstance(verify, Path) and not verify.exists():
        raise InvalidError(f"the CA file {verify} does not exist", hint="check bmc.verify in the inventory")
    return verify
