"""Exports sessions as one LeRobotDataset, version 3, for whoever trains a policy with LeRobot.

Its frames are those that a pilot learns from, each with its label as the action and its JPEG byte for byte; an episode
is a stretch of them without a gap. The layout is that which LeRobot 0.4 reads and writes: parquet files in ``data/``, a
row of ``meta/episodes/`` for each episode, and ``info.json``, ``stats.json`` and ``tasks.parquet`` in ``meta/``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from car.errors import ExportError, MissingPackage, RecordingError, SessionBusy, SessionError
from car.files import new_folder, reason
from car.sessions.format import EncodedFrame
from car.sessions.labels import LabelledFrame, labelled_frames
from car.sessions.reader import Session
from car.sessions.writer import is_recorded
from hardware.camera import Image
from hardware.clock import NS_PER_S
from hardware.drivetrain import Command

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.parquet

VERSION = "v3.0"
TASK = "Drive along the track."
IMAGE = "observation.images.front"
TIME_NS = "observation.captured_ns"
LONGEST_GAP_PERIODS = 3
"""A policy counts in frames, not in seconds: where more than two in a row are missing, another episode begins."""
RATE_TOLERANCE = 0.1
"""The rate of a recorded tub is measured, and differs a little from one to the next."""
ROWS_AT_ONCE = 500
FILE_MB = 100
CHUNK_FILES = 1000
"""The sizes that LeRobot itself keeps to; an episode is never in two files."""
QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}

Progress = Callable[[float], None]
Numbers = NDArray[np.float64]
Stats = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class LeRobotExport:
    """What came of an export: ``broken`` frames had images that cannot be decoded, and are not in it.

    >>> export = export_lerobot([path], folder / "lerobot")
    >>> export.episodes, export.frames
    (1, 60)
    """

    folder: Path
    episodes: int
    frames: int
    broken: int = 0

    def __str__(self) -> str:
        broken = f"; frames with broken images that are not in it: {self.broken}" if self.broken else ""
        episodes = "an episode" if self.episodes == 1 else f"{self.episodes} episodes"
        return f"{self.folder}: {self.frames} frames in {episodes}{broken}"


def export_lerobot(
    sessions: Sequence[Path], folder: Path, *, task: str = TASK, progress: Progress | None = None
) -> LeRobotExport:
    """Write the sessions at these paths as one dataset to ``folder``, which must not exist yet.

    ``task`` is what LeRobot tells a policy in words. Raises ExportError when the frames are not of one size and rate,
    or when there is nothing to export; SessionBusy and SessionError for a session that is being recorded or cannot be
    read; RecordingError when the folder exists already or cannot be written; MissingPackage without pandas and
    pyarrow. Then there is no dataset.
    """
    try:
        import pandas  # noqa: F401 - looked for before anything is written
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise MissingPackage(
            f"A package for LeRobot's files is missing ({error.name}). Try `pip install 'pocketpilot[lerobot]'`."
        ) from error
    if folder.exists():
        raise RecordingError(f"{folder} exists already. Delete it, or choose another folder.")
    try:
        with new_folder(folder) as unfinished:
            with _Dataset(unfinished) as dataset:
                for done, path in enumerate(sessions):
                    dataset.add_session(path)
                    if progress is not None:
                        progress((done + 1) / len(sessions))
                if not dataset.frame_count:
                    raise ExportError("Nobody drove in these sessions, so there is nothing to export. Choose others.")
            dataset.describe(task)
    except OSError as error:
        raise RecordingError(f"{folder} cannot be written ({reason(error)}). Free some space on the disk.") from error
    return LeRobotExport(folder, len(dataset.episodes), dataset.frame_count, dataset.broken)


@dataclass(slots=True)
class _Episode:
    """One row of ``meta/episodes``: where its frames are, and of what they are, for its statistics."""

    session: str
    sha256: str
    file: int
    first: int
    times_ns: list[int] = field(default_factory=list)
    actions: list[Command] = field(default_factory=list)
    # How many pixels have each of the 256 values, by channel.
    histogram: Numbers = field(default_factory=lambda: np.zeros((3, 256)))


class _Dataset:
    """The files of a dataset in the making; leaving the context closes that of the frames."""

    def __init__(self, folder: Path) -> None:
        self.episodes: list[_Episode] = []
        self.frame_count = 0
        self.broken = 0
        self._folder = folder
        self._writer: pyarrow.parquet.ParquetWriter | None = None
        self._file = 0
        self._rows: list[dict[str, Any]] = []
        self._shape: tuple[int, int] | None = None
        self._rate_hz = 0.0
        self._first_session = ""
        self._robot = ""

    def __enter__(self) -> _Dataset:
        return self

    def __exit__(self, *_: object) -> None:
        self._close_file()

    def add_session(self, path: Path) -> None:
        """Add the episodes of a session; raises as ``export_lerobot`` does."""
        with Session.open(path) as session:
            if is_recorded(path):
                raise SessionBusy(f"{path.stem} is being recorded. Stop the recording first.")
            self._check_rate(session, path)
            digest = session.sha256()
            for stretch in _stretches(labelled_frames(session), LONGEST_GAP_PERIODS * NS_PER_S / session.info.rate_hz):
                self._add_episode(stretch, path, digest)

    def describe(self, task: str) -> None:
        """Write ``meta``: what is in the frames, the episodes, and the task."""
        import pandas as pd
        import pyarrow as pa
        import pyarrow.parquet as pq

        episodes = self._folder / "meta" / "episodes" / "chunk-000"
        episodes.mkdir(parents=True)
        rows = [self._episode_row(number, episode, task) for number, episode in enumerate(self.episodes)]
        pq.write_table(pa.Table.from_pylist(rows), episodes / "file-000.parquet")
        pd.DataFrame({"task_index": [0]}, index=[task]).to_parquet(self._folder / "meta" / "tasks.parquet")
        total = _stats_of(self.episodes, first_number=0)
        for name, content in {"info": self._info(), "stats": total}.items():
            (self._folder / "meta" / f"{name}.json").write_text(json.dumps(content, indent=4), encoding="utf-8")

    def _check_rate(self, session: Session, path: Path) -> None:
        rate_hz = session.info.rate_hz
        if not self._first_session:
            self._first_session, self._rate_hz, self._robot = path.stem, rate_hz, session.info.car
        if abs(rate_hz - self._rate_hz) > RATE_TOLERANCE * self._rate_hz:
            raise ExportError(
                f"A LeRobotDataset has one rate, but {self._first_session} has {self._rate_hz:.0f} frames a second and "
                f"{path.stem} {rate_hz:.0f}. Export them one by one."
            )

    def _add_episode(self, frames: Iterator[LabelledFrame], path: Path, digest: str) -> None:
        if self._writer is not None and self._path().stat().st_size >= FILE_MB * 1_000_000:
            self._close_file()
            self._file += 1
        episode = _Episode(path.stem, digest, self._file, self.frame_count)
        for labelled in frames:
            image = _decoded(labelled.frame)
            if image is None:
                self.broken += 1
            else:
                self._add_frame(labelled, image, episode)
        self._write_rows()
        if episode.times_ns:
            self.episodes.append(episode)

    def _add_frame(self, labelled: LabelledFrame, image: Image, episode: _Episode) -> None:
        height, width, _ = image.shape
        self._shape = self._shape or (height, width)
        if (height, width) != self._shape:
            raise ExportError(
                f"A LeRobotDataset has frames of one size, but {self._first_session} has "
                f"{self._shape[1]}x{self._shape[0]} and {episode.session} {width}x{height}. Export them one by one."
            )
        episode.times_ns.append(labelled.frame.captured_ns)
        episode.actions.append(labelled.label)
        for channel in range(3):
            counts = cv2.calcHist([image], [channel], None, [256], [0, 256])
            episode.histogram[channel] += counts.ravel()
        self._rows.append(
            {
                IMAGE: {"bytes": labelled.frame.jpeg, "path": None},
                "action": [labelled.label.steering, labelled.label.throttle],
                TIME_NS: labelled.frame.captured_ns,
                "timestamp": (labelled.frame.captured_ns - episode.times_ns[0]) / NS_PER_S,
                "frame_index": len(episode.times_ns) - 1,
                "episode_index": len(self.episodes),
                "index": self.frame_count,
                "task_index": 0,
            }
        )
        self.frame_count += 1
        if len(self._rows) == ROWS_AT_ONCE:
            self._write_rows()

    def _write_rows(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not self._rows:
            return
        if self._writer is None:
            self._path().parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(self._path(), _schema())
        self._writer.write_table(pa.Table.from_pylist(self._rows, _schema()))
        self._rows.clear()

    def _close_file(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _path(self) -> Path:
        chunk, file = divmod(self._file, CHUNK_FILES)
        return self._folder / "data" / f"chunk-{chunk:03d}" / f"file-{file:03d}.parquet"

    def _episode_row(self, number: int, episode: _Episode, task: str) -> dict[str, Any]:
        chunk, file = divmod(episode.file, CHUNK_FILES)
        stats = _stats_of([episode], first_number=number)
        return {
            "episode_index": number,
            "tasks": [task],
            "length": len(episode.times_ns),
            "data/chunk_index": chunk,
            "data/file_index": file,
            "dataset_from_index": episode.first,
            "dataset_to_index": episode.first + len(episode.times_ns),
            "meta/episodes/chunk_index": 0,
            "meta/episodes/file_index": 0,
            "session": episode.session,
            "session_sha256": episode.sha256,
            **{f"stats/{name}/{key}": value for name, group in stats.items() for key, value in group.items()},
        }

    def _info(self) -> dict[str, Any]:
        height, width = self._shape or (0, 0)
        scalars = {name: _feature(dtype, [1]) for name, dtype in _SCALARS.items()}
        return {
            "codebase_version": VERSION,
            "robot_type": self._robot or "pocketpilot",
            "total_episodes": len(self.episodes),
            "total_frames": self.frame_count,
            "total_tasks": 1,
            "chunks_size": CHUNK_FILES,
            "data_files_size_in_mb": FILE_MB,
            "video_files_size_in_mb": FILE_MB,
            "fps": max(1, round(self._rate_hz)),
            "splits": {"train": f"0:{len(self.episodes)}"},
            "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
            "video_path": None,
            "features": {
                IMAGE: _feature("image", [height, width, 3], ["height", "width", "channels"]),
                "action": _feature("float32", [2], ["steering", "throttle"]),
                **scalars,
            },
        }


_SCALARS = {
    TIME_NS: "int64",
    "timestamp": "float32",
    "frame_index": "int64",
    "episode_index": "int64",
    "index": "int64",
    "task_index": "int64",
}


def _feature(dtype: str, shape: list[int], names: list[str] | None = None) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "names": names}


def _schema() -> pyarrow.Schema:
    """Return the columns of ``data/``, with what the datasets library has to know to show the images."""
    import pyarrow as pa

    columns = {
        IMAGE: pa.struct({"bytes": pa.binary(), "path": pa.string()}),
        "action": pa.list_(pa.float32(), 2),
        **{name: getattr(pa, dtype)() for name, dtype in _SCALARS.items()},
    }
    features = {
        IMAGE: {"_type": "Image"},
        "action": {"feature": {"dtype": "float32", "_type": "Value"}, "length": 2, "_type": "Sequence"},
        **{name: {"dtype": dtype, "_type": "Value"} for name, dtype in _SCALARS.items()},
    }
    return pa.schema(columns, {"huggingface": json.dumps({"info": {"features": features}})})


def _stretches(frames: Iterable[LabelledFrame], longest_gap_ns: float) -> Iterator[Iterator[LabelledFrame]]:
    """Yield the stretches of ``frames`` that have no gap longer than this; each is to be read before the next."""
    source = iter(frames)
    waiting = next(source, None)

    def stretch(first: LabelledFrame) -> Iterator[LabelledFrame]:
        nonlocal waiting
        before = first
        waiting = None
        yield before
        for labelled in source:
            if not 0 <= labelled.frame.captured_ns - before.frame.captured_ns <= longest_gap_ns:
                waiting = labelled
                return
            before = labelled
            yield labelled

    while waiting is not None:
        yield stretch(waiting)


def _decoded(frame: EncodedFrame) -> Image | None:
    try:
        return frame.decode().image
    except SessionError:
        return None


def _stats_of(episodes: Sequence[_Episode], *, first_number: int) -> Stats:
    """Return LeRobot's statistics of all features over ``episodes``, the first of which has this number."""
    lengths = [len(episode.times_ns) for episode in episodes]
    times_ns = [np.array(episode.times_ns) for episode in episodes]
    values: dict[str, NDArray[Any]] = {
        "action": np.array([[a.steering, a.throttle] for episode in episodes for a in episode.actions]),
        TIME_NS: np.concatenate(times_ns),
        "timestamp": np.concatenate([(times - times[0]) / NS_PER_S for times in times_ns]),
        "frame_index": np.concatenate([np.arange(length) for length in lengths]),
        "episode_index": np.repeat(np.arange(first_number, first_number + len(episodes)), lengths),
        "index": np.arange(episodes[0].first, episodes[0].first + sum(lengths)),
        "task_index": np.zeros(sum(lengths)),
    }
    stats = {name: _vector_stats(column.reshape(sum(lengths), -1)) for name, column in values.items()}
    histogram = np.sum([episode.histogram for episode in episodes], axis=0)
    return {IMAGE: _image_stats(histogram, sum(lengths)), **stats}


