"""The clients of benchmarks/serve.py, in a process of their own: plain sockets on loopback.

    python benchmarks/serve_load.py '{"do": "rate", "port": 8701, "paths": ["/segments"]}'

Prints one line of JSON. `rate` asks as fast as the answers come, on a few connections, for some
seconds; `download` reads one answer to its end; `listen` holds many event streams open, prints
`ready` once each has said hello, and then waits for the next event on each.
"""

import asyncio
import itertools
import json
import resource
import sys
from collections.abc import Iterator
from statistics import median, quantiles
from time import monotonic
from typing import Any

EVENT = b"event: data-changed"
LONGEST = 60


async def get(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, path: str
) -> tuple[int, bytes]:
    """One request on an open connection; status and body."""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
    return int(head[9:12]), await reader.readexactly(length)


async def ask(port: int, paths: Iterator[str], until: float) -> tuple[list[float], int]:
    """Ask on one connection until the time is over; seconds of each answer, failures."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    took, failed = [], 0
    while (began := monotonic()) < until:
        status, _ = await get(reader, writer, port, next(paths))
        took.append(monotonic() - began)
        failed += status != 200
    writer.close()
    return took, failed


async def rate(
    port: int, paths: list[str], connections: int = 8, seconds: float = 2
) -> dict[str, Any]:
    """Answers per second, and seconds of the median and of the slowest hundredth."""
    endless, began = itertools.cycle(paths), monotonic()
    found = await asyncio.gather(*(ask(port, endless, began + seconds) for _ in range(connections)))
    took = [one for part, _ in found for one in part]
    return {
        "rate": len(took) / (monotonic() - began),
        "median": median(took),
        "p99": quantiles(took, n=100)[98],
        "failed": sum(failed for _, failed in found),
    }


async def download(port: int, path: str) -> dict[str, Any]:
    """Seconds, bytes and lines of a streamed answer."""
    began = monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    size = lines = 0
    while chunk := await reader.read(2**20):
        size += len(chunk)
        lines += chunk.count(b"\n")
    writer.close()
    took = monotonic() - began
    return {"status": int(head[9:12]), "seconds": took, "bytes": size, "lines": lines}


async def stream(port: int, hello: asyncio.Semaphore) -> float:
    """When the event reached one client."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    await reader.readuntil(b"event: hello")
    hello.release()
    await reader.readuntil(EVENT)
    arrived = monotonic()
    writer.close()
    return arrived


async def listen(port: int, clients: int) -> dict[str, Any]:
    """How many clients got the event, and how long after the first the last one did."""
    hello = asyncio.Semaphore(0)
    tasks = [asyncio.create_task(stream(port, hello)) for _ in range(clients)]
    async with asyncio.timeout(LONGEST):
        for _ in tasks:
            await hello.acquire()
    print("ready", flush=True)
    done, waiting = await asyncio.wait(tasks, timeout=LONGEST)
    for task in waiting:
        task.cancel()
    arrived = [task.result() for task in done]
    return {"reached": len(arrived), "spread": max(arrived) - min(arrived) if arrived else LONGEST}


def main() -> None:
    """Do what the only argument says."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asked = json.loads(sys.argv[1])
    action = {"rate": rate, "download": download, "listen": listen}[asked.pop("do")]
    print(json.dumps(asyncio.run(action(**asked))), flush=True)


if __name__ == "__main__":
    main()
