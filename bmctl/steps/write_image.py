"""Have the agent write the image and the config drive to the disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bmctl.agent.errors import AgentRestartedError
from bmctl.agent.payload import image_payload
from bmctl.engine.step import Step
from bmctl.errors import BmctlError
from bmctl.media.configdrive import config_drive
from bmctl.model.image import Checksum
from bmctl.model.steps import StepKind
from bmctl.ports import Ports
from bmctl.steps.agent_command import FLUSH_BUDGET, flush
from bmctl.steps.fetches import ImageWatch
from bmctl.steps.listing import list_steps, run_listed_step

PRIORITY = 80
# A hundred gigabytes over a slow link.
BUDGET = 6 * 3600.0
# An agent that crashed is started again by the ramdisk; one whose machine was reset boots it again.
RESTART_BUDGET = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteImage:
    """Whether the deployed system gets a config drive."""

    config_drive: bool


async def write_image(ports: Ports, args: WriteImage) -> None:
    """Leave the image on the disk, verified by the agent against its digest, whatever happens to the power.

    The image is served under the same URL in every process of the run, so that a download which was
    cut short by a crash goes on once the run is resumed. An agent that starts anew in the middle
    writes once more, from the start.
    """
    image = ports.record.get("image")
    watch = ImageWatch(ports, image["size"])
    name = f"{ports.node.name}-{image['digest'][:16]}.raw"
    url = ports.shelf.offer(name, Path(image["path"]), to_controller=False, watch=watch.fetched)
    try:
        outcome = await _write(ports, args, image, url)
    except AgentRestartedError as error:
        await _meet_again(ports, error)
        outcome = await _write(ports, args, image, url)
    await flush(ports)
    ports.shelf.withdraw(name)
    ports.record.put("written", _text(outcome))
    ports.evidence.see("image", "written and verified by the agent")


async def _write(ports: Ports, args: WriteImage, image: dict[str, Any], url: str) -> dict[str, Any]:
    arguments: dict[str, Any] = {"image_info": _image_info(ports, image, url)}
    if args.config_drive:
        arguments["configdrive"] = _config_drive(ports)
    return await run_listed_step(
        ports,
        StepKind.DEPLOY,
        interface="deploy",
        name="write_image",
        priority=PRIORITY,
        arguments=arguments,
        timeout=BUDGET,
    )


async def _meet_again(ports: Ports, restarted: AgentRestartedError) -> None:
    """Leave the agent that started anew knowing this node; the error where it does not answer again."""
    ports.evidence.see("agent", "started anew during the write")
    try:
        status = await ports.agent.wait_ready(timeout=RESTART_BUDGET)
    except BmctlError as error:
        raise BmctlError(f"{restarted.message}, and then: {error.message}", hint=error.hint) from error
    ports.warn("the agent started anew in the middle of the write: writing once more")
    ports.record.put("agent", {"started_at": status.started_at, "version": status.version})
    await list_steps(ports, StepKind.DEPLOY)


def _text(outcome: dict[str, Any]) -> str:
    result = outcome.get("deploy_result")
    return str(result.get("result", "")) if isinstance(result, dict) else str(result)


def _image_info(ports: Ports, image: dict[str, Any], url: str) -> dict[str, Any]:
    # The agent skips a write whose id it has seen succeed; every attempt gets an id of its own.
    attempt = (ports.record.get("write attempts") or 0) + 1
    ports.record.put("write attempts", attempt)
    return image_payload(
        ports.node,
        url=url,
        checksum=Checksum(algorithm=image["algorithm"], value=image["digest"]),
        identity=f"{image['digest'][:16]}-{attempt}",
    )


def _config_drive(ports: Ports) -> str:
    return config_drive(
        instance=ports.node.instance,
        network=ports.node.instance_network,
        instance_id=ports.record.get("instance_id"),
        timestamp=ports.record.get("timestamp"),
    )


STEP = Step(
    interface="deploy",
    name="write_image",
    title="write the image",
    args=WriteImage,
    run=write_image,
    budget=BUDGET + FLUSH_BUDGET + 120,
    typical=15,
    needs_ramdisk=True,
    destroys=True,
)
