"""One program at a time has a car and its outputs, and the second one hears who has them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from car.assembly import ownership
from car.assembly.ownership import FOLDER_LOCK, owning
from car.errors import CarInUse
from hardware.neutral import Output

BOARD: Output = {"kind": "pca9685", "bus": 1, "address": 0x40, "counts": {}}
OTHER_BOARD: Output = {"kind": "pca9685", "bus": 1, "address": 0x41, "counts": {}}
MOTORS: Output = {"kind": "low_lines", "gpios": [17, 27]}
SERVO: Output = {"kind": "hardware_pwm", "gpio": 27, "pulse_ns": 1_500_000}

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no locks of this kind")


@pytest.fixture(autouse=True)
def lock_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "locks"
    folder.mkdir()
    monkeypatch.setattr(ownership, "LOCK_FOLDERS", (str(folder),))
    return folder


@pytest.fixture
def cars(tmp_path: Path) -> tuple[Path, Path]:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    return one, other


def test_a_car_is_its_first_programs_and_the_second_hears_whose(cars: tuple[Path, Path]) -> None:
    with (
        owning(cars[0], [], "car drive"),
        pytest.raises(CarInUse, match=f"in use already, by `car drive`, process {os.getpid()}. End that first."),
        owning(cars[0], [], "car calibrate"),
    ):
        pass


def test_a_car_is_free_again_when_its_program_has_let_go(cars: tuple[Path, Path]) -> None:
    for _ in range(2):
        with owning(cars[0], [BOARD, MOTORS], "car drive"):
            pass


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ([BOARD], [BOARD], "The board at 0x40 on I²C bus 1"),
        ([MOTORS], [SERVO], "GPIO27"),
        ([{"kind": "timeline", "path": "/run/wheels"}], [{"kind": "timeline", "path": "/run/../run/wheels"}], "wheels"),
    ],
)
def test_two_cars_with_one_output_do_not_both_get_it(
    cars: tuple[Path, Path], first: list[Output], second: list[Output], words: str
) -> None:
    with (
        owning(cars[0], first, "car drive"),
        pytest.raises(CarInUse, match=words),
        owning(cars[1], second, "car drive"),
    ):
        pass
    with owning(cars[1], second, "car drive"):
        pass


def test_two_cars_with_outputs_of_their_own_drive_side_by_side(cars: tuple[Path, Path]) -> None:
    with owning(cars[0], [BOARD], "car drive"), owning(cars[1], [OTHER_BOARD, MOTORS], "car drive"):
        pass


def test_a_program_that_is_killed_leaves_the_car_free(cars: tuple[Path, Path]) -> None:
    code = (
        "import os, sys; from pathlib import Path; from car.assembly.ownership import owning\n"
        f"with owning(Path({str(cars[0])!r}), [], 'car drive'):\n    print('mine', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"mine\n"
        with pytest.raises(CarInUse, match=f"process {other.pid}"), owning(cars[0], [], "car drive"):
            pass
        other.kill()
        other.wait()
        with owning(cars[0], [], "car drive"):
            pass


def test_a_lock_file_full_of_junk_names_another_program(cars: tuple[Path, Path]) -> None:
    with owning(cars[0], [], "car drive"):
        (cars[0] / FOLDER_LOCK).write_bytes(b"\xff\x00junk")
        with pytest.raises(CarInUse, match="by another program"), owning(cars[0], [], "car drive"):
            pass


def test_a_lock_of_another_users_can_be_held_though_not_signed(cars: tuple[Path, Path]) -> None:
    path = cars[0] / FOLDER_LOCK
    path.write_text("{}")
    path.chmod(0o444)
    with owning(cars[0], [], "car drive"), pytest.raises(CarInUse), owning(cars[0], [], "car drive"):
        pass


def test_a_folder_in_which_nothing_can_be_written_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CarInUse, match="cannot be claimed"), owning(tmp_path / "gone", [], "car drive"):
        pass
