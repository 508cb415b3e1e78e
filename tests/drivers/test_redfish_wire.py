"""Small things that come over the wire: addresses, headers, vendor names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmctl.drivers.redfish_connector import origin_of, seconds_until
from bmctl.drivers.redfish_quirks import Quirks, old_idrac, quirks_of


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://10.0.0.1", "https://10.0.0.1:443"),
        ("https://10.0.0.1:443/redfish/v1/", "https://10.0.0.1:443"),
        ("http://BMC.example.net/", "http://bmc.example.net:80"),
        ("https://[fd00::1]:8443/x", "https://[fd00::1]:8443"),
        ("https://[fd00::1]", "https://[fd00::1]:443"),
        ("https://user:word@bmc/", "https://bmc:443"),
    ],
)
def test_one_spelling_of_an_address(url, origin):
    assert origin_of(url) == origin
    assert origin_of(origin) == origin


@given(st.integers(0, 10**6))
def test_seconds_to_wait(seconds):
    assert seconds_until(str(seconds)) == seconds
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
    assert abs(seconds_until(date) - seconds) < 5


@given(st.text())
def test_junk_in_retry_after_is_no_error(text):
    assert (seconds_until(text) or 0) >= 0


@pytest.mark.parametrize(
    ("vendor", "quirks"),
    [
        ("Dell Inc.", Quirks(eject_empty=True, media_boot_call=True)),
        ("AMI", Quirks(send_all=True)),
        ("American Megatrends International, LLC.", Quirks(send_all=True)),
        ("SuperMicro", Quirks(send_enabled=True, usb_cd=True)),
        ("Adamite", Quirks()),
        (None, Quirks()),
        ("", Quirks()),
    ],
)
def test_quirks_by_vendor(vendor, quirks):
    assert quirks_of(vendor) == quirks
    assert quirks_of(None, vendor) == quirks


@pytest.mark.parametrize(
    ("model", "version", "old"),
    [
        ("14G Monolithic", "4.22.00.00", True),
        ("15G Monolithic", "6.10.30.00", False),
        ("16G Monolithic", "7.00.00", False),
        ("17G Monolithic", "1.20.50.50", True),
        (None, None, True),
    ],
)
def test_idracs_that_want_a_call_of_their_own(model, version, old):
    assert old_idrac(model, version) is old
