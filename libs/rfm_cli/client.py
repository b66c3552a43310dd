"""The product's REST API as the commands see it: clear words when it is away or says no."""

from collections.abc import Generator
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import Any

import httpx

from rfm_cli.state import StateFolder
from rfm_common.errors import RfmError
from rfm_common.settings import Settings

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}  # noqa: S104 - not bound here


class UnreachableError(RfmError):
    """Nothing answers at the product's address."""


class RefusedError(RfmError):
    """The product answered that it will not do this."""


def base_url(settings: Settings) -> str:
    """The URL of API_HOST and API_PORT, on loopback when the host means every interface."""
    host = _EVERYWHERE.get(settings.api_host, settings.api_host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.api_port}"


def running_url(settings: Settings) -> str:
    """Where the product is: as API_PORT says, else where this state folder's `rfm up` put it."""
    if "api_port" in settings.model_fields_set:
        return base_url(settings)
    running = StateFolder(settings.state_dir).running()
    return running.url if running else base_url(settings)


@contextmanager
def connect(settings: Settings) -> Generator[httpx.Client]:
    """A client of the running product; what goes wrong inside becomes an RfmError."""
    url = running_url(settings)
    try:
        with httpx.Client(
            base_url=url, trust_env=False, timeout=60, headers=_credential(settings)
        ) as client:
            yield client
    except httpx.ConnectError:
        raise UnreachableError(f"nothing answers on {url}: start it with rfm up") from None
    except httpx.HTTPError as error:
        raise UnreachableError(f"the answer of {url} broke off: {error}") from error


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
