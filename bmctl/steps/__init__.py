"""The steps, one per file, and the table that names them all."""

from __future__ import annotations

from bmctl.engine.step import AnyStep
from bmctl.steps import (
    attach_media,
    boot_from_media,
    boot_instance,
    build_media,
    check_controller,
    check_image,
    collect_logs,
    detach_media,
    learn_steps,
    power_off,
    power_on,
    prepare_instance_boot,
    release_machine,
    run_agent_step,
    tear_down_agent,
    verify_machine,
    wait_for_agent,
    wait_for_instance,
    write_image,
)

STEPS: dict[str, AnyStep] = {
    module.STEP.key: module.STEP
    for module in (
        check_image,
        check_controller,
        build_media,
        power_off,
        attach_media,
        boot_from_media,
        power_on,
        wait_for_agent,
        verify_machine,
        learn_steps,
        run_agent_step,
        write_image,
        prepare_instance_boot,
        tear_down_agent,
        detach_media,
        boot_instance,
        wait_for_instance,
        collect_logs,
        release_machine,
    )
}
