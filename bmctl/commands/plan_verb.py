"""A command that runs one plan for each node: the options that all of these have, and running it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from bmctl.commands.asked import all_option, chosen
from bmctl.commands.conducting import Conducting, conduct, running_options
from bmctl.commands.nodes import nodes_argument
from bmctl.commands.settings import Settings, common_options, settings_of

if TYPE_CHECKING:
    from bmctl.flows.request import Request
    from bmctl.inventory import Inventory
    from bmctl.model.node import Node

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The nodes that are meant, and how their runs are to go."""

    settings: Settings
    inventory: Inventory
    nodes: tuple[Node, ...]
    verb: str
    leave_running: bool
    at_once: int
    hold_before: tuple[str, ...]
    advertise: str | None
    listen_port: int

    def run(self, request: Request, *, rescue_password: str | None = None) -> int:
        """Do what is asked with every node, and return the exit code."""
        from bmctl.conduct.conductor import Options
        from bmctl.wire import Serving

        conducting = Conducting(
            settings=self.settings,
            inventory=self.inventory,
            nodes=self.nodes,
            verb=self.verb,
            options=Options(
                leave_running=self.leave_running, at_once=self.at_once, rescue_password=rescue_password
            ),
            serving=Serving(port=self.listen_port, advertise=self.advertise),
            hold_before=self.hold_before,
        )
        return conduct(conducting, lambda conductor, nodes: conductor.run(nodes, request))


def plan_verb(verb: str, *own: Decorator) -> Decorator:
    """Give a function the arguments of such a command; it gets `Asked`, and the values of its own options."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def command(
            ctx: click.Context,
            names: tuple[str, ...],
            groups: tuple[str, ...],
            everything: bool,
            **values: Any,
        ) -> Any:
            settings = settings_of(ctx)
            inventory, nodes = chosen(settings, names, groups, everything=everything, verb=verb)
            shared = {name: values.pop(name) for name in _SHARED}
            asked = Asked(settings=settings, inventory=inventory, nodes=nodes, verb=verb, **shared)
            return function(asked, **values)

        decorated: Callable[..., Any] = click.pass_context(command)
        options: tuple[Decorator, ...] = (
            common_options,
            running_options,
            *reversed(own),
            all_option,
            nodes_argument(),
        )
        for option in options:
            decorated = option(decorated)
        return decorated

    return decorate


_SHARED = ("leave_running", "at_once", "hold_before", "advertise", "listen_port")
