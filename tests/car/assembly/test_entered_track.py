from __future__ import annotations

from pathlib import Path

import pytest

from car.assembly.devices import open_devices
from car.assembly.entered_track import EnteredTrack
from car.config.sections import CarConfig, SimulatorSection
from hardware.clock import VirtualClock
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


def test_the_cars_own_track_is_as_it_began_until_the_car_is_carried_to_its_start_and_then_read_anew(
    tmp_path: Path,
) -> None:
    path = tmp_path / "own.json"
    write_track(make_track("oval"), path)
    entries = [0]
    config = CarConfig(simulator=SimulatorSection(track=str(path)))
    entered = EnteredTrack(config, lambda: str(path), lambda: entries[0])
    devices = open_devices(config, VirtualClock())
    assert devices.enter_track is not None
    assert devices.pose is not None
    for number, name in enumerate(("oval", "hairpin", "bean", None)):
        path.unlink(missing_ok=True)
        if name is not None:
            write_track(make_track(name), path)
        entries[0] = number
        assert entered.has_changed()
        assert entered.track is not None
        if number:
            devices.enter_track(str(path))
        # Once its file is gone, it is what it was last.
        expected = make_track(name or "bean")
        assert entered.track.length_m == pytest.approx(expected.length_m, abs=0.1)
        assert devices.pose() == entered.track.pose_at(0.0)
    devices.close()
