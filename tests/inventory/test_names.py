"""Name servers are asked, believed a little, and waited for briefly."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest

from bmctl.errors import UnreachableError
from bmctl.inventory import Inventory
from bmctl.inventory.names import check_names, resolve_controller

TEXT = """nodes:
  - name: n1
    bmc: {address: 10.0.0.11}
    network:
      {mac: 525400000001, address: [192.0.2.11/24, "2001:db8::11/64"], dns: 127.0.0.1, search: x.example}
"""
Load = Callable[[str], Inventory]
LOOPBACK = (ip_address("127.0.0.1"),)


async def messages(inventory: Inventory, server: Any, timeout: float = 5.0) -> list[str]:
    warnings = await check_names(inventory.nodes, port=server.port, timeout=timeout)
    assert all(warning.node == "n1" for warning in warnings)
    return [warning.message for warning in warnings]


async def test_records_that_agree_or_are_missing_are_fine(name_server: Any, loaded: Load) -> None:
    inventory = loaded(TEXT)
    assert await messages(inventory, name_server) == []
    name_server.records = {
        ("n1.x.example", "A"): ["192.0.2.11"],
        ("n1.x.example", "AAAA"): ["2001:db8::11", "2001:db8::99"],
        ("11.2.0.192.in-addr.arpa", "PTR"): ["N1.X.Example."],
    }
    assert await messages(inventory, name_server) == []


async def test_records_that_disagree_are_told(name_server: Any, loaded: Load) -> None:
    name_server.records = {
        ("n1.x.example", "A"): ["192.0.2.99"],
        ("11.2.0.192.in-addr.arpa", "PTR"): ["other.x.example."],
    }
    assert await messages(loaded(TEXT), name_server) == [
        "A of n1.x.example is 192.0.2.99, the machine will have 192.0.2.11",
        "PTR of 192.0.2.11 is other.x.example, the machine will be n1.x.example",
    ]


async def test_a_silent_server_is_a_warning(name_server: Any, loaded: Load) -> None:
    name_server.silent = True
    assert await messages(loaded(TEXT), name_server, timeout=0.3) == [
        "the records of n1.x.example were not checked: no answer from 127.0.0.1 in 0.3 s"
    ]


async def test_without_domain_or_name_servers_nothing_is_asked(name_server: Any, loaded: Load) -> None:
    name_server.silent = True
    assert await messages(loaded(TEXT.replace(", search: x.example", "")), name_server) == []
    assert await messages(loaded(TEXT.replace("dns: 127.0.0.1, ", "")), name_server) == []


async def test_a_controllers_name_is_resolved_by_the_inventorys_servers(name_server: Any) -> None:
    name_server.records = {
        ("bmc.x.example", "A"): ["127.0.0.9"],
        ("bmc.x.example", "AAAA"): ["2001:db8::9"],
    }
    found = await resolve_controller("bmc.x.example", LOOPBACK, port=name_server.port)
    assert found == (ip_address("127.0.0.9"), ip_address("2001:db8::9"))
    with pytest.raises(UnreachableError, match="has no address"):
        await resolve_controller("nope.x.example", LOOPBACK, port=name_server.port)
    name_server.silent = True
    with pytest.raises(UnreachableError, match="no answer from"):
        await resolve_controller("bmc.x.example", LOOPBACK, port=name_server.port, timeout=0.3)


async def test_addresses_and_this_hosts_own_names_need_no_server() -> None:
    assert await resolve_controller("[2001:db8::1]") == (ip_address("2001:db8::1"),)
    assert ip_address("127.0.0.1") in await resolve_controller("localhost")
