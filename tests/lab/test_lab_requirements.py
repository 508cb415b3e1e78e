from __future__ import annotations

import pytest

from bmctl.errors import BmctlError
from bmctl.lab import requirements


def test_everything_that_is_missing_is_said_at_once(monkeypatch):
    absent = (
        requirements.Requirement(name="no-such-program", package="one"),
        requirements.Requirement(name="nor-this-one", package="two"),
    )
    monkeypatch.setattr(requirements, "IMAGE_PROGRAMS", absent)
    with pytest.raises(BmctlError, match="lacks no-such-program, nor-this-one") as caught:
        requirements.require_image()
    assert caught.value.hint == "apt-get install one two"
