"""Each command says in one line what it does."""

from collections.abc import Iterator

import click
import pytest

from rfm_cli.main import main


def commands(group: click.Group, path: str = "rfm") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")


@pytest.mark.parametrize(("name", "command"), list(commands(main)))
def test_the_summary_of_a_command_fits_into_its_line(name: str, command: click.Command) -> None:
    summary = command.get_short_help_str(limit=1000)
    assert len(summary) <= 60, name
    assert command.get_short_help_str(limit=62) == summary
