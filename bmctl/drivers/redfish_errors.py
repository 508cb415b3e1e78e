"""What went wrong between bmctl and a Redfish controller, in words; no request is made here."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from enum import Enum, auto

import requests
import sushy.exceptions
import urllib3.exceptions

from bmctl.errors import BmctlError, RefusedError, UnreachableError

# Message ids of controllers that will do it later: iLO during its self test, iDRAC while a job runs.
_NOT_NOW = (
    "UnableToModifyDuringSystemPOST",
    "InvalidOperationForSystemState",
    "SYS518",
    "ServiceTemporarilyUnavailable",
)
_STATUS_NOT_NOW = frozenset({409, 429, 503})


# Seconds to wait for a connection, and for an answer on it.
CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 60.0


class Verdict(Enum):
    """What an error says about a change that was asked for."""

    NOT_NOW = auto()
    """The controller did not do it, and may do it later."""
    UNKNOWN = auto()
    """The answer was lost, or is no answer: only a look at the machine tells."""
    REFUSED = auto()
    """The controller will not do it."""


class ForeignHostError(Exception):
    """The controller sent us to another host, which is not given the credentials."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url


def verdict(error: BaseException) -> Verdict:
    """Judge a failed change by the error that a call raised, or that stands behind a `BmctlError`."""
    cause = _essence(error.__cause__ if isinstance(error, BmctlError) and error.__cause__ else error)
    if isinstance(cause, sushy.exceptions.HTTPError):
        if cause.status_code in _STATUS_NOT_NOW or any(mark in str(cause) for mark in _NOT_NOW):
            return Verdict.NOT_NOW
        return Verdict.UNKNOWN if cause.status_code >= 500 and cause.status_code != 501 else Verdict.REFUSED
    if isinstance(cause, TimeoutError):
        return Verdict.UNKNOWN
    if isinstance(cause, sushy.exceptions.ConnectionError) and is_passing(cause):
        return Verdict.UNKNOWN
    return Verdict.REFUSED


def is_passing(error: BaseException) -> bool:
    """Whether a failed connection may be better at the next try: not a bad certificate or name."""
    lasting = (ssl.SSLError, requests.exceptions.SSLError, socket.gaierror, ForeignHostError)
    return not any(isinstance(cause, lasting) for cause in causes(error))


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that stands behind it: causes, contexts, reasons and wrapped arguments."""
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        current = waiting.pop(0)
        if any(current is other for other in seen):
            continue
        seen.append(current)
        yield current
        behind = (current.__cause__, current.__context__, getattr(current, "reason", None), *current.args)
        waiting += [other for other in behind if isinstance(other, BaseException)]


def _essence(error: BaseException) -> BaseException:
    """The controller's answer, where sushy stumbled over it: the error status behind a `TypeError`."""
    if isinstance(error, BmctlError | sushy.exceptions.SushyError | TimeoutError | ForeignHostError):
        return error
    answers = (cause for cause in causes(error) if isinstance(cause, sushy.exceptions.HTTPError))
    return next(answers, error)


def translate(error: BaseException, *, address: str, doing: str, secret: str) -> BmctlError:
    """The error as a person is told it; `doing` is what was tried, as in "read the power state"."""
    match error := _essence(error):
        case BmctlError():
            told = error
        case TimeoutError():
            told = UnreachableError(f"the controller at {address} did not {doing} in time", hint=_BUSY_HINT)
        case ForeignHostError():
            told = _foreign(error, address)
        case sushy.exceptions.MissingXAuthToken():
            told = RefusedError(
                f"the controller at {address} opened a session without a token", hint=_BASIC_HINT
            )
        case sushy.exceptions.HTTPError():
            told = _http(error, address, doing, secret)
        case sushy.exceptions.ConnectionError():
            told = _connection(error, address)
        case sushy.exceptions.SushyError():
            said = _clean(str(error), secret)
            told = RefusedError(f"the controller at {address} could not {doing}: {said}")
        case _:
            told = _malformed(address, doing)
    return told


_BUSY_HINT = "it may be restarting or busy: try again in some minutes"
_BASIC_HINT = "set bmc.auth: basic"
_PASSWORD_HINT = "check bmc.username and bmc.password in the inventory"  # noqa: S105  it is the key's name
_REACH_HINT = "check bmc.address, and that this host can reach the controller's network"


