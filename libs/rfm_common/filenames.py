"""Names in the data folder that one part gives and another one has to know."""

REJECTS = ".rejects.csv"
"""Ends the list of rejected rows, which lies beside its file in quarantine."""

SET_ASIDE = "replaced-"
"""Begins the folder into which `rfm restore --replace` moves what was there."""


def uploading(token: str) -> str:
    """The hidden name of a file that is being uploaded; with `*`, the pattern of them all."""
    return f".upload-{token}.part"
