"""Give the BIOS its factory settings again."""

from __future__ import annotations

from bmctl.engine.step import NoArgs, Offered, Step
from bmctl.model.controller import Ability, BiosView, same_value
from bmctl.ports import Ports
from bmctl.steps.patience import PATIENCE, Patience
from bmctl.steps.refusing import required
from bmctl.steps.restarting import restart, restore_power, seen
from bmctl.steps.when import ASKED_FOR


async def reset_bios(ports: Ports, _args: NoArgs, patience: Patience = PATIENCE) -> None:
    """Leave the factory's settings in effect; the machine restarts for it.

    Few machines tell all their defaults, and some settings (an asset tag) have none: what still differs
    in the end is told, and is no failure.
    """
    bios = required(ports.driver.bios, "reset BIOS settings")
    before = await bios.read()
    await bios.reset()

    async def done() -> bool:
        view = await bios.read()
        if before.defaults:
            return not _away_from_default(view)
        return dict(view.values) != dict(before.values)

    if not await done():
        await restart(ports, patience=patience)
        if not await seen(ports, "BIOS settings", done, within=patience.unproven, patience=patience):
            left = _away_from_default(await bios.read())
            ports.note(f"not at their defaults: {', '.join(left)}" if left else "no BIOS setting has changed")
    await restore_power(ports)
    ports.evidence.see("BIOS settings", "reset")


def _away_from_default(view: BiosView) -> tuple[str, ...]:
    return tuple(
        name
        for name, default in view.defaults.items()
        if name in view.values and not same_value(view.values[name], default)
    )


STEP = Step(
    interface="bios",
    name="factory_reset",
    title="reset BIOS settings",
    args=NoArgs,
    run=reset_bios,
    budget=900,
    typical=180,
    offered=Offered(
        kinds=ASKED_FOR,
        ability=Ability.BIOS_RESET,
        description="gives the BIOS its factory settings, and restarts the machine for it",
        reboots=True,
    ),
)
