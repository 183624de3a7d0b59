"""A client of Foxglove's WebSocket protocol: ``python -m tests.foxglove_client PORT`` watches until its input ends."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import struct
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

PATIENCE_S = 60.0
PROTOCOL = Subprotocol("foxglove.sdk.v1")
HEAD = struct.Struct("<BIQ")
MESSAGE_DATA = 1
NICENESS = 19
"""A real client has a processor of its own."""


@dataclass(frozen=True, slots=True)
class Advertised:
    """A topic as a server advertises it."""

    number: int
    topic: str
    encoding: str
    schema: str
    schema_encoding: str
    schema_data: bytes


class FoxgloveClient:
    """Is connected to the stream on ``port``, once that is there, and knows its ``channels``."""

    def __init__(self, port: int) -> None:
        self._open = contextlib.ExitStack()
        self._socket = _connect(port, self._open)
        self.info = self._read_text("serverInfo")
        self.channels = {
            channel["topic"]: Advertised(
                channel["id"],
                channel["topic"],
                channel["encoding"],
                channel["schemaName"],
                channel["schemaEncoding"],
                base64.b64decode(channel["schema"]),
            )
            for channel in self._read_text("advertise")["channels"]
        }

    def __enter__(self) -> FoxgloveClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def subscribe(self, *topics: str) -> None:
        """Subscribe to ``topics``, all by default."""
        numbers = [self.channels[topic].number for topic in topics or self.channels]
        subscriptions = [{"id": number, "channelId": number} for number in numbers]
        self._socket.send(json.dumps({"op": "subscribe", "subscriptions": subscriptions}))

    def messages(self) -> Iterator[tuple[str, int, bytes]]:
        """Yield topic, time and content of each message that comes."""
        topics = {channel.number: channel.topic for channel in self.channels.values()}
        while True:
            data = self._socket.recv(timeout=PATIENCE_S)
            if isinstance(data, bytes) and data[0] == MESSAGE_DATA:
                _, number, time_ns = HEAD.unpack_from(data)
                yield topics[number], time_ns, data[HEAD.size :]

    def next_of(self, topic: str) -> tuple[int, bytes]:
        """Return time and content of the next message on ``topic``."""
        return next((time_ns, data) for found, time_ns, data in self.messages() if found == topic)

    def _read_text(self, kind: str) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._socket.recv(timeout=PATIENCE_S))
        assert message["op"] == kind, message
        return message


def _connect(port: int, opened: contextlib.ExitStack) -> ClientConnection:
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            address = f"ws://127.0.0.1:{port}"
            return opened.enter_context(connect(address, subprotocols=[PROTOCOL], open_timeout=PATIENCE_S))
        except ConnectionRefusedError:
            assert time.monotonic() < deadline_s, "waited in vain for the stream"
            time.sleep(0.05)


def main(port: int) -> None:
    """Watch all topics; say that it is there, and at the end how many frames came."""
    os.nice(NICENESS)
    with FoxgloveClient(port) as client:
        client.subscribe()
        client.next_of("/camera")
        print("there", flush=True)
        ended, frames = threading.Event(), 0
        threading.Thread(target=_wait_for_the_end, args=(ended,), daemon=True).start()
        # When the drive is over no frame comes any more, and then the stream is gone.
        with contextlib.suppress(TimeoutError, ConnectionClosed):
            for topic, _, _ in client.messages():
                frames += topic == "/camera"
                if ended.is_set():
                    break
    print(frames, flush=True)


def _wait_for_the_end(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


if __name__ == "__main__":
    main(int(sys.argv[1]))
