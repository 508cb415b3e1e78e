"""`bmctl doctor`: whether this host has what bmctl needs, and what to install otherwise."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import asdict, dataclass

import click

from bmctl.commands.settings import Settings, common_options, settings_of
from bmctl.commands.tables import show_table
from bmctl.errors import BmctlError, ExitCode
from bmctl.model.firmware import Architecture

EPILOG = """\b
Examples:
  bmctl doctor
  bmctl doctor --json
"""
# Programs on the operator's host, by what they are for.
PROGRAMS = (
    ("qemu-img", "images in qcow2", "qemu-utils"),
    ("apt-get", "building the ramdisk", "apt"),
    ("dpkg-deb", "building the ramdisk", "dpkg"),
    ("mmdebstrap", "the lab's image", "mmdebstrap"),
    ("qemu-system-x86_64", "the lab", "qemu-system-x86"),
    ("libvirtd", "the lab", "libvirt-daemon-system"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked for."""

    what: str
    purpose: str
    found: str | None
    advice: str = ""
    needed: bool = False


@click.command(epilog=EPILOG)
@common_options
@click.pass_context
def command(ctx: click.Context) -> int:
    """See which boot loaders, programs and ramdisks this host has.

    Says which file was found where, and what to install otherwise. Ends with 1
    where a deploy could not work.
    """
    settings = settings_of(ctx)
    findings = [*_loaders(), *_programs(), *_ramdisks(settings)]
    if settings.json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        show_table(
            ("", "what", "for", "found", "otherwise"),
            [
                (
                    "ok" if finding.found else "MISSING" if finding.needed else "-",
                    finding.what,
                    finding.purpose,
                    finding.found or "",
                    "" if finding.found else finding.advice,
                )
                for finding in findings
            ],
        )
    return ExitCode.FAILED if any(f.needed and not f.found for f in findings) else ExitCode.DONE


def _loaders() -> list[Finding]:
    from bmctl.media.loaders import find_loaders, report

    findings = [
        Finding(
            what=str(item.part),
            purpose=f"boot media for {item.architecture}",
            found=str(item.path) if item.path is not None else None,
            advice=", ".join(f"{family}: {package}" for family, package in item.packages.items()),
        )
        for item in report()
    ]
    try:
        usable = find_loaders(Architecture.X86_64) is not None
        advice = ""
    except BmctlError as error:
        usable, advice = False, error.hint or error.message
    return [
        *findings,
        Finding(
            what="a usable boot loader",
            purpose="boot media for x86_64",
            found="yes" if usable else None,
            advice=advice,
            needed=True,
        ),
    ]


def _programs() -> list[Finding]:
    path = f"{sys.exec_prefix}/bin:/usr/local/sbin:/usr/sbin:/sbin"
    return [
        Finding(
            what=name,
            purpose=purpose,
            found=shutil.which(name) or shutil.which(name, path=path),
            advice=f"apt install {package}",
        )
        for name, purpose, package in PROGRAMS
    ]


def _ramdisks(settings: Settings) -> list[Finding]:
    from bmctl.ramdisk.shelf import find

    try:
        ramdisk = find(settings.find_cache() / "ramdisks")
        found = f"{ramdisk.name}, agent {ramdisk.agent_version or 'unknown'}"
    except BmctlError:
        found = None
    return [
        Finding(
            what="a deploy ramdisk", purpose="deploys", found=found, advice="bmctl ramdisk build", needed=True
        )
    ]
