"""BIOS, versions, volumes and firmware through the emulator, over libvirt's test driver."""

from __future__ import annotations

import pytest

from bmctl.drivers import open_driver
from bmctl.errors import BmctlError, InvalidError
from bmctl.model.firmware import PowerAction, PowerState
from bmctl.model.raid import NewVolume, RaidLevel

pytestmark = pytest.mark.peer
GIB = 2**30
MACHINE = "6695eb01-f6a4-8304-79aa-97f2502e193f"


@pytest.fixture
async def machine(libvirt_emulator):
    async with open_driver("redfish", libvirt_emulator.access(system=MACHINE)) as driver:
        yield driver


async def test_it_tells_what_it_can(machine):
    description = await machine.introspection.describe()
    assert set(description.abilities) == {
        "bios", "bios_reset", "boot_device", "secure_boot", "raid", "firmware", "virtual_media", "clock",
    }  # fmt: skip
    assert machine.boot_mode is None  # this machine's XML tells none
    assert description.bios_version


async def test_bios_settings_are_applied_and_reset(machine):
    await machine.bios.reset()
    before = (await machine.bios.read()).values
    await machine.bios.apply({"ProcTurboMode": "Disabled"})
    assert (await machine.bios.read()).values == {**before, "ProcTurboMode": "Disabled"}
    await machine.bios.apply({"ProcTurboMode": "Disabled"})
    await machine.bios.reset()
    assert (await machine.bios.read()).values == before


async def test_a_setting_that_its_registry_does_not_know_is_refused_before_anything_is_sent(machine):
    before = await machine.bios.read()
    with pytest.raises(InvalidError, match="cannot be Disable, did you mean Disabled") as refused:
        await machine.bios.apply({"ProcTurboMode": "Disable", "EmbedSata": "Raid"})
    assert "no setting EmbedSata, did you mean EmbeddedSata" in str(refused.value)
    assert await machine.bios.read() == before


async def test_power_goes_on_and_off(machine):
    for action, state in ((PowerAction.REBOOT, PowerState.ON), (PowerAction.OFF, PowerState.OFF)):
        await machine.power.set(action)
        assert await machine.power.state() is state


async def test_firmware_is_updated(machine):
    before = await machine.firmware.find("bios")
    started = await machine.firmware.start("http://10.0.0.1/bios.bin", ())
    assert (await machine.tasks.look(started.task)).state == "done"
    assert (await machine.firmware.find("bios")).version != before.version


async def test_a_volume_is_made(machine):
    (controller,) = await machine.raid.look()
    (disk,) = controller.disks
    assert disk.size == 899527000000
    await machine.raid.create(
        NewVolume(
            controller=controller.path, level=RaidLevel.RAID0, disks=(disk.path,), size=10 * GIB, name="data"
        )
    )
    (controller,) = await machine.raid.look()
    (volume,) = controller.volumes
    assert (volume.name, volume.size, volume.level) == ("data", 10 * GIB, RaidLevel.RAID0)
    with pytest.raises(BmctlError):  # the emulator cannot delete one
        await machine.raid.delete(volume)


async def test_the_clock_is_told(machine):
    assert (await machine.clock.read()).tzinfo is not None
