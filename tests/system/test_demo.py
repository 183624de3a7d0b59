"""The whole road, as a newcomer walks it."""

import itertools
import subprocess
import time
from pathlib import Path

from PIL import Image

from tests.system.car_process import CAR, run_car

LONGEST_SILENCE_S = 15.0
"""Where 10 s are promised; these tests share their machine with others."""


def silences_s(process: subprocess.Popen[str], lines: list[str]) -> list[float]:
    """Read what a process prints into ``lines``, to its end; return how long each was waited for."""
    assert process.stdout is not None
    times_s = [time.monotonic()]
    for line in process.stdout:
        lines.append(line)
        times_s.append(time.monotonic())
    return [after - before for before, after in itertools.pairwise(times_s)]


def test_the_demo_records_trains_and_drives_an_unseen_track_without_leaving_the_lane(tmp_path: Path) -> None:
    lines: list[str] = []
    command = [str(CAR), "demo", "--out", "demo"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        silences = silences_s(process, lines)
    printed = "".join(lines)
    assert process.returncode == 0, printed
    assert max(silences) < LONGEST_SILENCE_S, printed
    assert "laps driven: 3 · lane departures: 0" in printed
    assert "Drive with it: car drive --car demo --model demo" in printed
    out = tmp_path / "demo"
    assert len(list((out / "sessions").glob("*.mcap"))) >= 3
    assert (out / "models" / "demo.tflite").stat().st_size < 1_000_000
    for picture in ("trajectory.png", "frames.png", "drive.gif"):
        with Image.open(out / picture) as opened:
            assert min(opened.size) >= 200
    with Image.open(out / "drive.gif") as film:
        assert getattr(film, "n_frames", 1) > 50
    again = run_car("demo", "--out", "demo", cwd=tmp_path)
    assert again.returncode == 1
    assert "--out" in again.stderr
