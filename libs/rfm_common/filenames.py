"""Names in the data folder that one part gives and another one has to know."""

REJECTS = ".rejects.csv"
"""Ends the list of rejected rows, which lies beside its file in quarantine."""

SET_ASIDE = "replaced-"
"""Begins the folder into which `rfm restore --replace` moves what was there."""

TABLES = (".csv", ".tsv", ".txt", ".gz", ".zip", ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods",
          ".parquet", ".json", ".jsonl", ".ndjson", ".html", ".htm", ".xml")  # fmt: skip
"""Endings of files that are probably meant to be loaded; ingest goes by their content."""


def uploading(token: str) -> str:
    """The hidden name of a file that is being uploaded; with `*`, the pattern of them all."""
    return f".upload-{token}.part"
