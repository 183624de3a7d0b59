"""The steering's sign comes out right on real and on simulated drives, and on mirrored and negated ones of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from car.config.sections import CarConfig
from car.sessions.tub.importer import import_tub
from tests.training.report.scenes import mirrored, negated, with_swapped_channels
from training.dataset import Recording, load_recording
from training.demonstrations import record_demonstrations
from training.report.figures import figures_of
from training.report.findings import find
from training.report.report import make_report

TUBS = ("data_26_1356_small_camera", "data_250530_tall_camera_first", "data_25_1914_small_camera_final_reverse")


@pytest.fixture(scope="module")
def arena_sessions(arena_tubs: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the sessions of the real drives."""
    folder = tmp_path_factory.mktemp("sessions")
    return [import_tub(arena_tubs / name, folder / f"{name}.mcap").path for name in TUBS]


def assert_the_sign_is_right(recording: Recording, earliest_ms: int, latest_ms: int) -> None:
    for drive in (recording, negated(mirrored(recording))):
        delay = figures_of(drive).delay
        assert delay is not None
        assert delay.is_sure
        assert not delay.is_reversed
        assert earliest_ms <= delay.lag_ms <= latest_ms
    for spoilt in (mirrored(recording), negated(recording)):
        delay = figures_of(spoilt).delay
        assert delay is not None
        assert delay.is_reversed


@pytest.mark.parametrize("index", range(len(TUBS)))
def test_the_sign_comes_out_right_on_a_real_drive(arena_sessions: list[Path], index: int) -> None:
    whole = load_recording(arena_sessions[index])
    # The scene was measured by hand to answer 4 frames later, from capture to capture: 200 ms at most.
    minute = slice(500, 1700)
    recording = replace(
        whole, images=whole.images[minute], labels=whole.labels[minute], captured_ns=whole.captured_ns[minute]
    )
    assert_the_sign_is_right(recording, 100, 220)


def test_the_sign_comes_out_right_on_simulated_drives(tmp_path: Path) -> None:
    paths, _ = record_demonstrations(CarConfig(), tmp_path, minutes=0.6, seed=5, progress=lambda _: None)
    for path in paths:
        assert_the_sign_is_right(load_recording(path), 0, 320)


def test_what_is_known_of_the_real_drives_is_reported(arena_sessions: list[Path]) -> None:
    report = make_report(arena_sessions)
    found = {finding.kind: finding for finding in report.findings}
    assert "551 images missing" in found["defects"].sentence
    assert found["keyed"].sessions == TUBS
    # They are driven both ways round, steered the right way, and bright and sharp enough.
    assert found.keys() == {"gaps", "keyed", "defects"}
    assert report.frames == 13425


def test_a_part_of_a_real_drive_with_swapped_channels_is_told_by_the_rest(arena_sessions: list[Path]) -> None:
    whole = load_recording(arena_sessions[0])
    half = len(whole.images) // 2
    parts = [
        replace(
            whole, name=name, images=whole.images[part], labels=whole.labels[part], captured_ns=whole.captured_ns[part]
        )
        for name, part in (("first", slice(half, None)), ("second", slice(0, half - 400)))
    ]
    swapped = with_swapped_channels(parts[1])
    for second, kinds in ((swapped, ["swapped_channels"]), (parts[1], [])):
        found = find([figures_of(parts[0]), figures_of(second)])
        assert [finding.kind for finding in found if finding.kind == "swapped_channels"] == kinds
