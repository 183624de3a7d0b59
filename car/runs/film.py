"""A film of a drive, written while it is driven: WebM, which every browser and player shows, or GIF."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol

import cv2
import numpy as np

from car.drive_record import DriveRecord
from car.errors import RecordingError
from car.runs.film_picture import CAR, STEERING, THROTTLE, WAY
from hardware.camera import Frame, Image

WEBM_HZ, GIF_HZ = 20.0, 10.0
"""A film has so many pictures a second at most, and the camera's every one, second or third of them."""
MIN_FREE_BYTES = 8_000_000
"""OpenCV does not say that a disk is full, so that it has to be asked before."""
CHECKED_EVERY = 50
GIF_COLOURS = 64
GIF_SHARE = 2 / 3
"""Of a film's width and height: a GIF takes several times what a WebM does."""
SUFFIXES = (".webm", ".gif")


class Pictures(Protocol):
    """What draws the pictures of a film: ``FilmPictures`` of a simulated drive, ``ReplayPictures`` of a replay."""

    def draw(self, record: DriveRecord, seen: Image) -> Image:
        """Return the picture of a cycle whose frame shows ``seen``: RGB uint8, all of one size."""


class _File(Protocol):
    """A file of pictures."""

    def add(self, picture: Image) -> None:
        """Append a picture; raises OSError."""

    def close(self) -> None:
        """Finish the file; what is in it by then can be played. Raises OSError."""


class Film:
    """Films a drive into a file that is not there yet; hand it to a simulation or a replay as its observer.

    >>> from car.runs.film_picture import FilmPictures
    >>> from simulator.track import make_track
    >>> with Film(folder / "drive.webm", FilmPictures(make_track("oval")), rate_hz=20.0) as film:
    ...     for frame in frames:
    ...         film(record, frame)
    >>> film.pictures, (folder / "drive.webm").stat().st_size > 0
    (60, True)

    ``drawn`` draws its pictures. ``rate_hz`` is the camera's; the film runs as fast as the drive did. Of a drive longer
    than ``seconds`` the beginning is filmed. The ending of ``path`` says what it becomes. Raises RecordingError, and
    leaves no file, when that cannot be written or the disk is full; a drive that ends for any other reason leaves the
    film up to there.
    """

    def __init__(self, path: Path, drawn: Pictures, rate_hz: float, seconds: float = float("inf")) -> None:
        self._path = path
        self._is_gif = path.suffix.lower() == ".gif"
        self._each = max(1, round(rate_hz / (GIF_HZ if self._is_gif else WEBM_HZ)))
        self._rate_hz = rate_hz / self._each
        self._most = seconds * self._rate_hz
        self._drawn = drawn
        self._file: _File | None = None
        self._seen = 0
        self.pictures = 0
        if path.suffix.lower() not in SUFFIXES:
            raise RecordingError(f"{path} has no ending of a film. Call it {path.stem}.webm or {path.stem}.gif.")
        if self._is_gif:
            _check_pillow(path)
        with self._failing():
            # Taken here and now: nobody's file is written over, and what cannot be written is known before the drive.
            path.open("xb").close()

    def __enter__(self) -> Film:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __call__(self, record: DriveRecord, frame: Frame | None) -> None:
        """Film a cycle, if it has a frame and its turn has come."""
        if frame is None:
            return
        if self._seen % self._each == 0 and self.pictures < self._most:
            self._add(self._drawn.draw(record, frame.image))
        self._seen += 1

    def close(self) -> None:
        """Finish the film; without a picture there is none."""
        file, self._file = self._file, None
        if file is not None:
            with self._failing():
                file.close()
        elif self.pictures == 0:
            self._path.unlink(missing_ok=True)

    def _add(self, picture: Image) -> None:
        with self._failing():
            if self._file is None:
                kind = _GifFile if self._is_gif else _WebmFile
                self._file = kind(self._path, picture, self._rate_hz)
            if self.pictures % CHECKED_EVERY == 0 and shutil.disk_usage(self._path.parent).free < MIN_FREE_BYTES:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._file.add(picture)
        self.pictures += 1

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        """Turn what goes wrong into one sentence, and take away what was written."""
        try:
            yield
        except FileExistsError as error:
            raise RecordingError(f"{self._path} exists already. Choose another name.") from error
        except OSError as error:
            file, self._file = self._file, None
            with contextlib.suppress(OSError):
                if file is not None:
                    file.close()
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
            why = error.strerror or error
            raise RecordingError(
                f"{self._path} cannot be written ({why}). Choose another folder, or free some space."
            ) from error


class _WebmFile:
    """VP8 in WebM: of what OpenCV's wheels encode, what browsers play and a Raspberry Pi is quick enough for."""

    def __init__(self, path: Path, first: Image, rate_hz: float) -> None:
        height, width = first.shape[:2]
        fourcc = cv2.VideoWriter.fourcc(*"VP80")
        with _quiet_encoder():
            # The whole path: FFmpeg takes what stands before a colon for a protocol.
            self._writer = cv2.VideoWriter(str(path.absolute()), cv2.CAP_FFMPEG, fourcc, rate_hz, (width, height))
        if not self._writer.isOpened():
            raise OSError("this OpenCV encodes no WebM: install opencv-python-headless with pip")

    def add(self, picture: Image) -> None:
        self._writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        self._writer.release()


class _GifFile:
    """A GIF whose colours stay put: it is half as large, does not flicker, and can be written as it comes."""

    def __init__(self, path: Path, first: Image, rate_hz: float) -> None:
        from PIL import Image as PillowImage
        from PIL.GifImagePlugin import getheader

        # The marks are too small to get colours of their own by their share of the picture.
        swatches = [np.full_like(first[:40], colour) for colour in (CAR, STEERING, THROTTLE, WAY)]
        self._palette: Any = PillowImage.fromarray(np.vstack([first, *swatches])).quantize(GIF_COLOURS)
        self._duration_ms = round(1000.0 / rate_hz)
        self._file: BinaryIO = path.open("wb")
        header, _ = getheader(self._quantized(first), info={"loop": 0})
        self._file.write(b"".join(header))

    def add(self, picture: Image) -> None:
        from PIL.GifImagePlugin import getdata

        data = getdata(self._quantized(picture), duration=self._duration_ms, include_color_table=False)
        self._file.write(b"".join(data))

    def close(self) -> None:
        with self._file as file:
            file.write(b";")

    def _quantized(self, picture: Image) -> Any:
        from PIL import Image as PillowImage

        small = cv2.resize(picture, None, fx=GIF_SHARE, fy=GIF_SHARE, interpolation=cv2.INTER_AREA)
        return PillowImage.fromarray(small).quantize(palette=self._palette, dither=PillowImage.Dither.NONE)


@contextlib.contextmanager
def _quiet_encoder() -> Iterator[None]:
    """Keep to itself what FFmpeg writes to the terminal about a codec's number, past Python."""
    try:
        kept = os.dup(2)
    except OSError:
        # There is no terminal to keep it from.
        yield
        return
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _check_pillow(path: Path) -> None:
    try:
        import PIL  # noqa: F401
    except ImportError as error:
        raise RecordingError(
            f"A GIF takes Pillow, which is not installed. Run pip install pillow, or call the film {path.stem}.webm."
        ) from error
