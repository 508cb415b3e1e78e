"""A controller with settings, volumes, firmware and tasks, for what the emulator lacks.

Written from the DMTF's Redfish Specification (DSP0266: settings resources, asynchronous operations,
task monitors, Retry-After) and schemas (DSP0268: Bios, AttributeRegistry, MessageRegistryFile,
SecureBoot, Storage, Drive, Volume, UpdateService, SoftwareInventory, TaskService, Task, Manager).

It works as it should (`SettingsController()`), has none of it (`SettingsController(lacks=True)`), or
fails half-way: settings that never come true (`settings_refused`), tasks that end in an exception
(`task_end`), a service that is busy (`busy`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from redfish_controller import SYSTEM, Answer, Controller

BIOS = f"{SYSTEM}/Bios"
PENDING = f"{BIOS}/Settings"
SECURE_BOOT = f"{SYSTEM}/SecureBoot"
STORAGE = f"{SYSTEM}/Storage/RAID-1"
VOLUMES = f"{STORAGE}/Volumes"
MANAGER = "/redfish/v1/Managers/BMC"
UPDATES = "/redfish/v1/UpdateService"
SIMPLE_UPDATE = f"{UPDATES}/Actions/UpdateService.SimpleUpdate"
INVENTORY = f"{UPDATES}/FirmwareInventory"
TASKS = "/redfish/v1/TaskService/Tasks"
MONITORS = "/redfish/v1/TaskService/TaskMonitors"
REGISTRY = "BiosAttributeRegistry.1.2.0"
GIB = 2**30

ENTRIES = [
    {"AttributeName": "LogicalProc", "Type": "Enumeration", "DefaultValue": "Enabled",
     "Value": [{"ValueName": "Enabled", "ValueDisplayName": "On"},
               {"ValueName": "Disabled", "ValueDisplayName": "Off"}]},
    {"AttributeName": "NumCores", "Type": "Integer", "LowerBound": 1, "UpperBound": 16, "DefaultValue": 16},
    {"AttributeName": "QuietBoot", "Type": "Boolean", "DefaultValue": True},
    {"AttributeName": "AssetTag", "Type": "String", "MaxLength": 8, "DefaultValue": ""},
    {"AttributeName": "Serial", "Type": "String", "ReadOnly": True},
    {"AttributeName": "SetupPassword", "Type": "Password"},
]  # fmt: skip


@dataclass(kw_only=True)
class Task:
    """Work in the background: its states, one a look; the last one stays. `finish` comes with Completed."""

    states: list[str]
    finish: Callable[[], None] = lambda: None
    needs_restart: bool = False
    message: str = "it went wrong"

    def look(self) -> str:
        if self.needs_restart:
            return "Pending"
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if state == "Completed":
            self.finish()
            self.finish = lambda: None
        return state


@dataclass(kw_only=True)
class SettingsController(Controller):
    """The state that a test sets up and looks at, beside that of the plain controller."""

    lacks: bool = False
    bios: dict = field(default_factory=lambda: {
        "LogicalProc": "Enabled", "NumCores": 8, "QuietBoot": True, "AssetTag": "rack1",
        "Serial": "S1", "SetupPassword": None,
    })  # fmt: skip
    pending: dict = field(default_factory=dict)
    settings_refused: str = ""
    settings_time: str = "2026-01-01T00:00:00Z"
    registry: bool = True
    secure_boot: bool = False
    secure_boot_now: bool = False
    keys: str = "default"
    late_mode: bool = False
    """Whether the boot mode changes at the next restart only."""
    pending_mode: str | None = None
    volumes: dict[str, dict] = field(default_factory=dict)
    volume_tasks: bool = False
    apply_time: str | None = None
    versions: dict[str, str] = field(default_factory=lambda: {"BIOS": "1.0", "NIC.1": "7.0", "BMC": "2.0"})
    updates: list[dict] = field(default_factory=list)
    task_end: str = "Completed"
    task_waits: bool = False
    """Whether an update begins only when the machine restarts."""
    lists_tasks: bool = True
    tasks: dict[str, Task] = field(default_factory=dict)
    forgets_tasks: bool = False
    boots: int = 0
    resets: int = 0
    clock: str = "2026-01-01T00:00:00+00:00"
    _number: int = 0

    def new_task(self, task: Task) -> str:
        self._number += 1
        self.tasks[str(self._number)] = task
        return f"{MONITORS}/{self._number}"

    def answer(self, method: str, path: str, headers, body: dict) -> Answer:
        if not self.lacks and self._known(headers):
            for prefix, part in self._parts().items():
                if path.startswith(prefix):
                    return part(method, path, body)
        return super().answer(method, path, headers, body)

    def _parts(self) -> dict[str, Callable[[str, str, dict], Answer]]:
        return {
            BIOS: self._bios,
            SECURE_BOOT: self._secure_boot,
            f"{SYSTEM}/Storage": self._storage,
            MANAGER: self._manager,
            UPDATES: self._updates,
            "/redfish/v1/TaskService": self._tasks,
            "/redfish/v1/Registries": self._registries,
        }

    def _root(self) -> dict:
        root = super()._root()
        if self.lacks:
            return root
        more = {"UpdateService": UPDATES, "Registries": "/redfish/v1/Registries"}
        if self.lists_tasks:
            more["Tasks"] = "/redfish/v1/TaskService"
        return {**root, **{name: {"@odata.id": path} for name, path in more.items()}}

    def _system_document(self) -> dict:
        document = super()._system_document()
        if self.lacks:
            return document
        links = {"Bios": BIOS, "SecureBoot": SECURE_BOOT, "Storage": f"{SYSTEM}/Storage"}
        return {
            **document,
            "BiosVersion": self.versions["BIOS"],
            "Links": {"ManagedBy": [{"@odata.id": MANAGER}]},
            **{name: {"@odata.id": path} for name, path in links.items()},
        }

    def _system(self, method: str, headers, body: dict) -> Answer:
        mode = (body.get("Boot") or {}).get("BootSourceOverrideMode")
        if self.late_mode and mode is not None:
            self.pending_mode = mode
            return Answer(status=204)
        return super()._system(method, headers, body)

    def _reset(self, kind: str) -> Answer:
        was = self.power
        answer = super()._reset(kind)
        if was == "Off" and self.power == "On":
            self._start()
        return answer

    def _start(self) -> None:
        """The machine starts: what waited for that comes true."""
        self.boots += 1
        if self.pending:
            self.settings_time = f"2026-01-01T00:{self.boots:02}:00Z"
        if not self.settings_refused:
            self.bios.update(self.pending)
        self.pending.clear()
        self.secure_boot_now = self.secure_boot
        if self.pending_mode is not None:
            self.boot["BootSourceOverrideMode"], self.pending_mode = self.pending_mode, None
        for task in self.tasks.values():
            task.needs_restart = False

    def _bios(self, method: str, path: str, body: dict) -> Answer:
        if path == f"{BIOS}/Actions/Bios.ResetBios":
            self.pending = {
                entry["AttributeName"]: entry["DefaultValue"] for entry in ENTRIES if "DefaultValue" in entry
            }
            return Answer(status=204)
        if path == PENDING:
            if method == "PATCH":
                self.pending.update(body["Attributes"])
                return Answer(status=202)
            return _document(path, Attributes={**self.bios, **self.pending}, etag='"settings"')
        messages = (
            [{"Message": self.settings_refused, "MessageSeverity": "Warning"}] if self._refused() else []
        )
        settings = {
            "SettingsObject": {"@odata.id": PENDING},
            "Time": self.settings_time,
            "Messages": messages,
        }
        action = {"#Bios.ResetBios": {"target": f"{BIOS}/Actions/Bios.ResetBios"}}
        more = {"@Redfish.Settings": settings, "AttributeRegistry": REGISTRY, "Actions": action}
        return _document(path, Attributes=self.bios, **more)

    def _refused(self) -> bool:
        return bool(self.settings_refused) and self.boots > 0

    def _registries(self, _method: str, path: str, _body: dict) -> Answer:
        if path == "/redfish/v1/Registries":
            names = ["Base.1.15.0", *([REGISTRY] if self.registry else ())]
            return _collection(path, [f"{path}/{name}" for name in names])
        if path.endswith(".json"):
            return _document(path, Id=REGISTRY, RegistryEntries={"Attributes": ENTRIES})
        location = [{"Language": "en", "Uri": f"{path}.json"}]
        return _document(path, Registry=REGISTRY, Location=location)

    def _secure_boot(self, method: str, path: str, body: dict) -> Answer:
        if path.endswith("ResetKeys"):
            self.keys = body["ResetKeysType"]
            return Answer(status=204)
        if method == "PATCH":
            self.secure_boot = body["SecureBootEnable"]
            return Answer(status=204)
        target = f"{SECURE_BOOT}/Actions/SecureBoot.ResetKeys"
        allowed = ["ResetAllKeysToDefault", "DeleteAllKeys"]
        action = {"target": target, "ResetKeysType@Redfish.AllowableValues": allowed}
        return _document(
            path,
            SecureBootEnable=self.secure_boot,
            SecureBootCurrentBoot="Enabled" if self.secure_boot_now else "Disabled",
            Actions={"#SecureBoot.ResetKeys": action},
        )

    def _storage(self, method: str, path: str, body: dict) -> Answer:
        if path == f"{SYSTEM}/Storage":
            return _collection(path, [STORAGE])
        if path == STORAGE:
            return _document(
                path,
                StorageControllers=[{"MemberId": "0", "SupportedRAIDTypes": ["RAID0", "RAID1", "RAID5"]}],
                Drives=[{"@odata.id": f"{STORAGE}/Drives/{number}"} for number in range(4)],
                Volumes={"@odata.id": VOLUMES},
            )
        if path.startswith(f"{STORAGE}/Drives/"):
            return _document(path, CapacityBytes=100 * GIB, MediaType="SSD")
        return self._volumes(method, path, body)

    def _volumes(self, method: str, path: str, body: dict) -> Answer:
        if path == VOLUMES and method == "POST":
            return self._begin(lambda: self._create(body))
        if path == VOLUMES:
            support = {"SupportedValues": [self.apply_time]} if self.apply_time else {}
            more = {"@Redfish.OperationApplyTimeSupport": support} if support else {}
            return _collection(path, [f"{VOLUMES}/{name}" for name in self.volumes], **more)
        name = path.removeprefix(f"{VOLUMES}/")
        if name not in self.volumes:
            return Answer(status=404)
        if method == "DELETE":
            return self._begin(lambda: self.volumes.pop(name, None))
        return _document(path, **self.volumes[name])

    def _create(self, body: dict) -> None:
        self._number += 1
        size = body.get("CapacityBytes") or 100 * GIB
        self.volumes[f"V{self._number}"] = {"Name": "", **body, "CapacityBytes": size}

    def _begin(self, work: Callable[[], object]) -> Answer:
        """Do work at once, or in a task that a restart may have to set off."""
        if not self.volume_tasks:
            work()
            return Answer(status=204)
        waits = self.apply_time == "OnReset"
        task = Task(states=["Running", self.task_end], finish=lambda: _ignore(work()), needs_restart=waits)
        return Answer(status=202, headers={"Location": self.new_task(task)})

    def _manager(self, _method: str, path: str, _body: dict) -> Answer:
        if path.endswith("Manager.Reset"):
            self.resets += 1
            self.tokens.clear()
            return Answer(status=204)
        action = {"#Manager.Reset": {"target": f"{MANAGER}/Actions/Manager.Reset"}}
        return _document(
            path,
            DateTime=self.clock,
            FirmwareVersion=self.versions["BMC"],
            Model="Contoso BMC",
            Actions=action,
        )

    def _updates(self, _method: str, path: str, body: dict) -> Answer:
        if path == SIMPLE_UPDATE:
            return self._update(body)
        if path == INVENTORY:
            return _collection(path, [f"{INVENTORY}/{name}" for name in self.versions])
        if path.startswith(INVENTORY):
            name = path.removeprefix(f"{INVENTORY}/")
            return _document(path, Version=self.versions[name], Updateable=True)
        action = {"target": SIMPLE_UPDATE, "TransferProtocol@Redfish.AllowableValues": ["HTTP", "HTTPS"]}
        inventory = {"@odata.id": INVENTORY}
        return _document(path, Actions={"#UpdateService.SimpleUpdate": action}, FirmwareInventory=inventory)

    def _update(self, body: dict) -> Answer:
        self.updates.append(body)
        names = [target.rpartition("/")[2] for target in body.get("Targets") or ()]

        def finish() -> None:
            self.versions.update({name: f"{float(self.versions[name]) + 1:.1f}" for name in names})

        states = ["Starting", "Running", self.task_end]
        task = Task(states=states, finish=finish, needs_restart=self.task_waits)
        return Answer(status=202, headers={"Location": self.new_task(task)})

    def _tasks(self, _method: str, path: str, _body: dict) -> Answer:
        if path == "/redfish/v1/TaskService":
            return _document(path, Tasks={"@odata.id": TASKS})
        if path == TASKS:
            return _collection(path, [f"{TASKS}/{name}" for name in self.tasks])
        task = self.tasks.get(path.rpartition("/")[2])
        if task is None:
            return Answer(status=404)
        state = task.look()
        over = state in {"Completed", "Exception"}
        if over and self.forgets_tasks:
            del self.tasks[path.rpartition("/")[2]]
        messages = [{"Message": f"{task.message}."}] if state == "Exception" else []
        found = _document(path, TaskState=state, TaskStatus="OK", Messages=messages, PercentComplete=50)
        found.status = 200 if over else 202
        return found


def _document(path: str, *, etag: str | None = None, **more) -> Answer:
    name = path.rpartition("/")[2]
    headers = {"ETag": etag} if etag else {}
    return Answer(status=200, headers=headers, body={"@odata.id": path, "Id": name, "Name": name, **more})


def _collection(path: str, members: list[str], **more) -> Answer:
    return _document(path, Members=[{"@odata.id": member} for member in members], **more)


def _ignore(_result: object) -> None:
    """A task's work returns nothing."""
