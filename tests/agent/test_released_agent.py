"""The client against the released ironic-python-agent, in passive mode on loopback. Nothing is written."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import socket
import tarfile

import pytest

from bmctl.agent.client import AgentClient
from bmctl.agent.evidence import Evidence
from bmctl.agent.known_steps import known_step, may_offer
from bmctl.agent.payload import node_payload, port_payloads
from bmctl.errors import RefusedError
from bmctl.model.secret import Secret
from bmctl.model.steps import StepKind

pytestmark = pytest.mark.peer


@pytest.fixture
async def released(agent_environment, identity, tmp_path, token_forms):
    """The port of a running agent, which is ended with all it started."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = tmp_path / "agent.conf"
    config.write_text(
        f"[DEFAULT]\nagent_token = {token_forms[0]}\nlisten_host = 127.0.0.1\nlisten_port = {port}\n"
        f"tls_cert_file = {identity.certificate_file}\ntls_key_file = {identity.key_file}\n"
        "disk_wait_attempts = 0\nuse_syslog = false\n"
    )
    log = (tmp_path / "agent.log").open("wb")
    process = await asyncio.create_subprocess_exec(
        agent_environment / "bin/ironic-python-agent",
        "--config-file",
        config,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
        cwd=tmp_path,
    )
    try:
        yield port
    finally:
        log.close()
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _unknown(kind, steps):
    """The steps of the agent of which it is not known what they do."""
    keys = {f"{step.interface}.{step.name}": step.manager for step in steps}
    return [
        key for key, manager in keys.items() if known_step(manager, key) is None or not may_offer(kind, key)
    ]


async def test_a_whole_conversation(released, identity, node, token_forms, make_identity):
    seen: list[Evidence] = []
    arguments = {"port": released, "certificate_pem": identity.certificate}
    async with AgentClient("127.0.0.1", token=Secret(token_forms[0]), **arguments) as client:
        status = await client.wait_ready(timeout=120, told=seen.append)
        assert seen[-1] is Evidence.ANSWERED
        assert await client.commands() == ()
        hardware = await client.hardware()
        assert hardware.cpus
        assert hardware.boot_mode in {"uefi", "bios"}
        for kind in (StepKind.CLEAN, StepKind.DEPLOY, StepKind.SERVICE):
            listed = await client.steps(kind, node_payload(node), port_payloads(node))
            assert "generic_hardware_manager" in listed.versions
            assert _unknown(kind, listed.steps) == []
        assert (await client.steps(StepKind.DEPLOY, node_payload(node))).find("write_image")
        with pytest.raises(RefusedError, match="Unknown command: nothing"):
            await client.call("standby.nothing", {})
        with pytest.raises(RefusedError, match="Extension with id nope not found"):
            await client.start("nope.nothing", {})
        assert (await client.commands())[0].name == "get_hardware_info"
        await _check_logs(client, token_forms)
        assert (await client.status()) == status
    async with AgentClient("127.0.0.1", token=Secret("another"), **arguments) as client:
        with pytest.raises(RefusedError, match="refused this run's token"):
            await client.hardware()
    other = arguments | {"certificate_pem": make_identity().certificate}
    async with AgentClient("127.0.0.1", token=Secret(token_forms[0]), **other) as client:
        with pytest.raises(RefusedError, match="another certificate"):
            await client.wait_ready(timeout=60)


async def _check_logs(client: AgentClient, token_forms: tuple[str, str]) -> None:
    logs = await client.collect_logs()
    with tarfile.open(fileobj=io.BytesIO(logs)) as archive:
        members = [member for member in archive if member.isfile()]
        assert members
        for member in members:
            content = archive.extractfile(member).read().decode("utf-8", "replace")
            assert not any(form in content for form in token_forms), member.name
