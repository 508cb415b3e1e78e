"""Firmware through Redfish's update service: SimpleUpdate, by which the controller fetches (DMTF DSP0268)."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import sushy.exceptions

from bmctl.drivers.redfish_conversation import Conversation, action, link
from bmctl.drivers.redfish_errors import Verdict, verdict
from bmctl.drivers.redfish_manager import manager_of, manager_path
from bmctl.drivers.redfish_tasks import started_by
from bmctl.errors import BmctlError, InvalidError, LostAnswerError, RefusedError
from bmctl.model.controller import Component, Started

SIMPLE_UPDATE = "UpdateService.SimpleUpdate"
_PROTOCOLS = "TransferProtocol@Redfish.AllowableValues"
BIOS, BMC = "bios", "bmc"
# Some controllers fetch the whole file before they answer.
_PATIENCE = 600.0
_BUSY_TRIES = 4


class RedfishFirmware:
    """Finds components in the firmware inventory, and has one updated from a URL."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._targets: dict[str, str] = {}

    async def find(self, name: str) -> Component:
        """The component with that id or name, in any case; `bios` and `bmc` are known everywhere."""
        return await self._conversation.call("list its firmware", lambda: self._find(name))

    async def start(self, url: str, targets: tuple[str, ...]) -> Started:
        """Send SimpleUpdate until it is answered, and never again after an answer was lost.

        Answers of "busy" are no promise of an update, so those are asked again.
        """
        doing = "start the firmware update"
        target, allowed = await self._conversation.call(doing, self._target)
        body = self._body(url, allowed)
        for number in range(_BUSY_TRIES):
            try:
                return await self._conversation.call(
                    doing, lambda: self._send(target, body, targets), reading=_PATIENCE
                )
            except BmctlError as error:
                judgement = verdict(error)
                if judgement is Verdict.UNKNOWN:
                    raise LostAnswerError(error.message, hint=error.hint) from error
                if judgement is not Verdict.NOT_NOW or number + 1 == _BUSY_TRIES:
                    raise
                await self._conversation.rest(judgement, number)
        raise AssertionError("the last try returns or raises")

    def _service(self) -> dict[str, Any]:
        path = link(self._conversation.root.json, "UpdateService")
        if path is None:
            raise RefusedError("this controller does not update firmware")
        return self._conversation.document(path)

    def _target(self) -> tuple[str, tuple[str, ...]]:
        found = action(self._service(), SIMPLE_UPDATE)
        if not found:
            raise RefusedError("this controller cannot fetch firmware by itself (it has no SimpleUpdate)")
        return str(found["target"]), tuple(found.get(_PROTOCOLS) or ())

    def _body(self, url: str, allowed: tuple[str, ...]) -> dict[str, Any]:
        protocol = urlsplit(url).scheme.upper()
        if allowed and protocol not in allowed:
            raise InvalidError(
                f"this controller cannot fetch firmware by {protocol} (it offers {', '.join(allowed)})"
            )
        return {"ImageURI": url, "TransferProtocol": protocol}

    def _send(self, target: str, body: dict[str, Any], targets: tuple[str, ...]) -> Started:
        asked = {**body, "Targets": list(targets)} if targets else body
        try:
            return started_by(self._conversation.post(target, asked))
        except sushy.exceptions.BadRequestError as error:
            # The parameter may be left out, but some insist on it: the machine itself is meant then.
            if targets or "Targets" not in str(error):
                raise
        system = str(self._conversation.system.path)
        return started_by(self._conversation.post(target, {**body, "Targets": [system]}))

    def _find(self, name: str) -> Component:
        """The inventory is read once: it has dozens of entries, and a component is looked at many times."""
        wanted = name.lower()
        if wanted not in self._targets:
            self._targets[wanted] = self._target_of(name)
        target = self._targets[wanted]
        if wanted in {BIOS, BMC}:
            version = self._own_version(wanted)
        else:
            version = self._conversation.document(target).get("Version")
        return Component(name=name, version=str(version or ""), targets=(target,))

    def _target_of(self, name: str) -> str:
        known, wanted = self._inventory(), name.lower()
        for path, document in known.items():
            if wanted in {str(document.get("Id")).lower(), str(document.get("Name")).lower()}:
                return path
        if wanted in {BIOS, BMC}:
            version = self._own_version(wanted)
            entries = (path for path, entry in known.items() if version and entry.get("Version") == version)
            return next(entries, self._own_path(wanted))
        names = sorted({str(document.get("Id")) for document in known.values()} | {BIOS, BMC})
        close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        meant = f", did you mean {close[0]}" if close else ""
        has = ", ".join(names)
        raise InvalidError(f"this controller has no firmware component {name}{meant} (it has {has})")

    def _inventory(self) -> dict[str, dict[str, Any]]:
        collection = self._conversation.part(link(self._service(), "FirmwareInventory")) or {}
        paths = [str(member.get("@odata.id")) for member in collection.get("Members") or ()]
        return {path: document for path in paths if (document := self._conversation.part(path)) is not None}

    def _own_path(self, name: str) -> str:
        """The machine itself, or its manager, as what an update is for."""
        path = manager_path(self._conversation) if name == BMC else None
        return path or str(self._conversation.system.path)

    def _own_version(self, name: str) -> str | None:
        """What the system or its manager tells of the BIOS or of the controller."""
        if name == BIOS:
            told = self._conversation.look().json.get("BiosVersion")
        else:
            told = (manager_of(self._conversation) or {}).get("FirmwareVersion")
        return None if told is None else str(told)


def offers_firmware(document: Mapping[str, Any] | None) -> bool:
    """Whether an update service fetches firmware by itself."""
    return bool(action(document, SIMPLE_UPDATE)) and (document or {}).get("ServiceEnabled") is not False
