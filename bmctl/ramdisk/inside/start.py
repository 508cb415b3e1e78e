"""Becomes the agent, once the boot medium is found and its network applied; then the rescue, if asked for.

Everything happens in one process, so that the agent's libraries are imported once and while devices appear.
"""

from __future__ import annotations

import gc
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from . import rescue
from .console import Console, active_consoles
from .medium import find_medium
from .network import NetworkDataError, NetworkPlan, macs, plan
from .preload import preload

MOUNT: Final = Path("/run/boot-medium")
APPLIED: Final = Path("/run/network-applied")
TRIGGERED: Final = Path("/run/triggered")
"""Made by init once it has asked for all devices."""
TRIGGER_PATIENCE: Final = 20.0
NETWORK_DATA: Final = "openstack/latest/network_data.json"
META_DATA: Final = "openstack/latest/meta_data.json"
LOG: Final = Path("/var/log/ironic-python-agent.log")
CONFIGURATION: Final = "etc/ironic-python-agent.d"
PORT_PATIENCE: Final = 60.0
"""Seconds to wait for the driver of a port that the network data speaks of."""


def main() -> None:
    """Run until the agent ends; an agent that was given a rescue password makes room for an SSH server."""
    console = Console(LOG.open("a"), active_consoles(Path("/sys/class/tty/console/active"), Path("/dev")))
    sys.stdout = sys.stderr = console
    if not rescue.asked_for():
        _be_agent()
    if rescue.asked_for():
        rescue.become_server(say)


def _be_agent() -> None:
    if not APPLIED.exists():
        _prepare()
    rescue.make_ready()
    say("starting the agent")
    gc.freeze()
    gc.enable()
    run_agent()


def say(text: str) -> None:
    """One line with the kernel's uptime, as the kernel's own lines have it."""
    print(f"[{time.clock_gettime(time.CLOCK_BOOTTIME):12.6f}] bmctl: {text}")  # noqa: T201  # the log is stdout


def run_agent() -> None:
    """Hand the process over to the agent's own entry point."""
    from ironic_python_agent.cmd.agent import (  # type: ignore[import-not-found]  # in the ramdisk only
        run,
    )

    sys.argv = ["ironic-python-agent", "--config-dir", f"/{CONFIGURATION}/"]
    run()


def _prepare() -> None:
    """Import while devices appear, then take the network from the medium."""
    gc.disable()
    devices = threading.Thread(target=_settle)
    devices.start()
    if failed := preload():
        say(f"could not import {', '.join(failed)}")
    devices.join()
    say("devices are there")
    folder = _open_medium()
    try:
        _hide_tokens(folder)
        _set_hostname(_read(folder / META_DATA))
        _apply(_read(folder / NETWORK_DATA))
    except (NetworkDataError, KeyError, ValueError, OSError) as cause:
        say(f"the network data of the boot medium cannot be applied: {cause}")
    finally:
        _close_medium(folder)
    APPLIED.touch()


def _settle() -> None:
    """Wait until init has asked for all devices and the device manager has handled them."""
    end = time.monotonic() + TRIGGER_PATIENCE
    while not TRIGGERED.exists() and time.monotonic() < end:
        time.sleep(0.05)
    subprocess.run(["udevadm", "settle", "--timeout=60"], check=False)


def kernel_words() -> dict[str, str]:
    """The kernel's command line as names and values."""
    pairs = (word.partition("=") for word in Path("/proc/cmdline").read_text().split())
    return {name: value for name, _, value in pairs}


def _open_medium() -> Path:
    """The directory with the medium's files; waits for as long as it takes.

    A network boot appends the files to the ramdisk instead, where they stand in the root directory.
    """
    if Path("/", NETWORK_DATA).exists():
        return Path("/")
    publisher, waited = kernel_words().get("ir_pub_id"), 0
    while (device := find_medium(publisher, blocks=Path("/sys/block"), devices=Path("/dev"))) is None:
        if waited % 50 == 0:
            say(f"waiting for a boot medium labelled config-2{f' of {publisher}' if publisher else ''}")
        waited += 1
        time.sleep(0.2)
    say(f"boot medium is {device}")
    MOUNT.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "iso9660", "-o", "ro,mode=0700", device, MOUNT], check=True)
    return MOUNT


def _close_medium(folder: Path) -> None:
    if folder == MOUNT:
        subprocess.run(["umount", MOUNT], check=False)


def _read(path: Path) -> Mapping[str, Any]:
    if not path.exists():
        say(f"{path.name} is not on the boot medium")
        return {}
    content: Mapping[str, Any] = json.loads(path.read_bytes())
    return content


def _hide_tokens(folder: Path) -> None:
    """Keep the agent's token out of the log, where the agent writes each request."""
    tokens = [kernel_words().get("ipa-agent-token", "")]
    for path in (folder / CONFIGURATION).glob("*.conf"):
        pairs = (line.partition("=") for line in path.read_text(errors="replace").splitlines())
        tokens += [value.strip() for name, _, value in pairs if name.strip() == "agent_token"]
    if isinstance(sys.stdout, Console):
        sys.stdout.hide(tokens)


def _set_hostname(meta_data: Mapping[str, Any]) -> None:
    if name := str(meta_data.get("hostname") or ""):
        Path("/proc/sys/kernel/hostname").write_text(name[:64])


def _ports() -> dict[str, str]:
    """MAC to name of the interfaces that are devices of their own."""
    interfaces = Path("/sys/class/net").iterdir()
    return {
        (path / "address").read_text().strip(): path.name for path in interfaces if (path / "device").exists()
    }


def _apply(data: Mapping[str, Any]) -> None:
    """Wait for the ports to appear, then run the plan in one child."""
    end = time.monotonic() + PORT_PATIENCE
    while (missing := macs(data) - _ports().keys()) and time.monotonic() < end:
        time.sleep(0.1)
    if missing:
        say(f"no interface has the MAC {', '.join(sorted(missing))}; there are {_ports()}")
    _run(plan(data, _ports()))
    say("network is up")


def _run(todo: NetworkPlan) -> None:
    Path("/etc/resolv.conf").write_text("".join(f"nameserver {server}\n" for server in todo.servers))
    batch = "".join(f"{command}\n" for command in todo.commands)
    done = subprocess.run(
        [shutil.which("ip") or "ip", "-force", "-batch", "-"],
        input=batch,
        text=True,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode:
        say(f"ip refused part of the network:\n{done.stdout}\n{batch}")


if __name__ == "__main__":
    main()
