"""`rfm key` and `rfm login`: who may use a gateway that others can reach."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import click
from rich.table import Table

from rfm_cli import remote
from rfm_cli.client import base_url, running_url
from rfm_cli.commands.options import settings_of, state_dir
from rfm_cli.entrance import ACTOR, login_url, with_database
from rfm_common import keys
from rfm_common.logins import create_link
from rfm_common.models import ApiKey, Scope

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _scopes(default: str, text: str) -> Callable[[_Command], _Command]:
    """The option that says what a credential may do."""
    choice = click.Choice([scope.value for scope in Scope])
    return click.option("--scope", "scopes", type=choice, multiple=True, default=(default,),
                        show_default=True, help=text)  # fmt: skip


@click.group()
def key() -> None:
    """Create, list and revoke API keys."""


@key.command()
@click.argument("name")
@_scopes("read", "What the key allows; may be repeated. admin allows everything.")
@state_dir
def create(name: str, scopes: tuple[str, ...], **options: Any) -> None:
    """Create an API key; it is shown only once."""
    granted = [Scope(scope) for scope in scopes]
    made = with_database(
        settings_of(options), lambda one: keys.create_key(one, name, granted, ACTOR)
    )
    click.echo(made)
    click.echo("Keep it now: only its hash is stored. Send it as Authorization: Bearer KEY;"
               " the commands take it from RFM_API_KEY.", err=True)  # fmt: skip


@key.command("list")
@state_dir
def list_keys(**options: Any) -> None:
    """List the keys with their scopes and last use."""
    remote.console().print(key_table(with_database(settings_of(options), keys.list_keys)))


def key_table(found: Sequence[ApiKey]) -> Table:
    """The keys as a table, oldest first."""
    table = Table()
    for heading in ("Name", "Begins with", "Scopes", "Created", "Last used", "Revoked"):
        table.add_column(heading)
    for one in found:
        times = (_short(moment) for moment in (one.created_at, one.last_used_at, one.revoked_at))
        table.add_row(one.name, one.prefix, ", ".join(one.scopes), *times)
    return table


def _short(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else ""


@key.command()
@click.argument("name")
@state_dir
def revoke(name: str, **options: Any) -> None:
    """Revoke a key; takes effect within seconds."""
    with_database(settings_of(options), lambda one: keys.revoke_key(one, name, ACTOR))
    click.echo(f"revoked {name}")


@click.command()
@_scopes("admin", "What the browser may do; may be repeated.")
@state_dir
def login(scopes: tuple[str, ...], **options: Any) -> None:
    """Print a one-time login link, valid for 15 minutes."""
    settings = settings_of(options)
    granted = [Scope(scope) for scope in scopes]
    url = running_url(settings) or base_url(settings)
    secret = with_database(settings, lambda one: create_link(one, granted, ACTOR))
    click.echo(login_url(url, secret))
