"""What is on each disk of a machine, read out of the logs that any agent collects.

The agent's generic hardware manager puts the output of `lsblk --all --bytes --output-all --pairs` there.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence

from bmctl.agent.answers import strange_answer
from bmctl.errors import BmctlError
from bmctl.model.disks import DiskContent, Filesystem

LISTING = "lsblk-full"
LARGEST_LISTING = 16 * 2**20
_PAIR = re.compile(r'([A-Z][A-Z0-9:%_-]*)="((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\x([0-9a-fA-F]{2})")

_Row = Mapping[str, str]


def read_disks(logs: bytes) -> tuple[DiskContent, ...]:
    """The disks out of the tar.gz that `AgentClient.collect_logs` returns.

    Raises `BmctlError` where the archive holds no listing of block devices.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(logs), mode="r:gz") as archive:
            member = archive.getmember(LISTING)
            source = archive.extractfile(member)
            text = source.read(LARGEST_LISTING).decode("utf-8", "replace") if source else ""
    except KeyError as error:
        raise BmctlError(
            "the agent's logs hold no listing of the disks",
            hint="see that the ramdisk has lsblk (util-linux)",
        ) from error
    except (tarfile.TarError, OSError, EOFError) as error:
        raise strange_answer("its logs") from error
    return parse_listing(text)


def parse_listing(text: str) -> tuple[DiskContent, ...]:
    """The disks out of lsblk's pairs, by name. Devices of size 0 (empty drives) are left out."""
    rows = [_row(line) for line in text.splitlines() if line.strip()]
    disks = [row for row in rows if row.get("TYPE") == "disk" and _size(row)]
    return tuple(_disk(row, rows) for row in sorted(disks, key=_device))


def _row(line: str) -> dict[str, str]:
    """Columns by name; newer releases of lsblk write `_` for characters that shells refuse in names."""
    return {
        name.replace(":", "_").replace("-", "_"): _ESCAPE.sub(lambda code: chr(int(code[1], 16)), value)
        for name, value in _PAIR.findall(line)
    }


def _disk(row: _Row, rows: Sequence[_Row]) -> DiskContent:
    found = list(_below(row, rows, ()))
    if row.get("FSTYPE"):
        found.insert(0, (row, ()))
    return DiskContent(
        name=_device(row),
        size=_size(row),
        serial=row.get("SERIAL", "").strip(),
        model=row.get("MODEL", "").strip(),
        transport=row.get("TRAN", ""),
        read_only=row.get("RO") == "1",
        table="" if row.get("FSTYPE") else row.get("PTTYPE", ""),
        contents=tuple(_filesystem(each, inside) for each, inside in found),
    )


def _below(row: _Row, rows: Sequence[_Row], above: tuple[str, ...]) -> Iterator[tuple[_Row, tuple[str, ...]]]:
    """Everything that lies on a device, what lies directly on it first."""
    inside = (*above, _device(row))
    for child in rows:
        if child.get("PKNAME") == row.get("KNAME") and _device(child) not in inside:
            yield child, inside
            yield from _below(child, rows, inside)


def _filesystem(row: _Row, inside: tuple[str, ...]) -> Filesystem:
    return Filesystem(
        device=_device(row),
        size=_size(row),
        kind=row.get("FSTYPE", ""),
        label=row.get("LABEL", ""),
        uuid=row.get("UUID", ""),
        partition_uuid=row.get("PARTUUID", ""),
        partition_label=row.get("PARTLABEL", ""),
        type=row.get("PARTTYPE", ""),
        mounted=row.get("MOUNTPOINT", ""),
        inside=inside,
    )


def _device(row: _Row) -> str:
    return f"/dev/{row.get('KNAME') or row.get('NAME', '')}"


def _size(row: _Row) -> int:
    size = row.get("SIZE", "")
    return int(size) if size.isdecimal() else 0
