"""BIOS settings: Redfish's Bios and its settings object (DMTF DSP0266, settings resource; DSP0268)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bmctl.drivers.redfish_attributes import checked, entries_of
from bmctl.drivers.redfish_conversation import Conversation, action, link
from bmctl.errors import RefusedError
from bmctl.model.controller import BiosValue, BiosView

RESET_BIOS = "Bios.ResetBios"
_SETTINGS = ("@Redfish.Settings", "SettingsObject")
_BENIGN = frozenset({None, "OK"})


class RedfishBios:
    """Reads `Attributes`, changes them through the settings object, resets them by `Bios.ResetBios`."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._entries: dict[str, dict[str, Any]] | None = None

    async def read(self) -> BiosView:
        """What is in effect, the defaults where a registry tells them, and why the last change failed."""
        return await self._conversation.call("tell its BIOS settings", self._read)

    async def apply(self, values: Mapping[str, BiosValue]) -> None:
        """Write them to the settings object; they come true at the next restart."""
        doing = "take the BIOS settings"
        path, wanted = await self._conversation.call(doing, lambda: self._checked(values))
        if not wanted:
            return

        def send() -> None:
            etag = self._conversation.get(path).headers.get("ETag")
            self._conversation.patch(path, {"Attributes": wanted}, etag=etag)

        def pending() -> bool:
            shown = self._conversation.document(path).get("Attributes") or {}
            return all(shown.get(name) == value for name, value in wanted.items())

        await self._conversation.change(doing, send, done=pending)

    async def reset(self) -> None:
        """Ask for the defaults; asking twice is harmless, so a lost answer is asked again."""
        doing = "reset its BIOS settings"
        target = await self._conversation.call(doing, self._reset_target)
        await self._conversation.change(doing, lambda: self._reset(target), done=lambda: False)

    def _document(self) -> dict[str, Any]:
        path = link(self._conversation.system.json, "Bios")
        if path is None:
            raise RefusedError("this controller does not show BIOS settings")
        return self._conversation.document(path)

    def _read(self) -> BiosView:
        document = self._document()
        entries = self._known_entries(document)
        told = {name: entry["DefaultValue"] for name, entry in entries.items() if "DefaultValue" in entry}
        defaults = {name: value for name, value in told.items() if _resettable(entries[name])}
        return BiosView(
            values=dict(document.get("Attributes") or {}),
            defaults=defaults,
            refused=_refusal(document),
            changed=str((document.get("@Redfish.Settings") or {}).get("Time") or ""),
        )

    def _checked(self, values: Mapping[str, BiosValue]) -> tuple[str, dict[str, BiosValue]]:
        """Where to write what, after the registry and the present settings agreed to it."""
        document = self._document()
        path = link(document, *_SETTINGS)
        if path is None:
            raise RefusedError("this controller shows its BIOS settings, but does not let them be changed")
        present = document.get("Attributes") or {}
        return path, checked(values, present=present, entries=self._known_entries(document))

    def _known_entries(self, document: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """The registry's entries by name, read once; empty where there is none."""
        if self._entries is None:
            self._entries = entries_of(self._conversation, document.get("AttributeRegistry"))
        return self._entries

    def _reset_target(self) -> str:
        target = action(self._document(), RESET_BIOS).get("target")
        if target is None:
            raise RefusedError("this controller cannot reset BIOS settings")
        return str(target)

    def _reset(self, target: str) -> None:
        self._conversation.post(target, {})


def offers_bios(document: Mapping[str, Any] | None) -> bool:
    """Whether a Bios resource lets settings be changed."""
    return link(document, *_SETTINGS) is not None


def _resettable(entry: Mapping[str, Any]) -> bool:
    """Whether a reset sets it: what is read-only or a password shows no default."""
    return not entry.get("ReadOnly") and not entry.get("Immutable") and entry.get("Type") != "Password"


def _refusal(document: Mapping[str, Any]) -> str:
    """What is said against the last change of settings (DSP0266, settings resource); empty if nothing."""
    messages = (document.get("@Redfish.Settings") or {}).get("Messages") or ()
    bad = (message for message in messages if _severity(message) not in _BENIGN)
    return next((str(message.get("Message") or message.get("MessageId")).rstrip(".") for message in bad), "")


def _severity(message: Mapping[str, Any]) -> Any:
    return message.get("MessageSeverity") or message.get("Severity")
