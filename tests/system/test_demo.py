"""The whole road, as a newcomer walks it."""

from pathlib import Path

from PIL import Image

from tests.system.car_process import run_car


def test_the_demo_records_trains_and_drives_an_unseen_track_without_leaving_the_lane(tmp_path: Path) -> None:
    done = run_car("demo", "--out", "demo", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "laps driven: 3 · lane departures: 0" in done.stdout
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
