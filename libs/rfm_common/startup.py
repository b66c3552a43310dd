"""How a service begins: with its settings and its database, or with a sentence saying why not."""

import sys
from collections.abc import Generator
from contextlib import contextmanager

from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from rfm_common.database_words import why_not
from rfm_common.errors import RfmError
from rfm_common.settings import Settings, settings_problem


def read_settings(service: str) -> Settings:
    """The settings of this process; exits with a sentence when they are wrong."""
    try:
        return Settings()
    except (ValidationError, RfmError) as error:
        sys.exit(f"{service}: {settings_problem(error)}")


@contextmanager
def database_or_exit(service: str, settings: Settings) -> Generator[None]:
    """Exit with a sentence when the database lets nobody in, or refuses what is needed."""
    try:
        yield
    except (OSError, DBAPIError) as error:
        if words := why_not(settings, error):
            sys.exit(f"{service}: {words}")
        raise
