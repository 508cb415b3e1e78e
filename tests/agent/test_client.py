"""What the client of an agent promises, over real TLS on loopback."""

from __future__ import annotations

import asyncio
import base64
import io
import socket
import tarfile

import pytest

from bmctl.agent.answers import CommandStatus
from bmctl.agent.errors import AgentCommandError, AgentRestartedError, StepsChangedError
from bmctl.agent.evidence import Evidence, NoAnswerError
from bmctl.agent.payload import node_payload, port_payloads
from bmctl.errors import BmctlError, BusyError, RefusedError, UnreachableError
from bmctl.model.secret import Secret
from bmctl.model.steps import StepKind

STEPS = {
    "deploy_steps": {
        "GenericHardwareManager": [
            {
                "step": "write_image",
                "priority": 0,
                "interface": "deploy",
                "reboot_requested": False,
                "argsinfo": {"image_info": {"description": "the image", "required": True}},
            },
            {"step": "erase_devices_metadata", "priority": 5, "interface": "deploy", "abortable": True},
        ]
    },
    "hardware_manager_version": {"generic_hardware_manager": "1.2"},
}


async def test_status_needs_no_token_and_sends_none(connect, agent):
    async with connect() as client:
        status = await client.status()
    assert (status.started_at, status.version) == (1000.5, "13.0.0")
    assert agent.requests == ["/v1/status"]


async def test_another_certificate_is_refused_at_once(connect, make_identity, time_):
    async with connect(certificate_pem=make_identity().certificate) as client:
        with pytest.raises(RefusedError, match="another certificate"):
            await client.wait_ready(timeout=600)
    assert time_.pauses == []


async def test_a_wrong_token_is_refused_and_shown_nowhere(connect):
    async with connect(token=Secret("another-token-of-another-run")) as client:
        with pytest.raises(RefusedError, match="refused this run's token") as caught:
            await client.hardware()
    assert "another-token" not in f"{caught.value} {caught.value.hint} {caught.value.__cause__!r}"


async def test_a_lost_connection_does_not_show_the_token(connect, agent, token_forms):
    await agent.close()
    async with connect() as client:
        with pytest.raises(NoAnswerError) as caught:
            await client.commands()
    shown = "".join(repr(error) for error in (caught.value, caught.value.__cause__))
    assert not any(form in shown for form in token_forms)


async def test_ready_reports_each_change_of_evidence(connect, agent, time_):
    await agent.close()
    time_.then[4] = agent.open
    seen: list[Evidence] = []
    async with connect() as client:
        status = await client.wait_ready(timeout=60, told=seen.append)
    assert status.version == "13.0.0"
    assert seen == [Evidence.PORT_CLOSED, Evidence.ANSWERED]
    assert max(time_.pauses) <= 0.3


async def test_never_ready_says_what_was_seen_and_how_long_it_waited(connect, agent):
    await agent.close()
    async with connect() as client:
        with pytest.raises(UnreachableError, match="not ready after 30 s: its network is up") as caught:
            await client.wait_ready(timeout=30)
    assert "console" in (caught.value.hint or "")


async def test_a_port_that_does_not_talk_tls_is_told_apart(connect, time_):
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    seen: list[Evidence] = []
    async with server, connect(port=server.sockets[0].getsockname()[1]) as client:
        with pytest.raises(UnreachableError, match="does not talk TLS yet"):
            await client.wait_ready(timeout=2, told=seen.append)
    assert seen == [Evidence.PORT_OPEN]


async def test_an_address_without_a_route_is_named(connect):
    async with connect() as client:
        client.address = "255.255.255.255"  # broadcast: TCP has no route there
        with pytest.raises(UnreachableError, match="no route to its address"):
            await client.wait_ready(timeout=1)


async def test_waiting_for_a_restart_ignores_the_old_agent(connect, agent, time_):
    time_.then[3] = agent.restart
    async with connect() as client:
        status = await client.wait_ready(timeout=60, other_than=1000.5)
    assert status.started_at == 1100.5
    assert len(time_.pauses) == 3


async def test_steps_carry_versions_and_arguments(connect, agent, node):
    agent.results["get_deploy_steps"] = STEPS
    async with connect() as client:
        steps = await client.steps(StepKind.DEPLOY, node_payload(node), port_payloads(node))
    assert steps.versions == {"generic_hardware_manager": "1.2"}
    write, erase = steps.steps
    assert steps.find("write_image") is write
    assert steps.find("rm_rf") is None
    assert (write.arguments[0].name, write.arguments[0].required) == ("image_info", True)
    assert (erase.priority, erase.abortable, erase.manager) == (5, True, "GenericHardwareManager")
    sent = agent.received[0]["params"]
    assert sent["node"]["uuid"] == node.uuid
    assert sent["ports"][0]["address"] == "52:54:00:aa:bb:01"


