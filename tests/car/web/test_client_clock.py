"""A sample is as old as the browser says, whatever its clock and the network do, and never looks fresher than it is."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from car.web.client_clock import MAX_DOUBT_NS, SLACK_NS, WINDOW_NS, ClientClock
from hardware.clock import NS_PER_MS, NS_PER_S

START_NS = 5000 * NS_PER_S
OFFSET_NS = 4321 * NS_PER_S
PERIOD_NS = 25 * NS_PER_MS
PINGS_EVERY = 10


@dataclass
class Network:
    """Client, car and the ordered way between them; the client's clock runs by ``drift`` fast and starts anywhere."""

    drift: float = 0.0
    now_ns: int = START_NS

    def __post_init__(self) -> None:
        self.clock = ClientClock()
        self.arrived_ns = self.now_ns

    def client_ns(self, time_ns: int) -> int:
        return round((time_ns - START_NS) * (1 + self.drift)) + OFFSET_NS

    def arrival_ns(self, sent_ns: int, delay_ns: int) -> int:
        """When what is sent at ``sent_ns`` arrives: never before what was sent earlier, as in TCP."""
        self.arrived_ns = max(self.arrived_ns, sent_ns + delay_ns)
        return self.arrived_ns

    def ping(self, there_ns: int, back_ns: int) -> None:
        number = self.clock.ping(self.now_ns)
        answered_ns = self.now_ns + there_ns
        self.clock.pong(number, self.client_ns(answered_ns), self.arrival_ns(answered_ns, back_ns))

    def sample(self, delay_ns: int) -> tuple[int, int | None]:
        """Return when a sample of now arrives, and when the car takes it to be from."""
        arrived_ns = self.arrival_ns(self.now_ns, delay_ns)
        return arrived_ns, self.clock.sampled_ns(self.client_ns(self.now_ns), arrived_ns)

    def later(self, duration_ns: int) -> None:
        self.now_ns += duration_ns


def test_on_a_good_network_a_sample_is_from_when_it_was_taken_but_for_the_fastest_packets_way() -> None:
    network = Network()
    network.ping(3 * NS_PER_MS, 2 * NS_PER_MS)
    for delay_ms in (2, 30, 5, 80, 2):
        network.later(100 * NS_PER_MS)
        arrived_ns, sampled_ns = network.sample(delay_ms * NS_PER_MS)
        assert sampled_ns == network.now_ns + 2 * NS_PER_MS
        assert sampled_ns <= arrived_ns


def test_before_the_first_pong_nothing_counts_so_that_a_new_connection_makes_no_backlog_fresh() -> None:
    network = Network()
    network.clock.ping(network.now_ns)
    for _ in range(80):
        network.later(PERIOD_NS)
        assert network.sample(2 * NS_PER_S)[1] is None


def test_a_backlog_after_a_stall_is_as_old_as_it_is() -> None:
    network = Network()
    network.ping(NS_PER_MS, NS_PER_MS)
    stalled_until_ns = network.now_ns + 2 * NS_PER_S
    while network.now_ns < stalled_until_ns:
        network.later(PERIOD_NS)
        _, sampled_ns = network.sample(max(stalled_until_ns - network.now_ns, NS_PER_MS))
        assert sampled_ns is not None
        assert sampled_ns - network.now_ns <= NS_PER_MS


def test_a_network_that_is_always_late_is_no_network_to_drive_by() -> None:
    network = Network()
    late_ns = MAX_DOUBT_NS // 2 + NS_PER_MS
    for _ in range(20):
        network.ping(late_ns, late_ns)
        network.later(PERIOD_NS)
        assert network.sample(late_ns)[1] is None


def test_a_connection_whose_every_packet_is_older_than_the_window_counts_for_nothing_until_the_next_pong() -> None:
    network = Network()
    network.ping(NS_PER_MS, NS_PER_MS)
    network.later(WINDOW_NS + NS_PER_S)
    assert network.sample(NS_PER_MS)[1] is None
    network.ping(NS_PER_MS, NS_PER_MS)
    assert network.sample(NS_PER_MS)[1] is not None


def test_a_clock_that_was_set_counts_again_from_the_next_pong_on() -> None:
    for jump_ns in (-3600 * NS_PER_S, 3600 * NS_PER_S):
        clock = ClientClock()
        clock.pong(clock.ping(START_NS), OFFSET_NS, START_NS + NS_PER_MS)
        later_ns, client_ns = START_NS + NS_PER_S, OFFSET_NS + NS_PER_S + jump_ns
        before = clock.sampled_ns(client_ns, later_ns)
        assert before is None or before < later_ns - 1000 * NS_PER_S
        clock.pong(clock.ping(later_ns), client_ns, later_ns + NS_PER_MS)
        clock.pong(clock.ping(later_ns + NS_PER_MS), client_ns + NS_PER_MS, later_ns + 2 * NS_PER_MS)
        sampled_ns = clock.sampled_ns(client_ns + NS_PER_S, later_ns + NS_PER_S)
        assert sampled_ns is not None
        assert 0 <= later_ns + NS_PER_S - sampled_ns <= 2 * NS_PER_MS


def test_pongs_that_nobody_asked_for_or_that_come_twice_say_nothing() -> None:
    clock = ClientClock()
    clock.pong(7, OFFSET_NS, START_NS)
    assert clock.sampled_ns(OFFSET_NS, START_NS) is None
    number = clock.ping(START_NS)
    clock.pong(number, OFFSET_NS, START_NS + NS_PER_MS)
    assert clock.round_trip_ns == NS_PER_MS
    clock.pong(number, OFFSET_NS, START_NS + NS_PER_S)
    assert clock.round_trip_ns == NS_PER_MS


