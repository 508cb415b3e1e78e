"""The top of the command line: the table of commands, and the one place that catches everything."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from bmctl import __version__
from bmctl.commands.lazy import Entry, LazyGroup
from bmctl.commands.settings import Settings, common_options
from bmctl.errors import BmctlError, ExitCode

_HERE = "bmctl.commands"
COMMANDS = {
    "enroll": Entry(f"{_HERE}.enroll", "Reach each controller and record what it is and can."),
    "plan": Entry(f"{_HERE}.plan", "Show what a deploy would do, and why."),
    "deploy": Entry(f"{_HERE}.deploy", "Bring machines to a booted operating system."),
    "undeploy": Entry(f"{_HERE}.undeploy", "Take machines out of use."),
    "clean": Entry(f"{_HERE}.clean", "Clean machines, by themselves or by given steps."),
    "service": Entry(f"{_HERE}.service", "Run steps on machines that are in use."),
    "inspect": Entry(f"{_HERE}.inspect", "Look at machines through controller and agent."),
    "rescue": Entry(f"{_HERE}.rescue", "Boot machines into a system that one can log in to."),
    "unrescue": Entry(f"{_HERE}.unrescue", "Bring machines from rescue back to their own system."),
    "resume": Entry(f"{_HERE}.resume", "Go on with runs that were cut off, held or failed."),
    "hold": Entry(f"{_HERE}.hold", "Have runs stop before a step, until told to go on."),
    "unhold": Entry(f"{_HERE}.unhold", "Let runs that are held go on."),
    "abort": Entry(f"{_HERE}.abort", "End runs before their time."),
    "steps": Entry(f"{_HERE}.steps", "List the steps a node can run, and what each does."),
    "node": Entry(f"{_HERE}.node", "List nodes and show what is known of them."),
    "report": Entry(f"{_HERE}.report", "Write one archive of a run, or its timeline."),
    "power": Entry(f"{_HERE}.power", "Look at and switch the power of machines."),
    "media": Entry(f"{_HERE}.media", "Build boot media as files."),
    "ramdisk": Entry(f"{_HERE}.ramdisk", "Build and keep deploy ramdisks."),
    "image": Entry(f"{_HERE}.image", "Check images without a machine, and keep their cache small."),
    "inventory": Entry(f"{_HERE}.inventory", "Check the inventory."),
    "schema": Entry(f"{_HERE}.schema", "Print the inventory's JSON Schema."),
    "lab": Entry(f"{_HERE}.lab", "Run virtual machines with real firmware and controllers."),
    "upgrade-check": Entry(f"{_HERE}.upgrade_check", "Find what would be fatal or surprising."),
    "upgrade": Entry(f"{_HERE}.upgrade", "Bring what an older bmctl left to the present form."),
    "doctor": Entry(f"{_HERE}.doctor", "See whether this host has what bmctl needs."),
    "completion": Entry(f"{_HERE}.completion", "Print shell completion for bash, zsh or fish."),
}
EPILOG = """\b
Examples:
  bmctl enroll                    every node of ./inventory.yaml
  bmctl plan n1                   what would happen to n1
  bmctl deploy n1 n2              both at once, with live progress
  bmctl resume                    after a crash or Ctrl-C
"""


@click.group(
    cls=LazyGroup,
    entries=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    epilog=EPILOG,
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@common_options
@click.pass_context
def command(ctx: click.Context) -> None:
    """Bring bare machines to a working system: no DHCP, no daemon, no database.

    Exit codes: 0 done, 1 failed, 2 wrong command line, 3 inventory or plan invalid
    and nothing touched, 4 machine busy, 5 controller or agent unreachable or
    refused, 6 held for an operator, 7 some machines done and some not,
    130 interrupted.
    """
    ctx.ensure_object(Settings)


def run(arguments: Sequence[str]) -> int:  # noqa: PLR0911 - one return for each way a command ends
    """Run one command line and return its exit code; every error ends here."""
    settings = Settings()
    try:
        result = command.main(args=list(arguments), prog_name="bmctl", standalone_mode=False, obj=settings)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as error:
        return _tell_usage(error)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return ExitCode.INTERRUPTED
    except BmctlError as error:
        return _tell(error, settings)
    except BrokenPipeError:
        return _close_quietly()
    except Exception:  # noqa: BLE001 - the one place that catches everything
        return _tell_bug()
    return result if isinstance(result, int) else ExitCode.DONE


def _tell_usage(error: click.ClickException) -> int:
    """A wrong command line: what is wrong, and where the right ones are shown."""
    from bmctl.commands.errors_shown import show_error

    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "bmctl"
    message = error.format_message().rstrip(".")
    show_error(BmctlError(message[:1].lower() + message[1:], hint=f"see {path} --help"))
    return ExitCode.USAGE


def _tell(error: BmctlError, settings: Settings) -> int:
    from bmctl.commands.errors_shown import show_error

    show_error(error)
    if settings.debug:
        _traceback()
    return error.exit_code


def _tell_bug() -> int:
    _traceback()
    click.echo("error: this is a mistake in bmctl itself, not yours", err=True)
    click.echo(
        f"hint: please report it with the lines above and the output of: bmctl --version ({__version__})",
        err=True,
    )
    return ExitCode.FAILED


def _traceback() -> None:
    import traceback

    traceback.print_exc()


def _close_quietly() -> int:
    """The reader of our output went away, as `head` does: no more output, no complaint."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.FAILED
