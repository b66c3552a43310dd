"""Numbers with their nouns, as English writes them. Pure."""


def some(number: int, noun: str) -> str:
    """Such as `1 customer`, `0 customers`, `2,000 customers`; for nouns that take an s."""
    return f"{number:,} {agreeing(number, noun)}"


def agreeing(number: int, noun: str) -> str:
    """The noun alone, in the number that goes with it."""
    return noun if number == 1 else f"{noun}s"
