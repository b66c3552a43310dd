"""A promise that did not hold: which check found it, and in which words."""

from typing import NamedTuple


class Finding(NamedTuple):
    """One sentence of one check; `--bugs` wants each bug found by the check made for it."""

    check: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.check}: {' '.join(self.sentence.split())[:300]}"
