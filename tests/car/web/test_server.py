"""The server's sockets."""

from __future__ import annotations

import asyncio
import socket

from car.web.server import LOOPBACK, _bound


def test_small_answers_are_sent_at_once() -> None:
    """Nagle's algorithm would keep each back until the browser has acknowledged the one before: 40 ms."""

    async def nodelay_of_an_accepted_connection() -> int:
        answered = asyncio.get_running_loop().create_future()

        async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            answered.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listener = _bound(LOOPBACK, 0)
        async with await asyncio.start_server(accept, sock=listener):
            _, writer = await asyncio.open_connection(*listener.getsockname())
            option: int = await answered
            writer.close()
            await writer.wait_closed()
            return option

    assert asyncio.run(nodelay_of_an_accepted_connection()) != 0
