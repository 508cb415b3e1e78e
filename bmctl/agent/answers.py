"""What an agent answers, as values: its status, its commands and their results, its steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bmctl.agent.errors import AgentCommandError, StepsChangedError
from bmctl.errors import BmctlError
from bmctl.model.steps import StepArgument, StepKind

# A traceback in an agent's error would drown the line that a person reads.
LONGEST_REASON = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStatus:
    """When this agent started (seconds since 1970 by its own clock) and which release it is.

    `started_at` differs after every start: it is how a restart is noticed.
    """

    started_at: float
    version: str


class CommandStatus(StrEnum):
    """How far a command is."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    VERSION_MISMATCH = "version mismatch"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandFailure:
    """Why a command failed, in the agent's words."""

    kind: str
    code: int
    message: str
    details: str

    @property
    def reason(self) -> str:
        """One line that says what happened."""
        return shorten(self.details or self.message or self.kind or "the agent gave no reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command an agent was given: `id` is what a resumed run finds it by."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """What an agent knows of one command; `name` is without the extension (`write_image`)."""

    id: str
    name: str
    status: CommandStatus
    result: dict[str, Any] = field(default_factory=dict)
    failure: CommandFailure | None = None

    @property
    def ended(self) -> bool:
        return self.status is not CommandStatus.RUNNING

    def outcome(self) -> dict[str, Any]:
        """What the command returned; raises `AgentCommandError` where it did not succeed.

        `StepsChangedError` says that steps must be listed anew.
        """
        if self.status in {CommandStatus.SUCCEEDED, CommandStatus.RUNNING}:
            return self.result
        failure = self.failure or CommandFailure(kind="", code=500, message="", details="")
        if self.status is CommandStatus.VERSION_MISMATCH:
            raise StepsChangedError(
                f"the agent refused {self.name}: its steps have changed since they were listed",
                command=self.name,
                kind=failure.kind,
                code=failure.code,
                hint="list the steps again and repeat the refused one",
            )
        raise AgentCommandError(
            f"the agent's {self.name} failed: {failure.reason}",
            command=self.name,
            kind=failure.kind,
            code=failure.code,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStep:
    """One step an agent offers; `manager` is the hardware manager that brings it.

    `priority` 0 means it runs only when asked for. `reboot_requested` means that the machine has to
    be restarted into the ramdisk after it.
    """

    name: str
    interface: str
    priority: int
    manager: str
    reboot_requested: bool = False
    abortable: bool = False
    arguments: tuple[StepArgument, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSteps:
    """The steps of one kind, and the versions of the managers that listed them.

    Give `versions` back when a step is run, so that the agent refuses it if they have changed.
    """

    kind: StepKind
    steps: tuple[AgentStep, ...]
    versions: Mapping[str, str]

    def find(self, name: str) -> AgentStep | None:
        """The step of this name, if the agent listed it; it would run unlisted methods too, so look first."""
        return next((step for step in self.steps if step.name == name), None)


def shorten(text: str) -> str:
    """The text as one line of bearable length."""
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 3] + "..."


def read_status(answer: Any) -> AgentStatus:
    """An `AgentStatus` out of the agent's JSON."""
    try:
        return AgentStatus(started_at=float(answer["started_at"]), version=str(answer["version"]))
    except (KeyError, TypeError, ValueError) as error:
        raise strange_answer("its status") from error


def read_result(answer: Any) -> CommandResult:
    """A `CommandResult` out of the agent's JSON."""
    try:
        result, error = answer["command_result"], answer["command_error"]
        return CommandResult(
            id=str(answer["id"]),
            name=str(answer["command_name"]),
            status=_read_command_status(str(answer["command_status"])),
            result=result if isinstance(result, dict) else {} if result is None else {"result": result},
            failure=_read_failure(error) if error else None,
        )
    except (KeyError, TypeError) as error_:
        raise strange_answer("a command") from error_


def read_steps(kind: StepKind, outcome: Mapping[str, Any]) -> AgentSteps:
    """`AgentSteps` out of what `get_*_steps` returned."""
    try:
        listed = outcome[f"{kind}_steps"]
        steps = tuple(_read_step(step, manager) for manager, steps in listed.items() for step in steps)
        return AgentSteps(kind=kind, steps=steps, versions=dict(outcome["hardware_manager_version"]))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise strange_answer(f"its {kind} steps") from error


def strange_answer(about: str) -> BmctlError:
    """The error for an answer that is not what this protocol knows."""
    return BmctlError(
        f"the agent told {about} in a form that is not known",
        hint="see that the ramdisk carries a released ironic-python-agent",
    )


def _read_command_status(text: str) -> CommandStatus:
    # Agents say CLEAN_VERSION_MISMATCH for every kind of step today; the shorter word may come later.
    if text.endswith("VERSION_MISMATCH"):
        return CommandStatus.VERSION_MISMATCH
    try:
        return CommandStatus(text.lower())
    except ValueError as error:
        raise strange_answer(f"the command status {text!r}") from error


def _read_failure(error: Any) -> CommandFailure:
    if not isinstance(error, dict):
        return CommandFailure(kind="", code=500, message=str(error), details="")
    code = error.get("code")
    return CommandFailure(
        kind=str(error.get("type") or ""),
        code=code if isinstance(code, int) else 500,
        message=str(error.get("message") or ""),
        details=str(error.get("details") or ""),
    )


def _read_step(step: Mapping[str, Any], manager: str) -> AgentStep:
    arguments = step.get("argsinfo") or {}
    return AgentStep(
        name=str(step["step"]),
        interface=str(step["interface"]),
        priority=int(step.get("priority") or 0),
        manager=manager,
        reboot_requested=bool(step.get("reboot_requested")),
        abortable=bool(step.get("abortable")),
        arguments=tuple(
            StepArgument(
                name=name,
                description=str(about.get("description", "")),
                required=bool(about.get("required")),
            )
            for name, about in arguments.items()
        ),
    )
