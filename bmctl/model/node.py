"""A machine as the inventory describes it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bmctl.model.firmware import Architecture, BootInterface, BootMode
from bmctl.model.hints import RootDeviceHints
from bmctl.model.image import ImageSource
from bmctl.model.network import NetworkConfig
from bmctl.model.secret import SecretReference

# Names a machine the same way in every run and on every host, with nothing stored.
NODE_NAMESPACE = uuid.UUID("7d1c3f0e-5f2b-5e0a-9d53-6c0f1b6f2a11")


class DriverName(StrEnum):
    """The protocol of a machine's controller. A member's module lives in `bmctl.drivers`."""

    REDFISH = "redfish"
    FAKE = "fake"


class RedfishAuth(StrEnum):
    """How to log in to a Redfish service; `auto` takes a session where the service has them."""

    AUTO = "auto"
    SESSION = "session"
    BASIC = "basic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bmc:
    """A machine's controller (BMC) and how to log in to it.

    `address` is a URL for Redfish (`https://10.0.0.11`). `system` names one system of a service
    that has several: a path, an id, a name or a UUID. `verify` is True, False or a CA file.
    """

    address: str
    driver: DriverName = DriverName.REDFISH
    username: str = ""
    password: SecretReference | None = None
    system: str | None = None
    auth: RedfishAuth = RedfishAuth.AUTO
    verify: bool | str = True

    @property
    def key(self) -> str:
        """What names this controller and machine among all, to find duplicates and to lock."""
        return f"{self.driver}:{self.address.rstrip('/').lower()}#{self.system or ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """What the deployed system is told through its config drive (cloud-init, ConfigDrive).

    `network` None means the same network as the ramdisk's. `user_data` is the text itself. `traits` are
    those requested of the node for this deploy: they choose its deploy templates.
    """

    hostname: str
    ssh_keys: tuple[str, ...] = ()
    user_data: str | None = None
    network: NetworkConfig | None = None
    meta: dict[str, str] = field(default_factory=dict)
    config_drive: bool = True
    traits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """How bmctl knows that the deployed system is up: its TCP port accepts a connection."""

    tcp: int
    timeout: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaning:
    """How a node is cleaned before it is available again.

    `automated` False skips it. `runbook` names a runbook that stands in for the steps found by
    priority. `knobs` are passed to the agent's erase steps as they are.
    """

    automated: bool = True
    runbook: str | None = None
    knobs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPriorities:
    """Priorities that the operator sets in place of default ones, by `interface.step`; 0 disables."""

    clean: Mapping[str, int] = field(default_factory=dict)
    deploy: Mapping[str, int] = field(default_factory=dict)
    verify: Mapping[str, int] = field(default_factory=dict)


class DuplicateFilesystems(StrEnum):
    """What a deploy does where another disk of the machine carries a UUID or label of the image.

    `wipe` makes everything on that other disk unknown.
    """

    REFUSE = "refuse"
    WIPE = "wipe"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One machine: its controller, its network, what boots it and what is written to it.

    `ramdisk` names a ramdisk known to bmctl; None takes the default one. `ready` None means that a
    deploy ends once the machine was told to boot its disk. A node with a `parent` (a card in a chassis,
    a DPU in a server) has its power from it, unless `dedicated_power`. `disallowed_steps` are refused
    when asked for and left out otherwise. Disks that match one of `skip_block_devices` are never
    written, erased or chosen.
    """

    name: str
    bmc: Bmc
    network: NetworkConfig
    instance: Instance
    image: ImageSource | None = None
    root_device: RootDeviceHints = field(default_factory=RootDeviceHints)
    architecture: Architecture = Architecture.X86_64
    boot: BootInterface = BootInterface.VIRTUAL_MEDIA
    boot_mode: BootMode = BootMode.UEFI
    secure_boot: bool | None = None
    group: str = ""
    traits: tuple[str, ...] = ()
    ramdisk: str | None = None
    kernel_parameters: tuple[str, ...] = ()
    ready: Ready | None = None
    parent: str | None = None
    dedicated_power: bool = False
    cleaning: Cleaning = field(default_factory=Cleaning)
    step_priorities: StepPriorities = field(default_factory=StepPriorities)
    disallowed_steps: tuple[str, ...] = ()
    skip_block_devices: tuple[RootDeviceHints, ...] = ()
    duplicate_filesystems: DuplicateFilesystems = DuplicateFilesystems.REFUSE

    @property
    def uuid(self) -> str:
        """The node's UUID, the same in every run: made from its name."""
        return str(uuid.uuid5(NODE_NAMESPACE, self.name))

    @property
    def instance_network(self) -> NetworkConfig:
        """The network of the deployed system."""
        return self.instance.network or self.network
