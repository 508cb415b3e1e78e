"""How often to ask: often at first, seldom later, within one budget of time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]

SHORTEST_PAUSE = 0.2
LONGEST_PAUSE = 2.0
GROWTH = 1.3


class Pace:
    """Pauses that grow from 0.2 s to `longest`, and the seconds left of a budget."""

    def __init__(self, budget: float, *, clock: Clock, sleep: Sleep) -> None:
        self._clock = clock
        self._sleep = sleep
        self._started = clock()
        self._budget = budget
        self._next = SHORTEST_PAUSE

    @property
    def elapsed(self) -> float:
        return self._clock() - self._started

    @property
    def left(self) -> float:
        return max(0.0, self._budget - self.elapsed)

    @property
    def spent(self) -> bool:
        return self.left <= 0

    async def pause(self, *, longest: float = LONGEST_PAUSE) -> None:
        """Wait, a little longer each time, never beyond the budget."""
        wait = min(self._next, longest)
        self._next = min(wait * GROWTH, longest)
        await self._sleep(min(wait, self.left))

    def quicken(self) -> None:
        """Start again with the shortest pause: something has just happened."""
        self._next = SHORTEST_PAUSE
