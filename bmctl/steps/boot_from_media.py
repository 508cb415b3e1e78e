"""Tell the machine to boot its virtual drive next."""

from __future__ import annotations

from dataclasses import dataclass

from bmctl.engine.step import Step
from bmctl.errors import BmctlError
from bmctl.model.firmware import BootMode, BootTarget
from bmctl.ports import Ports


@dataclass(frozen=True, slots=True, kw_only=True)
class BootFromMedia:
    """The firmware interface to boot with."""

    mode: BootMode


async def boot_from_media(ports: Ports, args: BootFromMedia) -> None:
    """Leave the boot override on the virtual drive, for one boot where the controller can."""
    if (boot := ports.driver.boot) is None:
        raise BmctlError(
            "this controller cannot choose the boot device", hint="check bmc.driver for the node"
        )
    await boot.set_next(BootTarget.CD, args.mode)
    ports.evidence.see("boot override", f"set to {BootTarget.CD} ({args.mode})")


STEP = Step(
    interface="boot",
    name="set_boot_device",
    title="boot from the medium next",
    args=BootFromMedia,
    run=boot_from_media,
    budget=120,
    typical=0.5,
    boots=True,
)
