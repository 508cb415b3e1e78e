"""The controller itself, Redfish's Manager: its restart and its clock (DMTF DSP0268)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bmctl.drivers.redfish_conversation import Conversation, action
from bmctl.drivers.redfish_errors import Verdict, verdict
from bmctl.errors import BmctlError, RefusedError

RESET = "Manager.Reset"
_ALLOWED = "ResetType@Redfish.AllowableValues"
# The first of these that it offers; the parameter may be left out where it names none.
_RESETS = ("GracefulRestart", "ForceRestart")


class RedfishControllerReset:
    """Sends `Manager.Reset`."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    async def reset(self) -> None:
        """Tell the controller to restart. One that does not answer any more has most likely begun."""
        doing = "restart itself"
        target, kind = await self._conversation.call(doing, self._target)
        try:
            await self._conversation.call(doing, lambda: self._conversation.post(target, {"ResetType": kind}))
        except BmctlError as error:
            if verdict(error) is not Verdict.UNKNOWN:
                raise

    def _target(self) -> tuple[str, str]:
        found = action(manager_of(self._conversation), RESET)
        allowed = tuple(found.get(_ALLOWED) or _RESETS)
        kind = next((kind for kind in _RESETS if kind in allowed), None)
        if not found or kind is None:
            raise RefusedError("this controller cannot be told to restart")
        return str(found["target"]), kind


class RedfishClock:
    """Reads the manager's `DateTime`."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    async def read(self) -> datetime:
        """The controller's time, with its zone; UTC where it names none."""
        return await self._conversation.call("tell its time", self._read)

    def _read(self) -> datetime:
        told = (manager_of(self._conversation) or {}).get("DateTime")
        try:
            moment = datetime.fromisoformat(str(told))
        except ValueError:
            raise RefusedError(f"this controller does not tell its time (it says {told})") from None
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def manager_of(conversation: Conversation) -> dict[str, Any] | None:
    """The document of the manager that is responsible for the system, None where none is. Blocks."""
    path = manager_path(conversation)
    return conversation.document(path) if path else None


def manager_path(conversation: Conversation) -> str | None:
    """Where the system's manager is; costs no request."""
    links = conversation.system.json.get("Links") or {}
    managers = links.get("ManagedBy") or links.get("Managers") or ()
    return next((path for member in managers if (path := member.get("@odata.id"))), None)


def offers_reset(document: dict[str, Any] | None) -> bool:
    """Whether a manager can be told to restart."""
    found = action(document, RESET)
    return bool(found) and any(kind in tuple(found.get(_ALLOWED) or _RESETS) for kind in _RESETS)
