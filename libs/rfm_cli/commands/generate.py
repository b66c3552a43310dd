"""`rfm generate`: synthetic data in a folder."""

from datetime import UTC, date, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from rfm_cli.generate import Size, write_dataset


@click.command()
@click.option("--customers", type=click.IntRange(min=1), required=True)
@click.option("--orders", type=click.IntRange(min=0), required=True)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The last day (default: today).")
def generate(customers: int, orders: int, out: Path, seed: int, until: datetime | None) -> None:
    """Generate a synthetic shop of any size.

    Writes customers.csv, orders.csv and exchange_rates.csv.

    The same numbers, seed and last day give the same bytes.
    """
    last: date = until.date() if until else datetime.now(UTC).date()
    size = Size(customers=customers, orders=orders, seed=seed, until=last)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("writing", total=customers + orders)
        paths = write_dataset(out, size, lambda rows: bar.advance(task, rows))
    for path in paths:
        click.echo(f"{path} ({path.stat().st_size:,} bytes)")
