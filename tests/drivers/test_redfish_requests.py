"""How many requests a controller gets, and what happens to those that fail."""

from __future__ import annotations

import asyncio

import pytest
from redfish_controller import RESET, SESSIONS, SYSTEM, Answer

from bmctl.drivers import open_driver
from bmctl.errors import BmctlError, UnreachableError
from bmctl.model.firmware import BootMode, BootTarget, PowerAction, PowerState


async def test_a_whole_deploy_costs_at_most_25_requests(controller, access_to):
    controller.power_lag = 1
    async with open_driver("redfish", access_to(controller)) as driver:
        await driver.power.set(PowerAction.OFF)
        await driver.media.insert("http://10.0.0.1/n1.iso")
        await driver.boot.set_next(BootTarget.CD, BootMode.UEFI)
        await driver.power.set(PowerAction.ON)
        controller.power, polls = "Off", 3  # the agent powers off by itself
        for _ in range(polls):
            await driver.power.state()
        await driver.media.eject()
        await driver.boot.set_next(BootTarget.DISK, BootMode.UEFI)
        await driver.power.set(PowerAction.ON)
        told = driver.session.requests
    assert controller.power == "On"
    assert controller.drives["Cd"].image is None
    assert len(controller.log) <= 25, controller.log
    assert len(controller.log) == told + 1  # the goodbye
    assert not controller.tokens


async def test_the_session_is_given_back_when_the_work_fails(controller, access_to):
    async def work() -> None:
        async with open_driver("redfish", access_to(controller)):
            assert controller.tokens
            raise ValueError("oops")

    with pytest.raises(ValueError, match="oops"):
        await work()
    assert not controller.tokens


async def test_the_session_is_given_back_when_the_run_is_interrupted(controller, access_to):
    inside = asyncio.Event()

    async def work() -> None:
        async with open_driver("redfish", access_to(controller)) as driver:
            controller.will("GET", SYSTEM, Answer(delay=1.5))
            inside.set()
            await driver.power.state()

    task = asyncio.create_task(work())
    await inside.wait()
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not controller.tokens


async def test_the_session_is_given_back_when_the_login_is_interrupted(controller, access_to):
    controller.will("POST", SESSIONS, Answer(delay=0.3))

    async def work() -> None:
        async with open_driver("redfish", access_to(controller, auth="session")):
            pytest.fail("it should not get here")

    task = asyncio.create_task(work())
    while not controller.count("POST", SESSIONS):  # noqa: ASYNC110  the controller is no part of this loop
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.5)
    assert not controller.tokens


async def test_closing_twice_says_goodbye_once(controller, access_to):
    async with open_driver("redfish", access_to(controller)) as driver:
        await driver.session.close()
        await driver.session.close()
    assert [method for method, _ in controller.log].count("DELETE") == 1


async def test_an_expired_session_is_replaced_once(controller, driver):
    controller.tokens.clear()
    assert await driver.power.state() is PowerState.OFF
    assert controller.count("POST", SESSIONS) == 2
    await driver.session.close()
    assert not controller.tokens


async def test_a_missing_right_opens_no_new_session(controller, driver):
    controller.will("GET", SYSTEM, Answer(status=403))
    with pytest.raises(UnreachableError, match=r"could not tell the power state \(HTTP 403\)"):
        await driver.power.state()
    assert controller.count("POST", SESSIONS) == 1


async def test_a_session_that_expired_before_the_end_opens_no_new_one(controller, access_to):
    async with open_driver("redfish", access_to(controller)):
        controller.tokens.clear()
    assert controller.count("POST", SESSIONS) == 1


async def test_a_login_is_tried_again_when_the_controller_is_not_ready(controller, access_to):
    controller.will("POST", SESSIONS, Answer(status=503, headers={"Retry-After": "0"}))
    async with open_driver("redfish", access_to(controller)):
        assert len(controller.tokens) == 1
    assert not controller.tokens


async def test_a_read_is_repeated_when_the_controller_is_not_ready(controller, driver):
    controller.will("GET", SYSTEM, Answer(status=503, headers={"Retry-After": "0"}), Answer(status=0))
    assert await driver.power.state() is PowerState.OFF


async def test_a_read_is_given_up_after_three_tries(controller, driver):
    controller.will("GET", SYSTEM, *(Answer(status=503, headers={"Retry-After": "0"}) for _ in range(9)))
    before = controller.count("GET", SYSTEM)
    with pytest.raises(UnreachableError, match=r"could not tell the power state \(HTTP 503\)"):
        await driver.power.state()
    assert controller.count("GET", SYSTEM) - before == 3


async def test_a_switch_whose_answer_is_lost_is_not_sent_again_when_it_worked(controller, driver):
    controller.will("POST", RESET, Answer(status=0, effect=True))
    await driver.power.set(PowerAction.ON)
    assert controller.power == "On"
    assert controller.count("POST", RESET) == 1


async def test_a_switch_is_sent_again_when_the_controller_was_not_ready(controller, driver):
    controller.will("POST", RESET, Answer(status=503, headers={"Retry-After": "0"}), Answer(status=409))
    await driver.power.set(PowerAction.ON)
    assert controller.power == "On"
    assert controller.count("POST", RESET) == 3


async def test_a_refused_switch_is_an_error_and_is_sent_once(controller, driver):
    controller.will("POST", RESET, Answer(status=400, body={"error": {"message": "Not with this lid open."}}))
    with pytest.raises(
        BmctlError, match=r"could not switch the machine on \(HTTP 400: Not with this lid open\)"
    ):
        await driver.power.set(PowerAction.ON)
    assert controller.count("POST", RESET) == 1


async def test_off_when_off_costs_one_read(controller, driver):
    await asyncio.sleep(0)
    controller.log.clear()
    await driver.power.set(PowerAction.OFF)
    assert len(controller.log) <= 1


async def test_a_machine_that_does_not_switch_is_an_error_that_says_how_long(controller, driver):
    controller.power_lag = 1000
    with pytest.raises(BmctlError, match=r"says the machine is off, 0\.5 s after it was told to be on"):
        await driver.power.set(PowerAction.ON, timeout=0.5)


async def test_reboot_switches_off_then_on(controller, driver):
    controller.power = "On"
    await driver.power.state()
    await driver.power.set(PowerAction.REBOOT)
    resets = [body["ResetType"] for body in controller.bodies if "ResetType" in body]
    assert resets == ["ForceOff", "On"]


async def test_an_etag_that_is_out_of_date_does_not_stop_the_boot_override(controller, driver):
    await driver.power.state()
    controller.etag += 1
    await driver.boot.set_next(BootTarget.CD, BootMode.UEFI)
    assert controller.boot["BootSourceOverrideTarget"] == "Cd"


async def test_calls_to_one_controller_take_turns(controller, access_to):
    controller.will("GET", SYSTEM, *(Answer(delay=0.05) for _ in range(4)))
    async with (
        open_driver("redfish", access_to(controller)) as one,
        open_driver("redfish", access_to(controller)) as other,
    ):
        await asyncio.gather(*(driver.power.state() for driver in (one, other, one, other)))
    assert controller.count("GET", SYSTEM) == 6
    assert controller.most_busy == 1
