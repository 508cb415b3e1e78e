"""Turns of threads: one call at a time per controller, and waiting that can end before the call does."""

from __future__ import annotations

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmctl.drivers.pool import call_in_thread


async def test_what_is_returned_and_raised_comes_back():
    assert await call_in_thread("a", lambda: 5, deadline=5) == 5
    with pytest.raises(ZeroDivisionError):
        await call_in_thread("a", lambda: 1 // 0, deadline=5)


@given(st.lists(st.sampled_from("abc"), max_size=30))
def test_calls_to_one_controller_never_overlap_and_keep_their_order(controllers):
    inside: dict[str, int] = dict.fromkeys("abc", 0)
    order: list[tuple[str, int]] = []

    def work(key: str, number: int) -> None:
        inside[key] += 1
        assert inside[key] == 1
        order.append((key, number))
        inside[key] -= 1

    async def main() -> None:
        calls = [
            call_in_thread(key, lambda key=key, number=number: work(key, number), deadline=30)
            for number, key in enumerate(controllers)
        ]
        await asyncio.gather(*calls)

    asyncio.run(main())
    for key in "abc":
        assert [number for name, number in order if name == key] == [
            number for number, name in enumerate(controllers) if name == key
        ]


async def test_a_call_given_up_keeps_the_controllers_turn_until_it_is_back():
    back = threading.Event()
    with pytest.raises(TimeoutError):
        await call_in_thread("a", lambda: back.wait(10), deadline=0.05)
    next_call = asyncio.create_task(call_in_thread("a", lambda: "next", deadline=5))
    other = await call_in_thread("b", lambda: "other", deadline=5)
    assert (other, next_call.done()) == ("other", False)
    back.set()
    assert await next_call == "next"


async def test_waiting_for_a_turn_can_be_cancelled():
    back = threading.Event()
    first = asyncio.create_task(call_in_thread("a", lambda: back.wait(10), deadline=10))
    await asyncio.sleep(0.02)
    waiting = asyncio.create_task(call_in_thread("a", lambda: "never", deadline=5))
    await asyncio.sleep(0.02)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    back.set()
    assert await first
    assert await call_in_thread("a", lambda: "again", deadline=5) == "again"
