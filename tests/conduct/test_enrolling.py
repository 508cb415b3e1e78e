"""Enrolling: each controller proven, what it says kept, and doubts told."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bmctl.drivers.fake import Fault, driver_of
from bmctl.enrolling import Admission, enroll
from bmctl.errors import ExitCode, RefusedError
from bmctl.model.firmware import BootMode, PowerState
from bmctl.model.node import StepPriorities
from bmctl.model.states import ProvisionState
from bmctl.store.owner import this_process
from bmctl.store.record import node_key, update_node


class Controllers:
    def __init__(self, site: Any) -> None:
        self._site = site

    @asynccontextmanager
    async def driver(self, node: Any) -> AsyncIterator[Any]:
        yield driver_of(self._site.worlds[node.name].machine)


@pytest.fixture
def enrolled(site) -> Any:
    async def run(*names: str, admission: Admission = Admission.ENROLL) -> Any:
        told: list[Any] = []
        found = await enroll(
            Controllers(site),
            site.store,
            this_process("bmctl enroll", since=time.time()),
            site.nodes(*names),
            at_once=4,
            clock=time.time,
            told=told.append,
            admission=admission,
        )
        assert {item.node.name for item in told} == {item.node.name for item in found}
        return found

    return run


async def test_a_node_that_answers_is_available(site, enrolled):
    site.world()
    (found,) = await enrolled()
    assert found.error is None
    assert found.warnings == ()
    record = site.record()
    assert record.provision_state is ProvisionState.AVAILABLE
    assert record.power is PowerState.OFF
    assert record.description["model"] == "machine in memory"


async def test_a_controller_that_refuses_leaves_the_others_alone(site, enrolled):
    site.world("good")
    bad = site.world("bad")
    bad.machine.faults = [Fault(call="introspection.describe", error=RefusedError("wrong password"))]
    good, refused = await enrolled("good", "bad")
    assert good.error is None
    assert refused.error.exit_code is ExitCode.UNREACHABLE


async def test_an_active_node_stays_active(site, enrolled):
    site.world()
    update_node(site.store, "n1", lambda record: replace(record, provision_state=ProvisionState.ACTIVE))
    (found,) = await enrolled()
    assert found.provision_state is ProvisionState.ACTIVE


async def test_what_controller_and_inventory_disagree_about_is_told(site, enrolled):
    world = site.world()
    world.machine.macs, world.machine.mode = ("52:54:00:00:00:99",), BootMode.BIOS
    (found,) = await enrolled()
    assert found.warnings == (
        "the controller knows no port 52:54:00:00:00:01; it has 52:54:00:00:00:99",
        "the machine boots in bios mode now, the inventory says uefi",
    )


async def test_a_node_that_is_held_is_not_asked(site, enrolled):
    world = site.world()
    with site.store.lock(node_key("n1"), this_process("bmctl deploy n1", since=time.time()), lease=60):
        (found,) = await enrolled()
    assert found.error.exit_code is ExitCode.BUSY
    assert world.machine.calls == []


async def test_a_new_node_whose_clock_is_wrong_is_kept_out(site, enrolled):
    site.world().machine.settings.ahead = -timedelta(days=900)
    (found,) = await enrolled()
    assert found.error.message.startswith(
        "management.verify_bmc_clock: the controller's clock is 900 days behind"
    )
    assert "step_priorities: {verify: {management.verify_bmc_clock: 0}}" in found.error.hint
    record = site.record()
    assert record.provision_state is ProvisionState.ENROLL
    assert record.last_error == found.error.message


async def test_a_wrong_clock_is_but_a_warning_for_a_node_in_use(site, enrolled):
    site.world().machine.settings.ahead = timedelta(days=900)
    update_node(site.store, "n1", lambda record: replace(record, provision_state=ProvisionState.ACTIVE))
    (found,) = await enrolled()
    assert found.error is None
    assert "900 days ahead" in found.warnings[0]


async def test_a_time_zone_is_warned_of(site, enrolled):
    site.world().machine.settings.ahead = timedelta(hours=2)
    (found,) = await enrolled()
    assert found.error is None
    assert "time zone" in found.warnings[0]


async def test_the_operator_may_leave_a_verify_step_out(site, enrolled):
    wanted = StepPriorities(verify={"management.verify_bmc_clock": 0})
    site.world(step_priorities=wanted).machine.settings.ahead = timedelta(days=900)
    (found,) = await enrolled()
    assert (found.error, found.warnings) == (None, ())


async def test_a_machine_in_use_is_adopted_once_its_controller_is_verified(site, enrolled):
    world = site.world()
    (managed,) = await enrolled(admission=Admission.MANAGE)
    assert managed.provision_state is ProvisionState.MANAGEABLE
    world.machine.settings.ahead = timedelta(days=900)
    (refused,) = await enrolled(admission=Admission.ADOPT)
    assert refused.error is not None
    assert site.record().provision_state is ProvisionState.ADOPT_FAILED
    world.machine.settings.ahead = timedelta()
    (adopted,) = await enrolled(admission=Admission.ADOPT)
    assert adopted.provision_state is ProvisionState.ACTIVE
    assert site.record().last_error is None


async def test_managing_a_known_node_asks_no_controller(site, enrolled):
    world = site.world()
    await enrolled()
    world.machine.calls.clear()
    (found,) = await enrolled(admission=Admission.MANAGE)
    assert found.provision_state is ProvisionState.MANAGEABLE
    assert world.machine.calls == []


async def test_what_is_not_legal_asks_no_controller(site, enrolled):
    world = site.world()
    (found,) = await enrolled(admission=Admission.ADOPT)
    assert found.error.exit_code is ExitCode.INVALID
    assert world.machine.calls == []
