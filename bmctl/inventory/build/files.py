"""Files that the inventory names: where they are, and the text of those that are read with it."""

from __future__ import annotations

from pathlib import Path

from bmctl.inventory.report import Notes

FILE = "file:"

# Bytes; cloud-init's own data sources stop far below this.
LARGEST = 1024 * 1024


def absolute(path: str, base: Path) -> str:
    """A path of the inventory, which is relative to the inventory's directory `base`."""
    return str(base / Path(path).expanduser())


def text_of(value: str, base: Path, notes: Notes, *steps: str | int) -> str | None:
    """The value itself, or what the file holds that `file:PATH` names; None where it cannot be read."""
    if not value.startswith(FILE):
        return value
    named = value.removeprefix(FILE).strip()
    try:
        with Path(absolute(named, base)).open("rb") as file:
            content = file.read(LARGEST + 1)
        text = content.decode()
    except OSError as error:
        notes.wrong(*steps, message=f"{named} cannot be read: {(error.strerror or 'unknown reason').lower()}")
    except (UnicodeDecodeError, ValueError, RuntimeError):
        notes.wrong(*steps, message=f"{named} is not a file of UTF-8 text")
    else:
        if len(content) <= LARGEST:
            return text
        notes.wrong(*steps, message=f"{named} is larger than {LARGEST // 1024} KiB")
    return None
