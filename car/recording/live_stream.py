"""A drive as it happens, for Foxglove: the topics, schemas and bytes of a session, over a WebSocket."""

from __future__ import annotations

from typing import Any

from car.drive_record import DriveRecord
from car.errors import MissingPackage, StreamError
from car.sessions import messages
from car.sessions.format import CAMERA, DRIVE, EVENTS, TELEMETRY, TOPICS, EncodedFrame, SessionEvent
from car.telemetry.telemetry import Telemetry
from hardware.closing import Closing

HOST = "127.0.0.1"
"""Foxglove's server knows no pairing, so nobody beyond this machine may reach it."""
PORTS_TRIED = 20
BACKLOG = 64
"""Messages kept for a client that is too slow, a second of driving; the oldest go first."""


class LiveStream(Closing):
    """Serves a drive to Foxglove on this machine, by Foxglove's own server; clients can only watch.

    >>> from car.sessions.format import SessionEvent
    >>> with LiveStream("mycar", port=8765) as stream:
    ...     stream.is_watched
    ...     stream.add_event(SessionEvent(clock.now_ns(), kind="note", text="nobody reads this"))
    False

    It listens on ``port`` or the next free one, of the loopback interface. A client that reads slowly or never loses
    the oldest messages; nobody waits for it.

    Raises MissingPackage without Foxglove's package, StreamError when no port is free.
    """

    def __init__(self, name: str, port: int) -> None:
        try:
            import foxglove
        except ImportError as error:
            raise MissingPackage(
                "The package for Foxglove is missing. Try `pip install 'pocketpilot[foxglove]'`."
            ) from error
        # One of its own: another stream of this process has other clients. Its channels end with it, so it is kept.
        self._context = foxglove.Context()
        self._channels = {
            topic: foxglove.Channel(
                topic.name,
                schema=foxglove.Schema(name=topic.schema, encoding="protobuf", data=messages.schema_data(topic.schema)),
                message_encoding="protobuf",
                context=self._context,
            )
            for topic in TOPICS
        }
        self._server = _start(foxglove, name, port, self._context)

    @property
    def address(self) -> str:
        """Where Foxglove finds it: ``ws://127.0.0.1:8765``."""
        return f"ws://{HOST}:{self._server.port}"

    @property
    def is_watched(self) -> bool:
        """Whether a client is subscribed to any topic; nothing needs to be added before."""
        return any(channel.has_sinks() for channel in self._channels.values())

    def add_frame(self, frame: EncodedFrame) -> None:
        """Send a frame; its number, which a file keeps beside it, is in its record alone."""
        self._channels[CAMERA].log(messages.frame_to_bytes(frame), log_time=max(0, frame.captured_ns))

    def add_record(self, record: DriveRecord) -> None:
        """Send one control cycle."""
        self._channels[DRIVE].log(messages.record_to_bytes(record), log_time=max(0, record.captured_ns))

    def add_event(self, event: SessionEvent) -> None:
        """Send an event."""
        self._channels[EVENTS].log(messages.event_to_bytes(event), log_time=max(0, event.time_ns))

    def add_telemetry(self, telemetry: Telemetry) -> None:
        """Send how the car is."""
        self._channels[TELEMETRY].log(messages.telemetry_to_bytes(telemetry), log_time=max(0, telemetry.time_ns))

    def close(self) -> None:
        """Send everyone away and free the port; may be called twice."""
        self._server.stop()
        for channel in self._channels.values():
            channel.close()


def _start(foxglove: Any, name: str, port: int, context: Any) -> Any:
    for tried in range(port, port + PORTS_TRIED):
        try:
            return foxglove.start_server(
                name=name, host=HOST, port=tried, context=context, message_backlog_size=BACKLOG
            )
        except (RuntimeError, OSError):
            continue
    raise StreamError(
        f"The ports {port} to {port + PORTS_TRIED - 1} are all taken. "
        "Choose another `port` under [foxglove] in car.toml."
    )
