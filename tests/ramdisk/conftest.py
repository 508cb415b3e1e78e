"""A virtual machine in a network namespace of its own, started with a built ramdisk from a boot medium."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from bmctl.media.agent_files import agent_files
from bmctl.media.credentials import RunCredentials, make_credentials
from bmctl.media.extents import write_file
from bmctl.media.iso import BootMedium, boot_iso
from bmctl.media.kernel_line import kernel_line
from bmctl.media.loaders import find_loaders
from bmctl.model.firmware import Architecture
from bmctl.model.network import NetworkConfig
from bmctl.ramdisk.build import build
from bmctl.ramdisk.record import Ramdisk

FIRMWARE = Path("/usr/share/OVMF")
ASK = """
import json, ssl, sys, urllib.request
url, body = sys.argv[1], sys.argv[3].encode() or None
context = ssl.create_default_context(cafile=sys.argv[2])
opener = urllib.request.build_opener(
    urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
)
with opener.open(urllib.request.Request(url, data=body), timeout=60 if body else 2) as answer:
    sys.stdout.write(answer.read().decode())
"""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A running machine and what is known of its agent."""

    namespace: str
    credentials: RunCredentials
    folder: Path
    started: float
    child: subprocess.Popen[bytes]

    @property
    def console(self) -> str:
        path = self.folder / "serial.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def get(self, address: str, path: str = "/v1/status", body: dict[str, Any] | None = None) -> Any:
        """The agent's answer over TLS, trusting its certificate only; None while there is none."""
        host = f"[{address}]" if ":" in address else address
        url = f"https://{host}:9999{path}"
        asked = self.inside(
            sys.executable, "-c", ASK, url, str(self.folder / "agent.crt"), json.dumps(body) if body else ""
        )
        return json.loads(asked.stdout) if asked.returncode == 0 else None

    def command(self, address: str, name: str, **parameters: Any) -> Any:
        return self.get(
            address,
            f"/v1/commands/?wait=true&agent_token={self.credentials.token}",
            {"name": name, "params": parameters},
        )

    def wait(self, address: str, *, patience: float = 240.0) -> float:
        """Seconds from power-on to the agent's first answer."""
        while time.monotonic() - self.started < patience and self.child.poll() is None:
            if self.get(address) is not None:
                return time.monotonic() - self.started
            time.sleep(0.1)
        pytest.fail(f"no agent at {address}; the console ends with\n{self.console[-4000:]}")

    def inside(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program in the machine's network."""
        return subprocess.run(
            ["ip", "netns", "exec", self.namespace, *command], capture_output=True, text=True, check=False
        )


def run(*command: str | Path) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def missing_tools() -> list[str]:
    programs = [name for name in ("qemu-system-x86_64", "ip") if shutil.which(name) is None]
    files = [path for path in (str(FIRMWARE / "OVMF_CODE_4M.fd"), "/dev/net/tun") if not Path(path).exists()]
    return [*programs, *files, *([] if os.geteuid() == 0 else ["root"])]


@contextmanager
def lan(*commands: str, taps: int) -> Iterator[str]:
    """A namespace with taps tap0..tapN joined by the bridge `lan`; `commands` are lines for `ip`."""
    name = f"bmctl-ramdisk-{uuid.uuid4().hex[:8]}"
    run("ip", "netns", "add", name)
    try:
        lines = ["link set lo up", "link add lan type bridge forward_delay 0", "link set lan up"]
        for number in range(taps):
            lines += [f"tuntap add dev tap{number} mode tap", f"link set tap{number} master lan up"]
        for line in [*lines, *commands]:
            run("ip", "-n", name, *line.split())
        yield name
    finally:
        run("ip", "netns", "delete", name)


def medium_for(ramdisk: Ramdisk, network: NetworkConfig, folder: Path, *extra: str) -> RunCredentials:
    """Writes medium.iso and agent.crt into the folder."""
    publisher = str(uuid.uuid4())
    credentials = make_credentials([address.ip for address in network.addresses], name="machine")
    medium = BootMedium(
        kernel=ramdisk.kernel,
        initramfs=ramdisk.initramfs,
        loader=find_loaders(Architecture.X86_64),
        kernel_line=kernel_line(publisher=publisher, parameters=extra),
        publisher=publisher,
        timestamp=1_700_000_000,
        files=agent_files(
            network=network, credentials=credentials, node_uuid=str(uuid.uuid4()), hostname="machine-1"
        ),
    )
    write_file(boot_iso(medium), folder / "medium.iso")
    (folder / "agent.crt").write_text(credentials.certificate_pem)
    return credentials


CACHE = Path(os.environ.get("BMCTL_CACHE", Path(__file__).parents[2] / ".cache/bmctl")) / "ramdisks"
"""Where `scripts/test` keeps its ramdisk: building takes a minute, and equal inputs give equal ramdisks."""

CDROM = (
    "-drive",
    "id=cd,if=none,media=cdrom,readonly=on,file={iso}",
    "-device",
    "ide-cd,bus=ide.0,drive=cd,bootindex=1",
)
USB_STICK = (
    *("-device", "qemu-xhci", "-drive", "id=stick,if=none,format=raw,readonly=on,file={iso}"),
    *("-device", "usb-storage,drive=stick,removable=on,bootindex=1"),
)


TAP = "tap,id=net{number},ifname=tap{number},script=no,downscript=no"
SWITCHED = (
    "dgram,id=net{number},local.type=unix,local.path={folder}/port{number},"
    "remote.type=unix,remote.path={folder}/switch{number}"
)


@contextmanager
def vlan_switch(namespace: str, folder: Path, *, ports: int, vlan: int | None) -> Iterator[None]:
    """Connects the machine's ports, which carry tagged frames, with the tap `access`."""
    if vlan is None:
        yield
        return
    script = Path(__file__).with_name("vlan_switch.py")
    command = ["ip", "netns", "exec", namespace, sys.executable, script, folder, str(ports), str(vlan)]
    child = subprocess.Popen(command)
    try:
        while child.poll() is None and not (folder / f"switch{ports - 1}").exists():
            time.sleep(0.05)
        yield
    finally:
        child.kill()
        child.wait()


@contextmanager
def machine(
    namespace: str,
    macs: Sequence[str],
    *,
    folder: Path,
    credentials: RunCredentials,
    drive: Sequence[str] = CDROM,
    switched: bool = False,
) -> Iterator[Machine]:
    """A machine with an empty disk and a port per MAC, switched on; it is gone afterwards."""
    shutil.copy(FIRMWARE / "OVMF_VARS_4M.fd", folder / "vars.fd")
    with (folder / "disk.raw").open("ab") as disk:
        disk.truncate(5 << 30)
    command = [
        *("ip", "netns", "exec", namespace, "qemu-system-x86_64", "-machine", "q35,accel=tcg"),
        *("-cpu", "max", "-smp", "2", "-m", "2048", "-nodefaults", "-display", "none"),
        *("-drive", f"if=pflash,format=raw,readonly=on,file={FIRMWARE / 'OVMF_CODE_4M.fd'}"),
        *("-drive", f"if=pflash,format=raw,file={folder / 'vars.fd'}", "-device", "virtio-rng-pci"),
        *("-serial", f"file:{folder / 'serial.log'}", "-fw_cfg", "opt/org.tianocore/IPv4PXESupport,string=n"),
        *("-drive", f"if=virtio,format=raw,cache=unsafe,file={folder / 'disk.raw'}"),
        *(word.format(iso=folder / "medium.iso") for word in drive),
    ]
    for number, mac in enumerate(macs):
        peer = SWITCHED if switched else TAP
        command += ["-netdev", peer.format(number=number, folder=folder)]
        command += ["-device", f"virtio-net-pci,netdev=net{number},mac={mac},romfile="]
    with (folder / "qemu.log").open("wb") as log:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield Machine(
                namespace=namespace,
                credentials=credentials,
                folder=folder,
                started=time.monotonic(),
                child=child,
            )
        finally:
            child.kill()
            child.wait()


Boot: TypeAlias = Callable[..., AbstractContextManager[Machine]]


@pytest.fixture(scope="session")
def ramdisk() -> Ramdisk:
    if missing := missing_tools():
        pytest.skip(f"starting a machine needs {', '.join(missing)}")
    return build(CACHE, environment=os.environ)


@pytest.fixture
def boot(ramdisk: Ramdisk, tmp_path: Path) -> Boot:
    """Starts a machine with the network; `lines` prepare the other side with `ip`."""

    @contextmanager
    def start(
        network: NetworkConfig,
        *lines: str,
        drive: Sequence[str] = CDROM,
        disk: bytes = b"",
        vlan: int | None = None,
    ) -> Iterator[Machine]:
        credentials = medium_for(ramdisk, network, tmp_path)
        (tmp_path / "disk.raw").write_bytes(disk)
        with (
            lan(*lines, taps=len(network.macs) if vlan is None else 0) as namespace,
            vlan_switch(namespace, tmp_path, ports=len(network.macs), vlan=vlan),
            machine(
                namespace,
                network.macs,
                folder=tmp_path,
                credentials=credentials,
                drive=drive,
                switched=vlan is not None,
            ) as running,
        ):
            yield running

    return start


@pytest.fixture
def usb_stick() -> Sequence[str]:
    return USB_STICK
