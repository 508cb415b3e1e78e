"""One agent, polled: is it there, what is its machine, run this, how did it end."""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

from bmctl.agent.answers import (
    AgentStatus,
    AgentSteps,
    Command,
    CommandResult,
    read_result,
    read_status,
    read_steps,
    strange_answer,
)
from bmctl.agent.connection import Answer, Connection, probe
from bmctl.agent.errors import AgentRestartedError
from bmctl.agent.evidence import Evidence, NoAnswerError
from bmctl.agent.hardware import Hardware, read_hardware
from bmctl.agent.pace import Clock, Pace, Sleep
from bmctl.agent.redact import redact_archive
from bmctl.errors import BmctlError, BusyError, RefusedError, UnreachableError
from bmctl.model.secret import Secret
from bmctl.model.steps import StepKind

COMMANDS = "/v1/commands/"
# One request; a synchronous command keeps it open until the command has ended.
REQUEST_TIMEOUT = 60.0
# Listing steps makes the agent wait for the root disk, up to 27 s by itself, longer with slow controllers.
SLOW_COMMAND_TIMEOUT = 180.0
# Logs are of use while a machine is being tidied up, and not worth waiting until disks are erased.
LOGS_PATIENCE = 5.0
# How long an agent may be out of reach in the middle of a command: a busy machine answers late.
SILENCE_BUDGET = 90.0
PROBE_TIMEOUT = 1.0
# Beyond a slow link a handshake needs more than a second, so now and then a probe waits longer.
PATIENT_PROBE_TIMEOUT = 4.0
PATIENT_EVERY = 5
REFUSED_PAUSE = 0.3


