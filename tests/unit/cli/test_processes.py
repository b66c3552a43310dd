"""Ports, and ending only what is ours."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from rfm_cli.processes import (
    command_line,
    describe_exit,
    end_leftover,
    free_port,
    port_is_free,
    signal_group,
)


@pytest.fixture
def listening() -> Generator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_port_in_use_is_not_free(listening: int) -> None:
    assert not port_is_free(listening)


def test_a_free_port_can_be_bound() -> None:
    port = free_port()
    assert port_is_free(port)
    with socket.create_server(("127.0.0.1", port)):
        assert not port_is_free(port)


def test_free_ports_differ() -> None:
    assert len({free_port() for _ in range(20)}) > 15


@contextmanager
def process(marker: str, prepare: str = "pass") -> Generator["subprocess.Popen[bytes]"]:
    """A process that sleeps, reaped as soon as it ends, as init does with a real leftover."""
    program = f"import signal, time; {prepare}; print('ready', flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", program, marker], stdout=subprocess.PIPE) as made:
        assert made.stdout
        made.stdout.readline()
        signal.signal(signal.SIGCHLD, lambda *_: made.poll())
        try:
            yield made
        finally:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            made.kill()


def test_a_leftover_with_our_mark_is_ended() -> None:
    with process("rfm=/shop/.rfm") as leftover:
        assert end_leftover(leftover.pid, "rfm=/shop/.rfm", signal.SIGTERM)
        assert leftover.wait(30) == -signal.SIGTERM


def test_a_process_that_got_the_same_number_is_left_alone() -> None:
    with process("somebody-else") as other:
        assert not end_leftover(other.pid, "rfm=/shop/.rfm", signal.SIGTERM)
        assert other.poll() is None


def test_one_that_does_not_listen_is_killed() -> None:
    with process("rfm=x", "signal.signal(signal.SIGTERM, signal.SIG_IGN)") as deaf:
        assert end_leftover(deaf.pid, "rfm=x", signal.SIGTERM, seconds=0.2)
        assert deaf.wait(30) == -signal.SIGKILL


def test_no_process_has_no_command_line() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait(30)
    assert command_line(ended.pid) == ""
    assert not end_leftover(ended.pid, "rfm", signal.SIGTERM)
    signal_group(ended.pid, signal.SIGTERM)  # nobody there is fine


def test_the_own_command_line_is_read() -> None:
    assert "python" in command_line(os.getpid())


@pytest.mark.parametrize(
    ("code", "words"), [(0, "exit code 0"), (3, "exit code 3"), (-9, "SIGKILL"), (-15, "SIGTERM")]
)
def test_exit_codes_in_words(code: int, words: str) -> None:
    assert describe_exit(code) == words
