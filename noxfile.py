"""What a change needs, each in an environment of its own: `nox`, or one of `nox --list`.

`scripts/check` does the same on one Python, in the environment that is there.
"""

from __future__ import annotations

import nox

PYTHONS = ["3.11", "3.12", "3.13"]
nox.options.sessions = ["lint", "types", "layers", "tests", "docs"]
nox.options.reuse_existing_virtualenvs = True


def install(session: nox.Session) -> None:
    """The pinned versions, and bmctl as the wheel that users get."""
    session.install("--no-deps", "--require-hashes", "-r", "requirements.lock")
    session.install("--no-deps", ".")


@nox.session
def lint(session: nox.Session) -> None:
    """Rules and format."""
    install(session)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Strict types."""
    install(session)
    session.run("mypy")


@nox.session
def layers(session: nox.Session) -> None:
    """Who imports whom."""
    install(session)
    session.run("lint-imports", "--no-cache")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The tests that need no machine, on each Python."""
    install(session)
    session.run("pytest", "-m", "not e2e and not slow", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Generated pages are up to date, and what pages show is so."""
    install(session)
    session.run("pytest", "tests/docs", "-q")


@nox.session
def e2e(session: nox.Session) -> None:
    """The tests on virtual machines."""
    install(session)
    session.run("pytest", "-m", "e2e and not slow", *session.posargs)
