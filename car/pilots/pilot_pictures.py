"""What the pilot that drives goes by, for people: drawn beside the drive, by another pilot of the same making."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoAnswer
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from car.kinds.ours import PILOTS
from car.kinds.pilot import Pilot, PilotSection
from car.pilots.choosing import choose_pilot, open_chosen
from hardware.camera import CameraGeometry, Frame, Image
from models.errors import ModelError

ANSWER_TIMEOUT_S = 2.0
T = TypeVar("T")


class PilotPictures:
    """Draws frames as a pilot of the car sees them; for any thread, though the pilot itself has a thread of its own.

    >>> pictures = PilotPictures(PilotSection(), geometry, folder)
    >>> pictures.has("line-follower"), pictures.has("simulated-lane")
    (True, False)
    >>> pictures.draw("line-follower", frame).shape
    (360, 480, 3)
    >>> pictures.close()

    A pilot is named as it names itself. Only one without a model may have something to show.
    """

    def __init__(self, configured: PilotSection, camera: CameraGeometry, car_dir: Path) -> None:
        self._configured, self._camera, self._car_dir = configured, camera, car_dir
        self._opened: tuple[str, Pilot | None] = "", None
        self._hangs: Future[Any] | None = None
        self._asked: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = queue.SimpleQueue()
        # A daemon, so that a pilot that hangs does not keep the process from its end.
        threading.Thread(target=self._answer, name="pilot-pictures", daemon=True).start()

    def has(self, name: str) -> bool:
        """Return whether the pilot ``name`` shows what it goes by; no, where it does not say in time."""
        try:
            return self._ask(lambda: self._pilot(name) is not None)
        except NoAnswer:
            return False

    def draw(self, name: str, frame: Frame) -> Image:
        """Return ``frame`` as the pilot ``name`` draws it: RGB uint8, height × width × 3.

        Raises ModelError when it does not, or not in time.
        """
        try:
            return self._ask(lambda: self._drawn(name, frame))
        except NoAnswer:
            raise ModelError(
                f"The pilot {name} draws no picture within {ANSWER_TIMEOUT_S:g} s. Look at the camera's instead."
            ) from None

    def close(self) -> None:
        """Close the pilot; one that does not answer is left behind."""
        self._asked.put((Future(), self._close))

    def _ask(self, question: Callable[[], T]) -> T:
        if self._hangs is not None and not self._hangs.done():
            raise NoAnswer
        answer: Future[T] = Future()
        self._asked.put((answer, question))
        try:
            return answer.result(ANSWER_TIMEOUT_S)
        finally:
            if not answer.cancel():
                self._hangs = answer

    def _answer(self) -> None:
        question: Callable[[], Any] | None = None
        while question != self._close:
            answer, question = self._asked.get()
            if answer.set_running_or_notify_cancel():
                try:
                    answer.set_result(question())
                except Exception as error:  # noqa: BLE001 - it is raised where it was asked
                    answer.set_exception(error)

    def _drawn(self, name: str, frame: Frame) -> Image:
        pilot = self._pilot(name)
        try:
            picture = None if pilot is None else pilot.picture(frame)
        except Exception as error:
            raise ModelError(f"The pilot {name} cannot draw a picture ({error!r}). Check its package.") from error
        if picture is None:
            raise ModelError(f"The pilot {name} does not show what it goes by. Look at the camera's picture.")
        if not (
            isinstance(picture, np.ndarray) and picture.dtype == np.uint8 and picture.shape[2:] == (3,) and picture.size
        ):
            raise ModelError(f"What the pilot {name} draws is not RGB uint8. Check its package.")
        return picture

    def _pilot(self, name: str) -> Pilot | None:
        if self._opened[0] != name:
            self._close()
            self._opened = name, self._open(name)
        return self._opened[1]

    def _open(self, name: str) -> Pilot | None:
        """Open another pilot like the one called ``name``; None where it has nothing to show."""
        section = self._section(name)
        with contextlib.suppress(Exception):  # The one that drives could be opened; this one is for show.
            # Asked of the kind: a pilot may hold a device of which there is one.
            if section is None or not PILOTS.find(section.kind).has_picture:
                return None
            pilot = open_chosen(section, self._camera, self._car_dir)
            if pilot.name == name:
                return pilot
            pilot.close()
        return None

    def _section(self, name: str) -> PilotSection | None:
        try:
            return choose_pilot(name, self._configured, self._car_dir)
        except ModelError:
            # A stranger's pilot may call itself otherwise than its kind.
            return self._configured

    def _close(self) -> None:
        pilot = self._opened[1]
        self._opened = "", None
        if pilot is not None:
            with contextlib.suppress(Exception):
                pilot.close()
