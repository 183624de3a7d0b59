"""A package from outside, installed into an environment of its own, drives by car.toml alone."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from hardware.drivetrain import NEUTRAL
from hardware.drivetrains.timeline import read_timeline
from tests.plugin.stranger import PACKAGE, Stranger, build_wheel, toy_rover
from tests.system.car_process import PATIENCE_S, wait_for

CAR_TOML = """
[camera]
kind = "rover_eye"
contrast = 1.1
[drivetrain]
kind = "rover_tracks"
port = "{port}"
timeline = "wheels.timeline"
[sensors.bow]
kind = "rover_bow"
[obstacle]
sensors = ["bow"]
[speed]
sensor = "bow"
control = true
[pilot]
kind = "rover_nose"
[gate]
autopilot_throttle_cap = 0.5
[recording]
enabled = false
"""


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Stranger:
    folder = tmp_path_factory.mktemp("stranger")
    stranger = Stranger(folder / "venv")
    stranger.install(toy_rover(folder))
    return stranger


@pytest.fixture
def car(tmp_path: Path) -> Path:
    """A car of the package's parts, in a folder of its own."""
    (tmp_path / "port").touch()
    (tmp_path / "car.toml").write_text(CAR_TOML.format(port=tmp_path / "port"), encoding="utf-8")
    return tmp_path


