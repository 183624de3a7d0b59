"""The images of a tub: found by the names that records give them, and read with what is wrong with them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from car.errors import SessionError
from car.sessions.format import EncodedFrame
from car.sessions.tub.records import Defect, Tally

MAX_IMAGE_BYTES = 32_000_000
PNG_QUALITY = 95
"""Of the JPEG that is made of a PNG."""

_APPLE_DOUBLE = "._"  # What macOS leaves beside every file on a disk that is not its own.
_PNG = b"\x89PNG"
_OTHER_FILES = ".json"


@dataclass(frozen=True, slots=True)
class TubImage:
    """A frame of a tub and its height and width."""

    frame: EncodedFrame
    shape: tuple[int, int]


class TubImages:
    """The image files in ``folder``; none where there is no such folder. Counts what macOS has left there.

    A record may name its image by a path of the machine that recorded it, and cameras, cards and Windows change the
    case of names: what counts is the last part of the name, and its case only where two files differ in nothing else.
    """

    def __init__(self, folder: Path, tally: Tally) -> None:
        self._folder = _in_any_case(folder)
        self._bytes: dict[str, int] = {}
        for name, size in _files(self._folder):
            if name.startswith(_APPLE_DOUBLE):
                tally.add(Defect.APPLE_DOUBLE, name)
            elif not name.endswith(_OTHER_FILES):
                self._bytes[name] = size
        self._names = {name.casefold(): name for name in sorted(self._bytes, reverse=True)}

    def file_of(self, named: str) -> str:
        """Return the name of the file that a record means, or what it says itself where there is no such file."""
        last = named.replace("\\", "/").rpartition("/")[2]
        return last if last in self._bytes else self._names.get(last.casefold(), named)

    def without(self, used: set[str]) -> list[str]:
        """Return the names of the files that are not among those ``used``."""
        return sorted(self._bytes.keys() - used)

    def read(self, name: str, number: int, captured_ns: int, tally: Tally | None = None) -> TubImage | None:
        """Return the image ``name`` as a frame, None when it cannot be used; ``tally`` counts why.

        A JPEG stays as it is, byte for byte; a PNG becomes one.
        """
        size = self._bytes.get(name)
        defect = Defect.MISSING_IMAGE if size is None else Defect.EMPTY_IMAGE
        if size:
            # The name is one that the folder itself has listed, so it cannot lead out of it.
            content = (self._folder / name).read_bytes() if size <= MAX_IMAGE_BYTES else b""
            image = _decoded(content, number, captured_ns)
            if image is not None:
                if tally is not None and content.startswith(_PNG):
                    tally.add(Defect.PNG_IMAGE, name)
                return image
            defect = Defect.BROKEN_IMAGE
        if tally is not None:
            tally.add(defect, name)
        return None


def _decoded(content: bytes, number: int, captured_ns: int) -> TubImage | None:
    try:
        if content.startswith(_PNG):
            content = _png_to_jpeg(content)
        frame = EncodedFrame(number, captured_ns, content)
        height, width = frame.decode().image.shape[:2]
    except SessionError:
        return None
    return TubImage(frame, (height, width))


def _png_to_jpeg(content: bytes) -> bytes:
    """Return a PNG as a JPEG, nothing for a broken one."""
    import cv2

    try:
        bgr = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return b""
    # The stubs do not say that OpenCV answers None for what it cannot decode.
    if not isinstance(bgr, np.ndarray):
        return b""
    done, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, PNG_QUALITY])
    return jpeg.tobytes() if done else b""


def _in_any_case(folder: Path) -> Path:
    """Return ``folder``, or the one beside it that differs in nothing but the case of its name."""
    if folder.is_dir() or not folder.parent.is_dir():
        return folder
    alike = [path for path in folder.parent.iterdir() if path.name.casefold() == folder.name.casefold()]
    return alike[0] if alike else folder


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    if folder.is_dir():
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_file():
                    yield entry.name, entry.stat().st_size
