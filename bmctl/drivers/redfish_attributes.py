"""Attribute registries (DMTF DSP0268): which BIOS settings there are, and what they may be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from bmctl.drivers.redfish_conversation import Conversation, link
from bmctl.errors import InvalidError
from bmctl.model.controller import BiosValue, same_value

Entries = Mapping[str, Mapping[str, Any]]
_WORDS = {"true": True, "false": False}
_SHOWN = 8
_FILES = 3


def entries_of(conversation: Conversation, registry: str | None) -> dict[str, dict[str, Any]]:
    """The entries of a registry by setting's name; empty where the controller does not publish it. Blocks."""
    if not registry:
        return {}
    collection = conversation.part(link(conversation.root.json, "Registries")) or {}
    paths = [member.get("@odata.id", "") for member in collection.get("Members") or ()]
    for path in _likely(paths, registry):
        document = _document(conversation, path)
        attributes = ((document or {}).get("RegistryEntries") or {}).get("Attributes")
        if document is not None and attributes and document.get("Id") in {registry, None}:
            return {entry["AttributeName"]: entry for entry in attributes if entry.get("AttributeName")}
    return {}


def _document(conversation: Conversation, path: str) -> dict[str, Any] | None:
    """The registry behind a MessageRegistryFile, in English where there is a choice."""
    file = conversation.part(path) or {}
    locations = [place for place in file.get("Location") or () if place.get("Uri")]
    locations.sort(key=lambda place: not str(place.get("Language", "")).startswith("en"))
    return conversation.part(str(locations[0]["Uri"])) if locations else None


def _likely(paths: Iterable[str], registry: str) -> list[str]:
    """The files that may hold the registry, the likeliest first; a few, since each costs two requests."""
    stem = registry.partition(".")[0].lower()

    def distance(path: str) -> int | None:
        name = path.rstrip("/").rpartition("/")[2]
        if name == registry:
            return 0
        if name.partition(".")[0].lower() == stem:
            return 1
        return 2 if "bios" in name.lower() else None

    ranked = ((distance(path), path) for path in paths)
    return [path for _, path in sorted((rank, path) for rank, path in ranked if rank is not None)][:_FILES]


def checked(
    values: Mapping[str, BiosValue], *, present: Mapping[str, Any], entries: Entries
) -> dict[str, BiosValue]:
    """The values as the BIOS wants them, without those that are so already.

    Raises `InvalidError` that names every setting and value the BIOS does not know.
    """
    flaws: list[str] = []
    wanted: dict[str, BiosValue] = {}
    for name, value in values.items():
        if name not in present and name not in entries:
            flaws.append(_unknown(name, {*present, *entries}))
            continue
        fitting, flaw = _fit(name, value, entries.get(name), present.get(name))
        if flaw:
            flaws.append(flaw)
        elif not same_value(fitting, present.get(name)):
            wanted[name] = fitting
    if flaws:
        raise InvalidError("; ".join(flaws))
    return wanted


def _unknown(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"the BIOS has no setting {name}" + (f", did you mean {close[0]}" if close else "")


def _fit(
    name: str, value: BiosValue, entry: Mapping[str, Any] | None, present: object
) -> tuple[BiosValue, str]:
    """The value as its type wants it, and what is wrong with it, if anything."""
    if entry is None:
        return _like(value, present), ""
    if entry.get("ReadOnly"):
        return value, f"the BIOS setting {name} can only be read"
    check = _CHECKS.get(str(entry.get("Type")))
    return check(name, value, entry) if check else (value, "")


def _like(value: BiosValue, present: object) -> BiosValue:
    """The value in the type that the BIOS shows, where nothing else tells its type."""
    return str(value) if isinstance(present, str) else value


def _choice(name: str, value: BiosValue, entry: Mapping[str, Any]) -> tuple[BiosValue, str]:
    choices = entry.get("Value") or ()
    labels = {str(choice["ValueName"]): str(choice.get("ValueDisplayName")) for choice in choices}
    if str(value) in labels or not labels:
        return str(value), ""
    said = str(value).lower()
    alike = [key for key, label in labels.items() if said in {label.lower(), key.lower()}]
    close = alike or difflib.get_close_matches(str(value), labels, n=1, cutoff=0.5)
    known = ", ".join(list(labels)[:_SHOWN]) + (", ..." if len(labels) > _SHOWN else "")
    meant = f", did you mean {close[0]}" if close else ""
    return value, f"the BIOS setting {name} cannot be {value}{meant} (it takes {known})"


def _boolean(name: str, value: BiosValue, _entry: Mapping[str, Any]) -> tuple[BiosValue, str]:
    word = _WORDS.get(str(value).lower())
    return word, "" if word is not None else f"the BIOS setting {name} is true or false, not {value}"


def _password(name: str, value: BiosValue, _entry: Mapping[str, Any]) -> tuple[BiosValue, str]:
    return value, f"the BIOS setting {name} is a password, which is not set this way"


def _integer(name: str, value: BiosValue, entry: Mapping[str, Any]) -> tuple[BiosValue, str]:
    try:
        number = int(str(value))
    except ValueError:
        return value, f"the BIOS setting {name} is a whole number, not {value}"
    low, high = entry.get("LowerBound"), entry.get("UpperBound")
    if low is not None and number < low:
        return number, f"the BIOS setting {name} is at least {low}, not {number}"
    if high is not None and number > high:
        return number, f"the BIOS setting {name} is at most {high}, not {number}"
    return number, ""


def _text(name: str, value: BiosValue, entry: Mapping[str, Any]) -> tuple[BiosValue, str]:
    text = str(value)
    shortest, longest = entry.get("MinLength") or 0, entry.get("MaxLength")
    if len(text) < shortest:
        return text, f"the BIOS setting {name} has at least {shortest} characters, not {len(text)}"
    if longest is not None and len(text) > longest:
        return text, f"the BIOS setting {name} has at most {longest} characters, not {len(text)}"
    return text, ""


_CHECKS = {
    "Enumeration": _choice,
    "Integer": _integer,
    "Boolean": _boolean,
    "String": _text,
    "Password": _password,
}
