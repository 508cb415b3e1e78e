"""The boot loaders that the nodes' firmware starts are installed."""

from __future__ import annotations

from collections.abc import Iterator

from bmctl.errors import BmctlError
from bmctl.media.loaders import LoaderFiles, find_loaders
from bmctl.model.firmware import Architecture, BootMode
from bmctl.upgrade.check import Check, Finding, Level
from bmctl.upgrade.look import Look


def _run(look: Look) -> Iterator[Finding]:
    for architecture in sorted({node.architecture for node in look.nodes}):
        try:
            loaders = find_loaders(architecture, roots=look.sources.roots)
        except BmctlError as error:
            yield Finding(level=Level.FAILURE, text=error.message, remedy=error.hint or "")
            continue
        yield from _unsuited(look, architecture, loaders)


def _unsuited(look: Look, architecture: Architecture, loaders: LoaderFiles) -> Iterator[Finding]:
    for node in look.nodes:
        if node.architecture is not architecture:
            continue
        if node.boot_mode not in loaders.boot_modes:
            yield Finding(
                level=Level.FAILURE,
                text=f"no boot loader for {node.boot_mode} on {architecture} is installed",
                remedy="see which packages bring it: bmctl doctor",
                node=node.name,
                place=look.place(node.name, "boot_mode"),
            )
        elif node.secure_boot and node.boot_mode is BootMode.UEFI and not loaders.secure_boot:
            yield Finding(
                level=Level.FAILURE,
                text="Secure Boot is required, and the signed boot loaders are not installed",
                remedy="see which packages bring them: bmctl doctor",
                node=node.name,
                place=look.place(node.name, "secure_boot"),
            )


CHECK = Check(name="loaders", title="Boot loaders", run=_run)
