"""`bmctl completion`: the script that lets a shell complete commands, options and node names."""

from __future__ import annotations

import click

EPILOG = """\b
Examples:
  eval "$(bmctl completion bash)"
  bmctl completion zsh > "${fpath[1]}/_bmctl"
  bmctl completion fish > ~/.config/fish/completions/bmctl.fish
"""


@click.command(epilog=EPILOG)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script for a shell."""
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"there is no completion for {shell}")
    click.echo(found(ctx.find_root().command, {}, "bmctl", "_BMCTL_COMPLETE").source())
