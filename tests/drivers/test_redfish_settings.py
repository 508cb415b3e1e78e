"""Settings, volumes, firmware and the controller itself, at the tests' own controller."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from redfish_controller import SYSTEM, Answer
from settings_controller import (
    BIOS,
    INVENTORY,
    MANAGER,
    PENDING,
    SECURE_BOOT,
    SIMPLE_UPDATE,
    STORAGE,
    TASKS,
    UPDATES,
    VOLUMES,
    SettingsController,
    Task,
)

from bmctl.drivers import open_driver
from bmctl.errors import BmctlError, InvalidError, LostAnswerError, RefusedError, UnreachableError
from bmctl.model.controller import Ability, TaskState
from bmctl.model.firmware import BootMode, BootTarget, SecureBootState
from bmctl.model.raid import NewVolume, RaidLevel

GIB = 2**30


@pytest.fixture
async def machine(settings_controller, access_to):
    async with open_driver("redfish", access_to(settings_controller)) as driver:
        yield driver


async def test_all_it_has_is_told(machine):
    assert (await machine.introspection.describe()).abilities == tuple(Ability)


async def test_what_it_lacks_is_not_told_and_refused(controller, access_to):
    async with open_driver("redfish", access_to(controller)) as driver:
        told = (await driver.introspection.describe()).abilities
        assert told == (Ability.BOOT_MODE, Ability.BOOT_DEVICE, Ability.VIRTUAL_MEDIA)
        for lacking in (driver.bios, driver.raid, driver.firmware, driver.secure_boot_keys, driver.bmc_reset):
            assert lacking is None


async def test_parts_that_fail_within_count_as_lacking_and_cost_no_patience(settings_controller, machine):
    for path in (BIOS, f"{SYSTEM}/Storage", UPDATES):
        settings_controller.will("GET", path, Answer(status=500))
    told = set((await machine.introspection.describe()).abilities)
    assert not told & {Ability.BIOS, Ability.RAID, Ability.FIRMWARE}
    assert settings_controller.count("GET", BIOS) == 1


async def test_a_part_that_is_busy_is_asked_again(settings_controller, machine):
    settings_controller.will("GET", BIOS, Answer(status=503, headers={"Retry-After": "0"}))
    assert Ability.BIOS in (await machine.introspection.describe()).abilities


async def test_bios_settings_wait_for_the_restart(settings_controller, machine):
    await machine.bios.apply({"NumCores": "4", "LogicalProc": "Enabled", "QuietBoot": "false"})
    assert settings_controller.pending == {"NumCores": 4, "QuietBoot": False}
    assert (await machine.bios.read()).values["NumCores"] == 8


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("LogicalProc", "Enable", "did you mean Enabled"),
        ("LogicalProc", "Off", r"cannot be Off, did you mean Disabled \(it takes Enabled, Disabled\)"),
        ("NumCores", 17, "at most 16, not 17"),
        ("NumCores", 0, "at least 1, not 0"),
        ("NumCores", "many", "a whole number, not many"),
        ("QuietBoot", "maybe", "true or false, not maybe"),
        ("AssetTag", "far too long", "at most 8 characters, not 12"),
        ("Serial", "S2", "can only be read"),
        ("SetupPassword", "x", "is a password"),
        ("NumCore", 4, "no setting NumCore, did you mean NumCores"),
    ],
)
async def test_a_wrong_setting_is_refused_before_anything_is_sent(
    settings_controller, machine, name, value, complaint
):
    with pytest.raises(InvalidError, match=complaint):
        await machine.bios.apply({name: value})
    assert not settings_controller.count("PATCH", PENDING)


async def test_without_a_registry_names_are_checked_all_the_same(settings_controller, machine):
    settings_controller.registry = False
    await machine.bios.apply({"NumCores": 99})
    assert settings_controller.pending == {"NumCores": 99}
    with pytest.raises(InvalidError, match="no setting Cores"):
        await machine.bios.apply({"Cores": 1})


async def test_a_busy_bios_is_asked_again_and_a_lost_answer_looked_after(settings_controller, machine):
    busy = Answer(status=503, headers={"Retry-After": "0"})
    settings_controller.will("PATCH", PENDING, busy, Answer(status=0, effect=True))
    await machine.bios.apply({"NumCores": 4})
    assert settings_controller.pending == {"NumCores": 4}
    assert settings_controller.count("PATCH", PENDING) == 2


async def test_secure_boot_and_its_keys(settings_controller, machine):
    await machine.secure_boot.set(True)
    assert await machine.secure_boot.state() is SecureBootState.ENABLED
    assert await machine.secure_boot.current() is SecureBootState.DISABLED
    await machine.secure_boot_keys.clear()
    assert settings_controller.keys == "DeleteAllKeys"
    await machine.secure_boot_keys.reset_to_default()
    assert settings_controller.keys == "ResetAllKeysToDefault"


async def test_keys_that_cannot_be_changed_so_are_refused(settings_controller, machine):
    allowed = {"target": f"{SECURE_BOOT}/x", "ResetKeysType@Redfish.AllowableValues": ["DeletePK"]}
    body = {"Id": "1", "Actions": {"#SecureBoot.ResetKeys": allowed}}
    settings_controller.will("GET", SECURE_BOOT, Answer(status=200, body=body))
    with pytest.raises(InvalidError, match=r"cannot do DeleteAllKeys \(it offers DeletePK\)"):
        await machine.secure_boot_keys.clear()


async def test_the_boot_mode_is_set(machine):
    await machine.boot_mode.set(BootMode.BIOS)
    assert await machine.boot_mode.mode() is BootMode.BIOS


async def test_a_boot_mode_it_does_not_offer_is_refused(settings_controller, access_to):
    settings_controller.boot["BootSourceOverrideMode@Redfish.AllowableValues"] = ["Legacy"]
    async with open_driver("redfish", access_to(settings_controller)) as driver:
        with pytest.raises(InvalidError, match=r"cannot set the boot mode uefi \(it offers Legacy\)"):
            await driver.boot_mode.set(BootMode.UEFI)


async def test_a_boot_device_for_good(settings_controller, machine):
    await machine.boot.set_next(BootTarget.PXE, BootMode.UEFI)
    assert settings_controller.boot["BootSourceOverrideEnabled"] == "Once"
    await machine.boot.set_next(BootTarget.PXE, BootMode.UEFI, persistent=True)
    assert settings_controller.boot["BootSourceOverrideEnabled"] == "Continuous"


def new_volume(**more) -> NewVolume:
    disks = (f"{STORAGE}/Drives/0", f"{STORAGE}/Drives/1")
    return NewVolume(**{"controller": STORAGE, "level": RaidLevel.RAID1, "disks": disks, **more})


async def test_volumes_are_made_told_and_deleted(settings_controller, machine):
    assert (await machine.raid.create(new_volume(name="root", size=50 * GIB))).task is None
    (controller,) = await machine.raid.look()
    assert controller.levels == (RaidLevel.RAID0, RaidLevel.RAID1, RaidLevel.RAID5)
    (volume,) = controller.volumes
    assert (volume.name, volume.level, volume.size) == ("root", RaidLevel.RAID1, 50 * GIB)
    assert volume.disks == new_volume().disks
    await machine.raid.delete(volume)
    assert not settings_controller.volumes


async def test_a_volume_whose_answer_is_lost_is_made_once(settings_controller, machine):
    settings_controller.will("POST", VOLUMES, Answer(status=0, effect=True))
    await machine.raid.create(new_volume())
    assert len(settings_controller.volumes) == 1
    assert settings_controller.count("POST", VOLUMES) == 1


async def test_volumes_at_the_next_restart(settings_controller, machine):
    settings_controller.volume_tasks, settings_controller.apply_time = True, "OnReset"
    started = await machine.raid.create(new_volume())
    assert started.after_restart
    assert (await machine.tasks.look(started.task)).state is TaskState.WAITING


async def test_an_update_is_begun_and_its_task_looked_at(settings_controller, machine):
    component = await machine.firmware.find("nic.1")
    assert component.version == "7.0"
    started = await machine.firmware.start("http://10.0.0.1/nic.bin", component.targets)
    assert settings_controller.updates == [
        {
            "ImageURI": "http://10.0.0.1/nic.bin",
            "TransferProtocol": "HTTP",
            "Targets": [f"{INVENTORY}/NIC.1"],
        }
    ]
    states = [(await machine.tasks.look(started.task)).state for _ in range(3)]
    assert states == [TaskState.WAITING, TaskState.RUNNING, TaskState.DONE]
    assert (await machine.firmware.find("nic.1")).version == "8.0"


async def test_a_component_it_does_not_have_is_refused(machine):
    with pytest.raises(InvalidError, match=r"no firmware component NIC\.2, did you mean NIC\.1"):
        await machine.firmware.find("NIC.2")


async def test_a_way_of_fetching_it_does_not_know_is_refused(settings_controller, machine):
    with pytest.raises(InvalidError, match=r"cannot fetch firmware by FTP \(it offers HTTP, HTTPS\)"):
        await machine.firmware.start("ftp://10.0.0.1/nic.bin", ())
    assert not settings_controller.updates


@pytest.mark.parametrize("answer", [Answer(status=0, effect=True), Answer(status=0), Answer(status=500)])
async def test_an_update_whose_answer_is_lost_is_not_asked_for_again(settings_controller, machine, answer):
    settings_controller.will("POST", SIMPLE_UPDATE, answer)
    with pytest.raises(LostAnswerError):
        await machine.firmware.start("http://10.0.0.1/nic.bin", ())
    assert settings_controller.count("POST", SIMPLE_UPDATE) == 1


async def test_a_busy_update_service_is_asked_again(settings_controller, machine):
    settings_controller.will("POST", SIMPLE_UPDATE, Answer(status=503, headers={"Retry-After": "0"}))
    assert (await machine.firmware.start("http://10.0.0.1/nic.bin", ())).task
    assert len(settings_controller.updates) == 1


async def test_a_controller_that_insists_on_a_target_is_given_the_machine(settings_controller, machine):
    missing = {"error": {"message": "Missing Targets"}}
    settings_controller.will("POST", SIMPLE_UPDATE, Answer(status=400, body=missing))
    settings_controller.versions["1"] = "1.0"  # the machine as a component
    await machine.firmware.start("http://10.0.0.1/bios.bin", ())
    assert settings_controller.updates[0]["Targets"] == [SYSTEM]


async def test_a_task_that_fails_says_why(settings_controller, machine):
    task = settings_controller.new_task(
        Task(states=["Exception"], message="the image is for another machine")
    )
    report = await machine.tasks.look(task)
    assert report.state is TaskState.FAILED
    assert report.message == "the image is for another machine"


async def test_a_task_that_is_forgotten_is_gone(machine):
    assert (await machine.tasks.look(f"{TASKS}/77")).state is TaskState.GONE


async def test_all_tasks_are_listed_where_there_is_a_list(settings_controller, machine, access_to):
    assert await machine.tasks.running() == ()
    settings_controller.new_task(Task(states=["Running"]))
    assert await machine.tasks.running() == (f"{TASKS}/1",)
    settings_controller.lists_tasks = False
    async with open_driver("redfish", access_to(settings_controller)) as driver:
        assert await driver.tasks.running() is None


async def test_the_controller_restarts_and_is_logged_in_at_again(settings_controller, machine):
    reset = f"{MANAGER}/Actions/Manager.Reset"
    settings_controller.will("POST", reset, Answer(status=0, effect=True))
    await machine.bmc_reset.reset()
    assert settings_controller.resets == 1
    assert await machine.power.state()


async def test_a_controller_that_cannot_restart_says_so(settings_controller, machine):
    settings_controller.will("GET", MANAGER, Answer(status=200, body={"Id": "BMC"}))
    with pytest.raises(RefusedError, match="cannot be told to restart"):
        await machine.bmc_reset.reset()


async def test_its_time_is_told(settings_controller, machine):
    settings_controller.clock = "2026-01-01T02:00:00+02:00"
    assert await machine.clock.read() == datetime(2026, 1, 1, tzinfo=UTC)
    settings_controller.clock = "yesterday"
    with pytest.raises(UnreachableError, match="does not tell its time"):
        await machine.clock.read()


async def test_what_is_refused_is_told(settings_controller, machine):
    settings_controller.will(
        "POST", VOLUMES, Answer(status=400, body={"error": {"message": "no such disk."}})
    )
    with pytest.raises(BmctlError, match=r"could not create a RAID volume \(HTTP 400: no such disk\)"):
        await machine.raid.create(new_volume())


def test_the_lacking_controller_is_the_plain_one():
    assert not SettingsController(lacks=True).tasks
