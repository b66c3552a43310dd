"""How files are read, from the settings and the folder's mapping.toml."""

from dataclasses import replace

from ingest.reading.mapping import Rule, read_rules
from ingest.reading.reader import Options
from ingest.refusal import RefusedError
from rfm_common.plain_files import read_plain
from rfm_common.settings import Settings
from rfm_common.watched_folder import MAPPING_FILE

LONGEST = 2**20
"""Bytes of a mapping.toml."""


def read_options(settings: Settings) -> Options:
    """Raises RefusedError for a mapping.toml that cannot be understood."""
    return replace(_without_rules(settings), rules=_rules(settings))


def lenient_options(settings: Settings) -> Options:
    """The same without the rules of such a mapping.toml."""
    try:
        return read_options(settings)
    except RefusedError:
        return _without_rules(settings)


def state_of_rules(settings: Settings) -> tuple[int, int] | None:
    """When mapping.toml was written and how long it is; another value means other rules."""
    try:
        found = (settings.input_dir / MAPPING_FILE).lstat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _without_rules(settings: Settings) -> Options:
    return Options(
        zone=settings.timezone, date_order=settings.date_order,
        counted_words=settings.counted_statuses, max_rows=settings.max_rows,
        max_line_bytes=settings.max_line_bytes,
        max_bytes=settings.max_file_bytes, scratch=settings.data_dir,
    )  # fmt: skip


def _rules(settings: Settings) -> list[Rule]:
    try:
        return read_rules(read_plain(settings.input_dir / MAPPING_FILE, LONGEST).decode())
    except FileNotFoundError:
        return []
    except OSError as error:
        message = f"mapping.toml cannot be read: {error.strerror}"
        raise RefusedError("bad_mapping", message) from error
    except UnicodeDecodeError as error:
        raise RefusedError("bad_mapping", f"mapping.toml is not UTF-8: {error}") from error
