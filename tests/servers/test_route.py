"""Addresses as another machine sees them."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest

from bmctl.errors import BmctlError
from bmctl.servers.route import advertised_url, source_address


@pytest.mark.parametrize("towards", ["127.0.0.1", "localhost", "127.9.9.9"])
def test_loopback_answers_by_loopback(towards):
    assert source_address(towards).is_loopback


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
def test_second_family():
    assert source_address("::1") == ip_address("::1")


def test_no_way_is_told():
    with pytest.raises(BmctlError, match=r"no route from this host to no-such-host\.invalid"):
        source_address("no-such-host.invalid")


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("192.0.2.1", "http://192.0.2.1:80/k/n.iso"),
        (ip_address("2001:db8::1"), "http://[2001:db8::1]:80/k/n.iso"),
        ("server.example", "http://server.example:80/k/n.iso"),
    ],
)
def test_urls(address, url):
    assert advertised_url(address, 80, "/k/n.iso") == url
