"""What every driver promises, on each of them: the fake, the tests' own controller, the emulator."""

from __future__ import annotations

import pytest

from bmctl.drivers import open_driver
from bmctl.drivers.abilities import Access
from bmctl.drivers.pace import Pace
from bmctl.errors import RefusedError
from bmctl.model.firmware import BootMode, BootTarget, PowerAction, PowerState, SecureBootState
from bmctl.model.secret import Secret

pytestmark = pytest.mark.peer


@pytest.fixture(params=["fake", "controller", "emulator"])
async def any_driver(request, access_to, fakes):
    """A machine that is off, through each driver."""
    if request.param == "emulator":
        name, access = "redfish", request.getfixturevalue("emulator").access(1)
    elif request.param == "controller":
        name, access = "redfish", access_to(request.getfixturevalue("controller"))
    else:
        name, access = "fake", Access(address="fake:n1", username="", password=Secret(""))
    async with open_driver(name, access) as driver:
        yield driver


async def test_an_image_is_in_until_it_is_ejected(any_driver, image):
    media = any_driver.media
    await media.eject()
    assert await media.inserted() == ()
    await media.insert(image)
    await media.insert(image)
    assert await media.inserted() == (image,)
    await media.eject()
    await media.eject()
    assert await media.inserted() == ()


@pytest.mark.parametrize("mode", list(BootMode))
async def test_the_next_boot_is_set_again_and_again_and_cleared(any_driver, mode):
    boot = any_driver.boot
    for target in (BootTarget.CD, BootTarget.CD, BootTarget.DISK, BootTarget.PXE):
        await boot.set_next(target, mode)
    await boot.clear()
    await boot.clear()
    await boot.set_next(BootTarget.DISK, BootMode.UEFI)


async def test_what_is_off_is_off_at_once(any_driver):
    await any_driver.power.set(PowerAction.OFF)
    assert await any_driver.power.state() is PowerState.OFF


async def test_power_goes_on_and_off_and_may_be_asked_twice(request, any_driver):
    if "emulator" in request.node.name:
        pytest.skip("the emulator's fake machines take up to 11 s for each switch: there is a test for one")
    for action, state in (
        (PowerAction.ON, PowerState.ON),
        (PowerAction.ON, PowerState.ON),
        (PowerAction.REBOOT, PowerState.ON),
        (PowerAction.SOFT_OFF, PowerState.OFF),
        (PowerAction.OFF, PowerState.OFF),
        (PowerAction.SOFT_REBOOT, PowerState.ON),
    ):
        await any_driver.power.set(action)
        assert await any_driver.power.state() is state


async def test_a_description_says_what_it_is(any_driver):
    description = await any_driver.introspection.describe()
    assert description.protocol
    assert description.power is PowerState.OFF
    assert BootTarget.CD in description.boot_targets
    assert description.media_slots == ("Cd",)
    assert description.boot_mode is BootMode.UEFI


async def test_secure_boot_is_told_and_set(any_driver):
    if (secure_boot := any_driver.secure_boot) is None:
        pytest.skip("this controller has none")
    for enabled, state in ((True, SecureBootState.ENABLED), (False, SecureBootState.DISABLED)):
        await secure_boot.set(enabled)
        assert await secure_boot.state() is state


async def test_requests_are_counted(any_driver):
    before = any_driver.session.requests
    await any_driver.power.state()
    assert any_driver.session.requests == before + 1


async def test_the_emulators_machine_is_waited_for_until_it_is_on(emulator):
    async with open_driver("redfish", emulator.access(2, pace=Pace())) as driver:
        before = driver.session.requests
        await driver.power.set(PowerAction.ON)
        assert await driver.power.state() is PowerState.ON
        assert driver.session.requests - before <= 9


async def test_the_emulator_tells_its_network_interface(emulator):
    async with open_driver("redfish", emulator.access(3)) as driver:
        description = await driver.introspection.describe()
    assert description.macs == ("52:54:00:00:00:03",)
    assert description.manufacturer == "Sushy Emulator"
    assert description.controller_version


async def test_an_image_the_emulator_cannot_fetch_is_an_error(emulator, image):
    async with open_driver("redfish", emulator.access(4)) as driver:
        with pytest.raises(RefusedError, match="could not insert the image into virtual drive Cd"):
            await driver.media.insert(image.replace("n1.iso", "absent.iso"))
        assert await driver.media.inserted() == ()
