"""A tub's steering and throttle are found by the names that its own template gave them."""

from __future__ import annotations

from pathlib import Path

import pytest

from car.gate import Mode
from car.sessions import Session
from car.sessions.tub.importer import import_tub
from car.sessions.tub.keys import Keys
from car.sessions.tub.records import Defect
from hardware.drivetrain import Command
from tests.car.sessions.tub.test_importer import SyntheticTub, imported
from tests.car.sessions.tub.test_records_v1 import write_tub


@pytest.fixture
def tub(tmp_path: Path) -> SyntheticTub:
    return SyntheticTub(tmp_path / "data")


def rename(tub: SyntheticTub, steering: str, throttle: str) -> None:
    tub.inputs = {"cam/image_array": "image_array", steering: "float", throttle: "float"}
    for record in tub.records:
        del record["user/mode"]
        record[steering], record[throttle] = record.pop("user/angle"), record.pop("user/throttle")


NAMES = pytest.mark.parametrize(
    ("steering", "throttle"),
    [
        ("steering", "throttle"),
        ("user/steering", "user/throttle"),
        ("angle", "throttle"),
        ("gamepad/steering", "gamepad/throttle"),
    ],
)


@NAMES
def test_a_tub_of_another_template_is_manual_driving(tub: SyntheticTub, steering: str, throttle: str) -> None:
    rename(tub, steering, throttle)
    report, records = imported(tub)
    assert (report.imported, report.defects, report.unused_keys) == (25, {}, ())
    assert [record.driver for record in records] == [Command(index / 100, 0.5) for index in range(25)]
    assert {record.mode for record in records} == {Mode.MANUAL}


@NAMES
def test_where_the_manifest_is_lost_the_records_tell(tub: SyntheticTub, steering: str, throttle: str) -> None:
    rename(tub, steering, throttle)
    (tub.write() / "manifest.json").unlink()
    report, _ = imported(tub)
    assert report.imported == 25
    assert Defect.NO_COMMAND not in report.defects


def test_a_tub_of_version_1_of_another_template_is_taken_too(tmp_path: Path) -> None:
    tub = write_tub(tmp_path / "tub")
    for path in (*tub.glob("record_*.json"), tub / "meta.json"):
        path.write_text(path.read_text().replace("user/angle", "steering").replace("user/throttle", "throttle"))
    report = import_tub(tub, tmp_path / "out.mcap")
    assert (report.imported, report.defects) == (12, {})


def test_a_pilots_command_is_never_taken_for_the_drivers(tub: SyntheticTub) -> None:
    for record in tub.records:
        record["pilot/angle"] = record.pop("user/angle")
    tub.inputs = {"cam/image_array": "image_array", "pilot/angle": "float", "user/throttle": "float"}
    assert Keys.listed(list(tub.inputs), list(tub.inputs.values())).steering == ""


def test_a_pilots_steering_is_read_by_either_name(tub: SyntheticTub) -> None:
    rename(tub, "user/steering", "user/throttle")
    for record in tub.records:
        record |= {"user/mode": "local", "pilot/steering": -0.5, "pilot/throttle": 0.25}
    tub.inputs |= {"pilot/steering": "float", "pilot/throttle": "float"}
    _, records = imported(tub)
    assert {record.applied for record in records} == {Command(-0.5, 0.25)}


def test_of_two_that_end_alike_none_is_guessed(tub: SyntheticTub) -> None:
    names = ["cam/image_array", "left/angle", "right/angle", "user/throttle"]
    assert Keys.listed(names, ["image_array", "float", "float", "float"]) == Keys(throttle="user/throttle")


def test_the_forward_camera_is_taken_of_two(tub: SyntheticTub) -> None:
    names = ["cam/depth_array", "cam/image_array", "user/angle", "user/throttle"]
    keys = Keys.listed(names, ["image_array", "image_array", "float", "float"])
    assert (keys.image, keys.steering) == ("cam/image_array", "user/angle")
    assert Keys.listed(["front", "angle", "throttle"], ["image_array", "float", "float"]).image == "front"


@pytest.mark.parametrize(
    ("inputs", "types"), [(None, None), ([], []), ([1, None], ["image_array"]), ("ab", "cd"), ([[]], [{}])]
)
def test_a_manifest_that_says_anything_is_no_error(inputs: object, types: object) -> None:
    assert not Keys.listed(inputs, types).are_complete


def test_keys_without_a_place_in_a_session_are_listed_in_the_report(tub: SyntheticTub) -> None:
    tub.records[3] |= {"imu/gyr_x": 0.25, "enc/speed": 1.0}
    report, _ = imported(tub)
    assert "keys without a place in a session: enc/speed, imu/gyr_x" in str(report)


def test_of_very_many_keys_the_report_lists_some(tub: SyntheticTub) -> None:
    tub.records[3] |= {f"lidar/{number:03}": 1.0 for number in range(300)}
    report, _ = imported(tub)
    assert "and 280 more" in str(report)


def backwards(tub: SyntheticTub) -> None:
    for record in tub.records[:20]:
        record["user/throttle"] = -0.5


def test_a_tub_that_mostly_drives_backwards_is_asked_about(tub: SyntheticTub) -> None:
    backwards(tub)
    report, _ = imported(tub)
    assert (report.moving, report.backwards) == (25, 20)
    assert "negative in 20 of 25 records that move" in str(report)
    assert "delete the session out and run `car sessions import --negate-throttle`" in str(report)


def test_a_negated_throttle_drives_forwards_the_pilots_too(tub: SyntheticTub, tmp_path: Path) -> None:
    backwards(tub)
    tub.records[1] |= {"user/mode": "local", "pilot/angle": 0.25, "pilot/throttle": -0.5}
    report = import_tub(tub.write(), tmp_path / "out.mcap", negate_throttle=True)
    assert report.backwards == 5
    assert "records that move" not in str(report)
    with Session.open(report.path) as session:
        records = list(session.records())
    assert [records[0].driver, records[1].applied] == [Command(0.0, 0.5), Command(0.25, 0.5)]


def test_a_tub_that_parks_now_and_then_is_not_asked_about(tub: SyntheticTub) -> None:
    for record in tub.records[:10]:
        record["user/throttle"] = -0.5
    assert "negative" not in str(imported(tub)[0])
