"""Sessions as arrays: decoded once, kept on disk, mapped into memory from then on."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from car.errors import SessionBusy, SessionError, TrainingError, UnusableSession
from car.files import reason, work_folder
from car.sessions.edits import edits_path
from car.sessions.labels import Origin, has_teacher, lessons_in
from car.sessions.reader import Session
from hardware.camera import CameraGeometry
from training.progress import Progress, ProgressCallback, ignore_progress

CACHE_VERSION = 2
CACHE_FOLDER = ".frames"
_ABOUT = "about.json"
_UNFINISHED = "unfinished-"
_PROGRESS_EVERY = 100


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """The driven frames of one session.

    ``images`` uint8 RGB, frames × height × width × 3, mapped from the disk; ``labels`` float32, frames × (steering,
    throttle); ``captured_ns`` int64 and ``origins`` uint8 (an ``Origin``), one per frame; ``broken_frames`` counts
    those that could not be decoded. In a session that ``is_taught`` the labels are a teacher's, whoever drove.
    """

    name: str
    sha256: str
    camera: CameraGeometry
    images: NDArray[np.uint8] = field(repr=False)
    labels: NDArray[np.float32] = field(repr=False)
    captured_ns: NDArray[np.int64] = field(repr=False)
    origins: NDArray[np.uint8] = field(repr=False)
    broken_frames: int = 0
    is_taught: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Recordings of one frame size, ``height`` × ``width``.

    >>> dataset = load_dataset([path])
    >>> dataset.recordings[0].images.shape, dataset.recordings[0].labels.shape
    ((60, 120, 160, 3), (60, 2))
    """

    recordings: tuple[Recording, ...]
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A session that is not trained on, and why; ``is_damaged`` tells one that cannot be read from one that says no."""

    path: Path
    error: SessionError | UnusableSession

    @property
    def is_damaged(self) -> bool:
        """Whether it cannot be read, rather than teach nothing or have only just begun."""
        return isinstance(self.error, SessionError) and not isinstance(self.error, SessionBusy)


LeftOutCallback = Callable[[LeftOut], None]
LoadedCallback = Callable[[Dataset], None]
Size = tuple[int, int]
"""The height and the width of a frame in pixels."""

_Frames = tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.int64], NDArray[np.uint8], int]
_DAMAGES = (OSError, EOFError, ValueError, LookupError, TypeError)
"""What reading files raises that are not whole."""
_Found = list[tuple[Path, Recording]]
_LeaveOut = Callable[[Path, SessionError | UnusableSession], None]


def ignore_left_out(_: LeftOut) -> None:
    """Show nothing."""


def ignore_loaded(_: Dataset) -> None:
    """Show nothing."""


def load_dataset(
    sessions: Sequence[Path],
    progress: ProgressCallback = ignore_progress,
    *,
    size: Size | None = None,
    tell: LeftOutCallback = ignore_left_out,
) -> Dataset:
    """Decode ``sessions``, or take them from the cache in a folder ``.frames`` beside each of them.

    Frames that were edited out, that nobody drove on, and that cannot be decoded are not in it. A session is left out,
    and ``tell`` hears of it, when it cannot be read, nobody drove in it, it is a copy of another one, or its frames are
    of another size: ``size`` goes before the one that most frames have. Raises TrainingError when nothing is left or
    the disk is full, SessionError when the only session cannot be read.
    """
    if not sessions:
        raise TrainingError("There is no session to train on. Record one with `car drive` first.")
    left_out: list[LeftOut] = []

    def leave_out(path: Path, error: SessionError | UnusableSession) -> None:
        left_out.append(LeftOut(path, error))
        tell(left_out[-1])

    recordings = _of_one_size(_distinct(_readable(sessions, progress, leave_out), leave_out), size, leave_out)
    if not recordings:
        raise _nothing_left(left_out)
    height, width = _size_of(recordings[0])
    return Dataset(tuple(recordings), height, width)


def batches(
    recordings: Sequence[Recording], parts: Sequence[NDArray[np.intp]], size: int
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float64]]]:
    """Yield images and labels of the frames ``parts`` of each recording, at most ``size`` at a time."""
    for recording, part in zip(recordings, parts, strict=True):
        for start in range(0, len(part), size):
            chosen = part[start : start + size]
            yield recording.images[chosen], recording.labels[chosen].astype(np.float64)


def load_recording(path: Path, progress: ProgressCallback = ignore_progress) -> Recording:
    """Decode the session at ``path``, or take it from the cache.

    Raises SessionError when it cannot be read, UnusableSession when it teaches nothing, TrainingError when the disk is
    full.
    """
    with Session.open(path) as session:
        sha256 = session.sha256()
        info = session.info
        folder = path.parent / CACHE_FOLDER / path.stem / _cache_key(path, sha256)
        if not (folder / _ABOUT).exists():
            _fill_cache(session, folder, progress)
        try:
            frames = _read_cache(folder)
        except _DAMAGES:
            # A power cut can take the content of files whose names were already there.
            shutil.rmtree(folder, ignore_errors=True)
            _fill_cache(session, folder, progress)
            frames = _read_cache(folder)
    return Recording(info.name, sha256, info.camera, *frames, has_teacher(info))


def _read_cache(folder: Path) -> _Frames:
    """Return the fields of a Recording that are kept in ``folder``; raises one of ``_DAMAGES`` when they are not whole.

    The images are mapped, so that only their number is looked at.
    """
    about = json.loads((folder / _ABOUT).read_text())
    images = np.memmap(folder / "images.rgb", np.uint8, "r", shape=tuple(about["shape"]))
    labels, captured_ns, origins = (np.load(folder / f"{name}.npy") for name in ("labels", "captured_ns", "origins"))
    if {len(labels), len(captured_ns), len(origins)} != {len(images)}:
        raise ValueError(f"{folder} has not as many labels as images")
    return images, labels, captured_ns, origins, int(about["broken_frames"])


def _cache_key(path: Path, sha256: str) -> str:
    edits = edits_path(path)
    left_out = edits.read_bytes() if edits.exists() else b""
    return hashlib.sha256(f"{CACHE_VERSION} {sha256} ".encode() + left_out).hexdigest()[:32]


def _fill_cache(session: Session, folder: Path, progress: ProgressCallback) -> None:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with work_folder(folder.parent, _UNFINISHED) as unfinished:
            with (unfinished / "images.rgb").open("wb") as images:
                about, lessons = _decode(session, images, progress)
            np.save(unfinished / "labels.npy", np.array([label for label, _, _ in lessons], np.float32))
            np.save(unfinished / "captured_ns.npy", np.array([time_ns for _, time_ns, _ in lessons], np.int64))
            np.save(unfinished / "origins.npy", np.array([origin for _, _, origin in lessons], np.uint8))
            (unfinished / _ABOUT).write_text(json.dumps(about))
            _publish(unfinished, folder)
    except OSError as error:
        raise TrainingError(
            f"The decoded frames cannot be kept in {folder.parent} ({reason(error)}). Make room on that disk, or copy "
            "the session to a folder that can be written."
        ) from error


def _publish(unfinished: Path, folder: Path) -> None:
    """Give the decoded frames their place, unless another process was faster, and drop those before the last edit."""
    try:
        unfinished.replace(folder)
    except OSError:
        if not (folder / _ABOUT).exists():
            raise
    for other in folder.parent.iterdir():
        if other != folder and not other.name.startswith(_UNFINISHED):
            shutil.rmtree(other, ignore_errors=True)


def _decode(
    session: Session, images: BinaryIO, progress: ProgressCallback
) -> tuple[dict[str, object], list[tuple[tuple[float, float], int, Origin]]]:
    """Write the images, and return what else there is to know of the session and of each frame."""
    lessons: list[tuple[tuple[float, float], int, Origin]] = []
    shape: tuple[int, ...] | None = None
    broken = 0
    for done, lesson in enumerate(lessons_in(session), start=1):
        if done % _PROGRESS_EVERY == 0:
            progress(Progress("read", done, session.frame_count, note=session.info.name))
        if lesson.frame is None:
            broken += 1
            continue
        image = lesson.frame.image
        if shape not in (None, image.shape):
            raise UnusableSession(
                f"{session.path} changes its frame size at frame {lesson.frame.number}. Leave those frames out of it."
            )
        shape = image.shape
        images.write(image.tobytes())
        lessons.append(((lesson.label.steering, lesson.label.throttle), lesson.frame.captured_ns, lesson.origin))
    if shape is None and broken:
        raise SessionError(f"Not one of the {broken} frames driven in {session.path} can be decoded. Copy it again.")
    if shape is None:
        raise UnusableSession(f"Nobody drove in {session.path}, so there is nothing to learn from it.")
    return {"shape": (len(lessons), *shape), "broken_frames": broken}, lessons


def _readable(sessions: Sequence[Path], progress: ProgressCallback, leave_out: _LeaveOut) -> _Found:
    found: _Found = []
    for path in sessions:
        try:
            found.append((path, load_recording(path, progress)))
        except (SessionError, UnusableSession) as error:
            leave_out(path, error)
    return found


def _distinct(found: _Found, leave_out: _LeaveOut) -> _Found:
    """Leave out copies: one would be learned from and the other used to judge."""
    first: dict[str, Path] = {}
    kept: _Found = []
    for path, recording in found:
        if recording.sha256 in first:
            leave_out(path, UnusableSession(f"{path} is the same recording as {first[recording.sha256]}."))
        else:
            first[recording.sha256] = path
            kept.append((path, recording))
    return kept


def _of_one_size(found: _Found, wanted: Size | None, leave_out: _LeaveOut) -> list[Recording]:
    frames: Counter[Size] = Counter()
    for _, recording in found:
        frames[_size_of(recording)] += len(recording.images)
    if not frames:
        return []
    size = wanted if wanted is not None and wanted in frames else frames.most_common(1)[0][0]
    for path, recording in found:
        if (other := _size_of(recording)) != size:
            what = f"The frames of {path} are {other[1]}x{other[0]}, and this training is on {size[1]}x{size[0]}."
            leave_out(path, UnusableSession(f"{what} Train on it by itself."))
    return [recording for _, recording in found if _size_of(recording) == size]


def _size_of(recording: Recording) -> Size:
    return recording.images.shape[1], recording.images.shape[2]


def _nothing_left(left_out: Sequence[LeftOut]) -> SessionError | TrainingError:
    first = left_out[0].error
    if len(left_out) > 1:
        return TrainingError(f"None of these {len(left_out)} sessions can be trained on; the first: {first}")
    if isinstance(first, SessionError):
        return first
    return TrainingError(f"{first} Record one with `car drive` in which somebody drives.")
