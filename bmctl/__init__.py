"""Bare metal to a working system: one command, no DHCP, no daemon, no database server."""

__version__ = "0.1.0"
