"""What a person sees of a simulated car is larger than what its pilot sees, and the same place."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from car.assembly.devices import open_devices
from car.assembly.eye import open_eye
from car.config.sections import CarConfig
from car.drive_record import DriveRecord
from hardware.camera import Frame, Image
from hardware.clock import VirtualClock
from simulator.track import make_track
from tests.frames import make_record


def config_of(**camera: object) -> CarConfig:
    return CarConfig.model_validate({"camera": camera, "simulator": {"seed": 3}})


def seen_by(config: CarConfig) -> tuple[DriveRecord, Frame]:
    """Return a cycle of a simulated car, with the place where it stands."""
    devices = open_devices(config, VirtualClock())
    frame = devices.camera.next_frame(timeout_ms=1000)
    assert devices.pose is not None
    devices.close()
    return replace(make_record(frame), pose=devices.pose()), frame


def difference(one: Image, other: Image) -> float:
    """Return how far apart two pictures are on average, of 255, both at the size of the second."""
    small = cv2.resize(one, (other.shape[1], other.shape[0]), interpolation=cv2.INTER_AREA)
    return float(np.abs(small.astype(int) - other).mean())


@pytest.mark.parametrize(
    "camera",
    [
        {},
        {"width": 200, "height": 66},
        {"rotation": 90},
        {"rotation": 180, "flip": "horizontal"},
        {"lens": "fisheye", "fov_deg": 160.0},
    ],
)
def test_the_picture_is_the_cameras_own_and_larger(camera: dict[str, object]) -> None:
    config = config_of(**camera)
    record, frame = seen_by(config)
    picture = open_eye(config, lambda: "oval")(record, frame)
    assert picture.shape[0] >= 240
    assert picture.shape[1] >= 320
    assert picture.shape[0] * frame.image.shape[1] == picture.shape[1] * frame.image.shape[0]
    assert difference(picture, frame.image) < 6.0
    elsewhere = replace(record, pose=make_track("oval").pose_at(3.0))
    assert difference(open_eye(config, lambda: "oval")(elsewhere, frame), frame.image) > 12.0


def test_the_picture_is_of_the_track_that_the_car_is_on_now() -> None:
    config, tracks = config_of(), ["oval"]
    record, frame = seen_by(config)
    eye = open_eye(config, lambda: tracks[-1])
    on_oval = eye(record, frame)
    for track in ("chicane", "oval"):
        tracks.append(track)
        picture = eye(replace(record, pose=make_track(track).pose_at(0.0)), replace(frame, number=len(tracks)))
        assert (difference(picture, on_oval) < 6.0) is (track == "oval")


def test_a_frame_is_drawn_once_for_all_who_look_on() -> None:
    config = config_of()
    record, frame = seen_by(config)
    eye = open_eye(config, lambda: "oval")
    assert eye(record, frame) is eye(record, frame)


@pytest.mark.parametrize("camera", [{"kind": "usb"}, {"width": 640, "height": 480}])
def test_a_camera_that_is_real_or_large_is_seen_as_it_is(camera: dict[str, object]) -> None:
    _, frame = seen_by(config_of())
    record = replace(make_record(frame), pose=make_track("oval").pose_at(0.0))
    assert open_eye(config_of(**camera), lambda: "oval")(record, frame) is frame.image


@pytest.mark.parametrize("size", [(640, 24), (160, 24), (1920, 24), (32, 1080)])
def test_a_flat_or_tall_picture_does_not_become_huge(size: tuple[int, int]) -> None:
    config = config_of(width=size[0], height=size[1])
    record, frame = seen_by(config)
    picture = open_eye(config, lambda: "oval")(record, frame)
    assert frame.image.size <= picture.size <= 640 * 480 * 3


@pytest.mark.parametrize("kind", ["pose", "track"])
def test_a_car_whose_place_or_track_is_not_known_is_seen_by_its_own_camera(kind: str) -> None:
    config = config_of()
    record, frame = seen_by(config)
    record = replace(record, pose=None if kind == "pose" else record.pose)
    assert open_eye(config, lambda: "oval" if kind == "pose" else "nowhere")(record, frame) is frame.image
