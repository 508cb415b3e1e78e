"""Bringing a lab up, saying how it is, and taking it down without a trace."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bmctl.errors import BmctlError, BusyError
from bmctl.lab import network
from bmctl.lab.acceleration import prove_acceleration
from bmctl.lab.credentials import USERNAME, write_certificates, write_password, write_ssh_key
from bmctl.lab.inventory import write_inventory
from bmctl.lab.processes import collect, end_process, is_same
from bmctl.lab.record import (
    Lab,
    LabNetwork,
    LabOptions,
    LabState,
    Remains,
    find_remains,
    load,
    plan_nodes,
    save,
)
from bmctl.lab.requirements import require_lab
from bmctl.lab.starter import join_host, start_capsule

HIGHEST_NODE_COUNT = 200
END_SECONDS = 20.0
POLL_SECONDS = 0.01
MARKER = ".bmctl-lab"
SUBDIRECTORIES = ("disks", "serial", "log", "tmp", "emulator", "system")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabEvent:
    """A stage of bringing a lab up has begun; `text` is for a person."""

    stage: str
    text: str


STAGE_TEXTS = {
    "acceleration": "finding out how fast this host runs machines",
    "namespaces": "making the capsule",
    "network": "building the lab's network",
    "link": "joining this host to it",
    "libvirt": "starting libvirt",
    "machines": "defining the machines",
    "controller": "starting the Redfish controllers",
}


def up(options: LabOptions, directory: Path, tell: Callable[[LabEvent], None]) -> Lab:
    """Bring a lab up in `directory` and return it; a lab that runs there already is returned as it is.

    Whatever an interrupted or ended lab left in the directory is removed first. Raises BmctlError
    where something is missing or fails, and leaves nothing behind then.
    """
    if not 1 <= options.nodes <= HIGHEST_NODE_COUNT:
        raise BmctlError(f"a lab has 1 to {HIGHEST_NODE_COUNT} machines, not {options.nodes}")
    directory = directory.absolute()
    with _owned(directory, make=True):
        if (lab := _running(directory)) is not None:
            return lab
        require_lab(options.firmware, user_namespace=_wants_user_namespace(options))
        _end_and_empty(directory)
        lab = _prepare(options, directory, tell)
        try:
            return _start(lab, tell)
        except BaseException:
            _end_and_empty(directory)
            directory.rmdir()
            raise


def down(directory: Path) -> bool:
    """End the lab of a directory and remove the directory; False where there was none.

    Raises BmctlError where the directory is not a lab's, or its processes do not end.
    """
    directory = directory.absolute()
    if not directory.exists():
        return False
    with _owned(directory, make=False):
        if not _is_lab(directory):
            raise BmctlError(f"{directory} is not the directory of a lab", hint="see `bmctl lab status`")
        _end_and_empty(directory)
        directory.rmdir()
    return True


def status(directory: Path) -> Lab | None:
    """The lab of a directory, `state` telling whether it still runs; None where there is none."""
    lab = load(directory.absolute())
    if lab is None or is_same(lab.pid, lab.start_time):
        return lab
    return replace(lab, state=LabState.ENDED)


def last_words(lab: Lab) -> str:
    """What the capsule said last, for a lab that ended by itself."""
    try:
        lines = lab.path("log/capsule.log").read_text(errors="replace").strip().splitlines()
    except FileNotFoundError:
        return ""
    return lines[-1] if lines else ""


@contextmanager
def _owned(directory: Path, *, make: bool) -> Iterator[None]:
    """Keep every other command off the directory; the lock leaves no file."""
    if make:
        directory.parent.mkdir(parents=True, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise BusyError(
            f"another command is changing the lab in {directory}", hint="wait for it to end"
        ) from error
    finally:
        os.close(handle)


def _is_lab(directory: Path) -> bool:
    return (directory / MARKER).exists() or not any(directory.iterdir())


def _running(directory: Path) -> Lab | None:
    lab = status(directory)
    return lab if lab is not None and lab.state is LabState.RUNNING else None


def _end_and_empty(directory: Path) -> None:
    """End what runs in a lab's directory and remove all that it holds."""
    if not _is_lab(directory):
        raise BmctlError(
            f"{directory} holds something else than a lab", hint="choose another directory for the lab"
        )
    _end(find_remains(directory))
    for entry in directory.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _end(remains: Remains) -> None:
    # An ended lab's interface is gone; one of that name may be another lab's by now.
    lived = any(is_same(pid, started) for pid, started in remains.processes)
    for pid, started in remains.processes:
        if not end_process(pid, started, END_SECONDS):
            raise BmctlError(
                f"process {pid} of the lab did not end within {END_SECONDS:.0f} s",
                hint=f"see `ps -p {pid} -o pid,stat,wchan`, then try again",
            )
        collect(pid)
    interface = remains.interface
    if lived and interface and not _wait_until(lambda: not _has_interface(interface)):
        raise BmctlError(f"the lab's interface {interface} did not go away")


def _has_interface(name: str) -> bool:
    return Path("/sys/class/net", name).exists()


def _wait_until(happened: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + END_SECONDS
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _wants_user_namespace(options: LabOptions) -> bool:
    return options.user_namespace if options.user_namespace is not None else os.geteuid() != 0


def _prepare(options: LabOptions, directory: Path, tell: Callable[[LabEvent], None]) -> Lab:
    """Write all that the capsule will read; nothing runs yet."""
    (directory / MARKER).touch()
    for name in SUBDIRECTORIES:
        (directory / name).mkdir(mode=0o700)
    user_namespace = _wants_user_namespace(options)
    chosen = network.choose_network(
        number=options.number,
        inside=user_namespace,
        routes=() if user_namespace else network.host_routes(Path("/proc/net/route").read_text()),
        with_ipv6=network.host_has_ipv6(),
    )
    _tell(tell, "acceleration")
    lab = Lab(
        name=options.name,
        directory=str(directory),
        state=LabState.STARTING,
        pid=0,
        start_time=0,
        holder_pid=0,
        holder_start_time=0,
        options=options,
        network=chosen,
        nodes=plan_nodes(options, chosen, directory),
        acceleration=prove_acceleration(directory / "tmp"),
        controller_url=_controller_url(options, chosen),
        username=USERNAME,
        user_namespace=user_namespace,
    )
    write_password(directory)
    write_certificates(directory, _controller_addresses(chosen))
    write_ssh_key(directory)
    save(lab)
    return lab


def _controller_url(options: LabOptions, chosen: LabNetwork) -> str:
    return f"{'https' if options.tls else 'http'}://{chosen.controller}"


def _controller_addresses(chosen: LabNetwork) -> tuple[str, ...]:
    return (chosen.controller, *((chosen.controller6,) if chosen.controller6 else ()))


def _start(lab: Lab, tell: Callable[[LabEvent], None]) -> Lab:
    """Start the capsule, build the lab in step with it, and let it go once it is recorded."""
    with start_capsule(lab) as capsule:
        lab = replace(
            lab,
            pid=capsule.pid,
            start_time=capsule.start_time,
            holder_pid=capsule.holder_pid,
            holder_start_time=capsule.holder_start_time,
        )
        save(lab)
        capsule.send("build")
        for stage in capsule.stages():
            _tell(tell, stage)
            if stage == "link":
                join_host(lab)
                capsule.send("link")
        lab = replace(lab, state=LabState.RUNNING)
        write_inventory(lab)
        save(lab)
        capsule.send("recorded")
    return lab


def _tell(tell: Callable[[LabEvent], None], stage: str) -> None:
    tell(LabEvent(stage=stage, text=STAGE_TEXTS.get(stage, stage)))
