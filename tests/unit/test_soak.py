"""What `make prove ARGS=--soak` calls growth: a leak is found, noise is not one."""

import os
import random
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.prove.growth import NEEDED, growth, judge
from tests.prove.measures import SLACK, family, own_memory

Level = Callable[[int], float]


def series(level: Level, count: int = 120, noise: float = 0.02) -> list[float]:
    drawn = random.Random(3)
    return [level(number) * (1 + drawn.uniform(-noise, noise)) for number in range(count)]


LEAKS: dict[str, Level] = {
    "a little with every file": lambda n: 200 + 0.6 * n,
    "tables that are never dropped": lambda n: 3 + n // 4,
    "slowly, on a large base": lambda n: 900 * 1.002**n,
    "in steps": lambda n: 150 + 25 * (n // 30),
}
STILL: dict[str, Level] = {
    "level": lambda n: 300,
    "nothing": lambda n: 0,
    "until it is warm": lambda n: 300 - 200 * 0.9**n,
    "up and down with each run": lambda n: 300 + 80 * (n % 5 == 0),
    "one peak near the end": lambda n: 300 + 2_000 * (n == 110),
    "less and less": lambda n: 500 - n,
    "to its bound, early": lambda n: min(10_000, 5_000 + 300 * n),
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_leak_is_found(name: str) -> None:
    found = growth(name, series(LEAKS[name]), slack=4)
    assert not found.is_flat
    assert "GROWS" in str(found)


@pytest.mark.parametrize("name", STILL)
def test_what_does_not_grow_is_flat(name: str) -> None:
    found = growth(name, series(STILL[name]), slack=4)
    assert found.is_flat, str(found)


def test_too_few_measurements_prove_nothing() -> None:
    assert growth("memory", [1.0] * NEEDED, slack=0).is_flat
    assert not growth("memory", [1.0] * (NEEDED - 1), slack=0).is_flat
    assert not growth("memory", [], slack=0).is_flat


def test_every_figure_is_judged_and_none_may_be_missing() -> None:
    measured = [dict.fromkeys(SLACK, 10.0) for _ in range(NEEDED)]
    assert all(one.is_flat for one in judge(measured, SLACK))
    for one in measured[:3]:
        del one["MiB of scoring"]  # it was being restarted
    assert [one.name for one in judge(measured, SLACK) if not one.is_flat] == ["MiB of scoring"]


HOARDER = """
import sys
held = []
for line in sys.stdin:
    held.append(bytearray(b"x" * 2**20 * int(line)))
    print(len(held), flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_memory_is_what_the_process_itself_holds() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOARDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout

        def hold(mebibytes: int) -> float:
            print(mebibytes, file=process.stdin, flush=True)
            process.stdout.readline()
            return own_memory(process.pid)

        before = hold(1)
        assert 63 <= hold(64) - before <= 67
        assert process.pid in family(os.getpid())
        process.stdin.close()
