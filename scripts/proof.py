"""Asks deployed machines of a lab who they are, and says whether that is what bmctl meant them to be.

    python scripts/proof.py LAB NODE...

Runs where the machines can be reached, with the environment that `bmctl` had. Ends with 1 where something
differs.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BMCTL = Path(sys.executable).with_name("bmctl")
QUESTION = "hostname; cat /var/lib/cloud/data/instance-id; ip -json address show scope global"
SSH_SECONDS = 60
SHORTEST_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a machine says of itself."""

    hostname: str
    instance_id: str
    addresses: dict[str, bool]
    """Each address with its prefix, and whether it is set for ever instead of leased."""


def ask_bmctl(*arguments: str) -> Any:
    """What a bmctl command prints as JSON."""
    done = subprocess.run((BMCTL, *arguments, "--json"), stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def ask_machine(address: str, key: Path) -> Answer:
    """Log in with the key that the inventory gave to the machine, and no other."""
    options = (
        *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"),
        *("-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "ConnectTimeout=20"),
    )
    command = ("ssh", "-F", "none", "-i", str(key), *options, f"debian@{address}", QUESTION)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=SSH_SECONDS, check=True)
    hostname, instance_id, links = done.stdout.split("\n", 2)
    # iproute2 leaves an empty object for each address that the scope filters out.
    found = [one for link in json.loads(links) for one in link["addr_info"] if one]
    return Answer(
        hostname=hostname,
        instance_id=instance_id,
        addresses={f"{one['local']}/{one['prefixlen']}": not one.get("dynamic", False) for one in found},
    )


def prove(name: str, key: Path) -> bool:
    """Print what a node answers beside what was meant; whether all of it agrees."""
    meant = ask_bmctl("node", "show", name)
    try:
        answer = ask_machine(meant["address"], key)
    except subprocess.SubprocessError as error:
        print(f"  {name}  NO ANSWER by ssh at {meant['address']}: {error}")
        return False
    rows = [
        ("hostname", answer.hostname, answer.hostname == meant["hostname"], "as in the inventory"),
        (
            "instance id",
            answer.instance_id,
            answer.instance_id == meant["instance_id"],
            "as bmctl recorded it",
        ),
        *(
            ("address", address, answer.addresses.get(address, False), "as in the inventory, static")
            for address in meant["addresses"]
        ),
    ]
    for what, said, agrees, remark in rows:
        print(f"  {name}  {what:12}  {said:40}  {remark if agrees else 'NOT ' + remark}")
    return all(agrees for _, _, agrees, _ in rows)


def seconds_of_steps(name: str) -> dict[str, float]:
    """How long each step of a node's last run took, from its journal."""
    journal = Path(ask_bmctl("node", "show", name)["run_folder"], "journal.jsonl")
    facts = [json.loads(line) for line in journal.read_text().splitlines()]
    return {fact["task"]: fact["seconds"] for fact in facts if fact.get("mark") == "done"}


def show_times(names: list[str]) -> None:
    """A table of the steps that took a while, a column for each node."""
    columns = [seconds_of_steps(name) for name in names]
    print(f"\nThe steps that took {SHORTEST_SECONDS} s or longer, in seconds:\n")
    print(f"  {'':30}" + "".join(f"{name:>8}" for name in names))
    for task in columns[0]:
        row = [column.get(task, 0.0) for column in columns]
        if max(row) >= SHORTEST_SECONDS:
            print(f"  {task:30}" + "".join(f"{seconds:8.1f}" for seconds in row))
    print(f"  {'all steps':30}" + "".join(f"{sum(column.values()):8.1f}" for column in columns))


def main(lab: str, *names: str) -> int:
    """Ask all, then show where the time went."""
    key = Path(ask_bmctl("lab", "status", "--name", lab)["directory"], "id_ed25519")
    print("\nWhat the deployed systems say by ssh:\n")
    agreed = [prove(name, key) for name in names]
    show_times(list(names))
    return 0 if all(agreed) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
