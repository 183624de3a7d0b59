"""Where a tub's records go in a session: a number and a time for each, whatever the clock did meanwhile."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from itertools import pairwise

from car.sessions.tub.records import Defect, Tally, TubRecord
from hardware.clock import NS_PER_MS, NS_PER_S

_DONKEY_PERIOD_NS = NS_PER_S // 20
_MAX_INDEX_STEP = 1_000_000
_DAY_MS = 24 * 3600 * 1000
_YEAR_MS = 365 * _DAY_MS
_LONGEST_NS = 100 * _YEAR_MS * NS_PER_MS
_FIRST_PI_NS = 1_330_000_000 * NS_PER_S  # February 2012: a clock that shows an earlier time was never set.


@dataclass(frozen=True, slots=True)
class PlacedRecord:
    """A record with its place in the session."""

    record: TubRecord
    number: int
    captured_ns: int


@dataclass(slots=True)
class _WallClock:
    """A stretch of records whose clock was not set in between: where it began, and how many records it has."""

    began_ns: int
    offset_ns: int
    records: int = 0


def placed(records: list[TubRecord], tally: Tally) -> list[PlacedRecord]:
    """Give each record a number, the tub's own where those rise, and a time later than the one before.

    Where the clock was set while driving, back or ahead, the records follow each other as if it had not been: their
    order is that of the drive. All of them get the time of the clock that was right for most of them.
    """
    elapsed_ns, clocks = _elapsed(records, tally)
    clock = max(clocks, key=_trust, default=_WallClock(0, 0))
    start_ns = max(clock.offset_ns, 1 - elapsed_ns[0]) if records else 0
    numbers = _numbers(records)
    return [
        PlacedRecord(*row) for row in zip(records, numbers, (start_ns + time_ns for time_ns in elapsed_ns), strict=True)
    ]


def _trust(clock: _WallClock) -> tuple[bool, int, int]:
    return clock.began_ns >= _FIRST_PI_NS, clock.records, clock.began_ns


def period_ns(records: list[TubRecord]) -> int:
    """Return the usual time from one record to the next."""
    times_ms = [record.time_ms for record in records if record.time_ms is not None]
    steps_ms = [later - earlier for earlier, later in pairwise(times_ms) if later > earlier]
    return round(statistics.median(steps_ms) * NS_PER_MS) if steps_ms else _DONKEY_PERIOD_NS


def _elapsed(records: list[TubRecord], tally: Tally) -> tuple[list[int], list[_WallClock]]:
    """Return the time of each record since shortly before the first one, and the clocks that its times are by."""
    usual_ns = min(period_ns(records), NS_PER_S)
    times_ns: list[int] = []
    clocks: list[_WallClock] = []
    now_ns, last = 0, None
    for record in records:
        next_ns = now_ns + usual_ns
        if record.time_ms is None:
            tally.add(Defect.NO_TIME, record.line)
        else:
            wall_ns = record.time_ms * NS_PER_MS
            jump = None if last is None else _jump(last, record)
            if jump is None and clocks and wall_ns - clocks[-1].offset_ns > _LONGEST_NS:
                jump = Defect.TIME_AHEAD
            if jump is not None:
                tally.add(jump, record.line)
            if jump is not None or not clocks:
                clocks.append(_WallClock(wall_ns, wall_ns - next_ns))
            clocks[-1].records += 1
            next_ns = max(now_ns + 1, wall_ns - clocks[-1].offset_ns)
            last = record
        now_ns = next_ns
        times_ns.append(now_ns)
    return times_ns, clocks


def _jump(last: TubRecord, record: TubRecord) -> Defect | None:
    """Return how the clock was set between two records, as far as that can be told from a long pause.

    A day within one drive is none; between two drives, and where the tub does not tell drives apart, it may be.
    """
    step_ms = (record.time_ms or 0) - (last.time_ms or 0)
    is_one_drive = bool(record.drive) and record.drive == last.drive
    if step_ms < 0:
        return Defect.TIME_BACK
    return Defect.TIME_AHEAD if step_ms > (_DAY_MS if is_one_drive else _YEAR_MS) else None


def _numbers(records: list[TubRecord]) -> list[int]:
    numbers: list[int] = []
    number = -1
    for record in records:
        follows = record.index is not None and number < record.index <= number + _MAX_INDEX_STEP
        number = record.index if follows and record.index is not None else number + 1
        numbers.append(number)
    return numbers
