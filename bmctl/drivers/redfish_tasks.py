"""Work that a controller does by itself: tasks and their monitors (DMTF DSP0266 and DSP0268)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import sushy.exceptions

from bmctl.drivers.redfish_conversation import Conversation, link
from bmctl.model.controller import Started, TaskReport, TaskState

_STATES = {
    "New": TaskState.WAITING,
    "Starting": TaskState.WAITING,
    "Pending": TaskState.WAITING,
    "Suspended": TaskState.WAITING,
    "Interrupted": TaskState.FAILED,
    "Running": TaskState.RUNNING,
    "Service": TaskState.RUNNING,
    "Stopping": TaskState.RUNNING,
    "Cancelling": TaskState.RUNNING,
    "Completed": TaskState.DONE,
    "Killed": TaskState.FAILED,
    "Exception": TaskState.FAILED,
    "Cancelled": TaskState.FAILED,
}
_ACCEPTED = 202


class RedfishTasks:
    """Looks at tasks by their address, which may be a task's or its monitor's."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    async def running(self) -> tuple[str, ...] | None:
        """The addresses in the task service's list, whatever state they are in; None where there is none."""
        return await self._conversation.call("list its tasks", self._list)

    async def look(self, task: str) -> TaskReport:
        """What is known of it now; one request."""
        return await self._conversation.call("tell how far its work is", lambda: self._look(task))

    def _list(self) -> tuple[str, ...] | None:
        service = self._conversation.part(link(self._conversation.root.json, "Tasks"))
        path = link(service, "Tasks")
        if path is None:
            return None
        members = self._conversation.document(path).get("Members") or ()
        return tuple(str(member["@odata.id"]) for member in members if member.get("@odata.id"))

    def _look(self, task: str) -> TaskReport:
        try:
            answer = self._conversation.get(task)
        except sushy.exceptions.ResourceNotFoundError:
            return TaskReport(state=TaskState.GONE)
        except sushy.exceptions.BadRequestError as error:
            # A monitor answers in the end as the request itself would have been answered.
            return TaskReport(state=TaskState.FAILED, message=str(error.detail or error))
        document = answer.json() if answer.content else {}
        return report_of(document, accepted=answer.status_code == _ACCEPTED)


def report_of(document: Mapping[str, Any], *, accepted: bool) -> TaskReport:
    """What a task's document says; an answer that is none is the end of the work, unless it is "accepted"."""
    told = _STATES.get(str(document.get("TaskState")))
    state = told or (TaskState.RUNNING if accepted else TaskState.DONE)
    if state is TaskState.DONE and document.get("TaskStatus") == "Critical":
        state = TaskState.FAILED
    percent = document.get("PercentComplete")
    return TaskReport(
        state=state,
        percent=int(percent) if isinstance(percent, int | float) else None,
        message=_message(document.get("Messages") or ()),
    )


def started_by(answer: Any, *, after_restart: bool = False) -> Started:
    """The task that an answer speaks of, None where the work is done with the answer."""
    document = answer.json() if answer.content else {}
    path = document.get("@odata.id") if "TaskState" in document else None
    path = path or answer.headers.get("Location")
    about_task = answer.status_code == _ACCEPTED or "task" in str(path).lower()
    if not path or not about_task:
        return Started(after_restart=after_restart)
    parts = urlsplit(str(path))
    return Started(task=parts.path + (f"?{parts.query}" if parts.query else ""), after_restart=after_restart)


def _message(messages: Any) -> str:
    """The last thing that is said in words."""
    said = [str(message.get("Message") or message.get("MessageId") or "") for message in messages]
    return next((" ".join(text.split()).rstrip(".")[:300] for text in reversed(said) if text), "")
