"""What the machine boots next, through Redfish, and read back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sushy
import sushy.exceptions

from bmctl.drivers.redfish_conversation import Conversation
from bmctl.drivers.redfish_quirks import Quirks, old_idrac
from bmctl.errors import BmctlError, RefusedError
from bmctl.model.firmware import BootMode, BootTarget

_SOURCES = {
    BootTarget.CD: sushy.BootSource.CD,
    BootTarget.DISK: sushy.BootSource.HDD,
    BootTarget.PXE: sushy.BootSource.PXE,
    BootTarget.HTTP: sushy.BootSource.UEFI_HTTP,
    BootTarget.BIOS_SETUP: sushy.BootSource.BIOS_SETUP,
}
MODES = {
    BootMode.UEFI: sushy.BootSourceOverrideMode.UEFI,
    BootMode.BIOS: sushy.BootSourceOverrideMode.LEGACY,
}
# What the controller offers does not change, and a change too much or too little is seen afterwards.
_FRESH = 15.0
_ONCE = sushy.BootSourceOverrideEnabled.ONCE
_CONTINUOUS = sushy.BootSourceOverrideEnabled.CONTINUOUS
_DISABLED = sushy.BootSourceOverrideEnabled.DISABLED
# With these nothing stands in the way of the machine's own disk.
_HARMLESS = frozenset({None, sushy.BootSource.NONE, sushy.BootSource.HDD})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Override:
    """A boot override, as wanted or as read; None is "as it is", or "not told"."""

    target: sushy.BootSource | None
    enabled: sushy.BootSourceOverrideEnabled | None
    mode: sushy.BootSourceOverrideMode | None


class RedfishBoot:
    """Sets `Boot` of the system, once, and sees that the controller took it."""

    def __init__(self, conversation: Conversation, quirks: Quirks) -> None:
        self._conversation = conversation
        self._quirks = quirks

    async def set_next(self, target: BootTarget, mode: BootMode, *, persistent: bool = False) -> None:
        """Boot from there the next time, where possible only that time; or each time.

        A controller that knows no "once" keeps the target: set the next one before the next boot.
        """
        doing = f"set the next boot to {target}"
        enabled = _CONTINUOUS if persistent else _ONCE
        wanted = await self._conversation.call(doing, lambda: self._wanted(target, mode, enabled))
        for everything in (self._quirks.send_all, True):
            await self._conversation.change(
                doing,
                lambda everything=everything: self._send(wanted, everything=everything),  # type: ignore[misc]
                done=lambda: self._took(wanted),
            )
            if await self._conversation.call(doing, lambda: self._took(wanted)):
                return
        raise self._not_taken(target, mode, wanted)

    async def clear(self) -> None:
        """Leave no override behind; where that cannot be said, the disk is next."""
        doing = "clear the boot override"
        if await self._conversation.call(doing, lambda: is_clear(self._conversation.look_lately())):
            return
        try:
            await self._conversation.change(doing, self._disable, done=self._is_clear)
            if await self._conversation.call(doing, self._is_clear):
                return
        except RefusedError:
            pass  # a controller that knows no "disabled" can still be told to boot the disk
        disk = _Override(target=sushy.BootSource.HDD, enabled=None, mode=None)
        await self._conversation.change(doing, lambda: self._patch(disk), done=self._is_clear)
        if not await self._conversation.call(doing, self._is_clear):
            raise BmctlError(
                "the controller keeps its boot override", hint="clear it on the controller's web page"
            )

    def _wanted(
        self, target: BootTarget, mode: BootMode, enabled: sushy.BootSourceOverrideEnabled
    ) -> _Override:
        system = self._conversation.look(fresh=_FRESH)
        if target is BootTarget.CD and self._quirks.media_boot_call:
            _refuse_vendor_call(system)
        return _Override(target=self._source(system, target), enabled=enabled, mode=MODES[mode])

    def _source(self, system: Any, target: BootTarget) -> sushy.BootSource:
        source = _SOURCES[target]
        allowed = allowed_sources(system)
        usb_cd = sushy.BootSource.USB_CD
        if source is sushy.BootSource.CD and (
            (self._quirks.usb_cd and (not allowed or usb_cd in allowed))
            or (usb_cd in allowed and source not in allowed)
        ):
            return usb_cd
        if allowed and source not in allowed:
            names = ", ".join(sorted(value.value for value in allowed))
            raise RefusedError(f"this controller cannot boot the machine from {target} (it offers {names})")
        return source

    def _send(self, wanted: _Override, *, everything: bool) -> None:
        """Send what differs, or everything."""
        shown = override_of(self._conversation.system)
        if everything:
            return self._patch(wanted)
        send_enabled = self._quirks.send_enabled or wanted.enabled is not shown.enabled
        return self._patch(
            _Override(
                target=wanted.target,
                enabled=wanted.enabled if send_enabled else None,
                mode=None if wanted.mode is shown.mode else wanted.mode,
            )
        )

    def _disable(self) -> None:
        self._patch(_Override(target=None, enabled=_DISABLED, mode=None))

    def _patch(self, override: _Override) -> None:
        try:
            self._conversation.system.set_system_boot_options(
                target=override.target, enabled=override.enabled, mode=override.mode
            )
        finally:
            self._conversation.changed()

    def _took(self, wanted: _Override) -> bool:
        system = self._conversation.look_lately()
        return _fits(override_of(system), wanted) or _fits(self._pending(system), wanted)

    def _pending(self, system: Any) -> _Override:
        """What the system's settings resource shows, where it has one: it comes true at the next boot."""
        settings = (system.json.get("@Redfish.Settings") or {}).get("SettingsObject") or {}
        path = settings.get("@odata.id")
        boot = (self._conversation.document(path).get("Boot") or {}) if path else {}
        return _Override(
            target=_member(sushy.BootSource, boot.get("BootSourceOverrideTarget")),
            enabled=_member(sushy.BootSourceOverrideEnabled, boot.get("BootSourceOverrideEnabled")),
            mode=_member(sushy.BootSourceOverrideMode, boot.get("BootSourceOverrideMode")),
        )

    def _is_clear(self) -> bool:
        return is_clear(self._conversation.look_lately())

    def _not_taken(self, target: BootTarget, mode: BootMode, wanted: _Override) -> BmctlError:
        shown = override_of(self._conversation.system)
        if shown.mode not in {None, wanted.mode}:
            return BmctlError(
                f"the controller does not change the boot mode to {mode} (it shows {shown.mode.value})",
                hint="change it in the machine's set-up, or set boot_mode for the node",
            )
        seen = f"{shown.target.value if shown.target else 'nothing'}"
        return BmctlError(
            f"the controller did not take the next boot from {target} (it shows {seen})",
            hint="look for a pending job or newer firmware on the controller's web page",
        )


