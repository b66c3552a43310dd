"""What the numbers mean, for good: the settings that the environment or a person may set.

A setting that the environment does not name may be kept in the database, where pages, the API and
`rfm settings` change it (`rfm_common.lasting_store`).
"""

from difflib import get_close_matches
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AliasChoices, BaseModel, Field, ValidationError, field_validator
from pydantic_settings import NoDecode

from rfm_common.errors import InvalidInputError

Value = int | str | list[str] | None
"""A setting as JSON has it."""


def rfm_field(name: str, default: Any, **limits: Any) -> Any:
    """A field called `name` in code and `RFM_NAME` in the environment."""
    aliases = AliasChoices(f"RFM_{name.upper()}", name)
    return Field(default, validation_alias=aliases, **limits)


def split_words(value: object) -> object:
    """Accept `completed, paid` as people write it; case and spaces do not matter."""
    parts = value.split(",") if isinstance(value, str) else value
    if isinstance(parts, list | tuple | set | frozenset):
        return frozenset(str(part).strip().casefold() for part in parts if str(part).strip())
    return parts


class Lasting(BaseModel):
    """The lasting settings, with their limits."""

    window_days: int = rfm_field("window_days", 365, ge=1, le=3650)
    default_k: Annotated[int, Field(ge=1, le=50)] | Literal["auto"] = 5
    timezone: str = rfm_field("timezone", "UTC")
    currency: str | None = rfm_field("currency", None, pattern=r"^[A-Z]{3}$")
    counted_statuses: Annotated[frozenset[str], NoDecode] = rfm_field(
        "counted_statuses", frozenset()
    )
    """Words of files for which orders count; empty: orders count whose word means completed."""

    @field_validator("counted_statuses", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return split_words(value)

    @field_validator("currency", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.strip().upper() if isinstance(value, str) else value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        """Fail at start, not at the first order, when the zone has a typo."""
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"there is no time zone {value!r}.{nearest_zone(value)}") from None
        return value


def nearest_zone(zone: str) -> str:
    """A question that names the zone that was perhaps meant; empty when there is none."""
    known = {name.casefold(): name for name in available_timezones()}
    near = get_close_matches(zone.casefold(), known, n=1)
    return f" Did you mean {known[near[0]]}?" if near else ""


NAMES = tuple(Lasting.model_fields)
ALLOWED = {
    "window_days": "a whole number of days from 1 to 3650",
    "default_k": "a whole number from 1 to 50, or auto",
    "timezone": "a name of the IANA time zone database, such as Europe/Berlin",
    "currency": "the three letters of a currency (ISO 4217), such as EUR",
    "counted_statuses": "words separated by commas, such as completed, shipped",
}
"""What each may be, in words."""


def variable(name: str) -> str:
    """What a setting is called in the environment."""
    alias = Lasting.model_fields[name].validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else name.upper()


def checked(name: str, value: object) -> Any:
    """The value of a setting as code has it.

    Raises InvalidInputError, which names the setting and says what is allowed.
    """
    if isinstance(value, bool | float):  # which would pass for a number
        raise not_allowed(name, value)
    try:
        return getattr(Lasting.model_validate({name: value}), name)
    except ValidationError as error:
        hint = nearest_zone(str(value)) if name == "timezone" else ""
        raise not_allowed(name, value, hint) from error


def not_allowed(name: str, value: object, hint: str = "") -> InvalidInputError:
    """The refusal of a value, in words that say what is allowed."""
    return InvalidInputError(f"{name}: must be {ALLOWED[name]}, not {value!r}.{hint}", field=name)


def written(value: Value) -> str:
    """A setting as one would type it; empty for no value."""
    if isinstance(value, list):
        return ", ".join(value)
    return "" if value is None else str(value)


def as_json(value: Any) -> Value:
    """The value of a setting as JSON has it: sets are sorted lists."""
    found: Value = sorted(value) if isinstance(value, frozenset) else value
    return found
