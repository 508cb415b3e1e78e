"""The parts that every deploy has, as steps that a template can move or disable."""

from __future__ import annotations

from bmctl.model.steps import StepKind, StepOffer, StepSource


def _core(
    step: str, priority: int, description: str, *, needs_ramdisk: bool = False, destroys: bool = False
) -> StepOffer:
    return StepOffer(
        kind=StepKind.DEPLOY,
        interface="deploy",
        step=step,
        source=StepSource.CORE,
        priority=priority,
        description=description,
        abortable=True,
        needs_ramdisk=needs_ramdisk,
        destroys=destroys,
    )


CORE_STEPS = (
    _core("deploy", 100, "boots the ramdisk and waits for its agent"),
    _core("write_image", 80, "writes the image to the disk", needs_ramdisk=True, destroys=True),
    _core("prepare_instance_boot", 60, "lets the firmware find the system", needs_ramdisk=True),
    _core("tear_down_agent", 40, "flushes what was written, switches off, takes the medium out"),
    _core("boot_instance", 20, "starts the system from its disk"),
    _core("wait_for_instance", 10, "waits until the system answers, where the node says how"),
)
