"""What was written is read back from a disk, and the machine's other disks are looked at before."""
# ruff: noqa: ARG002 - what stands for a real part takes all that the real one takes

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest
from paper_world import PaperWorld

from bmctl.agent.answers import AgentStatus, Command, CommandResult, CommandStatus
from bmctl.engine.step import NoArgs
from bmctl.errors import BmctlError
from bmctl.images.chunks import digest_file, known_chunks
from bmctl.lab.image.disk import assemble
from bmctl.model.node import DuplicateFilesystems
from bmctl.ports import Ports
from bmctl.ramdisk.inside.hardware_manager import read_disk
from bmctl.steps.check_duplicates import CheckDuplicates, check_duplicates
from bmctl.steps.look_at_disks import look_at_disks
from bmctl.steps.payload import LISTINGS
from bmctl.steps.read_back import ReadBack, read_back
from bmctl.store.marks import RunRecord

MIB = 2**20
ROOT = 4 * MIB
READ_BACK = ReadBack(config_drive=False)


class DiskAgent:
    """An agent whose root disk is a file, read by the code of a ramdisk; `other` is what lsblk tells."""

    def __init__(self, disk: Path) -> None:
        self.disk = disk
        self.device = str(disk)
        self.other = ""
        self.ran: list[dict[str, Any]] = []
        self._results: dict[str, dict[str, Any]] = {}

    async def status(self) -> AgentStatus:
        return AgentStatus(started_at=1.0, version="13.0.0")

    async def adopt(self, name: str) -> Command | None:
        return None

    async def start(self, name: str, parameters: dict[str, Any]) -> Command:
        step = parameters["step"]
        self.ran.append(step)
        number = str(len(self.ran))
        self._results[number] = {"deploy_result": getattr(self, step["step"])(**step["args"])}
        return Command(id=number, name=name)

    async def wait(self, number: str, *, timeout: float, started_at: float) -> CommandResult:
        return CommandResult(
            id=number, name="step", status=CommandStatus.SUCCEEDED, result=self._results[number]
        )

    def read_back(self, ranges: Any, read: Any) -> dict[str, Any]:
        return {**read_disk(str(self.disk), ranges, read), "device": self.device}

    def erase_signatures(self, disk: str, size: int) -> list[str]:
        self.other = 'KNAME="vdb" TYPE="disk" SIZE="8000"'
        return [disk]

    def list_disks(self) -> str:
        return self.other

    async def collect_logs(self, *, secrets: tuple[str, ...] = ()) -> bytes:
        output = io.BytesIO()
        with tarfile.open(fileobj=output, mode="w:gz") as archive:
            member = tarfile.TarInfo("lsblk-full")
            member.size = len(self.other)
            archive.addfile(member, io.BytesIO(self.other.encode()))
        return output.getvalue()