def _vector_stats(values: NDArray[Any]) -> dict[str, Any]:
    """Return the statistics of each column of ``values``, frames × columns."""
    return {
        "min": values.min(axis=0).tolist(),
        "max": values.max(axis=0).tolist(),
        "mean": values.mean(axis=0).tolist(),
        "std": values.std(axis=0).tolist(),
        "count": [len(values)],
        **{name: np.quantile(values, share, axis=0).tolist() for name, share in QUANTILES.items()},
    }


def _image_stats(histogram: Numbers, count: int) -> dict[str, Any]:
    """Return the statistics of each channel, 3 × 1 × 1, of values 0 … 1, from how many pixels have each of the 256."""
    levels = np.arange(256) / 255
    shares = histogram / histogram.sum(axis=1, keepdims=True)
    mean = shares @ levels
    rising = np.cumsum(shares, axis=1)
    columns = {
        "min": levels[(histogram > 0).argmax(axis=1)],
        "max": levels[255 - (histogram[:, ::-1] > 0).argmax(axis=1)],
        "mean": mean,
        "std": np.sqrt(np.maximum(shares @ levels**2 - mean**2, 0.0)),
        **{name: levels[(rising >= share).argmax(axis=1)] for name, share in QUANTILES.items()},
    }
    return {**{name: column.reshape(3, 1, 1).tolist() for name, column in columns.items()}, "count": [count]}
