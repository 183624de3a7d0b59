"""Which frames of a session are left out: a small file beside the recording, which itself is never rewritten."""

from __future__ import annotations

import json
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from car.errors import RecordingError, SessionError
from car.files import reason, replacing

SCHEMA_VERSION = 1
SUFFIX = ".edits.json"

_turn = threading.Lock()


@dataclass(frozen=True, slots=True)
class FrameRange:
    """The frames numbered ``first`` … ``last``, both included.

    >>> FrameRange(first=120, last=180).last
    180
    """

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Edits:
    """The ranges of frames left out of a session, sorted and apart from each other; ``cuts`` are as they were made.

    >>> edits = Edits.load(path).without(FrameRange(10, 19))
    >>> edits.save(path)
    >>> Edits.load(path).excludes(12)
    True
    """

    ranges: tuple[FrameRange, ...] = ()
    cuts: tuple[FrameRange, ...] = field(default=(), compare=False)

    @classmethod
    def of(cls, ranges: Iterable[FrameRange]) -> Self:
        """Return edits that leave out ``ranges``, which may overlap; raises ValueError if one ends before it starts."""
        cuts = tuple(ranges)
        merged: list[FrameRange] = []
        for item in sorted(cuts, key=lambda item: item.first):
            if item.last < item.first:
                raise ValueError(f"Frames {item.first} to {item.last} are not a range. Name the first frame first.")
            if merged and item.first <= merged[-1].last + 1:
                merged[-1] = FrameRange(merged[-1].first, max(merged[-1].last, item.last))
            else:
                merged.append(item)
        return cls(tuple(merged), cuts)

    @classmethod
    def of_numbers(cls, numbers: Iterable[int]) -> Self:
        """Return edits that leave out the frames of these ``numbers``."""
        return cls.of(cls.of(FrameRange(number, number) for number in numbers).ranges)

    @classmethod
    def load(cls, session_path: Path) -> Self:
        """Read the edits of the session at ``session_path``, none if there are none.

        Raises SessionError when their file is broken: to train on what someone left out would be worse.
        """
        path = edits_path(session_path)
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return cls()
        except (OSError, UnicodeDecodeError) as error:
            raise SessionError(f"{path} cannot be read ({error}). Delete it to use the whole session.") from error
        return cls.of(_parsed_ranges(text, path))

    def excludes(self, number: int) -> bool:
        """Tell whether frame ``number`` is left out."""
        place = bisect_right(self.ranges, number, key=lambda item: item.first)
        return place > 0 and number <= self.ranges[place - 1].last

    def without(self, added: FrameRange) -> Edits:
        """Return these edits with one more range left out; raises ValueError if it ends before it starts."""
        return Edits.of((*self.cuts, added))

    def undone(self) -> Edits:
        """Return these edits without the cut that was made last; the same where there is none."""
        return Edits.of(self.cuts[:-1])

    def save(self, session_path: Path) -> None:
        """Write the edits beside the session, all or nothing; raises RecordingError.

        Where nothing is left out any more, their file is removed.
        """
        path = edits_path(session_path)
        content = {
            "schema_version": SCHEMA_VERSION,
            "left_out": [[item.first, item.last] for item in self.cuts],
        }
        try:
            if not self.ranges:
                path.unlink(missing_ok=True)
                return
            with replacing(path) as file:
                file.write(json.dumps(content).encode())
        except OSError as error:
            raise RecordingError(f"{path} cannot be written ({reason(error)}). Free some space on the disk.") from error


def change_edits(session_path: Path, change: Callable[[Edits], Edits]) -> Edits:
    """Load, ``change`` and save the edits of a session; nobody else in this process changes them meanwhile.

    Returns the new ones; raises as ``Edits.load`` and ``Edits.save`` do.
    """
    with _turn:
        edits = change(Edits.load(session_path))
        edits.save(session_path)
        return edits


def edits_path(session_path: Path) -> Path:
    """Return where the edits of the session at ``session_path`` are kept."""
    return session_path.with_suffix(SUFFIX)


def _parsed_ranges(text: str, path: Path) -> list[FrameRange]:
    try:
        content: Any = json.loads(text)
        if content["schema_version"] > SCHEMA_VERSION:
            raise SessionError(f"{path} was written by a newer program. Update Pocketpilot.")
        ranges = [FrameRange(int(first), int(last)) for first, last in content["left_out"]]
        if any(item.last < item.first for item in ranges):
            raise ValueError("a range ends before it starts")
    except SessionError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise SessionError(f"{path} is not a list of edits ({error}). Delete it to use the whole session.") from error
    return ranges
