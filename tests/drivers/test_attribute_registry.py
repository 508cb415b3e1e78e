"""What is made of settings that people write, by the registry of a BIOS."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from settings_controller import ENTRIES

from bmctl.drivers.redfish_attributes import checked
from bmctl.errors import InvalidError

BY_NAME = {entry["AttributeName"]: entry for entry in ENTRIES}
names = st.sampled_from([*BY_NAME, "NumCore", "x"])
values = st.one_of(
    st.booleans(), st.integers(-5, 40), st.sampled_from(["Enabled", "disabled", "On", "7", "", "true"])
)
settings = st.dictionaries(names, values, max_size=6)


@given(settings, settings)
def test_what_is_taken_is_as_the_registry_says_and_needs_no_second_change(present, wanted):
    try:
        taken = checked(wanted, present=present, entries=BY_NAME)
    except InvalidError:
        return
    assert checked(wanted, present={**present, **taken}, entries=BY_NAME) == {}
    for name, value in taken.items():
        match BY_NAME.get(name, {}).get("Type"):
            case "Integer":
                assert isinstance(value, int)
                assert 1 <= value <= 16
            case "Boolean":
                assert isinstance(value, bool)
            case "Enumeration":
                assert value in {"Enabled", "Disabled"}
            case "String":
                assert isinstance(value, str)


def test_all_mistakes_are_told_at_once():
    with pytest.raises(InvalidError) as refused:
        checked({"NumCores": 99, "LogicalProc": "On", "Serial": "x"}, present={}, entries=BY_NAME)
    assert len(str(refused.value).split("; ")) == 3
