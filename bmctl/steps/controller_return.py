"""Waiting for a controller that restarts itself."""

from __future__ import annotations

import asyncio

from bmctl.errors import BmctlError, UnreachableError
from bmctl.ports import Ports
from bmctl.steps.patience import Patience

_GOOD_ANSWERS = 3


async def wait_for_controller(ports: Ports, *, patience: Patience) -> None:
    """Return when the controller has answered well several times in a row.

    One that comes up answers now and then before it is ready. Raises `BmctlError` where it is not
    back within `patience.absent`.
    """
    loop = asyncio.get_running_loop()
    start = loop.time()
    await asyncio.sleep(patience.settle)
    good = 0
    while good < _GOOD_ANSWERS:
        await asyncio.sleep(patience.steady)
        try:
            await ports.driver.power.state()
            good += 1
        except UnreachableError as error:
            good, last = 0, error
            waited = loop.time() - start
            if waited > patience.absent:
                raise BmctlError(
                    f"the controller is not back {waited:.0f} s after it restarted: {last.message}",
                    hint="see whether it got another address, or restart it by hand",
                ) from error
        ports.progress("waiting for the controller", done=good, total=_GOOD_ANSWERS, unit="answers")
