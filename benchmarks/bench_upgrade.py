"""What `bmctl upgrade-check` and `bmctl upgrade --fix` cost for a large fleet.

The peer only reads: it parses the same inventory and the same records, and looks at nothing in them.
"""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Row, Usage, run_child, run_here, side_by_side, under
from bmctl.store.filestore import open_store
from bmctl.store.interface import Owner
from bmctl.store.owner import this_process
from bmctl.upgrade.carry_out import carry_out
from bmctl.upgrade.plan import plan_upgrade

NODES = 1000
ROUNDS = 5
# A node in use after its first deploy, with what its agent offered; some 3 KB.
RECORD = {
    "provision_state": "active",
    "power": "on",
    "description": {f"property-{number}": "x" * 40 for number in range(20)},
    "agent": {
        "version": "13.0.0",
        "steps": {
            "versions": {"generic_hardware_manager": "1.2"},
            "steps": [
                {"interface": "deploy", "step": f"step_{number}", "priority": 0, "arguments": {}}
                for number in range(12)
            ],
        },
    },
}
READ = """
import json, sys, yaml
from pathlib import Path
yaml.load(Path(sys.argv[1]).read_text(), Loader=yaml.CSafeLoader)
for path in sorted(Path(sys.argv[2]).glob("*.json")):
    json.loads(path.read_bytes())
for path in sorted(Path(sys.argv[3]).glob("*.json")):
    json.loads(path.read_bytes())
"""


def run() -> list[Row]:
    """Make the fleet once, check it in turn with the peer, then migrate copies of it."""
    bmctl = Path(sys.executable).with_name("bmctl")
    if not bmctl.exists():
        return [Row(what="bmctl upgrade-check", skipped="bmctl is not installed beside this Python")]
    with tempfile.TemporaryDirectory(prefix="bmctl-bench-") as place:
        inventory, state = _fleet(Path(place))
        check = functools.partial(_check, bmctl, inventory, state)
        read = [sys.executable, "-c", READ, inventory, state / "nodes", state / "locks" / "nodes"]
        ours, peer = side_by_side(ROUNDS, check, functools.partial(run_child, read))
        (fixed,) = side_by_side(3, _fix(state, Path(place)))
    what = f"upgrade-check of {NODES} nodes"
    return [
        under(f"{what}, CPU", ours.cpu, "s", 1.0),
        Row(
            what=f"{what}, CPU", ours=ours.cpu, unit="s", peer=peer.cpu, peer_name="reading the files", aim=6
        ),
        under(f"upgrade --fix of {NODES} nodes, CPU", fixed.cpu, "s", 2.0),
    ]


def _check(bmctl: Path, inventory: Path, state: Path) -> Usage:
    """The whole command; it ends with 1 or 2 for what it finds."""
    command = [str(bmctl), "upgrade-check", "--json", "-i", str(inventory), "--state", str(state)]
    found = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if len(json.loads(found.stdout)["checks"]) < 10:
        raise RuntimeError("the checks did not run")
    return run_child(["sh", "-c", 'test "$1" && "$@"; test $? -le 2', "-", *command])


def _fix(state: Path, place: Path) -> Callable[[], Usage]:
    """The migration of a copy, which is made before the clock starts."""
    numbers = iter(range(1000))

    def work() -> Usage:
        copy = place / f"copy-{next(numbers)}"
        shutil.copytree(state, copy)
        return run_here(lambda: carry_out(plan_upgrade(copy, None, now=1.8e9)))

    return work


def _fleet(place: Path) -> tuple[Path, Path]:
    """An inventory, and a state of schema 1 in which every node has a record and a lock file."""
    inventory, state = place / "inventory.yaml", place / "state"
    inventory.write_text(_inventory(), encoding="utf-8")
    store = open_store(state)
    with store.lock("nodes/n0", _owner(), lease=60.0):
        pass
    lock = (state / "locks/nodes/n0.json").read_text(encoding="utf-8")
    for number in range(NODES):
        name = f"n{number}"
        value = {"name": name, **RECORD}
        record = {"record": {"1": {"key": f"nodes/{name}", "revision": 7, "value": value}}}
        (state / "nodes" / f"{name}.json").write_text(json.dumps(record), encoding="utf-8")
        (state / "locks/nodes" / f"{name}.json").write_text(lock, encoding="utf-8")
    (state / "schema.json").write_text('{"schema": 1}\n', encoding="utf-8")
    return inventory, state


def _owner() -> Owner:
    return this_process("bmctl deploy", since=0.0)


def _inventory() -> str:
    image = f"images:\n  debian: {{source: /images/debian.raw, checksum: {'a' * 64}}}\n"
    nodes = "".join(
        f"  - name: n{number}\n"
        f"    bmc: {{address: https://10.1.{number // 250}.{number % 250 + 1}}}\n"
        f"    network: {{mac: 52:54:00:12:{number // 256:02x}:{number % 256:02x},"
        f" address: 198.51.{number // 250}.{number % 250 + 2}/16, gateway: 198.51.255.1}}\n"
        for number in range(NODES)
    )
    defaults = "defaults:\n  bmc: {username: admin, password: env:BMC_PASSWORD}\n  image: debian\n"
    return f"{defaults}{image}nodes:\n{nodes}"
