"""Controllers called by a name that this host does not know, reached at the address it stands for."""

from __future__ import annotations

import pytest
from redfish_controller import Controller, Service

from bmctl.drivers import open_driver
from bmctl.errors import UnreachableError
from bmctl.model.node import DriverName

NAME = "bmc1.example.test"


@pytest.fixture
def named(certificate):
    """A controller with TLS, under its name."""
    state = Controller()
    with Service(state, certificate):
        state.url = state.url.replace("127.0.0.1", NAME)
        yield state


async def test_certificate_goes_by_the_name(named, access_to, certificate):
    access = access_to(named, verify=certificate, connect_to="127.0.0.1")
    async with open_driver(DriverName.REDFISH, access) as driver:
        await driver.power.state()
    assert driver.session.requests > 0


async def test_a_certificate_for_another_name_is_refused(named, access_to, certificate):
    named.url = named.url.replace("bmc1", "bmc2")
    with pytest.raises(UnreachableError, match="certificate"):
        async with open_driver(
            DriverName.REDFISH, access_to(named, verify=certificate, connect_to="127.0.0.1")
        ):
            pass


async def test_plain_http_by_name(controller, access_to):
    controller.url = controller.url.replace("127.0.0.1", NAME)
    async with open_driver(DriverName.REDFISH, access_to(controller, connect_to="127.0.0.1")) as driver:
        await driver.power.state()
