"""Which disks new volumes go on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmctl.errors import InvalidError
from bmctl.model.raid import (
    FEWEST_DISKS,
    DiskType,
    LogicalDisk,
    NewVolume,
    PhysicalDisk,
    RaidConfig,
    RaidController,
    RaidLevel,
    Volume,
)
from bmctl.steps.raid_layout import GIB, capacity, lay_out


def controller(
    *sizes: int, volumes: tuple[Volume, ...] = (), levels=tuple(RaidLevel), name="1"
) -> RaidController:
    disks = tuple(
        PhysicalDisk(path=f"/{name}/{number}", id=f"d{number}", size=size * GIB, type=DiskType.SSD)
        for number, size in enumerate(sizes)
    )
    return RaidController(path=f"/{name}", id=name, levels=levels, disks=disks, volumes=volumes)


def asked(*disks: dict) -> RaidConfig:
    return RaidConfig(logical_disks=tuple(LogicalDisk(**disk) for disk in disks))


def test_the_fewest_and_smallest_disks_that_do():
    found = lay_out(
        asked({"size_gb": 150, "raid_level": RaidLevel.RAID5}),
        (controller(400, 100, 100, 50, 100),),
        keep=True,
    )
    assert found[0].disks == ("/1/1", "/1/2", "/1/4")
    assert found[0].size == 150 * GIB


def test_a_volume_that_is_there_is_not_made_again():
    there = Volume(path="/v", name="", size=100 * GIB, level=RaidLevel.RAID1, disks=("/1/0", "/1/1"))
    one = {"size_gb": 100, "raid_level": RaidLevel.RAID1}
    machine = (controller(100, 100, 100, 100, volumes=(there,)),)
    assert lay_out(asked(one), machine, keep=True) == ()
    assert [volume.disks for volume in lay_out(asked(one, one), machine, keep=True)] == [("/1/2", "/1/3")]
    assert [volume.disks for volume in lay_out(asked(one), machine, keep=False)] == [("/1/0", "/1/1")]


def test_disks_asked_for_by_name_are_kept_free_of_others():
    found = lay_out(
        asked(
            {"size_gb": "MAX", "raid_level": RaidLevel.RAID0},
            {"size_gb": "MAX", "raid_level": RaidLevel.RAID1, "physical_disks": ("d0", "d1")},
        ),
        (controller(100, 100, 100),),
        keep=True,
    )
    assert [volume.disks for volume in found] == [("/1/2",), ("/1/0", "/1/1")]


@pytest.mark.parametrize(
    ("disk", "complaint"),
    [
        ({"raid_level": RaidLevel.RAID6}, "RAID 6 needs 4 disks, there are 3"),
        ({"size_gb": 500}, "3 free disks are too small for 500 GiB as RAID 1"),
        ({"number_of_physical_disks": 4}, "needs 4 disks, there are 3"),
        ({"physical_disks": ("d0", "d9")}, r"there is no disk d9, did you mean d\d"),
        ({"physical_disks": ("d0",)}, "needs 2 disks, there are 1"),
        ({"controller": "2"}, r"there is no RAID controller 2 \(there are 1\)"),
        ({"disk_type": DiskType.HDD}, "needs 2 disks, there are 0"),
    ],
)
def test_what_cannot_be_is_refused_by_name(disk, complaint):
    wanted = asked({"size_gb": "MAX", "raid_level": RaidLevel.RAID1, **disk})
    with pytest.raises(InvalidError, match=f"logical disk 1: .*{complaint}"):
        lay_out(wanted, (controller(100, 100, 100),), keep=True)


def test_a_level_the_controller_cannot_do_is_refused():
    wanted = asked({"size_gb": "MAX", "raid_level": RaidLevel.RAID5})
    machine = controller(100, 100, 100, levels=(RaidLevel.RAID0, RaidLevel.RAID1))
    with pytest.raises(InvalidError, match=r"cannot do RAID 5 \(it offers 0, 1\)"):
        lay_out(wanted, (machine,), keep=True)


def test_one_of_several_controllers_must_be_named():
    wanted = asked({"size_gb": "MAX", "raid_level": RaidLevel.RAID1})
    with pytest.raises(InvalidError, match=r"which RAID controller \(there are 1, 2\)"):
        lay_out(wanted, (controller(1, 1), controller(1, 1, name="2")), keep=True)


def test_a_disk_in_another_volume_is_refused():
    other = Volume(path="/v", size=GIB, level=RaidLevel.RAID0, disks=("/1/0",))
    wanted = asked({"size_gb": "MAX", "raid_level": RaidLevel.RAID1, "physical_disks": ("d0", "d1")})
    with pytest.raises(InvalidError, match="d0 is in another volume"):
        lay_out(wanted, (controller(1, 1, volumes=(other,)),), keep=True)


levels = st.sampled_from(RaidLevel)
wishes = st.builds(
    lambda size, level: {"size_gb": size, "raid_level": level},
    st.one_of(st.just("MAX"), st.integers(1, 300)),
    levels,
)


@given(st.lists(st.integers(10, 200), max_size=12), st.lists(wishes, min_size=1, max_size=4))
def test_no_disk_is_used_twice_and_all_hold_what_is_asked(sizes, disks):
    machine = controller(*sizes)
    by_path = {disk.path: disk.size for disk in machine.disks}
    try:
        found = lay_out(asked(*disks), (machine,), keep=True)
    except InvalidError:
        return
    used = [path for volume in found for path in volume.disks]
    assert len(used) == len(set(used))
    for volume, disk in zip(found, disks, strict=True):
        assert volume.level is disk["raid_level"]
        assert len(volume.disks) >= FEWEST_DISKS[volume.level]
        assert volume.size is None or capacity(volume.level, [by_path[path] for path in volume.disks]) >= (
            volume.size
        )


@given(st.lists(st.integers(10, 200), max_size=12), st.lists(wishes, min_size=1, max_size=4))
def test_once_they_are_made_nothing_is_left_to_make(sizes, disks):
    machine = controller(*sizes)
    try:
        found = lay_out(asked(*disks), (machine,), keep=True)
    except InvalidError:
        return
    by_path = {disk.path: disk.size for disk in machine.disks}
    made = tuple(
        Volume(path=f"/v{number}", size=_size(volume, by_path), level=volume.level, disks=volume.disks)
        for number, volume in enumerate(found)
    )
    assert lay_out(asked(*disks), (controller(*sizes, volumes=made),), keep=True) == ()


def _size(volume: NewVolume, sizes: dict[str, int]) -> int:
    return volume.size or capacity(volume.level, [sizes[path] for path in volume.disks])
