"""Controllers: what they can do for a machine (`abilities`), and a module for each protocol.

A protocol's module is named after its member of `DriverName` and has one `build` function. It is
imported only when a machine asks for it.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bmctl.drivers.abilities import Access, Driver, Session
from bmctl.model.node import DriverName

# A controller that does not take its session back is left alone after this many seconds.
CLOSE_TIMEOUT = 12.0


@asynccontextmanager
async def open_driver(name: DriverName, access: Access) -> AsyncIterator[Driver]:
    """The driver of one machine's controller, logged in; the session is given back on every way out.

    Raises `InvalidError` where the address or system makes no sense, `UnreachableError` where the
    controller does not answer, `RefusedError` where it refuses.
    """
    module = importlib.import_module(f"bmctl.drivers.{name}")
    driver: Driver = await module.build(access)
    try:
        yield driver
    finally:
        await _close(driver.session)


async def _close(session: Session) -> None:
    """Give the session back though the task is cancelled meanwhile, within `CLOSE_TIMEOUT`."""
    closing = asyncio.ensure_future(session.close())
    end = asyncio.get_running_loop().time() + CLOSE_TIMEOUT
    cancelled = False
    while not closing.done() and (left := end - asyncio.get_running_loop().time()) > 0:
        try:
            await asyncio.wait({closing}, timeout=left)
        except asyncio.CancelledError:
            cancelled = True
    closing.cancel()
    if cancelled:
        raise asyncio.CancelledError
