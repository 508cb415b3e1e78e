"""Keys of a node, and those that defaults and groups can give to nodes."""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated, Any, TypeAlias

from pydantic import Field, PlainValidator, WithJsonSchema

from bmctl.inventory import text_values
from bmctl.inventory.kernel_line import parameters
from bmctl.inventory.keys.base import Between, Keys, Line, OneOrMany, Switch, Text, described, reads
from bmctl.inventory.keys.bmc import BmcKeys
from bmctl.inventory.keys.cleaning import CleaningKeys, StepPrioritiesKeys
from bmctl.inventory.keys.network import NetworkKeys
from bmctl.inventory.keys.values import AnyStepId, Name, Trait
from bmctl.model.firmware import Architecture, BootInterface, BootMode
from bmctl.model.node import DuplicateFilesystems

Hostname: TypeAlias = Annotated[str, reads(text_values.hostname), described(examples=("n1.example.org",))]
Mode: TypeAlias = Annotated[
    BootMode, reads(partial(text_values.choice, kind=BootMode)), described(enum=[m.value for m in BootMode])
]
Boot: TypeAlias = Annotated[
    BootInterface,
    reads(partial(text_values.choice, kind=BootInterface)),
    described(enum=[m.value for m in BootInterface]),
]
Processor: TypeAlias = Annotated[
    Architecture,
    reads(partial(text_values.choice, kind=Architecture)),
    described(enum=[m.value for m in Architecture]),
]
Parameters: TypeAlias = Annotated[
    tuple[str, ...],
    PlainValidator(parameters),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


def _disk_size(value: Any) -> int | str:
    """GiB, or a comparison with GiB in the agent's language."""
    text = text_values.one_line(value)
    if re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) and int(text) > 0:
        return int(text)
    if re.fullmatch(
        r"(=|==|!=|<|<=|>|>=) *[0-9]+|(<or> *[0-9]+ *)+|<range-in> *[\[(] *[0-9]+ +[0-9]+ *[\])]", text
    ):
        return text
    raise ValueError(f'"{text}" is not a size in GiB, such as 100 or ">= 100"')


Duplicates: TypeAlias = Annotated[
    DuplicateFilesystems,
    reads(partial(text_values.choice, kind=DuplicateFilesystems)),
    described(enum=[m.value for m in DuplicateFilesystems]),
]
DiskSize: TypeAlias = Annotated[
    int | str, PlainValidator(_disk_size), WithJsonSchema({"type": ["integer", "string"]})
]
Port: TypeAlias = Annotated[int, Between(1, 65535)]
Seconds: TypeAlias = Annotated[int, Between(1, 86_400)]


class RootDeviceKeys(Keys):
    """Which disk the image goes to; all given ones must match. The agent's operators work."""

    name: Line | None = Field(None, description="Device name, such as /dev/sda")
    model: Line | None = Field(None, description="Model of the disk")
    vendor: Line | None = Field(None, description="Vendor of the disk")
    serial: Line | None = Field(None, description="Serial number of the disk")
    wwn: Line | None = Field(None, description="World wide name of the disk")
    wwn_with_extension: Line | None = Field(None, description="World wide name with the vendor extension")
    wwn_vendor_extension: Line | None = Field(None, description="Vendor extension of the world wide name")
    hctl: Line | None = Field(
        None, description="SCSI address: host, channel, target and LUN, such as 0:0:1:0"
    )
    by_path: Line | None = Field(None, description="Path under /dev/disk/by-path")
    tran: Line | None = Field(None, description="Transport, such as sata or nvme")
    size: DiskSize | None = Field(None, description='Size in GiB; "100" is exactly, ">= 100" at least')
    rotational: Switch | None = Field(None, description="Whether the disk has spinning platters")


class ReadyKeys(Keys):
    """How bmctl knows that the deployed system is up."""

    tcp: Port | None = Field(None, description="TCP port of the deployed system that accepts connections")
    timeout: Seconds = Field(600, description="Seconds to wait for it")


class InstanceKeys(Keys):
    """What the deployed system is told through its config drive."""

    hostname: Hostname | None = Field(None, description="Host name; the node's name where not given")
    ssh_keys: OneOrMany[Text] = Field(
        (), description="Public keys for the first user, each as text or file:PATH"
    )
    user_data: Text | None = Field(None, description="cloud-init user data, as text or file:PATH")
    network: NetworkKeys | None = Field(None, description="Network of the deployed system, where it differs")
    meta: dict[str, Text] = Field(default_factory=dict, description="Further keys for the meta data")
    config_drive: Switch = Field(default=True, description="Whether the system gets a config drive at all")
    traits: OneOrMany[Trait] = Field(
        (),
        description="Traits asked of the node, out of its own; each chooses the deploy template of its name",
    )


class NodeDefaultsKeys(Keys):
    """What `defaults` and `groups` can give to nodes."""

    bmc: BmcKeys | None = Field(None, description="The machine's controller")
    network: NetworkKeys | None = Field(None, description="The machine's network, baked into its boot medium")
    instance: InstanceKeys | None = Field(None, description="What the deployed system is told")
    image: Line | None = Field(None, description="Name of an entry of `images`, or a path or URL")
    root_device: RootDeviceKeys | None = Field(None, description="Which disk the image goes to")
    architecture: Processor = Field(Architecture.X86_64, description="Processor family")
    boot: Boot = Field(BootInterface.VIRTUAL_MEDIA, description="How the ramdisk reaches the machine")
    boot_mode: Mode = Field(BootMode.UEFI, description="Firmware interface the machine boots with")
    secure_boot: Switch | None = Field(
        None, description="true: Secure Boot must be on; false: it must be off; not given: either is fine"
    )
    group: Name | None = Field(None, description="Name of the group the node belongs to")
    traits: OneOrMany[Trait] = Field(
        (), description="What the machine has; instance.traits asks for some of it"
    )
    ramdisk: Name | None = Field(
        None, description="Name of the deploy ramdisk; the default one where not given"
    )
    kernel_parameters: Parameters = Field((), description="Words added to the ramdisk's kernel command line")
    ready: ReadyKeys | None = Field(None, description="How the deployed system shows that it is up")
    parent: Name | None = Field(None, description="The node that holds this one and gives it power")
    dedicated_power: Switch = Field(
        default=False, description="Whether a node with a parent has a power supply of its own"
    )
    cleaning: CleaningKeys | None = Field(None, description="How the node is cleaned before it is available")
    step_priorities: StepPrioritiesKeys | None = Field(
        None, description="Priorities in place of the steps' own ones"
    )
    disallowed_steps: OneOrMany[AnyStepId] = Field((), description="Steps that are never run on the node")
    skip_block_devices: OneOrMany[RootDeviceKeys] = Field(
        (), description="Disks that are never written, erased or chosen, each by its hints"
    )
    duplicate_filesystems: Duplicates = Field(
        DuplicateFilesystems.REFUSE,
        description="Another disk has a UUID or label of the image: refuse, wipe that disk, or ignore it",
    )


class NodeKeys(NodeDefaultsKeys):
    """One machine."""

    name: Name = Field(description="Name of the machine, unique in the inventory")
