"""Set BIOS settings."""

from __future__ import annotations

from dataclasses import dataclass, field

from bmctl.engine.step import Offered, Step
from bmctl.errors import BmctlError
from bmctl.model.controller import Ability, BiosValue, BiosView, same_value
from bmctl.ports import Ports
from bmctl.steps.patience import PATIENCE, Patience
from bmctl.steps.refusing import required
from bmctl.steps.restarting import come_true
from bmctl.steps.when import ASKED_FOR


@dataclass(frozen=True, slots=True, kw_only=True)
class BiosSetting:
    """One setting, named as the machine's BIOS names it."""

    name: str = field(metadata={"description": "the setting's name in the BIOS attribute registry"})
    value: str | int | bool = field(metadata={"description": "the value it shall have"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyBiosConfiguration:
    """The settings to be in effect afterwards."""

    settings: tuple[BiosSetting, ...] = field(metadata={"description": "list of name and value"})


async def apply_bios_configuration(
    ports: Ports, args: ApplyBiosConfiguration, patience: Patience = PATIENCE
) -> None:
    """Leave these settings in effect; the machine restarts if one of them is not."""
    bios = required(ports.driver.bios, "set BIOS settings")
    wanted: dict[str, BiosValue] = {setting.name: setting.value for setting in args.settings}
    before = await bios.read()
    await bios.apply(wanted)

    async def done() -> bool:
        view = await bios.read()
        different = _different(wanted, view)
        if different and view.refused and (view.refused, view.changed) != (before.refused, before.changed):
            raise BmctlError(f"the BIOS did not take {', '.join(different)}: {view.refused}")
        ports.evidence.see("BIOS settings", f"not {', '.join(different)}" if different else "in effect")
        return not different

    await come_true(ports, "not all BIOS settings are in effect", done, patience=patience)


def _different(wanted: dict[str, BiosValue], view: BiosView) -> tuple[str, ...]:
    return tuple(name for name, value in wanted.items() if not same_value(view.values.get(name), value))


STEP = Step(
    interface="bios",
    name="apply_configuration",
    title="set BIOS settings",
    args=ApplyBiosConfiguration,
    run=apply_bios_configuration,
    budget=1500,
    typical=180,
    offered=Offered(
        kinds=ASKED_FOR,
        ability=Ability.BIOS,
        description="sets BIOS settings, and restarts the machine until they are in effect",
        reboots=True,
    ),
)
