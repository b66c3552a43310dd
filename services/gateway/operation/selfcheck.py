"""The self-check as a page: scoring computes it in a process of its own, as for the command."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import ClassVar

import msgspec
from litestar import Response, get, post

from gateway.kit.dependencies import SettingsDep
from gateway.kit.frame import Frame, FrameDep
from gateway.kit.render import answer
from rfm_common.settings import Settings, service_environment

PROGRAM = ("-m", "scoring.selfcheck", "--json")
"""What Python runs: the gateway knows no other service's code."""
SECONDS = 120
_one_at_a_time = asyncio.Lock()


class Comparison(msgspec.Struct, frozen=True):
    """A published figure beside the computed one."""

    about: str
    published: str
    computed: str
    source: str
    agrees: bool


class SelfcheckError(Exception):
    """Why there is no result."""


@dataclass(frozen=True, slots=True)
class SelfcheckPage:
    """What to run, and what came of it; empty before."""

    template: ClassVar[str] = "selfcheck.html"
    frame: Frame
    can_run: bool
    compared: Sequence[Comparison]
    failure: str | None
    wrong: list[str]
    """What is not as published."""
    sources: list[str]
    """In the order of the rows."""


@get("/selfcheck")
async def selfcheck_page(frame: FrameDep) -> Response[str]:
    """What the self-check is, and the button."""
    return answer(_page(frame))


@post("/selfcheck", status_code=200)
async def run_selfcheck(frame: FrameDep, settings: SettingsDep) -> Response[str]:
    """Compute and compare, which takes some seconds; nothing is kept."""
    try:
        return answer(_page(frame, compared=await compare(settings)))
    except SelfcheckError as error:
        return answer(_page(frame, failure=str(error)), 503)


def _page(
    frame: Frame, compared: Sequence[Comparison] = (), failure: str | None = None
) -> SelfcheckPage:
    return SelfcheckPage(
        frame=frame.of("Self-check", "help"), can_run=find_spec("scoring") is not None,
        compared=compared, failure=failure,
        wrong=[one.about for one in compared if not one.agrees],
        sources=list(dict.fromkeys(one.source for one in compared)),
    )  # fmt: skip


async def compare(settings: Settings) -> list[Comparison]:
    """Every comparison; raises SelfcheckError when the process says nothing, or for too long."""
    async with _one_at_a_time:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *PROGRAM, env=service_environment(settings), stdout=PIPE, stderr=PIPE
        )
        try:
            async with asyncio.timeout(SECONDS):
                out, errors = await process.communicate()
        except TimeoutError as error:
            raise SelfcheckError(f"it took longer than {SECONDS} seconds") from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    try:
        return msgspec.json.decode(out, type=list[Comparison])
    except msgspec.DecodeError as error:
        said = errors.decode(errors="replace").strip().splitlines()
        raise SelfcheckError(said[-1] if said else "it ended without a result") from error
