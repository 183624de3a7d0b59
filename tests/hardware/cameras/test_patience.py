"""A frame that cannot be read is missing; several, or none for long, are the end of a camera."""

from hardware.cameras.patience import MOST_FAILURES, SILENCE_MS, Patience
from hardware.clock import NS_PER_MS, NS_PER_S, VirtualClock


def test_a_failure_is_forgiven_as_long_as_frames_come_in_between() -> None:
    clock = VirtualClock()
    patience = Patience(clock)
    for _ in range(100):
        clock.advance_ns(33 * NS_PER_MS)
        assert not patience.fails()
        clock.advance_ns(33 * NS_PER_MS)
        patience.succeed()


def test_several_failures_in_a_row_are_the_end() -> None:
    patience = Patience(VirtualClock())
    assert [patience.fails() for _ in range(MOST_FAILURES)] == [False] * (MOST_FAILURES - 1) + [True]


def test_few_failures_are_the_end_when_they_take_as_long_as_nobody_may_wait() -> None:
    clock = VirtualClock()
    patience = Patience(clock)
    patience.succeed()
    assert not patience.fails()
    clock.advance_ns(round((SILENCE_MS - 1) * NS_PER_MS))
    assert not patience.fails()
    clock.advance_ns(NS_PER_MS)
    assert patience.fails()


def test_one_failure_after_a_pause_of_the_machine_is_forgiven() -> None:
    clock = VirtualClock()
    patience = Patience(clock)
    patience.succeed()
    clock.advance_ns(NS_PER_S)
    assert not patience.fails()
