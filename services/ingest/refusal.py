"""Why a whole file is not loaded: a code for programs, a sentence for people."""

from rfm_common.errors import RfmError


class RefusedError(RfmError):
    """The file is not loaded at all; it goes to quarantine with this reason."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class ChangedError(RfmError):
    """The file changed while it was read; it is read again once it has settled."""
