"""Sessions as arrays: decoded once, kept on disk, mapped into memory from then on."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from car.errors import TrainingError
from car.sessions.edits import edits_path
from car.sessions.labels import lessons_in
from car.sessions.reader import Session
from hardware.camera import CameraGeometry
from training.progress import Progress, ProgressCallback, ignore_progress

CACHE_VERSION = 1
CACHE_FOLDER = ".frames"
_ABOUT = "about.json"
_UNFINISHED = "unfinished-"
_PROGRESS_EVERY = 100


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """The driven frames of one session.

    ``images`` uint8 RGB, frames × height × width × 3, mapped from the disk; ``labels`` float32, frames × (steering,
    throttle); ``captured_ns`` int64, one per frame; ``broken_frames`` counts those that could not be decoded.
    """

    name: str
    sha256: str
    camera: CameraGeometry
    images: NDArray[np.uint8] = field(repr=False)
    labels: NDArray[np.float32] = field(repr=False)
    captured_ns: NDArray[np.int64] = field(repr=False)
    broken_frames: int = 0


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


def load_dataset(sessions: Sequence[Path], progress: ProgressCallback = ignore_progress) -> Dataset:
    """Decode ``sessions``, or take them from the cache in a folder ``.frames`` beside each of them.

    Frames that were edited out, that nobody drove on, and that cannot be decoded are not in it. Raises TrainingError
    when there is nothing to learn from, frame sizes differ, one recording is named twice, or the disk is full;
    SessionError when a session cannot be read.
    """
    if not sessions:
        raise TrainingError("There is no session to train on. Record one with `car drive` first.")
    recordings = tuple(load_recording(path, progress) for path in sessions)
    _check_distinct(sessions, recordings)
    sizes = {recording.images.shape[1:3]: recording.name for recording in recordings}
    if len(sizes) > 1:
        found = ", ".join(f"{width}x{height} ({name})" for (height, width), name in sizes.items())
        raise TrainingError(f"The sessions have different frame sizes: {found}. Train on those of one size.")
    ((height, width),) = sizes
    return Dataset(recordings, height, width)


def load_recording(path: Path, progress: ProgressCallback = ignore_progress) -> Recording:
    """Decode the session at ``path``, or take it from the cache; raises as ``load_dataset`` does."""
    with Session.open(path) as session:
        sha256 = session.sha256()
        name, camera = session.info.name, session.info.camera
        folder = path.parent / CACHE_FOLDER / path.stem / _cache_key(path, sha256)
        if not (folder / _ABOUT).exists():
            _fill_cache(session, folder, progress)
    about = json.loads((folder / _ABOUT).read_text())
    images = np.memmap(folder / "images.rgb", np.uint8, "r", shape=tuple(about["shape"]))
    labels, captured_ns = np.load(folder / "labels.npy"), np.load(folder / "captured_ns.npy")
    return Recording(name, sha256, camera, images, labels, captured_ns, about["broken_frames"])


def _cache_key(path: Path, sha256: str) -> str:
    edits = edits_path(path)
    left_out = edits.read_bytes() if edits.exists() else b""
    return hashlib.sha256(f"{CACHE_VERSION} {sha256} ".encode() + left_out).hexdigest()[:32]


def _fill_cache(session: Session, folder: Path, progress: ProgressCallback) -> None:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(dir=folder.parent, prefix=_UNFINISHED))
        try:
            with (unfinished / "images.rgb").open("wb") as images:
                about, labels, times_ns = _decode(session, images, progress)
            np.save(unfinished / "labels.npy", np.array(labels, np.float32))
            np.save(unfinished / "captured_ns.npy", np.array(times_ns, np.int64))
            (unfinished / _ABOUT).write_text(json.dumps(about))
            _publish(unfinished, folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    except OSError as error:
        raise TrainingError(
            f"The decoded frames cannot be kept in {folder.parent} ({error.strerror}). Make room on that disk."
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
) -> tuple[dict[str, object], list[tuple[float, float]], list[int]]:
    labels: list[tuple[float, float]] = []
    times_ns: list[int] = []
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
            raise TrainingError(
                f"{session.path} changes its frame size at frame {lesson.frame.number}. Leave those frames out of it."
            )
        shape = image.shape
        images.write(image.tobytes())
        labels.append((lesson.label.steering, lesson.label.throttle))
        times_ns.append(lesson.frame.captured_ns)
    if shape is None:
        raise TrainingError(f"Nobody drove in {session.path}, so there is nothing to learn. Leave that session out.")
    return {"shape": (len(labels), *shape), "broken_frames": broken}, labels, times_ns


def _check_distinct(sessions: Sequence[Path], recordings: Sequence[Recording]) -> None:
    """Raise TrainingError when two are the same: one would be learned from and the other used to judge."""
    paths: dict[str, Path] = {}
    for path, recording in zip(sessions, recordings, strict=True):
        if recording.sha256 in paths:
            raise TrainingError(f"{paths[recording.sha256]} and {path} are the same recording. Name it once.")
        paths[recording.sha256] = path