delays = st.one_of(st.integers(0, 30 * NS_PER_MS), st.integers(0, 3 * NS_PER_S), st.just(NS_PER_MS))


@given(
    drift=st.floats(-2e-4, 2e-4),
    steps=st.lists(st.tuples(delays, delays, st.integers(1, 12)), min_size=1, max_size=80),
)
def test_no_sample_is_ever_older_than_it_is_taken_for_by_more_than_the_doubt(
    drift: float, steps: list[tuple[int, int, int]]
) -> None:
    network = Network(drift)
    for number, (there_ns, back_ns, pause) in enumerate(steps):
        if number % PINGS_EVERY == 0:
            network.ping(there_ns, back_ns)
        network.later(pause * PERIOD_NS)
        arrived_ns, sampled_ns = network.sample(back_ns)
        if sampled_ns is not None:
            assert sampled_ns <= arrived_ns
            assert sampled_ns - network.now_ns <= MAX_DOUBT_NS + SLACK_NS


@given(drift=st.floats(-2e-4, 2e-4), jitter=st.lists(st.integers(0, 20 * NS_PER_MS), min_size=100, max_size=300))
def test_a_drifting_clock_on_a_good_network_never_locks_its_driver_out(drift: float, jitter: list[int]) -> None:
    network = Network(drift)
    for delay_ns in jitter:
        network.ping(NS_PER_MS, delay_ns)
        network.later(NS_PER_S)
        _, sampled_ns = network.sample(delay_ns)
        assert sampled_ns is not None
        assert abs(sampled_ns - network.now_ns) <= 20 * NS_PER_MS + SLACK_NS


def known_clock() -> ClientClock:
    """Return a clock whose both bounds are the same: the network took no time."""
    clock = ClientClock()
    clock.pong(clock.ping(START_NS), OFFSET_NS, START_NS)
    return clock


@pytest.mark.parametrize("ahead_ns", [0, 1, 20 * NS_PER_MS])
def test_bounds_that_cross_by_no_more_than_clocks_drift_and_browsers_round_are_taken_as_they_are(ahead_ns: int) -> None:
    clock = known_clock()
    assert clock.sampled_ns(OFFSET_NS + NS_PER_S + ahead_ns, START_NS + NS_PER_S) == START_NS + NS_PER_S


@pytest.mark.parametrize("ahead_ns", [20 * NS_PER_MS + 1, 50 * NS_PER_MS, 500 * NS_PER_MS, 3600 * NS_PER_S])
def test_a_clock_that_was_set_ahead_by_more_than_that_counts_for_nothing_until_the_next_pong(ahead_ns: int) -> None:
    clock = known_clock()
    later_ns, client_ns = START_NS + NS_PER_S, OFFSET_NS + NS_PER_S + ahead_ns
    assert clock.sampled_ns(client_ns, later_ns) is None
    clock.pong(clock.ping(later_ns), client_ns, later_ns)
    assert clock.sampled_ns(client_ns, later_ns) == later_ns


@pytest.mark.parametrize(("doubt_ns", "is_known"), [(200 * NS_PER_MS, True), (200 * NS_PER_MS + 1, False)])
def test_a_clock_is_known_while_its_bounds_are_no_further_apart_than_the_doubt_that_is_left_to_the_car(
    doubt_ns: int, is_known: bool
) -> None:
    clock = ClientClock()
    clock.pong(clock.ping(START_NS), OFFSET_NS, START_NS + doubt_ns)
    assert (clock.sampled_ns(OFFSET_NS, START_NS + doubt_ns) is not None) == is_known


@pytest.mark.parametrize(("age_ns", "is_known"), [(10 * NS_PER_S, True), (10 * NS_PER_S + 1, False)])
def test_a_bound_counts_for_ten_seconds(age_ns: int, is_known: bool) -> None:
    clock = known_clock()
    assert (clock.sampled_ns(OFFSET_NS + age_ns, START_NS + age_ns) is not None) == is_known


def test_the_newest_sixteen_pings_may_be_answered() -> None:
    clock = ClientClock()
    numbers = [clock.ping(START_NS + number) for number in range(17)]
    assert numbers == list(range(1, 18))
    clock.pong(numbers[0], OFFSET_NS, START_NS + NS_PER_S)
    assert clock.round_trip_ns is None
    clock.pong(numbers[1], OFFSET_NS, START_NS + NS_PER_S)
    assert clock.round_trip_ns == NS_PER_S - 1


def test_the_packet_by_which_a_set_clock_is_seen_counts_already() -> None:
    clock = known_clock()
    client_ns = OFFSET_NS + 3600 * NS_PER_S
    assert clock.sampled_ns(client_ns, START_NS) is None
    # Its way took no time; that of the pong takes 100 ms.
    clock.pong(clock.ping(START_NS), client_ns, START_NS + 100 * NS_PER_MS)
    assert clock.sampled_ns(client_ns, START_NS + 100 * NS_PER_MS) == START_NS


def test_when_the_fastest_packet_is_too_long_ago_the_fastest_of_the_others_counts() -> None:
    clock = known_clock()
    for after_ms, delay_ms in ((2000, 90), (3000, 40)):
        sent_ns = after_ms * NS_PER_MS
        clock.sampled_ns(OFFSET_NS + sent_ns, START_NS + sent_ns + delay_ms * NS_PER_MS)
    later_ns = WINDOW_NS + NS_PER_S
    clock.pong(clock.ping(START_NS + later_ns), OFFSET_NS + later_ns, START_NS + later_ns + 60 * NS_PER_MS)
    sampled_ns = clock.sampled_ns(OFFSET_NS + later_ns, START_NS + later_ns + 60 * NS_PER_MS)
    assert sampled_ns == START_NS + later_ns + 40 * NS_PER_MS
