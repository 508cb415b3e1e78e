"""The front of a lab's controllers: what a Redfish client talks to.

Only login is its own: TLS, sessions (which the emulator lacks) and basic auth. It also keeps a log of every
request and commits scripted faults (see `bmctl.lab.faults`). Everything else is the real emulator behind it:
requests and answers pass unchanged, but for the links that tell a client where sessions are.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import json
import re
import ssl
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientTimeout, web

from bmctl.errors import BmctlError
from bmctl.lab.emulator import EMULATOR_PORT
from bmctl.lab.faults import Fault, FaultBook, merge
from bmctl.lab.record import load
from bmctl.lab.sessions import Session, SessionTable

ROOT = "/redfish/v1"
SERVICE = f"{ROOT}/SessionService"
SESSIONS = f"{SERVICE}/Sessions"
OPEN_PATHS = frozenset({"", "/redfish", ROOT})
SYSTEM_PATH = re.compile(r"/(?:Systems|Managers)/([^/]+)")
HOP_HEADERS = frozenset({"connection", "content-length", "date", "server", "transfer-encoding"})
PASSED_HEADERS = ("Accept", "Content-Type", "If-Match", "If-None-Match")


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontSettings:
    """What a front is told. `names` gives a machine's name for its UUID, for the log."""

    upstream: str
    username: str
    password: str
    log: Path
    faults: Path
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back to the client."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Front:
    """One Redfish service in front of an emulator."""

    def __init__(self, settings: FrontSettings, client: ClientSession) -> None:
        self._settings = settings
        self._client = client
        self._sessions = SessionTable()
        self._faults = FaultBook(settings.faults)
        credentials = f"{settings.username}:{settings.password}".encode()
        self._authorization = f"Basic {base64.b64encode(credentials).decode()}"

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request and log it."""
        started = time.monotonic()
        fault = self._fault(request)
        login = self._login(request)
        try:
            answer = await self._answer(request, fault, login)
            status = answer.status if answer is not None else 0
        except asyncio.CancelledError:
            status = 499
            raise
        finally:
            self._log(request, status=status, login=login, faulty=fault is not None, started=started)
        if answer is None:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)

    def _fault(self, request: web.BaseRequest) -> Fault | None:
        try:
            return self._faults.find(request.method, request.path)
        except BmctlError as error:
            sys.stderr.write(f"{error}\n")
            return None

    async def _answer(self, request: web.BaseRequest, fault: Fault | None, login: str) -> Answer | None:
        """The answer with its fault; None where the connection is to be dropped."""
        if fault is None:
            return await self._serve(request, login)
        await asyncio.sleep(fault.delay)
        if fault.drop:
            return None
        if fault.status is None or fault.forward:
            answer = await self._serve(request, login)
            if fault.status is None:
                return _changed(answer, fault)
        return _faulty(fault)

    async def _serve(self, request: web.BaseRequest, login: str) -> Answer:
        path = request.path.rstrip("/")
        if path == SESSIONS and request.method == "POST":
            return await self._open_session(request)
        if not login and path not in OPEN_PATHS:
            return _error(401, "no valid login was given", {"WWW-Authenticate": 'Basic realm="lab"'})
        if path == SERVICE or path.startswith(f"{SERVICE}/"):
            return self._session_resource(request.method, path)
        answer = await self._forward(request)
        return _with_session_links(answer) if path == ROOT and request.method == "GET" else answer

    async def _open_session(self, request: web.BaseRequest) -> Answer:
        try:
            wanted = json.loads(await request.read())
            given = (str(wanted["UserName"]), str(wanted["Password"]))
        except (ValueError, KeyError, TypeError):
            return _error(400, "UserName and Password are needed")
        if not self._is_right(*given):
            return _error(401, "the user name or the password is wrong")
        if (session := self._sessions.open(given[0], time.monotonic())) is None:
            return _error(503, "no session is free", {"Retry-After": "5"})
        headers = {"X-Auth-Token": session.token, "Location": f"{SESSIONS}/{session.identity}"}
        return _json(201, _session_body(session), headers)

    def _session_resource(self, method: str, path: str) -> Answer:
        if method == "GET" and path == SERVICE:
            return _json(200, _service_body(self._sessions))
        if method == "GET" and path == SESSIONS:
            return _json(200, _collection_body(self._sessions))
        identity = path.removeprefix(f"{SESSIONS}/")
        if method == "GET" and (session := self._sessions.find(identity)) is not None:
            return _json(200, _session_body(session))
        if method == "DELETE" and self._sessions.close(identity):
            return Answer(status=204)
        return _error(404 if method in {"GET", "DELETE"} else 405, f"{method} {path} leads nowhere")

    async def _forward(self, request: web.BaseRequest) -> Answer:
        headers = {name: request.headers[name] for name in PASSED_HEADERS if name in request.headers}
        headers["Host"] = request.host
        headers["Authorization"] = self._authorization
        async with self._client.request(
            request.method,
            f"{self._settings.upstream}{request.raw_path}",
            data=await request.read(),
            headers=headers,
            allow_redirects=False,
        ) as reply:
            kept = {name: value for name, value in reply.headers.items() if name.lower() not in HOP_HEADERS}
            if (location := kept.get("Location")) is not None:
                # The emulator does not know that its client came by TLS.
                kept["Location"] = location.replace("http://", f"{request.scheme}://", 1)
            return Answer(status=reply.status, body=await reply.read(), headers=kept)

    def _login(self, request: web.BaseRequest) -> str:
        """How the request logged in, `session` or `basic`; empty where it did not."""
        if (token := request.headers.get("X-Auth-Token")) is not None:
            return "session" if self._sessions.use(token, time.monotonic()) else ""
        kind, _, credentials = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "basic":
            return ""
        try:
            username, _, password = base64.b64decode(credentials).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return ""
        return "basic" if self._is_right(username, password) else ""

    def _is_right(self, username: str, password: str) -> bool:
        same_name = hmac.compare_digest(username.encode(), self._settings.username.encode())
        return hmac.compare_digest(password.encode(), self._settings.password.encode()) and same_name

    def _log(
        self, request: web.BaseRequest, *, status: int, login: str, faulty: bool, started: float
    ) -> None:
        found = SYSTEM_PATH.search(request.path)
        line = {
            "time": time.time(),
            "client": request.remote,
            "node": self._settings.names.get(found[1], found[1]) if found else None,
            "method": request.method,
            "path": request.path,
            "status": status,
            "seconds": round(time.monotonic() - started, 4),
            "login": login,
            "fault": faulty,
        }
        with self._settings.log.open("a") as log:
            log.write(f"{json.dumps(line)}\n")


def _json(status: int, body: Any, headers: dict[str, str] | None = None) -> Answer:
    content = json.dumps(body).encode()
    return Answer(
        status=status, body=content, headers={"Content-Type": "application/json", **(headers or {})}
    )


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> Answer:
    code = "Base.1.0.GeneralError"
    details = [{"@odata.type": "#Message.v1_1_2.Message", "MessageId": code, "Message": message}]
    body = {"error": {"code": code, "message": message, "@Message.ExtendedInfo": details}}
    return _json(status, body, headers)


def _faulty(fault: Fault) -> Answer:
    status = fault.status or 500
    headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else {}
    if status >= 400:
        return _error(status, fault.message, headers)
    return Answer(status=status, headers=headers)


def _changed(answer: Answer, fault: Fault) -> Answer:
    if fault.change is None:
        return answer
    try:
        document = json.loads(answer.body)
    except ValueError:
        return answer
    return Answer(
        status=answer.status,
        body=json.dumps(merge(document, fault.change)).encode(),
        headers=answer.headers,
    )


def _with_session_links(answer: Answer) -> Answer:
    change = {
        "SessionService": {"@odata.id": SERVICE},
        "Links": {"Sessions": {"@odata.id": SESSIONS}},
    }
    return Answer(
        status=answer.status,
        body=json.dumps(merge(json.loads(answer.body), change)).encode(),
        headers=answer.headers,
    )


def _service_body(sessions: SessionTable) -> dict[str, Any]:
    return {
        "@odata.id": SERVICE,
        "@odata.type": "#SessionService.v1_1_8.SessionService",
        "Id": "SessionService",
        "Name": "Session service",
        "ServiceEnabled": True,
        "SessionTimeout": int(sessions.idle_seconds),
        "Sessions": {"@odata.id": SESSIONS},
    }


def _collection_body(sessions: SessionTable) -> dict[str, Any]:
    members = [{"@odata.id": f"{SESSIONS}/{identity}"} for identity in sessions.identities()]
    return {
        "@odata.id": SESSIONS,
        "@odata.type": "#SessionCollection.SessionCollection",
        "Name": "Sessions",
        "Members@odata.count": len(members),
        "Members": members,
    }


def _session_body(session: Session) -> dict[str, Any]:
    return {
        "@odata.id": f"{SESSIONS}/{session.identity}",
        "@odata.type": "#Session.v1_6_0.Session",
        "Id": session.identity,
        "Name": "Session",
        "UserName": session.username,
    }


async def serve(
    settings: FrontSettings, addresses: tuple[str, ...], port: int, tls: ssl.SSLContext | None
) -> None:
    """Serve until cancelled."""
    # Inserting media lasts as long as the emulator's download.
    async with ClientSession(timeout=ClientTimeout(total=None)) as client:
        server = web.Server(Front(settings, client).handle, access_log=None)
        runner = web.ServerRunner(server)
        await runner.setup()
        try:
            for address in addresses:
                await web.TCPSite(runner, address, port, ssl_context=tls).start()
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()


def main(directory: Path, port: int) -> None:
    """Serve the controllers of the lab in a directory."""
    if (lab := load(directory)) is None:
        raise SystemExit(f"{directory} holds no lab")
    settings = FrontSettings(
        upstream=f"http://127.0.0.1:{EMULATOR_PORT}",
        username=lab.username,
        password=lab.password_file.read_text().strip(),
        log=lab.request_log,
        faults=lab.faults,
        names={node.uuid: node.name for node in lab.nodes},
    )
    tls = None
    if lab.options.tls:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(lab.path("controller.pem"), lab.path("controller.key"))
    addresses = [lab.network.controller]
    if lab.network.controller6 is not None:
        addresses.append(lab.network.controller6)
    asyncio.run(serve(settings, tuple(addresses), port, tls))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
