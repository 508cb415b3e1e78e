"""A Redfish controller of the tests' own, for what the emulator lacks.

It has sessions, ETags, answers of 202, 409, 412 and 503, slow and lost answers, drives that lie.
Shapes are from the DMTF's Redfish Specification (DSP0266) and schemas (DSP0268): ServiceRoot,
Session, ComputerSystem, VirtualMedia.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

from bmctl.drivers.pace import Pace

# Rests and patience are for machines; here they would only make the tests slow.
HASTY = Pace(
    read_again=(0.05, 0.05),
    ask_again=(0.05, 0.05),
    goodbye=0.3,
    power_look=0.02,
    media_rest=0.05,
    media_look=0.02,
    see_empty=0.2,
    see_inserted=0.3,
)

SESSIONS = "/redfish/v1/SessionService/Sessions"
SYSTEM = "/redfish/v1/Systems/1"
RESET = f"{SYSTEM}/Actions/ComputerSystem.Reset"
MEDIA = f"{SYSTEM}/VirtualMedia"


@dataclass(kw_only=True)
class Answer:
    """A scripted answer; with `effect` the request is carried out all the same.

    Status 0 hangs up, and None is the true answer, only late.
    """

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: dict = field(default_factory=dict)
    delay: float = 0.0
    effect: bool = False


@dataclass(kw_only=True)
class Drive:
    image: str | None = None
    types: tuple[str, ...] = ("CD", "DVD")
    refuses: int = 0
    """Status with which every insert is refused; 0 takes it."""
    lies: int = 0
    """How many ejects are answered well and not done."""
    late: int = 0
    """How many reads after an insert still show nothing."""
    blank: bool = False
    """Whether the image's URL is kept secret."""
    hidden: str | None = None
    """An image that is not shown, and makes inserts fail until it is ejected."""
    _shown_after: int = 0

    def insert(self, image: str) -> int:
        if self.refuses or self.image or self.hidden:
            return self.refuses or 400
        self.image, self._shown_after = image, self.late
        return 202 if self.late else 204

    def eject(self) -> int:
        if self.lies:
            self.lies -= 1
        else:
            self.image = self.hidden = None
        return 204

    def document(self, path: str) -> dict:
        self._shown_after = max(0, self._shown_after - 1)
        shown = None if self._shown_after else self.image
        actions = {
            f"#VirtualMedia.{verb}Media": {"target": f"{path}/Actions/VirtualMedia.{verb}Media"}
            for verb in ("Insert", "Eject")
        }
        return {
            "@odata.id": path,
            "Id": path.rpartition("/")[2],
            "Name": "drive",
            "MediaTypes": list(self.types),
            "Inserted": shown is not None,
            "Image": "" if self.blank and shown else shown,
            "Actions": actions,
        }


