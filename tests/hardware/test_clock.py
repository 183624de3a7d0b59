"""Time only moves on."""

import pytest

from hardware.clock import NS_PER_MS, SystemClock, VirtualClock


def test_the_system_clock_sleeps_at_least_as_long_as_asked() -> None:
    clock = SystemClock()
    due_ns = clock.now_ns() + 5 * NS_PER_MS
    clock.sleep_until_ns(due_ns)
    assert clock.now_ns() >= due_ns


def test_the_system_clock_does_not_wait_for_the_past() -> None:
    clock = SystemClock()
    clock.sleep_until_ns(0)
    assert clock.now_ns() > 0


def test_virtual_time_stands_still_until_moved() -> None:
    clock = VirtualClock(start_ns=5)
    assert clock.now_ns() == clock.now_ns() == 5
    clock.advance_ns(10)
    clock.sleep_until_ns(40)
    assert clock.now_ns() == 40


def test_virtual_time_never_goes_back() -> None:
    clock = VirtualClock(start_ns=100)
    clock.sleep_until_ns(50)
    assert clock.now_ns() == 100
    with pytest.raises(ValueError, match="back"):
        clock.advance_ns(-1)
