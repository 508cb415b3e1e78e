"""An image's names on other disks: which count, and how they are told."""

from __future__ import annotations

import pytest

from bmctl.images.duplicates import duplicates
from bmctl.model.disks import DiskContent, Filesystem

GIB = 2**30
ROOT = Filesystem(
    device="partition 2",
    size=GIB,
    kind="ext4",
    label="rootfs",
    uuid="aaaaaaaa-0000-4000-8000-000000000001",
    partition_uuid="bbbbbbbb-0000-4000-8000-000000000002",
)
IMAGE = (Filesystem(device="partition 1", size=GIB, kind="vfat", uuid="1234-ABCD"), ROOT)


def on(disk: str, content: Filesystem, **more) -> DiskContent:
    return DiskContent(name=disk, size=8 * GIB, serial="S2", table="gpt", contents=(content,), **more)


def part(device: str = "/dev/sdb1", inside: tuple[str, ...] = ("/dev/sdb",), **names) -> Filesystem:
    return Filesystem(device=device, size=GIB, inside=inside, **names)


def found(*disks: DiskContent, target: str = "/dev/sda", config_drive: bool = True) -> list[str]:
    return [str(one) for one in duplicates(IMAGE, disks, target, config_drive=config_drive)]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ({"uuid": ROOT.uuid}, f"UUID {ROOT.uuid} of the image's partition 2"),
        ({"uuid": ROOT.uuid.upper()}, f"UUID {ROOT.uuid.upper()} of the image's partition 2"),
        ({"label": "rootfs"}, "label rootfs of the image's partition 2"),
        (
            {"partition_uuid": ROOT.partition_uuid},
            f"PARTUUID {ROOT.partition_uuid} of the image's partition 2",
        ),
        ({"uuid": "1234-abcd"}, "UUID 1234-abcd of the image's partition 1"),
        ({"label": "config-2"}, "label config-2 of the config drive"),
    ],
)
def test_a_name_of_the_image_on_another_disk_is_told(names, told):
    (text,) = found(on("/dev/sdb", part(**names)))
    assert text == f"/dev/sdb1 on /dev/sdb (8.0 GiB, serial S2) has the {told}"


def test_the_names_of_one_part_are_told_together():
    (only,) = duplicates(
        IMAGE, [on("/dev/sdb", part(label="rootfs", uuid=ROOT.uuid))], "/dev/sda", config_drive=True
    )
    assert str(only).endswith(f"has the UUID {ROOT.uuid} and label rootfs of the image's partition 2")
    assert only.summary.endswith("has the UUID and label of the image's partition 2")


@pytest.mark.parametrize(
    "names",
    [{}, {"label": "ROOT"}, {"uuid": ROOT.partition_uuid}, {"partition_label": "rootfs"}, {"kind": "ext4"}],
)
def test_other_names_are_nobodys_business(names):
    assert found(on("/dev/sdb", part(**names))) == []


def test_what_lies_on_the_chosen_disk_goes_away_anyway():
    assert found(on("/dev/sda", part("/dev/sda1", ("/dev/sda",), uuid=ROOT.uuid))) == []


def test_members_of_the_chosen_array_are_not_other_disks():
    inside = ("/dev/sdb", "/dev/md0")
    below = (part("/dev/md0", ("/dev/sdb",)), part("/dev/md0p1", inside, uuid=ROOT.uuid))
    disk = DiskContent(name="/dev/sdb", size=8 * GIB, contents=below)
    assert found(disk, target="/dev/md0") == []
    assert len(found(disk, target="/dev/sdc")) == 1


def test_the_boot_medium_is_gone_when_the_system_starts():
    whole = part("/dev/sdb", (), kind="iso9660", label="config-2")
    assert found(on("/dev/sdb", whole, transport="usb")) == []
    assert len(found(on("/dev/sdb", whole, transport="sata"))) == 1
    assert len(found(on("/dev/sdb", part(kind="iso9660", label="config-2"), transport="usb"))) == 1


def test_without_a_config_drive_its_label_is_free():
    assert found(on("/dev/sdb", part(label="config-2")), config_drive=False) == []
