"""Sessions as a LeRobotDataset: as its own loader wants it, nothing lost, nothing half."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from car.errors import ExportError, RecordingError, SessionBusy, SessionError
from car.gate import GateState
from car.sessions import Edits, EncodedFrame, FrameRange, SessionWriter
from car.sessions import lerobot as module
from car.sessions.lerobot import IMAGE, TIME_NS, export_lerobot
from hardware.clock import VirtualClock
from tests.car.sessions.recordings import INFO, START_NS, frame_of, record_of, write_session

pandas = pytest.importorskip("pandas", reason="pandas is not here: the extra lerobot is for a laptop, not for the car")
pq = pytest.importorskip("pyarrow.parquet")

LEROBOT_PYTHON = "POCKETPILOT_LEROBOT_PYTHON"
READ = """
import json, sys
from lerobot.datasets.lerobot_dataset import LeRobotDataset

data = LeRobotDataset("pocketpilot/drive", root=sys.argv[1], delta_timestamps={"action": [0.0, 0.05]})
items = [data[index] for index in range(len(data))]
told = {
    "episodes": data.num_episodes,
    "fps": data.fps,
    "tasks": sorted({item["task"] for item in items}),
    "times": [item["observation.captured_ns"].item() for item in items],
    "actions": [item["action"].tolist() for item in items],
    "image": list(items[0]["observation.images.front"].shape),
    "red": items[0]["observation.images.front"][0].mean().item(),
    "mean": data.meta.stats["observation.images.front"]["mean"].ravel().tolist(),
    "padded": [item["action_is_pad"].tolist() for item in items],
}
print(json.dumps(told))
"""


def rows_of(folder: Path) -> list[dict[str, Any]]:
    files = sorted(folder.glob("data/chunk-*/file-*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def episodes_of(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(folder / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    return rows


def write_frames(path: Path, numbers: list[int], change: Callable[[EncodedFrame], EncodedFrame] | None = None) -> None:
    with SessionWriter(path, INFO, VirtualClock(START_NS), sync=lambda _: None, min_free_bytes=0) as writer:
        for number in numbers:
            frame = frame_of(number)
            writer.add_frame(change(frame) if change else frame)
            writer.add_record(record_of(number))


def test_every_frame_keeps_its_bytes_its_time_and_its_label(tmp_path: Path) -> None:
    write_session(tmp_path / "a.mcap", frames=30)
    export = export_lerobot([tmp_path / "a.mcap"], tmp_path / "out", task="Drive home.")
    assert str(export) == f"{tmp_path / 'out'}: 30 frames in an episode"
    rows = rows_of(tmp_path / "out")
    assert [row[IMAGE]["bytes"] for row in rows] == [frame_of(number).jpeg for number in range(30)]
    assert [row[TIME_NS] for row in rows] == [frame_of(number).captured_ns for number in range(30)]
    assert [row["action"] for row in rows] == [[pytest.approx(number / 1000), 0.125] for number in range(30)]
    assert [row["timestamp"] for row in rows] == [pytest.approx(0.05 * number) for number in range(30)]
    assert [row["index"] for row in rows] == [row["frame_index"] for row in rows] == list(range(30))
    tasks = pandas.read_parquet(tmp_path / "out/meta/tasks.parquet")
    assert (list(tasks.index), list(tasks.task_index)) == (["Drive home."], [0])
    info = json.loads((tmp_path / "out/meta/info.json").read_text())
    assert (info["codebase_version"], info["fps"], info["robot_type"]) == ("v3.0", 20, "mycar")
    assert info["features"][IMAGE]["shape"] == [48, 64, 3]
    assert not list(tmp_path.glob(".*"))


def test_what_is_left_out_or_missing_ends_an_episode(tmp_path: Path) -> None:
    write_session(tmp_path / "a.mcap", frames=40)
    Edits.of([FrameRange(10, 19)]).save(tmp_path / "a.mcap")
    write_frames(tmp_path / "b.mcap", [*range(8), *range(10, 14), *range(20, 25)])
    out = tmp_path / "out"
    assert export_lerobot([tmp_path / "a.mcap", tmp_path / "b.mcap"], out).episodes == 4
    episodes = episodes_of(out)
    assert [row["length"] for row in episodes] == [10, 20, 12, 5]
    assert [(row["dataset_from_index"], row["dataset_to_index"]) for row in episodes] == [
        (0, 10),
        (10, 30),
        (30, 42),
        (42, 47),
    ]
    assert [row["session"] for row in episodes] == ["a", "a", "b", "b"]
    rows = rows_of(out)
    assert [row["episode_index"] for row in rows] == [
        number for number, row in enumerate(episodes) for _ in range(row["length"])
    ]
    assert [row["timestamp"] for row in rows if row["frame_index"] == 0] == [0.0] * 4


def test_a_car_that_nobody_drove_and_broken_images_are_not_in_it(tmp_path: Path) -> None:
    with SessionWriter(
        tmp_path / "a.mcap", INFO, VirtualClock(START_NS), sync=lambda _: None, min_free_bytes=0
    ) as writer:
        for number in range(12):
            frame = frame_of(number)
            writer.add_frame(replace(frame, jpeg=frame.jpeg[:90]) if number == 7 else frame)
            state = GateState.DISARMED if number < 5 else GateState.ARMED
            writer.add_record(replace(record_of(number), gate_state=state))
    export = export_lerobot([tmp_path / "a.mcap"], tmp_path / "out")
    assert (export.frames, export.broken) == (6, 1)
    assert str(export).endswith("frames with broken images that are not in it: 1")


def test_the_statistics_are_those_of_the_pixels_and_the_labels(tmp_path: Path) -> None:
    write_session(tmp_path / "a.mcap", frames=20)
    export_lerobot([tmp_path / "a.mcap"], tmp_path / "out")
    stats = json.loads((tmp_path / "out/meta/stats.json").read_text())
    jpegs = [np.frombuffer(frame_of(number).jpeg, np.uint8) for number in range(20)]
    pixels = (
        np.stack([cv2.cvtColor(np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR)), cv2.COLOR_BGR2RGB) for jpeg in jpegs])
        / 255
    )
    image = {name: np.array(values) for name, values in stats[IMAGE].items()}
    assert image["mean"].ravel() == pytest.approx(pixels.mean(axis=(0, 1, 2)))
    assert image["std"].ravel() == pytest.approx(pixels.std(axis=(0, 1, 2)))
    assert image["min"].ravel() == pytest.approx(pixels.min(axis=(0, 1, 2)))
    assert image["max"].ravel() == pytest.approx(pixels.max(axis=(0, 1, 2)))
    assert image["q90"].ravel() == pytest.approx(np.quantile(pixels, 0.9, axis=(0, 1, 2)), abs=1 / 255)
    assert image["mean"].shape == (3, 1, 1)
    assert stats["action"]["mean"] == pytest.approx([0.0095, 0.125])
    assert (stats["action"]["count"], stats["action"]["max"]) == ([20], pytest.approx([0.019, 0.125]))
    (episode,) = episodes_of(tmp_path / "out")
    assert episode["stats/action/q99"] == pytest.approx(stats["action"]["q99"])


def test_a_long_export_is_in_several_files_and_no_episode_in_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FILE_MB", 0.001)
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr(module, "CHUNK_FILES", 2)
    write_frames(tmp_path / "a.mcap", [*range(20), *range(100, 120), *range(200, 220)])
    export_lerobot([tmp_path / "a.mcap"], tmp_path / "out")
    places = [(row["data/chunk_index"], row["data/file_index"]) for row in episodes_of(tmp_path / "out")]
    assert places == [(0, 0), (0, 1), (1, 0)]
    for number, (chunk, file) in enumerate(places):
        rows = pq.read_table(tmp_path / f"out/data/chunk-{chunk:03d}/file-{file:03d}.parquet").to_pylist()
        assert {row["episode_index"] for row in rows} == {number}
        assert len(rows) == 20


def test_sessions_that_do_not_fit_together_are_named_and_nothing_is_left(tmp_path: Path) -> None:
    write_session(tmp_path / "slow.mcap", frames=10)
    write_session(tmp_path / "fast.mcap", frames=10, info=replace(INFO, rate_hz=23.0))
    with pytest.raises(ExportError, match="slow has 20 frames a second and fast 23"):
        export_lerobot([tmp_path / "slow.mcap", tmp_path / "fast.mcap"], tmp_path / "out")

    def larger(frame: EncodedFrame) -> EncodedFrame:
        return replace(frame, jpeg=frame_of(frame.number, 96, 128).jpeg)

    write_frames(tmp_path / "large.mcap", list(range(10)), larger)
    with pytest.raises(ExportError, match="slow has 64x48 and large 128x96"):
        export_lerobot([tmp_path / "slow.mcap", tmp_path / "large.mcap"], tmp_path / "out")
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_nothing_to_export_and_a_folder_that_is_there_are_said(tmp_path: Path) -> None:
    write_session(tmp_path / "a.mcap", frames=10)
    Edits.of([FrameRange(0, 9)]).save(tmp_path / "a.mcap")
    with pytest.raises(ExportError, match="Nobody drove"):
        export_lerobot([tmp_path / "a.mcap"], tmp_path / "out")
    (tmp_path / "out").mkdir()
    with pytest.raises(RecordingError, match="exists already"):
        export_lerobot([tmp_path / "a.mcap"], tmp_path / "out")
    (tmp_path / "text.mcap").write_text("no session")
    with pytest.raises(SessionError, match=r"text\.mcap"):
        export_lerobot([tmp_path / "text.mcap"], tmp_path / "other")
    with (
        SessionWriter(tmp_path / "b.mcap", INFO, VirtualClock(START_NS), sync=lambda _: None, min_free_bytes=0),
        pytest.raises(SessionBusy),
    ):
        export_lerobot([tmp_path / "b.mcap"], tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_full_disk_leaves_no_half_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_session(tmp_path / "a.mcap", frames=10)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(RecordingError, match="Free some space"):
        export_lerobot([tmp_path / "a.mcap"], tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mcap"]


def test_lerobots_own_loader_reads_it(tmp_path: Path) -> None:
    python = os.environ.get(LEROBOT_PYTHON)
    if not python:
        pytest.skip(f"set {LEROBOT_PYTHON} to a Python that has lerobot")
    write_session(tmp_path / "a.mcap", frames=30)
    Edits.of([FrameRange(10, 19)]).save(tmp_path / "a.mcap")
    export_lerobot([tmp_path / "a.mcap"], tmp_path / "out", task="Drive home.")
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hub")}
    done = subprocess.run(
        [python, "-c", READ, str(tmp_path / "out")], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    numbers = [*range(10), *range(20, 30)]
    assert told["times"] == [frame_of(number).captured_ns for number in numbers]
    assert [now for now, _ in told["actions"]] == [[pytest.approx(number / 1000), 0.125] for number in numbers]
    assert [ahead for _, ahead in told["padded"]] == [number in (9, 29) for number in numbers]
    assert (told["episodes"], told["fps"], told["tasks"]) == (2, 20, ["Drive home."])
    assert told["image"] == [3, 48, 64]
    assert told["red"] == pytest.approx(told["mean"][0], abs=0.02)
