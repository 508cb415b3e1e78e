"""What a lab is made of, as values, and how they are kept in the lab's directory."""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from ipaddress import IPv4Interface, IPv6Interface
from pathlib import Path
from typing import Any

from bmctl.errors import BmctlError
from bmctl.model.firmware import BootMode

RECORD_FILE = "lab.json"
# Names a lab's machine the same way every time, so that an inventory written earlier stays true.
MACHINE_NAMESPACE = uuid.UUID("f5a4f9a6-2f5e-5f0c-8a47-2f1a3c0b9e55")
FIRST_MACHINE_HOST = 11


class Acceleration(StrEnum):
    """How QEMU runs the machines: on the processor itself, or by translating it."""

    KVM = "kvm"
    TCG = "tcg"


class Controller(StrEnum):
    """What answers at the controller address.

    `front`: sessions and basic auth, a request log and scripted faults, over the emulator.
    `emulator`: sushy-tools' Redfish emulator alone, with basic auth.
    """

    FRONT = "front"
    EMULATOR = "emulator"


class LabState(StrEnum):
    """Where a lab is in its life."""

    STARTING = "starting"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabOptions:
    """What a lab is asked to be. Sizes are in MiB and GiB; `number` None takes the first free one.

    `secure_boot` gives every machine firmware that enforces Microsoft's keys from its first start.
    `user_namespace` None decides by who asks: everybody but root gets one.
    """

    name: str = "default"
    nodes: int = 1
    memory_mib: int = 2048
    processors: int = 2
    disk_gib: int = 8
    disks: int = 1
    nics: int = 1
    firmware: BootMode = BootMode.UEFI
    secure_boot: bool = False
    controller: Controller = Controller.FRONT
    tls: bool = True
    number: int | None = None
    image: str | None = None
    image_checksum: str | None = None
    user_namespace: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabNetwork:
    """The lab's own link: one subnet per IP version, nobody on it but the lab.

    `interface` is the operator's end; None means that the operator's address is inside the capsule
    and commands run there by `lab exec`. The IPv6 values are None where the host has no IPv6.
    """

    number: int
    interface: str | None
    operator: str
    controller: str
    prefix: int
    operator6: str | None = None
    controller6: str | None = None
    prefix6: int = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class LabNode:
    """One machine: its identity, its link addresses and where its traces are. Paths are absolute.

    `disk` is the first disk's file, `more_disks` are those of the others, `vdb` and on.
    """

    name: str
    uuid: str
    macs: tuple[str, ...]
    address: str
    address6: str | None
    disk: str
    disk_serial: str
    serial_log: str
    vnc_port: int
    more_disks: tuple[str, ...] = ()

    def serial_of(self, disk: str) -> str:
        """The serial number that the machine sees for one of its disks' files."""
        if disk == self.disk:
            return self.disk_serial
        return f"{self.disk_serial}D{self.more_disks.index(disk) + 2}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """A lab as its directory describes it.

    `pid` and `start_time` (clock ticks since the host started, proc(5) field 22) name the capsule:
    the process whose end is the end of everything in the lab. `holder_pid` waits for it outside.
    """

    name: str
    directory: str
    state: LabState
    pid: int
    start_time: int
    holder_pid: int
    holder_start_time: int
    options: LabOptions
    network: LabNetwork
    nodes: tuple[LabNode, ...]
    acceleration: Acceleration
    controller_url: str
    username: str
    user_namespace: bool

    def path(self, name: str) -> Path:
        """A file of the lab's directory."""
        return Path(self.directory) / name

    def node(self, name: str) -> LabNode:
        """The machine of that name."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise BmctlError(
            f"the lab has no machine called {name}",
            hint=f"it has {', '.join(node.name for node in self.nodes)}",
        )

    @property
    def inventory(self) -> Path:
        """The inventory written for the lab's machines."""
        return self.path("inventory.yaml")

    @property
    def request_log(self) -> Path:
        """One JSON line for each request the controller front answered."""
        return self.path("requests.jsonl")

    @property
    def faults(self) -> Path:
        """The scripted faults of the controller front; may be absent."""
        return self.path("faults.json")

    @property
    def ca_file(self) -> Path:
        """The certificate authority of the lab's controllers."""
        return self.path("ca.pem")

    @property
    def password_file(self) -> Path:
        """The password of the lab's controllers."""
        return self.path("controller.password")

    @property
    def ssh_key(self) -> Path:
        """The private key that the deployed systems let in."""
        return self.path("id_ed25519")


