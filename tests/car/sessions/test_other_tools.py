"""Other people's programs must open a session: one that was closed, and one that was cut and repaired."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from car.sessions import EncodedFrame
from car.sessions.repair import RepairResult, repair
from tests.car.sessions.recordings import FRAMES_PER_CHUNK, START_NS, frame_of, record_of, session_bytes

CUT = 50_000


@pytest.fixture(params=["closed", "cut and repaired"])
def session(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "session.mcap"
    path.write_bytes(session_bytes())
    if request.param != "closed":
        path.write_bytes(session_bytes()[:CUT])
        assert repair(path).result is RepairResult.REPAIRED
    return path


def test_mcap_reads_every_message_by_the_schemas_in_the_file(session: Path) -> None:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    from mcap.reader import SeekingReader

    counts: dict[str, int] = {}
    with session.open("rb") as file:
        reader = SeekingReader(file, validate_crcs=True)
        assert reader.get_header().profile == "pocketpilot"
        assert [metadata.name for metadata in reader.iter_metadata()] == ["pocketpilot.session"]
        for schema, channel, message in reader.iter_messages(log_time_order=False):
            assert schema is not None
            pool = descriptor_pool.DescriptorPool()
            for described in descriptor_pb2.FileDescriptorSet.FromString(schema.data).file:
                pool.AddSerializedFile(described.SerializeToString())
            decoded = message_factory.GetMessageClass(pool.FindMessageTypeByName(schema.name)).FromString(message.data)
            place = counts.setdefault(channel.topic, 0)
            if channel.topic == "/camera":
                expected = frame_of(place)
                assert (decoded.data, decoded.format) == (expected.jpeg, "jpeg")
                assert decoded.timestamp.ToNanoseconds() == message.log_time == expected.captured_ns
                assert message.sequence == place
            elif channel.topic == "/drive":
                record = record_of(place)
                assert decoded.applied.steering == record.applied.steering
                assert decoded.HasField("pilot") == (record.pilot is not None)
                assert message.log_time == record.captured_ns
            counts[channel.topic] += 1
    assert counts["/camera"] == counts["/drive"] >= 2 * FRAMES_PER_CHUNK
    assert counts["/events"] >= 1


def test_rerun_shows_the_images_and_the_fields_of_each_cycle(session: Path) -> None:
    chunk = pytest.importorskip("rerun.chunk", reason="this rerun-sdk cannot read MCAP from Python")
    jpegs: list[bytes] = []
    cycles: list[dict[str, object]] = []
    kinds: set[str] = set()
    for part in chunk.McapReader(str(session)).stream():
        batch = part.to_record_batch()
        if "EncodedImage:blob" in batch.schema.names:
            jpegs += [bytes(blob[0]) for blob in batch.column("EncodedImage:blob").to_pylist()]
            kinds |= {kind[0] for kind in batch.column("EncodedImage:media_type").to_pylist()}
        if "pocketpilot.DriveRecord:message" in batch.schema.names:
            cycles += [message[0] for message in batch.column("pocketpilot.DriveRecord:message").to_pylist()]
    assert kinds == {"image/jpeg"}
    assert len(jpegs) == len(cycles) >= 2 * FRAMES_PER_CHUNK
    for number, (jpeg, cycle) in enumerate(zip(jpegs, cycles, strict=True)):
        image = EncodedFrame(number, 0, jpeg).decode().image
        assert np.array_equal(image, frame_of(number).decode().image)
        record = record_of(number)
        assert cycle["frame_number"] == number
        assert cycle["applied"] == {"steering": record.applied.steering, "throttle": record.applied.throttle}
        assert (cycle["pilot"] is None) == (record.pilot is None)
        assert cycle["mode"] == "assist"
    assert cycles[0]["captured_ns"] == START_NS
