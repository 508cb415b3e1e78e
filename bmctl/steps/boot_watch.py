"""Looks after a machine that is to boot the ramdisk: is it still on, does anybody read its medium."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from bmctl.agent.evidence import Evidence
from bmctl.errors import BmctlError, UnreachableError
from bmctl.model.firmware import PowerState
from bmctl.ports import Ports

# A boot takes seconds or many minutes, and every look is a request to the controller.
FIRST_LOOK = 120.0
LATER_LOOKS = 240.0
# A machine that resets itself may be told to be off for a moment.
SECOND_LOOK = 10.0


class BootWatch:
    """Ends with an error as soon as the ramdisk cannot come any more; told what the agent's address shows.

    `medium_within` is in seconds: a power-on self-test can take ten minutes before the medium is read.
    """

    def __init__(self, ports: Ports, *, medium_within: float) -> None:
        self._ports = ports
        self._medium_within = medium_within
        self._signs_of_life = False

    def told(self, evidence: Evidence) -> None:
        """Take note of what was seen at the agent's address."""
        if evidence not in {Evidence.SILENT, Evidence.NO_ROUTE}:
            self._signs_of_life = True

    async def run(self) -> None:
        """Look now and then; raises `BmctlError`, never returns otherwise."""
        waited = 0.0
        for pause in _pauses():
            await asyncio.sleep(pause)
            waited += pause
            if await self._is_off() and await self._is_off(after=SECOND_LOOK):
                raise BmctlError(
                    f"the machine is off, {waited:.0f} s after it was switched on",
                    hint="look at its console and its controller's event log: it stopped by itself,"
                    " or somebody switched it off",
                )
            if waited >= self._medium_within and not (self._ports.medium_read or self._signs_of_life):
                raise self._unread(waited)

    def _unread(self, waited: float) -> BmctlError:
        return BmctlError(
            f"nobody has read a byte of the boot medium in {waited:.0f} s",
            hint=f"can the controller reach {_origin(self._ports.medium_url)}: a firewall or a wrong"
            " --advertise address is in the way, or the machine did not boot its virtual drive",
        )

    async def _is_off(self, *, after: float = 0.0) -> bool:
        await asyncio.sleep(after)
        try:
            state = await self._ports.driver.power.state()
        except UnreachableError as error:
            self._ports.evidence.see("controller", error.message)
            return False
        self._ports.evidence.see("power", str(state))
        return state is PowerState.OFF


def _pauses() -> Iterator[float]:
    yield FIRST_LOOK
    while True:
        yield LATER_LOOKS


def _origin(url: str) -> str:
    """The URL without its path, which is a secret."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"
