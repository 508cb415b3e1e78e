"""A machine as the inventory describes it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from enum import StrEnum

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

    `network` None means the same network as the ramdisk's. `user_data` is the text itself.
    """

    hostname: str
    ssh_keys: tuple[str, ...] = ()
    user_data: str | None = None
    network: NetworkConfig | None = None
    meta: dict[str, str] = field(default_factory=dict)
    config_drive: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """How bmctl knows that the deployed system is up: its TCP port accepts a connection."""

    tcp: int
    timeout: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One machine: its controller, its network, what boots it and what is written to it.

    `ramdisk` names a ramdisk known to bmctl; None takes the default one. `ready` None means that a
    deploy ends once the machine was told to boot its disk.
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

    @property
    def uuid(self) -> str:
        """The node's UUID, the same in every run: made from its name."""
        return str(uuid.uuid5(NODE_NAMESPACE, self.name))

    @property
    def instance_network(self) -> NetworkConfig:
        """The network of the deployed system."""
        return self.instance.network or self.network
