"""Cells that stand for no customer: what programs write for nothing, words for a guest, and 0."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from string import capwords

import polars as pl

from ingest.reading.mapping import Mapping
from rfm_common.identity import same_id

_NOTHING = ("null", "(null)", "<null>", "nil", "nan", "none", "n/a", "#n/a", "na", "-", "--",
            "undefined")  # fmt: skip
_GUEST = ("guest", "guest checkout", "guest customer", "guest user", "(guest)", "anonymous",
          "gast", "gastbestellung", "gastkonto", "invité", "invitée", "invitado", "ospite",
          "convidado", "gość", "gäst", "misafir", "гость", "ゲスト", "访客", "游客",
          "walk-in", "walk in", "walkin", "walk-in customer", "walk in customer", "cash customer",
          "cash sale", "no customer", "unknown customer", "laufkunde", "laufkundschaft",
          "barverkauf", "barkunde", "client de passage", "client comptoir", "consumidor final",
          "público general", "público en general", "cliente mostrador", "cliente generico",
          "cliente occasionale", "passant", "losse klant", "klient detaliczny", "paragon",
          "kontantkund", "розничный покупатель", "散客", "零售客户")  # fmt: skip
_SPELLINGS = frozenset(
    spelling
    for word in (*_NOTHING, *_GUEST)
    for spelling in (word, word.upper(), word.title(), word.capitalize(), capwords(word), "NaN")
)


def with_guests(mapping: Mapping, sample: Sequence[Sequence[str]]) -> Mapping:
    """The mapping, knowing whether a customer 0 is a guest; that is told."""
    at = mapping.columns.get("customer_id")
    ids = Counter(same_id(row[at]) for row in sample if at is not None and at < len(row))
    if not _zero_is_guest(ids):
        return mapping
    text = (
        f"{ids['0']} of the first {ids.total()} rows have the customer 0, which is taken for guests"
    )
    mapping.told.append({"about": "guests", "text": text})
    return replace(mapping, zero_is_guest=True)


def _zero_is_guest(ids: Counter[str]) -> bool:
    """Plainly so where no other id is as short, or none is half as common."""
    others = Counter({name: count for name, count in ids.items() if name not in ("", "0")})
    if not ids["0"] or not others:
        return False
    is_numbered_from_0 = any(len(name) == 1 and name.isdigit() for name in others)
    return not is_numbered_from_0 or ids["0"] > 2 * max(others.values())


def without_guests(ids: pl.Series, mapping: Mapping) -> pl.Series:
    """The ids, empty where they stand for no customer."""
    nobody = [*_SPELLINGS, "0"] if mapping.zero_is_guest else [*_SPELLINGS]
    guests = ids.is_in(nobody)
    return ids.set(guests, "") if guests.any() else ids
