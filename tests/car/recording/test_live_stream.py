"""What Foxglove is served: the topics, schemas and bytes of a session, and nobody waits for a client."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from io import BytesIO

import pytest
from mcap.reader import make_reader

from car.errors import MissingPackage, StreamError
from car.recording import live_stream
from car.recording.live_stream import LiveStream
from car.sessions import messages
from car.sessions.format import SessionEvent
from car.telemetry.telemetry import Telemetry
from tests.car.sessions.recordings import frame_of, record_of, session_bytes
from tests.foxglove_client import PATIENCE_S, FoxgloveClient

PORT = 18765


@pytest.fixture
def stream() -> Iterator[LiveStream]:
    with LiveStream("mycar", PORT) as opened:
        yield opened


def port_of(stream: LiveStream) -> int:
    return int(stream.address.rpartition(":")[2])


def wait_until_watched(stream: LiveStream, watched: bool = True) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while stream.is_watched is not watched:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_topics_schemas_and_encodings_are_those_of_a_session_file(stream: LiveStream) -> None:
    summary = make_reader(BytesIO(session_bytes(2))).get_summary()
    assert summary is not None
    recorded = {
        channel.topic: (channel.message_encoding, schema.name, schema.encoding, schema.data)
        for channel in summary.channels.values()
        for schema in [summary.schemas[channel.schema_id]]
    }
    with FoxgloveClient(port_of(stream)) as client:
        live = {
            channel.topic: (channel.encoding, channel.schema, channel.schema_encoding, channel.schema_data)
            for channel in client.channels.values()
        }
    assert live == recorded


def test_a_client_reads_what_a_session_would_have(stream: LiveStream) -> None:
    frame, record = frame_of(3), record_of(3)
    with FoxgloveClient(port_of(stream)) as client:
        client.subscribe()
        wait_until_watched(stream)
        stream.add_frame(frame)
        assert client.next_of("/camera") == (frame.captured_ns, messages.frame_to_bytes(frame))
        stream.add_record(record)
        time_ns, data = client.next_of("/drive")
        assert (time_ns, messages.record_from_bytes(data)) == (record.captured_ns, record)
        event = SessionEvent(5, "gate", "armed")
        stream.add_event(event)
        assert messages.event_from_bytes(client.next_of("/events")[1]) == event
        stream.add_telemetry(Telemetry(7))
        assert messages.telemetry_from_bytes(client.next_of("/telemetry")[1]) == Telemetry(7)


def test_a_client_may_only_watch(stream: LiveStream) -> None:
    with FoxgloveClient(port_of(stream)) as client:
        assert client.info["capabilities"] == []
        assert client.info["name"] == "mycar"


def test_nothing_is_wanted_until_a_client_subscribes_and_after_the_last_has_left(stream: LiveStream) -> None:
    assert not stream.is_watched
    with FoxgloveClient(port_of(stream)) as client:
        assert not stream.is_watched
        client.subscribe("/drive")
        wait_until_watched(stream)
    wait_until_watched(stream, watched=False)


def test_two_clients_get_the_same(stream: LiveStream) -> None:
    record = record_of(1)
    with FoxgloveClient(port_of(stream)) as first, FoxgloveClient(port_of(stream)) as second:
        first.subscribe("/drive")
        second.subscribe("/events", "/drive")
        wait_until_watched(stream)
        # A server handles what a client says before it says anything more to it, yet not what another says.
        stream.add_record(record)
        first.next_of("/drive")
        received: list[bytes] = []
        while not received:
            stream.add_event(SessionEvent(5, "note", ""))
            stream.add_record(record)
            received += [data for topic, _, data in [next(second.messages())] if topic == "/drive"]
    assert messages.record_from_bytes(received[0]) == record


def test_a_client_that_never_reads_makes_nobody_wait_and_loses_the_oldest(stream: LiveStream) -> None:
    frame, sent = frame_of(1, 240, 320), 5_000
    with FoxgloveClient(port_of(stream)) as frozen:
        frozen.subscribe("/camera")
        wait_until_watched(stream)
        for _ in range(sent):
            stream.add_frame(frame)
        received = 0
        frozen.subscribe("/events")
        for topic, _, _ in frozen.messages():
            received += topic == "/camera"
            if topic == "/events":
                break
            stream.add_event(SessionEvent(10, "end", ""))
    assert 0 < received < sent


def test_the_next_port_is_taken_when_another_program_has_the_first() -> None:
    with LiveStream("one", PORT) as one, LiveStream("two", port_of(one)) as two:
        assert port_of(two) > port_of(one)
        with FoxgloveClient(port_of(two)) as client:
            assert client.info["name"] == "two"


def test_only_this_machine_is_served(stream: LiveStream) -> None:
    # Every address of 127/8 is this machine's; a server on all interfaces would answer at each of them.
    with socket.socket() as caller, pytest.raises(ConnectionRefusedError):
        caller.connect(("127.0.0.2", port_of(stream)))


def test_no_free_port_is_one_sentence_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_stream, "PORTS_TRIED", 1)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(StreamError, match="Choose another `port` under"):
            LiveStream("one", port)


def test_a_missing_package_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "foxglove", None)
    with pytest.raises(MissingPackage, match=r"pip install 'pocketpilot\[foxglove\]'"):
        LiveStream("one", PORT)
