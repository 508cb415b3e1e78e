"""Make this machine's boot medium and offer it to its controller."""

from __future__ import annotations

from bmctl.engine.step import NoArgs, Scope, Step
from bmctl.ports import Ports
from bmctl.steps.fetches import MediumWatch


async def build_media(ports: Ports, _args: NoArgs) -> None:
    """Leave the boot medium served under this run's own path."""
    medium = ports.medium.build()
    watch = MediumWatch(ports, medium)
    url = ports.shelf.offer(ports.medium.name, medium, to_controller=True, watch=watch.fetched)
    ports.medium_url = url
    met_before = ports.record.get("agent") is not None
    ports.evidence.see("boot medium", "served again" if met_before else "not fetched yet")


STEP = Step(
    interface="media",
    name="build",
    title="build the boot medium",
    args=NoArgs,
    run=build_media,
    budget=60,
    typical=0.1,
    scope=Scope.PROCESS,
    boots=True,
    touches=False,
)
