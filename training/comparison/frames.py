"""The frames that models are compared on: those of some sessions that none of them has learned from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from car.errors import SessionError, TrainingError, UnusableSession
from car.sessions.labels import Origin
from models.contract import ModelCard
from training.dataset import LeftOut, LeftOutCallback, Recording, Size, ignore_left_out, load_recording
from training.progress import ProgressCallback, ignore_progress
from training.split import Indexes, held_out_end

Values = NDArray[np.float64]
Cards = Mapping[str, ModelCard | None]
"""The card of each model by the model's name, None for one without."""


@dataclass(frozen=True)
class JudgedFrames:
    """The frames that models are judged by: of each of ``recordings`` those in ``parts``, in the order of time.

    >>> from training.dataset import load_recording
    >>> judged = JudgedFrames.of([load_recording(path)], {"pilot": None})
    >>> judged.frames, judged.labels[0].tolist()
    (60, [-1.0, 0.20000000298023224])

    ``remarks`` say in sentences what was passed over because a model learned from it. Frames are spoken of by their
    index 0 … ``frames`` − 1 in all parts together.
    """

    recordings: tuple[Recording, ...]
    parts: tuple[Indexes, ...]
    remarks: tuple[str, ...] = ()
    is_unseen: bool = field(default=True)

    @classmethod
    def of(cls, recordings: Sequence[Recording], cards: Cards) -> JudgedFrames:
        """Return what no model with one of ``cards`` learned from; all there is where nothing else is left."""
        unseen = [_unseen_by_all(recording, cards) for recording in recordings]
        everything = [_driven_by_hand(recording) for recording in recordings]
        if any(map(len, unseen)):
            told = [_remark(*one, cards) for one in zip(recordings, unseen, strict=True)]
            kept = [one for one in zip(recordings, unseen, strict=True) if len(one[1])]
            return cls(
                tuple(recording for recording, _ in kept),
                tuple(part for _, part in kept),
                tuple(filter(None, told)),
            )
        learned = {name for recording in recordings for name in _learners(recording, cards)}
        remark = (
            f"{listed(sorted(learned))} learned from all of these sessions: this shows what was learned, not how it "
            "generalises. Record a drive to compare on, and name it with --on."
        )
        return cls(tuple(recordings), tuple(everything), (remark,), is_unseen=False)

    @property
    def frames(self) -> int:
        """How many frames there are."""
        return len(self.labels)

    @cached_property
    def labels(self) -> Values:
        """What was driven, frames × (steering, throttle)."""
        return np.concatenate([one.labels[part] for one, part in self._pairs()]).astype(np.float64)

    @cached_property
    def captured_ns(self) -> NDArray[np.int64]:
        """When each frame was captured, by the clock of its own session."""
        return np.concatenate([one.captured_ns[part] for one, part in self._pairs()])

    @cached_property
    def sessions(self) -> Indexes:
        """For each frame the index of its recording."""
        return np.repeat(np.arange(len(self.parts)), [len(part) for part in self.parts])

    def image(self, index: int) -> NDArray[np.uint8]:
        """Return a frame's image."""
        session = int(self.sessions[index])
        place = index - int(np.searchsorted(self.sessions, session))
        return np.asarray(self.recordings[session].images[self.parts[session][place]])

    def seconds(self, index: int) -> float:
        """Return when a frame was captured, in seconds since the first frame of its session."""
        recording = self.recordings[int(self.sessions[index])]
        return float(self.captured_ns[index] - recording.captured_ns.min()) / 1e9

    def _pairs(self) -> list[tuple[Recording, Indexes]]:
        return list(zip(self.recordings, self.parts, strict=True))


def load_sessions(
    sessions: Sequence[Path],
    size: Size,
    tell: LeftOutCallback = ignore_left_out,
    progress: ProgressCallback = ignore_progress,
    done: Callable[[float], None] = lambda _: None,
) -> list[Recording]:
    """Decode ``sessions``, or take them from the cache; ``size`` (height, width) is that of the models' frames.

    One that cannot be read, in which nobody drove but a pilot, that is a copy of another or has frames of another size
    is left out, and ``tell`` hears of it. Raises SessionError or UnusableSession when the only one is left out,
    TrainingError when all of several are, or the disk is full.
    """
    left_out: list[LeftOut] = []
    found: dict[str, tuple[Path, Recording]] = {}
    for number, path in enumerate(sessions):
        try:
            recording = load_recording(path, progress)
            _check(path, recording, size, found)
            found[recording.sha256] = (path, recording)
        except (SessionError, UnusableSession) as error:
            left_out.append(LeftOut(path, error))
        done((number + 1) / len(sessions))
    if not found and len(left_out) == 1:
        raise left_out[0].error
    for one in left_out:
        tell(one)
    if not found:
        raise TrainingError(f"None of these {len(left_out)} sessions can be compared on. Name others with --on.")
    return [recording for _, recording in found.values()]


def _check(path: Path, recording: Recording, size: Size, found: Mapping[str, tuple[Path, Recording]]) -> None:
    """Raise UnusableSession for a copy of a session that was ``found``, and for frames that are not of ``size``."""
    if recording.sha256 in found:
        raise UnusableSession(f"{path} is the same recording as {found[recording.sha256][0]}.")
    if not len(_driven_by_hand(recording)):
        raise UnusableSession(f"In {path} a pilot drove, so there is no driver to compare with. Record one by hand.")
    height, width = recording.images.shape[1:3]
    if (height, width) != size:
        raise UnusableSession(
            f"The frames of {path} are {width}x{height}, and these models take {size[1]}x{size[0]}. Compare models "
            "that take such frames."
        )


def _driven_by_hand(recording: Recording) -> Indexes:
    """Return the frames that a driver drove on, in the order of time: a pilot's own are no measure of pilots."""
    order: Indexes = np.argsort(recording.captured_ns, kind="stable")
    by_hand: Indexes = order[recording.origins[order] != Origin.PILOT]
    return by_hand


def _learned_frames(recording: Recording, card: ModelCard | None) -> int:
    sessions = card.sessions if card is not None else ()
    return sum(session.frames for session in sessions if session.sha256 == recording.sha256)


def _learners(recording: Recording, cards: Cards) -> list[str]:
    return [name for name, card in cards.items() if _learned_frames(recording, card)]


def _unseen_by_all(recording: Recording, cards: Cards) -> Indexes:
    part = _driven_by_hand(recording)
    for card in cards.values():
        if card is not None and (learned := _learned_frames(recording, card)):
            part = part[np.isin(part, held_out_end(recording.captured_ns, card.split, learned))]
    return part


def _remark(recording: Recording, part: Indexes, cards: Cards) -> str:
    """Return in words what of a recording is not judged by, and why; empty where all of it is."""
    learners = listed(_learners(recording, cards))
    if not learners:
        return ""
    if not len(part):
        return f"{recording.name} is not compared on: {learners} learned from it."
    return f"Of {recording.name} only the last fifth, {len(part)} frames: {learners} learned from the rest."


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence has them: a, b and c."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