async def test_a_long_command_is_polled_by_id_until_it_ends(connect, agent, time_):
    agent.running.add("execute_deploy_step")
    time_.then[5] = lambda: agent.finish(command_result={"deploy_result": {"result": "written"}})
    heard: list[float] = []
    async with connect() as client:
        command = await client.start("deploy.execute_deploy_step", {"step": {}})
        result = await client.wait(command.id, timeout=600, progress=heard.append)
    assert result.outcome() == {"deploy_result": {"result": "written"}}
    assert len(heard) == 5
    assert time_.pauses == sorted(time_.pauses)


async def test_polling_slows_down_to_two_seconds(connect, agent, time_):
    agent.running.add("execute_deploy_step")
    async with connect() as client:
        command = await client.start("deploy.execute_deploy_step", {})
        with pytest.raises(BmctlError, match="still running after 60 s"):
            await client.wait(command.id, timeout=60)
    assert time_.pauses[0] == 0.2
    assert max(time_.pauses) == 2.0
    assert time_.now == pytest.approx(60)


async def test_a_failed_command_tells_the_agents_reason(connect, agent):
    agent.failures["execute_clean_step"] = {
        "type": "CleaningError",
        "code": 500,
        "message": "Clean step failed",
        "details": "Unexpected exception performing clean step erase.\n RuntimeError: boom",
    }
    async with connect() as client:
        with pytest.raises(AgentCommandError) as caught:
            await client.call("clean.execute_clean_step", {})
    assert caught.value.kind == "CleaningError"
    assert "execute_clean_step failed" in caught.value.message
    assert "RuntimeError: boom" in caught.value.message
    assert "\n" not in caught.value.message


async def test_a_version_mismatch_asks_to_list_the_steps_again(connect, agent):
    agent.running.add("execute_deploy_step")
    async with connect() as client:
        command = await client.start("deploy.execute_deploy_step", {})
        agent.finish(
            status="CLEAN_VERSION_MISMATCH",
            command_error={"type": "VersionMismatch", "code": 409, "message": "", "details": ""},
        )
        result = await client.result(command.id)
    assert result.status is CommandStatus.VERSION_MISMATCH
    with pytest.raises(StepsChangedError, match="its steps have changed"):
        result.outcome()


async def test_a_restart_is_noticed_in_the_middle_of_a_command(connect, agent, time_):
    agent.running.add("execute_deploy_step")
    time_.then[2] = agent.restart
    async with connect() as client:
        command = await client.start("deploy.execute_deploy_step", {})
        with pytest.raises(AgentRestartedError, match="started anew"):
            await client.wait(command.id, timeout=600)


async def test_a_restart_is_noticed_after_a_silence(connect, agent, time_):
    agent.running.add("execute_deploy_step")
    time_.then[2] = agent.close

    async def back_as_another() -> None:
        agent.started_at += 1
        await agent.open()

    time_.then[6] = back_as_another
    async with connect() as client:
        command = await client.start("deploy.execute_deploy_step", {})
        with pytest.raises(AgentRestartedError):
            await client.wait(command.id, timeout=600, started_at=1000.5)


async def test_a_silence_in_the_middle_of_a_command_is_borne(connect, agent, time_):
    agent.running.add("execute_deploy_step")
    time_.then.update({2: agent.close, 6: agent.open, 9: agent.finish})
    async with connect() as client:
        command = await client.start("deploy.execute_deploy_step", {})
        result = await client.wait(command.id, timeout=600, started_at=1000.5)
    assert result.status is CommandStatus.SUCCEEDED


async def test_a_lasting_silence_ends_with_an_error(connect, agent, time_):
    agent.running.add("execute_deploy_step")
    async with connect() as client:
        command = await client.start("deploy.execute_deploy_step", {})
        await agent.close()
        with pytest.raises(UnreachableError, match="fell silent during a command"):
            await client.wait(command.id, timeout=3600)


async def test_a_lost_reply_does_not_start_a_command_twice(connect, agent):
    agent.running.add("execute_deploy_step")
    agent.lose_replies = 1
    async with connect() as client:
        command = await client.start("deploy.execute_deploy_step", {})
    assert command.id == "id-1"
    assert len(agent.received) == 1


