"""What an inspection found, shown to a person and to programs."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

from bmctl.store.filestore import open_store
from bmctl.store.record import update_node

FOUND: dict[str, Any] = {
    "learnt": 0.0,
    "hardware": {
        "interfaces": [
            {
                "name": "eno1",
                "mac_address": "52:54:00:12:34:01",
                "ipv4_address": "192.0.2.11",
                "has_carrier": True,
                "speed_mbps": 1000,
                "driver": "igb",
            },
            {"name": "eno2", "mac_address": "52:54:00:12:34:02", "has_carrier": False},
        ],
        "disks": [
            {"name": "/dev/sda", "size": 480 * 2**30, "model": "SSD 7", "serial": "S1", "rotational": False}
            | {"tran": "sata"},
            {"name": "/dev/sdb", "size": 4000 * 2**30, "rotational": True},
        ],
        "cpu": {"count": 16, "model_name": "Model X", "architecture": "x86_64"},
        "memory": {"physical_mb": 65536},
        "system_vendor": {
            "manufacturer": "ACME",
            "product_name": "Model 9",
            "serial_number": "SN1",
            "firmware": {"vendor": "ACME", "version": "1.2", "build_date": "01/02/2026"},
        },
        "boot": {"current_boot_mode": "uefi"},
        "bmc_address": "192.0.2.99",
    },
    "disks": [{"name": "/dev/sda", "size": 480 * 2**30, "table": "gpt", "contents": []}],
    "properties": {"cpus": 16, "local_gb": 480},
    "traits": ["CUSTOM_BIG"],
}


def remember(place: Any, **changes: Any) -> None:
    found = {**FOUND, "learnt": time.time() - 7500, **changes}
    store = open_store(place.path / "state")
    update_node(store, "n1", lambda record: replace(record, inspection=found))


def test_a_person_sees_the_machine_and_the_age_of_the_news(place):
    remember(place)
    done = place.run("node", "inventory", "n1")
    assert done.returncode == 0, done.stderr
    shown = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert shown[0] == "n1: inspected 2 h 5 min ago"
    for line in (
        "firmware: ACME, 1.2, 01/02/2026",
        "cpu: 16 x Model X (x86_64)",
        "memory: 64.0 GiB",
        "local_gb: 480",
        "CUSTOM_BIG",
        "eno1 52:54:00:12:34:01 yes 1000 Mbit/s igb 192.0.2.11",
        "eno2 52:54:00:12:34:02 no",
        "/dev/sda 480.0 GiB sata, solid state SSD 7 S1 GPT: no partitions",
        "/dev/sdb 4000.0 GiB rotating not looked at",
    ):
        assert line in shown


def test_programs_get_everything_that_was_found(place):
    remember(place)
    shown = json.loads(place.run("node", "inventory", "n1", "--json").stdout)
    assert shown["name"] == "n1"
    assert shown["age"] in range(7500, 7560)
    assert shown["hardware"] == FOUND["hardware"]
    assert shown["traits"] == ["CUSTOM_BIG"]


def test_a_machine_of_which_little_is_known_is_shown(place):
    remember(place, hardware={"interfaces": [], "disks": []}, disks=[], properties={}, traits=[])
    done = place.run("node", "inventory", "n1")
    assert done.returncode == 0, done.stderr
    assert "traits" not in done.stdout


def test_a_machine_that_was_not_inspected_is_told_so(place):
    done = place.run("node", "inventory", "n1")
    assert done.returncode == 1
    assert done.stderr == "error: n1 was not inspected yet\nhint: run: bmctl inspect n1\n"
