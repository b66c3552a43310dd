"""The product's REST API as the commands see it: clear words when it is away or says no."""

from collections.abc import Generator
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import httpx

from rfm_cli.state import StateFolder
from rfm_common.errors import RfmError
from rfm_common.settings import Settings

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}  # noqa: S104 - not bound here


class UnreachableError(RfmError):
    """Nothing answers at the product's address."""


class NotRunningError(UnreachableError):
    """The product of this state folder does not run, and no other was named."""


class RefusedError(RfmError):
    """The product answered that it will not do this."""


def base_url(settings: Settings) -> str:
    """The URL of API_HOST and API_PORT, on loopback when the host means every interface."""
    host = _EVERYWHERE.get(settings.api_host, settings.api_host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.api_port}"


def running_url(settings: Settings) -> str | None:
    """Where the product is: as API_PORT or API_HOST say, else where this folder's `rfm up` put it.

    None when no address is set and nothing runs on the state folder: what listens on the default
    port is somebody else's.
    """
    if {"api_port", "api_host"} & settings.model_fields_set:
        return base_url(settings)
    running = StateFolder(settings.state_dir).running()
    return running.url if running else None


@contextmanager
def connect(settings: Settings) -> Generator[httpx.Client]:
    """A client of the running product; what goes wrong inside becomes an RfmError.

    A product with another watched folder than these settings' is named before it is asked.
    """
    url = running_url(settings)
    if url is None:
        raise NotRunningError(_not_running(settings))
    try:
        with _client(settings, url) as client:
            if (folder := watched_folder(client)) not in {None, settings.input_dir.absolute()}:
                click.echo(f"note: this is the RFM at {url}, which watches {folder}", err=True)
            yield client
    except httpx.ConnectError:
        raise UnreachableError(f"nothing answers on {url}: start it with rfm up") from None
    except httpx.HTTPError as error:
        raise UnreachableError(f"the answer of {url} broke off: {error}") from error


def _client(settings: Settings, url: str) -> httpx.Client:
    return httpx.Client(base_url=url, trust_env=False, timeout=60, headers=_credential(settings))


def watched_folder(client: httpx.Client) -> Path | None:
    """The folder that a product watches; None when it does not say, or is something else."""
    with suppress(ValueError, AttributeError):
        folder = client.get("/health").json().get("data_dir")
        return Path(folder) if folder else None
    return None


def _not_running(settings: Settings) -> str:
    """The refusal, with whose product listens on the default port."""
    url, folder = base_url(settings), None
    with suppress(httpx.HTTPError), _client(settings, url) as client:
        folder = watched_folder(client)
    other = f" The RFM at {url} watches {folder}." if folder else ""
    return (
        f"RFM does not run on {settings.state_dir.absolute()}.{other} Start it with rfm up, or name"
        f" another one: API_PORT=N rfm ..."
    )


def _credential(settings: Settings) -> dict[str, str]:
    key = settings.api_key
    return {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {}


def answer(response: httpx.Response) -> Any:
    """The JSON of an answer; raises RefusedError with the product's own words otherwise."""
    checked(response)
    return response.json(parse_float=Decimal)


def checked(response: httpx.Response) -> httpx.Response:
    """The answer if it is a success; raises RefusedError with the product's own words otherwise."""
    if not response.is_success:
        response.read()
        raise RefusedError(_problem(response))
    return response


def _problem(response: httpx.Response) -> str:
    """The words of an application/problem+json answer, or what there is instead."""
    with suppress(ValueError, AttributeError):
        problem = response.json()
        if words := [str(problem[key]) for key in ("title", "detail") if problem.get(key)]:
            return ": ".join(words)
    return f"{response.status_code} {response.reason_phrase}"