class AgentClient:
    """Commands for the agent at `address`, known by the certificate and token made for this run.

    Use it as an async context manager. `clock` counts seconds, `sleep` waits for some.
    """

    def __init__(
        self,
        address: str,
        *,
        token: Secret,
        certificate_pem: str,
        port: int = 9999,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.address = address
        self.port = port
        self._token = token
        self._connection = Connection(address, port=port, token=token, certificate_pem=certificate_pem)
        self._clock = clock
        self._sleep = sleep
        self._seen: set[str] | None = None
        self._started_at: float | None = None

    async def __aenter__(self) -> Self:
        await self._connection.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connection.__aexit__(kind, error, trace)

    async def status(self, *, timeout: float = REQUEST_TIMEOUT) -> AgentStatus:
        """When the agent started and which release it is; needs no token.

        Raises `NoAnswerError` where it does not answer, `RefusedError` where its certificate is another.
        """
        return read_status(
            self._good(await self._connection.get("/v1/status", with_token=False, timeout=timeout))
        )

    async def wait_ready(
        self,
        *,
        timeout: float,
        told: Callable[[Evidence], None] | None = None,
        other_than: float | None = None,
    ) -> AgentStatus:
        """The status of the agent once it answers; `told` hears of each change of what is seen.

        `other_than` is the `started_at` of an agent that must have gone first, for a machine that is
        restarting. Raises `UnreachableError` with the last evidence after `timeout` seconds, and
        `RefusedError` at once where another certificate is shown.
        """
        pace, last = Pace(timeout, clock=self._clock, sleep=self._sleep), None
        attempt = 0
        while True:
            attempt += 1
            evidence, status = await self._look(last, attempt, pace)
            if status is not None and status.started_at == other_than:
                status = None
            if evidence is not last:
                last = evidence
                pace.quicken()
                if told is not None:
                    told(evidence)
            if status is not None:
                self._started_at = status.started_at
                return status
            if pace.spent:
                raise _never_ready(self.address, evidence, timeout)
            refused = evidence in {Evidence.PORT_CLOSED, Evidence.PORT_OPEN}
            await pace.pause(longest=REFUSED_PAUSE if refused else PROBE_TIMEOUT)

    async def _look(
        self, last: Evidence | None, attempt: int, pace: Pace
    ) -> tuple[Evidence, AgentStatus | None]:
        """One try. While nothing listens it is a bare connection, which costs both sides next to nothing."""
        patience = PATIENT_PROBE_TIMEOUT if attempt % PATIENT_EVERY == 0 else PROBE_TIMEOUT
        patience = min(patience, max(pace.left, 0.1))
        if last not in {Evidence.PORT_OPEN, Evidence.TLS_UP, Evidence.ANSWERED}:
            seen = await probe(self.address, self.port, timeout=patience)
            if seen is not Evidence.PORT_OPEN:
                return seen, None
        try:
            return Evidence.ANSWERED, await self.status(timeout=min(REQUEST_TIMEOUT, max(pace.left, 1.0)))
        except NoAnswerError as error:
            if error.evidence is not Evidence.SILENT:
                return error.evidence, None
        # The handshake timed out, or the connection: only a bare one can tell.
        return await probe(self.address, self.port, timeout=patience), None

    async def hardware(self) -> Hardware:
        """The machine as the agent sees it now."""
        return read_hardware(await self.call("poll.get_hardware_info", {}))

    async def steps(
        self, kind: StepKind, node: Mapping[str, Any], ports: tuple[Mapping[str, Any], ...] = ()
    ) -> AgentSteps:
        """The steps of this kind that the agent offers for `node` (see `payload.node_payload`).

        The agent remembers `node`, and takes root device hints from it in later commands: ask for
        steps before anything else.
        """
        parameters = {"node": dict(node), "ports": [dict(port) for port in ports]}
        outcome = await self.call(f"{kind}.get_{kind}_steps", parameters, timeout=SLOW_COMMAND_TIMEOUT)
        return read_steps(kind, outcome)

    async def collect_logs(self, *, secrets: tuple[str, ...] = ()) -> bytes:
        """The ramdisk's logs as a tar.gz from which token, passwords, keys and `secrets` were removed.

        An agent that works on something else is not waited for: raises `BusyError` then.
        """
        outcome = await self.call(
            "log.collect_system_logs", {}, timeout=SLOW_COMMAND_TIMEOUT, patience=LOGS_PATIENCE
        )
        try:
            archive = base64.b64decode(outcome["system_logs"], validate=True)
        except (KeyError, TypeError, binascii.Error) as error:
            raise strange_answer("its logs") from error
        return await asyncio.to_thread(redact_archive, archive, (self._token.reveal(), *secrets))

    async def call(
        self,
        name: str,
        parameters: Mapping[str, Any],
        *,
        timeout: float = REQUEST_TIMEOUT,
        patience: float | None = None,
    ) -> dict[str, Any]:
        """Run a short command and return what it returned; raises `AgentCommandError` where it failed.

        `patience` are the seconds for which another command may keep the agent busy, up to `timeout`.
        """
        result = await self._start(name, parameters, timeout=timeout, patience=patience)
        if not result.ended:
            result = await self.wait(result.id, timeout=timeout)
        return result.outcome()

    async def start(
        self, name: str, parameters: Mapping[str, Any], *, timeout: float = REQUEST_TIMEOUT
    ) -> Command:
        """Give the agent a command (`extension.command`) and return as soon as it has it.

        A lost reply is no reason to start a command twice: it is looked for in the agent's list.
        While another command runs, this waits up to `timeout` seconds and then raises `BusyError`.
        """
        result = await self._start(name, parameters, timeout=timeout)
        return Command(id=result.id, name=result.name)

    async def result(self, command_id: str) -> CommandResult:
        """How far a command is; raises `AgentRestartedError` where the agent does not know it."""
        answer = await self._connection.get(COMMANDS + command_id, with_token=True, timeout=REQUEST_TIMEOUT)
        if answer.code == HTTPStatus.NOT_FOUND:
            raise _restarted(self.address)
        return read_result(self._good(answer))

    async def commands(self) -> tuple[CommandResult, ...] | None:
        """Every command since the agent started, oldest first; None where the agent cannot list them.

        An empty list means a fresh agent. An agent can no longer list its commands after one failed in
        an unforeseen way; asking by id goes on working.
        """
        answer = await self._connection.get(COMMANDS, with_token=True, timeout=REQUEST_TIMEOUT)
        if answer.code == HTTPStatus.INTERNAL_SERVER_ERROR:
            return None
        try:
            return tuple(read_result(item) for item in self._good(answer)["commands"])
        except (KeyError, TypeError) as error:
            raise strange_answer("its commands") from error

    async def adopt(self, name: str) -> Command | None:
        """The last command, if it bears this name: for a run that was killed before it could note the id."""
        listed = await self.commands()
        if not listed or listed[-1].name != _short(name):
            return None
        return Command(id=listed[-1].id, name=listed[-1].name)

    async def wait(
        self,
        command_id: str,
        *,
        timeout: float,
        started_at: float | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> CommandResult:
        """The result of a command once it has ended, well or not; `progress` hears the seconds so far.

        Raises `AgentRestartedError` where the agent has been started anew since `started_at` (or since
        `wait_ready`) or does not know the command, and `BmctlError` where the command still runs after
        `timeout` seconds.
        """
        pace = Pace(timeout, clock=self._clock, sleep=self._sleep)
        while True:
            result = await self._patiently(command_id, started_at)
            if result.ended:
                return result
            if progress is not None:
                progress(pace.elapsed)
            if pace.spent:
                raise BmctlError(
                    f"the agent's {result.name} was still running after {timeout:.0f} s",
                    hint="it cannot be stopped but by switching the machine off",
                )
            await pace.pause()

    async def _patiently(self, command_id: str, started_at: float | None) -> CommandResult:
        """`result`, through a silence of up to 90 s."""
        pace, silent = Pace(SILENCE_BUDGET, clock=self._clock, sleep=self._sleep), False
        while True:
            try:
                if silent:
                    await self._check_same(started_at)
                return await self.result(command_id)
            except NoAnswerError as error:
                if pace.spent:
                    raise UnreachableError(
                        f"the agent at {self.address} fell silent during a command: {error.evidence}"
                        f" for {SILENCE_BUDGET:.0f} s",
                        hint="look at the machine's console; bmctl resume goes on once the agent answers",
                    ) from error
            silent = True
            await pace.pause()

    async def _check_same(self, started_at: float | None) -> None:
        expected = self._started_at if started_at is None else started_at
        if expected is not None and (await self.status()).started_at != expected:
            raise _restarted(self.address)

    async def _start(
        self, name: str, parameters: Mapping[str, Any], *, timeout: float, patience: float | None = None
    ) -> CommandResult:
        pace, lost = Pace(timeout, clock=self._clock, sleep=self._sleep), False
        busy = pace if patience is None else Pace(patience, clock=self._clock, sleep=self._sleep)
        if self._seen is None:
            await self._note_seen()
        while True:
            try:
                if lost and (found := await self._find_lost(name)):
                    return self._note(found)
                answer = await self._connection.post(
                    COMMANDS, {"name": name, "params": dict(parameters)}, timeout=timeout
                )
            except NoAnswerError as error:
                lost = lost or error.sent
                if pace.spent:
                    raise
                await pace.pause()
                continue
            if answer.code != HTTPStatus.CONFLICT:
                return self._note(read_result(self._good(answer, doing=name)))
            if lost and (found := await self._find_lost(name)):
                return self._note(found)
            if busy.spent:
                raise BusyError(
                    f"the agent at {self.address} would not take {_short(name)} within"
                    f" {timeout if patience is None else patience:.0f} s: {answer.fault}",
                    hint="another command still runs on the machine: wait for it, then bmctl resume",
                )
            await busy.pause()

    async def _find_lost(self, name: str) -> CommandResult | None:
        """The command whose reply was lost, if the agent has received it."""
        await self._check_same(None)
        listed = await self.commands()
        if listed is None:
            raise BmctlError(
                f"the agent's reply to {_short(name)} was lost, and it cannot list its commands",
                hint="look at the machine, then run bmctl resume",
            )
        if listed and listed[-1].name == _short(name) and listed[-1].id not in (self._seen or set()):
            return listed[-1]
        return None

    async def _note_seen(self) -> None:
        self._seen = {command.id for command in await self.commands() or ()}

    def _note(self, result: CommandResult) -> CommandResult:
        if self._seen is not None:
            self._seen.add(result.id)
        return result

    def _good(self, answer: Answer, *, doing: str = "") -> Any:
        if answer.ok:
            return answer.body
        about = _short(doing) if doing else "a request"
        if answer.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise BmctlError(
                f"the agent at {self.address} broke down in {about}: {answer.fault}",
                hint="see the ramdisk's log: a program that the agent needs may be missing there",
            )
        raise RefusedError(f"the agent at {self.address} refused {about}: {answer.fault}")


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _restarted(address: str) -> AgentRestartedError:
    return AgentRestartedError(
        f"the agent at {address} started anew in the middle of a command",
        hint="the machine may have restarted: see its console; how far the command came is not known",
    )


def _never_ready(address: str, evidence: Evidence, waited: float) -> UnreachableError:
    hints = {
        Evidence.SILENT: "see the machine's console: did the ramdisk boot, is the cable in the right port",
        Evidence.NO_ROUTE: "see the machine's console, and that this host has a route to the address",
        Evidence.PORT_CLOSED: "see the machine's console: the ramdisk is up but its agent did not start",
    }
    return UnreachableError(
        f"the agent at {address} was not ready after {waited:.0f} s: {evidence}",
        hint=hints.get(evidence, "see the machine's console for what the agent says"),
    )
