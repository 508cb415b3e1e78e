"""A switch in user space: tagged frames on its ports, untagged ones on the tap called `access`.

Run as `vlan_switch.py FOLDER PORTS VLAN`; QEMU's ports are datagram sockets in the folder. Hosts whose
kernel has no VLANs can test them so. Ends when it is killed.
"""

from __future__ import annotations

import fcntl
import os
import select
import socket
import struct
import sys
from pathlib import Path

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
TAG = struct.Struct("!HH")


def open_tap(name: str) -> int:
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return tap


def open_port(folder: Path, number: int) -> socket.socket:
    port = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    port.setblocking(False)
    port.bind(str(folder / f"switch{number}"))
    return port


def main(folder: Path, ports: int, vlan: int) -> None:
    tap = open_tap("access")
    sockets = [open_port(folder, number) for number in range(ports)]
    while True:
        ready, _, _ = select.select([tap, *sockets], [], [])
        for port in sockets:
            if port in ready:
                frame = port.recv(65536)
                if TAG.unpack_from(frame, 12)[0] == 0x8100 and TAG.unpack_from(frame, 12)[1] & 0xFFF == vlan:
                    os.write(tap, frame[:12] + frame[16:])
        if tap in ready:
            frame = os.read(tap, 65536)
            for number, port in enumerate(sockets):
                send(port, folder / f"port{number}", frame[:12] + TAG.pack(0x8100, vlan) + frame[12:])


def send(port: socket.socket, peer: Path, frame: bytes) -> None:
    try:
        port.sendto(frame, str(peer))
    except OSError:
        return  # the machine is off, or does not listen, or its queue is full: a switch drops the frame


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
