"""A crowd of browsers that come to the car's sockets and vanish as they like."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from dataclasses import dataclass

import psutil
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Origin

LONGEST_VISIT_S = 1.0
SETTLE_S = 12.0
"""Longer than the server takes to give up a browser that does not answer any more."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a process holds: memory in bytes, the rest by number."""

    memory: int
    threads: int
    descriptors: int
    sockets: int


def footprint(process: psutil.Process) -> Footprint:
    """Return what ``process`` holds now."""
    return Footprint(
        process.memory_info().rss, process.num_threads(), process.num_fds(), len(process.net_connections("tcp"))
    )


def visit(port: int, clients: int, seconds: float, seed: int = 0) -> int:
    """Have ``clients`` come and go for ``seconds``; return how many visits that were."""
    return asyncio.run(_visit(port, clients, seconds, random.Random(seed)))  # noqa: S311 - chance, not a secret


async def _visit(port: int, clients: int, seconds: float, chance: random.Random) -> int:
    end_s = time.monotonic() + seconds
    return sum(await asyncio.gather(*(_come_and_go(port, end_s, chance) for _ in range(clients))))


async def _come_and_go(port: int, end_s: float, chance: random.Random) -> int:
    visits = 0
    while time.monotonic() < end_s:
        path = chance.choice(["/api/drive", "/api/video"])
        address = f"127.0.0.1:{port}"
        with contextlib.suppress(OSError, WebSocketException, TimeoutError):
            socket = await connect(f"ws://{address}{path}", origin=Origin(f"http://{address}"), compression=None)
            visits += 1
            await _stay(socket, path, chance)
        await asyncio.sleep(chance.random() * LONGEST_VISIT_S)
    return visits


async def _stay(socket: ClientConnection, path: str, chance: random.Random) -> None:
    until_s = time.monotonic() + chance.random() * LONGEST_VISIT_S
    try:
        while time.monotonic() < until_s:
            await socket.send(json.dumps(_message(path, chance)))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(chance.random() * 0.1):
                    await socket.recv()
        if chance.random() < 0.3:
            await socket.close()
    finally:
        # Gone without a word, as a phone that leaves the network.
        socket.transport.abort()


def _message(path: str, chance: random.Random) -> dict[str, object]:
    if path == "/api/video":
        return {"type": "next", "width": chance.randint(1, 640)}
    return chance.choice(
        [
            {
                "type": "sample",
                "seq": 1,
                "client_ms": time.perf_counter() * 1000,
                "steering": chance.uniform(-1, 1),
                "throttle": chance.uniform(-1, 1),
            },
            {"type": "pong", "id": chance.randint(0, 5), "client_ms": time.perf_counter() * 1000},
            {"type": chance.choice(["take_over", "let_go", "stop", "disarm"])},
            {"type": "arm", "mode": "manual"},
        ]
    )
