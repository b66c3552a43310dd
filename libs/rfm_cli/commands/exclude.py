"""`rfm exclude` and `rfm include`: who is kept out of scores."""

from urllib.parse import quote

import click

from rfm_cli.client import checked, connect
from rfm_common.settings import Settings


@click.command()
@click.argument("customer")
def exclude(customer: str) -> None:
    """Keep a customer, given by id, out of scores."""
    _send("PUT", customer)
    click.echo(f"{customer} is excluded from the next run on")


@click.command()
@click.argument("customer")
def include(customer: str) -> None:
    """Score an excluded customer again."""
    _send("DELETE", customer)
    click.echo(f"{customer} is included from the next run on")


def _send(method: str, customer: str) -> None:
    with connect(Settings()) as client:
        checked(client.request(method, f"/customers/{quote(customer, safe='')}/exclusion"))
