"""The command line: every mistake is one line that says what to do next, and an exit code."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.car.sessions.recordings import write_session
from tests.car.sessions.tub.test_importer import SyntheticTub
from tests.system.car_process import CAR, assert_refused, run_car


@pytest.fixture
def car_dir(tmp_path: Path) -> Path:
    assert run_car("init", "mycar", cwd=tmp_path).returncode == 0
    return tmp_path


def test_init_makes_a_car_that_can_be_read_back(car_dir: Path) -> None:
    assert (car_dir / "mycar" / "car.toml").exists()
    assert (car_dir / "mycar" / "sessions").is_dir()
    assert (car_dir / "mycar" / "models").is_dir()
    assert run_car("sessions", "list", "--car", "mycar", cwd=car_dir).returncode == 0


def test_init_never_overwrites_a_car(car_dir: Path) -> None:
    assert_refused(run_car("init", "mycar", cwd=car_dir), "mycar", "already")


def test_a_car_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert_refused(run_car("drive", "--headless", "--car", "nowhere", cwd=tmp_path), "nowhere", "car init")


def test_an_unknown_config_key_is_named(car_dir: Path) -> None:
    (car_dir / "mycar" / "car.toml").write_text("[camera]\nfps = 3\n")
    assert_refused(run_car("drive", "--headless", cwd=car_dir), "camera.fps", "rate_hz")


def test_without_a_car_the_simulated_one_is_used_and_said(tmp_path: Path) -> None:
    done = run_car("sessions", "list", cwd=tmp_path)
    assert done.returncode == 0
    assert "using the simulated car in mycar/" in done.stderr


def test_the_car_one_stands_in_is_used(car_dir: Path) -> None:
    done = run_car("simulate", "--expert", "--minutes", "0.02", cwd=car_dir / "mycar")
    assert done.returncode == 0
    assert "No car given" not in done.stderr


@pytest.mark.parametrize("command", [["sessions", "show"], ["replay"], ["evaluate", "simulated-lane"]])
def test_a_session_that_is_not_there_is_named(car_dir: Path, command: list[str]) -> None:
    assert_refused(run_car(*command, "lost.mcap", cwd=car_dir), "lost.mcap")


@pytest.mark.parametrize("command", [["sessions", "show"], ["replay"], ["evaluate", "simulated-lane"]])
@pytest.mark.parametrize("content", [b"", b"not a session", b"\x89MCAP0\r\n"])
def test_a_file_that_is_no_session_is_named(car_dir: Path, command: list[str], content: bytes) -> None:
    (car_dir / "odd.mcap").write_bytes(content)
    assert_refused(run_car(*command, "odd.mcap", cwd=car_dir), "odd.mcap")


@pytest.mark.parametrize("command", [["drive", "--headless", "--model"], ["simulate", "--model"], ["evaluate"]])
def test_a_model_that_is_not_there_is_named_with_those_that_are(car_dir: Path, command: list[str]) -> None:
    assert_refused(run_car(*command, "lost", cwd=car_dir), "lost", "simulated-lane")


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x1c\x00\x00\x00TFL3" + bytes(100)])
def test_a_file_that_is_no_model_is_named(car_dir: Path, content: bytes) -> None:
    (car_dir / "odd.tflite").write_bytes(content)
    assert_refused(run_car("drive", "--headless", "--model", "odd.tflite", cwd=car_dir), "odd.tflite")


def test_a_model_of_another_frame_size_is_refused_with_both_sizes(car_dir: Path) -> None:
    (car_dir / "mycar" / "car.toml").write_text("[camera]\nwidth = 320\nheight = 240\n")
    assert_refused(run_car("drive", "--headless", cwd=car_dir), "160x120", "320x240")


def test_an_unknown_track_is_named_with_those_there_are(car_dir: Path) -> None:
    assert_refused(run_car("simulate", "--expert", "--track", "moon", cwd=car_dir), "moon", "oval")


def test_a_track_of_ones_own_is_made_shown_drawn_and_driven(car_dir: Path) -> None:
    assert run_car("tracks", "export", "oval", "mycar/mine.json", cwd=car_dir).returncode == 0
    shown = run_car("tracks", "show", "mycar/mine.json", "--picture", "mine.png", cwd=car_dir)
    assert "15.1 m round" in shown.stdout
    assert (car_dir / "mine.png").read_bytes().startswith(b"\x89PNG")
    driven = run_car("simulate", "--expert", "--track", "mycar/mine.json", "--minutes", "0.05", cwd=car_dir)
    assert "mine.json: laps driven" in driven.stdout
    # Named from the car's folder in car.toml, wherever one stands.
    (car_dir / "mycar" / "car.toml").write_text('[simulator]\ntrack = "mine.json"\n')
    driven = run_car("simulate", "--expert", "--minutes", "0.05", "--car", "mycar", cwd=car_dir)
    assert "mine.json: laps driven" in driven.stdout.replace("\n", "")
    assert "hairpin" in run_car("tracks", "list", cwd=car_dir).stdout


def test_a_drawing_becomes_a_track_with_walls(car_dir: Path) -> None:
    (car_dir / "mine.svg").write_text('<svg><path d="M10 0H70A20 20 0 0 1 70 40H10A20 20 0 0 1 10 0Z"/></svg>')
    made = run_car(
        "tracks", "import", "mine.svg", "mine.json", "--width-m", "6", "--style", "walls", "--half-width-m", "0.5",
        cwd=car_dir,
    )  # fmt: skip
    assert "14.7 m round, 1.0 m lane" in made.stdout
    shown = run_car("tracks", "show", "mine.json", "--picture", "mine.png", cwd=car_dir)
    assert "mine.json: walls" in shown.stdout


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("tracks", "show", "moon"), ("moon", "oval")),
        (("tracks", "show", "lost.json"), ("no track file",)),
        (("tracks", "show", "oval", "--picture", "oval.gpx"), ("oval.gpx", "track.png")),
        (("tracks", "show", "oval", "--picture", "nowhere/oval.png"), ("cannot be written",)),
        (("tracks", "export", "oval", "nowhere/oval.json"), ("cannot be written",)),
        (("tracks", "import", "lost.svg", "new.json", "--width-m", "5"), ("no drawing",)),
        (("simulate", "--expert", "--track", "lost.json"), ("no track file",)),
    ],
)
def test_a_mistake_with_a_track_is_one_sentence(
    car_dir: Path, command: tuple[str, ...], words: tuple[str, ...]
) -> None:
    assert_refused(run_car(*command, cwd=car_dir), *words)


def test_the_lap_markers_page_is_made_whole_or_refused_in_one_sentence(tmp_path: Path) -> None:
    assert run_car("lap-marker", "--number", "7", cwd=tmp_path).returncode == 0
    assert (tmp_path / "lap-marker.svg").read_text().endswith("</svg>\n")
    assert_refused(run_car("lap-marker", "lost/seven.svg", cwd=tmp_path), "lost/seven.svg", "Choose another folder")
    assert [path.name for path in tmp_path.iterdir()] == ["lap-marker.svg"]


def test_the_donkey_server_ends_by_ctrl_c_and_names_a_port_that_is_taken(car_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert_refused(run_car("simulate", "--serve-donkey", "--port", port, cwd=car_dir), port, "--port")
    command = [str(CAR), "simulate", "--serve-donkey", "--port", port]
    with subprocess.Popen(command, cwd=car_dir, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert f"127.0.0.1:{port}" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors


@pytest.mark.parametrize("more", [("--laps", "3"), ("--expert",), ("--fault", "all")])
def test_the_donkey_server_goes_with_its_own_options_only(car_dir: Path, more: tuple[str, ...]) -> None:
    assert_refused(run_car("simulate", "--serve-donkey", *more, cwd=car_dir), "Leave out the others")
    assert_refused(run_car("simulate", "--lock-step", cwd=car_dir), "--serve-donkey")


def test_nothing_to_train_on_says_how_to_record(car_dir: Path) -> None:
    assert_refused(run_car("train", cwd=car_dir), "sessions", "car drive")


def test_training_without_keras_says_what_to_install(car_dir: Path) -> None:
    path = car_dir / "a.mcap"
    assert run_car("simulate", "--expert", "--minutes", "0.2", "--record", path, cwd=car_dir).returncode == 0
    # An import of None is Python's own way to say that a package is not there.
    code = (
        "import sys; sys.modules.update(keras=None, tensorflow=None);"
        f"sys.argv = ['car', 'train', {str(path)!r}]; from car.cli.main import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=car_dir, capture_output=True, text=True, check=False)
    assert_refused(done, "pip install", "pocketpilot[train]")


@pytest.mark.parametrize("name", ["[/red]", "[bold]lap", "car :smile:"])
def test_a_name_with_brackets_is_printed_as_it_is(car_dir: Path, name: str) -> None:
    (car_dir / "mycar" / "car.toml").write_text(f'[car]\nname = "{name}"\n', encoding="utf-8")
    session = car_dir / "mycar" / "sessions" / f"{name.replace('/', '')}.mcap"
    assert run_car("simulate", "--expert", "--minutes", "0.1", "--record", session, cwd=car_dir).returncode == 0
    for command in (("doctor",), ("sessions", "show", session)):
        done = run_car(*command, cwd=car_dir)
        assert done.stderr.count("\n") <= 1
        assert name in done.stdout
    assert session.stem in run_car("sessions", "list", cwd=car_dir).stdout


def test_importing_an_empty_folder_says_what_to_name(car_dir: Path) -> None:
    (car_dir / "empty").mkdir()
    assert_refused(run_car("sessions", "import", "empty", cwd=car_dir), "empty", "manifest.json")


def test_a_drive_goes_out_as_a_tub_and_comes_in_again(car_dir: Path) -> None:
    session = "mycar/sessions/lap.mcap"
    assert run_car("simulate", "--expert", "--minutes", "0.1", "--record", session, cwd=car_dir).returncode == 0
    done = run_car("sessions", "export", "--out", "tubs", cwd=car_dir)
    assert done.returncode == 0, done.stderr
    assert "records exported to tubs/lap" in done.stdout
    again = run_car("sessions", "export", "--out", "tubs", cwd=car_dir)
    assert (again.returncode, again.stdout) == (0, f"lap.mcap: exported already to {Path('tubs') / 'lap'}\n")
    (car_dir / session).rename(car_dir / "before.mcap")
    done = run_car("sessions", "import", "tubs", cwd=car_dir)
    assert done.returncode == 0, done.stderr
    assert (car_dir / session).exists()
    again = run_car("sessions", "import", "tubs", cwd=car_dir)
    assert (again.returncode, again.stderr.count("car: ")) == (0, 0)
    assert "imported already" in again.stdout


def test_a_bad_tub_among_good_ones_ends_the_import_with_1_when_the_others_are_in(car_dir: Path) -> None:
    for name in ("tub_1", "tub_3"):
        SyntheticTub(car_dir / "tubs" / name).write()
    (car_dir / "tubs" / "tub_2").mkdir()
    (car_dir / "tubs" / "tub_2" / "manifest.json").write_text("[]\n")
    for _ in range(2):
        assert_refused(run_car("sessions", "import", "tubs", cwd=car_dir), "Nothing in tubs/tub_2", "Leave it out.")
    assert sorted(path.name for path in (car_dir / "mycar" / "sessions").iterdir()) == ["tub_1.mcap", "tub_3.mcap"]


def test_an_import_takes_the_folders_real_name_and_turns_the_throttle_when_told(car_dir: Path) -> None:
    tub = SyntheticTub(car_dir / "12:30 lap")
    for record in tub.records:
        record["user/throttle"] = -0.5
    folder = tub.write()
    done = run_car("sessions", "import", ".", "--car", "../mycar", cwd=folder)
    assert "--negate-throttle" in done.stdout
    done = run_car("sessions", "import", ".", "--car", "../mycar", "--negate-throttle", cwd=folder)
    assert "records that move" not in done.stdout
    listed = run_car("sessions", "list", cwd=car_dir).stdout
    assert "12_30_lap" in listed
    assert "12_30_lap_2" in listed


def test_a_bad_session_among_good_ones_ends_the_export_with_1_when_the_others_are_out(car_dir: Path) -> None:
    sessions = car_dir / "mycar" / "sessions"
    for name in ("a", "c"):
        write_session(sessions / f"{name}.mcap", frames=5)
    (sessions / "b.mcap").write_bytes(b"nonsense")
    for _ in range(2):
        assert_refused(run_car("sessions", "export", "--out", "tubs", cwd=car_dir), "b.mcap")
    assert sorted(path.name for path in (car_dir / "tubs").iterdir()) == ["a", "c"]


def test_a_recording_is_never_overwritten(car_dir: Path) -> None:
    (car_dir / "kept.mcap").write_bytes(b"precious")
    done = run_car("simulate", "--expert", "--minutes", "0.1", "--record", "kept.mcap", cwd=car_dir)
    assert_refused(done, "kept.mcap")
    assert (car_dir / "kept.mcap").read_bytes() == b"precious"


def test_debug_shows_the_traceback(car_dir: Path) -> None:
    done = run_car("--debug", "sessions", "show", "lost.mcap", cwd=car_dir)
    assert "Traceback" in done.stderr


def test_replay_twice_prints_the_same(car_dir: Path) -> None:
    assert run_car("simulate", "--minutes", "0.1", "--record", "a.mcap", cwd=car_dir).returncode == 0
    first, second = (run_car("replay", "a.mcap", cwd=car_dir) for _ in range(2))
    assert first.returncode == 0
    assert "sha256" in first.stdout
    assert first.stdout == second.stdout


def test_a_session_left_open_is_listed_as_such_and_can_be_repaired(car_dir: Path) -> None:
    path = car_dir / "mycar" / "sessions" / "cut.mcap"
    assert run_car("simulate", "--expert", "--minutes", "0.1", "--record", path, cwd=car_dir).returncode == 0
    path.write_bytes(path.read_bytes()[:-3000])
    assert "repair" in run_car("sessions", "list", cwd=car_dir).stdout
    done = run_car("sessions", "repair", cwd=car_dir)
    assert done.returncode == 0
    assert "repaired" in done.stdout
    assert "repair" not in run_car("sessions", "list", cwd=car_dir).stdout


def test_the_doctor_finds_a_fresh_simulated_car_well(car_dir: Path) -> None:
    done = run_car("doctor", cwd=car_dir)
    assert done.returncode == 0, done.stdout
    assert "simulated-lane.tflite answers in" in done.stdout


def test_the_doctor_ends_with_1_when_something_has_to_be_fixed(car_dir: Path) -> None:
    (car_dir / "mycar" / "car.toml").write_text("[camera]\nfps = 3\n")
    done = run_car("doctor", cwd=car_dir)
    assert done.returncode == 1
    assert "camera.fps" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_the_doctors_json_is_all_that_is_printed(car_dir: Path) -> None:
    report = json.loads(run_car("doctor", "--json", "--car", "mycar", cwd=car_dir).stdout)
    assert report["schema"] == 1
    assert report["car"] == "mycar"


def test_the_doctor_works_where_opencv_does_not(car_dir: Path) -> None:
    broken = car_dir / "broken"
    broken.mkdir()
    (broken / "cv2.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
    code = "import sys; sys.argv = ['car', 'doctor']; from car.cli.main import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(broken), "COLUMNS": "400"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=car_dir, env=environment, capture_output=True, text=True, check=False)
    assert "cannot be imported" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")
@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("-n 12", "ulimit -n"),
        ("-n 20", "ulimit -n"),
        ("-v 18000", "too little memory"),
        ("-v 200000", "too little memory"),
    ],
)
def test_a_machine_that_runs_out_of_something_is_one_sentence(car_dir: Path, limit: str, words: str) -> None:
    command = ["/bin/sh", "-c", f"ulimit {limit}; exec {CAR} drive --headless --laps 1"]
    done = subprocess.run(command, cwd=car_dir, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
