"""Sushy-tools' Redfish emulator as the lab runs it: its configuration, and when it listens."""

from __future__ import annotations

import socket
from pathlib import Path

EMULATOR_PORT = 8000


def emulator_config(directory: Path, *, address: str, port: int, tls: bool) -> str:
    """The emulator's configuration, a Python file: libvirt's machines, basic auth, TLS when asked for."""
    settings: dict[str, object] = {
        "SUSHY_EMULATOR_LISTEN_IP": address,
        "SUSHY_EMULATOR_LISTEN_PORT": port,
        "SUSHY_EMULATOR_LIBVIRT_URI": "qemu:///system",
        "SUSHY_EMULATOR_STATE_DIR": str(directory / "emulator"),
        "SUSHY_EMULATOR_AUTH_FILE": str(directory / "htpasswd"),
        "SUSHY_EMULATOR_VMEDIA_VERIFY_SSL": False,
    }
    if tls:
        settings["SUSHY_EMULATOR_SSL_CERT"] = str(directory / "controller.pem")
        settings["SUSHY_EMULATOR_SSL_KEY"] = str(directory / "controller.key")
    return "".join(f"{name} = {value!r}\n" for name, value in settings.items())


def listens(address: str, port: int) -> bool:
    """Whether something accepts connections there now."""
    try:
        with socket.create_connection((address, port), timeout=1.0):
            return True
    except OSError:
        return False
