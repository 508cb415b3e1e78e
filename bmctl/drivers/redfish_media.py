"""One image in the machine's virtual drive, and the proof that it is there: Redfish's VirtualMedia."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import sushy.exceptions

from bmctl.drivers.media_states import ENDS, TRANSITIONS, Outcome, State
from bmctl.drivers.redfish_conversation import Conversation
from bmctl.drivers.redfish_errors import Verdict, verdict
from bmctl.drivers.redfish_quirks import Quirks
from bmctl.drivers.redfish_slots import Slot, slots_of
from bmctl.errors import BmctlError, RefusedError

# Some controllers fetch the whole image before they answer.
INSERT_PATIENCE = 600.0
_LONGEST_PAUSE = 3.0
_ROUNDS = 3


class RedfishMedia:
    """Leaves exactly one image, or none, in the machine's drives."""

    def __init__(self, conversation: Conversation, quirks: Quirks) -> None:
        self._conversation = conversation
        self.pace = conversation.pace
        self._quirks = quirks
        self._known: tuple[Slot, ...] = ()
        self._unsure = False
        """Whether an image was sent to a drive that does not show it yet."""

    async def insert(self, url: str) -> None:
        """Empty every drive and put the image into the first that takes it; seen, not believed."""
        await _Insertion(self, url).run()

    async def eject(self) -> None:
        """Empty every drive, and see that they are."""
        error: BmctlError | None = None
        for number in range(_ROUNDS):
            if number:
                await asyncio.sleep(self.pace.media_rest)
            error = await self.empty() or error
            if await self.see_empty():
                self._unsure = False
                return
        raise self.stuck() from error

    async def inserted(self) -> tuple[str, ...]:
        """URLs of the images that are in now."""

        def look() -> tuple[str, ...]:
            for slot in self._slots():
                slot.look(fresh=True)
            return tuple(slot.image for slot in self._slots() if slot.full)

        return await self._conversation.call("tell what is in its virtual drives", look)

    async def cd_slots(self) -> tuple[Slot, ...]:
        """The drives that take an ISO, in the controller's order."""
        slots = await self._conversation.call("list its virtual drives", self._slots)
        return tuple(slot for slot in slots if slot.holds_cd)

    async def empty(self, *, every: bool = False) -> BmctlError | None:
        """Ask for the full drives to be emptied, or every one; the last error is no end yet."""
        last: BmctlError | None = None
        every = every or self._unsure or self._quirks.eject_empty
        for slot in await self._conversation.call("list its virtual drives", self._slots):
            if slot.full or (slot.holds_cd and every):
                try:
                    await self._conversation.call(f"eject virtual drive {slot.name}", slot.eject)
                except BmctlError as error:
                    if isinstance(error.__cause__, sushy.exceptions.ConnectionError):
                        raise
                    last = error
        return last

    async def see_empty(self) -> bool:
        """Look until every drive is empty, for a while."""

        def empty() -> bool:
            watched = [slot for slot in self._slots() if slot.holds_cd or slot.full]
            for slot in watched:
                slot.look(fresh=True)
            return not any(slot.full for slot in watched)

        return await self._see(empty, within=self.pace.see_empty)

    async def see_inserted(self, slot: Slot, url: str) -> bool:
        """Look until the image is in the drive, for a while."""

        def there() -> bool:
            slot.look()
            return slot.holds(url)

        self._unsure = not await self._see(there, within=self.pace.see_inserted)
        return not self._unsure

    async def put(self, slot: Slot, url: str) -> None:
        """Ask for the image to be put into the drive."""
        self._unsure = True
        doing = f"insert the image into virtual drive {slot.name}"
        await self._conversation.call(doing, lambda: slot.insert(url), reading=INSERT_PATIENCE)

    async def took_it(self, slot: Slot, url: str) -> bool:
        """Whether the image is in the drive now."""

        def look() -> bool:
            slot.look(fresh=True)
            return slot.holds(url)

        return await self._conversation.call("tell what is in its virtual drives", look)

    def stuck(self) -> BmctlError:
        """The error for drives that stay full."""
        full = ", ".join(slot.name for slot in self._known if slot.full) or "one"
        return BmctlError(
            f"the controller keeps an image in its virtual drive ({full}) after it was ejected",
            hint="eject it on the controller's web page, or restart the controller",
        )

    def _slots(self) -> tuple[Slot, ...]:
        if not self._known:
            self._known = slots_of(self._conversation.system)
        return self._known

    async def _see(self, true: Callable[[], bool], *, within: float) -> bool:
        pause, end = self.pace.media_look, time.monotonic() + within
        while not await self._conversation.call("tell what is in its virtual drives", true):
            if time.monotonic() > end:
                return False
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        return True


class _Insertion:
    """One image on its way into a drive, along the table of states."""

    def __init__(self, media: RedfishMedia, url: str) -> None:
        self._media = media
        self._url = url
        self._slots: tuple[Slot, ...] = ()
        self._chosen = 0
        self._rounds = _ROUNDS
        self._every = False
        self._error: BmctlError | None = None

    async def run(self) -> None:
        self._slots = await self._media.cd_slots()
        if not self._slots:
            raise RefusedError(
                "this controller has no virtual drive for an ISO image",
                hint="look for a licence or newer firmware",
            )
        actions = {
            State.EJECT: self._eject,
            State.SEE_EMPTY: self._see_empty,
            State.INSERT: self._insert,
            State.SEE_INSERTED: self._see_inserted,
            State.NEXT_DRIVE: self._next_drive,
            State.REST: self._rest,
        }
        state = State.EJECT
        while state not in ENDS:
            state = TRANSITIONS[state, await actions[state]()]
        if state is State.FAILED:
            raise self._failure()

    async def _eject(self) -> Outcome:
        self._chosen = 0
        await self._media.empty(every=self._every)
        return Outcome.GOOD

    async def _see_empty(self) -> Outcome:
        if await self._media.see_empty():
            return Outcome.GOOD
        self._error = self._media.stuck()
        return Outcome.NOT_SEEN

    async def _insert(self) -> Outcome:
        try:
            await self._media.put(self._slots[self._chosen], self._url)
        except BmctlError as error:
            self._error = error
            answered = isinstance(error.__cause__, sushy.exceptions.HTTPError)
            judgement = verdict(error)
            if judgement is Verdict.REFUSED:
                # Some refuse and take it all the same: a second drive must not be filled as well.
                taken = await self._media.took_it(self._slots[self._chosen], self._url)
                return Outcome.GOOD if taken else Outcome.REFUSED
            return Outcome.BUSY if answered else Outcome.LOST
        return Outcome.GOOD

    async def _see_inserted(self) -> Outcome:
        slot = self._slots[self._chosen]
        if await self._media.see_inserted(slot, self._url):
            return Outcome.GOOD
        self._error = self._error or BmctlError(
            f"the controller took the image for virtual drive {slot.name}, but does not show it there",
            hint="see that the controller can fetch from the address bmctl serves it at",
        )
        return Outcome.NOT_SEEN

    async def _next_drive(self) -> Outcome:
        self._chosen += 1
        if self._chosen < len(self._slots):
            return Outcome.GOOD
        # A drive that refuses may hold an image it does not show: one more round, with every drive ejected.
        self._rounds = 1 if self._every else 2
        self._every = True
        return Outcome.NOT_SEEN

    async def _rest(self) -> Outcome:
        self._rounds -= 1
        if not self._rounds:
            return Outcome.NOT_SEEN
        await asyncio.sleep(self._media.pace.media_rest)
        return Outcome.GOOD

    def _failure(self) -> BmctlError:
        return self._error or BmctlError("the controller did not take the image")
