"""Secrets from where their references say: the environment, a file, a command.

No value shows in an error, a log or a repr; a command's own output is never repeated.
"""

from __future__ import annotations

import os
import shlex
import signal
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

from bmctl.errors import InvalidError
from bmctl.model.secret import Secret, SecretKind, SecretReference

# Password stores may ask a hardware key or a server; a person should not wait longer for an error.
COMMAND_SECONDS = 30.0

LARGEST = 64 * 1024
"""Bytes of a secret file or a command's output."""


def resolve(
    reference: SecretReference,
    *,
    environment: Mapping[str, str],
    base: Path,
    timeout: float = COMMAND_SECONDS,
) -> Secret:
    """The secret's value; `base` is the inventory's directory, where paths and commands start.

    Raises `InvalidError` where there is none. A command gets `timeout` seconds and is ended,
    together with what it started.
    """
    match reference.kind:
        case SecretKind.LITERAL:
            return Secret(reference.text)
        case SecretKind.ENV:
            return _from_environment(reference, environment)
        case SecretKind.FILE:
            return _from_file(reference, base)
        case SecretKind.CMD:
            return _from_command(reference, environment, base, timeout)


def secret_file(reference: SecretReference, base: Path) -> Path:
    """The file that a `file:` reference names."""
    return base / Path(reference.text).expanduser()


def readable_by_all(path: Path) -> bool:
    """Whether everybody on this host may read the file; False where it is not there."""
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except (OSError, ValueError):
        return False


def _from_environment(reference: SecretReference, environment: Mapping[str, str]) -> Secret:
    if value := environment.get(reference.text):
        return Secret(value)
    seen = "is empty" if reference.text in environment else "is not set"
    raise _failure(
        reference, f"the environment variable {reference.text} {seen}", f"export {reference.text}=..."
    )


def _from_file(reference: SecretReference, base: Path) -> Secret:
    path = secret_file(reference, base)
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "unusable path"
        raise _failure(reference, f"{path} cannot be read: {reason.lower()}") from error
    return _first_line(reference, content, str(path))


def _from_command(
    reference: SecretReference, environment: Mapping[str, str], base: Path, timeout: float
) -> Secret:
    words = _words(reference)
    try:
        process = subprocess.Popen(
            words,
            cwd=base,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "unusable command"
        raise _failure(reference, f"{words[0]} cannot be run: {reason.lower()}") from error
    output = _output(reference, process, words[0], timeout)
    if process.returncode:
        raise _failure(
            reference, f"{words[0]} ended with {process.returncode}", "run the command by hand to see why"
        )
    return _first_line(reference, output, words[0])


def _words(reference: SecretReference) -> list[str]:
    try:
        words = shlex.split(reference.text)
    except ValueError as error:
        raise _failure(reference, "the command has a quote that is never closed") from error
    if not words:
        raise _failure(reference, "nothing follows cmd:")
    return words


def _output(reference: SecretReference, process: subprocess.Popen[bytes], name: str, timeout: float) -> bytes:
    with process:
        try:
            return process.communicate(timeout=timeout)[0]
        except subprocess.TimeoutExpired as error:
            raise _failure(reference, f"{name} gave no answer in {timeout:g} s") from error
        finally:
            if process.poll() is None:
                # Its own session: the group is exactly the command and what it started.
                os.killpg(process.pid, signal.SIGKILL)


def _first_line(reference: SecretReference, content: bytes, origin: str) -> Secret:
    if len(content) > LARGEST:
        raise _failure(reference, f"{origin} gave more than {LARGEST // 1024} KiB, too much for a secret")
    try:
        line = content.decode().split("\n", 1)[0].removesuffix("\r")
    except UnicodeDecodeError as error:
        raise _failure(reference, f"what {origin} gave is not UTF-8 text") from error
    if not line:
        raise _failure(reference, f"{origin} gave an empty first line")
    return Secret(line)


def _failure(reference: SecretReference, message: str, hint: str | None = None) -> InvalidError:
    where = f"{reference.place}: " if reference.place else ""
    return InvalidError(f"{where}no secret: {message}", hint=hint)
