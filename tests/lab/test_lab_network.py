from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from bmctl.errors import BmctlError
from bmctl.lab import network, traffic

ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
bmlab0\t0000D50A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""


def choose(**wanted):
    known = {"number": None, "inside": False, "routes": (), "with_ipv6": True}
    return network.choose_network(**{**known, **wanted})


def test_routes_are_read_without_the_default_one():
    assert network.host_routes(ROUTES) == (IPv4Network("10.213.0.0/24"),)


def test_a_subnet_that_the_host_uses_is_left_alone():
    assert choose(routes=network.host_routes(ROUTES)).number == 1


def test_a_whole_used_range_is_refused():
    with pytest.raises(BmctlError, match="cannot have any subnet"):
        choose(routes=(IPv4Network("10.0.0.0/8"),))
    with pytest.raises(BmctlError, match=r"10\.213\.3\.0/24"):
        choose(number=3, routes=(IPv4Network("10.213.3.0/28"),))


def test_the_host_joins_by_a_link_of_its_own():
    found = choose(number=4)
    assert found.interface == "bmlab4"
    commands = network.uplink_commands(found, 99)
    assert commands[0] == (
        "ip",
        "link",
        "add",
        "name",
        "bmlab4",
        "type",
        "veth",
        "peer",
        "name",
        "uplink",
        "netns",
        "99",
    )
    assert any("10.213.4.1/24" in command for command in commands)
    assert not any("10.213.4.1/24" in command for command in network.capsule_commands(found, ()))


def test_without_root_the_operator_is_inside():
    found = choose(inside=True)
    assert network.uplink_commands(found, 99) == []
    assert network.join_commands(found) == []
    assert any("10.213.0.1/24" in command for command in network.capsule_commands(found, ()))


def test_without_ipv6_there_is_none_of_it():
    found = choose(with_ipv6=False)
    assert not any(":" in word for command in network.capsule_commands(found, ()) for word in command)
    assert "ip6" not in traffic.ruleset(found, (8000, 8010), block=True)


def test_only_the_operators_addresses_are_watched():
    text = traffic.ruleset(choose(number=2), (8000, 8010), block=True)
    assert "ip daddr 10.213.2.1 tcp flags & (syn | ack) == syn tcp dport 8000-8010" in text
    assert "counter name opened_other drop" in text
    assert "drop" not in traffic.ruleset(choose(number=2), (8000, 8010), block=False)


def test_counters_are_read_from_nft():
    counters = [
        {"counter": {"name": name, "packets": n, "bytes": 0}} for n, name in enumerate(traffic.NAMES, 1)
    ]
    found = traffic.read_counters({"nftables": [{"metainfo": {}}, *counters]})
    assert found == traffic.Traffic(opened_allowed=1, opened_other=2, packets_other=3)
