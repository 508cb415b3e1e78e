"""A gate that machines pass together: none is touched before all were looked at."""

from __future__ import annotations

import asyncio

from bmctl.errors import BmctlError, InvalidError


class NotStartedError(BmctlError):
    """The machine itself was fine, but another's plan was not: nothing was touched."""

    exit_code = InvalidError.exit_code


class Gate:
    """Opens when every party has arrived or left; stays shut for all if one left over a mistake.

    A wrong inventory or image is a mistake, and stops all; a controller that does not answer stops
    only its own machine.
    """

    def __init__(self, parties: int) -> None:
        self._missing = parties
        self._mistake = False
        self._settled = asyncio.Event()
        if parties == 0:
            self._settled.set()

    async def arrive(self) -> None:
        """Wait for the others; raises `NotStartedError` where one of them left over a mistake."""
        self._count()
        await self._settled.wait()
        if self._mistake:
            raise NotStartedError(
                "not started, because another machine of this command cannot be",
                hint="correct that one, or name the others alone",
            )

    def leave(self, error: BaseException) -> None:
        """Say that one party will not come, and why."""
        cause = getattr(error, "cause", error)
        self._mistake = self._mistake or isinstance(cause, InvalidError)
        self._count()

    def _count(self) -> None:
        self._missing -= 1
        if self._missing <= 0:
            self._settled.set()
