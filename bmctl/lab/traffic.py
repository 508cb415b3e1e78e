"""Counting and blocking what machines send to the operator's host, on the lab's bridge.

The rules live in the capsule and end with it. A connection counts when a machine opens it (its first TCP
packet, SYN without ACK); answers to connections that the operator opened always pass. ARP and IPv6 neighbour
discovery pass uncounted, since nothing works without them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from bmctl.lab.machines import run_inside
from bmctl.lab.record import Lab, LabNetwork

TABLE = "bmctl_lab"
NAMES = ("opened_allowed", "opened_other", "packets_other")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What machines sent to the operator's addresses since `restrict`.

    Connections opened to allowed ports and to others, and packets that belong to no TCP connection.
    """

    opened_allowed: int
    opened_other: int
    packets_other: int


def restrict(lab: Lab, ports: tuple[int, int], *, block: bool = True) -> None:
    """Let machines open connections to the operator only on TCP ports first to last; count the rest.

    `block` False only counts. A second call replaces the first and starts counting again.
    """
    run_inside(lab, ("nft", "-f", "-"), text=ruleset(lab.network, ports, block=block))


def unrestrict(lab: Lab) -> None:
    """Let everything pass again, uncounted."""
    run_inside(lab, ("nft", "-f", "-"), text=f"add table bridge {TABLE}\ndelete table bridge {TABLE}\n")


def counters(lab: Lab) -> Traffic:
    """What was counted so far; BmctlError where nothing is being counted."""
    listing = json.loads(run_inside(lab, ("nft", "-j", "list", "counters", "table", "bridge", TABLE)))
    return read_counters(listing)


def read_counters(listing: dict[str, Any]) -> Traffic:
    """Read nft's JSON listing of counters."""
    found = {
        entry["counter"]["name"]: int(entry["counter"]["packets"])
        for entry in listing["nftables"]
        if "counter" in entry
    }
    return Traffic(**{name: found[name] for name in NAMES})


def ruleset(network: LabNetwork, ports: tuple[int, int], *, block: bool) -> str:
    """The rules, in nft's language, replacing any that were there."""
    verdict = "drop" if block else "accept"
    rules = _rules(f"ip daddr {network.operator}", ports, verdict)
    if network.operator6 is not None:
        destination = f"ip6 daddr {network.operator6}"
        # Router and neighbour discovery, without which IPv6 does not work (RFC 4861).
        rules += [f"{destination} icmpv6 type {{ 133, 134, 135, 136, 137 }} accept"]
        rules += _rules(destination, ports, verdict)
    lines = [f"add table bridge {TABLE}", f"delete table bridge {TABLE}", f"table bridge {TABLE} {{"]
    lines += [f"counter {name} {{ }}" for name in NAMES]
    # Frames for the host's end of the link are forwarded; where the operator is inside, they come in.
    for hook in ("forward", "input"):
        lines += [f"chain {hook} {{", f"type filter hook {hook} priority 0; policy accept;", *rules, "}"]
    return "\n".join([*lines, "}", ""])


def _rules(destination: str, ports: tuple[int, int], verdict: str) -> list[str]:
    opening = f"{destination} tcp flags & (syn | ack) == syn"
    return [
        f"{opening} tcp dport {ports[0]}-{ports[1]} counter name opened_allowed accept",
        f"{opening} counter name opened_other {verdict}",
        f"{destination} meta l4proto != tcp counter name packets_other {verdict}",
    ]
