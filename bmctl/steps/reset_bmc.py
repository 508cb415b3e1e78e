"""Restart the controller."""

from __future__ import annotations

from bmctl.engine.step import NoArgs, Offered, Step
from bmctl.model.controller import Ability
from bmctl.ports import Ports
from bmctl.steps.controller_return import wait_for_controller
from bmctl.steps.patience import PATIENCE, Patience
from bmctl.steps.refusing import required
from bmctl.steps.when import ASKED_FOR


async def reset_bmc(ports: Ports, _args: NoArgs, patience: Patience = PATIENCE) -> None:
    """Leave the controller started anew and answering; what runs on the machine runs on."""
    await required(ports.driver.bmc_reset, "be told to restart").reset()
    ports.evidence.see("controller", "told to restart")
    await wait_for_controller(ports, patience=patience)
    ports.evidence.see("controller", "back")


STEP = Step(
    interface="management",
    name="reset_bmc",
    title="restart the controller",
    args=NoArgs,
    run=reset_bmc,
    budget=900,
    typical=120,
    offered=Offered(
        kinds=ASKED_FOR,
        ability=Ability.BMC_RESET,
        description="restarts the controller and waits until it is back; the machine runs on",
    ),
)