@pytest.fixture
def drive(stranger: Stranger, car: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        stranger.command("drive", "--headless"), cwd=car, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    yield process
    for each in [*psutil.Process(process.pid).children(recursive=True), process] if process.poll() is None else []:
        each.kill()
    process.communicate()


def test_the_whole_package_has_fewer_than_150_lines() -> None:
    assert sum(len(path.read_text("utf-8").splitlines()) for path in PACKAGE.glob("*.*")) < 150


def test_a_car_of_another_packages_parts_drives_a_lap(drive: subprocess.Popen[str], car: Path) -> None:
    def has_driven_a_lap() -> bool:
        assert drive.poll() is None, drive.communicate()[0]
        return (car / "port").read_text("utf-8") == "lap 1\n"

    wait_for(has_driven_a_lap, "the lap")
    drive.send_signal(signal.SIGINT)
    output, _ = drive.communicate(timeout=PATIENCE_S)
    assert "neutral" in output
    assert drive.returncode == 130
    assert read_timeline(car / "wheels.timeline")[-1].command == NEUTRAL


def test_the_guard_stops_another_packages_drivetrain_when_the_drive_is_killed(
    drive: subprocess.Popen[str], car: Path
) -> None:
    timeline = car / "wheels.timeline"

    def drives() -> bool:
        assert drive.poll() is None, drive.communicate()[0]
        return timeline.exists() and any(applied.command.throttle > 0.1 for applied in read_timeline(timeline))

    wait_for(drives, "the car to drive")
    drive.kill()
    wait_for(lambda: (car / "port").read_text("utf-8").endswith("halt\n"), "the guard")


def test_car_neutral_puts_another_packages_drivetrain_to_neutral(stranger: Stranger, car: Path) -> None:
    done = stranger.car("neutral", cwd=car)
    assert (done.returncode, done.stderr) == (0, "")
    assert (car / "port").read_text("utf-8") == "halt\n"
    assert [applied.command for applied in read_timeline(car / "wheels.timeline")] == [NEUTRAL]


def test_the_doctor_speaks_of_another_packages_parts(stranger: Stranger, car: Path) -> None:
    report = json.loads(stranger.car("doctor", "--json", cwd=car).stdout)
    texts: dict[str, list[str]] = {}
    for finding in report["findings"]:
        texts.setdefault(finding["check"], []).append(finding["text"])
    assert "The package toy-rover has the drivetrain rover_tracks." in texts["plugins"]
    assert texts["camera"] == ["The camera is a rover_eye, of the package toy-rover."]
    assert texts["drivetrain"] == [
        "The rover_tracks drivetrain, of the package toy-rover, has nothing to calibrate.",
        f"The tracks listen on {car / 'port'}.",
    ]
    assert texts["sensors"] == [
        "The sensor bow is a rover_bow, of the package toy-rover.",
        "The car stops 0.7 m before what bow sees, and is slower from 2 m on.",
        "The car's speed is what bow measures: it holds it, 4 m/s at full throttle, and trips without it.",
    ]
    assert texts["pilot"][0].startswith("rover_nose answers in")
    assert texts["configuration"] == ["car.toml is in order."]


def test_a_pilot_of_another_package_drives_our_simulated_car_by_its_name(stranger: Stranger, tmp_path: Path) -> None:
    done = stranger.car("simulate", "--model", "rover_nose", "--laps", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "laps driven: 1" in done.stdout


def test_a_pilot_of_another_package_is_evaluated_on_sessions_and_tracks(stranger: Stranger, tmp_path: Path) -> None:
    recorded = stranger.car("simulate", "--expert", "--minutes", "0.1", "--record", "drive.mcap", cwd=tmp_path)
    assert recorded.returncode == 0, recorded.stderr
    done = stranger.car("evaluate", "rover_nose", "drive.mcap", "--track", "oval", "--laps", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rover_nose on" in done.stdout
    assert "1 of 1" in done.stdout
    refused = stranger.car("evaluate", "rover_nose", "--track", "oval", "--save", cwd=tmp_path)
    assert refused.returncode == 1
    assert "rover_nose is no model" in refused.stderr


def test_a_fault_is_tried_with_a_pilot_of_another_package(stranger: Stranger, car: Path) -> None:
    done = stranger.car("simulate", "--fault", "pilot-raises", "--clock", "real", cwd=car)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_drivetrain_without_a_calibration_says_so_in_one_sentence(stranger: Stranger, car: Path) -> None:
    code = (
        "from pathlib import Path; from car.config.folder import open_car;"
        "from car.processes.calibrate import calibrate; calibrate(open_car(Path()))"
    )
    done: Any = subprocess.run([stranger.python, "-c", code], cwd=car, capture_output=True, text=True, check=False)
    assert "A rover_tracks drivetrain has nothing to calibrate." in done.stderr


MISTAKES = [
    ('[camera]\nkind = "rover_ear"\n', ["rover_ear", "simulated, picamera, usb or rover_eye", "install"]),
    ('[camera]\nkind = "rover_eye"\n', ["camera.contrast", "required"]),
    ('[camera]\nkind = "rover_eye"\ncontrast = 1.0\nzoom = 2\n', ["unknown key `camera.zoom`", "contrast"]),
    ('[drivetrain]\nkind = "tracks"\n', ["servo_esc, differential or rover_tracks"]),
    ('[sensors.bow]\nkind = "radar"\n', ["sensors.bow.kind", "radar", "rover_bow"]),
    ('[sensors.bow]\nkind = "rover_bow"\nwheel = 3\n', ["unknown key `sensors.bow.wheel`", "kind"]),
    ("[sensors]\nbow = 3\n", ["sensors.bow", "3"]),
    ('[pilot]\nkind = "rover_nose"\ngain = "much"\n', ["pilot.gain", "much"]),
]


@pytest.fixture(scope="module")
def messages(stranger: Stranger, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What is said of each of the mistakes."""
    code = """
import json, sys
from pathlib import Path
from car.config.sections import load_config
from car.errors import ConfigError
messages = []
for number, text in enumerate(json.loads(sys.argv[1])):
    Path("car.toml").write_text(text)
    try:
        load_config(Path("car.toml"))
        messages.append("nothing is wrong")
    except ConfigError as error:
        messages.append(str(error))
print(json.dumps(messages))
"""
    texts = json.dumps([text for text, _ in MISTAKES])
    folder = tmp_path_factory.mktemp("mistakes")
    printed = subprocess.check_output([stranger.python, "-c", code, texts], cwd=folder, text=True)
    said: list[str] = json.loads(printed)
    return said


@pytest.mark.parametrize("number", range(len(MISTAKES)))
def test_a_mistake_in_another_packages_section_is_one_line_too(messages: list[str], number: int) -> None:
    assert "\n" not in messages[number]
    assert all(word in messages[number] for word in ["car.toml", *MISTAKES[number][1]]), messages[number]


def test_a_broken_package_is_named_by_every_command(tmp_path: Path) -> None:
    stranger = Stranger(tmp_path / "venv")
    entry_points = {"pocketpilot.drivetrains": {"wreck": "wreck_driver:Wreck"}}
    stranger.install(build_wheel(tmp_path, "wreck-driver", {"wreck_driver": "import no_such_module\n"}, entry_points))
    (tmp_path / "car.toml").write_text('[drivetrain]\nkind = "wreck"\ntimeline = "wheels"\n', encoding="utf-8")
    drive, neutral = (stranger.car(*words, cwd=tmp_path) for words in (["drive", "--headless"], ["neutral"]))
    for done in (drive, neutral):
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1, done.stderr
        assert "wreck-driver" in done.stderr
        assert "no_such_module" in done.stderr
    assert [applied.command for applied in read_timeline(tmp_path / "wheels")] == [NEUTRAL]
    report = json.loads(stranger.car("doctor", "--json", cwd=tmp_path).stdout)
    bad = {finding["check"]: finding["text"] for finding in report["findings"] if finding["level"] != "ok"}
    assert "wreck-driver" in bad["plugins"]
    assert "wreck-driver" in bad["configuration"]
    # Whoever does not name it never notices.
    (tmp_path / "car.toml").write_text("", encoding="utf-8")
    assert stranger.car("sessions", "list", cwd=tmp_path).returncode == 0
