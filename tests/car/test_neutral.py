"""``car neutral`` stops the wheels of any car, with little to lean on."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from car.faults.strikes import CAR
from car.neutral import main
from hardware.drivetrain import NEUTRAL
from hardware.drivetrains.timeline import read_timeline
from tests.system.car_process import run_car


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    (tmp_path / "mycar").mkdir()
    path = tmp_path / "wheels.timeline"
    (tmp_path / "mycar" / "car.toml").write_text(f'[drivetrain]\ntimeline = "{path}"\n', encoding="utf-8")
    return path


@pytest.mark.parametrize(("arguments", "where"), [(["--car", "mycar"], "."), ([], "."), ([], "mycar")])
def test_every_output_is_neutral(tmp_path: Path, wheels: Path, arguments: list[str], where: str) -> None:
    done = run_car("neutral", *arguments, cwd=tmp_path / where)
    assert (done.returncode, done.stderr) == (0, "")
    assert [applied.command for applied in read_timeline(wheels)] == [NEUTRAL]


def test_a_mistake_elsewhere_in_the_configuration_is_no_hindrance(tmp_path: Path, wheels: Path) -> None:
    path = tmp_path / "mycar" / "car.toml"
    path.write_text(path.read_text() + "\n[camera]\nfps = 'many'\n", encoding="utf-8")
    assert run_car("neutral", cwd=tmp_path).returncode == 0
    assert len(read_timeline(wheels)) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--car", "nowhere"], ["nowhere", "--car"]),
        (["now"], ["usage"]),
        (["--car", "broken"], ["TOML", "power"]),
        (["--car", "unwritable"], ["could not be put to neutral", "power"]),
        (["--car", "odd"], ["could not be put to neutral", "no known way", "power"]),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in (
        ("broken", "[drivetrain\n"),
        ("unwritable", '[drivetrain]\ntimeline = "no/such/file"\n'),
        ("odd", '[drivetrain]\nkind = ["servo_esc"]\n'),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "car.toml").write_text(text, encoding="utf-8")
    assert main(arguments) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert all(word in message for word in words)


def test_car_neutral_imports_neither_the_command_line_nor_anything_heavy() -> None:
    code = "import sys; from car.neutral import main; print(sorted(sys.modules))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not [name for name in ("typer", "rich", "pydantic", "numpy", "cv2") if f"'{name}'" in printed]


@pytest.mark.parametrize("kind", ["simulated", "servo_esc", "differential"])
def test_our_drivetrains_are_neutral_without_a_look_at_any_package(tmp_path: Path, kind: str) -> None:
    (tmp_path / "car.toml").write_text(f'[drivetrain]\nkind = "{kind}"\n', encoding="utf-8")
    code = "import sys; from car.neutral import main; main([]); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert not [name for name in ("pydantic", "car.kinds", "importlib.metadata") if f"'{name}'" in done.stdout]


@pytest.fixture
def waiting(tmp_path: Path, wheels: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """``car neutral``, which has said that another program holds the wheels, and that program's hold on them."""
    fcntl = pytest.importorskip("fcntl", reason="Windows has no such locks")
    wheels.touch()
    holder = os.open(wheels, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    command = [*CAR, "neutral", "--car", "mycar"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "busy" in process.stderr.readline()
        assert "busy" in process.stderr.readline()
        yield process, holder
        process.kill()


def test_it_tries_until_the_wheels_are_free_and_says_how_long_it_took(
    wheels: Path, waiting: tuple[subprocess.Popen[str], int]
) -> None:
    process, holder = waiting
    os.close(holder)
    _, words = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "is neutral now" in words
    assert [applied.command for applied in read_timeline(wheels)] == [NEUTRAL]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_a_person_and_a_service_manager_can_end_it(
    wheels: Path, waiting: tuple[subprocess.Popen[str], int], number: int, code: int
) -> None:
    process, holder = waiting
    process.send_signal(number)
    _, words = process.communicate(timeout=60)
    os.close(holder)
    assert process.returncode == code
    assert ("power" in words) == (number == signal.SIGINT)
    assert "Traceback" not in words
    assert read_timeline(wheels) == []
