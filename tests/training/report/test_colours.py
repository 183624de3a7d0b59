"""Swapped channels are claimed of sessions of one place alone, and of those that are fewer."""

from __future__ import annotations

import numpy as np

from training.report.colours import Colours, distances, swapped

BINS = 24


def place(red: float, blue: float, spread: float = 2.0) -> Colours:
    """Return the colours of a place: one of them, in bins away from grey, and what is like it."""
    axis = np.arange(BINS) - BINS / 2
    colours = np.exp(-((axis[:, None] - red) ** 2 + (axis[None, :] - blue) ** 2) / (2 * spread**2))
    return np.asarray(colours / colours.sum())


BROWN = place(4.0, -5.0)


def test_the_fewer_minutes_are_named_beside_those_that_tell() -> None:
    assert swapped([BROWN, BROWN.T, BROWN], [5.0, 6.0, 5.0]) == [(1, 0)]
    assert swapped([BROWN, BROWN.T, BROWN], [5.0, 20.0, 5.0]) == [(0, 1), (2, 1)]
    assert swapped([BROWN, BROWN.T], [5.0, 5.0]) == [(1, 0)]
    assert swapped([BROWN, place(4.5, -5.0).T], [5.0, 1.0]) == [(1, 0)]


def test_each_place_is_judged_by_itself() -> None:
    other = place(9.0, 2.0, spread=1.0)
    assert swapped([BROWN, other, BROWN.T, other.T], [5.0, 1.0, 1.0, 5.0]) == [(2, 0), (1, 3)]


def test_a_blue_place_and_a_brown_one_are_two_places() -> None:
    blue = place(-3.0, 2.0)
    (as_they_are,), (otherwise,) = distances([BROWN], [blue])[0], distances([BROWN.T], [blue])[0]
    assert otherwise < 0.6 * as_they_are
    assert swapped([BROWN, blue], [5.0, 1.0]) == []


def test_a_grey_place_looks_the_same_either_way() -> None:
    assert swapped([place(0.5, -0.5), place(-0.2, 0.0)], [5.0, 1.0]) == []
    assert swapped([BROWN], [5.0]) == []
    assert swapped([], []) == []