async def test_an_older_command_of_the_same_name_is_not_taken_for_the_lost_one(connect, agent):
    agent.add("execute_deploy_step", "SUCCEEDED")
    agent.lose_requests = 1
    async with connect() as client:
        command = await client.start("deploy.execute_deploy_step", {})
    assert command.id == "id-2"
    assert len(agent.received) == 1


async def test_a_reply_lost_to_a_restart_is_not_repeated(connect, agent, time_):
    agent.running.add("execute_deploy_step")
    agent.lose_replies = 1
    time_.then[1] = agent.restart
    async with connect() as client:
        await client.wait_ready(timeout=60)
        with pytest.raises(AgentRestartedError):
            await client.start("deploy.execute_deploy_step", {})
    assert len(agent.received) == 1


async def test_a_lost_reply_with_a_poisoned_list_is_left_to_a_person(connect, agent):
    async with connect() as client:
        assert await client.commands() == ()
        agent.poisoned, agent.lose_replies = True, 1
        with pytest.raises(BmctlError, match="cannot list its commands"):
            await client.start("deploy.execute_deploy_step", {})


async def test_a_poisoned_list_stops_nothing_else(connect, agent):
    agent.poisoned = True
    agent.results["sync"] = None
    async with connect() as client:
        assert await client.commands() is None
        assert await client.call("standby.sync", {}) == {}


async def test_a_busy_agent_is_waited_for(connect, agent, time_):
    agent.add("execute_clean_step")
    time_.then[3] = agent.finish
    async with connect() as client:
        command = await client.start("deploy.execute_deploy_step", {})
    assert command.id == "id-2"


async def test_an_agent_that_stays_busy_is_named(connect, agent):
    agent.add("execute_clean_step")
    async with connect() as client:
        with pytest.raises(BusyError, match="executing command execute_clean_step"):
            await client.start("deploy.execute_deploy_step", {}, timeout=5)


async def test_a_killed_run_finds_its_command_again(connect, agent):
    agent.add("get_deploy_steps", "SUCCEEDED")
    agent.add("execute_deploy_step")
    async with connect() as client:
        adopted = await client.adopt("deploy.execute_deploy_step")
        assert adopted is not None
        assert adopted.id == "id-2"
        assert await client.adopt("image.install_bootloader") is None


async def test_an_unknown_command_is_refused_in_the_agents_words(connect):
    async with connect() as client:
        with pytest.raises(RefusedError, match="Extension with id nope not found"):
            await client.call("nope.nothing", {})


async def test_an_agent_that_breaks_down_in_a_command_is_told_apart_from_one_that_refuses(connect, agent):
    async with connect() as client:
        assert await client.commands() == ()
        agent.broken.add("get_hardware_info")
        with pytest.raises(BmctlError, match="broke down in get_hardware_info") as caught:
            await client.hardware()
    assert not isinstance(caught.value, UnreachableError)


async def test_logs_come_without_token_and_keys(connect, agent, identity, token_forms):
    text = f"GET /v1/commands/?agent_token={token_forms[1]} 200\n{identity.key_file.read_text()}\nharmless\n"
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        member = tarfile.TarInfo("journal")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text.encode()))
    agent.results["collect_system_logs"] = {"system_logs": base64.b64encode(raw.getvalue()).decode()}
    async with connect() as client:
        logs = await client.collect_logs()
    with tarfile.open(fileobj=io.BytesIO(logs)) as archive:
        content = archive.extractfile("journal").read().decode()
    assert "harmless" in content
    assert "PRIVATE KEY" not in content
    assert not any(form in content for form in token_forms)


async def test_logs_of_an_agent_at_work_are_not_waited_for(connect, agent, time_):
    agent.add("execute_clean_step")
    async with connect() as client:
        with pytest.raises(BusyError, match="within 5 s"):
            await client.collect_logs()
    assert time_.now < 10


async def test_an_answer_in_an_unknown_form_is_one_clear_line(connect, agent):
    agent.results["get_hardware_info"] = {"surprise": 1}
    async with connect() as client:
        with pytest.raises(BmctlError, match="hardware in a form that is not known"):
            await client.hardware()


async def test_a_silent_port_is_given_up_in_time(connect):
    """A socket that accepts and says nothing: the handshake never comes."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        async with connect(port=listener.getsockname()[1]) as client:
            with pytest.raises(NoAnswerError):
                await client.status(timeout=0.3)
