"""How a file writes dates and amounts: proved by its values, else by earlier files of its header,
a setting or a person. Nothing that can be read in two ways is guessed."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import polars as pl

from ingest.reading import amount_forms, day_numbers
from ingest.reading.amounts import LONE_POINT, PLAIN, AmountStyle, AmountVotes
from ingest.reading.columns import Style
from ingest.reading.currencies import ABOUT as SIGN
from ingest.reading.currencies import ask
from ingest.reading.dates import DateOrder, DateVotes
from ingest.reading.mapping import Mapping as Meaning
from ingest.reading.odd_dates import UNMARKED
from ingest.reading.questions import Choice, Question
from ingest.reading.scan import Rows
from ingest.refusal import RefusedError

DATE_ORDER, DECIMAL_MARK = "date_order", "decimal_mark"
"""The keys of the two questions."""
Sample = Sequence[Sequence[str]]
"""The first rows of a file."""
_DATES = ("order_date", "created_at", "valid_from")
_AMOUNTS = ("order_amount", "rate", "refunded")
_MARKED_DAY = r"^\s*[0-9]{1,2}[/-][0-9]{1,2}[/-][0-9]{2,4}\b"
BESIDE = 10_000
"""Rows whose other columns are looked at for dates."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known beside the file's own values."""

    answers: Mapping[str, str]
    learned: Mapping[str, str]
    date_order: DateOrder | None
    """The operator's setting."""
    delimiter: str
    now: datetime

    def of(self, about: str) -> tuple[str, str]:
        """A value, and who told it where that has to be said; both empty when nobody did."""
        if about in self.answers:
            return self.answers[about], ""
        if about in self.learned:
            return self.learned[about], "as in earlier files with these columns"
        return "", ""


@dataclass(slots=True)
class Decided:
    """What is decided, and what is left open."""

    date_order: DateOrder = "dmy"
    amounts: AmountStyle = PLAIN
    notes: dict[str, Any] = field(default_factory=dict)
    told: list[dict[str, str]] = field(default_factory=list)
    learned: dict[str, str] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)

    def tell(self, about: str, text: str) -> None:
        """Say on the import what was decided without asking."""
        self.told.append({"about": about, "text": text})


@dataclass(slots=True)
class Votes:
    """The values of a file, counted by how they can be read."""

    now: datetime
    dates: DateVotes = field(default_factory=DateVotes)
    beside: DateVotes | None = None
    """Dates in columns that are not read, such as that of the delivery, of the first piece."""
    amounts: AmountVotes = field(default_factory=AmountVotes)

    def count(self, cells: pl.DataFrame, mapping: Meaning) -> None:
        """Add the rows of one piece."""
        self.beside = self.beside or self._beside(cells.head(BESIDE), mapping)
        for at in _places(mapping, _DATES):
            self.dates.count(cells[f"c{at}"], self.now)
        for at in (*_places(mapping, _AMOUNTS), *(mapping.product or ())):
            self.amounts.count(cells[f"c{at}"])
        if "currency" in mapping.columns and not self.amounts.currency:
            named = cells[f"c{mapping.columns['currency']}"].str.strip_chars()
            self.amounts.currency = next(iter(named.filter(named != "").head(1)), "").upper()

    def _beside(self, cells: pl.DataFrame, mapping: Meaning) -> DateVotes:
        votes, read = DateVotes(), {f"c{at}" for at in mapping.columns.values()}
        for column in cells.select(pl.col(pl.String).exclude(read)):
            filled = column.filter(column.str.strip_chars() != "")
            if len(filled) and filled.str.contains(_MARKED_DAY).all():
                votes.count(filled, self.now)
        return votes


def first_style(
    sample: Sample, mapping: Meaning, answers: Mapping[str, str], zone: str, now: datetime
) -> tuple[Style, list[Question]]:
    """What the first rows show without a doubt, told on the mapping, and what their signs for
    currencies leave open."""
    dates, amounts, currencies = (
        [row[at] for row in sample for at in places if at < len(row)]
        for places in (_places(mapping, _DATES), _places(mapping, _AMOUNTS),
                       _places(mapping, ("currency",)))
    )  # fmt: skip
    if unit := day_numbers.find_unit(dates, now):
        mapping.told.append({"about": "column.date", "text": day_numbers.tell(dates, unit)})
    for text in amount_forms.tell(amounts):
        mapping.told.append({"about": "column.order_amount", "text": text})
    signs = {
        about.removeprefix(SIGN): value for about, value in answers.items()
        if about.startswith(SIGN)
    }  # fmt: skip
    return Style(zone=zone, now=now, unit=unit, signs=signs), ask(currencies, signs)


def _places(mapping: Meaning, names: Iterable[str]) -> list[int]:
    """The cells of those of these columns that the file has."""
    return [mapping.columns[name] for name in names if name in mapping.columns]


def may_be_open(sample: Sample, mapping: Meaning, has: frozenset[bytes], delimiter: str) -> bool:
    """Whether some value might be read in two ways, judged by the marks that the file has at all
    and by its first rows: most files need no second reading."""
    if b"/" in has or (b'"' in has if delimiter == "," else b"," in has or delimiter == ";"):
        return True
    forms = ((_DATES, rf"^\s*[0-9]{{1,2}}-[0-9]{{1,2}}-[0-9]|{UNMARKED}"), (_AMOUNTS, LONE_POINT))
    return any(
        re.search(form, row[at])
        for names, form in forms
        for at in _places(mapping, names)
        for row in sample if at < len(row)
    )  # fmt: skip


