"""Writing a file so that a crash leaves the old content or the new one, and nothing else.

A temporary file is fsynced, renamed over the old one, and the directory is fsynced. Temporary files
live in a staging directory on the same file system, so that left-over ones are found at once.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bmctl.errors import BmctlError, BusyError

PRIVATE_FILE = 0o600
PRIVATE_DIRECTORY = 0o700

# A guard is held for the few milliseconds of one write; longer means a stopped process or a sick disk.
GUARD_TIMEOUT = 30.0
_FIRST_PAUSE = 0.0005
_LONGEST_PAUSE = 0.02

_numbers = itertools.count()


def write_durably(path: Path, data: bytes, *, staging: Path) -> None:
    """Put `data` in the file, mode 0600, all or nothing; on disk when this returns.

    `BmctlError` says what the system refused, and the old content is still there.
    """
    try:
        descriptor, temporary = _stage(staging)
        try:
            _write_all(descriptor, data)
            os.fsync(descriptor)
            temporary.rename(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)
        sync_directory(path.parent)
    except OSError as error:
        raise BmctlError(f"cannot write {path}: {error.strerror}") from error


def remove_durably(path: Path) -> None:
    """Remove the file if it is there; gone for good when this returns."""
    try:
        path.unlink(missing_ok=True)
        sync_directory(path.parent)
    except OSError as error:
        raise BmctlError(f"cannot remove {path}: {error.strerror}") from error


def make_private_directory(path: Path) -> None:
    """See that the directory is there and open to its owner only."""
    try:
        if not path.is_dir():
            path.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
            sync_directory(path.parent)
        if path.stat().st_mode & 0o777 != PRIVATE_DIRECTORY:
            path.chmod(PRIVATE_DIRECTORY)
    except OSError as error:
        raise BmctlError(f"cannot make the directory {path}: {error.strerror}") from error


def clean_staging(staging: Path) -> int:
    """Remove the temporary files of writers that died; the number removed."""
    return sum(_remove_if_abandoned(path) for path in staging.iterdir())


@contextmanager
def exclusive(guard: Path) -> Iterator[None]:
    """Be the only one, in this process and any other, between entry and exit.

    `BusyError` after `GUARD_TIMEOUT` seconds. The empty guard file stays: removing it would let two
    in at once.
    """
    descriptor = _open_guard(guard)
    try:
        _acquire(descriptor, guard)
        yield
    finally:
        os.close(descriptor)


def sync_directory(path: Path) -> None:
    """Put the names in a directory on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _stage(staging: Path) -> tuple[int, Path]:
    """A new temporary file, locked for as long as its writer lives."""
    while True:
        path = staging / f"{os.getpid()}-{next(_numbers)}-{os.urandom(4).hex()}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Somebody cleaning up may have removed the file between its creation and its lock.
        if os.fstat(descriptor).st_nlink:
            return descriptor, path
        os.close(descriptor)


def _remove_if_abandoned(path: Path) -> bool:
    with suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
        except BlockingIOError:
            return False
        finally:
            os.close(descriptor)
        return True
    return False


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _open_guard(guard: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        try:
            return os.open(guard, flags, PRIVATE_FILE)
        except FileNotFoundError:
            make_private_directory(guard.parent)
            return os.open(guard, flags, PRIVATE_FILE)
    except OSError as error:
        raise BmctlError(f"cannot open {guard}: {error.strerror}") from error


def _acquire(descriptor: int, guard: Path) -> None:
    deadline = time.monotonic() + GUARD_TIMEOUT
    pause = _FIRST_PAUSE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise BusyError(
                    f"{guard} was held by another process for {GUARD_TIMEOUT:.0f} s",
                    hint=f"see which process has it open: fuser {guard}",
                ) from None
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        else:
            return
