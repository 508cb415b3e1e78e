"""How long steps of the controller wait, and how often they look, in seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """The defaults are for real machines: each look costs a request of up to some seconds."""

    look: float = 5.0
    """Between two looks at the controller."""
    shutdown: float = 120.0
    """How long a system that runs on the machine may take to shut down before it is switched off."""
    apply: float = 900.0
    """How long a setting may take to show after the restart; some vendors run a job for it."""
    unproven: float = 300.0
    """How long a start of the machine is waited for where nothing tells when its firmware is ready."""
    stuck: float = 30.0
    """After how long a task that has not begun is taken to wait for a restart."""
    listed: float = 1.0
    """How long a controller may take to list a task that it began, times one, two and so on."""
    absent: float = 600.0
    """How long a controller may not answer while it restarts itself."""
    settle: float = 20.0
    """How long a controller that was told to restart may go on answering."""
    steady: float = 10.0
    """Between the good answers that show that a controller is back."""


PATIENCE = Patience()
