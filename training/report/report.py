"""The data report of some sessions: the figures of each, and what they mean together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from car.errors import SessionError, UnusableSession
from training.dataset import LeftOut, Recording, load_recording
from training.progress import ProgressCallback, ignore_progress
from training.report.figures import Figures, facts_of, figures_of
from training.report.findings import Finding, find

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, eq=False)
class DataReport:
    """The figures of each session, the ``recordings`` they are of, and the findings, the gravest first.

    >>> report = make_report([path])
    >>> report.sessions[0].frames, [finding.kind for finding in report.findings][:2]
    (60, ['too_little', 'blurred'])

    ``left_out`` are those that could not be looked at, and why.
    """

    sessions: tuple[Figures, ...]
    recordings: tuple[Recording, ...] = field(repr=False)
    findings: tuple[Finding, ...]
    left_out: tuple[LeftOut, ...] = ()

    @property
    def minutes(self) -> float:
        """How many minutes were driven in all sessions."""
        return sum(figures.minutes for figures in self.sessions)

    @property
    def frames(self) -> int:
        """How many frames were driven on in all sessions."""
        return sum(figures.frames for figures in self.sessions)

    @property
    def histogram(self) -> list[int]:
        """How all of them were steered, from full left to full right."""
        return [sum(counts) for counts in zip(*(one.steering.taught.histogram for one in self.sessions), strict=True)]

    def to_dict(self) -> Mapping[str, Any]:
        """Return the report as JSON has it."""
        return {
            "schema_version": SCHEMA_VERSION,
            "minutes": round(self.minutes, 2),
            "frames": self.frames,
            "findings": [finding.to_dict() for finding in self.findings],
            "sessions": [figures.to_dict() for figures in self.sessions],
            "left_out": [
                {"path": str(session.path), "why": str(session.error), "is_damaged": session.is_damaged}
                for session in self.left_out
            ],
        }


def make_report(
    sessions: Sequence[Path],
    progress: ProgressCallback = ignore_progress,
    done: Callable[[float], None] = lambda _: None,
) -> DataReport:
    """Look at ``sessions``; ``progress`` is told of the decoding, ``done`` how much of all is done, 0 … 1.

    Those that cannot be read, in which nobody drove, or that are copies of others are left out. Raises TrainingError
    when the disk is too full to keep the decoded frames.
    """
    left_out: list[LeftOut] = []
    recordings: list[Recording] = []
    figures: list[Figures] = []
    first: dict[str, Path] = {}
    for number, path in enumerate(sessions):
        try:
            recording = load_recording(path, progress)
            if recording.sha256 in first:
                raise UnusableSession(f"{path} is the same recording as {first[recording.sha256]}.")
            figures.append(figures_of(recording, facts_of(path)))
        except (SessionError, UnusableSession) as error:
            left_out.append(LeftOut(path, error))
            continue
        first[recording.sha256] = path
        recordings.append(recording)
        done((number + 1) / len(sessions))
    return DataReport(tuple(figures), tuple(recordings), tuple(find(figures)), tuple(left_out))


def findings_in(recordings: Iterable[Recording]) -> list[Finding]:
    """Return the findings of what a training is about to learn from."""
    return find([figures_of(recording) for recording in recordings])
