"""Rows of results, and CPU seconds of this process and of others.

CPU seconds and ratios are what to look at: wall time also shows what else the machine is doing.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One comparison. `aim` is the ratio to keep to, None where the ratio only informs.

    `low` says that a smaller ratio is better. `skipped` says why there are no numbers.
    """

    what: str
    unit: str = ""
    ours: float = 0.0
    peer: float = 0.0
    peer_name: str = ""
    aim: float | None = None
    low: bool = True
    skipped: str = ""

    @property
    def ratio(self) -> float:
        """Ours over the peer's."""
        return self.ours / self.peer if self.peer else float("inf")

    @property
    def met(self) -> bool | None:
        """Whether the aim is kept, None where there is none."""
        if self.skipped or self.aim is None:
            return None
        return self.ratio <= self.aim if self.low else self.ratio >= self.aim


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a piece of work took: seconds of CPU (user and system) and of wall time, bytes at the peak."""

    cpu: float
    wall: float
    peak: int = 0


def under(what: str, ours: float, unit: str, limit: float) -> Row:
    """A row with a fixed limit in place of a peer."""
    return Row(what=what, ours=ours, unit=unit, peer=limit, peer_name="limit", aim=1.0)


def missing(*programs: str) -> str:
    """Which program is not installed, as a row says it; empty if all are."""
    absent = [program for program in programs if find(program) is None]
    return f"{' and '.join(absent)} not installed" if absent else ""


def find(program: str) -> str | None:
    """Where a program is, also where only root looks for it."""
    return shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")


def run_child(command: Sequence[str | os.PathLike[str]]) -> Usage:
    """Run a program to its end, silently; `CalledProcessError` if it fails."""
    began = time.perf_counter()
    # No `with`: the block would reap the child before its usage is read.
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if child.stderr is None:
        raise RuntimeError("a pipe was asked for")
    with child.stderr as errors:
        said = errors.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command, stderr=said)
    cpu = usage.ru_utime + usage.ru_stime
    return Usage(cpu=cpu, wall=time.perf_counter() - began, peak=usage.ru_maxrss * 1024)


def run_here(work: Callable[[], object]) -> Usage:
    """Do the work in this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Usage(cpu=time.process_time() - cpu, wall=time.perf_counter() - wall)


def cpu_of_process(pid: int) -> float:
    """Seconds of CPU a running process has used so far (proc(5), fields 14 and 15 of stat)."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    # The command's name may hold blanks: fields are counted after its last bracket.
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_of_process(pid: int) -> int:
    """The most bytes of memory a running process has had in use (proc(5), VmHWM of status)."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    kibibytes = next(line.split()[1] for line in text.splitlines() if line.startswith("VmHWM:"))
    return int(kibibytes) * 1024


def side_by_side(rounds: int, *works: Callable[[], Usage]) -> tuple[Usage, ...]:
    """The median usage of each work. They take turns, and turns at being first, to share the noise."""
    taken: list[list[Usage]] = [[] for _ in works]
    for number in range(rounds):
        for turn in range(len(works)):
            index = (number + turn) % len(works)
            taken[index].append(works[index]())
    return tuple(median(usages) for usages in taken)


def median(usages: Sequence[Usage]) -> Usage:
    """The middle of each number."""
    return Usage(
        cpu=statistics.median(usage.cpu for usage in usages),
        wall=statistics.median(usage.wall for usage in usages),
        peak=int(statistics.median(usage.peak for usage in usages)),
    )
