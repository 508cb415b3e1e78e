"""Options that every command knows, before or after its name, and what follows from them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bmctl.errors import InvalidError

if TYPE_CHECKING:
    from bmctl.inventory import Inventory
    from bmctl.store.filestore import FileStore

F = TypeVar("F", bound=Callable[..., Any])
DEFAULT_INVENTORY = Path("inventory.yaml")


@dataclass(slots=True)
class Settings:
    """What the operator said on the command line or in the environment, for every command alike."""

    inventory_path: Path | None = None
    state_path: Path | None = None
    json: bool = False
    verbosity: int = 0
    debug: bool = False
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def find_inventory(self) -> Path:
        """The inventory's path: option, environment, `./inventory.yaml`."""
        return self.inventory_path or DEFAULT_INVENTORY

    def load_inventory(self) -> Inventory:
        """Read the inventory; raises `InventoryError` with every mistake in it."""
        from bmctl.inventory import load

        path = self.find_inventory()
        if self.inventory_path is None and not path.exists():
            raise InvalidError(
                f"there is no {path} in this directory",
                hint="name one with -i FILE or BMCTL_INVENTORY, or start from inventory.example.yaml",
            )
        return load(path)

    def find_state(self) -> Path:
        """The state directory: option, environment, the user's own data directory."""
        if self.state_path is not None:
            return self.state_path
        import platformdirs

        return Path(platformdirs.user_state_dir("bmctl"))

    def open_store(self) -> FileStore:
        """The state, made on first use."""
        from bmctl.store.filestore import open_store

        return open_store(self.find_state())

    def find_cache(self) -> Path:
        """Where ramdisks and converted images are kept: they can be made again."""
        if path := self.environment.get("BMCTL_CACHE"):
            return Path(path)
        import platformdirs

        return Path(platformdirs.user_cache_dir("bmctl"))


def settings_of(ctx: click.Context) -> Settings:
    """The settings of this invocation."""
    found: Settings = ctx.find_root().ensure_object(Settings)
    return found


def _keep(attribute: str, make: Callable[[Any], Any] = lambda value: value) -> Callable[..., Any]:
    """A callback that puts an option's value into the settings; the command line beats the environment."""

    def callback(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        settings = settings_of(ctx)
        typed = ctx.get_parameter_source(param.name or "") is click.core.ParameterSource.COMMANDLINE
        if value and (typed or not getattr(settings, attribute)):
            setattr(settings, attribute, make(value))
        return value

    return callback


def common_options(function: F) -> F:
    """Give a command the options that every command has."""
    options = (
        click.option(
            "-i",
            "--inventory",
            metavar="FILE",
            envvar="BMCTL_INVENTORY",
            callback=_keep("inventory_path", Path),
            expose_value=False,
            help="Inventory file (BMCTL_INVENTORY; default: ./inventory.yaml).",
        ),
        click.option(
            "--state",
            metavar="DIR",
            envvar="BMCTL_STATE",
            callback=_keep("state_path", Path),
            expose_value=False,
            help="State directory (BMCTL_STATE; default: the user's own).",
        ),
        click.option(
            "--json",
            "as_json",
            is_flag=True,
            callback=_keep("json"),
            expose_value=False,
            help="Print JSON on stdout.",
        ),
        click.option(
            "-v",
            "--verbose",
            count=True,
            callback=_keep("verbosity"),
            expose_value=False,
            help="Tell more.",
        ),
        click.option(
            "--debug",
            is_flag=True,
            callback=_keep("debug"),
            expose_value=False,
            help="Show tracebacks.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function
