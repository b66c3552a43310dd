"""When two spellings of an id are the same customer or order."""

import re

ADDRESS = r"^[^@\s]+@[^@\s]+$"
"""What looks like an e-mail address."""
_FLOAT = re.compile(r"^([0-9]+)\.0$")


def same_id(text: str) -> str:
    """The spelling under which an id is kept.

    `17850.0` is 17850, which a spreadsheet or pandas has taken for a number; an e-mail address is
    the same in any case.
    """
    trimmed = text.strip()
    if re.match(ADDRESS, trimmed):
        return trimmed.lower().removeprefix("mailto:")
    return _FLOAT.sub(r"\1", trimmed)