class FileImages:
    """Digests of real files, kept in a directory."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache

    async def chunks(self, path: Path, sha256: str, extents: Any) -> Any:
        return await known_chunks(path, sha256, extents, cache=self.cache)

    async def digest(self, path: Path) -> str:
        return await digest_file(path)


class Deployed:
    """An image, a disk that it was written to, and the ports of the run that did."""

    def __init__(self, folder: Path, image: Path) -> None:
        self.image, self.disk = folder / "image.raw", folder / "disk"
        shutil.copy(image, self.image)
        shutil.copy(image, self.disk)
        os.truncate(self.disk, self.image.stat().st_size + 8 * MIB)
        self.agent = DiskAgent(self.disk)
        self.world = PaperWorld(folder)
        self.record = RunRecord(self.world.journal)
        self.ports: Ports = self.world.ports(self.record)
        self.ports.agent = self.agent  # type: ignore[assignment]
        self.ports.images = FileImages(folder / "cache")  # type: ignore[assignment]
        digest = hashlib.sha256(self.image.read_bytes()).hexdigest()
        self.record.put(
            "image",
            {"name": "debian", "path": str(self.image), "size": 1, "algorithm": "sha256", "digest": digest},
        )
        self.record.put("disk", {"name": str(self.disk), "size": 1, "text": "the disk"})
        self.offer("read_back", "erase_signatures")

    def offer(self, *steps: str) -> None:
        listed = {"versions": {}, "steps": [{"interface": "deploy", "step": step} for step in steps]}
        self.record.put(LISTINGS, {"deploy": listed})

    def flip(self, offset: int, path: Path | None = None) -> None:
        with (path or self.disk).open("r+b") as file:
            file.seek(offset)
            byte = file.read(1)
            file.seek(offset)
            file.write(bytes([byte[0] ^ 1]))


@pytest.fixture(scope="module")
def image(tmp_path_factory) -> Path:
    """A disk with an ESP of 1 MiB and a root file system of 4 MiB of no known kind."""
    folder = tmp_path_factory.mktemp("image")
    for name, size in (("esp", MIB), ("root", ROOT)):
        (folder / name).write_bytes(hashlib.shake_256(name.encode()).digest(size))
    assemble(folder / "disk", esp=folder / "esp", root=folder / "root", tell=lambda *_: None)
    return folder / "disk"


@pytest.fixture
def deployed(tmp_path, image) -> Deployed:
    return Deployed(tmp_path, image)


async def test_a_disk_with_the_image_on_it_passes(deployed):
    await read_back(deployed.ports, READ_BACK)
    told = deployed.record.get("read back")
    assert told["outcome"] == "same"
    assert told["bytes"] > MIB + ROOT
    assert len(deployed.agent.ran) == 1


@pytest.mark.parametrize(
    ("offset", "where"),
    [
        (2 * MIB + 12345, "in partition 2, unknown"),
        (MIB, "in partition 1, ESP"),
        (20000, "outside of all partitions"),
    ],
)
async def test_the_first_flipped_byte_is_named(deployed, offset, where):
    deployed.flip(offset)
    deployed.flip(5 * MIB + 1)
    with pytest.raises(BmctlError) as caught:
        await read_back(deployed.ports, READ_BACK)
    assert f"it differs at byte {offset} ({where}), and in 2 of" in caught.value.message
    assert "smartctl" in caught.value.hint
    assert deployed.record.get("read back")["outcome"] == "differs"


async def test_an_agent_that_cannot_is_passed_over(deployed):
    deployed.offer("write_image")
    await read_back(deployed.ports, READ_BACK)
    assert deployed.record.get("read back")["outcome"] == "not available"
    assert deployed.agent.ran == []


async def test_an_image_that_changed_is_not_the_disks_fault(deployed):
    deployed.flip(2 * MIB, deployed.image)
    with pytest.raises(BmctlError, match="the image on this host was changed"):
        await read_back(deployed.ports, READ_BACK)


async def test_another_disk_than_the_one_written_is_told(deployed):
    deployed.agent.device = "/dev/vdz"
    with pytest.raises(BmctlError, match="read /dev/vdz back, and the image was to go to the disk"):
        await read_back(deployed.ports, READ_BACK)


async def test_a_disk_that_changes_its_mind_is_told(deployed):
    honest = deployed.agent.read_back

    def wavering(ranges: Any, read: Any) -> dict[str, Any]:
        if len(deployed.agent.ran) == 1:
            deployed.flip(2 * MIB)
            answer = honest(ranges, read)
            deployed.flip(2 * MIB)
            return answer
        return honest(ranges, read)

    deployed.agent.read_back = wavering  # type: ignore[method-assign]
    with pytest.raises(BmctlError, match="gives other bytes each time it is read"):
        await read_back(deployed.ports, READ_BACK)


async def test_a_changed_partition_table_is_told(deployed):
    deployed.flip(1024 + 128 + 40)
    with pytest.raises(BmctlError, match=r"read back from .*: the partition table"):
        await read_back(deployed.ports, READ_BACK)


async def test_a_run_that_was_cut_off_takes_up_what_the_agent_read(deployed):
    async def end(*_: Any) -> None:
        raise RuntimeError("whatever ends the process")

    whole = deployed.ports.images.chunks
    deployed.ports.images.chunks = end  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        await read_back(deployed.ports, READ_BACK)
    assert len(deployed.agent.ran) == 1
    deployed.ports.images.chunks = whole  # type: ignore[method-assign]
    await read_back(deployed.ports, READ_BACK)
    assert len(deployed.agent.ran) == 1, "the agent's earlier answer counts"


async def test_a_disk_that_was_written_anew_is_read_anew(deployed):
    deployed.flip(2 * MIB)
    with pytest.raises(BmctlError, match="is not the image"):
        await read_back(deployed.ports, READ_BACK)
    deployed.flip(2 * MIB)
    await read_back(deployed.ports, READ_BACK)
    assert deployed.record.get("read back")["outcome"] == "same"


@pytest.mark.parametrize("result", [None, {}, {"digests": "???"}, "text"])
async def test_a_strange_answer_is_told(deployed, result):
    deployed.agent.read_back = lambda **_: result  # type: ignore[method-assign]
    with pytest.raises(BmctlError, match="in a form that is not known"):
        await read_back(deployed.ports, READ_BACK)


OTHER = (
    'KNAME="vdb" TYPE="disk" SIZE="8000" PTTYPE="gpt"\n'
    'KNAME="vdb1" PKNAME="vdb" TYPE="part" SIZE="900" FSTYPE="ext4" LABEL="config-2"'
)


async def check(deployed: Deployed, policy: str) -> None:
    deployed.agent.other = deployed.agent.other or OTHER
    await look_at_disks(deployed.ports, NoArgs())
    await check_duplicates(
        deployed.ports, CheckDuplicates(policy=DuplicateFilesystems(policy), config_drive=True)
    )


async def test_a_name_of_the_image_on_another_disk_is_refused(deployed):
    with pytest.raises(BmctlError, match=r"/dev/vdb1 on /dev/vdb .* has the label of the config drive"):
        await check(deployed, "refuse")
    assert deployed.agent.ran == []


async def test_it_can_be_ignored(deployed):
    await check(deployed, "ignore")
    assert deployed.agent.ran == []


async def test_the_other_disk_is_wiped_and_looked_at_again(deployed):
    await check(deployed, "wipe")
    assert [step["args"] for step in deployed.agent.ran] == [{"disk": "/dev/vdb", "size": 8000}]
    assert deployed.record.get("disks")[0]["contents"] == []


async def test_a_disk_that_keeps_its_names_is_told(deployed):
    deployed.agent.erase_signatures = lambda **_: []  # type: ignore[method-assign]
    with pytest.raises(BmctlError, match="still after wiping"):
        await check(deployed, "wipe")


async def test_an_agent_that_cannot_wipe_one_disk_is_told(deployed):
    deployed.offer("write_image")
    with pytest.raises(BmctlError, match="cannot wipe one disk alone"):
        await check(deployed, "wipe")


async def test_other_disks_without_the_images_names_are_fine(deployed):
    deployed.agent.other = 'KNAME="vdb" TYPE="disk" SIZE="8000" FSTYPE="ext4" LABEL="data"'
    await check(deployed, "refuse")


async def test_disks_are_listed_quickly_where_the_agent_can(deployed):
    deployed.offer("list_disks", "erase_signatures")
    await check(deployed, "wipe")
    assert [step["step"] for step in deployed.agent.ran] == ["list_disks", "erase_signatures", "list_disks"]
    assert deployed.record.get("disks")[0]["contents"] == []
