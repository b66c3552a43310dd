"""Why the database cannot be used, in words that name the setting. Pure."""

import socket

from sqlalchemy.exc import DBAPIError

from rfm_common.settings import Settings

OLDEST = 16
"""The first version of PostgreSQL that has all that is used."""


def why_not(settings: Settings, error: BaseException) -> str | None:
    """A sentence with what to do; None for an error that is about something else."""
    where = f"{settings.db_host}:{settings.db_port}"
    if isinstance(error, DBAPIError):
        return why_not(settings, error.orig) if error.orig else None
    if state := getattr(error, "sqlstate", None):
        words = _refusals(settings).get(state)
        return f"PostgreSQL at {where} {words}" if words else None
    if isinstance(error, socket.gaierror):
        return f"There is no machine {settings.db_host!r}: check DB_HOST"
    if isinstance(error, OSError | TimeoutError):
        return (
            f"No PostgreSQL answers at {where}: check DB_HOST and DB_PORT, that the server runs,"
            " and that no firewall is in between"
        )
    return None


def too_old(settings: Settings, version: int) -> str | None:
    """A sentence when the server's number, such as 150004, is of a version that is too old."""
    if version // 10_000 >= OLDEST:
        return None
    where = f"{settings.db_host}:{settings.db_port}"
    return (
        f"PostgreSQL {version // 10_000}.{version % 10_000} runs at {where}; RFM needs {OLDEST} or"
        " newer: upgrade it, or unset DB_HOST to use the private server of rfm up"
    )


def not_allowed(settings: Settings) -> str:
    """The sentence for a user who may make no tables."""
    user, name = settings.db_user, settings.db_name
    return (
        f"{user} may not create tables in the database {name}: make it the owner, as an"
        f" administrator: ALTER DATABASE {name} OWNER TO {user}"
    )


def _refusals(settings: Settings) -> dict[str, str]:
    """By SQLSTATE."""
    user, name = settings.db_user, settings.db_name
    return {
        "28P01": f"refuses the password of {user}: check DB_USER and DB_PASSWORD",
        "28000": f"does not let {user} in: check DB_USER, and pg_hba.conf on the server",
        "3D000": f"has no database {name}: check DB_NAME, or create it: CREATE DATABASE {name}"
                 f" OWNER {user}",
        "42501": f"refuses: {not_allowed(settings)}",
    }  # fmt: skip
