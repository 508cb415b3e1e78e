"""What vendors do differently, as a table. It comes from their and other projects' documentation.

`docs/controllers.md` says which entries were met on real hardware.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """What to do differently at a vendor's controller; the defaults fit the standard."""

    send_enabled: bool = False
    """Send `BootSourceOverrideEnabled` even if it is so already; others refuse that."""
    send_all: bool = False
    """Send boot target, enabled and mode together, always."""
    usb_cd: bool = False
    """Virtual media boots as `UsbCd`, though `Cd` is offered."""
    eject_empty: bool = False
    """Eject also a slot that says it is empty: it may not know yet."""
    media_boot_call: bool = False
    """Some firmware boots virtual media only through a call of the vendor's own."""


_QUIRKS: tuple[tuple[tuple[str, ...], Quirks], ...] = (
    (("supermicro", "super micro"), Quirks(send_enabled=True, usb_cd=True)),
    (("american megatrends", "ami", "asrockrack", "redfish_compatible"), Quirks(send_all=True)),
    (("dell",), Quirks(eject_empty=True, media_boot_call=True)),
)


def quirks_of(*vendors: str | None) -> Quirks:
    """The quirks of the first vendor name that has any; `None` and unknown names have none."""
    for vendor in vendors:
        for marks, quirks in _QUIRKS:
            if vendor and any(_names(vendor, mark) for mark in marks):
                return quirks
    return Quirks()


def old_idrac(model: str | None, version: str | None) -> bool:
    """Whether this iDRAC cannot choose virtual media by the standard property.

    That is so before firmware 6.00, and again on the iDRAC10, whose models start at 17G and whose
    firmware counts from 1.
    """
    generation = _leading_number(model)
    return generation >= 17 or _leading_number(version) < 6


def _names(vendor: str, mark: str) -> bool:
    """Whether a vendor's text has the mark as words of its own, in any case."""
    return f" {mark} " in f" {vendor.lower().replace(',', ' ').replace('.', ' ')} "


def _leading_number(text: str | None) -> int:
    digits = (text or "").strip().split(".")[0].split("G")[0]
    return int(digits) if digits.isdecimal() else 0
