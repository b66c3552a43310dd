"""`rfm completion`: what makes a shell complete commands and options."""

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that completes rfm in a shell.

    In ~/.bashrc: eval "$(rfm completion bash)"
    """
    found = get_completion_class(shell)
    if found:
        made = found(context.find_root().command, {}, "rfm", "_RFM_COMPLETE")
        click.echo(made.source())
