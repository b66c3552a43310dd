"""Keyed hashes of ids and e-mail addresses: recognised when they come back, told to nobody."""

import hmac
import secrets
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from rfm_common.appearing import appearing
from rfm_common.errors import UnavailableError
from rfm_common.identity import same_id
from rfm_common.plain_files import read_plain
from rfm_common.settings import Settings

KEY_FILE = "erasure.key"
LONGEST = 4096
"""Bytes of a key file."""


class Pseudonyms:
    """HMAC-SHA256 under the installation's key."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.key_id = self._hash("the key itself").hex()[:16]
        """Tells keys apart without telling them."""

    def of(self, value: str) -> bytes:
        """The hash of an id or an address, in the spelling under which it is kept."""
        return self._hash(same_id(value))

    def _hash(self, text: str) -> bytes:
        return hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), "sha256")


def load_pseudonyms(settings: Settings, key_ids: Collection[str]) -> Pseudonyms:
    """With RFM_ERASURE_KEY, else with the key file of the data folder.

    `key_ids` are of the hashes that exist: without any, a missing key file is made; with any,
    another key raises UnavailableError, because nobody would be recognised.
    """
    if given := settings.erasure_key.get_secret_value():
        made = Pseudonyms(given.encode())
    else:
        made = _from_file(settings.data_dir / KEY_FILE, create=not key_ids)
    if set(key_ids) - {made.key_id}:
        raise UnavailableError(
            f"customers were erased under another key than RFM_ERASURE_KEY or {KEY_FILE} holds:"
            " nobody would recognise them, so nothing is loaded until that key is back"
        )
    return made


def _from_file(path: Path, *, create: bool) -> Pseudonyms:
    if create and not path.exists():
        _make_key(path)
    try:
        return Pseudonyms(read_plain(path.resolve(), LONGEST).strip())
    except FileNotFoundError as error:
        raise UnavailableError(
            f"{path} is missing: it holds the key that recognises erased customers. Put it back"
            " from a backup, or set RFM_ERASURE_KEY"
        ) from error


def _make_key(path: Path) -> None:
    """Whole or not at all, and never over another process's key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError), appearing(path, replace=False) as sink:
        sink.write(secrets.token_urlsafe(32).encode())
