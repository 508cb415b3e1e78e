"""What a person may be told, and the exit code it ends with."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ends; scripts may rely on these numbers."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    INVALID = 3
    BUSY = 4
    UNREACHABLE = 5
    HELD = 6
    PARTIAL = 7
    INTERRUPTED = 130


class BmctlError(Exception):
    """An expected failure: one line for a person, and the next thing to try.

    `message` starts with what failed and goes on with what was seen; it holds no secret, no full
    stop and no class name. The machine's name is put in front by whoever knows it.
    """

    exit_code: ExitCode = ExitCode.FAILED

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InvalidError(BmctlError):
    """Inventory, plan or image is wrong; no machine was touched."""

    exit_code = ExitCode.INVALID


class BusyError(BmctlError):
    """Somebody else holds the machine."""

    exit_code = ExitCode.BUSY


class UnreachableError(BmctlError):
    """A controller or an agent cannot be reached, or refused."""

    exit_code = ExitCode.UNREACHABLE


class RefusedError(UnreachableError):
    """A controller or an agent answered and refused: trying again will not help."""


class LostAnswerError(UnreachableError):
    """A controller was asked to begin something, and nobody knows whether it did; it was not asked again."""


class HeldError(BmctlError):
    """An operator must decide before the run goes on."""

    exit_code = ExitCode.HELD
