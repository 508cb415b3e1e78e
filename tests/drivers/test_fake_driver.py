"""The machine in memory and its scripted faults."""

from __future__ import annotations

import pytest

from bmctl.drivers import open_driver
from bmctl.drivers.abilities import Access
from bmctl.drivers.fake import Boot, Fault, machine_at
from bmctl.errors import BmctlError, InvalidError, RefusedError, UnreachableError
from bmctl.model.firmware import BootMode, BootTarget, PowerAction
from bmctl.model.secret import Secret

pytestmark = pytest.mark.usefixtures("fakes")
URL = "http://10.0.0.1/n1.iso"


def access(address: str) -> Access:
    return Access(address=address, username="", password=Secret(""))


async def test_it_boots_what_it_was_told_to_once():
    machine = machine_at("fake:n1")
    async with open_driver("fake", access("fake:n1")) as driver:
        await driver.media.insert(URL)
        await driver.boot.set_next(BootTarget.CD, BootMode.UEFI)
        await driver.power.set(PowerAction.ON)
        await driver.power.set(PowerAction.REBOOT)
    assert machine.boots == [
        Boot(target=BootTarget.CD, mode=BootMode.UEFI, image=URL),
        Boot(target=None, mode=BootMode.UEFI),
    ]


async def test_whoever_wants_to_know_is_told_of_each_boot():
    heard: list[Boot] = []
    machine_at("fake:n1").booted = heard.append
    async with open_driver("fake", access("fake:n1")) as driver:
        await driver.power.set(PowerAction.ON)
        await driver.power.set(PowerAction.ON)
    assert len(heard) == 1


async def test_a_fault_in_the_address_happens_as_often_as_it_says():
    async with open_driver("fake", access("fake:n1?fault=media.insert:unreachable:2")) as driver:
        for _ in range(2):
            with pytest.raises(UnreachableError, match=r"told to fail in media\.insert"):
                await driver.media.insert(URL)
        await driver.media.insert(URL)
        assert await driver.media.inserted() == (URL,)


async def test_a_fault_may_come_later_and_after_its_work():
    lost = Fault(call="power.set", error=BmctlError("answer lost"), after=1, effect=True)
    machine = machine_at("fake:n1")
    machine.faults.append(lost)
    async with open_driver("fake", access("fake:n1")) as driver:
        await driver.power.set(PowerAction.OFF)
        with pytest.raises(BmctlError, match="answer lost"):
            await driver.power.set(PowerAction.ON)
    assert len(machine.boots) == 1


async def test_a_controller_that_cannot_be_opened_holds_no_session():
    with pytest.raises(RefusedError):
        async with open_driver("fake", access("fake:n1?fault=session.open:refused")):
            pytest.fail("it should not get here")
    assert machine_at("fake:n1?fault=session.open:refused").sessions == 0


async def test_sessions_are_given_back():
    async with open_driver("fake", access("fake:n1")):
        assert machine_at("fake:n1").sessions == 1
    assert machine_at("fake:n1").sessions == 0


@pytest.mark.parametrize(
    "address", ["n1", "fake:", "fake:n1?fault=x", "fake:n1?fault=a:b", "fake:n1?fault=a:failed:x"]
)
async def test_addresses_that_are_none(address):
    with pytest.raises(InvalidError):
        machine_at(address)
