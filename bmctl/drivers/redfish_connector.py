"""One HTTP conversation with a Redfish service: sushy's connector under bmctl's rules.

Requests are counted, a GET is repeated here and nothing else is, and nobody but the controller
is ever sent the credentials.
"""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import sushy.exceptions
from sushy import auth as sushy_auth
from sushy.connector import Connector

from bmctl.drivers.redfish_errors import (
    CONNECT_TIMEOUT,
    READ_TIMEOUT,
    ForeignHostError,
    Verdict,
    is_passing,
    verdict,
)
from bmctl.drivers.redfish_route import AddressAdapter
from bmctl.errors import RefusedError

# A controller may ask for minutes (RFC 9110, 10.2.3); a single GET does not wait longer than this.
_LONGEST_PAUSE = 30.0
_GOODBYE_TIMEOUT = (3.0, 5.0)

# Where nobody configured logging, Python would print the library's warnings to the screen.
logging.getLogger("sushy").addHandler(logging.NullHandler())


class StoppedError(Exception):
    """The conversation was ended while a call was on its way; nobody waits for that call."""


class _HttpSession(requests.Session):
    """Counts what is sent, keeps the last `Retry-After`, and knows one host only."""

    def __init__(self, origin: str) -> None:
        super().__init__()
        self.trust_env = False  # neither proxies nor ~/.netrc: the inventory says how to reach a controller
        self.max_redirects = 3
        self.requests = 0
        self.retry_after: float | None = None
        self._origin = origin

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send one request; a redirect comes through here as well."""
        url = request.url or ""
        if origin_of(url) != self._origin:
            raise ForeignHostError(url)
        self.requests += 1
        response = super().send(request, **kwargs)
        # Asked to close the connection, a server may do so without saying so: it must not be used again.
        self.get_adapter(url).close()
        self.retry_after = seconds_until(response.headers.get("Retry-After"))
        return response


class PatientConnector(Connector):  # type: ignore[misc]  # sushy has no types
    """Sends requests to one controller until it is stopped."""

    def __init__(
        self, origin: str, *, verify: bool | Path, pauses: tuple[float, ...], connect_to: str | None = None
    ) -> None:
        super().__init__(
            origin,
            verify=certificates(verify),
            server_side_retries=1,
            default_request_timeout=READ_TIMEOUT,
            connect_timeout=CONNECT_TIMEOUT,
        )
        self.proven = False
        """Whether the controller answered once: only then is a missing answer worth another try."""
        self.last_read: requests.Response | None = None
        """The last answer to a GET."""
        self._stop = threading.Event()
        self._pauses = pauses
        self._impatient = False
        session = _HttpSession(origin)
        if connect_to is not None:
            session.mount(origin, AddressAdapter(connect_to))
        session.headers["Connection"] = "close"  # as sushy does: controllers choke on connections kept open
        self._session: _HttpSession = session

    @property
    def requests(self) -> int:
        """How many requests were sent, redirects and logins included."""
        return int(self._session.requests)

    @property
    def retry_after(self) -> float | None:
        """Seconds the last answer asked us to wait."""
        pause: float | None = self._session.retry_after
        return pause

    def stop(self) -> None:
        """Send nothing more, and end pauses at once; a request on its way is let go."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        """Whether the conversation has been ended."""
        return self._stop.is_set()

    @contextmanager
    def reading_for(self, seconds: float) -> Iterator[None]:
        """Let an answer take longer, where the controller does long work before it answers."""
        self._default_request_timeout = seconds
        try:
            yield
        finally:
            self._default_request_timeout = READ_TIMEOUT

    @contextmanager
    def impatient(self) -> Iterator[None]:
        """Try a read again only where the controller says that it is busy."""
        self._impatient = True
        try:
            yield
        finally:
            self._impatient = False

    def forget(self, resource: str) -> None:
        """Delete a session without asking for another one, and whatever comes of it."""
        url = self._url.rstrip("/") + _path_of(resource)
        self._session.request("DELETE", url, verify=self._verify, timeout=_GOODBYE_TIMEOUT)

    def _op(self, method: str, path: str = "", *args: Any, **kwargs: Any) -> Any:
        """Every request of sushy comes through here; a GET is tried again."""
        for pause in (*self._pauses, None) if method == "GET" else (None,):
            try:
                response = self._logged_in(method, _path_of(path), *args, **kwargs)
            except sushy.exceptions.SushyError as error:
                if pause is None or not self._worth_another_try(error):
                    raise
                self._stop.wait(min(self.retry_after or pause, _LONGEST_PAUSE))
            else:
                self.proven = True
                self.last_read = response if method == "GET" else self.last_read
                return response
        raise StoppedError

    def _logged_in(self, *args: Any, **kwargs: Any) -> Any:
        """Send a request, once more under a new session where the old one was lost (401).

        Sushy would also take a new one, and leave the old one behind, where a user lacks a right (403).
        """
        try:
            return self._once(*args, **kwargs)
        except sushy.exceptions.AccessError as error:
            if error.status_code != HTTPStatus.UNAUTHORIZED or not self._auth.can_refresh_session():
                raise
            self._auth.refresh_session()
        return self._once(*args, **kwargs)

    def _once(self, *args: Any, **kwargs: Any) -> Any:
        """Send one request, unless the conversation was ended."""
        if self.stopped:
            raise StoppedError
        try:
            return super()._op(*args, **{**kwargs, "server_side_retries_left": 0, "allow_reauth": False})
        except sushy.exceptions.HTTPError as error:
            # Sushy looks for words in the body of a refusal, also where there was none.
            error.detail = error.detail or ""
            raise

    def _worth_another_try(self, error: sushy.exceptions.SushyError) -> bool:
        if isinstance(error, sushy.exceptions.HTTPError):
            judgement = verdict(error)
            return judgement is Verdict.NOT_NOW or (judgement is Verdict.UNKNOWN and not self._impatient)
        return self.proven and is_passing(error)


class AutoAuth(sushy_auth.SessionOrBasicAuth):  # type: ignore[misc]  # sushy has no types
    """A session where the service offers them, else basic.

    Unlike its parent it does not try a refused password a second way: that counts twice towards
    the lock-out of an account.
    """

    def _do_authenticate(self) -> None:
        if not _offers_sessions(self._root_resource):
            self._fallback_to_basic_authentication()
            return
        try:
            sushy_auth.SessionAuth._do_authenticate(self)  # noqa: SLF001  the parent's own fallback is left out
        except (sushy.exceptions.ConnectionError, sushy.exceptions.AccessError):
            raise
        except sushy.exceptions.SushyError as error:
            if self._session_auth_previously_successful or verdict(error) is Verdict.NOT_NOW:
                raise
            self._fallback_to_basic_authentication()


class StrictSessionAuth(sushy_auth.SessionAuth):  # type: ignore[misc]  # sushy has no types
    """A session, or a clear word where the service has none."""

    def _do_authenticate(self) -> None:
        if not _offers_sessions(self._root_resource):
            raise RefusedError("this controller offers no sessions", hint="set bmc.auth: auto, or basic")
        super()._do_authenticate()


def _offers_sessions(root: Any) -> bool:
    """Whether the service root links to sessions (DSP0268, ServiceRoot)."""
    return bool(root.json.get("SessionService") or (root.json.get("Links") or {}).get("Sessions"))


def certificates(verify: bool | Path) -> bool | str:
    """What to trust: the given file or directory, this system's own store, or anything."""
    if isinstance(verify, Path):
        return str(verify)
    store = ssl.get_default_verify_paths().cafile
    return store if verify and store else verify


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL, in one spelling."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80}.get(parts.scheme, 443)
    return (
        f"{parts.scheme}://{(parts.netloc.rpartition('@')[2].lower()).removesuffix(f':{parts.port}')}:{port}"
    )


def seconds_until(retry_after: str | None) -> float | None:
    """A `Retry-After` header in seconds from now; it holds seconds or a date (RFC 9110, 10.2.3)."""
    if not retry_after:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _path_of(resource: str) -> str:
    """Path and query of a link: some controllers write their own idea of their address before it."""
    parts = urlsplit(resource)
    return parts.path + (f"?{parts.query}" if parts.query else "")
