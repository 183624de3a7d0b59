from __future__ import annotations

import threading
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from car.errors import SessionError
from car.sessions import Edits, FrameRange
from car.sessions.edits import change_edits, edits_path

NUMBERS = st.integers(0, 60)
RANGE = st.tuples(NUMBERS, NUMBERS).map(lambda ends: FrameRange(min(ends), max(ends)))


def numbers_in(ranges: list[FrameRange]) -> set[int]:
    return {number for item in ranges for number in range(item.first, item.last + 1)}


@settings(deadline=None)
@given(st.lists(RANGE), RANGE)
def test_ranges_add_up(ranges: list[FrameRange], another: FrameRange) -> None:
    edits = Edits.of(ranges)
    assert {number for number in range(62) if edits.excludes(number)} == numbers_in(ranges)
    assert edits.without(another) == Edits.of([*ranges, another])


@settings(deadline=None)
@given(st.lists(RANGE))
def test_ranges_are_kept_sorted_and_apart(ranges: list[FrameRange]) -> None:
    kept = Edits.of(ranges).ranges
    assert all(earlier.last + 1 < later.first for earlier, later in pairwise(kept))


def test_cuts_are_undone_one_by_one_even_after_they_were_saved(tmp_path: Path) -> None:
    session = tmp_path / "a.mcap"
    for cut in (FrameRange(50, 60), FrameRange(10, 20), FrameRange(15, 55)):
        change_edits(session, partial(Edits.without, added=cut))
    assert Edits.load(session).ranges == (FrameRange(10, 60),)
    assert change_edits(session, Edits.undone).ranges == (FrameRange(10, 20), FrameRange(50, 60))
    assert change_edits(session, Edits.undone).ranges == (FrameRange(50, 60),)
    assert change_edits(session, Edits.undone) == change_edits(session, Edits.undone) == Edits()


def test_cuts_made_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    session = tmp_path / "a.mcap"
    cuts = [FrameRange(number * 10, number * 10 + 5) for number in range(20)]
    threads = [threading.Thread(target=change_edits, args=(session, partial(Edits.without, added=cut))) for cut in cuts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Edits.load(session) == Edits.of(cuts)


def test_edits_are_saved_beside_the_session_and_removed_with_the_last_range(tmp_path: Path) -> None:
    session = tmp_path / "a.b.mcap"
    edits = Edits.of_numbers([3, 4, 5, 9])
    edits.save(session)
    assert [path.name for path in tmp_path.iterdir()] == ["a.b.edits.json"]
    assert Edits.load(session) == edits == Edits((FrameRange(3, 5), FrameRange(9, 9)))
    Edits().save(session)
    assert not list(tmp_path.iterdir())
    assert Edits.load(session) == Edits()


def test_a_range_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match="not a range"):
        Edits.of([FrameRange(2, 1)])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"schema_version": 1}',
        '{"schema_version": 1, "left_out": [[1]]}',
        '{"schema_version": 1, "left_out": [[5, 1]]}',
        '{"schema_version": 1, "left_out": [[1, 1e999]]}',
        '{"schema_version": 99, "left_out": []}',
        "[" * 100_000,
    ],
)
def test_a_broken_list_of_edits_is_not_passed_over(tmp_path: Path, text: str) -> None:
    session = tmp_path / "a.mcap"
    edits_path(session).write_text(text)
    with pytest.raises(SessionError):
        Edits.load(session)


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_a_list_of_edits_of_any_bytes_raises_nothing_but_a_session_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    session = tmp_path_factory.getbasetemp() / "any.mcap"
    edits_path(session).write_bytes(content)
    with pytest.raises(SessionError):
        Edits.load(session)
