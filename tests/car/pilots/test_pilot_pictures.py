"""What a pilot goes by is drawn beside the drive, and no stranger's drawing brings down or holds up who asks for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from car.kinds.ours import PILOTS
from car.kinds.pilot import Pilot, PilotAnswer, PilotKind, PilotSection
from car.pilots import pilot_pictures
from car.pilots.pilot_pictures import PilotPictures
from hardware.camera import CameraGeometry, Frame, Image
from hardware.drivetrain import Command
from models.errors import ModelError

CAMERA = CameraGeometry()
FRAME = Frame(np.zeros((CAMERA.height, CAMERA.width, 3), np.uint8), 0, 0)
GREY = np.full((30, 40, 3), 128, np.uint8)


class Stranger(Pilot):
    """Draws what it was made to draw, in the words of its own name."""

    def __init__(self, name: str, draw: Callable[[], Any]) -> None:
        self.name = name
        self._draw = draw
        self.threads: set[int] = set()
        self.closed = 0

    def drive(self, frame: Frame) -> PilotAnswer:
        return PilotAnswer(Command(0.0, 0.0))

    def picture(self, frame: Frame) -> Image | None:
        self.threads.add(threading.get_ident())
        picture: Image | None = self._draw()
        return picture

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def pictures_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[Pilot], PilotPictures]]:
    """Return what makes the pictures of a car that a stranger's pilot drives."""
    opened: list[PilotPictures] = []

    def make(pilot: Pilot) -> PilotPictures:
        class Kind(PilotKind[PilotSection]):
            section = PilotSection
            has_picture = True

            def open(self, section: PilotSection, camera: CameraGeometry, car_dir: Path) -> Pilot:
                return pilot

        monkeypatch.setitem(PILOTS._found, "strange", Kind())
        opened.append(PilotPictures(PilotSection(kind="strange"), CAMERA, tmp_path))
        return opened[-1]

    yield make
    for pictures in opened:
        pictures.close()


def test_a_pilot_that_calls_itself_otherwise_than_its_kind_is_drawn_from_one_thread(
    pictures_of: Callable[[Pilot], PilotPictures],
) -> None:
    stranger = Stranger("Yellow line", lambda: GREY)
    pictures = pictures_of(stranger)
    assert pictures.has("Yellow line")
    for asking in [threading.Thread(target=pictures.draw, args=("Yellow line", FRAME)) for _ in range(3)]:
        asking.start()
        asking.join()
    assert np.array_equal(pictures.draw("Yellow line", FRAME), GREY)
    assert len(stranger.threads) == 1
    assert not pictures.has("simulated-lane")
    assert stranger.closed == 1


def test_a_model_has_none_and_the_line_follower_has(tmp_path: Path) -> None:
    pictures = PilotPictures(PilotSection(), CAMERA, tmp_path)
    try:
        assert not pictures.has("simulated-lane")
        with pytest.raises(ModelError, match="does not show what it goes by"):
            pictures.draw("simulated-lane", FRAME)
        assert pictures.has("line-follower")
        assert pictures.draw("line-follower", FRAME).shape == (360, 480, 3)
    finally:
        pictures.close()


def _fail() -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: None, "does not show what it goes by"),
        (_fail, "cannot draw a picture"),
        (lambda: GREY.astype(float), "is not RGB uint8"),
        (lambda: GREY[:, :, 0], "is not RGB uint8"),
        (lambda: GREY[:0], "is not RGB uint8"),
        (lambda: "a picture", "is not RGB uint8"),
    ],
    ids=["none", "error", "float", "grey", "empty", "text"],
)
def test_a_strangers_bad_picture_is_one_sentence(
    pictures_of: Callable[[Pilot], PilotPictures], draw: Callable[[], Any], words: str
) -> None:
    pictures = pictures_of(Stranger("strange", draw))
    with pytest.raises(ModelError, match=words):
        pictures.draw("strange", FRAME)


def test_a_stranger_that_hangs_holds_nobody_up(
    pictures_of: Callable[[Pilot], PilotPictures], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pilot_pictures, "ANSWER_TIMEOUT_S", 0.1)
    ended = threading.Event()
    pictures = pictures_of(Stranger("strange", lambda: ended.wait(60.0) and None))
    try:
        with pytest.raises(ModelError, match="draws no picture within"):
            pictures.draw("strange", FRAME)
        # Nobody waits for it any more, and no frame is kept for it.
        monkeypatch.setattr(pilot_pictures, "ANSWER_TIMEOUT_S", 60.0)
        assert not pictures.has("strange")
        with pytest.raises(ModelError):
            pictures.draw("strange", FRAME)
        assert pictures._asked.empty()
    finally:
        ended.set()
