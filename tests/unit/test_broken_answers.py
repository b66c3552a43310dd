"""An answer that breaks off after it began is one line in the log, or a bug with its traceback."""

import logging

import pytest
from litestar.exceptions import LitestarException
from prometheus_client import CollectorRegistry

from gateway.kit.streams import IncompleteError
from gateway.web.edge import Edge, request_seconds
from rfm_common.errors import UnavailableError


def wrapped(error: Exception) -> Exception:
    """As the framework raises it: around a group of a task group."""
    outer = LitestarException("Exception caught after response started")
    outer.__cause__ = ExceptionGroup("unhandled errors in a TaskGroup", [error])
    return outer


async def answered(error: Exception, *, is_begun: bool) -> list[str]:
    """What was sent until the application failed."""
    sent: list[str] = []

    async def failing(_scope, _receive, send) -> None:
        if is_begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        raise error

    async def send(message) -> None:
        sent.append(message["type"])

    scope = {"type": "http", "method": "GET", "path": "/export/x", "headers": [],
             "raw_path": b"/export/x", "query_string": b""}  # fmt: skip
    await Edge(failing, request_seconds(CollectorRegistry()))(scope, None, send)
    return sent


@pytest.mark.parametrize("error", [
    UnavailableError("the snapshot was replaced"), IncompleteError("5 rows instead of 6"),
    OSError(28, "No space left on device"), TimeoutError(),
])  # fmt: skip
@pytest.mark.parametrize("wrap", [wrapped, lambda error: error])
async def test_what_passes_by_itself_is_told_in_a_line(caplog, error, wrap) -> None:
    assert await answered(wrap(error), is_begun=True) == ["http.response.start"]
    [record] = caplog.records
    assert (record.levelno, record.exc_info) == (logging.WARNING, None)
    assert type(error).__name__ in record.getMessage()
    assert "/export/x" in record.getMessage()


@pytest.mark.parametrize("error", [KeyError("k"), ZeroDivisionError(), TypeError("none")])
async def test_a_mistake_of_ours_keeps_its_traceback(caplog, error) -> None:
    assert await answered(wrapped(error), is_begun=True) == ["http.response.start"]
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info


async def test_what_fails_before_it_began_is_not_swallowed() -> None:
    with pytest.raises(KeyError):
        await answered(KeyError("k"), is_begun=False)