def _http(error: sushy.exceptions.HTTPError, address: str, doing: str, secret: str) -> BmctlError:
    """An answer with an error status (DSP0266, 6.5.2, and the Base message registry, DSP2065)."""
    text = str(error)
    if error.status_code == 401:
        return RefusedError(f"the controller at {address} refused the password", hint=_PASSWORD_HINT)
    if "PasswordChangeRequired" in text:
        hint = "log in to its web page, change the password there, and put the new one in the inventory"
        return RefusedError(f"the controller at {address} wants its password changed first", hint=hint)
    said = _clean(error.detail or "", secret)
    seen = f"HTTP {error.status_code}" + (f": {said}" if said else "")
    message = f"the controller at {address} could not {doing} ({seen})"
    if error.status_code == 403:
        return RefusedError(message, hint="give the user the Operator or Administrator role")
    if verdict(error) is Verdict.REFUSED:
        return RefusedError(message)
    return UnreachableError(message, hint=_BUSY_HINT)


def _connection(error: BaseException, address: str) -> UnreachableError:
    """No answer at all: the innermost cause tells why."""
    found = tuple(causes(error))
    for kind, describe in _CAUSES:
        for cause in found:
            if isinstance(cause, kind):
                return describe(cause, address)
    if numbered := [cause for cause in found if isinstance(cause, OSError) and cause.errno]:
        return _no_route(numbered[0], address)
    # The library's "refused" and "no route" are kinds of this one, so it comes last.
    if any(isinstance(cause, urllib3.exceptions.ConnectTimeoutError) for cause in found):
        seen = f"no connection within {CONNECT_TIMEOUT:g} s"
        return UnreachableError(f"the controller at {address} does not answer ({seen})", hint=_REACH_HINT)
    return UnreachableError(
        f"the controller at {address} closed the connection without an answer", hint=_BUSY_HINT
    )


def _foreign(cause: BaseException, address: str) -> UnreachableError:
    url = getattr(cause, "url", "")
    origin = "/".join(url.split("/")[:3])
    return RefusedError(
        f"the controller at {address} sends bmctl on to {origin}",
        hint=f"set bmc.address: {origin} if that is right",
    )


def _certificate(cause: BaseException, address: str) -> UnreachableError:
    why = getattr(cause, "verify_message", "") or "verification failed"
    return RefusedError(
        f"the certificate of the controller at {address} is not trusted ({why.rstrip('.')})",
        hint="set bmc.verify to the path of its CA file, or to false",
    )


def _tls(cause: BaseException, address: str) -> UnreachableError:
    why = getattr(cause, "reason", None) or "the handshake failed"
    words = str(why).replace("_", " ").lower()
    return RefusedError(
        f"the controller at {address} does not speak TLS as it should ({words})",
        hint="check port and scheme of bmc.address (http or https)",
    )


def _unknown_name(_cause: BaseException, address: str) -> UnreachableError:
    return UnreachableError(
        f"the name in {address} is not known", hint="check bmc.address, or give the controller's IP address"
    )


def _no_answer(_cause: BaseException, address: str) -> UnreachableError:
    return UnreachableError(
        f"the controller at {address} took the connection but does not answer", hint=_BUSY_HINT
    )


def _refused(_cause: BaseException, address: str) -> UnreachableError:
    return UnreachableError(
        f"the controller at {address} does not answer (connection refused)", hint=_REACH_HINT
    )


def _no_route(cause: BaseException, address: str) -> UnreachableError:
    why = str(getattr(cause, "strerror", None) or "network error").lower()
    return UnreachableError(f"the controller at {address} cannot be reached ({why})", hint=_REACH_HINT)


_CAUSES = (
    (ForeignHostError, _foreign),
    (ssl.SSLCertVerificationError, _certificate),
    (ssl.SSLError, _tls),
    (socket.gaierror, _unknown_name),
    (ConnectionRefusedError, _refused),
    (urllib3.exceptions.ReadTimeoutError, _no_answer),
    (ConnectionResetError, _no_answer),
    (ConnectionAbortedError, _no_answer),
)


def _malformed(address: str, doing: str) -> BmctlError:
    """The library stumbled over an answer that is not what the schema promises."""
    return RefusedError(
        f"the controller at {address} could not {doing}: its answer is not what Redfish describes",
        hint="check that bmc.address is a Redfish service, and look for newer firmware",
    )


def _clean(text: str, secret: str) -> str:
    """A controller's own words in one line, without the password and a closing full stop."""
    if secret:
        text = text.replace(secret, "******")
    return " ".join(text.split()).rstrip(".")[:300]
