from __future__ import annotations

import os
import subprocess

from bmctl.lab.processes import collect, end_process, is_same, start_time


def test_exactly_the_named_process_ends():
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            started = start_time(process.pid)
            assert is_same(process.pid, started)
            assert end_process(process.pid, started + 1, 5)
            assert process.poll() is None
            assert end_process(process.pid, started, 5)
            assert start_time(process.pid) is None
        finally:
            process.kill()
    assert end_process(process.pid, started, 5)


def test_only_own_children_are_collected():
    collect(1)
    assert start_time(os.getpid()) is not None
