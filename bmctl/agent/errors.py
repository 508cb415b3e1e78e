"""What can go wrong with an agent, where somebody must tell it apart."""

from __future__ import annotations

from bmctl.errors import BmctlError


class AgentRestartedError(BmctlError):
    """The agent is not the one that was given the command: the machine or the agent started anew."""


class AgentCommandError(BmctlError):
    """A command ended in failure.

    `command` is its name without the extension, `kind` the agent's own name for the failure and
    `code` the number it gives, in the manner of HTTP.
    """

    def __init__(self, message: str, *, command: str, kind: str, code: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.command = command
        self.kind = kind
        self.code = code


class StepsChangedError(AgentCommandError):
    """The agent's hardware managers are not those whose steps were listed: list them again."""


class WrongMachineError(BmctlError):
    """The agent that answered runs on another machine than the one meant."""
