"""What a person is told when a controller cannot be opened, and which ways in there are."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from redfish_controller import SESSIONS, SYSTEM, Answer, Controller, Service

from bmctl.drivers import open_driver, redfish_connector
from bmctl.errors import BmctlError, InvalidError, RefusedError, UnreachableError
from bmctl.model.firmware import PowerState
from bmctl.model.secret import Secret


async def opened(access) -> PowerState:
    async with open_driver("redfish", access) as driver:
        return await driver.power.state()


async def error_of(access, kind=BmctlError) -> BmctlError:
    with pytest.raises(kind) as raised:
        await opened(access)
    text = f"{raised.value.message} {raised.value.hint}"
    assert access.password.reveal() not in text
    assert "\n" not in text
    assert not raised.value.message.endswith(".")
    return raised.value


@pytest.mark.parametrize("auth", ["auto", "session", "basic"])
async def test_every_way_to_log_in(controller, access_to, auth):
    assert await opened(access_to(controller, auth=auth)) is PowerState.OFF
    assert controller.count("POST", SESSIONS) == (auth != "basic")
    assert not controller.tokens


async def test_auto_takes_basic_where_there_are_no_sessions(controller, access_to):
    controller.sessions = False
    assert await opened(access_to(controller)) is PowerState.OFF
    assert controller.count("POST", SESSIONS) == 0


async def test_auto_takes_basic_where_sessions_are_broken(controller, access_to):
    controller.will("POST", SESSIONS, Answer(status=501))
    assert await opened(access_to(controller)) is PowerState.OFF


async def test_a_wrong_password_is_tried_once_only(controller, access_to):
    error = await error_of(access_to(controller, password=Secret("wr0ng-one")), RefusedError)
    assert error.message == f"the controller at {controller.url} refused the password"
    assert "bmc.password" in error.hint
    assert controller.count("POST", SESSIONS) == 1
    assert controller.count("GET", "/redfish/v1/Systems") == 0


async def test_a_wrong_password_is_told_with_basic_too(controller, access_to):
    error = await error_of(access_to(controller, password=Secret("wr0ng-one"), auth="basic"), RefusedError)
    assert "refused the password" in error.message


async def test_sessions_asked_for_where_there_are_none(controller, access_to):
    controller.sessions = False
    error = await error_of(access_to(controller, auth="session"), RefusedError)
    assert error.message == "this controller offers no sessions"


async def test_the_passwords_echo_is_not_shown(controller, access_to):
    body = {"error": {"message": "no entry for s3cret-word."}}
    controller.will("POST", SESSIONS, Answer(status=403, body=body))
    error = await error_of(access_to(controller, auth="session"), RefusedError)
    assert error.message.endswith("(HTTP 403: no entry for ******)")


async def test_a_password_that_must_be_changed_first(controller, access_to):
    info = [{"MessageId": "Base.1.8.PasswordChangeRequired", "Message": "Change it.", "Severity": "Critical"}]
    body = {"error": {"code": "Base.1.8.GeneralError", "@Message.ExtendedInfo": info}}
    controller.will("GET", SYSTEM, Answer(status=403, body=body))
    error = await error_of(access_to(controller), RefusedError)
    assert "wants its password changed first" in error.message
    assert controller.count("POST", SESSIONS) == 1
    assert not controller.tokens


async def test_nobody_listens(controller, access_to):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        error = await error_of(access_to(controller, address=url), UnreachableError)
    assert error.message == f"the controller at {url} does not answer (connection refused)"


async def test_a_name_that_is_not_known(controller, access_to):
    error = await error_of(access_to(controller, address="https://bmc.invalid"), UnreachableError)
    assert error.message == "the name in https://bmc.invalid is not known"


async def test_a_web_server_that_is_no_controller(image, controller, access_to):
    error = await error_of(access_to(controller, address=image.removesuffix("/n1.iso")), RefusedError)
    assert error.message.endswith("is not a Redfish controller")


async def test_an_answer_that_is_no_json(controller, access_to):
    controller.will("GET", "/redfish/v1/", Answer(status=200))
    error = await error_of(access_to(controller))
    assert error.message.endswith("is not a Redfish controller")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "10.0.0.1",
        "ftp://10.0.0.1",
        "https://",
        "https://10.0.0.1:port",
        "https://[::1",
        "https://10.0.0.1/x",
    ],
)
async def test_addresses_that_are_none(controller, access_to, address):
    await error_of(access_to(controller, address=address), InvalidError)
    assert not controller.log


@pytest.mark.parametrize("path", ["", "/", "/redfish/v1", "/redfish/v1/"])
async def test_the_service_root_may_be_part_of_the_address(controller, access_to, path):
    assert await opened(access_to(controller, address=controller.url + path)) is PowerState.OFF


async def test_credentials_do_not_follow_a_redirect_to_another_host(controller, access_to):
    other = Controller()
    with Service(other):
        controller.will("GET", SYSTEM, Answer(status=307, headers={"Location": f"{other.url}{SYSTEM}"}))
        error = await error_of(access_to(controller), RefusedError)
        assert f"sends bmctl on to {other.url}" in error.message
        assert other.log == []
    assert not controller.tokens


@pytest.mark.parametrize("wanted", [SYSTEM, "1", "machine", "0000", None])
async def test_a_system_is_found_by_path_id_name_or_uuid(controller, access_to, wanted):
    assert await opened(access_to(controller, system=wanted)) is PowerState.OFF


@pytest.mark.parametrize("wanted", ["/redfish/v1/Systems/9", "nine"])
async def test_a_system_that_is_not_there_is_told_with_those_that_are(controller, access_to, wanted):
    error = await error_of(access_to(controller, system=wanted), InvalidError)
    assert error.message == f"the controller at {controller.url} has no system {wanted}"
    assert error.hint == "set bmc.system to one of 1"


@pytest.mark.peer
async def test_several_systems_and_none_named(emulator):
    error = await error_of(emulator.access(system=None), InvalidError)
    assert "has 4 systems and the inventory names none" in error.message


@pytest.mark.peer
async def test_the_emulator_behind_tls(tls_emulator, certificate):
    assert await opened(tls_emulator.access(verify=certificate)) is PowerState.OFF
    assert await opened(tls_emulator.access(verify=False)) is PowerState.OFF
    error = await error_of(tls_emulator.access(verify=True), RefusedError)
    assert "is not trusted (self-signed certificate)" in error.message
    assert "bmc.verify" in error.hint


async def test_sessions_and_tls_together(certificate, access_to):
    controller = Controller()
    with Service(controller, certificate):
        assert await opened(access_to(controller, auth="session", verify=certificate)) is PowerState.OFF
        plain = controller.url.replace("https", "http")
        await error_of(access_to(controller, address=plain), UnreachableError)
    assert not controller.tokens


async def test_tls_asked_for_where_there_is_none(controller, access_to):
    error = await error_of(
        access_to(controller, address=controller.url.replace("http", "https")), RefusedError
    )
    assert "does not speak TLS" in error.message


async def test_a_ca_file_that_is_missing(controller, access_to):
    error = await error_of(access_to(controller, verify=Path("/nonexistent/ca.pem")), InvalidError)
    assert error.message == "the CA file /nonexistent/ca.pem does not exist"


async def test_a_controller_that_takes_the_connection_and_says_nothing(controller, access_to, monkeypatch):
    monkeypatch.setattr(redfish_connector, "READ_TIMEOUT", 0.2)
    controller.will("GET", "/redfish/v1/", Answer(delay=0.6))
    error = await error_of(access_to(controller), UnreachableError)
    assert error.message == f"the controller at {controller.url} took the connection but does not answer"
    assert len(controller.log) == 1


async def test_an_answer_that_is_not_as_described(controller, access_to):
    controller.system["Actions"] = ["none"]
    error = await error_of(access_to(controller), RefusedError)
    assert error.message.startswith(f"the controller at {controller.url} could not answer")


async def test_being_interrupted_again_and_again_does_not_lose_the_session(controller, access_to):
    inside = asyncio.Event()

    async def work() -> None:
        async with open_driver("redfish", access_to(controller)):
            inside.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await inside.wait()
    for _ in range(5):
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not controller.tokens
