"""Steps of the controller over HTTP, at the tests' own controller: it works, or fails half-way."""

from __future__ import annotations

import pytest
from paper_world import PaperWorld
from redfish_controller import HASTY, Answer, Service
from settings_controller import SIMPLE_UPDATE, VOLUMES, SettingsController

from bmctl.drivers import open_driver
from bmctl.drivers.abilities import Access
from bmctl.errors import BmctlError
from bmctl.model.firmware import BootMode
from bmctl.model.raid import LogicalDisk, RaidConfig, RaidLevel
from bmctl.model.secret import Secret
from bmctl.steps.apply_bios_configuration import (
    ApplyBiosConfiguration,
    BiosSetting,
    apply_bios_configuration,
)
from bmctl.steps.apply_raid_configuration import ApplyRaidConfiguration, apply_raid_configuration
from bmctl.steps.patience import Patience
from bmctl.steps.set_boot_mode import SetBootMode, set_boot_mode
from bmctl.steps.set_secure_boot import SetSecureBoot, set_secure_boot
from bmctl.steps.update_firmware import FirmwareSetting, UpdateFirmware, update_firmware
from bmctl.store.marks import RunRecord

QUICK = Patience(
    look=0.01, shutdown=1, apply=0.3, unproven=0.2, stuck=0.02, absent=1, settle=0, steady=0, listed=0.01
)
BIOS = ApplyBiosConfiguration(settings=(BiosSetting(name="NumCores", value=4),))
MIRRORS = RaidConfig(
    logical_disks=tuple(
        LogicalDisk(size_gb="MAX", raid_level=RaidLevel.RAID1, volume_name=name) for name in ("root", "data")
    )
)
NIC = UpdateFirmware(settings=(FirmwareSetting(component="NIC.1", url="http://10.0.0.9/nic.bin"),))


@pytest.fixture
def controller():
    state = SettingsController()
    with Service(state):
        yield state


@pytest.fixture
async def ports(controller, tmp_path):
    access = Access(
        address=controller.url, username="admin", password=Secret(controller.password), pace=HASTY
    )
    world = PaperWorld(tmp_path)
    found = world.ports(RunRecord(world.journal))
    async with open_driver("redfish", access) as driver:
        found.driver = driver
        yield found


async def test_bios_settings_come_true_and_the_machine_is_off_again(controller, ports):
    await apply_bios_configuration(ports, BIOS, QUICK)
    assert controller.bios["NumCores"] == 4
    assert (controller.power, controller.boots) == ("Off", 1)


async def test_a_machine_that_was_on_is_on_again(controller, ports):
    controller.power = "On"
    await set_secure_boot(ports, SetSecureBoot(enabled=True), QUICK)
    assert controller.secure_boot_now
    assert (controller.power, controller.boots) == ("On", 1)


async def test_settings_that_the_firmware_rejects_are_an_error_that_says_why(controller, ports):
    controller.settings_refused = "The value is not valid with this processor."
    with pytest.raises(BmctlError, match="did not take NumCores: The value is not valid with this processor"):
        await apply_bios_configuration(ports, BIOS, QUICK)


async def test_a_boot_mode_that_changes_at_the_restart(controller, ports):
    controller.late_mode = True
    await set_boot_mode(ports, SetBootMode(mode=BootMode.BIOS), QUICK)
    assert controller.boot["BootSourceOverrideMode"] == "Legacy"
    assert controller.boots == 1


async def test_a_boot_mode_that_never_changes_is_an_error(controller, ports):
    controller.late_mode = True
    controller._start = lambda: None
    with pytest.raises(BmctlError, match=r"the boot mode is not bios 0\.3 s after the machine restarted"):
        await set_boot_mode(ports, SetBootMode(mode=BootMode.BIOS), QUICK)


@pytest.mark.parametrize(("tasks", "apply_time"), [(False, None), (True, "Immediate"), (True, "OnReset")])
async def test_volumes_in_every_way_a_controller_makes_them(controller, ports, tasks, apply_time):
    controller.volume_tasks, controller.apply_time = tasks, apply_time
    for _ in range(2):
        await apply_raid_configuration(ports, ApplyRaidConfiguration(raid_config=MIRRORS), QUICK)
        assert sorted(volume["Name"] for volume in controller.volumes.values()) == ["data", "root"]
        assert controller.power == "Off"
    assert controller.boots == (3 if apply_time == "OnReset" else 0)


async def test_a_volume_whose_task_fails_is_an_error(controller, ports):
    controller.volume_tasks, controller.task_end = True, "Exception"
    with pytest.raises(
        BmctlError, match=r"create RAID 1 volume root: the controller gave up \(it went wrong"
    ):
        await apply_raid_configuration(ports, ApplyRaidConfiguration(raid_config=MIRRORS), QUICK)
    assert controller.count("POST", VOLUMES) == 1


@pytest.mark.parametrize("waits", [False, True])
async def test_firmware_is_written_and_taken_up(controller, ports, waits):
    controller.task_waits = waits
    await update_firmware(ports, NIC, QUICK)
    assert controller.versions["NIC.1"] == "8.0"
    assert (controller.power, controller.boots) == ("Off", 1)


async def test_firmware_by_a_controller_that_forgets_its_tasks(controller, ports):
    controller.forgets_tasks = True
    await update_firmware(ports, NIC, QUICK)
    assert controller.versions["NIC.1"] == "8.0"


async def test_an_update_that_ends_in_an_exception_is_an_error(controller, ports):
    controller.task_end = "Exception"
    with pytest.raises(BmctlError, match=r"update the firmware of nic\.1: the controller gave up"):
        await update_firmware(ports, NIC, QUICK)
    assert controller.boots == 0


async def test_an_update_whose_answer_is_lost_is_found_again_and_sent_once(controller, ports):
    controller.will("POST", SIMPLE_UPDATE, Answer(status=0, effect=True))
    await update_firmware(ports, NIC, QUICK)
    assert controller.count("POST", SIMPLE_UPDATE) == 1
    assert controller.versions["NIC.1"] == "8.0"


async def test_a_lost_answer_of_a_controller_without_a_list_of_tasks_is_for_an_operator(
    controller, tmp_path, ports
):
    controller.lists_tasks = False
    access = Access(
        address=controller.url, username="admin", password=Secret(controller.password), pace=HASTY
    )
    controller.will("POST", SIMPLE_UPDATE, Answer(status=0, effect=True))
    async with open_driver("redfish", access) as driver:
        ports.driver = driver
        with pytest.raises(BmctlError, match="it is not known whether the controller began"):
            await update_firmware(ports, NIC, QUICK)
    assert controller.count("POST", SIMPLE_UPDATE) == 1
