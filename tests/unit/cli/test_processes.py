"""Ports, and ending only what is ours."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from rfm_cli.processes import (
    command_line,
    describe_exit,
    end_leftover,
    free_port,
    port_is_free,
    signal_group,
)

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def listening() -> int:
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


def start(marker: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([*SLEEP, marker])


def test_a_leftover_with_our_mark_is_ended() -> None:
    process = start("rfm=/shop/.rfm")
    assert "rfm=/shop/.rfm" in command_line(process.pid)
    # Somebody has to reap it, as init does with a real leftover.
    signal.signal(signal.SIGCHLD, lambda *_: process.poll())
    try:
        assert end_leftover(process.pid, "rfm=/shop/.rfm", signal.SIGTERM)
    finally:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    assert process.wait(30) == -signal.SIGTERM


def test_a_process_that_got_the_same_number_is_left_alone() -> None:
    process = start("somebody-else")
    try:
        assert not end_leftover(process.pid, "rfm=/shop/.rfm", signal.SIGTERM)
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_one_that_does_not_listen_is_killed() -> None:
    program = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", program, "rfm=x"], stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()
    signal.signal(signal.SIGCHLD, lambda *_: process.poll())
    try:
        assert end_leftover(process.pid, "rfm=x", signal.SIGTERM, seconds=0.2)
    finally:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        process.stdout.close()
    assert process.wait(30) == -signal.SIGKILL


def test_no_process_has_no_command_line() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait(30)
    assert command_line(process.pid) == ""
    assert not end_leftover(process.pid, "rfm", signal.SIGTERM)
    signal_group(process.pid, signal.SIGTERM)  # nobody there is fine


def test_the_own_command_line_is_read() -> None:
    assert "pytest" in command_line(os.getpid())


@pytest.mark.parametrize(
    ("code", "words"), [(0, "exit code 0"), (3, "exit code 3"), (-9, "SIGKILL"), (-15, "SIGTERM")]
)
def test_exit_codes_in_words(code: int, words: str) -> None:
    assert describe_exit(code) == words
