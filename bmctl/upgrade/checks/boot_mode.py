"""Nodes boot by UEFI, and the inventory says what their firmware does."""

from __future__ import annotations

from collections.abc import Iterator

from bmctl.model.firmware import BootMode
from bmctl.upgrade.check import Check, Finding, Level
from bmctl.upgrade.look import Look


def _run(look: Look) -> Iterator[Finding]:
    for node in look.nodes:
        seen = (look.records.get(node.name, {}).get("description") or {}).get("boot_mode")
        if seen and seen != node.boot_mode.value:
            said = "the inventory says" if look.says(node.name, "boot_mode") else "unsaid means"
            yield Finding(
                level=Level.WARNING,
                text=f"the machine booted in {seen} mode when it was enrolled, {said} {node.boot_mode}",
                remedy=f"write boot_mode: {seen}, or let the next deploy switch the machine over",
                node=node.name,
                place=look.place(node.name, "boot_mode"),
            )
        elif node.boot_mode is BootMode.BIOS:
            yield Finding(
                level=Level.WARNING,
                text="legacy BIOS: no Secure Boot, and vendors are dropping it",
                remedy="move it to boot_mode: uefi with an image that has an EFI system partition",
                node=node.name,
                place=look.place(node.name, "boot_mode"),
            )


CHECK = Check(name="boot-mode", title="Boot modes", run=_run)
