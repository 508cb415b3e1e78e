"""Which disk the agent will take for the image, found out before anything is written.

The rules are the agent's own: all hints must match, texts are compared in lower case, the first
disk that matches wins, and without hints it is the smallest one of at least 4 GiB.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from urllib.parse import quote

from bmctl.agent.hardware import Disk, Hardware
from bmctl.errors import BmctlError, InvalidError
from bmctl.model.hints import RootDeviceHints

SMALLEST_ROOT_DISK = 4 * 2**30
GIB = 2**30

_NUMBERS: dict[str, Callable[[float, float], bool]] = {
    # A lone "=" means "at least", as in Nova's extra specs.
    "=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TEXTS: dict[str, Callable[[str, str], bool]] = {
    "s==": operator.eq,
    "s!=": operator.ne,
    "s<": operator.lt,
    "s<=": operator.le,
    "s>": operator.gt,
    "s>=": operator.ge,
    "<in>": lambda seen, wanted: wanted in seen,
}
_OPERATOR = re.compile(r"\s*(s[=!]=|s[<>]=?|<in>|<or>|<all-in>|<range-in>|[=!<>]=|[=<>])\s*(?=\S)")


def choose_root_disk(
    hardware: Hardware,
    hints: RootDeviceHints,
    *,
    image_size: int = 0,
    skip: Sequence[RootDeviceHints] = (),
) -> Disk:
    """The disk the image will be written to; none that matches one of `skip`.

    Raises `InvalidError` where a hint cannot be read, and `BmctlError` where no disk matches or the
    one that does is smaller than `image_size` bytes.
    """
    given = hints.given()
    disks = [disk for disk in hardware.disks if not is_skipped(disk, skip)]
    disk = _first_match(disks, given) if given else _smallest(disks)
    if disk is None:
        raise BmctlError(
            _nothing_matches(given),
            hint="the machine has "
            + ("; ".join(map(str, disks)) or "no disk that the ramdisk can see and may use"),
        )
    if disk.size < image_size:
        raise BmctlError(
            f"the disk is too small: {disk} for an image of {image_size / GIB:.1f} GiB",
            hint="choose another disk with root_device, or a smaller image",
        )
    return disk


def is_skipped(disk: Disk, skip: Sequence[RootDeviceHints]) -> bool:
    """Whether the inventory wants this disk left alone, whatever is done."""
    return any(_first_match((disk,), hints.given()) is not None for hints in skip if hints.given())


def check_hints(hints: RootDeviceHints) -> None:
    """Raise `InvalidError` for a hint that no agent could read."""
    for name, wanted in hints.given().items():
        _matcher(name, wanted)


def _first_match(disks: Sequence[Disk], given: dict[str, str | int | bool]) -> Disk | None:
    matchers = {name: _matcher(name, wanted) for name, wanted in given.items()}
    return next((disk for disk in disks if all(match(disk) for match in matchers.values())), None)


def _smallest(disks: Sequence[Disk]) -> Disk | None:
    fitting = [disk for disk in disks if disk.size >= SMALLEST_ROOT_DISK]
    return min(fitting, key=lambda disk: (disk.size, disk.name), default=None)


def _nothing_matches(given: dict[str, str | int | bool]) -> str:
    if not given:
        return "no disk of the machine holds 4 GiB or more"
    return "no disk of the machine matches root_device " + ", ".join(
        f"{name}: {value}" for name, value in given.items()
    )


def _matcher(name: str, wanted: str | int | bool) -> Callable[[Disk], bool]:
    if name == "rotational":
        return lambda disk: disk.rotational is not None and disk.rotational == wanted
    if name == "size":
        matches_size = _size_matcher(str(wanted))
        return lambda disk: matches_size(disk.size / GIB)
    matches = _text_matcher(name, str(wanted).strip().lower())
    return lambda disk: any(matches(_written(value)) for value in _texts(disk, name))


def _size_matcher(wanted: str) -> Callable[[float], bool]:
    word, rest = _split(wanted)
    # An agent compares <or> with the number as text, so that it never holds: refused like the others.
    compare = _NUMBERS.get(word or "==")
    if compare is None:
        raise InvalidError(f"root_device size: the operator {word} does not compare numbers")
    number = _number(rest)
    return lambda size: compare(size, number)


def _text_matcher(name: str, wanted: str) -> Callable[[str], bool]:
    if not wanted:
        raise InvalidError(f"root_device {name} is empty")
    word, rest = _split(wanted)
    if word == "<or>":
        choices = [_written(text) for text in rest.split("<or>") if text.strip()]
        return lambda seen: seen in choices
    compare = _TEXTS.get(word or "s==")
    if compare is None:
        raise InvalidError(f"root_device {name}: the operator {word} does not compare texts")
    return lambda seen: compare(seen, _written(rest))


def _split(wanted: str) -> tuple[str, str]:
    """The operator, empty where there is none, and what follows it."""
    found = _OPERATOR.match(wanted)
    return (found[1], wanted[found.end() :]) if found else ("", wanted)


def _number(text: str) -> float:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number <= 0:
        raise InvalidError(
            f"root_device size: {text.strip()!r} is not a whole number of GiB above 0",
            hint='write a size like 100, or ">= 100"',
        )
    return float(number)


def _written(text: str) -> str:
    """A text as the agent compares it: lower case, percent-encoded (which decides what is less than what)."""
    return quote(text.strip().lower())


def _texts(disk: Disk, name: str) -> tuple[str, ...]:
    several = {
        "serial": disk.serials,
        "wwn": disk.wwns,
        "wwn_with_extension": disk.wwns_with_extension,
        "wwn_vendor_extension": disk.wwn_vendor_extensions,
    }
    if name in several:
        return several[name]
    value = getattr(disk, name)
    # An agent compares what it does not know as the text "none", so that `s!= X` holds for it.
    return ("none" if value is None else str(value),)
