"""Keys of cleaning and of step priorities."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from bmctl.inventory.keys.base import Between, Keys, Switch
from bmctl.inventory.keys.values import AnyStepId, Name, Priority, StepId

Passes: TypeAlias = Annotated[int, Between(0, 100)]
AtOnce: TypeAlias = Annotated[int, Between(1, 1024)]


class KnobsKeys(Keys):
    """How the agent erases disks, under the agent's own names; what is not given is the agent's default."""

    agent_erase_devices_iterations: Passes | None = Field(None, description="Times a disk is overwritten: 1")
    agent_erase_devices_zeroize: Switch | None = Field(None, description="End with a pass of zeros: true")
    agent_enable_ata_secure_erase: Switch | None = Field(None, description="Try ATA secure erase: true")
    agent_enable_nvme_secure_erase: Switch | None = Field(None, description="Try NVMe format: true")
    agent_enable_discard_erase: Switch | None = Field(None, description="Try a verified discard: false")
    agent_continue_if_secure_erase_failed: Switch | None = Field(
        None, description="Overwrite a disk whose secure erase failed, instead of ending there: false"
    )
    agent_erase_skip_read_only: Switch | None = Field(
        None, description="Pass over read-only disks, instead of ending there: false"
    )
    disk_erasure_concurrency: AtOnce | None = Field(None, description="Disks erased at a time: 1")
    wipe_special_filesystems: Switch | None = Field(
        None, description="true: refuse disks of VMFS, GPFS and GFS2, the default; false: erase them too"
    )


class CleaningKeys(Keys):
    """How a node is cleaned before it is available again."""

    automated: Switch = Field(default=True, description="Whether it is cleaned at all")
    runbook: Name | None = Field(None, description="A runbook that stands in for the steps found by priority")
    knobs: KnobsKeys | None = Field(None, description="How the agent erases disks")


class StepPrioritiesKeys(Keys):
    """Priorities by interface.step; 0 takes a step out."""

    clean: dict[StepId, Priority] = Field(default_factory=dict, description="In automated cleaning")
    deploy: dict[StepId, Priority] = Field(default_factory=dict, description="In deploys")
    verify: dict[AnyStepId, Priority] = Field(default_factory=dict, description="In verification")