@dataclass(kw_only=True)
class Controller:
    """The state that a test sets up and looks at."""

    user: str = "admin"
    password: str = "s3cret-word"
    power: str = "Off"
    power_lag: int = 0
    """How many reads after a reset still show the old state."""
    boot: dict = field(default_factory=lambda: {
        "BootSourceOverrideEnabled": "Disabled", "BootSourceOverrideTarget": "None",
        "BootSourceOverrideMode": "UEFI",
        "BootSourceOverrideTarget@Redfish.AllowableValues": ["None", "Pxe", "Cd", "Hdd", "BiosSetup"],
    })  # fmt: skip
    drives: dict[str, Drive] = field(
        default_factory=lambda: {"Cd": Drive(), "Usb": Drive(types=("USBStick",))}
    )
    manufacturer: str = "Contoso"
    system: dict = field(default_factory=dict)
    """What is added to the system's document."""
    pages: dict[str, dict] = field(default_factory=dict)
    """Further resources by path; a PATCH changes them."""
    script: dict[tuple[str, str], list[Answer]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    log: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[dict] = field(default_factory=list)
    busy: int = 0
    most_busy: int = 0
    sessions: bool = True
    url: str = ""
    etag: int = 1
    _old_power: tuple[str, int] = ("Off", 0)
    _made: int = 0

    def will(self, method: str, path: str, *answers: Answer) -> None:
        self.script.setdefault((method, path), []).extend(answers)

    def count(self, method: str, path: str) -> int:
        return Counter(self.log)[method, path]

    def answer(self, method: str, path: str, headers, body: dict) -> Answer:  # noqa: PLR0911  one line per resource
        if path in {"/redfish/v1", "/redfish/v1/"}:
            return Answer(status=200, body=self._root())
        if (method, path) == ("POST", SESSIONS):
            return self._log_in(body)
        if not self._known(headers):
            return Answer(status=401)
        if method == "DELETE":
            return Answer(status=204 if self.tokens.pop(path, None) else 404)
        if path == "/redfish/v1/Systems":
            return Answer(status=200, body={"Name": "systems", "Members": [{"@odata.id": SYSTEM}]})
        if path == SYSTEM:
            return self._system(method, headers, body)
        if (method, path) == ("POST", RESET):
            return self._reset(body["ResetType"])
        if path.startswith(MEDIA):
            return self._media(method, path, body)
        if (page := self.pages.get(path)) is None:
            return Answer(status=404)
        page.update(body)
        return Answer(
            status=200, body={"@odata.id": path, "Id": path.rpartition("/")[2], "Name": path, **page}
        )

    def _root(self) -> dict:
        root = {"@odata.id": "/redfish/v1/", "Id": "Root", "Name": "Root", "RedfishVersion": "1.15.0"}
        links = {"Links": {"Sessions": {"@odata.id": SESSIONS}}} if self.sessions else {}
        return {**root, "Systems": {"@odata.id": "/redfish/v1/Systems"}, **links}

    def _log_in(self, body: dict) -> Answer:
        if not self.sessions:
            return Answer(status=404)
        if (body["UserName"], body["Password"]) != (self.user, self.password):
            return Answer(status=401, body={"error": {"message": f"no: {body['Password']}"}})
        self._made += 1
        path = f"{SESSIONS}/{self._made}"
        self.tokens[path] = f"token-{self._made}"
        # Some controllers answer with their own idea of their address.
        location = f"https://bmc.internal{path}"
        return Answer(status=201, headers={"X-Auth-Token": self.tokens[path], "Location": location})

    def _known(self, headers) -> bool:
        if token := headers.get("X-Auth-Token"):
            return token in self.tokens.values()
        import base64

        basic = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return headers.get("Authorization") == f"Basic {basic}"

    def _system(self, method: str, headers, body: dict) -> Answer:
        if method == "PATCH":
            if headers.get("If-Match") not in {None, f'"{self.etag}"'}:
                return Answer(status=412)
            self.boot.update(body["Boot"])
            self.etag += 1
            return Answer(status=204)
        return Answer(status=200, headers={"ETag": f'"{self.etag}"'}, body=self._system_document())

    def _system_document(self) -> dict:
        old, reads = self._old_power
        self._old_power = (old, max(0, reads - 1))
        return {
            "@odata.id": SYSTEM, "Id": "1", "Name": "machine", "UUID": "0000",
            "Manufacturer": self.manufacturer,
            "PowerState": old if reads else self.power, "Boot": self.boot, "Links": {},
            "VirtualMedia": {"@odata.id": MEDIA},
            "Actions": {"#ComputerSystem.Reset": {"target": RESET, "ResetType@Redfish.AllowableValues":
                        ["On", "ForceOff", "GracefulShutdown"]}},
            **self.system,
        }  # fmt: skip

    def _reset(self, kind: str) -> Answer:
        wanted = "On" if kind == "On" else "Off"
        if wanted == self.power:
            return Answer(status=409, body={"error": {"message": "already so."}})
        self._old_power, self.power = (self.power, self.power_lag), wanted
        return Answer(status=204)

    def _media(self, method: str, path: str, body: dict) -> Answer:
        if path == MEDIA:
            members = [{"@odata.id": f"{MEDIA}/{name}"} for name in self.drives]
            return Answer(status=200, body={"Name": "drives", "Members": members})
        name = path.removeprefix(f"{MEDIA}/").split("/")[0]
        drive = self.drives[name]
        if method == "GET":
            return Answer(status=200, body=drive.document(f"{MEDIA}/{name}"))
        return Answer(status=drive.eject() if path.endswith("EjectMedia") else drive.insert(body["Image"]))


class Handler(BaseHTTPRequestHandler):
    """One request: a scripted answer, else what the controller says."""

    controller: Controller
    lock: threading.Lock
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
        with self.lock:
            controller = self.controller
            controller.log.append((self.command, self.path))
            controller.bodies.append(body)
            scripted = controller.script.get((self.command, self.path))
            answer = scripted.pop(0) if scripted else None
            controller.busy += 1
            controller.most_busy = max(controller.most_busy, controller.busy)
            if answer is None or answer.effect or answer.status is None:
                real = controller.answer(self.command, self.path, self.headers, body)
        time.sleep(answer.delay if answer else 0)
        with self.lock:
            controller.busy -= 1
        answer = real if answer is None or answer.status is None else answer
        if not answer.status:
            self.close_connection = True
            return
        self.send(answer)

    do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815  http.server finds methods by these names

    def send(self, answer: Answer) -> None:
        text = json.dumps(answer.body).encode() if answer.body else b""
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_args) -> None:
        """Say nothing: a test looks at the log of the controller."""


class Service:
    """The controller on a port of its own, with TLS where a certificate is given."""

    def __init__(self, controller: Controller, certificate: Path | None = None) -> None:
        handler = type("Handler", (Handler,), {"controller": controller, "lock": threading.Lock()})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            scheme = "https"
        controller.url = f"{scheme}://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
