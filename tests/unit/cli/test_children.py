"""A service as a child process: what it says is passed on, and it never stays behind."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from rfm_cli.children import ServiceChild
from rfm_cli.processes import command_line


class Output(list[tuple[str, bytes]]):
    """Collects what a service says."""

    def __call__(self, name: str, line: bytes) -> None:
        self.append((name, line))


def service(program: str, output: Output, *arguments: str) -> ServiceChild:
    command = [sys.executable, "-uc", program, *arguments]
    return ServiceChild("scoring", command, dict(os.environ), output)


async def run(program: str) -> tuple[int, Output]:
    output = Output()
    child = service(program, output)
    await child.start()
    return await asyncio.wait_for(child.wait(), 30), output


async def test_both_outputs_arrive_by_line_with_the_name() -> None:
    code, output = await run(
        "import sys; print('one'); print('two', file=sys.stderr); print('three', end='')"
    )
    assert code == 0
    assert output == [("scoring", b"one\n"), ("scoring", b"two\n"), ("scoring", b"three")]


async def test_a_line_without_end_does_not_fill_the_memory() -> None:
    _, output = await run("print('x' * 3_000_000); print('after')")
    assert ("scoring", b"(a line of more than 1 MiB)\n") in output
    assert output[-1] == ("scoring", b"after\n")
    assert max(len(line) for _, line in output) <= 2**20


async def test_the_exit_code_is_told() -> None:
    code, _ = await run("import sys; sys.exit(7)")
    assert code == 7


IGNORES_SIGTERM = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid)
time.sleep(600)
"""


async def test_stop_ends_it_and_what_it_started_in_time() -> None:
    output = Output()
    child = service(IGNORES_SIGTERM, output)
    await child.start()
    async with asyncio.timeout(30):
        while not output:
            await asyncio.sleep(0.01)
    grandchild = int(output[0][1])
    await child.stop(0.2)
    assert await asyncio.wait_for(child.wait(), 30) == -signal.SIGKILL
    async with asyncio.timeout(30):
        while "time.sleep" in command_line(grandchild):
            await asyncio.sleep(0.01)


async def test_stop_lets_it_finish_in_an_orderly_way(tmp_path: Path) -> None:
    left = tmp_path / "left"
    program = (
        "import pathlib, signal, sys, time\n"
        "leave = lambda *_: (pathlib.Path(sys.argv[1]).touch(), sys.exit())\n"
        "signal.signal(signal.SIGTERM, leave)\n"
        "print('ready'); time.sleep(600)"
    )
    output = Output()
    child = service(program, output, str(left))
    await child.start()
    async with asyncio.timeout(30):
        while not output:
            await asyncio.sleep(0.01)
    await child.stop(30)
    assert left.exists()
    assert await child.wait() == 0


async def test_stop_before_start_does_nothing() -> None:
    child = service("pass", Output())
    await child.stop(1)
    child.kill()
    assert await child.wait() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of this")
async def test_a_killed_supervisor_takes_its_services_along(tmp_path: Path) -> None:
    program = f"""
import asyncio, os, sys
from rfm_cli.children import ServiceChild

async def main():
    child = ServiceChild(
        "ingest",
        [sys.executable, "-c", "import time; time.sleep(600)  # {tmp_path}"],
        dict(os.environ),
        print,
        lambda name, pid: print(pid, flush=True),
    )
    await child.start()
    await child.wait()

asyncio.run(main())
"""
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    assert supervisor.stdout
    pid = int(await asyncio.wait_for(supervisor.stdout.readline(), 30))
    async with asyncio.timeout(30):
        while str(tmp_path) not in command_line(pid):
            await asyncio.sleep(0.01)
        supervisor.kill()
        await supervisor.wait()
        while str(tmp_path) in command_line(pid):
            await asyncio.sleep(0.01)
