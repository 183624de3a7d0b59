"""Every fault on the virtual clock: each promise is held, and a promise that is broken is seen to be."""

from pathlib import Path

import pytest

from car.config.sections import CarConfig, GateSection
from car.faults.menu import InjectedFault, TrialClock, fault_named
from car.faults.outcome import Outcome
from car.faults.trials import faults_named
from car.faults.virtual import SharedClock, run_virtual
from car.gate import Limits
from car.kinds.pilot import SHIPPED_PILOT
from car.pilots.find import find_model
from car.pilots.loading import open_pilot
from car.processes import watchdog
from car.speed import plausible, wheels
from hardware.clock import NS_PER_S

CONFIG = CarConfig()


def outcome_of(fault: InjectedFault) -> Outcome:
    pilot, _ = open_pilot(find_model(SHIPPED_PILOT, Path()), CONFIG.camera.geometry)
    with pilot:
        return run_virtual(fault, CONFIG, pilot)


@pytest.mark.parametrize("fault", faults_named("all", [TrialClock.VIRTUAL]), ids=lambda fault: str(fault.name))
def test_the_promise_is_held(fault: InjectedFault) -> None:
    outcome = outcome_of(fault)
    assert outcome.held, outcome


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("camera-frozen", Limits(frame_fresh_ns=NS_PER_S // 4)),
        ("camera-dead", Limits(frame_fresh_ns=NS_PER_S // 4)),
        ("frames-late", Limits(frame_fresh_ns=NS_PER_S // 2)),
        ("pilot-nan", Limits(pilot_valid_ns=NS_PER_S // 2)),
        ("range-dead", Limits(range_silence_ns=NS_PER_S // 2)),
        ("link-lost", Limits(driver_valid_ns=NS_PER_S // 2)),
        ("link-burst", Limits(driver_valid_ns=3 * NS_PER_S)),
    ],
)
def test_a_limit_that_is_lengthened_breaks_a_promise(
    name: str, limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GateSection, "limits", limits)
    assert not outcome_of(fault_named(name)).held


@pytest.mark.parametrize("name", ["encoder-dead", "encoder-cut"])
def test_an_encoder_that_may_be_silent_for_longer_breaks_its_promise(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheels, "SILENCE_NS", NS_PER_S // 2)
    monkeypatch.setattr(plausible, "SILENT_NS", NS_PER_S // 2)
    assert not outcome_of(fault_named(name)).held


@pytest.mark.parametrize("name", ["pilot-blocks", "loop-stalled"])
def test_without_a_watchdog_a_stalled_loop_breaks_its_promise(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "STALL_NS", 3600 * NS_PER_S)
    assert not outcome_of(fault_named(name)).held


def test_others_act_while_one_waits_each_at_its_time() -> None:
    clock = SharedClock(0)
    seen: list[tuple[str, int]] = []
    clock.call_at(10, lambda: seen.append(("every", clock.now_ns())), every_ns=10)
    clock.call_at(15, lambda: seen.append(("once", clock.now_ns())))
    clock.sleep_until_ns(35)
    assert seen == [("every", 10), ("once", 15), ("every", 20), ("every", 30)]
    assert clock.now_ns() == 35
