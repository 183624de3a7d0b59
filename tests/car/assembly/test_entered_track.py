from __future__ import annotations

from pathlib import Path

import pytest

from car.assembly.entered_track import EnteredTrack
from car.config.sections import CarConfig, SimulatorSection
from simulator.track import make_track
from simulator.track_file import write_track


def test_a_file_that_was_changed_is_read_anew_when_the_car_is_carried_to_it_again(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    write_track(make_track("oval"), path)
    entries = [1]
    entered = EnteredTrack(CarConfig(), lambda: str(path), lambda: entries[0])
    assert entered.has_changed()
    path.unlink()
    write_track(make_track("hairpin"), path)
    assert not entered.has_changed()
    assert entered.track is not None
    assert entered.track.length_m == pytest.approx(make_track("oval").length_m, abs=0.1)
    entries[0] = 2
    assert entered.has_changed()
    assert entered.track.length_m == pytest.approx(make_track("hairpin").length_m, abs=0.1)


def test_a_track_that_is_gone_is_none_but_the_cars_own_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    write_track(make_track("oval"), path)
    names = [str(path)]
    entered = EnteredTrack(CarConfig(simulator=SimulatorSection(track=str(path))), lambda: names[0])
    path.unlink()
    assert entered.has_changed()
    assert entered.track is not None
    names[0] = str(tmp_path / "other.json")
    assert entered.has_changed()
    assert entered.track is None
