"""The capsule: the process whose end is the end of a lab.

It is the first process of its own process, mount and network namespaces. It builds what the lab is made
of, reports each stage as a JSON line on stdout, and then only waits: when it ends, the kernel ends every
process in it and takes back its mounts, bridges and taps. It waits for words on stdin: to begin, for the
host's end of the link, and that the lab is recorded; if the starter dies before that last word, stdin
ends and so does the capsule.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from bmctl.lab.domain import LIBVIRTD_CONF, POOL_NAME, QEMU_CONF, domain_xml, pool_xml
from bmctl.lab.emulator import EMULATOR_PORT, emulator_config, listens
from bmctl.lab.mounts import mount_private_directories
from bmctl.lab.network import Command, capsule_commands, join_commands
from bmctl.lab.record import Controller, Lab, load
from bmctl.lab.supervision import SetupError, Supervisor

CONTROLLER_PORT = 443
PLAIN_CONTROLLER_PORT = 80
VIRSH = ("virsh", "--quiet", "--connect", "qemu:///system")
LIBVIRT_SOCKET = Path("/run/libvirt/libvirt-sock")


@dataclass(frozen=True, slots=True)
class Capsule:
    """The parts of one lab, in the order in which they are made."""

    lab: Lab
    supervisor: Supervisor

    @property
    def directory(self) -> Path:
        """The lab's directory."""
        return Path(self.lab.directory)

    def build(self) -> None:
        """Make the lab, stage by stage, in step with the starter."""
        stages: tuple[tuple[str, Callable[[], None]], ...] = (
            ("network", self._build_network),
            ("link", self._join_host),
            ("libvirt", self._start_libvirt),
            ("machines", self._define_machines),
            ("controller", self._start_controller),
        )
        for name, stage in stages:
            say("stage", name)
            stage()

    def _build_network(self) -> None:
        for command in capsule_commands(self.lab.network, self.lab.nodes):
            self.supervisor.run(command)

    def _join_host(self) -> None:
        hear("link")
        for command in join_commands(self.lab.network):
            self.supervisor.run(command)

    def _start_libvirt(self) -> None:
        mount_private_directories(self.directory / "system", self.lab.acceleration, self.supervisor.run)
        Path("/etc/libvirt/qemu.conf").write_text(QEMU_CONF)
        Path("/etc/libvirt/libvirtd.conf").write_text(LIBVIRTD_CONF)
        command = ("libvirtd", "--config", "/etc/libvirt/libvirtd.conf")
        self.supervisor.serve("libvirtd", command, LIBVIRT_SOCKET.exists)

    def _define_machines(self) -> None:
        pool = self.directory / "pool"
        pool.mkdir()
        self._virsh("pool-define", pool_xml(pool))
        self.supervisor.run((*VIRSH, "pool-start", POOL_NAME))
        for node in self.lab.nodes:
            size = f"{self.lab.options.disk_gib}G"
            for disk in (node.disk, *node.more_disks):
                self.supervisor.run(("qemu-img", "create", "-q", "-f", "qcow2", disk, size))
            self._virsh("define", domain_xml(self.lab.options, node, self.lab.acceleration))

    def _virsh(self, verb: str, description: str) -> None:
        """Give libvirt a description in XML."""
        file = self.directory / "tmp" / "description.xml"
        file.write_text(description)
        self.supervisor.run((*VIRSH, verb, str(file)))
        file.unlink()

    def _start_controller(self) -> None:
        options, network = self.lab.options, self.lab.network
        alone = options.controller is Controller.EMULATOR
        port = CONTROLLER_PORT if options.tls else PLAIN_CONTROLLER_PORT
        self._start_emulator(network.controller if alone else None, port)
        if not alone:
            command = (sys.executable, "-P", "-m", "bmctl.lab.front", str(self.directory), str(port))
            self.supervisor.serve("front", command, lambda: listens(network.controller, port))

    def _start_emulator(self, outside: str | None, outside_port: int) -> None:
        address, port = (outside, outside_port) if outside else ("127.0.0.1", EMULATOR_PORT)
        tls = outside is not None and self.lab.options.tls
        config = self.directory / "emulator.conf"
        config.write_text(emulator_config(self.directory, address=address, port=port, tls=tls))
        command: Command = (sys.executable, "-P", "-m", "sushy_tools.emulator.main", "--config", str(config))
        temporary = str(self.directory / "tmp")
        self.supervisor.serve("emulator", command, lambda: listens(address, port), TMPDIR=temporary)


def say(kind: str, text: str) -> None:
    """Tell the starter something; raises BrokenPipeError where it is gone."""
    sys.stdout.write(json.dumps({kind: text}) + "\n")
    sys.stdout.flush()


def hear(word: str) -> None:
    """Wait for a word of the starter; end the lab where it is gone."""
    if sys.stdin.readline().strip() != word:
        raise SystemExit(1)


def let_go_of_starter() -> None:
    """Keep no pipe of the starter open: whoever reads it must see its end."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)


def main(directory: Path) -> NoReturn:
    """Build the lab described in a directory, then hold it until killed."""
    # The first process of a namespace has no default actions: without this it ignores SIGTERM.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    hear("build")
    if (lab := load(directory)) is None:
        raise SystemExit(1)
    capsule = Capsule(lab, Supervisor(directory / "log", dict(os.environ)))
    try:
        capsule.build()
    except (SetupError, OSError) as error:
        say("error", str(error))
        raise SystemExit(1) from error
    say("ready", lab.name)
    hear("recorded")
    let_go_of_starter()
    try:
        capsule.supervisor.watch()
    except SetupError as error:
        sys.stderr.write(f"the lab ended by itself: {error}\n")
    raise SystemExit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