def decide(rows: Iterable[Rows], mapping: Meaning, known: Known) -> Decided:
    """Let all values of the file say how they are written. Raises RefusedError when they
    contradict each other."""
    votes = Votes(known.now)
    for piece in rows:
        votes.count(piece.frame, mapping)
    decided = Decided()
    _decide_dates(votes.dates, votes.beside or DateVotes(), known, decided)
    _decide_amounts(votes.amounts, mapping, known, decided)
    return decided


def _decide_dates(votes: DateVotes, beside: DateVotes, known: Known, decided: Decided) -> None:
    if votes.contradicts_itself:
        raise RefusedError(
            "mixed_date_order",
            f"{votes.dmy} dates are day/month/year and {votes.mdy} are month/day/year;"
            " write all of them in one way, or split the file",
        )
    if votes.dmy or votes.mdy:
        decided.date_order = votes.proved
        decided.learned[DATE_ORDER] = votes.proved
    elif votes.either:
        decided.date_order = _date_order_from_elsewhere(votes, beside, known, decided)
    if votes.dmy or votes.mdy or votes.either:
        decided.notes["date_order"] = decided.date_order


def _date_order_from_elsewhere(
    votes: DateVotes, beside: DateVotes, known: Known, decided: Decided
) -> DateOrder:
    order, who = known.of(DATE_ORDER)
    is_proved = bool(beside.dmy) != bool(beside.mdy)
    if is_proved and DATE_ORDER not in known.answers:
        order, who = beside.proved, "as other columns of the file prove"
    elif not order and known.date_order:
        order, who = known.date_order, "as RFM_DATE_ORDER says"
    elif not order and bool(votes.future_dmy) != bool(votes.future_mdy):
        order, other = ("mdy", "day") if votes.future_dmy else ("dmy", "month")
        who = f"because with the {other} first some would lie in the future"
    if not order:
        decided.questions.append(_ask_date_order(votes, known.delimiter))
        return cast("DateOrder", decided.questions[-1].proposal)
    first = "day" if order == "dmy" else "month"
    if who:
        decided.tell(DATE_ORDER, f"dates such as {votes.example} have the {first} first, {who}")
    return cast("DateOrder", order)


def _ask_date_order(votes: DateVotes, delimiter: str) -> Question:
    proposal = votes.likely or ("mdy" if votes.has_halves and delimiter == "," else "dmy")
    return Question(
        about=DATE_ORDER,
        text="Do the dates in this file begin with the day or the month?",
        found=f"{votes.either:,} dates that can be read either way, such as {votes.example}",
        proposal=proposal,
        choices=(
            Choice("dmy", f"The day: {votes.example} is {_day(votes.example, 'dmy')}"),
            Choice("mdy", f"The month: {votes.example} is {_day(votes.example, 'mdy')}"),
        ),
    )


def _day(text: str, order: DateOrder) -> str:
    """The day in words that cannot be read in two ways."""
    first, second, year = text.replace("-", "/").split("/")
    day, month = (first, second) if order == "dmy" else (second, first)
    full = int(year) + 2000 * (len(year) == 2)
    return f"{datetime(full, int(month), int(day)):%-d %B %Y}"  # noqa: DTZ001 - a day, no moment


def _decide_amounts(votes: AmountVotes, mapping: Meaning, known: Known, decided: Decided) -> None:
    if votes.contradicts_itself:
        raise RefusedError(
            "mixed_decimals",
            f"{votes.point} amounts have a decimal point and {votes.comma} a decimal comma;"
            " write all of them in one way, or split the file",
        )
    if votes.is_proved:
        decided.amounts = votes.style
        decided.learned |= {DECIMAL_MARK: votes.style.decimal} if votes.doubtful else {}
    elif votes.doubtful:
        decided.amounts = AmountStyle(_mark_from_elsewhere(votes, mapping, known, decided), "")
    decided.notes["decimal_comma"] = decided.amounts.decimal == ","


def _mark_from_elsewhere(
    votes: AmountVotes, mapping: Meaning, known: Known, decided: Decided
) -> Any:
    mark, who = known.of(DECIMAL_MARK)
    other = {".": ",", ",": "."}
    currency = mapping.constants.get("currency", votes.currency)
    if not mark and currency in WITHOUT_FRACTIONS:
        mark, who = other[votes.mark], f"because {currency} has no smaller unit"
    if not mark and votes.are_thousands:
        mark, who = other[votes.mark], "because smaller amounts have none"
    if not mark:
        decided.questions.append(_ask_mark(votes, known.delimiter))
        return decided.questions[-1].proposal
    use = "decimals" if mark == votes.mark else "thousands"
    if who:
        decided.tell(DECIMAL_MARK, f"the mark in {votes.example} is one for {use}, {who}")
    return mark


def _ask_mark(votes: AmountVotes, delimiter: str) -> Question:
    other = {".": ",", ",": "."}[votes.mark]
    digits = votes.example.replace(votes.mark, "")
    is_thousands = votes.mark == "," or delimiter == ";"
    return Question(
        about=DECIMAL_MARK,
        text=f"Does the mark in {votes.example} separate thousands or decimals?",
        found=f"{votes.doubtful:,} amounts with three digits after the mark; no other amount tells",
        proposal=other if is_thousands else votes.mark,
        choices=(
            Choice(other, f"Thousands: {votes.example} is {int(digits):,}"),
            Choice(votes.mark, f"Decimals: {votes.example} is {float(digits) / 1000:.2f}"),
        ),
    )


WITHOUT_FRACTIONS = frozenset({
    "BIF", "CLP", "COP", "DJF", "GNF", "IDR", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX",
    "VND", "VUV", "XAF", "XOF", "XPF",
})  # fmt: skip
"""Currencies whose amounts are written without fractions (ISO 4217 has none, or nobody uses it)."""