def override_of(system: Any) -> _Override:
    """The override in a system that was read."""
    boot = system.boot
    if boot is None:
        return _Override(target=None, enabled=None, mode=None)
    return _Override(target=boot.target, enabled=boot.enabled, mode=boot.mode)


def is_clear(system: Any) -> bool:
    """Whether the machine goes by its own boot order, or is kept at its disk."""
    shown = override_of(system)
    return shown.enabled in {None, _DISABLED} or shown.target in _HARMLESS


def allowed_sources(system: Any) -> frozenset[sushy.BootSource]:
    """The boot sources the controller says it takes; empty where it does not say."""
    values = (system.boot.allowed_values if system.boot else None) or ()
    return frozenset(source for source in sushy.BootSource if source.value in values)


def targets_of(system: Any) -> tuple[BootTarget, ...]:
    """The boot targets that the controller offers."""
    allowed = allowed_sources(system)
    cd = {sushy.BootSource.CD, sushy.BootSource.USB_CD}
    return tuple(
        target
        for target, source in _SOURCES.items()
        if source in allowed or (target is BootTarget.CD and cd & allowed)
    )


def mode_of(system: Any) -> BootMode | None:
    """The boot mode the controller reports; None where it does not say."""
    shown = override_of(system).mode
    return next((mode for mode, value in MODES.items() if value is shown), None)


def _member(kind: Any, value: Any) -> Any:
    """The member of one of sushy's enums with that value, or None."""
    return next((member for member in kind if member.value == value), None)


def _fits(shown: _Override, wanted: _Override) -> bool:
    """Whether what is shown will boot what is wanted; "continuous" does so too, "once" only once."""
    return (
        shown.target is wanted.target
        and shown.enabled in {wanted.enabled, _CONTINUOUS, None}
        and shown.mode in {wanted.mode, None}
    )


def _refuse_vendor_call(system: Any) -> None:
    """Say so before anything is switched, where only Dell's own call would boot virtual media."""
    for manager in system.managers:
        if old_idrac(manager.model, manager.firmware_version):
            raise RefusedError(
                f"this iDRAC ({manager.model}, firmware {manager.firmware_version}) boots virtual media only "
                "through a call of Dell's own, which bmctl does not speak",
                hint="update an iDRAC9 to firmware 6.00 or newer; an iDRAC10 is not supported yet",
            )
