"""Do what a page of the documentation says: run its `console` blocks and compare its `text`."""

import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rfm_cli.state import StateFolder

ROOT = Path(__file__).resolve().parents[2]
STAYS = re.compile(r"(make|rfm) (demo|up)")
"""Commands that run in the first terminal until Ctrl-C."""
MARK = "~~~ done"
ASK = rf"printf '\n{MARK} %s\n' $?"
SECONDS = 120

# Jobs in groups of their own, so that Ctrl-C reaches them; no proxy between us and the gateway;
# and an end to loops that wait for something that does not come.
BEGIN = """
set -m
curl() { command curl --noproxy '*' "$@"; }
sleep() { SLEPT=$((SLEPT + 1)); [ $SLEPT -lt 90 ] && command sleep "$1" || exit 1; }
"""


@dataclass(frozen=True)
class Block:
    """A block of commands, and what they should say; `command` None is Ctrl-C."""

    command: str | None
    expected: str | None
    line: int


def blocks(page: str) -> Iterator[Block]:
    """The blocks of a page, in their order."""
    pattern = r"^```console\n(.*?)^```(?:\n\n```text\n(.*?)^```)?|^Press (Ctrl-C)"
    for found in re.finditer(pattern, page, re.MULTILINE | re.DOTALL):
        line = page.count("\n", 0, found.start()) + 1
        yield Block(None if found[3] else found[1], found[2], line)


def is_as_expected(expected: str, said: str) -> bool:
    """`...` stands for anything in a line, and on a line of its own for any lines."""
    lines = [re.escape(line.rstrip()).replace(r"\.\.\.", ".*") for line in expected.splitlines()]
    pattern = "".join("(?:.*\n)*" if line == ".*" else f"{line} *\n" for line in lines)
    return re.fullmatch(pattern, said) is not None


@dataclass
class Terminal:
    """A shell in a folder, in which words of a page are replaced by those of this machine."""

    folder: Path
    environment: Mapping[str, str]
    words: dict[str, str] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    """What was run, line by line, as the pages write it."""

    def __post_init__(self) -> None:
        self.shell = subprocess.Popen(
            ["bash"], cwd=self.folder, env=dict(self.environment), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        self.run(BEGIN)

    @property
    def log(self) -> Path:
        return self.folder / "first-terminal.log"

    def do(self, block: Block) -> None:
        """Do it; fails when it says something else, or ends with an error."""
        if block.command is None:
            self.interrupt()
            return
        self.commands += block.command.splitlines()
        code, said = self.type(block.command)
        assert code == 0, f"line {block.line}: exit code {code}\n{block.command}\n{said}"
        if block.expected is not None:
            same = is_as_expected(self.translated(block.expected), said)
            assert same, f"line {block.line} said\n{said}\nand not\n{block.expected}"

    def type(self, command: str) -> tuple[int, str]:
        """Run a command; the last line may be one that stays."""
        *before, last = command.rstrip("\n").splitlines()
        if not STAYS.fullmatch(last):
            return self.run(self.translated(command))
        code, said = self.run(self.translated("\n".join(before)) or "true")
        self.log.write_text("")
        self.run(f"{self.translated(last)} > {self.log.name} 2>&1 < /dev/null &\nUP=$!")
        self._until_it_runs()
        return code, said

    def run(self, command: str) -> tuple[int, str]:
        """The exit code of the last of the lines, and all that they said."""
        assert self.shell.stdin
        assert self.shell.stdout
        # A block of its own, so that no command reads the ones that follow.
        # The mark begins a line, also when what was said does not end one.
        self.shell.stdin.write(f"SLEPT=0\n{{ {command}\n}} < /dev/null\n{ASK}\n")
        self.shell.stdin.flush()
        said = ""
        for line in self.shell.stdout:
            if line.startswith(MARK):
                return int(line.split()[-1]), re.sub(r"^\n\Z", "", said, flags=re.MULTILINE)
            said += line
        raise AssertionError(f"the shell ended: {said}")

    def interrupt(self) -> None:
        """Ctrl-C in the first terminal."""
        code, said = self.run("kill -INT -- -$UP\nwait $UP 2> /dev/null")
        assert code in {0, 130}, f"{code} {said}\n{self.log.read_text()}"

    def translated(self, text: str) -> str:
        for word, here in self.words.items():
            text = text.replace(word, here)
        return text

    def _until_it_runs(self) -> None:
        deadline = time.monotonic() + SECONDS
        while "RFM runs at" not in self.log.read_text():
            assert time.monotonic() < deadline, self.log.read_text()
            assert self.run("kill -0 $UP")[0] == 0, self.log.read_text()
            time.sleep(0.1)

    def close(self) -> None:
        """End everything that was started here, also when the shell is in the middle of it."""
        subprocess.run(["pkill", "-TERM", "--session", str(self.shell.pid)], check=False)
        self.shell.kill()
        self.shell.wait(20)
        deadline = time.monotonic() + SECONDS
        while StateFolder(self.folder / ".rfm").running() and time.monotonic() < deadline:
            time.sleep(0.1)


def environment(**more: str) -> dict[str, str]:
    """Without settings of the product, nor those of a `make` that runs the tests."""
    ours = ("DB_", "RFM_", "API_", "REDIS_URL", "DATA_DIR", "DEFAULT_K")
    ours += ("MAKE", "MFLAGS", "ARGS", "WORKERS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"COLUMNS": "120", "TERM": "dumb"} | more
