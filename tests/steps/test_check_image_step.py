"""The first task: the image is verified, looked into, and what is doubtful about it is said each time."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest
from paper_world import PaperWorld

from bmctl.errors import HeldError, InvalidError
from bmctl.flows.knowledge import Knowledge
from bmctl.flows.plans import plan_for
from bmctl.flows.request import Request, Verb
from bmctl.images.prepare import prepare
from bmctl.images.progress import ImageProgress
from bmctl.model.event import EventKind
from bmctl.model.image import ImageSource
from bmctl.steps.check_image import CheckImage, check_image
from bmctl.store.marks import RunRecord


class Library:
    """Real preparation, as a deploy uses it."""

    def __init__(self, cache) -> None:
        self._cache = cache

    async def prepare(self, image, tell):
        def told(progress: ImageProgress) -> None:
            tell(progress)

        return await prepare(image, cache=self._cache, progress=told)


@pytest.fixture
def world(tmp_path):
    return PaperWorld(tmp_path)


def ports_of(world, **changes):
    return dataclasses.replace(world.ports(RunRecord(world.journal)), **changes)


async def told(ports, image):
    events = []
    with ports.telling("image.check", events.append):
        await check_image(ports, CheckImage(image=image))
    return events


async def test_a_weak_checksum_is_said_in_every_run_and_in_the_plan(world):
    weak = ImageSource(name="debian", source="/srv/d", checksum="0" * 32, allow_weak_checksum=True)
    ports = ports_of(world)
    for _ in range(2):
        warnings = [event.text for event in await told(ports, weak) if event.kind is EventKind.WARNING]
        assert warnings == ["image debian: its checksum is MD5, which proves nothing against tampering"]
    plan = plan_for(dataclasses.replace(world.node, image=weak), Knowledge(), Request(verb=Verb.DEPLOY))
    assert any("its checksum is MD5" in note for note in plan.notes)


async def test_a_wrong_image_is_refused_before_the_machine_is_touched(world, tmp_path):
    path = tmp_path / "disk.raw"
    path.write_bytes(b"\0" * 4096)
    digest = hashlib.sha256(b"other").hexdigest()
    ports = ports_of(world, images=Library(tmp_path / "cache"))
    with pytest.raises(InvalidError, match="not the one its checksum is of"):
        await told(ports, ImageSource(name="debian", source=str(path), checksum=digest))
    with pytest.raises(InvalidError, match="no partition table"):
        await told(ports, ImageSource(name="debian", source=str(path)))
    assert ports.record.get("image") is None


async def test_a_run_goes_on_with_the_same_image_only(world):
    ports = ports_of(world)
    image = ImageSource(name="debian", source="/srv/d")
    await told(ports, image)
    world.digest = hashlib.sha256(b"another").hexdigest()
    with pytest.raises(HeldError, match="the image has changed"):
        await told(ports, image)
