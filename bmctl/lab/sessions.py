"""Redfish sessions (DSP0266 1.20, clause 13.3.4): login tokens with an end."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

# Small controllers have few; a client that leaks them is noticed here as there.
LIMIT = 16
IDLE_SECONDS = 1800.0


@dataclass(slots=True, kw_only=True)
class Session:
    """One login; `used` is when it was last used, in the table's clock."""

    identity: str
    token: str
    username: str
    used: float


@dataclass(slots=True)
class SessionTable:
    """The open sessions of one service. Times are seconds of any one clock."""

    limit: int = LIMIT
    idle_seconds: float = IDLE_SECONDS
    _by_token: dict[str, Session] = field(default_factory=dict)
    _made: int = 0

    def open(self, username: str, now: float) -> Session | None:
        """A new session; None where the service has all it can have."""
        self._expire(now)
        if len(self._by_token) >= self.limit:
            return None
        self._made += 1
        token = secrets.token_hex(16)
        session = Session(identity=str(self._made), token=token, username=username, used=now)
        self._by_token[token] = session
        return session

    def use(self, token: str, now: float) -> Session | None:
        """The session of a token, which lives on from now; None where there is none."""
        self._expire(now)
        if (session := self._by_token.get(token)) is not None:
            session.used = now
        return session

    def close(self, identity: str) -> bool:
        """End a session; False where there is none of that identity."""
        for token, session in self._by_token.items():
            if session.identity == identity:
                del self._by_token[token]
                return True
        return False

    def find(self, identity: str) -> Session | None:
        """The open session of that identity."""
        return next((each for each in self._by_token.values() if each.identity == identity), None)

    def identities(self) -> tuple[str, ...]:
        """The open sessions, in the order of their making."""
        return tuple(session.identity for session in self._by_token.values())

    def _expire(self, now: float) -> None:
        for token, session in tuple(self._by_token.items()):
            if now - session.used > self.idle_seconds:
                del self._by_token[token]