def plan_nodes(options: LabOptions, network: LabNetwork, directory: Path) -> tuple[LabNode, ...]:
    """The lab's machines, called n1, n2 and so on, the same for the same options."""
    return tuple(_node(options, network, directory, index) for index in range(1, options.nodes + 1))


def _node(options: LabOptions, network: LabNetwork, directory: Path, index: int) -> LabNode:
    name = f"n{index}"
    host = FIRST_MACHINE_HOST + index - 1
    address6 = None
    if network.operator6 is not None:
        base6 = IPv6Interface(f"{network.operator6}/{network.prefix6}").network
        address6 = str(base6[host])
    return LabNode(
        name=name,
        uuid=str(uuid.uuid5(MACHINE_NAMESPACE, f"{options.name}/{network.number}/{name}")),
        macs=tuple(f"52:54:00:{network.number:02x}:{index:02x}:{nic:02x}" for nic in range(options.nics)),
        address=str(IPv4Interface(f"{network.operator}/{network.prefix}").network[host]),
        address6=address6,
        disk=str(directory / "disks" / f"{name}.qcow2"),
        disk_serial=f"LAB{network.number:03d}N{index:03d}",
        serial_log=str(directory / "serial" / f"{name}.log"),
        vnc_port=5900 + index,
        more_disks=tuple(
            str(directory / "disks" / f"{name}-{number}.qcow2") for number in range(2, options.disks + 1)
        ),
    )


def save(lab: Lab) -> None:
    """Write the lab's record, whole or not at all."""
    target = lab.path(RECORD_FILE)
    temporary = target.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        json.dump(asdict(lab), stream, indent=2)
        stream.write("\n")
    temporary.replace(target)


def load(directory: Path) -> Lab | None:
    """The lab that lives in a directory; None where there is none or its record was never finished."""
    try:
        return from_json(json.loads((directory / RECORD_FILE).read_text()))
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """What has to end for a lab to be gone: processes as (pid, start time), and the host's interface."""

    processes: tuple[tuple[int, int], ...] = ()
    interface: str | None = None


def find_remains(directory: Path) -> Remains:
    """What a record of any version says about what runs; nothing where there is no record."""
    try:
        data = json.loads((directory / RECORD_FILE).read_text())
        capsule = (int(data["pid"]), int(data["start_time"]))
        holder = (int(data["holder_pid"]), int(data["holder_start_time"]))
        interface = data["network"]["interface"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return Remains()
    processes = tuple(process for process in (capsule, holder) if process[0])
    return Remains(processes=processes, interface=interface)


def from_json(data: dict[str, Any]) -> Lab:
    """Read what `save` wrote; raises KeyError, TypeError or ValueError on anything else."""
    options = dict(data["options"])
    options["firmware"] = BootMode(options["firmware"])
    options["controller"] = Controller(options["controller"])
    nodes = tuple(_read_node(node) for node in data["nodes"])
    rest = {
        "state": LabState(data["state"]),
        "acceleration": Acceleration(data["acceleration"]),
        "options": LabOptions(**options),
        "network": LabNetwork(**data["network"]),
        "nodes": nodes,
    }
    known = {each.name for each in fields(Lab)}
    return Lab(**{**{key: value for key, value in data.items() if key in known}, **rest})


def _read_node(data: dict[str, Any]) -> LabNode:
    lists = {"macs": tuple(data["macs"]), "more_disks": tuple(data.get("more_disks", ()))}
    return LabNode(**{**data, **lists})
