"""Steps of the controller on the machine in memory: cut off anywhere, with faults, with time that jumps."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta

import pytest
from paper_clock import on_paper
from paper_cuts import Cut, Killed
from paper_world import PaperWorld

from bmctl.drivers.fake import Fault
from bmctl.errors import BmctlError, InvalidError, LostAnswerError, UnreachableError
from bmctl.model.controller import TaskReport, TaskState
from bmctl.model.firmware import BootMode, BootTarget, PowerState
from bmctl.model.raid import LogicalDisk, RaidConfig, RaidLevel
from bmctl.model.steps import INTERFACES, StepKind
from bmctl.ports import Ports
from bmctl.steps import STEPS
from bmctl.steps.apply_bios_configuration import ApplyBiosConfiguration, BiosSetting
from bmctl.steps.apply_raid_configuration import ApplyRaidConfiguration
from bmctl.steps.attach_virtual_media import AttachVirtualMedia
from bmctl.steps.create_raid_configuration import CreateRaidConfiguration
from bmctl.steps.set_boot_device import SetBootDevice
from bmctl.steps.set_boot_mode import SetBootMode
from bmctl.steps.set_secure_boot import SetSecureBoot
from bmctl.steps.update_firmware import FirmwareSetting, UpdateFirmware
from bmctl.steps.update_firmware_images import FirmwareImage, UpdateFirmwareImages
from bmctl.steps.verify_bmc_clock import VerifyBmcClock
from bmctl.store.marks import RunRecord

OFFERED = {key: step for key, step in STEPS.items() if step.offered is not None}
BIOS = ApplyBiosConfiguration(settings=(BiosSetting(name="NumCores", value=4),))
MIRROR = LogicalDisk(size_gb="MAX", raid_level=RaidLevel.RAID1, volume_name="root")
RAID = ApplyRaidConfiguration(raid_config=RaidConfig(logical_disks=(MIRROR,)))
FIRMWARE = UpdateFirmware(settings=(FirmwareSetting(component="bios", url="http://10.0.0.9/bios.bin"),))
ARGUMENTS = {
    "bios.apply_configuration": BIOS,
    "raid.apply_configuration": RAID,
    "raid.create_configuration": CreateRaidConfiguration(raid_config=RAID.raid_config),
    "firmware.update": FIRMWARE,
    "management.update_firmware": UpdateFirmwareImages(
        firmware_images=(FirmwareImage(url="http://10.0.0.9/x.bin"),)
    ),
    "management.set_secure_boot": SetSecureBoot(enabled=True),
    "management.set_boot_mode": SetBootMode(mode=BootMode.BIOS),
    "management.set_boot_device": SetBootDevice(device=BootTarget.PXE, persistent=True),
    "management.attach_virtual_media": AttachVirtualMedia(image_url="http://10.0.0.9/tools.iso"),
    "management.verify_bmc_clock": VerifyBmcClock(),
}


@pytest.fixture
def world(tmp_path) -> PaperWorld:
    return PaperWorld(tmp_path)


def ports_of(world: PaperWorld) -> Ports:
    """What a process of bmctl has in its hands, with what the journal tells it."""
    return world.ports(RunRecord(world.journal))


def run(world: PaperWorld, key: str, *, ports: Ports | None = None) -> Ports:
    ports = ports or ports_of(world)
    step = STEPS[key]
    args = ARGUMENTS.get(key) or step.args()
    on_paper(step.run(ports, args))
    return ports


def kept(world: PaperWorld) -> dict:
    """What a step leaves behind."""
    machine = world.machine
    settings = machine.settings
    volumes = sorted((volume.name, volume.level, volume.disks) for volume in settings.volumes)
    return {
        "power": machine.power, "mode": machine.mode, "override": machine.override, "image": machine.image,
        "bios": dict(settings.bios), "secure": settings.secure_boot_now, "keys": settings.keys,
        "volumes": volumes, "updated": set(settings.updates),
    }  # fmt: skip


def test_each_has_a_name_people_may_use_and_describes_its_arguments():
    for step in OFFERED.values():
        assert step.interface in INTERFACES
        assert step.offered.description
        assert not step.needs_ramdisk
        for item in step.args.__dataclass_fields__.values():
            assert item.metadata["description"]


def test_only_raid_destroys_and_only_looking_is_for_verifying():
    assert {key for key, step in OFFERED.items() if step.destroys} == {
        key for key in OFFERED if key.startswith("raid.")
    }
    verifying = {key for key, step in OFFERED.items() if StepKind.VERIFY in step.offered.kinds}
    assert verifying == {key for key, step in OFFERED.items() if not step.touches}


@pytest.mark.parametrize("key", OFFERED)
def test_run_twice_it_ends_as_run_once_and_in_the_power_state_it_was_found_in(world, key):
    run(world, key)
    once = kept(world)
    assert once["power"] is PowerState.OFF
    run(world, key)
    assert kept(world) == once


@pytest.mark.parametrize("key", OFFERED)
@pytest.mark.parametrize("found", [PowerState.ON, PowerState.OFF])
def test_cut_off_anywhere_and_resumed_it_ends_as_uncut(tmp_path, key, found):
    def begin(cuts: dict[int, Cut]) -> PaperWorld:
        world = PaperWorld(tmp_path, cuts=cuts)
        world.machine.power = found
        return world

    uncut = begin({})
    run(uncut, key)
    for point in range(1, uncut.cutter.passed + 1):
        world = begin({point: Cut.KILL})
        try:
            run(world, key)
        except Killed:
            world.cutter.dead = False
            run(world, key)
        assert kept(world) == kept(uncut), world.cutter.names[point - 1]


@pytest.mark.parametrize("key", OFFERED)
def test_a_controller_that_lacks_it_is_refused(world, key):
    ports = ports_of(world)
    names = ("boot", "media", "secure_boot", "secure_boot_keys", "boot_mode", "bios", "raid")
    from dataclasses import replace

    ports.driver = replace(ports.driver, **dict.fromkeys((*names, "firmware", "bmc_reset", "clock"), None))
    with pytest.raises(InvalidError, match="this controller cannot"):
        run(world, key, ports=ports)
    assert not world.machine.calls


def test_settings_that_are_so_already_restart_nothing(world):
    world.machine.settings.bios["NumCores"] = "4"
    run(world, "bios.apply_configuration")
    assert not world.machine.boots


def test_settings_that_the_bios_does_not_take_are_an_error(world):
    world.machine.settings.refused = ""
    ports = ports_of(world)
    world.machine.booted = lambda _boot: setattr(world.machine.settings, "refused", "not with this processor")
    world.machine.settings.bios = {"NumCores": 8}

    class Stubborn(dict):
        def update(self, *_args):
            """Nothing comes true."""

    world.machine.settings.bios = Stubborn(world.machine.settings.bios)
    with pytest.raises(BmctlError, match="the BIOS did not take NumCores: not with this processor"):
        run(world, "bios.apply_configuration", ports=ports)


def test_settings_that_never_show_are_given_up_in_time(world):
    world.machine.settings.refused = "an old story"
    with pytest.raises(BmctlError, match="BIOS settings are in effect 900 s after the machine restarted"):
        run(world, "bios.apply_configuration")


def test_a_controller_that_is_away_while_the_machine_starts_is_waited_for(world):
    error = UnreachableError("it is busy")
    world.machine.faults.append(Fault(call="bios.read", error=error, after=2, times=20))
    run(world, "bios.apply_configuration")
    assert world.machine.settings.bios["NumCores"] == 4


def test_a_running_system_may_shut_down_and_a_ramdisk_is_booted_again(world):
    world.machine.power = PowerState.ON
    run(world, "bios.apply_configuration")
    assert world.machine.boots[-1].target is None
    record = RunRecord(world.journal)
    record.put("agent", {"started_at": 1.0})
    world.agent.start_up(after_asks=0)
    world.disk.flushed = False
    world.machine.settings.bios["NumCores"] = 8
    ports = world.ports(record)
    run(world, "bios.apply_configuration", ports=ports)
    assert world.machine.boots[-1].target is BootTarget.CD
    assert world.disk.flushed


def test_a_deployed_system_is_not_taken_for_the_ramdisk_that_was_there_before(world):
    world.machine.power = PowerState.ON
    record = RunRecord(world.journal)
    record.put("agent", {"started_at": 1.0})
    run(world, "bios.apply_configuration", ports=world.ports(record))
    assert world.machine.boots[-1].target is None


def test_secure_boot_is_refused_in_bios_mode(world):
    world.machine.mode = BootMode.BIOS
    with pytest.raises(InvalidError, match="secure boot needs the boot mode uefi"):
        run(world, "management.set_secure_boot")


def test_old_volumes_go_and_new_ones_come(world):
    run(world, "raid.apply_configuration")
    first = world.machine.settings.volumes
    run(world, "raid.apply_configuration")
    (volume,) = world.machine.settings.volumes
    assert volume.path != first[0].path
    run(world, "raid.create_configuration")
    assert world.machine.settings.volumes == (volume,)
    run(world, "raid.delete_configuration")
    assert world.machine.settings.volumes == ()


def test_a_wish_that_cannot_be_deletes_nothing(world):
    run(world, "raid.apply_configuration")
    five = LogicalDisk(size_gb=10_000, raid_level=RaidLevel.RAID5)
    wanted = ApplyRaidConfiguration(raid_config=RaidConfig(logical_disks=(five,)))
    with pytest.raises(InvalidError, match="too small"):
        on_paper(STEPS["raid.apply_configuration"].run(ports_of(world), wanted))
    assert len(world.machine.settings.volumes) == 1


def test_an_update_whose_task_fails_says_what_was_said(world):
    world.machine.settings.reports = [
        TaskReport(state=TaskState.RUNNING, percent=10),
        TaskReport(state=TaskState.FAILED, message="the image is for another machine"),
    ]
    with pytest.raises(BmctlError, match=r"of bios: the controller gave up \(the image is for another"):
        run(world, "firmware.update")
    assert not world.machine.boots, "a machine whose update failed is not restarted"
    world.machine.settings.reports = []
    run(world, "firmware.update")
    assert len(world.machine.settings.updates) == 2, "a resume begins anew"


def test_an_update_that_takes_too_long_is_waited_for_again(world):
    world.machine.settings.reports = [TaskReport(state=TaskState.RUNNING, percent=10)]
    with pytest.raises(BmctlError, match=r"not done after 7200 s \(the task is running at 10 %"):
        run(world, "firmware.update")
    (task,) = world.machine.settings.tasks
    world.machine.settings.tasks[task] = [TaskReport(state=TaskState.DONE)]
    run(world, "firmware.update")
    assert len(world.machine.settings.updates) == 1


def test_an_update_that_waits_for_a_restart_gets_one_and_one_that_runs_does_not(world):
    done = TaskReport(state=TaskState.DONE)
    world.machine.settings.reports = [TaskReport(state=TaskState.WAITING), done]
    run(world, "firmware.update")
    assert len(world.machine.boots) == 1
    world.machine.settings.reports = [*[TaskReport(state=TaskState.RUNNING)] * 50, done]
    run(world, "firmware.update")
    assert len(world.machine.boots) == 2


def test_a_controllers_own_update_waits_for_it_and_leaves_the_machine_alone(world):
    own = UpdateFirmware(settings=(FirmwareSetting(component="BMC", url="http://10.0.0.9/bmc.bin"),))
    world.machine.faults.append(
        Fault(call="tasks.look", error=UnreachableError("it restarts"), after=1, times=30)
    )
    world.machine.settings.reports = [
        TaskReport(state=TaskState.RUNNING),
        TaskReport(state=TaskState.DONE),
    ]
    on_paper(STEPS["firmware.update"].run(ports_of(world), own))
    assert world.machine.settings.versions["bmc"] == "2.0"
    assert not world.machine.boots


def test_an_update_whose_answer_is_lost_is_found_by_its_task(world):
    lost = Fault(call="firmware.start", error=LostAnswerError("no answer"), effect=True)
    world.machine.faults.append(lost)
    run(world, "firmware.update")
    assert len(world.machine.settings.updates) == 1


def test_an_update_of_which_nothing_is_known_is_not_asked_for_twice_without_an_operator(world):
    world.machine.faults.append(Fault(call="firmware.start", error=LostAnswerError("no answer")))
    with pytest.raises(BmctlError, match=r"it is not known whether the controller began \(no answer"):
        run(world, "firmware.update")
    assert world.machine.calls.count("firmware.start") == 1
    run(world, "firmware.update")  # the operator looked, and resumes
    assert len(world.machine.settings.updates) == 1


def test_a_file_of_this_host_is_compared_and_served(world, tmp_path):
    file = tmp_path / "nic.bin"
    file.write_bytes(b"firmware")
    right = hashlib.sha256(b"firmware").hexdigest()
    ports = ports_of(world)
    step = STEPS["management.update_firmware"]

    def images(checksum: str) -> UpdateFirmwareImages:
        return UpdateFirmwareImages(firmware_images=(FirmwareImage(url=str(file), checksum=checksum),))

    with pytest.raises(InvalidError, match=r"nic\.bin is not what its checksum says"):
        asyncio.run(step.run(ports, images("0" * 64)))
    assert not world.machine.settings.updates
    from bmctl.steps.patience import Patience

    quick = Patience(look=0, settle=0, steady=0, unproven=0)
    asyncio.run(step.run(ports, images(f"sha256:{right}"), quick))
    assert world.machine.settings.updates == ["http://10.0.0.1/n1-nic.bin"]


@pytest.mark.parametrize(
    ("ahead", "complaint"),
    [
        (timedelta(seconds=30), None),
        (timedelta(seconds=-30), None),
        (timedelta(hours=2), "warned"),
        (timedelta(hours=-5, minutes=-30), "warned"),
        (timedelta(minutes=7), "7 min ahead"),
        (timedelta(days=-400), "400 days behind"),
        (timedelta(hours=20), "20 h 0 min ahead"),
    ],
)
def test_a_wrong_clock_is_told(world, ahead, complaint):
    from bmctl.model.event import EventKind

    world.machine.settings.ahead = ahead
    ports = ports_of(world)
    told = []
    with ports.telling("verify", told.append):
        if complaint in {None, "warned"}:
            run(world, "management.verify_bmc_clock", ports=ports)
        else:
            with pytest.raises(BmctlError, match=f"the controller's clock is {complaint}"):
                run(world, "management.verify_bmc_clock", ports=ports)
    assert [event.kind for event in told] == ([EventKind.WARNING] if complaint == "warned" else [])


def test_a_restarted_controller_is_waited_for(world):
    away = UnreachableError("no answer")
    world.machine.faults.append(Fault(call="power.state", error=away, after=1, times=5))
    run(world, "management.reset_bmc")
    assert world.machine.settings.resets == 1
    assert world.machine.calls.count("power.state") == 9


def test_one_that_stays_away_is_an_error(world):
    world.machine.faults.append(Fault(call="power.state", error=UnreachableError("no answer"), times=999))
    with pytest.raises(BmctlError, match=r"the controller is not back 6\d\d s after it restarted: no answer"):
        run(world, "management.reset_bmc")
