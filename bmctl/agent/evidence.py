"""What was seen of an agent that did not answer; apart from the connection, which is slow to import."""

from __future__ import annotations

from enum import StrEnum

from bmctl.errors import UnreachableError


class Evidence(StrEnum):
    """How far towards an agent's answer one try came; the texts complete "the agent at ADDRESS: ..."."""

    SILENT = "no answer at all"
    NO_ROUTE = "no route to its address"
    PORT_CLOSED = "its network is up, but no agent listens yet"
    PORT_OPEN = "its port is open, but it does not talk TLS yet"
    TLS_UP = "it talks TLS, but does not answer yet"
    ANSWERED = "it answered"


class NoAnswerError(UnreachableError):
    """A request got no answer; `evidence` says what was seen instead.

    `sent` is False where the agent cannot have received the request.
    """

    def __init__(self, message: str, *, evidence: Evidence, sent: bool) -> None:
        super().__init__(message)
        self.evidence = evidence
        self.sent = sent
